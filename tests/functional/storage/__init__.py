"""Tests of :mod:`bitween.storage`."""
