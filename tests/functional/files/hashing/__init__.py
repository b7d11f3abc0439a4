"""Tests of :mod:`bitween.files.hashing`."""
