"""A private ejabberd on loopback, beside the private Prosody."""

from __future__ import annotations

import glob
import json
import os
import shutil
import urllib.request
from collections.abc import Mapping, Sequence
from typing import ClassVar
from urllib.error import HTTPError

from twisted.trial.unittest import SkipTest

from bitween.errors import ConfigurationError, StartupError
from bitween.testing.private_server import PrivateServer

_SEARCH_PATH = f"{os.environ.get('PATH', '')}:/usr/local/bin:/usr/bin"
_LIBRARIES = "/usr/lib/*-linux-gnu/ejabberd-*/ebin"
_API_TIMEOUT = 60.0

# Each @NAME@ is filled in by _configure.  JSON is YAML.
_CONFIGURATION = """\
loglevel: info
hosts: ["localhost"]
certfiles: ["@DIRECTORY@/localhost.crt", "@DIRECTORY@/localhost.key"]
ca_file: "@DIRECTORY@/ca.pem"
define_macro:
  TLS_OPTIONS: ["no_sslv3", "no_tlsv1", "no_tlsv1_1", "cipher_server_preference", "no_compression"]
listen:
  - port: @PORT@
    ip: "127.0.0.1"
    module: ejabberd_c2s
    max_stanza_size: 262144
    shaper: c2s_shaper
    access: all
    starttls_required: true
    protocol_options: TLS_OPTIONS
  - port: @API_PORT@
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers: {"/api": mod_http_api}
disable_sasl_mechanisms: ["digest-md5", "X-OAUTH2"]
auth_password_format: scram
auth_scram_hash: @SCRAM@
shaper:
  normal: {rate: 3000, burst_size: 20000}
shaper_rules:
  max_user_sessions: 10
  max_user_offline_messages: 100
  c2s_shaper: @SHAPER@
api_permissions:
  accounts: {from: [mod_http_api], who: all, what: [register, change_password]}
modules:
  mod_admin_extra: {}
  mod_blocking: {}
  mod_caps: {}
  mod_carboncopy: {}
  mod_client_state: {}
  mod_disco: {}
  mod_fail2ban: {}
  mod_http_api: {}
  mod_last: {}
  mod_offline: {access_max_user_messages: max_user_offline_messages}
  mod_ping: {}
  mod_privacy: {}
  mod_proxy65: {ip: "127.0.0.1", port: @PROXY_PORT@, host: "proxy.localhost"}
  mod_roster: {versioning: true}
  mod_sic: {}
  mod_stream_mgmt: {resend_on_timeout: if_offline}
"""

_SCRAM_HASHES = {"SHA-1": "sha", "SHA-256": "sha256"}
_PEP = "  mod_pubsub: {plugins: [flat, pep]}\n"
_PRESENCE_LIMIT = "  mod_pres_counter: {count: 5, interval: 60}\n"


def find_ejabberd() -> tuple[str, str]:
    """
    Find the installed ejabberd.

    :returns: the program ``erl``, and the folder that holds ejabberd and its libraries.
    :raises ConfigurationError: if there is none.
    """
    erl = shutil.which("erl", path=_SEARCH_PATH)
    installed = glob.glob(_LIBRARIES)
    if erl is None or not installed:
        raise ConfigurationError(
            "there is no ejabberd, the second XMPP server that the tests run privately",
            "install it: sudo apt-get install ejabberd (no need to start or configure it)",
        )
    return erl, os.path.dirname(os.path.dirname(installed[0]))


