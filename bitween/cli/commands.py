"""What each command does."""

from __future__ import annotations

import json
import os
import select
import shlex
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from bitween.cli.access import open_page, sessions, token
from bitween.cli.confirm import confirm
from bitween.cli.control import export, files, limit, mend, pause, peers, recheck, resume
from bitween.cli.event_text import event_lines
from bitween.cli.failures import CommandFailed, Refused, WrongUsage
from bitween.cli.names import Named, own_torrent, shared_torrent
from bitween.cli.output import Output
from bitween.cli.session import CommandSession
from bitween.cli.waiting import wait_for_job, wait_for_torrent
from bitween.model.format import counted, duration_text, rate_text, size_text
from bitween.model.link import WHAT_TO_DO, is_web_link, said_of_link
from bitween.model.magnet import is_magnet
from bitween.model.skipped_files import Why
from bitween.model.text import quoted

_PAGE = 500
#: Seconds that a daemon may take to stop.
_STOPPING_TIME = 30.0
#: Seconds for which one call waits for the next event.
_POLL_SECONDS = 30


def add(session: CommandSession) -> None:
    """``add PATH… [--wait] [--strict]``."""
    failed = 0
    for path in session.args.paths:
        try:
            _add_one(session, _path_to_share(path))
        except CommandFailed as failure:
            if len(session.args.paths) == 1 or failure.exit_status != CommandFailed.exit_status:
                raise
            failed += 1
            session.output.note(f"bitween: {failure}")
    if failed:
        raise CommandFailed(f"{failed} of {len(session.args.paths)} could not be added")


def _path_to_share(text: str) -> str:
    """
    The path that an argument means, also one that the shell left a ``~`` in.

    :raises WrongUsage: if it is a magnet link, or one to the web.
    """
    if is_web_link(text):
        raise WrongUsage(said_of_link(quoted(text)), WHAT_TO_DO)
    if is_magnet(text):
        raise WrongUsage(
            f"{quoted(text)} is a magnet link, not a file", "bitween get downloads what it names"
        )
    path = os.path.abspath(text)
    return path if os.path.lexists(path) else os.path.abspath(os.path.expanduser(text))


def _add_one(session: CommandSession, path: str) -> None:
    output = session.output
    started = _start_adding(session, path)
    if not session.args.wait:
        session.show(started, f"adding {path} (job {started['job']})")
        return
    result = wait_for_job(session.client, started["job"], os.path.basename(path), output)
    size = size_text(result["total_size"])
    session.show(result, f"sharing {result['name']} ({size}) as {result['hash']}")
    _tell_left_out(output, path, result)


def _tell_left_out(output: Output, path: str, added: Mapping[str, Any]) -> None:
    total = added.get("left_out_total", 0)
    if not total or output.as_json:
        return
    output.note(f"{path}: {total} left out:")
    for entry in added["left_out"]:
        output.note(f"  {entry['path']} ({_why(entry['why'])})")
    if total > len(added["left_out"]):
        output.note(f"  and {total - len(added['left_out'])} more")


def _why(why: str) -> str:
    return Why(why).text if why in set(Why) else why


def _start_adding(session: CommandSession, path: str) -> dict[str, Any]:
    """Have a path hashed; what is rarely meant only if the user says so once more."""
    try:
        started: dict[str, Any] = session.call("bt.add_path", path=path, strict=session.args.strict)
    except Refused as refused:
        if refused.reason != "confirmation_needed":
            raise
        warning = refused.message
        if refused.detail == "torrent_file":
            warning += f"; to download that, run: bitween get {shlex.quote(path)}"
        confirm(session, warning, "Share it?")
        started = session.call("bt.add_path", path=path, strict=session.args.strict, confirm=True)
    return started


def ls(session: CommandSession) -> None:
    """``ls``."""
    result = session.call("bt.get_torrents")
    if session.output.as_json:
        session.output.json(result)
        return
    session.output.table(
        ("name", "size", "done", "state", "down", "up", "peers", "hash"),
        [_torrent_row(torrent) for torrent in result["torrents"]],
        empty="you share and download nothing; share something with bitween add PATH",
    )
    for torrent in result["torrents"]:
        if torrent["error"]:
            session.output.note(f"{torrent['name']}: {torrent['error']}")


