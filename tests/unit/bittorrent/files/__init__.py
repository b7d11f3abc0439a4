"""Tests of :mod:`bitween.bittorrent.files`."""
