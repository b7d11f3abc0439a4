"""Tests of :mod:`bitween.messages`."""
