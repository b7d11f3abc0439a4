"""Tests of :mod:`bitween.files.deletion`."""
