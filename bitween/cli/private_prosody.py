"""A private XMPP server on loopback, for the demo, the tests and the benchmarks."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from bitween.cli.certificates import ThrowAwayAuthority
from bitween.cli.processes import dying_with_parent
from bitween.errors import ConfigurationError, InvalidValue, StartupError

_START_TIMEOUT = 20.0
_STOP_TIMEOUT = 5.0
_POLL_INTERVAL = 0.01
_PORT_TRIES = 5
_UNPRIVILEGED_USER = "nobody"

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

interfaces = { "127.0.0.1" }
local_interfaces = { "127.0.0.1" }
c2s_ports = { @PORT@ }
c2s_direct_tls_ports = {}
legacy_ssl_ports = {}
proxy65_ports = { @PROXY_PORT@ }
proxy65_interfaces = { "127.0.0.1" }
s2s_ports = {}
s2s_direct_tls_ports = {}
http_ports = {}
https_ports = {}

modules_enabled = { @MODULES@ }
modules_disabled = { "s2s", "s2s_auth_certs" }
authentication = "internal_hashed"
c2s_require_encryption = true
allow_registration = false

VirtualHost "localhost"

Component "proxy.localhost" "proxy65"
  proxy65_address = "127.0.0.1"
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
    unpacked = _unpacked(os.path.join(unpacked_prosody_directory(environment), "root"))
    if unpacked:
        return unpacked
    raise ConfigurationError(
        "there is no Prosody, the XMPP server that the demo and the tests run privately",
        "install it: sudo apt-get install prosody (no need to start or configure it)",
    )


def unpacked_prosody_directory(environment: Mapping[str, str] = os.environ) -> str:
    """Where ``tools/unpack-prosody`` puts a Prosody for those who cannot install one."""
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


class PrivateProsody:
    """
    A Prosody of one's own: loopback only, throw-away certificate, accounts at ``localhost``.

    A context manager that starts it and, in the end, stops it and removes what it made.
    Everything here blocks for a moment; it is for programs that have nothing else to do then.

    :ivar host: the address it listens on.
    :ivar port: the client port; the same one after a restart.
    :ivar domain: the domain of every account.
    :ivar ca_file: the PEM file of the authority that signed its certificate.
    :ivar log_file: what it wrote.
    """

    host = "127.0.0.1"
    domain = "localhost"

    def __init__(self, directory: str | None = None, *, limits: bool = False) -> None:
        """
        :param directory: an empty or missing directory for everything it writes; ``None`` for a
            temporary one, which :meth:`close` removes. Prosody refuses to run as root, so root's
            Prosody runs as ``nobody``, to whom the directory is then given.
        :param limits: whether to hold clients to Prosody's default rate, 10 kB/s.
        :raises ConfigurationError: if there is no Prosody or it could not use the directory.
        """
        self._installation = find_prosody()
        self._temporary = directory is None
        self._directory = os.path.abspath(directory or tempfile.mkdtemp(prefix="bitween-prosody-"))
        self._owner = pwd.getpwnam(_UNPRIVILEGED_USER) if os.geteuid() == 0 else None
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self.proxy_port = 0
        self.ca_file = os.path.join(self._directory, "ca.pem")
        self.log_file = os.path.join(self._directory, "prosody.log")
        self._make_directory()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process's id, while there is one."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """
        Start it, and wait until it takes connections.

        The first start chooses the ports; a later one takes the same again.

        :raises StartupError: if it does not come up.
        """
        tries = 1 if self.port else _PORT_TRIES
        for _ in range(tries):
            if tries > 1:
                self.port, self.proxy_port = _free_ports(2)
            self._configure()
            if self._launch():
                return
        raise StartupError(f"Prosody found its port {self.port} taken", self.log_tail())

    def stop(self) -> None:
        """Stop it as an administrator would, and wait for its end."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a power failure would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop it and start it again, on the same port and with the same accounts."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop it and, if the directory is its own temporary one, remove that."""
        self.kill()
        if self._temporary:
            shutil.rmtree(self._directory, ignore_errors=True)

    def add_account(self, user: str, password: str) -> str:
        """
        Make an account, or give it another password; possible at any time.

        :param user: ASCII letters and digits.
        :returns: the bare JID.
        :raises InvalidValue: if the name or the password has other characters than Lua likes.
        """
        if not (user.isascii() and user.isalnum()):
            raise InvalidValue(f"{user!r} is no user name for a private Prosody")
        if not (password.isprintable() and password.isascii()) or set(password) & set('"\\'):
            raise InvalidValue("the password has a character that a private Prosody cannot take")
        folder = os.path.join(self._directory, "data", self.domain, "accounts")
        # Prosody replaces the password by its SCRAM keys at the first log-in.
        self._write(
            os.path.join(folder, f"{user}.dat"), f'return {{ ["password"] = "{password}" }};'
        )
        return f"{user}@{self.domain}"

    def log_tail(self, lines: int = 10) -> str:
        """The last lines that it logged."""
        return "\n".join(self._log_text().splitlines()[-lines:])

    def _make_directory(self) -> None:
        authority = ThrowAwayAuthority()
        certificate = authority.issue([self.domain, f"proxy.{self.domain}"])
        self._make_folder(self._directory)
        self._check_reachable()
        for folder in ("data", f"data/{self.domain}", f"data/{self.domain}/accounts"):
            self._make_folder(os.path.join(self._directory, folder))
        self._write(self.ca_file, authority.certificate_pem.decode())
        self._write(f"{self._directory}/localhost.crt", certificate.certificate_pem.decode())
        self._write(f"{self._directory}/localhost.key", certificate.key_pem.decode())

    def _make_folder(self, path: str) -> None:
        os.makedirs(path, mode=0o700, exist_ok=True)
        self._hand_over(path)

    def _write(self, path: str, text: str) -> None:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        self._hand_over(path)

    def _hand_over(self, path: str) -> None:
        if self._owner:
            os.chown(path, self._owner.pw_uid, self._owner.pw_gid)

    def _check_reachable(self) -> None:
        """
        :raises ConfigurationError: if the user who runs Prosody cannot get at the directory.
        """
        folder = os.path.dirname(self._directory)
        while self._owner and folder != "/":
            if not os.stat(folder).st_mode & 0o001:
                raise ConfigurationError(
                    f"{folder!r} is closed to the user {_UNPRIVILEGED_USER!r}, who runs Prosody",
                    "choose a directory below /tmp, or do not run this as root",
                )
            folder = os.path.dirname(folder)

    def _configure(self) -> None:
        modules = [*_MODULES, *(m for m in _OPTIONAL_MODULES if self._has(m))]
        if self._limits:
            modules.append("limits")
        values = {
            "@DIRECTORY@": self._directory,
            "@PORT@": str(self.port),
            "@PROXY_PORT@": str(self.proxy_port),
            "@MODULES@": ", ".join(f'"{module}"' for module in modules),
        }
        text = _CONFIGURATION
        for name, value in values.items():
            text = text.replace(name, value)
        self._write(f"{self._directory}/prosody.cfg.lua", text)

    def _has(self, module: str) -> bool:
        folder = self._installation.modules
        return any(
            os.path.exists(os.path.join(folder, name))
            for name in (f"mod_{module}.lua", f"mod_{module}")
        )

    def _launch(self) -> bool:
        """
        Start the process and wait until it listens.

        :returns: whether it does; if not, somebody else has one of the ports.
        :raises StartupError: if it ended, or takes too long.
        """
        logged_before = len(self._log_text())
        self._spawn()
        listening = f"Activated service 'c2s' on [{self.host}]:{self.port}"
        relaying = f"Activated service 'proxy65' on [{self.host}]:{self.proxy_port}"
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            logged = self._log_text()[logged_before:]
            if "Failed to open server port" in logged:
                self.kill()
                return False
            if listening in logged and relaying in logged:
                return True
            if not self.running:
                self.kill()
                raise StartupError("Prosody ended at its start", self.log_tail())
            time.sleep(_POLL_INTERVAL)
        self.kill()
        raise StartupError(f"Prosody did not come up in {_START_TIMEOUT:.0f} s", self.log_tail())

    def _spawn(self) -> None:
        command = (*self._installation.command, "-F", "--config")
        output = os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._hand_over(self.log_file)
            self._process = subprocess.Popen(
                (*command, f"{self._directory}/prosody.cfg.lua"),
                cwd="/",
                env={**os.environ, **self._installation.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Not the terminal's: a Ctrl-C is for the one who started us, and he stops us.
                start_new_session=True,
                preexec_fn=dying_with_parent(),  # noqa: PLW1509  # there are no threads
                user=self._owner.pw_uid if self._owner else None,
                group=self._owner.pw_gid if self._owner else None,
                extra_groups=[] if self._owner else None,
            )
        except OSError as error:
            raise StartupError(f"Prosody cannot be run: {error}") from None
        finally:
            os.close(output)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _log_text(self) -> str:
        try:
            with open(self.log_file, encoding="utf-8", errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""


def _free_ports(count: int) -> list[int]:
    """Ports that are free on loopback at this moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
