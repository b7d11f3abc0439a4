"""
The bare libtorrent pair: what a transfer costs with nothing of bitween around it.

``python -m benchmarks.bare_libtorrent LIMIT DIRECTORY`` is one side of it: a session with bitween's
settings that sends at most LIMIT bytes a second (0: as many as possible), and does what lines of
JSON on standard input say.  ``{"hash": HASH, "seal": SEAL, "folder": FOLDER, "torrent": PATH,
"name": NAME, "size": BYTES}`` seeds a torrent; ``{"hash": HASH, "seal": SEAL, "folder": FOLDER,
"port": PORT}`` fetches it.  SEAL is empty for a plain torrent.  Only ``benchmarks.bare_swarm``
makes use of DIRECTORY, NAME and BYTES.

It first says ``listening`` and its ports for plain and for sealed torrents.  Of each torrent it
says ``complete`` when libtorrent has all pieces, and ``written`` when all of them are in the files,
which libtorrent tells later; then it forgets what was fetched.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import libtorrent as lt

from bitween.bittorrent.engine.session_settings import (
    SETTINGS,
    TORRENT_FLAGS,
    rate_limited_peers,
)
from bitween.crypto.authority import new_credentials
from bitween.model.metainfo import info_section, torrent_file
from bitween.model.seal import Seal, parse_seal_text, sealed, unpack


def main() -> None:
    """Do what standard input says until it is closed."""
    session = lt.session(
        {
            **SETTINGS,
            "listen_interfaces": "127.0.0.1:0,127.0.0.1:0s",
            "upload_rate_limit": int(sys.argv[1]),
        },
        0,
    )
    session.set_peer_class_filter(rate_limited_peers(lan=False))
    session.add_extension("ut_metadata")
    print(f"listening {session.listen_port()} {session.ssl_listen_port()}", flush=True)
    for line in sys.stdin:
        told = json.loads(line)
        seal = unpack(parse_seal_text(told["seal"])) if told["seal"] else None
        handle = _add(session, _params(told, seal), seal)
        while not handle.status().is_seeding:
            session.wait_for_alert(1000)
            session.pop_alerts()
        print("complete", flush=True)
        handle.flush_cache()
        while not any(isinstance(a, lt.cache_flushed_alert) for a in session.pop_alerts()):
            session.wait_for_alert(1000)
        if "port" in told:
            session.remove_torrent(handle)
            while not any(isinstance(a, lt.torrent_removed_alert) for a in session.pop_alerts()):
                session.wait_for_alert(1000)
        print("written", flush=True)


def _add(session: lt.session, params: lt.add_torrent_params, seal: Seal | None) -> Any:
    if seal is None:
        return session.add_torrent(params)
    credentials = new_credentials(seal.secret)
    params.root_certificate = credentials.authority
    params.flags |= lt.torrent_flags.paused
    handle = session.add_torrent(params)
    handle.set_ssl_certificate_buffer(credentials.certificate, credentials.key, "")
    handle.resume()
    return handle


def _params(told: dict[str, Any], seal: Seal | None) -> lt.add_torrent_params:
    if "torrent" in told:
        with open(told["torrent"], "rb") as file:
            metadata = file.read()
        if seal is not None:
            metadata = torrent_file(sealed(info_section(metadata), seal.secret))
        params = lt.load_torrent_buffer(metadata)
        assert params.ti is not None
        params.have_pieces = [True] * params.ti.num_pieces()
        params.file_priorities = []
    else:
        wanted = told["hash"] if seal is None else seal.sealed_hash
        params = lt.add_torrent_params()
        params.info_hashes = lt.info_hash_t(lt.sha1_hash(bytes.fromhex(wanted)))
        params.peers = [("127.0.0.1", told["port"])]
    params.save_path = told["folder"]
    params.flags = TORRENT_FLAGS
    return params


if __name__ == "__main__":
    main()
