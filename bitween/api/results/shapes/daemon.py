"""Results of ``Api.``: the daemon."""

from __future__ import annotations

from typing import Annotated, TypedDict

from bitween.api.results.shapes.common import Address, Rate, Seconds, Size, Time
from bitween.api.results.shapes.torrents import LimitsInForce
from bitween.model.connection import ConnectionState
from bitween.model.setting import Origin


class Versions(TypedDict):
    """Versions of the daemon, of this API and of the libraries below them."""

    bitween: str
    api: str
    libtorrent: str | None
    twisted: str | None
    wokkel: str | None
    python: str


class LogInLink(TypedDict):
    """A link that logs a browser in."""

    url: str
    expires: Time


class Connection(TypedDict):
    """The state of the connection to the XMPP server."""

    state: Annotated[str, ConnectionState]
    since: Time
    error: Annotated[str | None, "the last reason for not being online, as text"]
    reason: Annotated[str | None, "the kind of error, as in ErrorData"]
    id: Annotated[str | None, "which error it is; null if only the text says it"]
    detail: Annotated[str | None, "the exact error, one word; null if only the text says it"]
    values: Annotated[dict[str, str | float] | None, "the variable parts of error, by name"]
    next_try: Annotated[float | None, "when the daemon tries again, in seconds since the epoch"]


class Totals(TypedDict):
    """Sums over all torrents, and over all mutual contacts."""

    torrents: int
    complete: Annotated[int, "torrents that are complete"]
    size: Size
    done: Size
    download_rate: Rate
    upload_rate: Rate
    peers: int
    contacts: int
    contacts_online: int


class Status(TypedDict):
    """The state of the daemon."""

    jid: Annotated[str, "the full JID while online; otherwise the configured one"]
    connection: Connection
    listen: Annotated[list[Address], "the sockets that accept BitTorrent peers"]
    addresses: Annotated[list[Address], "the addresses that contacts are told to dial, best first"]
    totals: Totals
    limits: LimitsInForce
    download_dir: Annotated[str, "the default folder for downloads"]
    free: Annotated[int | None, "free disk space there, in bytes"]
    uptime: Seconds


class Traffic(TypedDict):
    """Amounts of transferred content."""

    downloaded: Annotated[int, "bytes"]
    uploaded: Annotated[int, "bytes"]


class TrafficHistory(TypedDict):
    """Amounts transferred with all contacts, and the rates of the last minutes."""

    interval: Annotated[float, "seconds between two rates"]
    download_rates: Annotated[list[int], "bytes/s, oldest first; the last one is current"]
    upload_rates: Annotated[list[int], "bytes/s, oldest first; the last one is current"]
    session: Annotated[Traffic, "since the daemon was started"]
    ever: Annotated[Traffic, "since the state directory was created"]


class Setting(TypedDict):
    """A setting."""

    name: Annotated[str, "as on the command line and in the settings file"]
    value: Annotated[str | bool | list[str] | None, "a list for an option that can be repeated"]
    origin: Annotated[str, Origin]
    changeable: Annotated[bool, "whether it can be changed while the daemon runs"]


class Settings(TypedDict):
    """All settings, with the defaults of those that are not set."""

    settings: list[Setting]


class Warning(TypedDict):  # noqa: A001  # its name in the API
    """A warning in the daemon's log."""

    time: Time
    level: Annotated[str, "warn, error or critical"]
    text: Annotated[str, "one line; it may contain names that contacts chose"]
    more: Annotated[int, "how many warnings of the same second were left out before it"]


class Warnings(TypedDict):
    """The last warnings in the daemon's log."""

    warnings: Annotated[list[Warning], "oldest first"]
