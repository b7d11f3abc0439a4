"""Tests of :mod:`bitween.xmpp`."""
