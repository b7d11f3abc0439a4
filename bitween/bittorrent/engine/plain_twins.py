"""
The plain form of sealed torrents, for peers that know no sealed ones.

A *twin* is a second torrent in the session, with the same files, under the torrent's own info-hash
and at the plain port.  It has every piece from the start, and only sends.  Outside of the session
nobody sees it: its peers and what it sent count as the torrent's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bitween.bittorrent.engine._libtorrent import lt
from bitween.bittorrent.engine.add_torrent import Loading, torrent_params
from bitween.errors import SwarmError
from bitween.model.torrent import InfoHash


@dataclass(slots=True)
class TwinNumbers:
    """
    What a twin adds to the status of its torrent.

    :param before: bytes that earlier twins of the torrent sent, since the session began.
    :param uploaded: bytes that it sent itself.
    :param rate: bytes/s.
    """

    before: int = 0
    uploaded: int = 0
    rate: int = 0
    peers: int = 0

    @property
    def total(self) -> int:
        """The bytes that all twins of the torrent sent."""
        return self.before + self.uploaded


#: There is no twin, and was none.
NO_TWIN = TwinNumbers()


class PlainTwins:
    """The twins in a session."""

    def __init__(self, session: lt.session) -> None:
        self._session: lt.session | None = session
        self._loaded: set[InfoHash] = set()
        self._numbers: dict[InfoHash, TwinNumbers] = {}

    def __contains__(self, info_hash: object) -> bool:
        return info_hash in self._loaded

    def close(self) -> None:
        """Let go of the session."""
        self._session = None

    def load(self, loading: Loading) -> None:
        """
        Add a twin.

        :param loading: without a seal.
        :raises SwarmError: if libtorrent cannot read the metadata.
        """
        if self._session is None:
            return
        try:
            self._session.async_add_torrent(torrent_params(loading))
        except RuntimeError as error:
            raise SwarmError(f"libtorrent refuses the torrent: {error}") from None
        self._loaded.add(loading.info_hash)

    def remove(self, info_hash: InfoHash) -> None:
        """Remove a twin, if there is one; its peers are disconnected."""
        handle = self._handle(info_hash)
        self._loaded.discard(info_hash)
        if handle is not None and self._session is not None:
            self._session.remove_torrent(handle, 0)
        if info_hash in self._numbers:
            self._numbers[info_hash] = TwinNumbers(self._numbers[info_hash].total)

    def peers(self, info_hash: InfoHash) -> Sequence[lt.peer_info]:
        """The peers of a twin; none if there is no twin."""
        handle = self._handle(info_hash)
        return () if handle is None else handle.get_peer_info()

    def take(self, info_hash: InfoHash, status: lt.torrent_status) -> None:
        """Take the status of a twin."""
        if info_hash in self._loaded:
            numbers = self._numbers.setdefault(info_hash, TwinNumbers())
            numbers.uploaded = status.all_time_upload
            numbers.rate, numbers.peers = status.upload_payload_rate, status.num_peers

    def numbers(self, info_hash: InfoHash) -> TwinNumbers:
        """What the twin of a torrent adds to its status."""
        return self._numbers.get(info_hash, NO_TWIN)

    def _handle(self, info_hash: InfoHash) -> lt.torrent_handle | None:
        if info_hash not in self._loaded or self._session is None:
            return None
        handle = self._session.find_torrent(lt.sha1_hash(bytes.fromhex(info_hash)))
        return handle if handle.is_valid() else None
