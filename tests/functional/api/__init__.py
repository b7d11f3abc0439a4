"""Tests of :mod:`bitween.api`."""
