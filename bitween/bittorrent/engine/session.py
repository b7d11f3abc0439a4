"""libtorrent's session: what it is set to, how its alerts reach the reactor, and its torrents."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from bitween.bittorrent.engine._libtorrent import lt
from bitween.bittorrent.engine.alerts import (
    Alert,
    ListenFailed,
    Listening,
    TorrentStatus,
    info_hash_text,
    portions,
    status_value,
    values,
)
from bitween.bittorrent.engine.ip_filter import EVERYWHERE, IpFilter
from bitween.bittorrent.engine.transfer_counters import PeerConnection
from bitween.errors import SwarmError
from bitween.model.address import PeerAddress
from bitween.model.metainfo import MAX_METADATA, torrent_file
from bitween.model.peer import Peer
from bitween.model.text import printable, quoted
from bitween.model.torrent import InfoHash
from bitween.model.torrent_options import UNLIMITED, Limits
from bitween.util.cooperate import SLICE

TORRENT_FLAGS = (
    # Not among them: paused and auto_managed, which would leave most of many torrents standing.
    lt.torrent_flags.update_subscribe
    | lt.torrent_flags.apply_ip_filter
    | lt.torrent_flags.disable_dht
    | lt.torrent_flags.disable_lsd
    | lt.torrent_flags.disable_pex
    | lt.torrent_flags.duplicate_is_error
)

_ALERTS = (
    lt.alert_category.error
    | lt.alert_category.status
    | lt.alert_category.storage
    | lt.alert_category.port_mapping
    # Who connects, and who is banned.
    | lt.alert_category.connect
    | lt.alert_category.peer
)

SETTINGS: lt.settings_pack = {
    "user_agent": "bitween",
    "alert_mask": _ALERTS,
    # The default of 2,000 loses alerts when thousands of torrents are added at once.
    "alert_queue_size": 200_000,
    # Peers come from the contacts alone.
    "enable_dht": False,
    "enable_lsd": False,
    "dht_bootstrap_nodes": "",
    "webtorrent_stun_server": "",
    "announce_to_all_trackers": False,
    # A port that was asked for is that port or an error.
    "listen_system_port_fallback": False,
    "max_retry_port_bind": 0,
    # Connections that wait to be taken; with the default of 5, a sixth contact who dials at the
    # same moment has to try again a second later.
    "listen_queue_size": 128,
    # uTP is tried first where it is on, and runs at a thirtieth of TCP's speed.
    "enable_outgoing_utp": False,
    # Milliseconds.  When two dial each other, what is sent first is lost: the next try is not to
    # come three seconds later.
    "utp_connect_timeout": 1000,
    # Several daemons may share an address; on one machine they always do.
    "allow_multiple_connections_per_ip": True,
    # Until we know what to fetch of a new torrent we want nothing of it, which looks like a seed:
    # two seeds would part, and meet again only seconds later.
    "close_redundant_connections": False,
    # A contact is dialled again as long as it says that it is there.
    "min_reconnect_time": 2,
    "max_failcount": 1000,
    # Seconds.  While an address is being dialled, libtorrent parts from whoever comes from it: from
    # a contact behind a firewall that drops what we send, but lets it dial us.
    "peer_connect_timeout": 3,
    "connections_limit": 2000,
    # Everybody who is let in is a contact: none waits for another.
    "unchoke_slots_limit": -1,
    # Seconds of requests that a peer is asked for ahead.  What several have asked a slow one for
    # at once it sends several times: with the default of 3, eight who fetched 128 MiB at 10 MB/s
    # took 29 s (one run), with this 21 s (median of three).  Between two no difference was seen.
    "request_queue_time": 1,
    # Milliseconds until what connect_peer was told, or a lowered rate limit, is looked at; with the
    # default of 500 a peer that is found later waits half a second for the first byte.
    "tick_interval": 100,
    # Else the first pieces, and what is asked for before they are here, come in any order, whatever
    # is wanted first.
    "initial_picker_threshold": 0,
    "active_limit": -1,
    "active_seeds": -1,
    "active_downloads": -1,
    "active_checking": -1,
    "max_metadata_size": MAX_METADATA,
    # For uTP, which runs at 215 MB/s with these and at 74 with 208 KiB; TCP is as fast without.
    "recv_socket_buffer_size": 4 << 20,
    "send_socket_buffer_size": 4 << 20,
    # The handshake is hidden from those who look for BitTorrent; RC4 for the content would halve
    # the speed.  Were it merely enabled, whoever is named with a new torrent would be greeted in
    # plain first.  Those who greet us so may do it.
    "out_enc_policy": lt.enc_policy.pe_forced,
    "in_enc_policy": lt.enc_policy.pe_enabled,
    "allowed_enc_level": lt.enc_level.pe_both,
    "prefer_rc4": False,
}


_NO_LIMIT = -1
# The flag of a peer that is connected over uTP, which has no name in Python (peer_info.hpp).
_UTP = 1 << 17
# Characters of what a peer says it is.
_MAX_CLIENT = 60

# RFC 1918, RFC 3927, RFC 4193 and RFC 4291 §2.5.6.
_LOCAL_NETWORKS = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
    )
)


class SessionReactor(Protocol):
    """What the session needs of the reactor: parts of IReactorTime and IReactorFDSet."""

    def addReader(self, reader: IReadDescriptor) -> None:
        """Watch a file descriptor."""

    def removeReader(self, reader: IReadDescriptor) -> None:
        """Watch it no longer."""

    def callLater(
        self,
        delay: float,
        callable: Callable[..., object],  # noqa: A002  # the interface's name
        *args: object,
        **kwargs: object,
    ) -> IDelayedCall:
        """Call something later."""

    def seconds(self) -> float:
        """The time, from an arbitrary beginning."""


class ListenError(SwarmError):
    """
    A socket could not be opened.

    :ivar in_use: whether somebody else has that port.
    """

    def __init__(self, message: str, in_use: bool) -> None:
        super().__init__(message)
        self.in_use = in_use


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """
    What can be set of the session.

    :param limits: of all torrents together.
    :param limit_lan: whether they hold on local networks, too; on the loopback interface, where
        relays are, they always do.
    :param port_mapping: whether to ask routers for a port by UPnP and NAT-PMP.
    """

    limits: Limits = UNLIMITED
    limit_lan: bool = False
    port_mapping: bool = False


@dataclass(frozen=True, slots=True)
class Loading:
    """
    A torrent to be put into the session.

    :param torrent_file: ``None`` to ask peers for the metadata first.
    :param paths: of every file, or none if libtorrent is to choose them all.
    :param resume_data: what libtorrent last said of it.
    :param trusted: whether to believe what that says of pieces; else what lies there is checked.
    :param halted: whether to do nothing with it for now.
    :param have_all: whether every byte is known to be there.
    :param holes: the pieces that are there, and no others, where files were made with holes.
    :param priorities: what to fetch of what is not there, see :meth:`Layout.priorities`; ``None``
        for nothing.
    :param sequential: whether to fetch the pieces in their order.
    :param limits: of this torrent alone.
    :param peers: whom to dial at once.
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


