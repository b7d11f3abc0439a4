"""A network namespace of one's own, joined to ours by a pair of virtual interfaces."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from typing import Self

# Run in the namespace: listens there, and hands the socket over.
_LISTEN = """
import socket, sys
listening = socket.create_server((sys.argv[1], 0))
with socket.socket(fileno=int(sys.argv[2])) as channel:
    socket.send_fds(channel, [b"."], [listening.fileno()])
"""

#: Nobody's: what is sent to it arrives nowhere, and no error comes back.
_NOBODY = "02:00:00:00:00:01"


class NoNamespaces(Exception):
    """There are no network namespaces for this user, or on this machine."""


class Veth:
    """
    The namespace.  A context manager; what it made is gone at the end.

    :ivar address: an address within the namespace, which can be dialled from ours.
    """

    def __init__(self) -> None:
        """:raises NoNamespaces: if there are none to be had."""
        number = os.getpid() % 16384
        subnet = f"10.213.{number // 64}.{number % 64 * 4}"
        prefix, last = subnet.rsplit(".", 1)
        self._own = f"{prefix}.{int(last) + 1}"
        self.address = f"{prefix}.{int(last) + 2}"
        self._namespace = f"bitween-{os.getpid()}"
        self._near, self._far = f"bw{os.getpid()}n", f"bw{os.getpid()}f"
        if os.geteuid() != 0 or shutil.which("ip") is None:
            raise NoNamespaces("network namespaces need root, and ip of the package iproute2")

    def __enter__(self) -> Self:
        inside = ("-netns", self._namespace)
        try:
            self._ip("netns", "add", self._namespace)
        except subprocess.CalledProcessError as error:
            raise NoNamespaces(f"no network namespace can be made: {error.stderr}") from None
        try:
            self._ip("link", "add", self._near, "type", "veth", "peer", "name", self._far)
            self._ip("link", "set", self._far, "netns", self._namespace)
            self._ip("address", "add", f"{self._own}/30", "dev", self._near)
            self._ip(*inside, "address", "add", f"{self.address}/30", "dev", self._far)
            self._ip("link", "set", self._near, "up")
            self._ip(*inside, "link", "set", self._far, "up")
        except subprocess.CalledProcessError as error:
            self.__exit__()
            raise NoNamespaces(f"no virtual interface can be made: {error.stderr}") from None
        return self

    def __exit__(self, *_: object) -> None:
        self._ip("netns", "delete", self._namespace)

    def listen(self) -> socket.socket:
        """Make a socket that listens within the namespace, while its connections come to us."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            within = ("ip", "netns", "exec", self._namespace, sys.executable, "-c", _LISTEN)
            subprocess.run(
                (*within, self.address, str(theirs.fileno())),
                pass_fds=[theirs.fileno()],
                check=True,
            )
            _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
        listening = socket.socket(fileno=descriptors[0])
        listening.setblocking(False)
        return listening

    def cut(self) -> None:
        """Make it a black hole: frames go to nobody, in both directions."""
        self._ip("neighbour", "replace", self.address, *self._towards(_NOBODY, self._near))
        inside = ("-netns", self._namespace)
        self._ip(*inside, "neighbour", "replace", self._own, *self._towards(_NOBODY, self._far))

    def mend(self) -> None:
        """Let the frames arrive again."""
        self._ip("neighbour", "delete", self.address, "dev", self._near)
        self._ip("-netns", self._namespace, "neighbour", "delete", self._own, "dev", self._far)

    def _towards(self, hardware: str, device: str) -> tuple[str, ...]:
        return ("lladdr", hardware, "dev", device, "nud", "permanent")

    def _ip(self, *arguments: str) -> None:
        subprocess.run(("ip", *arguments), check=True, capture_output=True, text=True)
