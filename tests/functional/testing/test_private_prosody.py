"""Which Prosody is run privately."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import ConfigurationError
from bitween.testing.private_prosody import find_prosody


class FindProsodyTests(SynchronousTestCase):
    """Which Prosody is taken."""

    def unpack(self) -> tuple[str, str]:
        """Lay out what unpacked packages look like; the cache directory and their root."""
        cache = os.path.abspath(self.mktemp())
        root = os.path.join(cache, "bitween/prosody/tree")
        os.makedirs(f"{root}/usr/bin")
        os.makedirs(f"{root}/usr/lib/x86_64-linux-gnu")
        with open(f"{root}/usr/bin/prosody", "w", encoding="utf-8") as script:
            script.write("#!/usr/bin/env lua5.4\n")
        return cache, root

    def test_unpacked(self) -> None:
        """An unpacked one is run by the Lua beside it, which looks there for libraries first."""
        cache, root = self.unpack()
        with open(f"{root}/usr/bin/lua5.4", "wb"):
            pass
        found = find_prosody({"XDG_CACHE_HOME": cache}, search_path="")
        self.assertEqual(found.command, (f"{root}/usr/bin/lua5.4", f"{root}/usr/bin/prosody"))
        first, _, others = found.environment["LUA_CPATH"].partition(";")
        self.assertEqual(first, f"{root}/usr/lib/x86_64-linux-gnu/lua/5.4/?.so")
        self.assertIn(";;", others)

    def test_unpacked_beside_an_installed_lua(self) -> None:
        """Where Lua was installed already, and so was not unpacked, that one runs it."""
        cache, root = self.unpack()
        found = find_prosody({"XDG_CACHE_HOME": cache}, search_path="")
        self.assertEqual(found.command, ("lua5.4", f"{root}/usr/bin/prosody"))

    def test_none(self) -> None:
        """Where there is none, the error says what to install."""
        with self.assertRaises(ConfigurationError) as caught:
            find_prosody({"XDG_CACHE_HOME": self.mktemp()}, search_path="")
        self.assertIn("apt-get install prosody", caught.exception.hint)
