"""Tests of :mod:`bitween.xmpp.roster`."""
