"""
What a call of the API costs: ``python -m benchmarks.rpc``.

Measured are requests a second over connections that are kept, and the CPU time that the server
needs for each, of a call that does next to nothing: ``Api.versions`` of a daemon; the same bytes
from a resource of twisted.web that does nothing else, on a default ``Site`` and on one that parses
no forms; the like of aria2c, transmission-daemon and deluge-web.  wrk asks; each server is a
process of its own, and all are measured in turns.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from twisted.internet.task import deferLater, react
from twisted.internet.utils import getProcessOutput

from benchmarks.cleanly import cleanly
from benchmarks.programs import Absent, Program, ProgramFailed, find, free_port
from bitween.storage import api_location

CONNECTIONS = 4
DEFAULT_AIM, PLAIN_AIM = 1.2, 0.6
_TICKS = os.sysconf("SC_CLK_TCK")
_PATIENCE = 200


@dataclass(frozen=True)
class Target:
    """
    What is asked.

    :param pid: the server's process.
    """

    pid: int
    port: int
    path: str
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def ask(self) -> http.client.HTTPResponse:
        """Ask once; the answer is read."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            headers = {"Content-Type": "application/json", **self.headers}
            connection.request("POST", self.path, self.body, headers)
            response = connection.getresponse()
            response.body = response.read()  # type: ignore[attr-defined]  # for callers
            return response
        finally:
            connection.close()

    def cpu(self) -> float:
        """The seconds of CPU that the server has used."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


def _call(method: str, params: object = ()) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})


class Servers:
    """Starts one server of each kind, and ends them."""

    def __init__(self, reactor: Any, directory: str) -> None:
        self._reactor = reactor
        self._directory = directory
        self._programs: list[Program] = []
        self._answer = ""

    async def stop(self) -> None:
        """End them all."""
        for program in self._programs:
            await program.stop()

    def _start(self, *command: str, **environment: str) -> Program:
        program = Program(self._reactor, command, environment)
        self._programs.append(program)
        return program

    def _folder(self, name: str) -> str:
        path = os.path.join(self._directory, name)
        os.makedirs(path, exist_ok=True)
        return path

    async def bitween(self) -> Target:
        """A daemon; its XMPP server is not there, which does not matter to this call."""
        state = self._folder("bitween")
        program = self._start(
            *(find("twistd"), "-n", "--pidfile", os.path.join(state, "pid"), "bitween"),
            *("--jid", "nobody@localhost", "--server", f"127.0.0.1:{free_port()}"),
            *("--state-dir", state, "--no-port-mapping"),
            *("--download-dir", self._folder("downloads"), "--listen", "127.0.0.1:0"),
            *("--api", "tcp:0:interface=127.0.0.1"),
            BITWEEN_PASSWORD="secret",
        )
        await program.says("the API is at")
        await deferLater(self._reactor, 0.2)
        api = api_location.read(os.path.join(state, api_location.FILE_NAME))
        port = int(re.findall(r":(\d+)/", api.url)[0])
        headers = {"Authorization": f"Bearer {api.token}"}
        target = Target(program.pid, port, "/api", _call("Api.versions"), headers)
        self._answer = target.ask().body.decode()  # type: ignore[attr-defined]  # see there
        return target

    async def bare(self, kind: str) -> Target:
        """The same bytes, from a resource that does nothing else."""
        program = self._start(find("python"), "-m", "benchmarks.bare_resource", kind)
        program.write(self._answer)
        port = int((await program.says(r"port (\d+)"))[1])
        return Target(program.pid, port, "/", _call("Api.versions"))

    async def aria2c(self) -> Target:
        """``aria2.getVersion``, with its secret."""
        port = free_port()
        options = ("--enable-rpc", f"--rpc-listen-port={port}", "--rpc-secret=secret", "--no-conf")
        program = self._start(find("aria2c"), *options, "--disable-ipv6")
        body = _call("aria2.getVersion", ["token:secret"])
        return await self._ready(Target(program.pid, port, "/jsonrpc", body))

    async def transmission(self) -> Target:
        """``session-get`` of its version."""
        port = free_port()
        options = ("-f", "-g", self._folder("transmission"), "-p", str(port), "-T", "-O")
        name = find("transmission-daemon")
        program = self._start(name, *options, "-r", "127.0.0.1", "--no-auth", "-P", "0")
        body = json.dumps({"method": "session-get", "arguments": {"fields": ["version"]}})
        first = Target(program.pid, port, "/transmission/rpc", body)
        session = (await self._response(first)).getheader("X-Transmission-Session-Id", "")
        headers = {"X-Transmission-Session-Id": session}
        return await self._ready(Target(program.pid, port, first.path, body, headers))

    async def deluge(self) -> Target:
        """``auth.check_session``, logged in."""
        port, name = free_port(), find("deluge-web")
        options = ("-d", "-c", self._folder("deluge"), "-i", "127.0.0.1", "-p", str(port))
        program = self._start(name, *options)
        log_in = json.dumps({"id": 1, "method": "auth.login", "params": ["deluge"]})
        answer = await self._response(Target(program.pid, port, "/json", log_in))
        cookie = str(answer.getheader("Set-Cookie", "")).partition(";")[0]
        body = json.dumps({"id": 1, "method": "auth.check_session", "params": []})
        return await self._ready(Target(program.pid, port, "/json", body, {"Cookie": cookie}))

    async def _ready(self, target: Target) -> Target:
        response = await self._response(target)
        if response.status != 200:
            raise ProgramFailed(f"{target.path} answers with {response.status}")
        return target

    async def _response(self, target: Target) -> http.client.HTTPResponse:
        """Ask until there is an answer."""
        for _ in range(_PATIENCE):
            with suppress(OSError, http.client.HTTPException):
                return target.ask()
            await deferLater(self._reactor, 0.05)
        raise Absent("absent: it does not answer")


@dataclass(frozen=True)
class Round:
    """What was measured of a server once: requests a second, and seconds of CPU for each."""

    rate: float
    cpu: float


def _write_script(path: str, target: Target) -> None:
    """Tell wrk what to send."""
    lines = [
        'wrk.method = "POST"',
        f"wrk.body = {json.dumps(target.body)}",
        'wrk.headers["Content-Type"] = "application/json"',
        *(f'wrk.headers["{name}"] = {json.dumps(value)}' for name, value in target.headers.items()),
    ]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


async def _measure(target: Target, script: str, seconds: int) -> Round:
    _write_script(script, target)
    url = f"http://127.0.0.1:{target.port}{target.path}"
    options = ("-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", script, url)
    before = target.cpu()
    printed = (await getProcessOutput(find("wrk"), options, env=dict(os.environ))).decode()
    used = target.cpu() - before
    requests = int(re.findall(r"(\d+) requests in", printed)[0])
    if "Non-2xx" in printed or not requests:
        raise ProgramFailed(printed)
    return Round(float(re.findall(r"Requests/sec:\s+([\d.]+)", printed)[0]), used / requests)


async def _main(reactor: Any, rounds: int, seconds: int) -> None:
    directory = tempfile.mkdtemp(prefix="bitween-rpc-")
    servers = Servers(reactor, directory)
    starts: dict[str, Callable[[], Awaitable[Target]]] = {
        "bitween": servers.bitween,
        "bare, default Site": lambda: servers.bare("default"),
        "bare, no forms": lambda: servers.bare("plain"),
        "aria2c": servers.aria2c,
        "transmission-daemon": servers.transmission,
        "deluge-web": servers.deluge,
    }
    try:
        find("wrk")
        targets: dict[str, Target] = {}
        for name, start in starts.items():
            try:
                targets[name] = await start()
            except (Absent, ProgramFailed) as error:
                print(f"  {name:20} {str(error).splitlines()[0]}")
        script = os.path.join(directory, "wrk.lua")
        measured: dict[str, list[Round]] = {name: [] for name in targets}
        for _ in range(rounds):
            for name, target in targets.items():
                measured[name].append(await _measure(target, script, seconds))
        _tell(measured, rounds, seconds)
    finally:
        await servers.stop()
        shutil.rmtree(directory, ignore_errors=True)


def _tell(measured: Mapping[str, list[Round]], rounds: int, seconds: int) -> None:
    print(f"{CONNECTIONS} connections, {seconds} s each, medians of {rounds} rounds in turns")
    rates = {name: median(r.rate for r in found) for name, found in measured.items()}
    for name, found in measured.items():
        cpu = median(r.cpu for r in found)
        ratio = rates["bitween"] / rates[name]
        print(f"  {name:20} {rates[name]:8,.0f} /s  {1e6 * cpu:6,.0f} us of CPU  {ratio:5.2f}")
    print("The last column: how many times as many bitween answers.")
    for name, aim in (("bare, default Site", DEFAULT_AIM), ("bare, no forms", PLAIN_AIM)):
        print(f"{rates['bitween'] / rates[name]:.2f} of {name}; the aim is at least {aim}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    arguments = parser.parse_args()
    react(lambda reactor: cleanly(reactor, _main(reactor, arguments.rounds, arguments.seconds)))
