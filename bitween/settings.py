"""What the person who runs the daemon wants: command line and TOML file, made into one value."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from types import MappingProxyType
from typing import Any, NoReturn

from twisted.python import usage

from bitween import __version__
from bitween.errors import BadPath, ConfigurationError, InvalidValue
from bitween.model.address import PeerAddress
from bitween.model.connection import DEFAULT_PRIORITY
from bitween.model.contact import AutoAccept
from bitween.model.disk_path import checked_utf8
from bitween.model.format import parse_rate, parse_size
from bitween.model.jid import parse_jid
from bitween.model.relay_route import RELAY_NETWORK
from bitween.model.schedule import ScheduleEntry, parse_entry
from bitween.model.setting import Origin, Setting
from bitween.model.text import quoted

DEFAULT_SHARE_ROOTS = ("~",)
DEFAULT_DOWNLOADS = "~/Downloads/bitween"
DEFAULT_API = "tcp:5000:interface=127.0.0.1"
DEFAULT_XMPP_PORT = 5222
DEFAULT_DIRECT_TLS_PORT = 5223
DEFAULT_ACTIVE_DOWNLOADS = 5
DEFAULT_IN_BAND_LIMIT = 1_000_000
MAX_NICK = 64
#: Below are services of other kinds, which contacts do not dial.
LOWEST_PEER_PORT = 1024
# Bits of the largest network that is anybody's own: 10.0.0.0/8, fc00::/7.
_SHORTEST_PREFIX = 7

_DIRECT_TLS = "xmpps://"


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Everything that can be set, checked.  ``docs/configuration.rst`` explains each one.

    :param jid: the bare JID.
    :param resource: ``None`` to have one chosen once and kept.
    :param server: host and port of the XMPP server, ``None`` to look them up.
    :param direct_tls: whether that server wants TLS from the first byte on.
    :param priority: of our presence, below 0, so that chat programs get the account's messages.
    :param nick: what we call ourselves towards whom we ask; may be empty.
    :param share_roots: the folders in which clients of the API may look around.
    :param private: paths of the daemon's secrets, and of other daemons of the same user.
    :param share_hidden: whether files in a shared folder count whose name begins with a dot.
    :param listen: address and port for BitTorrent; an empty address means all, port 0 means that
        one is chosen once and kept.
    :param announce: further addresses at which we can be dialled; port ``None`` means ours.
    :param trusted_networks: private networks in which contacts are dialled without proof that they
        are there.
    :param temporary_addresses: whether to announce passing IPv6 addresses in place of lasting ones.
    :param upload_limit: bytes/s, 0 for none.
    :param download_limit: bytes/s, 0 for none.
    :param schedule: when other limits hold.
    :param limit_lan: whether limits hold on local networks, too.
    :param active_downloads: how many run at the same time, 0 for any number.
    :param seed_ratio: how often a download is given to others before it is paused, 0 for always.
    :param seed_hours: how long, 0 for always.
    :param in_band_limit: bytes of the largest torrent that goes within the XMPP stream, 0 for none.
    :param shown: all of this as it was given, for a person to look at.
    """

    jid: str
    resource: str | None
    password_file: str | None
    server: tuple[str, int] | None
    direct_tls: bool
    ca_file: str | None
    state_dir: str
    download_dir: str
    share_roots: tuple[str, ...]
    private: tuple[str, ...]
    share_hidden: bool
    api: str | None
    token_file: str
    api_hosts: tuple[str, ...]
    listen: tuple[str, int]
    announce: tuple[tuple[str, int | None], ...]
    upload_limit: int
    download_limit: int
    schedule: tuple[ScheduleEntry, ...]
    limit_lan: bool
    active_downloads: int
    seed_ratio: float
    seed_hours: float
    in_band_limit: int
    port_mapping: bool
    trusted_networks: tuple[IPv4Network | IPv6Network, ...]
    temporary_addresses: bool
    priority: int
    nick: str
    auto_accept: AutoAccept
    allow_plain: bool
    log_traffic: bool
    shown: tuple[Setting, ...]


