"""Tests of :mod:`bitween.files`."""
