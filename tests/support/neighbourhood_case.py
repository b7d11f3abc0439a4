"""Daemons on hosts of a neighbourhood, and the routes by which they reach each other."""

from __future__ import annotations

import os
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest

from tests.support.harness import IntegrationTestCase, until
from tests.support.lab.daemon import LabDaemon
from tests.support.lab.neighbourhood import Neighbourhood
from tests.support.lab.network import Lab, NoLab
from tests.support.swarms import read, write

#: Bytes of a file that is shared.
SIZE = 3_000_000


class NeighbourhoodCase(IntegrationTestCase):
    """
    Daemons on hosts of a neighbourhood.

    :cvar hosts: their names.
    """

    hosts: ClassVar[frozenset[str]]
    _count = 0

    async def begin(self) -> None:
        """Start them all, as contacts of each other."""
        # Prosody's user has to get at what it writes.
        os.chmod(self.directory, 0o755)
        try:
            self.here = Neighbourhood(Lab(), self.hosts, self.pool, self.directory)
            self.here.__enter__()
        except NoLab as why:
            raise SkipTest(str(why)) from None
        self.addCleanup(self.here.__exit__)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.here.end()))
        self._daemons.extend(self.here.daemons.values())
        await self.here.begin()

    async def assert_way(self, giver: str, getter: str, rung: str, because: str = "") -> None:
        """
        Wait until one daemon reaches another by a kind of route, for a reason.

        A daemon that has just started may not have announced its reflexive address, and contacts
        reach it less well until they know that.
        """
        await until(
            lambda: self._way(giver, getter),
            lambda way: way["reach"] == rung and because in (way["reason"] or ""),
        )

    async def _way(self, giver: str, getter: str) -> Any:
        """Have one get a new file from another; how that one was reached."""
        from_, to = self.here.daemons[giver], self.here.daemons[getter]
        self._count += 1
        path = os.path.join(self.directory, f"shared-{self._count}")
        content = os.urandom(SIZE)
        write(path, content)
        info_hash = await from_.share(path)
        await to.finds(info_hash)
        got = await to.download(info_hash)
        self.assertEqual(read(got), content)
        return await _reached(to, from_)


async def _reached(getter: LabDaemon, giver: LabDaemon) -> Any:
    contacts = (await getter.call("xmpp.get_contacts"))["contacts"]
    (resource,) = next(c for c in contacts if c["jid"] == giver.jid)["resources"]
    return resource["way"]
