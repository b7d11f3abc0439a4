"""Tests of :mod:`bitween.bittorrent`."""