def _torrent_row(torrent: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        torrent["name"],
        size_text(torrent["total_size"]),
        _done_text(torrent),
        _state_text(torrent),
        rate_text(torrent["download_rate"]),
        rate_text(torrent["upload_rate"]),
        str(torrent["peers"]),
        torrent["hash"],
    )


def _done_text(torrent: Mapping[str, Any]) -> str:
    """How much of all of it is here; nothing where that is not known."""
    if torrent["error"]:
        return ""
    if torrent["state"] != "finished":
        return f"{int(torrent['progress'] * 100)}%"
    # What was chosen is here, and what was not chosen is not.
    return f"{int(100 * torrent['done'] / (torrent['total_size'] or 1))}%"


def _state_text(torrent: Mapping[str, Any]) -> str:
    waited_for = torrent.get("waiting_for")  # a daemon of an earlier version does not tell
    return f"waiting for {', '.join(waited_for)}" if waited_for else str(torrent["state"])


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
                claim["name"],
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
    differing = sum(bool(item["names"]) for item in items)
    if differing:
        session.output.note(
            f"contacts disagree on the name or size of {counted(differing, 'share')}: "
            "each is shown once a name; the hash says what is the same"
        )


def _found_there(item: Mapping[str, Any]) -> str:
    if not item["online"]:
        return "away"
    # A daemon of an earlier version does not tell.
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


def get(session: CommandSession) -> None:
    """``get HASH|NAME|MAGNET|TORRENT [--to DIR] [--paused] [--wait]``."""
    args, output = session.args, session.output
    wanted = shared_torrent(session.client, args.what)
    folder = os.path.abspath(args.to) if args.to is not None else None
    started = session.call(
        "bt.add_torrent_by_hash", hash=wanted.hash, save_path=folder, paused=args.paused or None
    )
    sources = started["sources"]
    if not args.wait and (had := _had_already(session, wanted)):
        session.show(started, had)
        return
    if sources == 0:
        output.note("no source is online; it starts when one appears")
    if not args.wait:
        session.show(started, f"downloading {wanted} from {counted(sources, 'source')}")
        return
    torrent = wait_for_torrent(session.client, wanted.hash, output)
    size = size_text(torrent["total_size"])
    session.show(torrent, f"{torrent['name']} ({size}) is in {torrent['save_path']}")


def _had_already(session: CommandSession, wanted: Named) -> str | None:
    """What to say where nothing of a torrent is left to download; nothing otherwise."""
    asked = ["name", "complete", "save_path"]
    torrents = session.call("bt.get_torrents", hashes=[wanted.hash], fields=asked)["torrents"]
    if not torrents or not torrents[0]["complete"]:
        return None
    had = Named(wanted.hash, torrents[0]["name"])
    return f"you have {had} already, in {torrents[0]['save_path']}"


def rm(session: CommandSession) -> None:
    """``rm HASH|NAME [--data [--originals]]``."""
    args = session.args
    if args.originals and not args.data:
        raise WrongUsage("--originals goes with --data")
    named = own_torrent(session.client, args.what)
    if args.data:
        _remove_with_data(session, named)
        return
    torrent = _fields(session, named, "save_path")
    result = session.call("bt.del_torrent", hash=named.hash)
    session.show(result, f"removed {named}; its files stay in {torrent['save_path']}")


def _remove_with_data(session: CommandSession, named: Named) -> None:
    args = session.args
    torrent = _fields(session, named, "origin", "save_path")
    if torrent["origin"] == "shared" and not args.originals:
        raise CommandFailed(
            f"bitween did not download the files of {named}",
            "leave out --data to keep them, or add --originals to delete them all the same",
        )
    planned = session.call("bt.get_deletion", hash=named.hash)
    if planned["files"]:
        fate = (
            "They go to the trash." if planned["trash"] else "There is no trash: this is for good."
        )
        what = f"This deletes {_files_text(planned)} of {named} in {torrent['save_path']}."
        confirm(session, f"{what} {fate}", "Delete?")
    done = session.call(
        "bt.del_torrent", hash=named.hash, delete_data=True, originals=args.originals
    )
    where = "moved to the trash" if done["trash"] else "deleted"
    session.show(done, f"removed {named}: {_files_text(done)} {where}")
    if done["kept"]:
        session.output.note(
            f"{counted(done['kept'], 'file')} left in place: changed or moved by you,"
            " or part of another torrent"
        )


