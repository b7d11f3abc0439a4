"""Tests of :mod:`bitween.api.events`."""
