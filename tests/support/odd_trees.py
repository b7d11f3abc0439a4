"""Trees of files with names as odd as a Linux disk takes them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bitween.bittorrent.swarm import Swarm
from bitween.errors import BadPath, EmptyFolder
from bitween.files.hashing.folder_walk import list_files
from tests.support.metainfo import metainfo
from tests.support.swarms import SwarmCase

#: A tree: the bytes of each file, by its path.
Tree = Mapping[bytes, bytes]

_LONGEST = 255
_CLEAN = re.compile(r"[^\ud800-\udfff]*")
# Names that some programs or disks change, shorten, refuse or take for each other.
_TRICKY = (
    *("README.txt", "readme.txt", "ReadMe.TXT", "README.1.txt", "README (2).txt", "Docs", "docs"),
    *("\u00fc", "u\u0308", "\u212b", "\u00c5", "A\u030a", "stra\u00dfe", "strasse", "STRASSE"),
    *("dot.", "dot", "space ", "space", " lead", "...", ". .", "~", "-rf", "*", "?", "a:b", "a|b"),
    *("back\\slash", "\\", "C:\\x", "..\\..\\up", "CON", "nul.txt", "COM1", "aux", "Thumbs.db"),
    *(
        "line\nbreak",
        "tab\t",
        "\x1b[2J",
        "\x7f",
        "\x85",
        "\u2028",
        "\u202egpj.exe",
        "\u200b",
        "\ufeff",
    ),
    *("\ufffd", "\ue000", "\ud7ff", "\U0001f600", "\U0010ffff", "\u0378", "a\u200db", "%2e%2e%2f"),
    *(".hidden", "..x", ".bitween-x", ".pad", "_____padding_file_7", "x.parts", "x.!ut", "_", "__"),
    *("n" * _LONGEST, "\u00fc" * 127 + "x", "\U0001f600" * 63, "." + "y" * 254, "x." + "y" * 253),
    *("N" * _LONGEST, "e" * 240, "e" * 241, "e" * 240 + ".tar.gz"),
)


_components = st.one_of(
    st.sampled_from([name.encode() for name in _TRICKY]),
    st.text(
        st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20
    ).map(str.encode),
    st.binary(min_size=1, max_size=8).map(
        lambda name: name.replace(b"/", b"_").replace(b"\0", b"_")
    ),
).filter(lambda name: name not in (b".", b".."))

_paths = st.lists(_components, min_size=1, max_size=4).map(b"/".join)

#: A folder's name, and the files below it.
_folders = st.tuples(
    _components, st.dictionaries(_paths, st.binary(max_size=40), min_size=1, max_size=8)
)


def put(folder: bytes, tree: Tree) -> None:
    """Write a tree; a file whose place is taken by a folder, or the other way round, is not."""
    for path, content in tree.items():
        target = os.path.join(folder, path)
        try:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "xb") as file:
                file.write(content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue


def taken_from(folder: bytes) -> Tree:
    """The tree below a folder."""
    found = {}
    for above, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(above, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


class OddTreesCase(SwarmCase):
    """Shares trees with one swarm, and fetches them with another."""

    async def try_trees(self, count: int, *, derandomize: bool = True) -> None:
        """
        Have trees fetched, and compare.

        :param derandomize: whether to draw the same ones in each run.
        """
        drawn: list[tuple[bytes, Tree]] = []

        @settings(
            max_examples=count,
            derandomize=derandomize,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(_folders)
        def draw(folder: tuple[bytes, Tree]) -> None:
            drawn.append(folder)

        draw()
        alice, bob = await self.start(), await self.start()
        for name, tree in drawn:
            above = os.fsencode(self.folder())
            folder = os.path.join(above, name)
            os.mkdir(folder)
            put(folder, tree)
            try:
                await self._try_tree(alice, bob, os.fsdecode(folder))
            except Exception as error:
                error.add_note(f"the tree was {(name, tree)!r}")
                raise

    async def _try_tree(self, alice: Swarm, bob: Swarm, folder: str) -> None:
        try:
            listing = list_files(folder)
        except (BadPath, EmptyFolder) as error:
            self.assertTrue(_CLEAN.fullmatch(str(error)), ascii(error))
            return
        shared = {"/".join(file.parts): file.path for file in listing.files}
        for entry in listing.left_out.entries:
            self.assertTrue(_CLEAN.fullmatch(entry.path), ascii(entry.path))
        on_disk = taken_from(os.fsencode(folder))
        self.assertLessEqual(len(on_disk) - len(shared), listing.left_out.total)
        self.assertLessEqual({os.fsencode(path) for path in shared}, on_disk.keys())
        info = metainfo(folder)
        info_hash = (await alice.share(info, os.path.dirname(folder))).info_hash
        torrent = await self.fetch(bob, info_hash, alice)
        self.assertEqual(alice.library.get(info_hash).error, "")
        assert torrent.files is not None
        originals = {
            os.fsencode(os.path.join(torrent.save_path, file.path)): file.original
            or file.path.partition("/")[2]
            for file in torrent.files
        }
        arrived = {
            originals[os.path.join(os.fsencode(torrent.save_path), path)].encode(): content
            for path, content in taken_from(os.fsencode(torrent.save_path)).items()
        }
        self.assertEqual(arrived, {path.encode(): on_disk[path.encode()] for path in shared})
        await bob.remove(info_hash, delete_data=True)
        self.assertEqual(os.listdir(torrent.save_path), [])
        await alice.remove(info_hash, delete_data=False)