def _fields(session: CommandSession, named: Named, *fields: str) -> dict[str, Any]:
    torrents = session.call("bt.get_torrents", hashes=[named.hash], fields=list(fields))["torrents"]
    if not torrents:
        raise CommandFailed(f"{named} was removed meanwhile")
    torrent: dict[str, Any] = torrents[0]
    return torrent


def _files_text(deletion: Mapping[str, Any]) -> str:
    return f"{counted(deletion['files'], 'file')} ({size_text(deletion['size'])})"


def contacts(session: CommandSession) -> None:
    """``contacts [link|add|accept|remove|block|unblock JID]``, ``contacts forget JID/RESOURCE``."""
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
    if args.action == "forget":
        _forget_resource(session)
        return
    method = args.action if args.action in {"block", "unblock"} else f"{args.action}_contact"
    result = session.call(f"xmpp.{method}", jid=args.jid_of_contact, nick=args.nick)
    said = {
        "add": f"asked {args.jid_of_contact} to become a contact",
        "accept": f"{args.jid_of_contact} is now a contact",
        "remove": f"removed {args.jid_of_contact} from your contacts",
        "block": f"{args.jid_of_contact} is blocked",
        "unblock": f"{args.jid_of_contact} is no longer blocked",
    }
    session.show(result, said[args.action])


def _forget_resource(session: CommandSession) -> None:
    jid, _, resource = session.args.jid_of_contact.partition("/")
    if not resource:
        raise WrongUsage("contacts forget needs a resource: JID/RESOURCE")
    result = session.call("xmpp.forget_resource", jid=jid, resource=resource)
    session.show(result, f"{jid}/{resource} is forgotten")


def _there(contact: Mapping[str, Any]) -> str:
    if contact["service"]:
        return "service"
    there = [r for r in contact["resources"] if r["bitween"] and r["online"]]
    if there and all(resource["answering"] is False for resource in there):
        return "not answering"
    if there:
        return "online"
    return "without bitween" if contact["online"] else "away"


def _contact_row(contact: Mapping[str, Any]) -> tuple[str, ...]:
    pending = {"in": "asks you: contacts accept", "out": "asked", None: ""}
    ways = [resource["way"]["text"] for resource in contact["resources"] if resource["way"]]
    return (
        contact["jid"],
        contact["nick"] or "",
        contact["subscription"],
        _there(contact),
        ", ".join(dict.fromkeys(filter(None, ways))),
        str(sum(resource["shares"] for resource in contact["resources"])),
        size_text(contact["downloaded"]) if contact["downloaded"] else "",
        size_text(contact["uploaded"]) if contact["uploaded"] else "",
        "blocked" if contact["blocked"] else f"{pending[contact['pending']]}{_error_text(contact)}",
    )


def _error_text(contact: Mapping[str, Any]) -> str:
    error = contact.get("error")  # a daemon of an earlier version does not tell
    return f": {error['message']}" if error else ""


def status(session: CommandSession) -> None:
    """``status``."""
    result = session.call("Api.status")
    if session.output.as_json:
        session.output.json(result)
        return
    connection, totals = result["connection"], result["totals"]
    error = f" ({connection['error']})" if connection["error"] else ""
    next_try = connection.get("next_try")  # a daemon of an earlier version does not tell
    wait = f", next try in {duration_text(max(0, next_try - time.time()))}" if next_try else ""
    rows = {
        "account": result["jid"],
        "connection": f"{connection['state']}{error}{wait}",
        "contacts": f"{totals['contacts_online']} of {totals['contacts']} online",
        "torrents": f"{totals['complete']} of {totals['torrents']} complete, "
        f"{size_text(totals['done'])} of {size_text(totals['size'])}",
        "rates": f"{size_text(totals['download_rate'])}/s down, "
        f"{size_text(totals['upload_rate'])}/s up, {counted(totals['peers'], 'peer')}",
        "listening": _addresses_text(result["listen"]),
        "announcing": _addresses_text(result["addresses"]),
        "uptime": duration_text(result["uptime"]),
        "API": session.client.url,
    }
    for key, value in rows.items():
        session.output.line(f"{key + ':':13}{value}")


def reconnect(session: CommandSession) -> None:
    """``reconnect``."""
    session.show(session.call("Api.reconnect"), "the daemon tries to connect: see bitween status")


