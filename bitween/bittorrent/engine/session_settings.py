"""What libtorrent's session is set to."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from bitween.bittorrent.engine._libtorrent import lt
from bitween.bittorrent.engine.ip_filter import ALL_ADDRESSES
from bitween.model.metainfo import MAX_METADATA

TORRENT_FLAGS = (
    # Without paused and auto_managed, which would leave most of many torrents paused.
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
    # Peers that connect, and peers that are banned.
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
    # If the requested port is in use, that is an error.
    "listen_system_port_fallback": False,
    "max_retry_port_bind": 0,
    # Connections that wait to be accepted; with the default of 5, a sixth contact that dials at the
    # same moment has to try again a second later.
    "listen_queue_size": 128,
    # uTP is tried first where it is on, and runs at a thirtieth of TCP's speed.
    "enable_outgoing_utp": False,
    # Milliseconds.  When two peers dial each other, the first packets are lost: the next try must
    # not wait for three seconds.
    "utp_connect_timeout": 1000,
    # Several daemons may share an address; on one machine they always do.
    "allow_multiple_connections_per_ip": True,
    # Until we know what to fetch of a new torrent we want nothing of it, which looks like a seed:
    # two seeds would disconnect, and connect again only seconds later.
    "close_redundant_connections": False,
    # A contact is dialled again as long as it is online.
    "max_failcount": 1000,
    # Seconds.  While it dials an address, libtorrent closes connections that come from there: from
    # a contact behind a firewall that drops what we send, but lets it dial us.
    "peer_connect_timeout": 3,
    "connections_limit": 2000,
    # Every allowed peer is a contact: none has to wait for another.
    "unchoke_slots_limit": -1,
    # Seconds of requests that are sent to a peer ahead.  A slow peer sends several times what
    # several peers have requested of it: with the default of 3, eight that fetched 128 MiB at
    # 10 MB/s took 29 s (one run), with this 21 s (median of three).  Between two no difference was
    # seen.
    "request_queue_time": 1,
    # Milliseconds until libtorrent acts on connect_peer, or on a lowered rate limit; with the
    # default of 500 a peer that is found later waits half a second for the first byte.
    "tick_interval": 100,
    # With a threshold, the first pieces come in any order, whatever the priorities.
    "initial_picker_threshold": 0,
    "active_limit": -1,
    "active_seeds": -1,
    "active_downloads": -1,
    "active_checking": -1,
    "max_metadata_size": MAX_METADATA,
    # For uTP, which runs at 215 MB/s with these and at 74 with 208 KiB; TCP is as fast without.
    "recv_socket_buffer_size": 4 << 20,
    "send_socket_buffer_size": 4 << 20,
    # Threads that read and write.  Each block that is read for a sealed peer wakes them all: with
    # the default of 10 the giver took 2.9 s of CPU time a GiB, and with 4 it took 2.2; when the
    # file came from the disk, 3.9 and 3.0.  With 1 it took 2.0, but one slow disk would stop all.
    "aio_threads": 4,
    # The handshake is hidden from networks that look for BitTorrent; RC4 for the content would
    # halve the speed.  If encryption were only enabled, the peers of a new torrent would be greeted
    # in plain text first.  Peers may greet us in plain text.
    "out_enc_policy": lt.enc_policy.pe_forced,
    "in_enc_policy": lt.enc_policy.pe_enabled,
    "allowed_enc_level": lt.enc_level.pe_both,
    "prefer_rc4": False,
}


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


def rate_limited_peers(lan: bool) -> lt.ip_filter:
    """
    Build the filter of peers to which the session's rate limits apply: those that have a class.

    :param lan: whether the limits apply to peers in local networks, too.
    """
    ranges: Any = lt.ip_filter()
    every_peer = 1 << lt.session.global_peer_class_id
    for first, last in ALL_ADDRESSES:
        ranges.add_rule(first, last, every_peer)
    if not lan:
        for network in _LOCAL_NETWORKS:
            ranges.add_rule(str(network[0]), str(network[-1]), 0)
    filter_: lt.ip_filter = ranges
    return filter_
