"""
The bare libtorrent pair: what a transfer costs with nothing of bitween around it.

``python -m benchmarks.bare_libtorrent`` is one side of it: a session with bitween's settings that
does what it is told by lines of JSON on standard input, ``{"seed": TORRENT, "folder": FOLDER}`` or
``{"fetch": HASH, "folder": FOLDER, "port": PORT}``.  It says ``complete`` when libtorrent has all
pieces, and ``written`` when all of them are in the files, which libtorrent says later.  What was
fetched is forgotten then.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import libtorrent as lt

from bitween.bittorrent.engine.session_settings import SETTINGS, TORRENT_FLAGS


def main() -> None:
    """Do what standard input says until it is closed."""
    session = lt.session({**SETTINGS, "listen_interfaces": "127.0.0.1:0"}, 0)
    session.add_extension("ut_metadata")
    print(f"listening {session.listen_port()}", flush=True)
    for line in sys.stdin:
        told = json.loads(line)
        handle = session.add_torrent(_params(told))
        while not handle.status().is_seeding:
            session.wait_for_alert(1000)
            session.pop_alerts()
        print("complete", flush=True)
        handle.flush_cache()
        while not any(isinstance(a, lt.cache_flushed_alert) for a in session.pop_alerts()):
            session.wait_for_alert(1000)
        if "fetch" in told:
            session.remove_torrent(handle)
            while not any(isinstance(a, lt.torrent_removed_alert) for a in session.pop_alerts()):
                session.wait_for_alert(1000)
        print("written", flush=True)


def _params(told: dict[str, Any]) -> lt.add_torrent_params:
    if "seed" in told:
        params = lt.load_torrent_file(told["seed"])
        assert params.ti is not None
        params.have_pieces = [True] * params.ti.num_pieces()
        params.file_priorities = []
    else:
        params = lt.add_torrent_params()
        params.info_hashes = lt.info_hash_t(lt.sha1_hash(bytes.fromhex(told["fetch"])))
        params.peers = [("127.0.0.1", told["port"])]
    params.save_path = told["folder"]
    params.flags = TORRENT_FLAGS
    return params


if __name__ == "__main__":
    main()
