"""Commands about contacts and what they share: ``contacts``, ``shares``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bitween.cli.commands.note import tags_text
from bitween.cli.commands.share_access import visible_shares
from bitween.cli.failures import WrongUsage
from bitween.cli.session import CommandSession
from bitween.messages.quantities import counted, size_text

_PAGE = 500


def shares(session: CommandSession) -> None:
    """``shares [QUERY] [--contact JID]``."""
    query = " ".join(session.args.query)
    items = _all_found(session, query, session.args.contact, "match" if query else "name")
    if session.output.as_json:
        session.output.json({"total": len(items), "items": items})
        return
    session.output.table(
        ("name", "size", "who", "there", "way", "hash"),
        [
            (
                " ".join(filter(None, (claim["name"], tags_text(item)))),
                size_text(claim["size"]),
                ", ".join(claim["contacts"]) or "(your copy)",
                _found_there(item),
                item["reach_text"] or "",
                item["hash"],
            )
            for item in items
            for claim in item["names"] or [item]
        ],
        empty=f"no contact shares anything called {query!r}"
        if query
        else "no contact shares anything",
    )
    for item in items:
        if item.get("note"):  # daemons of earlier versions leave it out
            session.output.note(f"{item['name']}: {item['note']}")
    differing = sum(bool(item["names"]) for item in items)
    if differing:
        session.output.note(
            f"contacts disagree on the name or size of {counted(differing, 'share')}: "
            "each is listed under every name; equal hashes are the same content"
        )


def _found_there(item: Mapping[str, Any]) -> str:
    if not item["online"]:
        return "away"
    # Daemons of earlier versions leave it out.
    return "not answering" if item.get("answering") is False else "online"


def _all_found(
    session: CommandSession, query: str, contact: str | None, sort: str
) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    while True:
        page = session.call(
            "xmpp.find", query=query, contact=contact, sort=sort, offset=len(items), limit=_PAGE
        )
        items += page["items"]
        if not page["items"] or len(items) >= page["total"]:
            return items


def contacts(session: CommandSession) -> None:
    """``contacts [link|show|add|accept|remove|block|unblock JID]``, ``contacts forget DEVICE``."""
    args, output = session.args, session.output
    if args.action == "link":
        invitation = session.call("xmpp.invitation")
        session.show(invitation, invitation["uri"])
        return
    if args.action is not None:
        _change_contact(session)
        return
    result = session.call("xmpp.get_contacts")
    if output.as_json:
        output.json(result)
        return
    blocked = session.call("xmpp.get_blocked")["blocked"]
    known = {contact["jid"] for contact in result["contacts"]}
    output.table(
        ("jid", "nick", "subscription", "there", "way", "shares", "down", "up", "pending"),
        [
            *map(_contact_row, result["contacts"]),
            *(
                (jid, "", "none", "away", "", "0", "", "", "blocked")
                for jid in blocked
                if jid not in known
            ),
        ],
        empty="you have no contacts; invite one with bitween contacts add JID",
    )


def _change_contact(session: CommandSession) -> None:
    args = session.args
    if args.jid_of_contact is None:
        raise WrongUsage(f"contacts {args.action} needs a JID")
    if args.nick is not None and args.action != "add":
        raise WrongUsage("--nick goes with contacts add")
    if args.action == "show":
        visible_shares(session)
        return
    if args.action == "forget":
        _forget_resource(session)
        return
    method = args.action if args.action in {"block", "unblock"} else f"{args.action}_contact"
    result = session.call(f"xmpp.{method}", jid=args.jid_of_contact, nick=args.nick)
    texts = {
        "add": f"asked {args.jid_of_contact} to become a contact",
        "accept": f"{args.jid_of_contact} is now a contact",
        "remove": f"removed {args.jid_of_contact} from your contacts",
        "block": f"{args.jid_of_contact} is blocked",
        "unblock": f"{args.jid_of_contact} is no longer blocked",
    }
    session.show(result, texts[args.action])


def _forget_resource(session: CommandSession) -> None:
    jid, _, resource = session.args.jid_of_contact.partition("/")
    if not resource:
        raise WrongUsage("contacts forget needs a resource: JID/RESOURCE")
    result = session.call("xmpp.forget_resource", jid=jid, resource=resource)
    session.show(result, f"{jid}/{resource} is forgotten")


def _presence_text(contact: Mapping[str, Any]) -> str:
    if contact["service"]:
        return "service"
    reachable = [r for r in contact["resources"] if r["bitween"] and r["online"]]
    if reachable and all(resource["answering"] is False for resource in reachable):
        return "not answering"
    if reachable:
        return "online"
    return "without bitween" if contact["online"] else "away"


def _contact_row(contact: Mapping[str, Any]) -> tuple[str, ...]:
    pending = {"in": "asks you: contacts accept", "out": "asked", None: ""}
    ways = [resource["way"]["text"] for resource in contact["resources"] if resource["way"]]
    return (
        contact["jid"],
        contact["nick"] or "",
        contact["subscription"],
        _presence_text(contact),
        ", ".join(dict.fromkeys(filter(None, ways))),
        str(sum(resource["shares"] for resource in contact["resources"])),
        size_text(contact["downloaded"]) if contact["downloaded"] else "",
        size_text(contact["uploaded"]) if contact["uploaded"] else "",
        "blocked" if contact["blocked"] else f"{pending[contact['pending']]}{_error_text(contact)}",
    )


def _error_text(contact: Mapping[str, Any]) -> str:
    error = contact.get("error")  # daemons of earlier versions leave it out
    return f": {error['message']}" if error else ""
