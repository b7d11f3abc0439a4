"""The programs in the benchmark of transfers that encrypt what they send, as bitween does."""

from __future__ import annotations

import os
import shutil
from typing import Any

from benchmarks.content import Content
from benchmarks.programs import Program, find, free_port
from benchmarks.ssh_server import SshServer
from benchmarks.syncthing_device import Device
from benchmarks.way import Way


class Syncthing(Way):
    """Two Syncthings; the clock runs from the call that has the receiving one connect."""

    name = "Syncthing"
    _receiving: Program

    def __init__(self, reactor: Any, content: Content, directory: str) -> None:
        super().__init__(reactor, content, directory)
        program = find("syncthing")
        self._giver = Device(reactor, program, os.path.join(directory, "giver"))
        self._taker = Device(reactor, program, os.path.join(directory, "taker"))

    async def offer(self) -> None:
        """Scan it, which this does before anything else."""
        folder = os.path.join(self._directory, "shared")
        _link(self._content, os.path.join(folder, self._content.name))
        self._giver.configure(self._taker.as_neighbour, folder, gives=True)
        await self._start(self._giver)
        while not await self._giver.is_idle(self._content.size):
            await self._giver.next_change(0)

    async def prepare(self) -> None:
        """Have a receiver that knows nothing of the folder yet."""
        self._taker.configure(self._giver.as_neighbour, self.into, gives=False)
        self._receiving = await self._start(self._taker)
        while not await self._taker.is_idle(0):
            await self._taker.next_change(0)

    async def fetch(self) -> None:
        """Connect, and receive until nothing is missing."""
        seen = await self._taker.next_change(0)
        await self._taker.connect(self._giver.as_neighbour)
        while not await self._taker.is_idle(self._content.size):
            seen = await self._taker.next_change(seen)

    async def tidy(self) -> None:
        """End the receiver."""
        await self._receiving.stop()

    async def _start(self, device: Device) -> Program:
        program = self._run(*device.command)
        await program.says("GUI and API listening")
        return program


class RsyncOverSsh(Way):
    """rsync, which starts its other side by ssh."""

    name = "rsync over ssh"

    def __init__(self, reactor: Any, content: Content, directory: str) -> None:
        super().__init__(reactor, content, directory)
        self._rsync, self._ssh = find("rsync"), find("ssh")
        self._server = SshServer(directory)

    async def offer(self) -> None:
        """Start the server."""
        await self._run(*self._server.command).says("Server listening")

    async def fetch(self) -> None:
        """Copy it."""
        shell = " ".join([self._ssh, *self._server.options])
        source = f"{self._server.destination}:{self._content.path}"
        copying = self._run(self._rsync, "--archive", f"--rsh={shell}", source, f"{self.into}/")
        await copying.succeeds()


class Sftp(Way):
    """sftp, with OpenSSH's server."""

    name = "sftp"

    def __init__(self, reactor: Any, content: Content, directory: str) -> None:
        super().__init__(reactor, content, directory)
        self._sftp = find("sftp")
        self._server = SshServer(directory)

    async def offer(self) -> None:
        """Start the server."""
        await self._run(*self._server.command).says("Server listening")

    async def fetch(self) -> None:
        """Get it."""
        source = f"{self._server.destination}:{self._content.path}"
        command = (self._sftp, "-q", "-r", *self._server.options, source, f"{self.into}/")
        await self._run(*command).succeeds()


class MagicWormhole(Way):
    """magic-wormhole, with a mailbox server and a transit relay of its own."""

    name = "magic-wormhole"
    _sender: Program

    def __init__(self, reactor: Any, content: Content, directory: str) -> None:
        super().__init__(reactor, content, directory)
        self._wormhole = find("wormhole")
        # The one that has the servers as plugins.
        self._twist = os.path.join(os.path.dirname(self._wormhole), "twist")
        self._mailbox, self._relay = free_port(), free_port()
        self._number = 0

    async def offer(self) -> None:
        """Start the servers."""
        database = f"--channel-db={self._directory}/mailbox.sqlite"
        for plugin, port, options in (
            ("wormhole-mailbox", self._mailbox, [database]),
            ("transitrelay", self._relay, []),
        ):
            listen = f"--port=tcp:{port}:interface=127.0.0.1"
            server = self._run(self._twist, plugin, listen, *options)
            await server.says("starting on")

    async def prepare(self) -> None:
        """Have it sent."""
        self._number += 1
        self._sender = self._do("send", f"--code={self._code}", self._content.path)
        await self._sender.says("wormhole receive")

    async def fetch(self) -> None:
        """Receive it."""
        output = os.path.join(self.into, self._content.name)
        receiver = self._do("receive", "--accept-file", f"--output-file={output}", self._code)
        await receiver.succeeds()

    async def tidy(self) -> None:
        """Let the sender come to its end."""
        await self._sender.succeeds()

    def _do(self, command: str, *arguments: str) -> Program:
        servers = [
            f"--relay-url=ws://127.0.0.1:{self._mailbox}/v1",
            f"--transit-helper=tcp:127.0.0.1:{self._relay}",
        ]
        return self._run(self._wormhole, *servers, command, "--hide-progress", *arguments)

    @property
    def _code(self) -> str:
        return f"{self._number}-of-these"


def _link(content: Content, path: str) -> None:
    """Have the content in another folder, too: Syncthing writes into the folders that it shares."""
    if content.count == 1:
        os.makedirs(os.path.dirname(path))
        os.link(content.path, path)
    else:
        shutil.copytree(content.path, path, copy_function=os.link)
