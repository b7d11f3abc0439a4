"""Helpers that know Twisted but not bitween."""