class Options(usage.Options):
    """
    The options of ``bitween daemon``, which are those of ``twistd bitween``.

    :meth:`settings` makes them into :class:`Settings`.
    """

    synopsis = "[options] --jid USER@DOMAIN[/RESOURCE]"
    longdesc = "Shares files with your XMPP contacts over BitTorrent."

    optFlags = [
        ["no-port-mapping", None, "Do not ask the router for a port by UPnP or NAT-PMP."],
        [
            "temporary-addresses",
            None,
            "Announce temporary IPv6 addresses in place of lasting ones.",
        ],
        ["limit-lan", None, "Apply the limits on local networks, too."],
        [
            "allow-plain",
            None,
            "Send the password itself (SASL PLAIN) if the server offers no SCRAM.",
        ],
        ["log-traffic", None, "Log the XMPP stream, with secrets masked."],
    ]
    optParameters = [
        ["jid", None, None, "The XMPP account: user@domain[/resource]."],
        [
            "password-file",
            None,
            None,
            "File whose first line is the password; - for standard input.",
        ],
        ["config", None, None, "TOML file with these options."],
        ["server", None, None, "The XMPP server as [xmpps://]HOST[:PORT] [looked up in DNS]."],
        ["ca-file", None, None, "PEM file: a further trust root for the server's certificate."],
        ["state-dir", None, None, "Where torrents, resume data and the API token are kept."],
        ["download-dir", None, None, "Where downloads go [~/Downloads/bitween]."],
        [
            "hidden-files",
            None,
            None,
            "share or skip the files in a folder whose name begins with a dot [share].",
        ],
        ["api", None, None, f"Endpoint of the JSON-RPC API, or none [{DEFAULT_API}]."],
        ["token-file", None, None, "File with the API token [token in the state directory]."],
        [
            "listen",
            None,
            None,
            "Accept BitTorrent connections at [ADDR:]PORT [chosen once, then kept].",
        ],
        ["priority", None, None, f"XMPP presence priority, -128 to -1 [{DEFAULT_PRIORITY}]."],
        ["nick", None, None, "Your name in contact requests."],
        ["auto-accept", None, None, "Accept contact requests: never, known or always [known]."],
        ["upload-limit", None, None, "Bytes per second, e.g. 500k or 2M [none]."],
        ["download-limit", None, None, "Bytes per second, e.g. 500k or 2M [none]."],
        [
            "active-downloads",
            None,
            None,
            f"Downloads that run at the same time, 0 for any number [{DEFAULT_ACTIVE_DOWNLOADS}].",
        ],
        [
            "seed-ratio",
            None,
            None,
            "Pause a download once it was uploaded so many times [no limit].",
        ],
        ["seed-hours", None, None, "Pause a download after so many hours of seeding [no limit]."],
        [
            "in-band-limit",
            None,
            None,
            f"Bytes of the largest torrent that goes over XMPP itself [{DEFAULT_IN_BAND_LIMIT}].",
        ],
    ]

    def __init__(self) -> None:
        super().__init__()
        self["api-host"] = []
        self["announce"] = []
        self["schedule"] = []
        self["share-root"] = []
        self["trusted-network"] = []

    def opt_api_host(self, name: str) -> None:
        """Allow this Host header too; may be repeated."""
        self["api-host"].append(name)

    def opt_announce(self, address: str) -> None:
        """Announce this ADDR[:PORT] too; may be repeated."""
        self["announce"].append(address)

    def opt_schedule(self, entry: str) -> None:
        """Other limits at times, as [DAYS] HH:MM-HH:MM [upload=RATE] [download=RATE]."""
        self["schedule"].append(entry)

    def opt_share_root(self, path: str) -> None:
        """A folder that the page may browse for files to share, or none [~]; may be repeated."""
        self["share-root"].append(path)

    def opt_trusted_network(self, network: str) -> None:
        """Connect to contacts in this private network, e.g. 10.8.0.0/24; may be repeated."""
        self["trusted-network"].append(network)

    def opt_version(self) -> NoReturn:
        """Print the version and exit."""
        sys.stdout.write(f"bitween {__version__}\n")
        raise SystemExit(0)

    def parseArgs(self, *rest: str) -> None:
        """:raises twisted.python.usage.UsageError: for a stray argument."""
        if rest:
            raise usage.UsageError(f"{rest[0]!r} is not an option")

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        Read the command line.

        :raises SystemExit: with one line, where twistd would print its whole help and exit with 0.
        """
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            raise SystemExit(f"bitween: {error}; see bitween daemon --help") from None

    def settings(self, environ: Mapping[str, str]) -> Settings:
        """
        Join command line, TOML file and defaults.

        :raises ConfigurationError: naming the option and what it should be.
        """
        given = {key: value for key, value in self.items() if value not in (None, 0, [])}
        for key, value in given.items():
            _check_not_empty(f"--{key}", value)
        from_file = _read_config(given.get("config"), environ)
        return _settings({**from_file, **given}, environ, _shown(given, from_file))


_TEXT_KEYS = frozenset(str(parameter[0]) for parameter in Options.optParameters) - {"config"}
_FLAG_KEYS = frozenset(str(flag[0]) for flag in Options.optFlags)
_LIST_KEYS = frozenset({"api-host", "announce", "schedule", "share-root", "trusted-network"})
#: What ``bt.set_limits`` replaces.
_CHANGEABLE = frozenset({"upload-limit", "download-limit"})
#: What holds where nothing is given, as far as that is the same for everybody.
_DEFAULTS: Mapping[str, str | tuple[str, ...]] = MappingProxyType(
    {
        "active-downloads": str(DEFAULT_ACTIVE_DOWNLOADS),
        "api": DEFAULT_API,
        "auto-accept": AutoAccept.KNOWN.value,
        "download-dir": DEFAULT_DOWNLOADS,
        "hidden-files": "share",
        "in-band-limit": str(DEFAULT_IN_BAND_LIMIT),
        "priority": str(DEFAULT_PRIORITY),
        "share-root": DEFAULT_SHARE_ROOTS,
    }
)


def _read_config(path: str | None, environ: Mapping[str, str]) -> dict[str, Any]:
    if path is None:
        path = os.path.join(_xdg(environ, "XDG_CONFIG_HOME", ".config"), "bitween", "config.toml")
        if not os.path.exists(path):
            return {}
    try:
        with open(path, "rb") as file:
            # TOML has no byte order mark, but there are editors that write one.
            values = tomllib.loads(file.read().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {quoted(path)}: {error.strerror}", "check --config"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{quoted(path)} is not valid TOML: {error}", "mend the file"
        ) from None
    return {key: _config_value(path, key, value) for key, value in values.items()}


def _config_value(path: str, key: str, value: object) -> object:
    """Check a value's type; numbers become the text that the command line would have given."""
    if key in _FLAG_KEYS:
        fits = isinstance(value, bool)
    elif key in _LIST_KEYS:
        fits = isinstance(value, list) and all(isinstance(entry, str) for entry in value)
    elif key in _TEXT_KEYS:
        fits = isinstance(value, str | int | float) and not isinstance(value, bool)
        value = str(value)
    else:
        known = ", ".join(sorted(_TEXT_KEYS | _FLAG_KEYS | _LIST_KEYS))
        raise ConfigurationError(f"unknown key {key!r} in {quoted(path)}", f"known are {known}")
    if not fits:
        wanted = "true or false" if key in _FLAG_KEYS else "a list of texts"
        raise ConfigurationError(
            f"{key!r} in {quoted(path)} has the wrong type",
            f"it should be {wanted if key not in _TEXT_KEYS else 'a text or a number'}",
        )
    _check_not_empty(f"{key!r} in {quoted(path)}", value)
    return value


