"""A Syncthing that shares one folder with one other Syncthing on loopback, and with nobody else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from twisted.web.client import Agent, FileBodyProducer, readBody
from twisted.web.http_headers import Headers

from benchmarks.programs import free_port

_FOLDER = "content"

# What it takes for the size of a folder.
_FOLDER_BYTES = 128

# Nothing that leaves the machine, and nothing that slows it down on purpose.
_OPTIONS = {
    "globalAnnounceEnabled": "false",
    "localAnnounceEnabled": "false",
    "relaysEnabled": "false",
    "natEnabled": "false",
    "startBrowser": "false",
    "urAccepted": "-1",
    "autoUpgradeIntervalH": "0",
    "crashReportingEnabled": "false",
    "setLowPriority": "false",
}


@dataclass(frozen=True, slots=True)
class Neighbour:
    """
    The other Syncthing.

    :param device: its device id.
    :param port: where it listens.
    """

    device: str
    port: int


class Device:
    """
    A Syncthing with its own key, folder and ports.

    :ivar home: its configuration and database.
    :ivar as_neighbour: what the other one has to know of it.
    """

    def __init__(self, reactor: Any, program: str, home: str) -> None:
        """
        :param program: the path of ``syncthing``.
        :param home: a folder that does not exist.
        """
        self._agent = Agent(reactor)
        self._program = program
        self._home = home
        self._generate()
        self._api_port = free_port()
        self._key = ""
        self.as_neighbour = Neighbour(self._device_id(), free_port())

    @property
    def command(self) -> tuple[str, ...]:
        """Starts it."""
        return (self._program, "serve", f"--home={self._home}", "--no-browser", "--no-restart")

    def configure(self, other: Neighbour, path: str, *, gives: bool) -> None:
        """
        Write a fresh configuration, and forget all that it knows of the folder.

        :param path: the folder to share.
        :param gives: whether it sends; if not, it does not connect until :meth:`connect`.
        """
        shutil.rmtree(os.path.join(self._home, "index-v0.14.0.db"), ignore_errors=True)
        configuration = os.path.join(self._home, "config.xml")
        tree = ET.parse(configuration)  # it wrote that itself
        root = tree.getroot()
        for old in [*root.findall("folder"), *root.findall("device")]:
            if old.tag == "folder" or old.get("id") != self.as_neighbour.device:
                root.remove(old)
        gui, options = root.find("gui"), root.find("options")
        assert gui is not None and options is not None
        _set(gui, "address", f"127.0.0.1:{self._api_port}")
        self._key = gui.findtext("apikey", "")
        _set(options, "listenAddress", f"tcp://127.0.0.1:{self.as_neighbour.port}")
        for name, value in _OPTIONS.items():
            _set(options, name, value)
        neighbour = ET.SubElement(root, "device", id=other.device, compression="metadata")
        _set(neighbour, "address", f"tcp://127.0.0.1:{other.port}")
        _set(neighbour, "paused", "false" if gives else "true")
        kind = "sendonly" if gives else "receiveonly"
        attributes = {"id": _FOLDER, "path": path, "type": kind, "rescanIntervalS": "0"}
        folder = ET.SubElement(root, "folder", attributes, fsWatcherEnabled="false")
        for device in (self.as_neighbour.device, other.device):
            ET.SubElement(folder, "device", id=device)
        os.makedirs(os.path.join(path, ".stfolder"), exist_ok=True)
        tree.write(configuration)

    async def connect(self, other: Neighbour) -> None:
        """Connect to the other one, from now on."""
        await self._call(b"PATCH", f"config/devices/{other.device}", {"paused": False})

    async def is_idle(self, size: int) -> bool:
        """
        Whether it has all of the folder.

        :param size: the bytes of its files.
        """
        status = await self._call(b"GET", f"db/status?folder={_FOLDER}")
        files = status["globalBytes"] - status["globalDirectories"] * _FOLDER_BYTES
        return status["state"] == "idle" and files == size and not status["needTotalItems"]

    async def next_change(self, since: int) -> int:
        """
        Wait until the state of the folder changes, or a second is over.

        :param since: what this returned before; 0 at first.
        """
        wanted = f"events?events=StateChanged&since={since}&timeout=1"
        events = await self._call(b"GET", wanted)
        return int(events[-1]["id"]) if events else since

    async def _call(self, verb: bytes, path: str, body: object = None) -> Any:
        headers = Headers({"X-API-Key": [self._key]})
        url = f"http://127.0.0.1:{self._api_port}/rest/{path}".encode()
        producer = None if body is None else FileBodyProducer(BytesIO(json.dumps(body).encode()))
        response = await self._agent.request(verb, url, headers, producer)
        content = await readBody(response)
        if response.code != 200:
            raise SystemExit(f"Syncthing answers {response.code} to {path}: {content!r}")
        return json.loads(content) if content else None

    def _generate(self) -> None:
        options = (f"--home={self._home}", "--no-default-folder", "--skip-port-probing")
        command = [self._program, "generate", *options]
        subprocess.run(command, check=True, capture_output=True)

    def _device_id(self) -> str:
        command = [self._program, "--device-id", f"--home={self._home}"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _set(parent: ET.Element, name: str, value: str) -> None:
    child = parent.find(name)
    if child is None:
        child = ET.SubElement(parent, name)
    child.text = value
