"""Sphinx's configuration."""

from __future__ import annotations

from bitween import __version__

project = "bitween"
author = copyright = "the bitween developers"  # noqa: A001  # Sphinx's name for it
version = release = __version__
extensions: list[str] = []
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_show_sourcelink = False