def _outgoing(listening: str) -> str:
    """
    The addresses from which peers are dialled, as libtorrent takes them; empty for any.

    Who listens at one address is known by that to contacts, who let nobody else in.  Relayed peers
    are at IPv4 loopback.
    """
    if not listening or ip_address(listening).is_unspecified:
        return ""
    return f"{listening},127.0.0.1" if ":" in listening else listening


class Session:
    """
    A libtorrent session whose torrents are spoken of by info-hash.

    A call for a torrent that is not loaded (yet, or any more) does nothing.

    :ivar door: who may connect, and be connected to.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: SessionReactor,
        options: SessionOptions,
        receive: Callable[[list[Alert]], None],
    ) -> None:
        """:param receive: called with what happened, in order, some of it at a time."""
        settings: lt.settings_pack = {
            **SETTINGS,
            "listen_interfaces": "",
            "upload_rate_limit": options.limits.upload,
            "download_rate_limit": options.limits.download,
            "enable_upnp": options.port_mapping,
            "enable_natpmp": options.port_mapping,
        }
        # Without flags there are no extensions but those named here: no peer exchange.
        self._session = lt.session(settings, 0)
        self._session.add_extension("ut_metadata")
        self._session.add_extension("smart_ban")
        self._session.set_peer_class_filter(limited(options.limit_lan))
        self._handles: dict[InfoHash, lt.torrent_handle] = {}
        # Not the session's own method, for whoever has that keeps the session alive.
        self.door = IpFilter(reactor, lambda rules: self._session.set_ip_filter(rules))  # noqa: PLW0108
        self._receive = receive
        self._reader = _AlertReader(reactor, self._session, self._taking)

    def close(self) -> None:
        """End the session."""
        self._reader.close()
        self.door.close()
        self._handles.clear()
        del self._session

    def pause(self) -> None:
        """Part from all peers."""
        self._session.pause()

    def listen(self, address: str, port: int) -> tuple[tuple[str, int], ...]:
        """
        Accept peers on a port.

        :param address: an IP address; empty for all.
        :returns: the sockets.
        :raises ListenError: if there is none, or another program has the port on one address.
        """
        interfaces = (
            f"[{address}]:{port}" if ":" in address else f"{address or '0.0.0.0'}:{port}"  # noqa: S104  # peers come from everywhere
        )
        if not address:
            interfaces += f",[::]:{port}"
        self._session.apply_settings(
            {"listen_interfaces": interfaces, "outgoing_interfaces": _outgoing(address)}
        )
        # Asking for the port waits until the sockets are open, so that their alerts are here.
        self._session.listen_port()
        alerts = list(values(self._session.pop_alerts()))
        failed = [alert for alert in alerts if isinstance(alert, ListenFailed)]
        opened = tuple((a.address, a.port) for a in alerts if isinstance(a, Listening))
        for failure in failed:
            if failure.in_use or not opened:
                raise ListenError(
                    f"{failure.address} port {port}: {failure.error}", in_use=failure.in_use
                )
        if not opened:
            raise ListenError(f"{address or 'no address'} port {port}: cannot listen", in_use=False)
        return opened

    # ---- torrents coming and going

    def load(self, loading: Loading) -> None:
        """
        Put a torrent into the session; ``Loaded`` tells what came of it.

        :raises SwarmError: if libtorrent does not understand what it is given.
        """
        # Whom it would have to refuse at this moment, libtorrent does not dial later, either.
        self.door.settle()
        try:
            self._session.async_add_torrent(_params(loading))
        except RuntimeError as error:
            raise SwarmError(f"libtorrent refuses the torrent: {error}") from None
        except UnicodeEncodeError:
            raise SwarmError(f"{quoted(loading.folder)} is not UTF-8") from None

    def remove(self, info_hash: InfoHash, fenced: bool) -> bool:
        """
        Take a torrent out of the session; ``Removed`` tells when it is.

        :param fenced: whether ``Deleted`` is to tell when the last byte is written; the part file
            goes then, too.

        :returns: whether there was one.
        """
        self._handles.pop(info_hash, None)
        # One that is still being added has no handle here yet.
        handle = self._session.find_torrent(lt.sha1_hash(bytes.fromhex(info_hash)))
        if not handle.is_valid():
            return False
        # Whatever is still to be written comes first.
        self._session.remove_torrent(handle, lt.session.delete_partfile if fenced else 0)
        return True

    def has(self, info_hash: InfoHash) -> bool:
        """Whether a torrent is in the session, or just being put there; waits for libtorrent."""
        digest = lt.sha1_hash(bytes.fromhex(info_hash))
        return bool(self._session.find_torrent(digest).is_valid())

    # ---- torrents in the session

    def fetch(self, info_hash: InfoHash, priorities: Sequence[int], sequential: bool) -> None:
        """
        Fetch files.

        :param priorities: see :meth:`Layout.priorities`.
        :param sequential: whether the pieces are to come in their order.
        """
        if not (handle := self._handles.get(info_hash)):
            return
        # First of all: what is asked for at once may be all that there is.
        if sequential:
            handle.set_flags(lt.torrent_flags.sequential_download)
        else:
            handle.unset_flags(lt.torrent_flags.sequential_download)
        handle.unset_flags(lt.torrent_flags.default_dont_download)
        handle.prioritize_files(list(priorities))

    def limit_all(self, limits: Limits) -> None:
        """Limit all torrents together."""
        self._session.apply_settings(
            {"upload_rate_limit": limits.upload, "download_rate_limit": limits.download}
        )

    def limit(self, info_hash: InfoHash, limits: Limits) -> None:
        """Limit one torrent, on every network."""
        if handle := self._handles.get(info_hash):
            handle.set_upload_limit(limits.upload)
            handle.set_download_limit(limits.download)

    def file_progress(self, info_hash: InfoHash) -> list[int]:
        """The verified bytes of each of libtorrent's files; empty if that is not known."""
        # The alert that would bring this later cannot be read in Python; this takes 0.1 ms.
        handle = self._handles.get(info_hash)
        return handle.file_progress(lt.torrent_handle.piece_granularity) if handle else []

    def connections(self, info_hash: InfoHash) -> list[PeerConnection]:
        """The peers of a torrent."""
        # Here, too, there is no alert to be had; this takes 0.1 ms.
        handle = self._handles.get(info_hash)
        return [_connection(peer) for peer in handle.get_peer_info()] if handle else []

    def torrent_info(self, info_hash: InfoHash) -> lt.torrent_info | None:
        """What libtorrent knows of a torrent, where the metadata is here."""
        handle = self._handles.get(info_hash)
        return handle.torrent_file() if handle else None

    def want_piece(self, info_hash: InfoHash, piece: int, deadline: int, bring: bool) -> None:
        """
        Have a piece fetched before those that nobody waits for.

        :param deadline: milliseconds in which it is wanted.
        :param bring: whether ``PieceRead`` is to bring it when it is here.
        """
        if handle := self._handles.get(info_hash):
            flags = lt.torrent_handle.alert_when_available if bring else 0
            handle.set_piece_deadline(piece, deadline, flags)

    def unwant_piece(self, info_hash: InfoHash, piece: int) -> None:
        """Have a piece fetched like all others again."""
        if handle := self._handles.get(info_hash):
            handle.reset_piece_deadline(piece)

    def peers(self, info_hash: InfoHash) -> list[Peer]:
        """Those that are connected, with all that is worth telling of each."""
        handle = self._handles.get(info_hash)
        unborn = lt.peer_info.connecting | lt.peer_info.handshake
        return [_peer(p) for p in handle.get_peer_info() if not p.flags & unborn] if handle else []

    def metadata(self, info_hash: InfoHash) -> bytes | None:
        """The .torrent file, where the metadata is here."""
        info = self.torrent_info(info_hash)
        return torrent_file(info.info_section()) if info else None

    def dial(self, info_hash: InfoHash, peers: Sequence[PeerAddress], at_once: bool) -> None:
        """
        Connect to peers, unless they are connected.

        :param at_once: do not wait for libtorrent's next look at its peers, up to a second away;
            parts from peers that are connected.
        """
        self.door.when_settled(lambda: self._dial(info_hash, peers, at_once))

    def _dial(self, info_hash: InfoHash, peers: Sequence[PeerAddress], at_once: bool) -> None:
        if not (handle := self._handles.get(info_hash)):
            return
        for peer in peers:
            handle.connect_peer((peer.address, peer.port))
        if at_once:
            handle.pause()
            handle.resume()

    def dial_over_utp(self, on: bool) -> None:
        """Have whoever is dialled from now on be dialled over uTP first, or not at all so."""
        self._session.apply_settings({"enable_outgoing_utp": on})

    def halt(self, info_hash: InfoHash) -> None:
        """Do nothing more with a torrent for now."""
        if handle := self._handles.get(info_hash):
            handle.pause()

    def go_on(self, info_hash: InfoHash) -> None:
        """Go on with a torrent that was halted."""
        if handle := self._handles.get(info_hash):
            handle.resume()

    def flush(self, info_hash: InfoHash) -> bool:
        """
        Write what is in memory to the disk; ``Flushed`` tells when it is there.

        :returns: whether it will.
        """
        handle = self._handles.get(info_hash)
        if not handle:
            return False
        handle.flush_cache()
        return True

    def save_resume_data(self, info_hash: InfoHash) -> bool:
        """
        Ask for what is needed to go on later; ``ResumeData`` brings it.

        :returns: whether it will.
        """
        handle = self._handles.get(info_hash)
        if not handle:
            return False
        handle.save_resume_data(
            lt.torrent_handle.flush_disk_cache | lt.torrent_handle.only_if_modified
        )
        return True

    def post_updates(self) -> None:
        """Ask for ``Statuses``."""
        self._session.post_torrent_updates()

    def statuses(self) -> list[TorrentStatus]:
        """How every torrent is; waits for libtorrent, and takes its time with many torrents."""
        # get_torrent_status calls its predicate without the interpreter's lock, and crashes on
        # Python 3.12 and later.
        statuses = [handle.status() for handle in self._session.get_torrents()]
        self._handles = {info_hash_text(s.info_hashes): s.handle for s in statuses}
        return [status_value(status) for status in statuses]

    def _taking(self, alerts: Iterable[lt.alert]) -> Iterator[None]:
        for portion in portions(self._noting_handles(alerts)):
            try:
                self._receive(portion)
            except Exception:
                # The others have to be heard all the same.
                self._log.failure("handling alerts failed")
            yield

    def _noting_handles(self, alerts: Iterable[lt.alert]) -> Iterator[lt.alert]:
        for alert in alerts:
            if isinstance(alert, lt.add_torrent_alert) and not alert.error.value():
                self._handles[info_hash_text(alert.params.info_hashes)] = alert.handle
            yield alert


