"""Tests of :mod:`bitween.xmpp.shares`."""
