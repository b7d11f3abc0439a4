"""
The options of the daemon: one row each.

The command line, the keys of the TOML file, the defaults, and the list of settings in the API and
on the page are made from :data:`OPTIONS`.  ``docs/configuration.rst`` explains each option; a test
compares it with the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Any

from bitween.errors import ConfigurationError, InvalidValue
from bitween.model.access import EVERYBODY, parse_audiences
from bitween.model.connection import DEFAULT_PRIORITY
from bitween.model.contact import AutoAccept
from bitween.model.device_trust import TrustPolicy
from bitween.model.jid import parse_jid
from bitween.model.quantity import parse_rate, parse_size
from bitween.model.schedule import parse_entry
from bitween.settings import parse

DEFAULT_API = "tcp:5000:interface=127.0.0.1"


class Kind(Enum):
    """How often an option can be given, and whether it has a value."""

    TEXT = auto()
    FLAG = auto()
    LIST = auto()


@dataclass(frozen=True, slots=True)
class Option:
    """
    One option of the daemon.

    :param name: on the command line after ``--``, and in the TOML file.
    :param value: what the documentation calls the value, such as ``PATH``; empty for a flag.
    :param help: one sentence.
    :param parse: reads the text, of a list all texts; raises ``InvalidValue``.
    :param default: the text that counts where none is given; ``None`` where there is none.
    :param otherwise: what happens without the option, where there is no default.
    :param repeated: whether the option may be given several times.
    :param changeable: whether a method of the API can replace it while the daemon runs.
    """

    name: str
    value: str
    help: str
    parse: Callable[[Any], Any] = parse.plain
    default: str | tuple[str, ...] | None = None
    otherwise: str = ""
    repeated: bool = False
    changeable: bool = False

    @property
    def kind(self) -> Kind:
        """How the option is given."""
        if not self.value:
            return Kind.FLAG
        return Kind.LIST if self.repeated else Kind.TEXT

    @property
    def help_line(self) -> str:
        """The help with what counts by default, for the command line."""
        default = ", ".join(self.default) if isinstance(self.default, tuple) else self.default
        shown = self.otherwise or default
        text = f"{self.help[:-1]} [{shown}]." if shown else self.help
        return f"{text[:-1]}; may be repeated." if self.repeated else text

    def parsed(self, given: Any) -> Any:
        """
        Read what was given, or else the default.

        :param given: a text, a list of texts or a flag; ``None`` if nothing was given.
        :returns: the value; ``None`` without a default.
        :raises ConfigurationError: naming the option and what it should be.
        """
        if self.kind is Kind.FLAG:
            return bool(given)
        text = self.default if given is None else given
        if text is None:
            return () if self.repeated else None
        try:
            return self.parse(text)
        except InvalidValue as error:
            raise ConfigurationError(f"--{self.name}: {error.message}", error.hint) from None


_ROWS = (
    Option(
        "jid",
        "USER@DOMAIN[/RESOURCE]",
        "The XMPP account: user@domain[/resource].",
        parse_jid,
    ),
    Option(
        "password-file",
        "PATH",
        "File whose first line is the password; - for standard input.",
        parse.path_or_stdin,
    ),
    Option(
        "server",
        "[xmpps://]HOST[:PORT]",
        "The XMPP server as [xmpps://]HOST[:PORT].",
        parse.server,
        otherwise="looked up in DNS",
    ),
    Option(
        "ca-file",
        "PEM",
        "PEM file: a further trust root for the server's certificate.",
        parse.path,
    ),
    Option(
        "allow-plain",
        "",
        "Send the password itself (SASL PLAIN) if the server offers no SCRAM.",
    ),
    Option(
        "priority",
        "NUMBER",
        "XMPP presence priority, -128 to -1.",
        parse.priority,
        str(DEFAULT_PRIORITY),
    ),
    Option("nick", "NAME", "Nickname sent with contact requests.", parse.nick),
    Option(
        "auto-accept",
        "never|known|always",
        "Accept contact requests: never, known or always.",
        parse.choice(AutoAccept),
        AutoAccept.KNOWN.value,
    ),
    Option(
        "trust",
        "blind|verified",
        "Which devices count: all with the key seen first, or verified ones only.",
        parse.choice(TrustPolicy),
        TrustPolicy.BLIND.value,
    ),
    Option(
        "state-dir",
        "DIR",
        "Where torrents, resume data and the API token are kept.",
        parse.path,
        otherwise="$XDG_STATE_HOME/bitween/JID",
    ),
    Option("download-dir", "DIR", "Where downloads go.", parse.path, "~/Downloads/bitween"),
    Option(
        "share-root",
        "DIR",
        "A folder that the page may browse for files to share, or none.",
        parse.share_roots,
        ("~",),
        repeated=True,
    ),
    Option(
        "hidden-files",
        "share|skip",
        "Share or skip the hidden files of a folder: those whose name begins with a dot.",
        parse.shares_hidden,
        "share",
    ),
    Option(
        "share-with",
        "WHO",
        "Who may fetch what is shared without a choice.",
        parse_audiences,
        (EVERYBODY,),
        repeated=True,
    ),
    Option("api", "ENDPOINT", "Endpoint of the JSON-RPC API, or none.", parse.api, DEFAULT_API),
    Option(
        "token-file",
        "PATH",
        "File with the API token.",
        parse.path,
        otherwise="token in the state directory",
    ),
    Option(
        "api-host", "NAME", "Allow this Host header too.", parse.each(parse.plain), repeated=True
    ),
    Option(
        "listen",
        "[ADDR:]PORT",
        "Accept BitTorrent connections at [ADDR:]PORT.",
        parse.listen,
        otherwise="chosen once, then kept",
    ),
    Option(
        "allow-plain-peers",
        "",
        "Exchange open shares unencrypted with programs that know no encryption.",
    ),
    Option(
        "announce",
        "ADDR[:PORT]",
        "Announce this ADDR[:PORT] too.",
        parse.each(parse.announced),
        repeated=True,
    ),
    Option(
        "trusted-network",
        "NETWORK",
        "Connect to contacts in this private network, e.g. 10.8.0.0/24.",
        parse.each(parse.private_network),
        repeated=True,
    ),
    Option(
        "temporary-addresses",
        "",
        "Announce temporary IPv6 addresses instead of stable ones, which make you trackable.",
    ),
    Option(
        "upload-limit",
        "RATE",
        "Bytes per second, e.g. 500k or 2M.",
        parse_rate,
        otherwise="none",
        changeable=True,
    ),
    Option(
        "download-limit",
        "RATE",
        "Bytes per second, e.g. 500k or 2M.",
        parse_rate,
        otherwise="none",
        changeable=True,
    ),
    Option(
        "schedule",
        "ENTRY",
        "Other limits at times, as [DAYS] HH:MM-HH:MM [upload=RATE] [download=RATE].",
        parse.each(parse_entry),
        repeated=True,
    ),
    Option("limit-lan", "", "Apply rate limits on local networks too."),
    Option(
        "active-downloads",
        "NUMBER",
        "Downloads that run at the same time, 0 for any number.",
        parse.count,
        "5",
    ),
    Option(
        "seed-ratio",
        "NUMBER",
        "Pause a download once it has been uploaded this many times.",
        parse.decimal,
        otherwise="no limit",
    ),
    Option(
        "seed-hours",
        "NUMBER",
        "Pause a download after this many hours of seeding.",
        parse.decimal,
        otherwise="no limit",
    ),
    Option(
        "in-band-limit",
        "SIZE",
        "Bytes of the largest torrent that goes over XMPP itself, 0 for none.",
        parse_size,
        "1000000",
    ),
    Option("no-port-mapping", "", "Do not ask the router for a port by UPnP or NAT-PMP."),
    Option("log-traffic", "", "Log the XMPP stream, with secrets masked."),
)

#: Every option by its name, in the order of the documentation.
OPTIONS: Mapping[str, Option] = MappingProxyType({option.name: option for option in _ROWS})
