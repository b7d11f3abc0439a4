"""What libtorrent's session is set to."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from bitween.bittorrent.engine._libtorrent import lt
from bitween.bittorrent.engine.ip_filter import ALL_ADDRESSES
from bitween.model.metainfo import MAX_METADATA

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
    Which peers the limits of the session hold for: those that have a class.

    :param lan: whether peers in local networks are among them.
    """
    ranges: Any = lt.ip_filter()
    everybody = 1 << lt.session.global_peer_class_id
    for first, last in ALL_ADDRESSES:
        ranges.add_rule(first, last, everybody)
    if not lan:
        for network in _LOCAL_NETWORKS:
            ranges.add_rule(str(network[0]), str(network[-1]), 0)
    filter_: lt.ip_filter = ranges
    return filter_