class PrivateEjabberd(PrivateServer):
    """
    An ejabberd of one's own.

    It runs as a lone Erlang node: without a name, a cookie, and the port mapper ``epmd``, which
    would outlive it.

    :cvar more_modules: lines of its configuration for modules beside its usual ones.
    :cvar without: the usual modules that it does without.
    """

    more_modules: ClassVar[Sequence[str]] = ()
    without: ClassVar[frozenset[str]] = frozenset()

    name = "ejabberd"
    port_count = 3
    port_taken = "eaddrinuse"

    def __init__(
        self,
        directory: str | None = None,
        *,
        limits: bool = False,
        presence_limit: bool = False,
        scram: str = "SHA-1",
    ) -> None:
        """
        :param directory: see :class:`PrivateServer`.
        :param limits: whether to hold clients to Debian's default rate, 3 kB/s.
        :param presence_limit: whether to drop subscription stanzas above Debian's default of five
            a minute; befriending two contacts is more than that.
        :param scram: the hash function of its log-in, ``SHA-1`` or ``SHA-256``.
        :raises ConfigurationError: if there is no ejabberd or it could not use the directory.
        """
        self._erl, self._libraries = find_ejabberd()
        self._limits = limits
        self._scram = scram
        self._presence_limit = presence_limit
        self._accounts: dict[str, str] = {}
        super().__init__(directory)
        for folder in ("logs", "spool"):
            self._make_folder(os.path.join(self._directory, folder))

    def start(self) -> None:
        """Start it, and make the accounts that were added before; see :class:`PrivateServer`."""
        super().start()
        for user, password in self._accounts.items():
            self._register(user, password)

    def add_account(self, user: str, password: str) -> str:
        """Make an account, or give it another password; see :class:`PrivateServer`."""
        self._check_account(user, password)
        self._accounts[user] = password
        if self.running:
            self._register(user, password)
        return f"{user}@{self.domain}"

    def _configure(self) -> None:
        port, proxy_port, api_port = self.ports
        values = {
            "@DIRECTORY@": self._directory,
            "@PORT@": str(port),
            "@PROXY_PORT@": str(proxy_port),
            "@API_PORT@": str(api_port),
            "@SCRAM@": _SCRAM_HASHES[self._scram],
            "@SHAPER@": "normal" if self._limits else "none",
        }
        lines = _CONFIGURATION.splitlines(keepends=True)
        text = "".join(line for line in lines if line.strip().split(":")[0] not in self.without)
        text += "".join(f"  {line}\n" for line in self.more_modules)
        text += _PEP if self.pep else ""
        text += _PRESENCE_LIMIT if self._presence_limit else ""
        for name, value in values.items():
            text = text.replace(name, value)
        self._write(f"{self._directory}/ejabberd.yml", text)

    def _command(self) -> Sequence[str]:
        spool = f'"{self._directory}/spool"'
        # An idle Erlang spins for a while in case that there is work; the tests need the processor.
        spinning = [word for kind in ("+sbwt", "+sbwtdcpu", "+sbwtdio") for word in (kind, "none")]
        return [self._erl, *spinning, "-noinput", "-mnesia", "dir", spool, "-s", "ejabberd"]

    def _environment(self) -> Mapping[str, str]:
        return {
            "HOME": self._directory,
            "ERL_LIBS": self._libraries,
            "ERL_CRASH_DUMP_BYTES": "0",
            "EJABBERD_CONFIG_PATH": f"{self._directory}/ejabberd.yml",
            "EJABBERD_LOG_PATH": f"{self._directory}/logs/ejabberd.log",
        }

    def _listening(self) -> Sequence[str]:
        return [f"Start accepting TCP connections at {self.host}:{port} for" for port in self.ports]

    def _register(self, user: str, password: str) -> None:
        """
        Make an account, or give the one that there is this password.

        :raises StartupError: if ejabberd refuses.
        """
        account = {"user": user, "host": self.domain}
        status = self._ask("register", {**account, "password": password})
        if status == 409:
            status = self._ask("change_password", {**account, "newpass": password})
        if status != 200:
            raise StartupError(f"ejabberd does not make the account {user}", self.log_tail())

    def _ask(self, command: str, arguments: Mapping[str, str]) -> int:
        """Give an administrator's command; the HTTP status."""
        request = urllib.request.Request(
            f"http://{self.host}:{self.ports[2]}/api/{command}",
            json.dumps(arguments).encode(),
            {"Content-Type": "application/json"},
        )
        # Whatever proxy the environment names, this stays on loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=_API_TIMEOUT) as answer:
                return int(answer.status)
        except HTTPError as error:
            with error:
                return error.code


def ejabberd_or_skip() -> PrivateEjabberd:
    """
    Make an ejabberd that holds clients to its default rate, as those do that people use.

    :raises SkipTest: if there is none on this machine.
    """
    try:
        return PrivateEjabberd(limits=True)
    except ConfigurationError as error:
        raise SkipTest(str(error)) from None
