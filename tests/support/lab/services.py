"""What runs in the lab beside daemons: an XMPP server with a proxy, STUN, a router's UPnP."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Sequence
from typing import Self

from bitween.testing.private_prosody import PrivateProsody
from bitween.util.processes import dying_with_parent
from tests.support.lab.network import Node

STUN_PORT = 3478
#: What clients are told that the server's services are called, in both address families.
SERVER_NAME = "server.test"
#: Where STUN is, at two IPv4 addresses: one alone cannot tell a symmetric router.
STUN_NAME = "stun.test"


class LabProsody(PrivateProsody):
    """The XMPP server; to be started from within its namespace."""

    interfaces = ("*", "::")
    proxy_address = SERVER_NAME
    external_services = (
        f'{{ type = "stun", transport = "udp", host = "{STUN_NAME}", port = {STUN_PORT} }}',
    )


class Program:
    """A program that runs in a namespace until it is ended."""

    def __init__(self, node: Node, *command: str, log: str) -> None:
        """:param log: a file for what it prints."""
        self._command = node.within(command)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=dying_with_parent(),  # noqa: PLW1509  # there are no threads
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()


def stun_server(node: Node, addresses: Sequence[str], directory: str) -> Program:
    """Coturn, as a STUN server at addresses of a host."""
    return Program(
        node,
        *("turnserver", "-n", "--stun-only", "--no-cli", "--no-tls", "--no-dtls", "--no-auth"),
        *(f"--listening-port={STUN_PORT}", f"--pidfile={directory}/turnserver.pid"),
        *(f"--listening-ip={address}" for address in addresses),
        *(f"--db={directory}/turn.sqlite", "--log-file=stdout"),
        log=os.path.join(directory, "turnserver.log"),
    )


_UPNP_RULES = """
table inet upnp {
  chain forward {
    type filter hook forward priority -10; policy accept;
    jump mapped
  }
  chain mapped { }
  chain in {
    type nat hook prerouting priority -110; policy accept;
    jump mapped_in
  }
  chain mapped_in { }
  chain out {
    type nat hook postrouting priority 90; policy accept;
    jump mapped_out
  }
  chain mapped_out { }
}
"""


def port_mapper(router: Node, directory: str) -> Program:
    """Miniupnpd on a router: UPnP, NAT-PMP and PCP for the hosts in its home."""
    router.run("nft", "-f", "-", text=_UPNP_RULES)
    configuration = os.path.join(directory, "miniupnpd.conf")
    lines = {
        "ext_ifname": "wan",
        "listening_ip": "lan",
        "enable_upnp": "yes",
        "enable_natpmp": "yes",
        "upnp_table_name": "upnp",
        "upnp_nat_table_name": "upnp",
        "upnp_forward_chain": "mapped",
        "upnp_nat_chain": "mapped_in",
        "upnp_nat_postrouting_chain": "mapped_out",
        "uuid": str(uuid.uuid4()),
        "lease_file": os.path.join(directory, "upnp.leases"),
        "secure_mode": "yes",
        "system_uptime": "yes",
    }
    with open(configuration, "w", encoding="ascii") as file:
        file.writelines(f"{name}={value}\n" for name, value in lines.items())
        file.write("allow 1024-65535 192.168.1.0/24 1024-65535\n")
    return Program(
        router,
        *("miniupnpd", "-d", "-f", configuration, "-P", os.path.join(directory, "miniupnpd.pid")),
        log=os.path.join(directory, "miniupnpd.log"),
    )
