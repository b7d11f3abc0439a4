"""Tests of :mod:`bitween.api.http`."""
