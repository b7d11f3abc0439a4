"""Completion in the shell: of commands and options, and of what the daemon knows."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import argcomplete
from argcomplete.shell_integration import shellcode

from bitween.cli.client import ApiClient
from bitween.cli.locate import find_client
from bitween.errors import BitweenError

SHELLS = ("bash", "zsh", "fish")

_Known = Callable[[ApiClient, str], Iterable[str]]

_HASH_LENGTH = 12
_MOST = 200
# Names come from strangers, and what is completed stands in a command line.
_HARMLESS = re.compile(r"\w[\w .,+@()\[\]-]{0,100}")


def shell_code(shell: str) -> str:
    """What a shell has to run to complete ``bitween``; one of :data:`SHELLS`."""
    return shellcode(["bitween"], shell=shell)


def answer(parser: argparse.ArgumentParser) -> None:
    """Tell the shell that asks what could come next, and end the process."""
    for command, subparser in subparsers(parser).items():
        for action in subparser._actions:  # noqa: SLF001  # argparse has no other way to its arguments
            known = _ARGUMENTS.get((command, action.dest))
            if known is not None:
                action.completer = _asked(known)  # type: ignore[attr-defined]  # where argcomplete looks
    argcomplete.autocomplete(parser, always_complete_options=False)


def subparsers(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """The parsers of the commands, by name."""
    for action in parser._actions:  # noqa: SLF001  # see above
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # see above
            return action.choices
    return {}


def _asked(known: _Known) -> Callable[..., list[str]]:
    """A completer as argcomplete wants it; it knows nothing where no daemon is."""

    def completer(prefix: str, parsed_args: argparse.Namespace, **_: object) -> list[str]:
        try:
            client, _pid = find_client(parsed_args, os.environ)
            return [text for text in known(client, prefix) if text.startswith(prefix)]
        except BitweenError:
            return []

    return completer


def _own_torrents(client: ApiClient, prefix: str) -> Iterable[str]:
    torrents = client.call("bt.get_torrents", fields=["hash", "name"])["torrents"]
    return _named(torrents, prefix)


def _shares(client: ApiClient, prefix: str) -> Iterable[str]:
    found = client.call("xmpp.find", query=prefix, sort="match", limit=_MOST)["items"]
    return _named(found, prefix)


def _contacts(client: ApiClient, _prefix: str) -> Iterable[str]:
    return [contact["jid"] for contact in client.call("xmpp.get_contacts")["contacts"]]


def _audiences(client: ApiClient, _prefix: str) -> Iterable[str]:
    contacts = client.call("xmpp.get_contacts")["contacts"]
    groups = sorted({group for contact in contacts for group in contact["groups"]})
    harmless = (f"group:{group}" for group in groups if _HARMLESS.fullmatch(group))
    return ["contacts", "devices", *harmless, *(contact["jid"] for contact in contacts)]


def _jobs(client: ApiClient, _prefix: str) -> Iterable[str]:
    jobs = client.call("jobs.list")["jobs"]
    return [job["job"] for job in jobs if job["state"] in {"queued", "running"}]


def _tokens(client: ApiClient, _prefix: str) -> Iterable[str]:
    tokens = client.call("token.list")["tokens"]
    return [token["name"] for token in tokens if _HARMLESS.fullmatch(token["name"])]


def _named(items: Sequence[Mapping[str, Any]], prefix: str) -> list[str]:
    """Names, and the beginnings of hashes where a name could do harm or a hash is being typed."""
    named = []
    for item in items:
        name, begin = item["name"], item["hash"][:_HASH_LENGTH]
        typing_hash = bool(prefix) and begin.startswith(prefix)
        named.append(begin if typing_hash or not _HARMLESS.fullmatch(name) else name)
    return named


#: What each argument of a command may be, where the daemon knows that.
_ARGUMENTS: Mapping[tuple[str, str], _Known] = MappingProxyType(
    {
        **{
            (command, "what"): _own_torrents
            for command in (
                "rm",
                "pause",
                "resume",
                "recheck",
                "mend",
                "files",
                "peers",
                "limit",
                "export",
                "note",
                "access",
            )
        },
        ("get", "what"): _shares,
        ("ask", "what"): _shares,
        ("contacts", "jid_of_contact"): _contacts,
        ("devices", "jid_of_contact"): _contacts,
        ("verify", "device"): _contacts,
        ("shares", "contact"): _contacts,
        ("add", "audiences"): _audiences,
        ("access", "audiences"): _audiences,
        ("jobs", "job"): _jobs,
        ("token", "token"): _tokens,
    }
)
