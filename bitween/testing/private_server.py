"""What private XMPP servers have in common: a directory, ports, a certificate, a process."""

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
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import ClassVar, Self

from bitween.errors import ConfigurationError, InvalidValue, StartupError
from bitween.testing.certificates import Period, ThrowAwayAuthority
from bitween.util.processes import dying_with_parent

# Of a machine that is very busy; a server that has ended is noticed at once.
_START_TIMEOUT = 120.0
# One that is killed may not have written down what it knows.
_STOP_TIMEOUT = 60.0
_POLL_INTERVAL = 0.01
_PORT_TRIES = 5
_UNPRIVILEGED_USER = "nobody"


class PrivateServer(ABC):
    """
    An XMPP server of one's own: loopback only, throw-away certificate, accounts at ``localhost``.

    A context manager that starts it and, in the end, stops it and removes what it made.
    Everything here blocks for a moment; it is for programs that have nothing else to do then.

    :cvar name: what it is called.
    :cvar port_count: how many ports it listens on; the first one is for clients.
    :cvar port_taken: what it logs when it finds one of them taken.
    :ivar host: the address it listens on.
    :ivar port: the client port; the same one after a restart.
    :ivar domain: the domain of every account.
    :ivar pep: whether accounts can publish anything, from the next start on.
    :ivar ca_file: the PEM file of the authority that signed its certificate.
    :ivar log_file: what it wrote.
    """

    name: ClassVar[str]
    port_count: ClassVar[int]
    port_taken: ClassVar[str]

    host = "127.0.0.1"
    domain = "localhost"

    def __init__(self, directory: str | None = None) -> None:
        """
        :param directory: an empty or missing directory for everything it writes; ``None`` for a
            temporary one, which :meth:`close` removes.  Such servers refuse to run as root; there
            the server runs as ``nobody``, which then owns the directory.
        :raises ConfigurationError: if the server could not use the directory.
        """
        label = self.name.lower()
        self._temporary = directory is None
        self._directory = os.path.abspath(directory or tempfile.mkdtemp(prefix=f"bitween-{label}-"))
        self._owner = pwd.getpwnam(_UNPRIVILEGED_USER) if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        self.pep = True
        self._ports = [0] * self.port_count
        self._kept = contextlib.ExitStack()
        self.ca_file = os.path.join(self._directory, "ca.pem")
        self.log_file = os.path.join(self._directory, f"{label}.log")
        self._make_folder(self._directory)
        self._check_reachable()
        self.certify()

    @abstractmethod
    def _configure(self) -> None:
        """Write its configuration, for the ports in :attr:`ports`."""

    @abstractmethod
    def _command(self) -> Sequence[str]:
        """What runs it in the foreground."""

    @abstractmethod
    def _environment(self) -> Mapping[str, str]:
        """What must be added to the environment."""

    @abstractmethod
    def _listening(self) -> Sequence[str]:
        """What it logs when it takes connections, on each of its ports."""

    @abstractmethod
    def add_account(self, user: str, password: str) -> str:
        """
        Make an account, or give it another password; possible at any time.

        :param user: ASCII letters and digits.
        :param password: printable characters, except double quotes and backslashes.
        :returns: the bare JID.
        :raises InvalidValue: if the name or the password has characters that are not taken.
        """

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
    def port(self) -> int:
        """The client port, 0 before the first start."""
        return self._ports[0]

    @property
    def ports(self) -> Sequence[int]:
        """All ports, chosen at the first start."""
        return self._ports

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
                self._choose_ports()
            self._configure()
            if self._launch():
                return
        raise StartupError(f"{self.name} found its port {self.port} taken", self.log_tail())

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
        self._kept.close()
        if self._temporary:
            shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def _names(self) -> Sequence[str]:
        """The domains that its certificate is for, unless others are chosen."""
        return [self.domain, f"proxy.{self.domain}"]

    def certify(
        self,
        authority: ThrowAwayAuthority | None = None,
        names: Sequence[str] = (),
        valid: Period | None = None,
    ) -> None:
        """
        Give it another certificate, from the next start on.

        :param authority: what vouches for it; a new one by default.
        :param names: the default is its own.
        :param valid: see :meth:`ThrowAwayAuthority.issue`.
        """
        authority = authority or ThrowAwayAuthority()
        certificate = authority.issue(names or self._names, valid)
        chain, key = certificate.certificate_pem.decode(), certificate.key_pem.decode()
        self._write(self.ca_file, authority.certificate_pem.decode())
        self._write(f"{self._directory}/localhost.crt", chain)
        self._write(f"{self._directory}/localhost.key", key)

    def log_tail(self, lines: int = 10) -> str:
        """The last lines that it logged."""
        return "\n".join(self._log_text().splitlines()[-lines:])

    def _choose_ports(self) -> None:
        """
        Choose free ports, and keep them from others until :meth:`close`.

        A socket that is bound and does not listen stands in nobody's way who, as servers do, allows
        addresses to be used again; but the system gives its port to nobody who takes any.
        """
        self._kept.close()
        sockets = [self._kept.enter_context(socket.socket()) for _ in self._ports]
        for each in sockets:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            each.bind((self.host, 0))
        self._ports = [each.getsockname()[1] for each in sockets]

    def _check_account(self, user: str, password: str) -> None:
        """:raises InvalidValue: for what could break out of a file name, of Lua or of JSON."""
        if not (user.isascii() and user.isalnum()):
            raise InvalidValue(f"{user!r} is not a user name for a private {self.name}")
        if not password.isprintable() or set(password) & set('"\\'):
            raise InvalidValue(
                f"the password has a character that a private {self.name} cannot take"
            )

    def _make_folder(self, path: str) -> None:
        """Make a folder that the server may write to."""
        os.makedirs(path, mode=0o700, exist_ok=True)
        self._hand_over(path)

    def _write(self, path: str, text: str) -> None:
        """Write a file that the server may read."""
        with open(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as file:
            file.write(text)
        self._hand_over(path)

    def _hand_over(self, path: str) -> None:
        if self._owner:
            os.chown(path, self._owner.pw_uid, self._owner.pw_gid)

    def _check_reachable(self) -> None:
        """
        :raises ConfigurationError: if the user who runs the server cannot get at the directory.
        """
        folder = os.path.dirname(self._directory)
        while self._owner and folder != "/":
            if not os.stat(folder).st_mode & 0o001:
                raise ConfigurationError(
                    f"{folder!r} is closed to the user {_UNPRIVILEGED_USER!r}, "
                    f"who runs {self.name}",
                    "choose a directory below /tmp, or do not run this as root",
                )
            folder = os.path.dirname(folder)

    def _launch(self) -> bool:
        """
        Start the process and wait until it listens.

        :returns: whether it does; if not, another process has one of the ports.
        :raises StartupError: if it ended, or takes too long.
        """
        logged_before = len(self._log_text())
        self._spawn()
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            # Asked before the log is read, which is complete when the process has ended.
            running = self.running
            logged = self._log_text()[logged_before:]
            if self.port_taken in logged:
                self.kill()
                return False
            if all(mark in logged for mark in self._listening()):
                return True
            if not running:
                self.kill()
                raise StartupError(f"{self.name} ended at its start", self.log_tail())
            time.sleep(_POLL_INTERVAL)
        self.kill()
        raise StartupError(
            f"{self.name} did not come up in {_START_TIMEOUT:.0f} s", self.log_tail()
        )

    def _spawn(self) -> None:
        output = os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._hand_over(self.log_file)
            self._process = subprocess.Popen(
                self._command(),
                cwd="/",
                env={**os.environ, **self._environment()},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # A Ctrl-C on the terminal is for our parent, which then stops the server.
                start_new_session=True,
                preexec_fn=dying_with_parent(),  # noqa: PLW1509  # there are no threads
                user=self._owner.pw_uid if self._owner else None,
                group=self._owner.pw_gid if self._owner else None,
                extra_groups=[] if self._owner else None,
            )
        except OSError as error:
            raise StartupError(f"{self.name} cannot be run: {error}") from None
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