def _addresses_text(addresses: list[tuple[str, int]]) -> str:
    shown = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in addresses]
    return ", ".join(shown) or "nothing"


def doctor(session: CommandSession) -> None:
    """``doctor``."""
    result = session.call("net.diagnose")
    findings = result["findings"]
    if session.output.as_json:
        session.output.json(result)
    else:
        session.output.table(
            ("check", "verdict", "text"), [(f["check"], f["verdict"], f["text"]) for f in findings]
        )
        for finding in findings:
            if finding["fix"] and finding["verdict"] != "good":
                about = finding["text"].partition(":")[0] if finding["check"] == "way" else ""
                session.output.note(f"{about or finding['check']}: {finding['fix']}")
    bad = [finding["check"] for finding in findings if finding["verdict"] == "bad"]
    if bad:
        raise CommandFailed(f"this keeps transfers from working: {', '.join(bad)}")


def stop(session: CommandSession) -> None:
    """``stop``."""
    result = session.call("Api.exit")
    if session.pid is not None:
        _wait_for_end(session.pid)
    session.show(result, "stopped" if session.pid is not None else "stopping")


def _wait_for_end(pid: int) -> None:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        # Readable once the process has ended, also where its parent never asks for its status.
        ended, _, _ = select.select([process], [], [], _STOPPING_TIME)
    finally:
        os.close(process)
    if not ended:
        raise CommandFailed(f"the daemon (process {pid}) is still busy stopping", "see its log")


def jobs(session: CommandSession) -> None:
    """``jobs [cancel ID]``."""
    args, output = session.args, session.output
    if args.action is not None:
        if args.job is None:
            raise WrongUsage("jobs cancel needs the job's number")
        job = session.call("jobs.cancel", job=args.job)
        session.show(job, f"job {job['job']} ({job['subject']}) is {job['state']}")
        return
    result = session.call("jobs.list")
    if output.as_json:
        output.json(result)
        return
    output.table(
        ("job", "kind", "state", "done", "size", "error", "subject"),
        [_job_row(job) for job in result["jobs"]],
        empty="nothing is running",
    )
    for job in result["jobs"]:
        if job["result"] is not None:
            _tell_left_out(output, job["subject"], job["result"])


def _job_row(job: Mapping[str, Any]) -> tuple[str, ...]:
    error = job["error"]["message"] if job["error"] else ""
    done, total = size_text(job["done"]), size_text(job["total"])
    return job["job"], job["kind"], job["state"], done, total, error, job["subject"]


def events(session: CommandSession) -> None:
    """``events [TYPE…] [--follow]``."""
    args, output = session.args, session.output
    since, timeout = 0, _POLL_SECONDS if args.follow else 0
    names = _Names(session)
    while True:
        page = session.call("events.poll", since=since, timeout=timeout, types=args.types or None)
        if page["gap"]:
            output.note("some events were missed")
        for event in page["events"]:
            if output.as_json:
                output.json(event)
            else:
                for line in event_lines(event, names.get):
                    output.line(line)
        output.flush()
        if not args.follow and not page["events"]:
            if not since and not output.as_json:
                output.note("nothing has happened yet")
            return
        since = page["last"]


class _Names:
    """The names of our torrents, asked for when an event leaves one out."""

    def __init__(self, session: CommandSession) -> None:
        self._session = session
        self._known: dict[str, str] = {}

    def get(self, info_hash: str) -> str | None:
        """The name of one, where it is known."""
        if info_hash not in self._known:
            torrents = self._session.call("bt.get_torrents", fields=["hash", "name"])["torrents"]
            named = {torrent["hash"]: torrent["name"] for torrent in torrents if torrent["name"]}
            self._known |= {info_hash: "", **named}
        return self._known[info_hash] or None


def call(session: CommandSession) -> None:
    """``call METHOD [JSON]``."""
    try:
        params = json.loads(session.args.params)
    except ValueError as error:
        raise WrongUsage(
            f"the parameters are not JSON: {error}", "quote them for the shell"
        ) from None
    if not isinstance(params, list | dict):
        raise WrongUsage("the parameters are neither a JSON list nor an object")
    session.output.json(session.client.call_with(session.args.method, params))


#: Every command that talks to a daemon.
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
        "contacts": contacts,
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
