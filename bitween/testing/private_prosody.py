"""A private Prosody on loopback, for the demo, the tests and the benchmarks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from bitween.errors import ConfigurationError
from bitween.testing.private_server import PrivateServer

_MODULES = (
    "roster",
    "saslauth",
    "tls",
    "disco",
    "pep",
    "ping",
    "smacks",
    "blocklist",
    "external_services",
)

#: Enabled where the installation has them.
_OPTIONAL_MODULES = ("ipcheck",)

# Each @NAME@ is filled in by _configure.
_CONFIGURATION = """\
data_path = "@DIRECTORY@/data"
pidfile = "@DIRECTORY@/prosody.pid"
log = { { levels = { min = "info" }, to = "file", filename = "@DIRECTORY@/prosody.log" } }
certificates = "@DIRECTORY@"
ssl = { key = "@DIRECTORY@/localhost.key", certificate = "@DIRECTORY@/localhost.crt" }

interfaces = { @INTERFACES@ }
local_interfaces = { "127.0.0.1" }
c2s_ports = { @PORT@ }
c2s_direct_tls_ports = { @DIRECT_TLS_PORT@ }
legacy_ssl_ports = {}
proxy65_ports = { @PROXY_PORT@ }
proxy65_interfaces = { @INTERFACES@ }
s2s_ports = {}
s2s_direct_tls_ports = {}
http_ports = {}
https_ports = {}

modules_enabled = { @MODULES@ }
modules_disabled = { @DISABLED@ }
smacks_hibernation_time = @HIBERNATION@
authentication = "internal_hashed"
password_hash = "@SCRAM@"
c2s_require_encryption = true
allow_registration = false
external_services = { @EXTERNAL_SERVICES@ }

VirtualHost "localhost"

Component "proxy.localhost" "proxy65"
  proxy65_address = "@PROXY_ADDRESS@"
