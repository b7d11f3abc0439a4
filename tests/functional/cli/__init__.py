"""Tests of :mod:`bitween.cli`."""
