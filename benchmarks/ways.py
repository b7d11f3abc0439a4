"""The ways in which bytes are carried in the benchmark of transfers: bitween's, and the others'."""

from __future__ import annotations

import json
import os
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.utils import getProcessOutput

from benchmarks.content import Content
from benchmarks.daemons import Daemons
from benchmarks.namespace import ADDRESS, here
from benchmarks.programs import Absent, Program, find, free_port
from benchmarks.tracker import Tracker
from tests.support.harness import Daemon, until


class Way(ABC):
    """
    A way to carry content from one process to another.

    :cvar name: what it is called in the table.
    :cvar slow: whether it takes so long that once is enough.
    :ivar into: the folder that the other side gets it into; to be empty before each fetch.
    """

    name: ClassVar[str]
    slow: ClassVar[bool] = False

    def __init__(self, reactor: Any, content: Content, directory: str) -> None:
        """
        :param directory: one of its own, for what it has to write down.
        :raises Absent: if it cannot run here.
        """
        self._reactor = reactor
        self._directory = directory
        self._programs: list[Program] = []
        self._content = content
        self.into = os.path.join(directory, "into")
        os.makedirs(directory)

    @abstractmethod
    async def offer(self) -> None:
        """Have one side ready to give it."""

    async def prepare(self) -> None:  # noqa: B027  # most need nothing
        """Do what comes before the clock is started."""

    @abstractmethod
    async def fetch(self) -> None:
        """Have the other side get it, until it says that it has all."""

    async def tidy(self) -> None:  # noqa: B027  # same
        """Undo what one fetch left behind."""

    async def stop(self) -> None:
        """End everything."""
        for program in self._programs:
            await program.stop()
        self._programs.clear()

    def _run(self, *command: str, environment: Mapping[str, str] | None = None) -> Program:
        program = Program(self._reactor, command, environment)
        self._programs.append(program)
        return program

    def _write(self, name: str, content: str | bytes) -> str:
        path = os.path.join(self._directory, name)
        with open(path, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return path


class BareLibtorrent(Way):
    """Two libtorrent sessions with bitween's settings, each in a process that has nothing else."""

    name = "bare libtorrent"
    _getter: Program

    async def offer(self) -> None:
        """Seed it."""
        seed, self._getter = self._side(), self._side()
        self._port = int((await seed.says(r"listening (\d+)"))[1])
        await self._getter.says("listening")
        path = self._write("torrent", self._content.torrent)
        seed.write(json.dumps({"seed": path, "folder": self._content.folder}))
        await seed.says("written")

    async def fetch(self) -> None:
        """Fetch it by hash, as bitween does."""
        told = {"fetch": self._content.info_hash, "folder": self.into, "port": self._port}
        self._getter.write(json.dumps(told))
        await self._getter.says("complete")

    async def tidy(self) -> None:
        """Wait until the files are whole."""
        await self._getter.says("written")

    def _side(self) -> Program:
        return self._run(sys.executable, "-m", "benchmarks.bare_libtorrent")


class Bitween(Way):
    """Two daemons on a private Prosody: the whole of it, asked by its API."""

    name = "bitween"
    _alice: Daemon
    _bob: Daemon

    def __init__(self, reactor: Any, content: Content, directory: str) -> None:
        super().__init__(reactor, content, directory)
        self._daemons = Daemons(reactor, directory)

    async def offer(self) -> None:
        """Share it, and wait until the other one knows."""
        self._alice, self._bob = await self._daemons.start({"alice": (), "bob": ()})
        await self._alice.share(self._content.path)
        await self._bob.finds(self._content.info_hash)

    async def fetch(self) -> None:
        """Download it until it is complete, which means: on the disk."""
        wanted = {"hashes": [self._content.info_hash], "fields": ["complete"]}
        await self._bob.call(
            "bt.add_torrent_by_hash", hash=self._content.info_hash, save_path=self.into
        )
        await self._bob.until(lambda r: r["torrents"][0]["complete"], "bt.get_torrents", **wanted)

    async def tidy(self) -> None:
        """Forget the download."""
        await self._bob.call("bt.del_torrent", hash=self._content.info_hash)

    async def stop(self) -> None:
        """End the daemons and their server."""
        await self._daemons.stop()


class MagicWormhole(Way):
    """magic-wormhole, with a mailbox server and a transit relay of its own."""

    name = "magic-wormhole"
    _sender: Program

    def __init__(self, reactor: Any, content: Content, directory: str) -> None:
        super().__init__(reactor, content, directory)
        self._wormhole, self._twist = find("wormhole"), find("twist")
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


class Aria2(Way):
    """aria2c, once as a seed and once as a downloader, and a tracker that knows the seed."""

    name = "aria2c"
    _getter: Program
    _SETTINGS = (
        *("--no-conf", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false"),
        *("--enable-peer-exchange=false", "--file-allocation=none", "--show-console-readout=false"),
    )

    def __init__(self, reactor: Any, content: Content, directory: str) -> None:
        super().__init__(reactor, content, directory)
        self._aria2c = find("aria2c")
        self._port = free_port()
        self._tracker = Tracker(reactor, "127.0.0.1", self._port)

    async def offer(self) -> None:
        """Seed it."""
        self._torrent = self._write("torrent", self._tracker.named_in(self._content.torrent))
        seed = self._do(
            *("--bt-seed-unverified=true", "--seed-ratio=0", f"--listen-port={self._port}"),
            *(f"--dir={self._content.folder}", self._torrent),
        )
        await seed.says("listening on TCP port")

    async def fetch(self) -> None:
        """Download it; the program ends up to two seconds after it has it."""
        port = f"--listen-port={free_port()}"
        self._getter = self._do("--seed-time=0", port, f"--dir={self.into}", self._torrent)
        await self._getter.says("Seeding is over")

    async def tidy(self) -> None:
        """Let it come to its end."""
        await self._getter.succeeds()

    async def stop(self) -> None:
        """End it, and the tracker."""
        await super().stop()
        await self._tracker.stop()

    def _do(self, *arguments: str) -> Program:
        return self._run(self._aria2c, *self._SETTINGS, *arguments)


class Transmission(Way):
    """Two transmission-daemons without uTP and encryption, and a tracker that knows the seed."""

    name = "transmission"
    slow = True
    _getter: Program

    def __init__(self, reactor: Any, content: Content, directory: str) -> None:
        super().__init__(reactor, content, directory)
        self._daemon, self._remote = find("transmission-daemon"), find("transmission-remote")
        if not here():
            # It takes no address of a loopback network for a peer's.
            raise Absent("needs root, for an address in a network namespace")
        self._port = free_port()
        self._tracker = Tracker(reactor, ADDRESS, self._port)

    async def offer(self) -> None:
        """Seed it."""
        self._torrent = self._write("torrent", self._tracker.named_in(self._content.torrent))
        _, port = await self._start("seed", self._port)
        await self._add(port, self._content.folder)
        await until(lambda: self._info(port), lambda info: "Percent Done: 100%" in info)

    async def prepare(self) -> None:
        """Have a new daemon."""
        shutil.rmtree(os.path.join(self._directory, "getter"), ignore_errors=True)
        self._getter, self._getter_port = await self._start("getter", free_port())

    async def fetch(self) -> None:
        """Download it."""
        await self._add(self._getter_port, self.into)
        await self._getter.says('to "Complete"')

    async def tidy(self) -> None:
        """End the daemon."""
        await self._getter.stop()

    async def stop(self) -> None:
        """End it, and the tracker."""
        await super().stop()
        await self._tracker.stop()

    async def _start(self, name: str, port: int) -> tuple[Program, int]:
        folder = os.path.join(self._directory, name)
        os.makedirs(folder)
        control = free_port()
        settings = {
            "dht-enabled": False,
            "lpd-enabled": False,
            "pex-enabled": False,
            "port-forwarding-enabled": False,
            "utp-enabled": False,
            "encryption": 0,
            "peer-port": port,
            "rpc-port": control,
            "rpc-bind-address": "127.0.0.1",
        }
        self._write(os.path.join(name, "settings.json"), json.dumps(settings))
        daemon = self._run(self._daemon, "--foreground", "--log-info", f"--config-dir={folder}")
        await daemon.says("Serving RPC")
        return daemon, control

    def _info(self, port: int) -> Deferred[str]:
        asked = [f"127.0.0.1:{port}", "--torrent", "all", "--info"]
        answer: Deferred[bytes] = getProcessOutput(self._remote, asked, os.environ)
        return answer.addCallback(bytes.decode)

    async def _add(self, port: int, folder: str) -> None:
        await self._run(
            self._remote, f"127.0.0.1:{port}", "--add", self._torrent, "--download-dir", folder
        ).succeeds()


class Rsync(Way):
    """An rsync daemon, and rsync."""

    name = "rsync daemon"

    def __init__(self, reactor: Any, content: Content, directory: str) -> None:
        super().__init__(reactor, content, directory)
        self._rsync = find("rsync")
        self._port = free_port()

    async def offer(self) -> None:
        """Start the daemon."""
        configuration = self._write(
            "rsyncd.conf",
            f"use chroot = no\nuid = {os.getuid()}\ngid = {os.getgid()}\n"
            f"[all]\npath = {self._content.folder}\n",
        )
        daemon = self._run(
            *(self._rsync, "--daemon", "--no-detach", f"--config={configuration}"),
            *("--address=127.0.0.1", f"--port={self._port}", "--log-file=/dev/stdout"),
        )
        await daemon.says("listening")

    async def fetch(self) -> None:
        """Copy it."""
        source = f"rsync://127.0.0.1:{self._port}/all/{self._content.name}"
        await self._run(self._rsync, "--archive", source, f"{self.into}/").succeeds()


class Nginx(Way):
    """nginx without TLS, and one curl for all files."""

    name = "nginx and curl"

    def __init__(self, reactor: Any, content: Content, directory: str) -> None:
        super().__init__(reactor, content, directory)
        self._nginx, self._curl = find("nginx"), find("curl")
        self._port = free_port()

    async def offer(self) -> None:
        """Serve it."""
        places = "\n".join(
            f"{kind}_temp_path {self._directory}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        configuration = self._write(
            "nginx.conf",
            f"daemon off; master_process off; pid {self._directory}/pid;\n"
            "error_log stderr notice; events {}\n"
            f"http {{ access_log off; sendfile on; keepalive_requests 1000000; {places}\n"
            f"server {{ listen 127.0.0.1:{self._port}; root {self._content.folder}; }} }}\n",
        )
        nginx = self._run(self._nginx, "-e", "stderr", "-c", configuration)
        await nginx.says("event method")

    async def prepare(self) -> None:
        """Write down what to get."""
        self._list = self._write(
            "list",
            "\n".join(
                f'url = "http://127.0.0.1:{self._port}/{name}"\noutput = "{self.into}/{name}"'
                for name in self._content.files()
            ),
        )

    async def fetch(self) -> None:
        """Get it."""
        curl = self._run(self._curl, "--silent", "--fail", "--create-dirs", "--config", self._list)
        await curl.succeeds()


WAYS: Sequence[type[Way]] = (
    BareLibtorrent,
    Bitween,
    MagicWormhole,
    Aria2,
    Transmission,
    Rsync,
    Nginx,
)