def _check_not_empty(name: str, value: object) -> None:
    """
    :raises ConfigurationError: for what an unset variable leaves, which would be the current
        directory where a path is meant.
    """
    if value == "" or (isinstance(value, list) and "" in value):
        raise ConfigurationError(f"{name} is empty", "leave it out, or say what is meant")


def _shown(given: Mapping[str, Any], from_file: Mapping[str, Any]) -> tuple[Setting, ...]:
    """What is set, and by whom; of secrets only where they lie."""
    settings = []
    for name in sorted(_TEXT_KEYS | _FLAG_KEYS | _LIST_KEYS):
        if name in given:
            value, origin = given[name], Origin.COMMAND_LINE
        elif name in from_file:
            value, origin = from_file[name], Origin.FILE
        else:
            value, origin = _DEFAULTS.get(name), Origin.DEFAULT
        if name in _FLAG_KEYS:
            value = bool(value)
        elif name in _LIST_KEYS:
            value = tuple(value or ())
        settings.append(Setting(name, value, origin, name in _CHANGEABLE))
    return tuple(settings)


def _settings(
    values: Mapping[str, Any], environ: Mapping[str, str], shown: tuple[Setting, ...]
) -> Settings:
    jid, resource = _jid(values.get("jid"))
    state_home = _xdg(environ, "XDG_STATE_HOME", ".local/state")
    state_dir = _path(values.get("state-dir") or os.path.join(state_home, "bitween", jid))
    password_file = values.get("password-file")
    password_path = None if password_file in (None, "-") else _path(password_file)
    token_file = _path(values.get("token-file") or os.path.join(state_dir, "token"))
    homes = (state_home, _xdg(environ, "XDG_CONFIG_HOME", ".config"))
    secret = (*(os.path.join(home, "bitween") for home in homes), state_dir, token_file)
    server, direct_tls = _server(values["server"]) if "server" in values else (None, False)
    api = values.get("api", DEFAULT_API)
    return Settings(
        jid=jid,
        resource=resource,
        password_file=password_path or password_file,
        server=server,
        direct_tls=direct_tls,
        ca_file=_path(values["ca-file"]) if "ca-file" in values else None,
        state_dir=state_dir,
        download_dir=_path(values.get("download-dir", DEFAULT_DOWNLOADS)),
        share_roots=_share_roots(values.get("share-root", DEFAULT_SHARE_ROOTS)),
        private=secret if password_path is None else (*secret, password_path),
        share_hidden=_share_hidden(values.get("hidden-files", "share")),
        api=None if api == "none" else api,
        token_file=token_file,
        api_hosts=tuple(values.get("api-host", ())),
        listen=_listen(values.get("listen", "0")),
        announce=tuple(_announced(entry) for entry in values.get("announce", ())),
        upload_limit=_limit("upload-limit", values.get("upload-limit", "0")),
        download_limit=_limit("download-limit", values.get("download-limit", "0")),
        schedule=tuple(_schedule(entry) for entry in values.get("schedule", ())),
        trusted_networks=tuple(_network(text) for text in values.get("trusted-network", ())),
        temporary_addresses=bool(values.get("temporary-addresses", False)),
        limit_lan=bool(values.get("limit-lan", False)),
        active_downloads=_active_downloads(
            values.get("active-downloads", str(DEFAULT_ACTIVE_DOWNLOADS))
        ),
        seed_ratio=_number("seed-ratio", values.get("seed-ratio", "0")),
        seed_hours=_number("seed-hours", values.get("seed-hours", "0")),
        in_band_limit=_size(
            "in-band-limit", values.get("in-band-limit", str(DEFAULT_IN_BAND_LIMIT))
        ),
        port_mapping=not values.get("no-port-mapping", False),
        priority=_priority(values.get("priority", str(DEFAULT_PRIORITY))),
        nick=_nick(values.get("nick", "")),
        auto_accept=_auto_accept(values.get("auto-accept", AutoAccept.KNOWN)),
        allow_plain=bool(values.get("allow-plain", False)),
        log_traffic=bool(values.get("log-traffic", False)),
        shown=shown,
    )


