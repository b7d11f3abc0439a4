"""Tests of :mod:`bitween.xmpp.extensions`."""
