"""Tests of :mod:`bitween.api.metrics.metrics`."""
