"""Tests of :mod:`bitween.network`."""
