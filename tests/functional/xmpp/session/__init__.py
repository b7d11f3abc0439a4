"""Tests of :mod:`bitween.xmpp.session`."""
