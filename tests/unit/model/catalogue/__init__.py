"""Tests of :mod:`bitween.model.catalogue.catalogue`."""
