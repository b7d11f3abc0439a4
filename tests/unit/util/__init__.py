"""Tests of :mod:`bitween.util`."""
