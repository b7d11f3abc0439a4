"""Tests of :mod:`bitween.testing`."""
