"""
The two info-hashes of a torrent: the one by which bitween knows it, and the one in the session.

libtorrent's session has sealed torrents under their sealed hash (:mod:`bitween.model.seal`).  All
modules but the session's own speak of the torrent's own info-hash.
"""

from __future__ import annotations

from bitween.bittorrent.engine._libtorrent import lt
from bitween.model.torrent import InfoHash


def info_hash_text(info_hashes: lt.info_hash_t) -> InfoHash:
    """The v1 info-hash as bitween writes it: 40 lowercase hexadecimal digits."""
    return InfoHash(info_hashes.v1.to_bytes().hex())


class SessionHashes:
    """
    Translates between the two; what was never added has one info-hash only.

    An entry stays when its torrent leaves the session: late alerts have to be understood.
    """

    def __init__(self) -> None:
        self._in_session: dict[InfoHash, InfoHash] = {}
        self._own: dict[InfoHash, InfoHash] = {}

    def add(self, info_hash: InfoHash, in_session: InfoHash) -> None:
        """
        Learn the info-hash under which the session has a torrent from now on.

        :param in_session: equal to ``info_hash`` for a plain torrent.
        """
        self._in_session[info_hash] = in_session
        self._own[in_session] = info_hash

    def in_session(self, info_hash: InfoHash) -> lt.sha1_hash:
        """The info-hash under which the session has a torrent."""
        return lt.sha1_hash(bytes.fromhex(self._in_session.get(info_hash, info_hash)))

    def own(self, info_hashes: lt.info_hash_t) -> InfoHash | None:
        """
        The info-hash by which bitween knows a torrent in the session.

        :returns: 40 lowercase hexadecimal digits; ``None`` for the plain twin of a sealed torrent.
        """
        digest = info_hash_text(info_hashes)
        if self._in_session.get(digest, digest) != digest:
            return None
        return self._own.get(digest, digest)

    def owner(self, in_session: InfoHash) -> InfoHash:
        """The torrent that has this info-hash in the session, or had it last."""
        return self._own.get(in_session, in_session)
