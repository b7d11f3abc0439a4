"""Tests of :mod:`bitween.connect`."""
