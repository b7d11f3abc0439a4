"""Tests of :mod:`bitween.app`."""