def _xdg(environ: Mapping[str, str], variable: str, default: str) -> str:
    """A base directory of the XDG specification; a relative one is to be ignored."""
    given = environ.get(variable, "")
    return given if os.path.isabs(given) else os.path.join(os.path.expanduser("~"), default)


def _path(text: str) -> str:
    path = os.path.abspath(os.path.expanduser(text))
    try:
        return checked_utf8(path)
    except BadPath as error:
        raise ConfigurationError(error.message, error.hint) from None


def _jid(text: str | None) -> tuple[str, str | None]:
    if text is None:
        raise ConfigurationError("no account is given", "say --jid user@domain")
    try:
        jid = parse_jid(text)
    except InvalidValue as error:
        raise ConfigurationError(f"--jid: {error.message}", error.hint) from None
    return jid.bare, jid.resource or None


def _split_port(option: str, text: str) -> tuple[str, int | None]:
    """Split ``HOST:PORT``, ``[v6]:PORT``, ``HOST`` or ``v6``."""
    match = re.fullmatch(
        r"\[(?P<v6>[^\]]+)\](?::(?P<p6>\d+))?|(?P<host>[^:]*)(?::(?P<port>\d+))?", text
    )
    if match is None:
        if text.count(":") > 1 and "[" not in text:
            return text, None
        raise ConfigurationError(f"--{option}: {text!r} is not a host with a port", "say HOST:PORT")
    port = match["p6"] or match["port"]
    return match["v6"] or match["host"], None if port is None else _port(option, port, lowest=0)


def _port(option: str, text: str, lowest: int) -> int:
    known = text.isascii() and text.isdigit() and len(text) <= 5
    if not known or not lowest <= int(text) <= 65535:
        raise ConfigurationError(f"--{option}: {text!r} is not a port", f"say {lowest} to 65535")
    return int(text)


def _server(text: str) -> tuple[tuple[str, int], bool]:
    """The host and port, and whether it wants TLS from the first byte on."""
    direct_tls = text.startswith(_DIRECT_TLS)
    host, port = _split_port("server", text.removeprefix(_DIRECT_TLS))
    if not host or "/" in host or port == 0:
        raise ConfigurationError(f"--server: {text!r} names no server", "say HOST or HOST:PORT")
    default = DEFAULT_DIRECT_TLS_PORT if direct_tls else DEFAULT_XMPP_PORT
    return (host, default if port is None else port), direct_tls