@implementer(IReadDescriptor)
class _AlertReader:
    """
    Fetches alerts when there are any: libtorrent writes a byte into a socket.

    They are taken in slices, and live until the next ones are fetched.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: SessionReactor,
        session: lt.session,
        taking: Callable[[Iterable[lt.alert]], Iterator[object]],
    ) -> None:
        """:param taking: takes alerts, some a step."""
        self._reactor = reactor
        self._session: lt.session | None = session
        self._taking = taking
        self._steps: Iterator[object] | None = None
        self._going_on: IDelayedCall | None = None
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._theirs.setblocking(False)
        session.set_alert_fd(self._theirs.fileno())
        reactor.addReader(self)

    def close(self) -> None:
        if self._session is None:
            return
        # libtorrent must let go of the descriptor before its number can mean something else.
        self._session.set_alert_fd(-1)
        self._session = None
        if self._going_on is not None:
            self._going_on.cancel()
        self._reactor.removeReader(self)
        self._ours.close()
        self._theirs.close()

    def fileno(self) -> int:
        return self._ours.fileno()

    def logPrefix(self) -> str:
        return "libtorrent"

    def doRead(self) -> None:
        # A byte is written when the queue turns non-empty: emptied after the alerts, the socket
        # could swallow the call for later ones.
        try:
            while self._ours.recv(4096):
                pass
        except BlockingIOError:
            pass
        if self._steps is None:
            self._steps = self._fetching()
            self._go_on()

    def _fetching(self) -> Iterator[object]:
        while self._session is not None and (alerts := self._session.pop_alerts()):
            yield from self._taking(alerts)

    def _go_on(self) -> None:
        assert self._steps is not None
        self._going_on = None
        until = self._reactor.seconds() + SLICE
        try:
            for _ in self._steps:
                # With the session, its alerts are gone.
                if self._session is None:
                    return
                if self._reactor.seconds() >= until:
                    break
            else:
                self._steps = None
                return
        except Exception:
            # An exception here would take the reader out of the reactor.
            self._log.failure("reading alerts failed")
            self._steps = self._fetching()
        self._going_on = self._reactor.callLater(0, self._go_on)

    def connectionLost(self, reason: Failure) -> None:
        if self._session is not None:
            self._log.error("the alerts' socket was lost: {reason}", reason=reason)
            self.close()


def _params(loading: Loading) -> lt.add_torrent_params:
    params = lt.add_torrent_params()
    if loading.resume_data is not None:
        params = lt.read_resume_data(loading.resume_data)
    if loading.torrent_file is not None:
        fresh = lt.load_torrent_buffer(loading.torrent_file)
        if loading.resume_data is None:
            params = fresh
        params.ti = fresh.ti
    if loading.holes or not loading.trusted:
        params.have_pieces = []
        params.verified_pieces = []
        params.unfinished_pieces = {}
    # Names come from nowhere but the layout: resume data could lead anywhere.
    params.renamed_files = dict(enumerate(loading.paths))
    params.info_hashes = lt.info_hash_t(lt.sha1_hash(bytes.fromhex(loading.info_hash)))
    params.save_path = loading.folder
    params.peers = [(peer.address, peer.port) for peer in loading.peers]
    params.flags = TORRENT_FLAGS
    if loading.priorities is None:
        params.flags |= lt.torrent_flags.default_dont_download
    if loading.sequential:
        params.flags |= lt.torrent_flags.sequential_download
    if loading.halted:
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


def _pieces_of(runs: Sequence[range], count: int) -> list[bool]:
    """Which pieces lie in one of the runs."""
    there = [False] * count
    for run in runs:
        there[run.start : run.stop] = [True] * len(run)
    return there


def _connection(peer: lt.peer_info) -> PeerConnection:
    address, port = peer.ip
    return PeerConnection(
        address,
        port,
        incoming=not peer.flags & lt.peer_info.local_connection,
        downloaded=peer.total_download,
        uploaded=peer.total_upload,
    )


def _peer(peer: lt.peer_info) -> Peer:
    connection = _connection(peer)
    client: Any = peer.client
    return Peer(
        address=connection.address,
        port=None if connection.incoming else connection.port,
        client=printable(client.decode("utf-8", "replace"), _MAX_CLIENT),
        progress=peer.progress,
        download_rate=peer.payload_down_speed,
        upload_rate=peer.payload_up_speed,
        downloaded=connection.downloaded,
        uploaded=connection.uploaded,
        utp=bool(peer.flags & _UTP),
    )


def limited(lan: bool) -> lt.ip_filter:
    """
    Which peers the limits of the session hold for: those that have a class.

    :param lan: whether peers in local networks are among them.
    """
    ranges: Any = lt.ip_filter()
    everybody = 1 << lt.session.global_peer_class_id
    for first, last in EVERYWHERE:
        ranges.add_rule(first, last, everybody)
    if not lan:
        for network in _LOCAL_NETWORKS:
            ranges.add_rule(str(network[0]), str(network[-1]), 0)
    filter_: lt.ip_filter = ranges
    return filter_
