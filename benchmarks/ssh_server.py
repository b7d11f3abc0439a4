"""An OpenSSH server that only this benchmark can log in to: keys of its own, on loopback."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence

from benchmarks.programs import find, free_port

# Where the sshd of Debian wants an empty folder if it runs as root.
_EMPTY = "/run/sshd"

_CONFIGURATION = """
ListenAddress 127.0.0.1
Port {port}
HostKey {directory}/host
AuthorizedKeysFile {directory}/client.pub
PidFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
"""


class SshServer:
    """
    How the server is started, and how a client reaches it.

    :ivar command: starts the server; it says when it listens.
    :ivar destination: the user and host to log in as and to.
    :ivar options: those that ``ssh`` and ``sftp`` need.
    """

    def __init__(self, directory: str) -> None:
        """
        :param directory: for keys and the configuration.
        :raises Absent: if OpenSSH is not installed.
        """
        self._sshd, self._keygen = find("sshd"), find("ssh-keygen")
        self._directory = directory
        port = free_port()
        self._write("sshd_config", _CONFIGURATION.format(port=port, directory=directory))
        for name in ("host", "client"):
            self._make_key(name)
        with open(f"{directory}/host.pub", encoding="ascii") as key:
            self._write("known_hosts", f"[127.0.0.1]:{port} {key.read()}")
        if os.getuid() == 0:
            os.makedirs(_EMPTY, mode=0o755, exist_ok=True)
        self.command = (self._sshd, "-D", "-e", "-f", f"{directory}/sshd_config")
        self.destination = f"{pwd.getpwuid(os.getuid()).pw_name}@127.0.0.1"
        self.options: Sequence[str] = (
            *("-F", "none", "-i", f"{directory}/client", "-o", f"Port={port}"),
            *("-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"),
            *("-o", f"UserKnownHostsFile={directory}/known_hosts"),
        )

    def _make_key(self, name: str) -> None:
        command = [self._keygen, "-q", "-t", "ed25519", "-N", "", "-f", f"{self._directory}/{name}"]
        subprocess.run(command, check=True)

    def _write(self, name: str, content: str) -> None:
        with open(f"{self._directory}/{name}", "w", encoding="ascii") as file:
            file.write(content)
