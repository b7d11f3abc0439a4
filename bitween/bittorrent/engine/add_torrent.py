"""What libtorrent is given to add a torrent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bitween.bittorrent.engine._libtorrent import lt
from bitween.bittorrent.engine.session_settings import TORRENT_FLAGS
from bitween.model.address import PeerAddress
from bitween.model.metainfo import info_section
from bitween.model.metainfo import torrent_file as wrapped
from bitween.model.seal import Seal, sealed
from bitween.model.torrent import InfoHash
from bitween.model.torrent_options import Limits

_NO_LIMIT = -1


@dataclass(frozen=True, slots=True)
class Loading:
    """
    A torrent to be added to the session.

    :param torrent_file: ``None`` to ask peers for the metadata first.
    :param paths: of every file; empty if libtorrent chooses them all.
    :param resume_data: as libtorrent last saved it.
    :param trusted: whether to believe the pieces in it; if not, libtorrent checks the files.
    :param halted: whether it is added paused.
    :param have_all: whether every byte is known to be on the disk.
    :param holes: the pieces that files made with holes have, and no others.
    :param priorities: what to fetch of what is missing, see :meth:`Layout.priorities`; ``None``
        for nothing.
    :param sequential: whether to fetch the pieces in their order.
    :param limits: for this torrent alone.
    :param peers: addresses to dial at once.
    :param seal: that of a sealed torrent; ``None`` for a plain one.
    """

    info_hash: InfoHash
    folder: str
    torrent_file: bytes | None
    paths: Sequence[str]
    resume_data: bytes | None
    trusted: bool
    halted: bool
    have_all: bool
    holes: Sequence[range]
    priorities: Sequence[int] | None
    sequential: bool
    limits: Limits
    peers: Sequence[PeerAddress]
    seal: Seal | None = None

    @property
    def session_hash(self) -> InfoHash:
        """The info-hash that the torrent has in the session."""
        return self.seal.sealed_hash if self.seal else self.info_hash


def torrent_params(loading: Loading, authority: str = "") -> lt.add_torrent_params:
    """
    Build what libtorrent takes.

    :param authority: the PEM of the TLS authority of a sealed torrent.  The torrent is added paused
        then: it may dial only when it has a certificate.
    :raises InvalidValue: if the metadata cannot be sealed.
    :raises RuntimeError: if libtorrent cannot read the metadata or the resume data.
    :raises UnicodeEncodeError: if the folder's path is not UTF-8.
    """
    params = lt.add_torrent_params()
    if loading.resume_data is not None:
        params = lt.read_resume_data(loading.resume_data)
    if loading.torrent_file is not None:
        fresh = lt.load_torrent_buffer(_metadata(loading.torrent_file, loading.seal))
        if loading.resume_data is None:
            params = fresh
        params.ti = fresh.ti
    if loading.holes or not loading.trusted:
        params.have_pieces = []
        params.verified_pieces = []
        params.unfinished_pieces = {}
    # All names come from the layout: those in resume data could lead anywhere.
    params.renamed_files = dict(enumerate(loading.paths))
    params.info_hashes = lt.info_hash_t(lt.sha1_hash(bytes.fromhex(loading.session_hash)))
    params.root_certificate = authority
    params.save_path = loading.folder
    params.peers = [(peer.address, peer.port) for peer in loading.peers]
    params.flags = TORRENT_FLAGS
    if loading.priorities is None:
        params.flags |= lt.torrent_flags.default_dont_download
    if loading.sequential:
        params.flags |= lt.torrent_flags.sequential_download
    if loading.halted or authority:
        params.flags |= lt.torrent_flags.paused
    if loading.have_all and params.ti is not None:
        params.have_pieces = [True] * params.ti.num_pieces()
    if loading.holes and params.ti is not None:
        params.have_pieces = _pieces_of(loading.holes, params.ti.num_pieces())
    params.file_priorities = list(loading.priorities or ())
    params.upload_limit = loading.limits.upload or _NO_LIMIT
    params.download_limit = loading.limits.download or _NO_LIMIT
    params.piece_priorities = []
    params.trackers = []
    params.url_seeds = []
    return params


def _metadata(torrent_file: bytes, seal: Seal | None) -> bytes:
    if seal is None:
        return torrent_file
    return wrapped(sealed(info_section(torrent_file), seal.secret))


def _pieces_of(runs: Sequence[range], count: int) -> list[bool]:
    """Which pieces lie in one of the runs."""
    have = [False] * count
    for run in runs:
        have[run.start : run.stop] = [True] * len(run)
    return have
