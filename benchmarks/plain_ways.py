"""The programs in the benchmark of transfers that do not encrypt what they send."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.utils import getProcessOutput

from benchmarks.content import Content
from benchmarks.namespace import ADDRESS, here
from benchmarks.programs import Absent, Program, find, free_port
from benchmarks.tracker import Tracker
from benchmarks.way import Way
from tests.support.harness import until


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
