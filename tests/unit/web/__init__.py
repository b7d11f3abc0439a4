"""Tests of :mod:`bitween.web`."""
