"""Tests of :mod:`bitween.api.results`."""
