"""Tests of :mod:`bitween.files.uploads`."""
