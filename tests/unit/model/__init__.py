"""Tests of :mod:`bitween.model`."""
