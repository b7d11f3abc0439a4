"""Tests of :mod:`bitween.bittorrent.engine`."""
