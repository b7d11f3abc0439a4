"""
A chat program: slixmpp, an XMPP library of its own, in a process of its own.

It is told what to do in JSON, a line each, on standard input, and tells so what it sees:
``{"do": "send", "to": JID, "body": TEXT, "type": "chat"}``, ``{"do": "quit"}``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

from slixmpp import ClientXMPP


class ChatProgram(ClientXMPP):
    """Logs in as a person's chat program does, and shows whatever comes."""

    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__(args.jid, args.password)
        self._args = args
        self.ca_certs = args.ca_file
        self.register_plugin("xep_0280")
        self.register_plugin("xep_0313")
        self.add_event_handler("session_start", self._started)
        self.add_event_handler("message", self._message)
        self.add_event_handler("message_error", self._message)
        self.add_event_handler("carbon_received", self._carbon)
        self.add_event_handler("carbon_sent", self._carbon)
        for kind in ("available", "away", "xa", "unavailable"):
            self.add_event_handler(f"presence_{kind}", self._presence)
        self.add_event_handler("failed_auth", lambda _: self.tell("refused"))

    def tell(self, what: str, **more: str) -> None:
        """Say what happened."""
        sys.stdout.write(json.dumps({"what": what, **more}) + "\n")
        sys.stdout.flush()

    async def _started(self, _: Any) -> None:
        await self.get_roster()
        if self._args.carbons:
            await self["xep_0280"].enable()
        self.send_presence(ppriority=self._args.priority)
        self.tell("online")

    def _message(self, message: Any) -> None:
        error = message["error"]["condition"] if message["type"] == "error" else ""
        self.tell(
            "message",
            kind=message["type"],
            sender=str(message["from"]),
            body=message["body"],
            error=error,
        )

    def _carbon(self, message: Any) -> None:
        way = "carbon_received" if message.get_plugin("carbon_received", check=True) else ""
        inner = message["carbon_received" if way else "carbon_sent"]
        self.tell("carbon", kind=inner["type"], sender=str(inner["from"]), body=inner["body"])

    def _presence(self, presence: Any) -> None:
        self.tell(
            "presence",
            kind=presence["type"],
            sender=str(presence["from"]),
            priority=str(presence["priority"]),
            status=presence["status"],
        )

    async def archived(self) -> None:
        """Tell what the archive holds (XEP-0313)."""
        found = []
        async for entry in self["xep_0313"].iterate():
            forwarded = entry["mam_result"]["forwarded"]["stanza"]
            found.append({"kind": forwarded["type"], "body": forwarded["body"]})
        self.tell("archive", messages=json.dumps(found))

    async def obey(self) -> None:
        """Do what is asked until there is nothing more to come."""
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        async for line in reader:
            order = json.loads(line)
            if order["do"] == "quit":
                break
            if order["do"] == "archive":
                await self.archived()
            elif order["do"] == "send":
                self.send_message(mto=order["to"], mbody=order["body"], mtype=order["type"])
        await self.disconnect()


async def run(args: argparse.Namespace) -> None:
    """Run the program until it is told to quit."""
    program = ChatProgram(args)
    program.connect(args.host, args.port)
    await program.obey()


def main() -> None:
    """Read who logs in where."""
    parser = argparse.ArgumentParser()
    for name in ("--jid", "--password", "--host", "--ca-file"):
        parser.add_argument(name, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--priority", type=int, default=0)
    parser.add_argument("--carbons", action="store_true")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
