"""Tests of :mod:`bitween.xmpp.streams.streams`."""
