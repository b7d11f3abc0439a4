"""
Two bare libtorrent sessions and ``connect_peer``, as the prototype had it.

``python -m benchmarks.plain_dialling give FILE`` prints the info-hash and its addresses, then
gives until its input ends; ``... get HASH FOLDER ADDRESS...`` dials them and prints the seconds to
the first byte and to the last.
"""

from __future__ import annotations

import os
import sys
import time

import libtorrent as lt

from bitween.network.addresses import interface_addresses

PORT = 6999
_SECONDS = 15.0


def _session() -> lt.session:
    return lt.session(
        {
            "listen_interfaces": f"0.0.0.0:{PORT},[::]:{PORT}",
            "enable_dht": False,
            "enable_lsd": False,
            "enable_upnp": False,
            "enable_natpmp": False,
        }
    )


def _give(path: str) -> None:
    made = lt.create_torrent(lt.list_files(path))
    lt.set_piece_hashes(made, os.path.dirname(path))
    parameters = lt.load_torrent_buffer(lt.bencode(made.generate()))
    parameters.save_path = os.path.dirname(path)
    session = _session()
    handle = session.add_torrent(parameters)
    own = [address for address in interface_addresses() if not address.startswith(("127.", "fe80"))]
    print(handle.info_hash(), *(a for a in own if a != "::1"), flush=True)
    sys.stdin.read()


def _get(info_hash: str, folder: str, addresses: list[str]) -> None:
    session = _session()
    parameters = lt.parse_magnet_uri(f"magnet:?xt=urn:btih:{info_hash}")
    parameters.save_path = folder
    began = time.monotonic()
    handle = session.add_torrent(parameters)
    for address in addresses:
        handle.connect_peer((address, PORT))
    first = None
    while (now := time.monotonic() - began) < _SECONDS or first is not None:
        status = handle.status()
        if first is None and status.total_payload_download:
            first = now
        if status.is_seeding:
            print(first, now, flush=True)
            return
        time.sleep(0.005)


if __name__ == "__main__":
    _, what, *arguments = sys.argv
    if what == "give":
        _give(*arguments)
    else:
        _get(arguments[0], arguments[1], arguments[2:])
