"""The state of the daemon as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import cast

from bitween.api.results.encoding.common import addresses
from bitween.api.results.encoding.torrents import limits
from bitween.api.results.faults import error_data
from bitween.api.results.shapes import daemon as shapes
from bitween.app.status import DaemonStatus
from bitween.model.connection import ConnectionStatus
from bitween.model.setting import Setting
from bitween.model.traffic import Rates, Traffic


def status(status: DaemonStatus) -> shapes.Status:
    """``Api.status``."""
    return {
        "jid": status.connection.jid,
        "connection": connection(status.connection),
        "listen": list(status.listening),
        "addresses": addresses(status.addresses),
        "totals": cast("shapes.Totals", asdict(status.totals)),
        "limits": limits(status.limits),
        "download_dir": status.download_dir,
        "free": status.free,
        "uptime": status.uptime,
    }


def connection(status: ConnectionStatus) -> shapes.Connection:
    """The state of the connection to the XMPP server."""
    cause = None if status.cause is None else error_data(status.cause)
    return {
        "state": status.state.value,
        "since": status.since,
        "error": status.error or None,
        "reason": cause and cause["reason"],
        "id": cause and cause.get("id"),
        "detail": cause and cause.get("detail"),
        "values": cause and cause.get("values"),
        "next_try": status.next_try,
    }


def traffic_history(
    samples: Sequence[Rates], interval: float, session: Traffic, ever: Traffic
) -> shapes.TrafficHistory:
    """
    ``Api.traffic``.

    :param samples: the rates of all torrents together, oldest first.
    :param interval: seconds from one sample to the next.
    :param session: the content exchanged since the daemon started.
    :param ever: the same for all runs of the daemon.
    """
    return {
        "interval": interval,
        "download_rates": [rates.download for rates in samples],
        "upload_rates": [rates.upload for rates in samples],
        "session": _traffic(session),
        "ever": _traffic(ever),
    }


def _traffic(traffic: Traffic) -> shapes.Traffic:
    return {"downloaded": traffic.downloaded, "uploaded": traffic.uploaded}


def setting(setting: Setting) -> shapes.Setting:
    """One of ``Api.settings``."""
    value = setting.value
    return {
        "name": setting.name,
        "value": list(value) if isinstance(value, tuple) else value,
        "origin": setting.origin.value,
        "changeable": setting.changeable,
    }
