"""Results of ``Api.``: the daemon."""

from __future__ import annotations

from typing import Annotated, TypedDict

from bitween.api.results.shapes.common import Address, Rate, Seconds, Size, Time
from bitween.api.results.shapes.torrents import LimitsInForce
from bitween.model.connection import ConnectionState
from bitween.model.setting import Origin


class Versions(TypedDict):
    """Versions of the daemon, of this API and of what they are built on."""

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
    """Where the connection to the XMPP server stands."""

    state: Annotated[str, ConnectionState]
    since: Time
    error: Annotated[str | None, "the last reason for not being online, in words"]
    reason: Annotated[str | None, "what kind of error that is, as ErrorData has it"]
    detail: Annotated[str | None, "what exactly it is, one word; null where the reason says it all"]
    values: Annotated[dict[str, str] | None, "what error tells beside that, by name"]
    next_try: Annotated[float | None, "when it is tried again, in seconds since the epoch"]


class Totals(TypedDict):
    """Sums over all our torrents, and over all contacts whom we follow."""

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
    """How the daemon is."""

    jid: Annotated[str, "the full JID while online, else the one that is asked for"]
    connection: Connection
    listen: Annotated[list[Address], "the sockets on which BitTorrent peers are accepted"]
    addresses: Annotated[list[Address], "where contacts are told to dial, best first"]
    totals: Totals
    limits: LimitsInForce
    download_dir: Annotated[str, "where downloads go that are not told to go elsewhere"]
    free: Annotated[int | None, "bytes that find room there"]
    uptime: Seconds


class Traffic(TypedDict):
    """Content that was exchanged."""

    downloaded: Annotated[int, "bytes"]
    uploaded: Annotated[int, "bytes"]


class TrafficHistory(TypedDict):
    """How much was exchanged with everybody, and how fast in the last minutes."""

    interval: Annotated[float, "seconds from one rate to the next"]
    download_rates: Annotated[list[int], "bytes/s; oldest first, the last is of now"]
    upload_rates: Annotated[list[int], "bytes/s; oldest first, the last is of now"]
    session: Annotated[Traffic, "since the daemon was started"]
    ever: Annotated[Traffic, "since the state directory was made"]


class Setting(TypedDict):
    """What something is set to."""

    name: Annotated[str, "as the command line and the file have it"]
    value: Annotated[str | bool | list[str] | None, "several of what may be repeated"]
    origin: Annotated[str, Origin]
    changeable: Annotated[bool, "whether it can be changed while the daemon runs"]


class Settings(TypedDict):
    """What whoever runs the daemon has set, and what holds where nothing is."""

    settings: list[Setting]


class Warning(TypedDict):  # noqa: A001  # its name in the API
    """What the daemon's log warned of."""

    time: Time
    level: Annotated[str, "warn, error or critical"]
    text: Annotated[str, "one line; names in it may be chosen by contacts"]
    more: Annotated[int, "of the same second, left out before it"]


class Warnings(TypedDict):
    """The last warnings."""

    warnings: Annotated[list[Warning], "oldest first"]
