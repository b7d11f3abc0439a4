"""Sphinx's configuration."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

from bitween import __version__

project = "bitween"
author = copyright = "the bitween developers"  # noqa: A001  # Sphinx's name for it
version = release = __version__
extensions: list[str] = []
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_show_sourcelink = False


def _images_of_readme(app: Sphinx, path: Path, parent: str, content: list[str]) -> None:  # noqa: ARG001  # as Sphinx calls it
    """Have ``README.rst``, which the first page includes, find its pictures from here."""
    if path.name == "README.rst":
        content[:] = [text.replace(".. image:: docs/", ".. image:: ") for text in content]


def setup(app: Sphinx) -> None:
    """Listen to what is included."""
    app.connect("include-read", _images_of_readme)
