"""Commands that list, fetch and remove torrents: ``ls``, ``get``, ``rm``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from bitween.cli.commands.note import tags_text
from bitween.cli.commands.share_access import audiences_text
from bitween.cli.confirm import confirm
from bitween.cli.failures import CommandFailed, WrongUsage
from bitween.cli.names import Named, own_torrent, shared_torrent
from bitween.cli.session import CommandSession
from bitween.cli.waiting import wait_for_torrent
from bitween.messages.quantities import counted, rate_text, size_text

_EVERYBODY = audiences_text(("contacts",))


def ls(session: CommandSession) -> None:
    """``ls``."""
    result = session.call("bt.get_torrents")
    if session.output.as_json:
        session.output.json(result)
        return
    # Most people share everything with everybody, and a terminal is narrow.
    audiences = [_for_text(torrent) for torrent in result["torrents"]]
    differ = any(text != _EVERYBODY for text in audiences)
    session.output.table(
        ("name", "size", "done", "state", "down", "up", "peers", *(["for"] * differ), "hash"),
        [
            (*_torrent_row(torrent), *([text] * differ), torrent["hash"])
            for torrent, text in zip(result["torrents"], audiences, strict=True)
        ],
        empty="you share and download nothing; share something with bitween add PATH",
    )
    for torrent in result["torrents"]:
        if torrent.get("note"):  # daemons of earlier versions leave it out
            session.output.note(f"{torrent['name']}: {torrent['note']}")
        if torrent["error"]:
            session.output.note(f"{torrent['name']}: {torrent['error']}")


def _torrent_row(torrent: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        " ".join(filter(None, (torrent["name"], tags_text(torrent)))),
        size_text(torrent["total_size"]),
        _done_text(torrent),
        _state_text(torrent),
        rate_text(torrent["download_rate"]),
        rate_text(torrent["upload_rate"]),
        str(torrent["peers"]),
    )


def _for_text(torrent: Mapping[str, Any]) -> str:
    # Daemons of earlier versions leave it out.
    text = audiences_text(torrent.get("access", ("contacts",)))
    return f"{text} (locked for others)" if torrent.get("listed") else text


def _done_text(torrent: Mapping[str, Any]) -> str:
    """The downloaded share of the whole torrent; empty if that is unknown."""
    if torrent["error"]:
        return ""
    if torrent["state"] != "finished":
        return f"{int(torrent['progress'] * 100)}%"
    # The selected files are here, but the others are not.
    return f"{int(100 * torrent['done'] / (torrent['total_size'] or 1))}%"


def _state_text(torrent: Mapping[str, Any]) -> str:
    waited_for = torrent.get("waiting_for")  # daemons of earlier versions leave it out
    return f"waiting for {', '.join(waited_for)}" if waited_for else str(torrent["state"])


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
        output.note("no source is online; the download starts when one appears")
    if not args.wait:
        session.show(started, f"downloading {wanted} from {counted(sources, 'source')}")
        return
    torrent = wait_for_torrent(session.client, wanted.hash, output)
    size = size_text(torrent["total_size"])
    session.show(torrent, f"{torrent['name']} ({size}) is in {torrent['save_path']}")


def _had_already(session: CommandSession, wanted: Named) -> str | None:
    """The message for a torrent that is already complete; ``None`` for another one."""
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
            "leave out --data to keep them, or add --originals to delete them anyway",
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
        raise CommandFailed(f"{named} has been removed")
    torrent: dict[str, Any] = torrents[0]
    return torrent


def _files_text(deletion: Mapping[str, Any]) -> str:
    return f"{counted(deletion['files'], 'file')} ({size_text(deletion['size'])})"
