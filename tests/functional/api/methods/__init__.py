"""Tests of :mod:`bitween.api.methods`."""
