"""Tests of :mod:`bitween.api.files`."""
