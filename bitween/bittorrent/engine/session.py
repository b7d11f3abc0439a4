"""
libtorrent's session, spoken to by info-hash.

``Session`` is the one object that holds libtorrent's handles; all other modules name a torrent by
its own info-hash.  libtorrent has sealed torrents under another one (``session_hashes``), and lets
them connect over TLS only.  Each gets a key and a certificate of its own before it may dial, signed
by the authority that all who hold its secret share (:mod:`bitween.crypto.authority`).

``Session`` owns the IP filter and the alert reader, and hands alerts to its owner as values
(:mod:`bitween.bittorrent.engine.alerts`), in order and in portions between which the reactor runs.

Most methods only post a request to libtorrent's own thread and return at once; an alert brings the
outcome.  The few that wait for that thread, for about 0.1 ms, say so.

Its neighbours: ``session_settings`` (what the session is set to), ``add_torrent`` (what libtorrent
is given to add a torrent), ``alert_reader`` (how alerts reach the reactor).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from twisted.logger import Logger

from bitween.bittorrent.engine._libtorrent import lt
from bitween.bittorrent.engine.add_torrent import Loading, torrent_params
from bitween.bittorrent.engine.alert_conversion import AlertConversion
from bitween.bittorrent.engine.alert_reader import AlertReader, SessionReactor
from bitween.bittorrent.engine.alerts import Alert, Listening, TorrentStatus
from bitween.bittorrent.engine.ip_filter import IpFilter
from bitween.bittorrent.engine.listen_interfaces import interfaces, opened, outgoing
from bitween.bittorrent.engine.peer_conversion import connection, peer_value
from bitween.bittorrent.engine.plain_twins import PlainTwins
from bitween.bittorrent.engine.session_hashes import SessionHashes
from bitween.bittorrent.engine.session_settings import SETTINGS, rate_limited_peers
from bitween.bittorrent.engine.transfer_counters import PeerConnection
from bitween.crypto.authority import Credentials, new_credentials
from bitween.errors import InvalidValue, SwarmError
from bitween.model.address import PeerAddress
from bitween.model.metainfo import torrent_file
from bitween.model.peer import Peer
from bitween.model.swarm_options import SwarmOptions
from bitween.model.text import printable, quoted
from bitween.model.torrent import InfoHash
from bitween.model.torrent_options import Limits


class Session:
    """
    A libtorrent session whose torrents are named by info-hash.

    A call for a torrent that is not in the session does nothing.

    :ivar ip_filter: which addresses may connect, and be connected to.
    :ivar twins: the plain forms of sealed torrents that are in the session, too.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: SessionReactor,
        options: SwarmOptions,
        receive: Callable[[list[Alert]], None],
    ) -> None:
        """
        :param options: the limits and the port mapping are used; :meth:`listen` takes the address.
        :param receive: called with alerts, in order, some at a time; an error that it raises is
            logged.
        """
        settings: lt.settings_pack = {
            **SETTINGS,
            "listen_interfaces": "",
            "upload_rate_limit": options.limits.upload,
            "download_rate_limit": options.limits.download,
            "min_reconnect_time": options.reconnect_seconds,
            "enable_upnp": options.port_mapping,
            "enable_natpmp": options.port_mapping,
        }
        # Without flags there are no extensions but these: no peer exchange.
        self._session = lt.session(settings, 0)
        self._session.add_extension("ut_metadata")
        self._session.add_extension("smart_ban")
        self._session.set_peer_class_filter(rate_limited_peers(options.limit_lan))
        self._handles: dict[InfoHash, lt.torrent_handle] = {}
        # Of torrents that are removed, until nothing more is written to their files.
        self._removed: dict[InfoHash, lt.torrent_handle] = {}
        self._hashes = SessionHashes()
        self.twins = PlainTwins(self._session)
        self._conversion = AlertConversion(self._hashes.own, self.twins, self._status)
        # Of sealed torrents that are being added, and whether they are to stay paused.
        self._credentials: dict[InfoHash, tuple[Credentials, bool]] = {}
        # Not the session's own method: a reference to it would keep the session alive.
        self.ip_filter = IpFilter(reactor, lambda rules: self._session.set_ip_filter(rules))  # noqa: PLW0108
        self._receive = receive
        self._reader = AlertReader(reactor, self._session, self._handling)

    def close(self) -> None:
        """End the session."""
        self._reader.close()
        self.ip_filter.close()
        self._handles.clear()
        self._removed.clear()
        self.twins.close()
        del self._session

    def pause(self) -> None:
        """Disconnect from all peers."""
        self._session.pause()

    def listen(
        self, address: str, sealed_port: int | None, plain_port: int | None
    ) -> tuple[Listening, ...]:
        """
        Accept peers on one or two ports; a socket that is open already stays open.

        :param address: an IP address; empty for all.
        :param sealed_port: where peers of sealed torrents connect; ``None`` for nowhere.
        :param plain_port: the same for plain torrents.
        :returns: the sockets that are open now and were not before.
        :raises ListenError: if none is open, or another program uses the port on one address.
        """
        self._session.apply_settings(
            {
                "listen_interfaces": interfaces(address, sealed_port, plain_port),
                "outgoing_interfaces": outgoing(address),
            }
        )
        # To ask for the port waits until the sockets are open, and so have posted their alerts.
        self._session.listen_port()
        alerts = list(self._conversion.values(self._session.pop_alerts()))
        return opened(alerts, address, sealed_port if plain_port is None else plain_port)

    def load(self, loading: Loading) -> None:
        """
        Add a torrent to the session; ``Loaded`` tells the outcome.

        :raises SwarmError: if libtorrent cannot read what it is given.
        """
        info_hash, authority = loading.info_hash, ""
        self._check_free(info_hash, loading.session_hash)
        if loading.seal is not None:
            credentials = new_credentials(loading.seal.secret)
            self._credentials[info_hash] = credentials, loading.halted
            authority = credentials.authority
        # An address that is denied at this moment is not dialled later, either.
        self.ip_filter.flush()
        try:
            params = torrent_params(loading, authority)
        except RuntimeError as error:
            raise SwarmError.of("swarm_error.refused", why=printable(str(error))) from None
        except InvalidValue as error:
            raise SwarmError(error.message) from None
        except UnicodeEncodeError:
            raise SwarmError(f"{quoted(loading.folder)} is not UTF-8") from None
        self._hashes.add(info_hash, loading.session_hash)
        self._session.async_add_torrent(params)

    def _check_free(self, info_hash: InfoHash, in_session: InfoHash) -> None:
        """
        Refuse the sealed hash of another torrent: a contact may announce it with any share.

        :raises SwarmError: if the session has another torrent under it.
        """
        owner = self._hashes.owner(in_session)
        if owner != info_hash and self.has(owner):
            raise SwarmError(f"its seal is that of another torrent, {owner}")

    def remove(self, info_hash: InfoHash, fenced: bool) -> bool:
        """
        Remove a torrent from the session; ``Removed`` tells when that is done.

        :param fenced: whether ``Deleted`` tells when the last byte is written; it also deletes the
            part file.

        :returns: whether it was in the session.
        """
        self._handles.pop(info_hash, None)
        self._credentials.pop(info_hash, None)
        # A torrent that is still being added has no handle here yet.
        handle = self._session.find_torrent(self._hashes.in_session(info_hash))
        if not handle.is_valid():
            return False
        # libtorrent writes first what is still to be written.
        self._session.remove_torrent(handle, lt.session.delete_partfile if fenced else 0)
        self._removed[info_hash] = handle
        return True

    def is_writing(self, info_hash: InfoHash) -> bool:
        """Whether libtorrent may still write to the files of a torrent that was removed."""
        # Each disk job holds the torrent: its handle is valid until the last one has ended.
        handle = self._removed.get(info_hash)
        if handle is not None and not handle.is_valid():
            del self._removed[info_hash]
            handle = None
        return handle is not None

    def has(self, info_hash: InfoHash) -> bool:
        """Whether a torrent is in the session or is being added; waits for libtorrent."""
        return bool(self._session.find_torrent(self._hashes.in_session(info_hash)).is_valid())

    def fetch(self, info_hash: InfoHash, priorities: Sequence[int], sequential: bool) -> None:
        """
        Fetch files.

        :param priorities: see :meth:`Layout.priorities`.
        :param sequential: whether to fetch the pieces in their order.
        """
        if not (handle := self._handles.get(info_hash)):
            return
        # Before anything else: the first requests may be all that there are.
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
        """The verified bytes of each of libtorrent's files; empty if they are not known."""
        # The alert that would bring this later cannot be read in Python; this takes 0.1 ms.
        handle = self._handles.get(info_hash)
        return handle.file_progress(lt.torrent_handle.piece_granularity) if handle else []

    def connections(self, info_hash: InfoHash) -> list[PeerConnection]:
        """The peers of a torrent."""
        # There is no readable alert for this, either; the call takes 0.1 ms.
        handle = self._handles.get(info_hash)
        peers = [*handle.get_peer_info(), *self.twins.peers(info_hash)] if handle else []
        return [connection(peer) for peer in peers]

    def torrent_info(self, info_hash: InfoHash) -> lt.torrent_info | None:
        """Libtorrent's view of a torrent; ``None`` without metadata."""
        handle = self._handles.get(info_hash)
        return handle.torrent_file() if handle else None

    def want_piece(self, info_hash: InfoHash, piece: int, deadline: int, bring: bool) -> None:
        """
        Have a piece fetched before others.

        :param piece: its number, from 0.
        :param deadline: milliseconds in which it is wanted.
        :param bring: whether ``PieceRead`` brings it when it is here.
        """
        if handle := self._handles.get(info_hash):
            flags = lt.torrent_handle.alert_when_available if bring else 0
            handle.set_piece_deadline(piece, deadline, flags)

    def unwant_piece(self, info_hash: InfoHash, piece: int) -> None:
        """Have a piece fetched like the others again."""
        if handle := self._handles.get(info_hash):
            handle.reset_piece_deadline(piece)

    def peers(self, info_hash: InfoHash) -> list[Peer]:
        """List the connected peers."""
        handle = self._handles.get(info_hash)
        opening = lt.peer_info.connecting | lt.peer_info.handshake
        peers = [*handle.get_peer_info(), *self.twins.peers(info_hash)] if handle else []
        return [peer_value(peer) for peer in peers if not peer.flags & opening]

    def metadata(self, info_hash: InfoHash) -> bytes | None:
        """The .torrent file, sealed if the torrent is; ``None`` without metadata."""
        info = self.torrent_info(info_hash)
        return torrent_file(info.info_section()) if info else None

    def dial(self, info_hash: InfoHash, peers: Sequence[PeerAddress], at_once: bool) -> None:
        """
        Connect to peers, unless they are connected.

        :param peers: the addresses to dial, as soon as libtorrent has all changes of the IP filter.
        :param at_once: dial now, not up to a second later when libtorrent next looks at its peers;
            disconnects from connected peers.
        """
        self.ip_filter.after_flush(lambda: self._dial(info_hash, peers, at_once))

    def _dial(self, info_hash: InfoHash, peers: Sequence[PeerAddress], at_once: bool) -> None:
        if not (handle := self._handles.get(info_hash)):
            return
        for peer in peers:
            handle.connect_peer((peer.address, peer.port))
        if at_once:
            handle.pause()
            handle.resume()

    def dial_over_utp(self, on: bool) -> None:
        """Dial peers over uTP first from now on, or never over uTP."""
        self._session.apply_settings({"enable_outgoing_utp": on})

    def halt(self, info_hash: InfoHash) -> None:
        """Pause a torrent."""
        if handle := self._handles.get(info_hash):
            handle.pause()

    def go_on(self, info_hash: InfoHash) -> None:
        """Resume a torrent that was halted."""
        if handle := self._handles.get(info_hash):
            handle.resume()

    def flush(self, info_hash: InfoHash) -> bool:
        """
        Write a torrent's content from memory to the disk; ``Flushed`` tells when that is done.

        :returns: whether the torrent is in the session.
        """
        handle = self._handles.get(info_hash)
        if not handle:
            return False
        handle.flush_cache()
        return True

    def save_resume_data(self, info_hash: InfoHash) -> bool:
        """
        Ask for what libtorrent needs to go on later; ``ResumeData`` brings it.

        :returns: whether the torrent is in the session.
        """
        handle = self._handles.get(info_hash)
        if not handle:
            return False
        flags = lt.torrent_handle.flush_disk_cache
        if not self.twins.numbers(info_hash).total:  # libtorrent knows of no modification by it
            flags |= lt.torrent_handle.only_if_modified
        handle.save_resume_data(flags)
        return True

    def post_updates(self) -> None:
        """Ask for ``TorrentStatuses``."""
        self._session.post_torrent_updates()

    def statuses(self) -> list[TorrentStatus]:
        """List the status of every torrent; waits for libtorrent, and long for many torrents."""
        # get_torrent_status calls its predicate without the interpreter's lock, and crashes on
        # Python 3.12 and later.
        statuses = [handle.status() for handle in self._session.get_torrents()]
        named = [(self._hashes.own(status.info_hashes), status) for status in statuses]
        self._handles = {name: status.handle for name, status in named if name is not None}
        for info_hash in self._credentials.keys() & self._handles.keys():
            self._certify(info_hash)
        return [self._conversion.status(status) for name, status in named if name is not None]

    def _handling(self, alerts: Iterable[lt.alert]) -> Iterator[None]:
        for portion in self._conversion.portions(self._noting_handles(alerts)):
            try:
                self._receive(portion)
            except Exception:
                # The other alerts have to be handled all the same.
                self._log.failure("handling alerts failed")
            yield

    def _noting_handles(self, alerts: Iterable[lt.alert]) -> Iterator[lt.alert]:
        for alert in alerts:
            if isinstance(alert, lt.add_torrent_alert) and not alert.error.value():
                info_hash = self._hashes.own(alert.params.info_hashes)
                if info_hash is not None:
                    self._handles[info_hash] = alert.handle
                    self._removed.pop(info_hash, None)
                    self._certify(info_hash)
            yield alert

    def _status(self, info_hash: InfoHash) -> lt.torrent_status | None:
        handle = self._handles.get(info_hash)
        return handle.status() if handle and handle.is_valid() else None

    def _certify(self, info_hash: InfoHash) -> None:
        """Give a sealed torrent its certificate, and let it run unless it is halted."""
        credentials, halted = self._credentials.pop(info_hash, (None, True))
        handle = self._handles[info_hash]
        if credentials is not None:
            handle.set_ssl_certificate_buffer(credentials.certificate, credentials.key, "")
        if not halted:
            handle.resume()


#: Creates a session; see the arguments of :class:`Session`.
SessionFactory = Callable[[SessionReactor, SwarmOptions, Callable[[list[Alert]], None]], Session]