def _priority(text: str) -> int:
    if not re.fullmatch(r"-[0-9]{1,3}", text) or not -128 <= int(text) <= -1:
        raise ConfigurationError(
            f"--priority: {text!r} is not a number from -128 to -1",
            "from 0 up, the daemon would be given messages that are meant for chat programs",
        )
    return int(text)


def _nick(text: str) -> str:
    if not text.isprintable() or len(text) > MAX_NICK:
        raise ConfigurationError(f"--nick: {text!r} is not a name", f"up to {MAX_NICK} letters")
    return text.strip()


def _auto_accept(text: str) -> AutoAccept:
    try:
        return AutoAccept(text)
    except ValueError:
        known = ", ".join(AutoAccept)
        raise ConfigurationError(
            f"--auto-accept: {text!r} is unknown", f"say one of {known}"
        ) from None


def _listen(text: str) -> tuple[str, int]:
    if text.isdigit():
        return "", _peer_port("listen", _port("listen", text, lowest=0))
    address, port = _split_port("listen", text)
    try:
        checked = PeerAddress.parse(address, port or 1)
    except InvalidValue:
        raise ConfigurationError(
            f"--listen: {text!r} is neither a port nor an address of this machine with a port",
            "say PORT or ADDRESS:PORT",
        ) from None
    return _peer_host("listen", checked), _peer_port("listen", port or 0)


def _peer_host(option: str, address: PeerAddress) -> str:
    if not address.is_ipv6 and address.ip in RELAY_NETWORK:
        raise ConfigurationError(
            f"--{option}: {address.address} belongs to the relay, which uses {RELAY_NETWORK}",
            "choose another address",
        )
    return address.address


def _peer_port(option: str, port: int) -> int:
    if 0 < port < LOWEST_PEER_PORT:
        raise ConfigurationError(
            f"--{option}: contacts dial no port below {LOWEST_PEER_PORT}, and so not {port}",
            f"choose one from {LOWEST_PEER_PORT} to 65535",
        )
    return port


def _announced(text: str) -> tuple[str, int | None]:
    address, port = _split_port("announce", text)
    try:
        checked = PeerAddress.parse(address, 1 if port is None else port)
    except InvalidValue as error:
        raise ConfigurationError(
            f"--announce: {error.message}", "say ADDRESS or ADDRESS:PORT"
        ) from None
    return _peer_host("announce", checked), None if port is None else _peer_port("announce", port)


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(text)
    except ValueError:
        raise ConfigurationError(
            f"--trusted-network: {text!r} is not a network", "say ADDRESS/BITS, as 10.8.0.0/24"
        ) from None
    if network.is_loopback or network.is_link_local or network.prefixlen < _SHORTEST_PREFIX:
        raise ConfigurationError(
            f"--trusted-network: {text!r} is not a private network", "say e.g. 10.8.0.0/24"
        )
    return network


def _share_roots(texts: Sequence[str]) -> tuple[str, ...]:
    if "none" in texts and len(texts) > 1:
        raise ConfigurationError("--share-root: none with others", "say none, or the folders")
    return tuple(dict.fromkeys(_path(text) for text in texts if text != "none"))


def _share_hidden(text: str) -> bool:
    if text not in {"share", "skip"}:
        raise ConfigurationError(f"--hidden-files: {text!r} is neither", "say share or skip")
    return text == "share"


def _limit(option: str, text: str) -> int:
    try:
        return parse_rate(text)
    except InvalidValue as error:
        raise ConfigurationError(f"--{option}: {error.message}", error.hint) from None


def _size(option: str, text: str) -> int:
    try:
        return parse_size(text)
    except InvalidValue as error:
        raise ConfigurationError(f"--{option}: {error.message}", error.hint) from None


def _schedule(text: str) -> ScheduleEntry:
    try:
        return parse_entry(text)
    except InvalidValue as error:
        raise ConfigurationError(f"--schedule: {error.message}", error.hint) from None


def _active_downloads(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise ConfigurationError(f"--active-downloads: {text!r} is not a number", "say 0 or more")
    return int(text)


def _number(option: str, text: str) -> float:
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII):
        raise ConfigurationError(f"--{option}: {text!r} is not a number", "say e.g. 1.5, or 0")
    return float(text)
