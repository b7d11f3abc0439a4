"""Everything that can be set, checked and joined into one value."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from bitween.errors import ConfigurationError
from bitween.model.access import Audience
from bitween.model.contact import AutoAccept
from bitween.model.device_trust import TrustPolicy
from bitween.model.schedule import ScheduleEntry
from bitween.model.setting import Origin, Setting
from bitween.model.swarm_options import SwarmOptions
from bitween.model.torrent_options import Limits
from bitween.settings.directories import config_home, state_home
from bitween.settings.table import OPTIONS, Kind


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """
    How the daemon logs in.

    :param jid: the bare JID.
    :param resource: ``None`` to have one chosen once and kept.
    :param password_file: a path, ``-`` for standard input, ``None`` to look elsewhere.
    :param server: host and port of the XMPP server, ``None`` to look them up.
    :param direct_tls: whether TLS begins with the connection to that server.
    """

    jid: str
    resource: str | None
    password_file: str | None
    server: tuple[str, int] | None
    direct_tls: bool
    ca_file: str | None
    allow_plain: bool


@dataclass(frozen=True, slots=True)
class FileSettings:
    """
    Where the daemon reads and writes.

    :param token_file: the file with the API token.
    :param share_roots: the folders that clients of the API may browse.
    :param share_hidden: whether a folder is shared with its hidden files.
    :param share_with: who may see and fetch what is shared without a choice.
    :param private: paths that hold secrets, of this daemon and of others of the same user.
    """

    state_dir: str
    token_file: str
    download_dir: str
    share_roots: tuple[str, ...]
    share_hidden: bool
    share_with: tuple[Audience, ...]
    private: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Everything that can be set, checked.  ``docs/configuration.rst`` explains each option.

    :param api: a Twisted server endpoint, ``None`` for none.
    :param api_hosts: further ``Host`` headers to allow.
    :param announce: further addresses at which contacts can dial us; port ``None`` means ours.
    :param trusted_networks: private networks in which contacts are dialled without proof that they
        are there.
    :param temporary_addresses: whether to announce temporary IPv6 addresses instead of stable ones.
    :param schedule: when other limits apply.
    :param seed_ratio: how often a download is uploaded before it is paused, 0 for no limit.
    :param seed_hours: hours of seeding before a download is paused, 0 for no limit.
    :param in_band_limit: bytes of the largest torrent that goes within the XMPP stream, 0 for none.
    :param priority: of our presence, below 0, so that chat programs get the account's messages.
    :param nick: our nickname, sent with contact requests (XEP-0172); may be empty.
    :param shown: every option as it was given, for a person to read.
    """

    account: AccountSettings
    files: FileSettings
    swarm: SwarmOptions
    api: str | None
    api_hosts: tuple[str, ...]
    announce: tuple[tuple[str, int | None], ...]
    trusted_networks: tuple[IPv4Network | IPv6Network, ...]
    temporary_addresses: bool
    schedule: tuple[ScheduleEntry, ...]
    seed_ratio: float
    seed_hours: float
    in_band_limit: int
    priority: int
    nick: str
    auto_accept: AutoAccept
    trust: TrustPolicy
    log_traffic: bool
    shown: tuple[Setting, ...]


def make_settings(
    command_line: Mapping[str, Any], from_file: Mapping[str, Any], environ: Mapping[str, str]
) -> Settings:
    """
    Join command line, TOML file and defaults; the command line wins.

    :param command_line: texts, lists of texts and flags by the name of the option.
    :param from_file: the same, of the TOML file.
    :param environ: environment variables, for the default paths; see :mod:`.directories`.
    :raises ConfigurationError: naming the option and what it should be.
    """
    given = {**from_file, **command_line}
    if "jid" not in given:
        raise ConfigurationError("no account is given", "use --jid user@domain")
    values = {name: option.parsed(given.get(name)) for name, option in OPTIONS.items()}
    account = _account(values)
    return Settings(
        account=account,
        files=_files(values, account, environ),
        swarm=_swarm(values),
        api=values["api"],
        api_hosts=values["api-host"],
        announce=values["announce"],
        trusted_networks=values["trusted-network"],
        temporary_addresses=values["temporary-addresses"],
        schedule=values["schedule"],
        seed_ratio=values["seed-ratio"] or 0.0,
        seed_hours=values["seed-hours"] or 0.0,
        in_band_limit=values["in-band-limit"],
        priority=values["priority"],
        nick=values["nick"] or "",
        auto_accept=values["auto-accept"],
        trust=values["trust"],
        log_traffic=values["log-traffic"],
        shown=_shown(command_line, from_file),
    )


def _account(values: Mapping[str, Any]) -> AccountSettings:
    jid = values["jid"]
    host, port, direct_tls = values["server"] or ("", 0, False)
    return AccountSettings(
        jid=jid.bare,
        resource=jid.resource or None,
        password_file=values["password-file"],
        server=(host, port) if host else None,
        direct_tls=direct_tls,
        ca_file=values["ca-file"],
        allow_plain=values["allow-plain"],
    )


def _files(
    values: Mapping[str, Any], account: AccountSettings, environ: Mapping[str, str]
) -> FileSettings:
    homes = (state_home(environ), config_home(environ))
    default = os.path.join(homes[0], "bitween", account.jid)
    state_dir = values["state-dir"] or OPTIONS["state-dir"].parsed(default)
    token_file = values["token-file"] or os.path.join(state_dir, "token")
    private = [*(os.path.join(home, "bitween") for home in homes), state_dir, token_file]
    if account.password_file not in (None, "-"):
        private.append(account.password_file)
    return FileSettings(
        state_dir=state_dir,
        token_file=token_file,
        download_dir=values["download-dir"],
        share_roots=values["share-root"],
        share_hidden=values["hidden-files"],
        share_with=values["share-with"],
        private=tuple(private),
    )


def _swarm(values: Mapping[str, Any]) -> SwarmOptions:
    return SwarmOptions(
        listen=values["listen"] or ("", 0),
        plain_port=0 if values["allow-plain-peers"] else None,
        limits=Limits(values["upload-limit"] or 0, values["download-limit"] or 0),
        limit_lan=values["limit-lan"],
        active_downloads=values["active-downloads"],
        port_mapping=not values["no-port-mapping"],
    )


def _shown(command_line: Mapping[str, Any], from_file: Mapping[str, Any]) -> tuple[Setting, ...]:
    """What is set, and where; of secrets only where they lie."""
    return tuple(_setting(name, command_line, from_file) for name in sorted(OPTIONS))


def _setting(name: str, command_line: Mapping[str, Any], from_file: Mapping[str, Any]) -> Setting:
    option = OPTIONS[name]
    if name in command_line:
        value, origin = command_line[name], Origin.COMMAND_LINE
    elif name in from_file:
        value, origin = from_file[name], Origin.FILE
    else:
        value, origin = option.default, Origin.DEFAULT
    if option.kind is Kind.FLAG:
        value = bool(value)
    elif option.kind is Kind.LIST:
        value = tuple(value or ())
    return Setting(name, value, origin, option.changeable)
