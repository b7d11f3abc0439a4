"""Tests of :mod:`bitween.bittorrent.torrents`."""
