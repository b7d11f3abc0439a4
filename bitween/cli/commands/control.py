"""The commands that control torrents."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

from bitween.cli.failures import CommandFailed, WrongUsage
from bitween.cli.names import Named, own_torrent
from bitween.cli.session import CommandSession
from bitween.errors import InvalidValue
from bitween.messages.quantities import limit_text, rate_text, size_text
from bitween.model.quantity import parse_rate
from bitween.model.text import quoted

_NUMBERS = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?", re.ASCII)


def pause(session: CommandSession) -> None:
    """``pause HASH|NAME… | --all``."""
    _each(session, "paused", lambda info_hash: session.call("bt.pause", hash=info_hash))


def resume(session: CommandSession) -> None:
    """``resume HASH|NAME… | --all [--first]``."""

    def go_on(info_hash: str) -> object:
        result = session.call("bt.resume", hash=info_hash)
        if session.args.first:
            session.call("bt.prefer", hash=info_hash)
        return result

    _each(session, "resumed", go_on)


def recheck(session: CommandSession) -> None:
    """``recheck HASH|NAME… | --all``."""
    _each(session, "checking", lambda info_hash: session.call("bt.recheck", hash=info_hash))


def mend(session: CommandSession) -> None:
    """``mend HASH|NAME… | --all``."""
    _each(session, "mending", lambda info_hash: session.call("bt.mend", hash=info_hash))


def peers(session: CommandSession) -> None:
    """``peers HASH|NAME``."""
    named = own_torrent(session.client, session.args.what)
    result = session.call("bt.get_peers", hash=named.hash)
    if session.output.as_json:
        session.output.json(result)
        return
    session.output.table(
        ("contact", "has", "down", "up", "downloaded", "uploaded", "sealed", "address", "client"),
        [_peer_row(peer) for peer in result["peers"]],
        empty=f"nobody is connected for {named}",
    )


def _peer_row(peer: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        peer["contact"] or _stranger_text(peer),
        f"{int(100 * peer['progress'])}%",
        rate_text(peer["download_rate"]),
        rate_text(peer["upload_rate"]),
        size_text(peer["downloaded"]),
        size_text(peer["uploaded"]),
        "sealed" if peer["sealed"] else "in the clear",
        peer["address"],
        peer["client"] or "",
    )


def _stranger_text(peer: Mapping[str, Any]) -> str:
    introducer = peer["introduced_by"]
    return f"introduced by {introducer}" if introducer else "?"


def _each(session: CommandSession, done: str, change: Callable[[str], object]) -> None:
    """Change every torrent that is named, after all names are resolved."""
    for named in _named(session):
        session.show(change(named.hash), f"{done} {named}")


def _named(session: CommandSession) -> list[Named]:
    args = session.args
    if args.all == bool(args.what):
        raise WrongUsage(f"{args.command} needs the name or hash of a torrent, or --all")
    if not args.all:
        return [own_torrent(session.client, text) for text in args.what]
    torrents = session.call("bt.get_torrents", fields=["hash", "name"])["torrents"]
    return [Named(torrent["hash"], torrent["name"]) for torrent in torrents]


def files(session: CommandSession) -> None:
    """``files HASH|NAME [--only|--skip|--also|--first N,N-N] [--sequential|--any-order]``."""
    args, output = session.args, session.output
    info_hash = own_torrent(session.client, args.what).hash
    result = session.call("bt.get_files", hash=info_hash)
    wanted = _wanted(session, result["files"])
    first = None if args.first is None else _numbers(args.first)
    if (wanted, first, args.sequential) != (None, None, None):
        result = session.call(
            "bt.set_files", hash=info_hash, wanted=wanted, first=first, sequential=args.sequential
        )
    if output.as_json:
        output.json(result)
        return
    if result["files"] is None:
        output.note("its file list is not known until a contact who has it is online")
        return
    places = {index: place for place, index in enumerate(result["first"], 1)}
    output.table(
        ("index", "size", "done", "fetch", "path"),
        [_file_row(file, places) for file in result["files"]],
    )


def _wanted(session: CommandSession, files: list[Mapping[str, Any]] | None) -> list[int] | None:
    """Return the files to want from now on; ``None`` to leave the selection as it is."""
    args = session.args
    if args.only is not None:
        return _numbers(args.only)
    if args.skip is None and args.also is None:
        return None
    if files is None:
        raise CommandFailed(
            "its file list is not known yet", "try again when a contact who has it is online"
        )
    wanted = {file["index"] for file in files if file["wanted"]}
    wanted -= set(_numbers(args.skip or ""))
    return sorted(wanted | set(_numbers(args.also or "")))


def _file_row(file: Mapping[str, Any], places: Mapping[int, int]) -> tuple[str, ...]:
    size = file["size"]
    done = f"{int(100 * file['done'] / size)}%" if size else "100%"
    order = f"first ({places[file['index']]})" if file["index"] in places else "yes"
    wanted = order if file["wanted"] else "no"
    path = file["path"]
    if original := file.get("original"):
        path += f" (sent as {original!r})"
    return str(file["index"]), size_text(size), done, wanted, path


def _numbers(text: str) -> list[int]:
    """
    Read ``0,3-5``.

    :raises WrongUsage: if it is not a list of numbers.
    """
    numbers: list[int] = []
    for part in filter(None, text.split(",")):
        match = _NUMBERS.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last <= first + 10**5:
            raise WrongUsage(f"{part!r} is not a valid file number", "use e.g. 0,3-5")
        numbers += range(first, last + 1)
    return numbers


def limit(session: CommandSession) -> None:
    """``limit [HASH|NAME] [--up RATE] [--down RATE]``."""
    args, output = session.args, session.output
    rates = {"upload": _rate(args.up), "download": _rate(args.down)}
    info_hash = None if args.what is None else own_torrent(session.client, args.what).hash
    result = _limits(session, info_hash, rates)
    if output.as_json:
        output.json(result)
        return
    output.line(f"up {limit_text(result['upload'])}, down {limit_text(result['download'])}")
    if result.get("scheduled"):
        now = result["now"]
        output.line(
            f"by the schedule now: up {limit_text(now['upload'])},"
            f" down {limit_text(now['download'])}"
        )


def _limits(
    session: CommandSession, info_hash: str | None, rates: Mapping[str, int | None]
) -> dict[str, Any]:
    """Change the limits that are given, and return all of them."""
    if any(rate is not None for rate in rates.values()):
        changed: dict[str, Any] = session.call("bt.set_limits", hash=info_hash, **rates)
        return changed
    if info_hash is None:
        of_all: dict[str, Any] = session.call("Api.status")["limits"]
        return of_all
    (torrent,) = session.call("bt.get_torrents", hashes=[info_hash], fields=["limits"])["torrents"]
    of_one: dict[str, Any] = torrent["limits"]
    return of_one


def _rate(text: str | None) -> int | None:
    """
    Read ``500k``, ``2MB/s`` or ``none``.

    :raises WrongUsage: if it is not a rate.
    """
    if text is None:
        return None
    try:
        return parse_rate(text)
    except InvalidValue as error:
        raise WrongUsage(error.message, error.hint) from None


def export(session: CommandSession) -> None:
    """``export HASH|NAME [--to FILE]``."""
    named = own_torrent(session.client, session.args.what)
    result = session.call("bt.export", hash=named.hash)
    if session.args.to is None:
        session.show(result, result["magnet"])
        return
    if result["torrent"] is None:
        raise CommandFailed("there is no .torrent file yet", "a contact who has it must be online")
    _write_new(session.args.to, base64.b64decode(result["torrent"]))
    session.show(result, f"wrote {named} to {session.args.to}")


def _write_new(path: str, content: bytes) -> None:
    """
    Write a new file.

    :raises CommandFailed: if that is not possible, or the file exists.
    """
    try:
        with open(path, "xb") as file:
            file.write(content)
    except OSError as error:
        raise CommandFailed(f"cannot write {quoted(path)}: {error.strerror}") from None
