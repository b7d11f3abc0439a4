"""
How fast torrents go by relay: ``python -m benchmarks.relay``.

A file goes from one process to another, each with an XMPP session, a libtorrent session and a
relay, through the proxy of a private Prosody, then of a private ejabberd.  In turns with that, as
many bytes go through the same proxy without bitween's relay and without BitTorrent, and the file
goes between the same two libtorrent sessions directly.

The clock of a transfer runs from its first piece to its word that all is there.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

from benchmarks.content import MIB, directory_in_memory, make_content
from bitween.errors import ConfigurationError
from bitween.testing.private_prosody import PrivateProsody
from bitween.testing.private_server import PrivateServer
from bitween.util.processes import dying_with_parent
from tests.support.private_ejabberd import PrivateEjabberd

AIM = 0.7


def main() -> None:
    """Measure, and print a table."""
    arguments = argparse.ArgumentParser(description="Measure transfers by relay.")
    arguments.add_argument("--size", type=int, default=256, help="MiB")
    arguments.add_argument("--rounds", type=int, default=5)
    asked = arguments.parse_args()
    print(
        f"{'':12}{'directly':>14}{'proxy alone':>14}{'by relay':>14}{'ratio':>8}{'first byte':>13}"
    )
    for kind in (PrivateProsody, PrivateEjabberd):
        try:
            direct, bare, relayed, first = _measure(kind(), asked.size * MIB, asked.rounds)
        except ConfigurationError as error:
            print(f"{kind.name:12}absent: {error.message}")
            continue
        print(
            f"{kind.name:12}{direct / 1e6:9.0f} MB/s{bare / 1e6:9.0f} MB/s{relayed / 1e6:9.0f} MB/s"
            f"{relayed / bare:8.2f}{first * 1000:10.0f} ms"
        )
    print(f"aim: a ratio of at least {AIM}")


def _measure(server: PrivateServer, size: int, rounds: int) -> tuple[float, ...]:
    """
    Measure with one server.

    :returns: medians: bytes/s directly, through the proxy alone and by relay, and seconds to the
        first byte by relay.
    """
    with ExitStack() as stack:
        stack.enter_context(server)
        server.add_account("alice", "secret")
        folder = directory_in_memory(4 * size)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        ca = stack.enter_context(open(server.ca_file, encoding="ascii"))
        content = make_content(f"{folder}/content", size)
        told: dict[str, object] = {
            "server": [server.host, server.port],
            "ca": ca.read(),
            "folder": folder,
            "path": content.path,
            "info_hash": content.info_hash,
            "size": size,
            "rounds": rounds,
        }
        serving = stack.enter_context(_side("serve", told))
        assert serving.stdout is not None
        told["port"] = int(serving.stdout.readline())
        fetching = stack.enter_context(_side("fetch", told))
        took = json.loads(fetching.communicate()[0])
    rates = (size / median(took[way]) for way in ("direct", "bare", "relay"))
    return *rates, median(took["first"])


@contextmanager
def _side(role: str, told: dict[str, object]) -> Iterator[subprocess.Popen[str]]:
    """One of the two processes, until the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.relay_side", role, json.dumps(told)],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=dying_with_parent(),  # noqa: PLW1509  # there are no threads
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
