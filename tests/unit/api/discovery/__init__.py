"""Tests of :mod:`bitween.api.discovery`."""
