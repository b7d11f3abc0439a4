"""A daemon of the demo: a process, and a client of its API."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from bitween.cli.client import ApiClient
from bitween.cli.failures import CommandFailed
from bitween.errors import BitweenError
from bitween.storage import api_location
from bitween.testing.private_prosody import PrivateProsody
from bitween.util.processes import dying_with_parent

_STOP_TIMEOUT = 15.0
_POLL_INTERVAL = 0.02
_LOG_LINES = 25

_BITWEEN = "import sys; from bitween.cli.main import main; sys.exit(main())"


class DemoFailed(BitweenError):
    """A step of the demo failed."""


class DemoDaemon:
    """A daemon for one account: a process, and a client of its API."""

    def __init__(self, user: str, directory: str, prosody: PrivateProsody) -> None:
        """
        :param user: the name of the account, which is made here.
        :param directory: an existing directory for the daemon's state, downloads and log.
        :param prosody: the server, which is running.
        """
        password = secrets.token_urlsafe(16)
        self.user = user
        self.jid = prosody.add_account(user, password)
        self.state_dir = os.path.join(directory, user)
        self.downloads = os.path.join(directory, f"{user}'s downloads")
        self.log_file = os.path.join(directory, f"{user}.log")
        self._password_file = os.path.join(directory, f"{user}.password")
        with open(os.open(self._password_file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(password)
        self._process = self._spawn(directory, prosody)
        self._client: ApiClient | None = None

    @property
    def client(self) -> ApiClient:
        """
        A client of its API, as soon as it has one.

        :raises DemoFailed: if the process ends instead.
        """
        while self._client is None:
            if self._process.poll() is not None:
                raise DemoFailed(f"{self.user}'s daemon ended with {self._process.returncode}")
            with contextlib.suppress(FileNotFoundError):
                found = api_location.read(os.path.join(self.state_dir, api_location.FILE_NAME))
                self._client = ApiClient(found.url, found.token)
                break
            time.sleep(_POLL_INTERVAL)
        return self._client

    def call(self, method: str, **params: object) -> Any:
        """
        Call a method of its API.

        :raises DemoFailed: if the daemon rejects the call, or is gone.
        """
        try:
            return self.client.call(method, **params)
        except CommandFailed as error:
            raise DemoFailed(f"{self.user}'s daemon, asked for {method}: {error}") from None

    def contact(self, jid: str) -> dict[str, Any]:
        """Return what it knows about a contact; empty if it knows nothing."""
        contacts = self.call("xmpp.get_contacts")["contacts"]
        return next((contact for contact in contacts if contact["jid"] == jid), {})

    def is_online(self) -> bool:
        """
        Whether it is logged in.

        :raises DemoFailed: if it has given up.
        """
        connection = self.call("Api.status")["connection"]
        if connection["state"] == "failed":
            raise DemoFailed(f"{self.user}'s daemon cannot log in: {connection['error']}")
        return bool(connection["state"] == "online")

    def terminate(self) -> None:
        """Ask it to stop."""
        if self._process.poll() is None:
            self._process.terminate()

    def stop(self) -> None:
        """Stop it; kill it if that takes too long."""
        self.terminate()
        try:
            self._process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _spawn(self, directory: str, prosody: PrivateProsody) -> subprocess.Popen[bytes]:
        options = {
            "--jid": f"{self.jid}/demo",
            "--password-file": self._password_file,
            "--server": f"{prosody.host}:{prosody.port}",
            "--ca-file": prosody.ca_file,
            "--state-dir": self.state_dir,
            "--download-dir": self.downloads,
            "--api": "tcp:0:interface=127.0.0.1",
            "--listen": "127.0.0.1:0",
        }
        arguments = [argument for option in options.items() for argument in option]
        # The demo reads neither your settings nor your other daemons' files.
        private = {
            name: os.path.join(directory, name)
            for name in ("XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME")
        }
        with open(self.log_file, "wb") as log:
            return subprocess.Popen(
                [sys.executable, "-c", _BITWEEN, "daemon", "--no-port-mapping", *arguments],
                cwd=directory,
                env={**os.environ, **private},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=dying_with_parent(),  # noqa: PLW1509  # there are no threads
            )


def wait_until(holds: Callable[[], bool]) -> None:
    """
    Wait for a condition; the alarm ends the demo if it never holds.

    :param holds: called again and again until it returns true.
    """
    while not holds():
        time.sleep(_POLL_INTERVAL)


def log_tail(path: str) -> str:
    """Return the last lines of a log file."""
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-_LOG_LINES:])
    except FileNotFoundError:
        return "(nothing)"
