"""Who may import whom: the house of the design, held by reading the imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import bitween

ROOT = Path(bitween.__file__).parent

# What each part may import of bitween; a part may always import itself.
ALLOWED = {
    "errors": set(),
    "observable": set(),
    "rendezvous": {"errors"},
    "credentials": {"errors"},
    "state_dir": {"errors"},
    "model": {"errors"},
    "settings": {"errors", "model"},
    "jobs": {"errors", "model", "observable"},
    "slices": set(),
    "folders": {"errors", "model", "slices"},
    "own_code": set(),
    "uploads": {"errors", "model", "own_code"},
    "housekeeping": set(),
    "forward_clock": set(),
    "signals": set(),
    "collector": set(),
    "log_filter": set(),
    "journal": {"model", "observable"},
    "catalogue_store": {"errors", "model", "state_dir"},  # of that, how private files are made
    "host_names": set(),
    "xmpp": {"errors", "host_names", "model", "observable", "own_code"},
    "deletion": {"errors", "model", "own_code", "slices"},
    "bittorrent": {
        "deletion",
        "errors",
        "housekeeping",
        "model",
        "observable",
        "own_code",
        "slices",
        "state_dir",  # how private files are made
    },
    "reach": {"errors", "host_names", "model", "observable"},
    "admission": {"model"},
    "control": {"errors", "model"},
    "reading": {"errors", "model"},
    "traffic": {"errors", "model"},
    "answering": {"errors", "model"},
    # of reach, what opens no socket
    "meeting": {"answering", "errors", "model", "observable", "reach"},
    "rates": {"model", "observable"},
    "diagnosis": {"model"},
    "paths": {"errors", "model"},
    "share_guard": {"errors", "model"},
    "ports": {
        "model",
        "observable",
        "jobs",
        "admission",
        "control",
        "meeting",
        "reading",
        "traffic",
    },
    "application": {
        "errors",
        "model",
        "observable",
        "forward_clock",
        "jobs",
        "slices",
        "paths",
        "share_guard",
        "ports",
        "admission",
        "control",
        "meeting",
        "reading",
        "traffic",
        "rates",
        "diagnosis",
    },
    "chat": {"errors", "model", "application"},
    "api": {
        "errors",
        "model",
        "observable",
        "jobs",
        "control",
        "reading",
        "application",
        "rendezvous",
        "slices",
        "folders",
        "uploads",
    },
    "web": {"api"},
    "cli": {"errors", "settings", "rendezvous", "model"},  # of the model, only how text looks
}


def imports(path: Path) -> Iterator[str]:
    """The first part below ``bitween`` of every import in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "bitween":
            names = [f"bitween.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        yield from (name.split(".")[1] for name in names if name.startswith("bitween."))


def modules() -> Iterator[tuple[str, Path]]:
    """Every module, with the part of the house that it belongs to."""
    for path in ROOT.rglob("*.py"):
        part = path.relative_to(ROOT).parts[0].removesuffix(".py")
        yield part, path


class HouseTests(SynchronousTestCase):
    """The rule of the design."""

    def test_every_part_keeps_to_what_it_may_import(self) -> None:
        """No part imports another one that the design does not grant it."""
        wrong = [
            f"{path.relative_to(ROOT)} imports bitween.{name}"
            for part, path in modules()
            if part not in {"tap", "__init__"}
            for name in imports(path)
            if name not in ALLOWED[part] | {part, "__version__"}
        ]
        self.assertEqual(wrong, [])

    def test_libtorrent_is_imported_in_one_place(self) -> None:
        """Only ``bittorrent/_libtorrent.py`` says ``import libtorrent``."""
        places = [
            path.name
            for _, path in modules()
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Import)
            and any(alias.name.split(".")[0] == "libtorrent" for alias in node.names)
        ]
        self.assertEqual(places, ["_libtorrent.py"])

    def test_wokkel_stays_in_xmpp(self) -> None:
        """Nothing outside ``xmpp/`` knows wokkel."""
        wrong = [
            str(path.relative_to(ROOT))
            for part, path in modules()
            if part != "xmpp"
            and "wokkel" in path.read_text(encoding="utf-8").replace("`wokkel", "")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom | ast.Import) and "wokkel" in ast.unparse(node)
        ]
        self.assertEqual(wrong, [])
