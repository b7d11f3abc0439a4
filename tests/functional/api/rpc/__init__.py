"""Tests of :mod:`bitween.api.rpc`."""
