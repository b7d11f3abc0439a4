"""Every command that talks to a daemon, by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bitween.cli.commands.access import open_page, sessions, token
from bitween.cli.commands.contacts import contacts, shares
from bitween.cli.commands.control import export, files, limit, mend, pause, peers, recheck, resume
from bitween.cli.commands.daemon import call, doctor, reconnect, status, stop
from bitween.cli.commands.devices import devices, verify
from bitween.cli.commands.events import events
from bitween.cli.commands.note import note
from bitween.cli.commands.share_access import access, ask, requests
from bitween.cli.commands.sharing import add, jobs
from bitween.cli.commands.torrents import get, ls, rm
from bitween.cli.session import CommandSession

COMMANDS: Mapping[str, Callable[[CommandSession], None]] = MappingProxyType(
    {
        "add": add,
        "ls": ls,
        "shares": shares,
        "get": get,
        "rm": rm,
        "pause": pause,
        "resume": resume,
        "recheck": recheck,
        "mend": mend,
        "peers": peers,
        "files": files,
        "limit": limit,
        "export": export,
        "note": note,
        "access": access,
        "ask": ask,
        "requests": requests,
        "contacts": contacts,
        "devices": devices,
        "verify": verify,
        "status": status,
        "reconnect": reconnect,
        "doctor": doctor,
        "stop": stop,
        "jobs": jobs,
        "events": events,
        "call": call,
        "token": token,
        "sessions": sessions,
        "open": open_page,
    }
)