"""


@dataclass(frozen=True, slots=True)
class Installation:
    """
    A Prosody that can be run.

    :param command: the program and its first arguments.
    :param modules: the folder that holds its modules.
    :param environment: what must be added to the environment.
    """

    command: tuple[str, ...]
    modules: str
    environment: Mapping[str, str] = field(default_factory=dict)


def find_prosody(
    environment: Mapping[str, str] = os.environ,
    search_path: str = f"{os.environ.get('PATH', '')}:/usr/local/bin:/usr/bin",
) -> Installation:
    """
    Find a Prosody: the installed one, else one that was unpacked below the cache directory.

    :param environment: tells where the cache directory is.
    :param search_path: the folders an installed program may be in, separated by colons.
    :raises ConfigurationError: if there is neither.
    """
    installed = shutil.which("prosody", path=search_path)
    if installed:
        prefix = os.path.dirname(os.path.dirname(os.path.realpath(installed)))
        return Installation((installed,), os.path.join(prefix, "lib", "prosody", "modules"))
    unpacked = _unpacked(os.path.join(unpacked_prosody_directory(environment), "tree"))
    if unpacked:
        return unpacked
    raise ConfigurationError(
        "there is no Prosody, the XMPP server that the demo and the tests run privately",
        "install it: sudo apt-get install prosody (no need to start or configure it)",
    )


def unpacked_prosody_directory(environment: Mapping[str, str] = os.environ) -> str:
    """
    Where ``tools/unpack-prosody`` puts a Prosody for those who cannot install one.

    :param environment: environment variables; ``XDG_CACHE_HOME`` and ``HOME`` count.
    """
    cache = environment.get("XDG_CACHE_HOME") or os.path.join(
        environment.get("HOME", "/nonexistent"), ".cache"
    )
    return os.path.join(cache, "bitween", "prosody")


def _unpacked(root: str) -> Installation | None:
    program = os.path.join(root, "usr/bin/prosody")
    try:
        with open(program, encoding="utf-8") as script:
            lua = os.path.basename(script.readline().split()[-1])
    except (OSError, IndexError):
        return None
    version = lua.removeprefix("lua")
    share = f"{root}/usr/share/lua/{version}"
    libraries = [
        folder.path
        for folder in os.scandir(f"{root}/usr/lib")
        if folder.is_dir() and folder.name.endswith("-linux-gnu")
    ]
    interpreter = f"{root}/usr/bin/{lua}"
    # What was installed when the rest was unpacked is used where it lies: ";;" is Lua's own path.
    return Installation(
        (interpreter if os.path.exists(interpreter) else lua, program),
        f"{root}/usr/lib/prosody/modules",
        {
            "LUA_PATH": f"{share}/?.lua;{share}/?/init.lua;;",
            "LUA_CPATH": "".join(f"{folder}/lua/{version}/?.so;" for folder in libraries) + ";;",
            "LD_LIBRARY_PATH": ":".join(libraries),
        },
    )


class PrivateProsody(PrivateServer):
    """
    A Prosody of one's own.

    :cvar interfaces: the addresses that it listens on, as it writes them.
    :cvar proxy_address: where its clients are told that the XEP-0065 proxy is.
    :cvar external_services: what they are told of (XEP-0215), as Lua tables.
    :cvar more_modules: what is enabled beside the modules that bitween has a use for.
    :cvar disabled: those that it would enable by itself, and is not to.
    :cvar hibernation: seconds until who is killed is seen as gone; the default is 600.
    """

    interfaces: ClassVar[Sequence[str]] = (PrivateServer.host,)
    proxy_address: ClassVar[str] = PrivateServer.host
    external_services: ClassVar[Sequence[str]] = ()
    more_modules: ClassVar[Sequence[str]] = ()
    disabled: ClassVar[Sequence[str]] = ("s2s", "s2s_auth_certs")
    hibernation: ClassVar[int] = 10

    name = "Prosody"
    port_count = 3
    port_taken = "Failed to open server port"

    def __init__(
        self,
        directory: str | None = None,
        *,
        limits: bool = False,
        scram: str = "SHA-1",
    ) -> None:
        """
        :param directory: see :class:`PrivateServer`.
        :param limits: whether to hold clients to Prosody's default rate, 10 kB/s.
        :param scram: the hash function of its log-in, ``SHA-1`` or ``SHA-256``.
        :raises ConfigurationError: if there is no Prosody or it could not use the directory.
        """
        self._installation = find_prosody()
        self._limits = limits
        self._scram = scram
        super().__init__(directory)
        for folder in ("data", f"data/{self.domain}", f"data/{self.domain}/accounts"):
            self._make_folder(os.path.join(self._directory, folder))

    @property
    def proxy_port(self) -> int:
        """Where its XEP-0065 proxy listens."""
        return self._ports[1]

    @property
    def direct_tls_port(self) -> int:
        """Where TLS begins with the connection."""
        return self._ports[2]

    def add_account(self, user: str, password: str) -> str:
        """Make an account, or give it another password; see :class:`PrivateServer`."""
        self._check_account(user, password)
        folder = os.path.join(self._directory, "data", self.domain, "accounts")
        # Prosody replaces the password by its SCRAM keys at the first log-in.
        self._write(
            os.path.join(folder, f"{user}.dat"), f'return {{ ["password"] = "{password}" }};'
        )
        return f"{user}@{self.domain}"

    def _configure(self) -> None:
        """Write ``prosody.cfg.lua``."""
        modules = [*_MODULES, *self.more_modules, *(m for m in _OPTIONAL_MODULES if self._has(m))]
        if self._limits:
            modules.append("limits")
        if not self.pep:
            modules.remove("pep")
        values = {
            "@DIRECTORY@": self._directory,
            "@PORT@": str(self.port),
            "@DIRECT_TLS_PORT@": str(self.direct_tls_port),
            "@PROXY_PORT@": str(self.proxy_port),
            "@SCRAM@": self._scram,
            "@HIBERNATION@": str(self.hibernation),
            "@INTERFACES@": ", ".join(f'"{interface}"' for interface in self.interfaces),
            "@PROXY_ADDRESS@": self.proxy_address,
            "@EXTERNAL_SERVICES@": ", ".join(self.external_services),
            "@DISABLED@": ", ".join(f'"{module}"' for module in self.disabled),
            "@MODULES@": ", ".join(f'"{module}"' for module in modules),
        }
        text = _CONFIGURATION
        for name, value in values.items():
            text = text.replace(name, value)
        self._write(f"{self._directory}/prosody.cfg.lua", text)

    def _command(self) -> Sequence[str]:
        """Prosody in the foreground."""
        return (*self._installation.command, "-F", "--config", f"{self._directory}/prosody.cfg.lua")

    def _environment(self) -> Mapping[str, str]:
        """Where an unpacked one finds its libraries."""
        return self._installation.environment

    def _listening(self) -> Sequence[str]:
        """What it logs when it serves clients, relays, and serves clients that begin with TLS."""
        # It names the interfaces of a service in any order.
        return [f"[{self.interfaces[0]}]:{port}" for port in self.ports]

    def _has(self, module: str) -> bool:
        folder = self._installation.modules
        return any(
            os.path.exists(os.path.join(folder, name))
            for name in (f"mod_{module}.lua", f"mod_{module}")
        )
