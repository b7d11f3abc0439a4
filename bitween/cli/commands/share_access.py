"""
Commands about who may have a share: ``access``, ``ask``, ``requests``, ``contacts show``.

The options of ``add`` are here, too.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from bitween.cli.failures import WrongUsage
from bitween.cli.names import own_torrent, shared_torrent
from bitween.cli.session import CommandSession
from bitween.errors import InvalidValue
from bitween.messages.quantities import size_text
from bitween.model.quantity import parse_duration

_GROUP = "group:"
_WHY = {
    "everybody": "everybody in the roster",
    "named": "named",
    "own_device": "your own device",
    "listed": "the name only, locked",
}


def access(session: CommandSession) -> None:
    """``access HASH|NAME [--for WHO]... [--expires 7d] [--[no-]listed] [--[no-]introductions]``."""
    args = session.args
    named = own_torrent(session.client, args.what)
    given = chosen(session)
    if not given:
        shown = session.call("access.get", hash=named.hash)
        session.show(shown, access_text(shown))
        return
    result = session.call("access.set", hash=named.hash, **given)
    session.show(result, access_text(result))
    if result["hash"] != named.hash and not session.output.as_json:
        session.output.note(
            f"the share has another hash now: {result['hash']}; "
            "what a contact has fetched stays with that contact"
        )


def chosen(session: CommandSession) -> dict[str, Any]:
    """
    Read the options about access, as the API takes them; those not given are left out.

    :raises WrongUsage: if the end is not a duration.
    """
    args = session.args
    given = {
        "access": args.audiences,
        "expires": None if args.expires is None else _end(args.expires),
        "listed": args.listed,
        "introductions": args.introductions,
    }
    return {name: value for name, value in given.items() if value is not None}


def _end(text: str) -> int:
    try:
        return int(time.time()) + parse_duration(text)
    except InvalidValue as error:
        raise WrongUsage(f"--expires: {error.message}", error.hint) from None


def access_text(access: Mapping[str, Any]) -> str:
    """Say in one line who may have a share."""
    parts = [f"for {audiences_text(access['access'])}"]
    if access["expires"] is not None:
        until = time.strftime("%Y-%m-%d %H:%M", time.localtime(access["expires"]))
        over = access["expires"] <= time.time()
        parts.append(f"for others until {until}" if over else f"until {until}")
    if access["listed"]:
        parts.append("all contacts see the name, locked")
    if not access["introductions"]:
        parts.append("without introductions")
    return "; ".join(parts)


def audiences_text(audiences: Sequence[str]) -> str:
    """Name the audiences of a share, for a person."""
    return ", ".join(map(_audience_text, audiences))


def _audience_text(audience: str) -> str:
    if audience.startswith(_GROUP):
        return f"the group {audience.removeprefix(_GROUP)}"
    return {"contacts": "everybody", "devices": "your devices"}.get(audience, audience)


def visible_shares(session: CommandSession) -> None:
    """``contacts show JID``."""
    jid = session.args.jid_of_contact
    result = session.call("access.of", jid=jid)
    if session.output.as_json:
        session.output.json(result)
        return
    session.output.table(
        ("name", "size", "why", "hash"),
        [
            (share["name"], size_text(share["size"]), _why(share), share["hash"])
            for share in result["shares"]
        ],
        empty=f"{jid} sees none of your shares",
    )


def _why(share: Mapping[str, Any]) -> str:
    if share["why"] == "group":
        return _audience_text(share["who"])
    return _WHY.get(share["why"], str(share["why"]))


def ask(session: CommandSession) -> None:
    """``ask HASH|NAME``."""
    named = shared_torrent(session.client, session.args.what)
    result = session.call("access.ask", hash=named.hash)
    session.show(result, f"asked for {named}; its owner decides")


def requests(session: CommandSession) -> None:
    """``requests [grant|deny ID]``."""
    args = session.args
    if args.action is None:
        _list_requests(session)
        return
    if args.request is None:
        raise WrongUsage(f"requests {args.action} needs the ID of a request")
    result = session.call(f"access.{args.action}", id=args.request)
    if args.action == "deny":
        session.show(result, f"dropped request {args.request}")
    else:
        session.show(result, access_text(result))


def _list_requests(session: CommandSession) -> None:
    result = session.call("access.requests")
    if session.output.as_json:
        session.output.json(result)
        return
    session.output.table(
        ("id", "from", "name", "size", "hash"),
        [
            (entry["id"], entry["jid"], entry["name"], size_text(entry["size"]), entry["hash"])
            for entry in result["requests"]
        ],
        empty="nobody asks for anything",
    )
