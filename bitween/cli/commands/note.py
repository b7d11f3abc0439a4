"""The command that sets what contacts read about a torrent: ``note``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bitween.cli.failures import WrongUsage
from bitween.cli.names import own_torrent
from bitween.cli.session import CommandSession


def note(session: CommandSession) -> None:
    """``note HASH|NAME [TEXT] [--tag TAG]... [--clear]``."""
    args = session.args
    text = " ".join(args.text) or None
    if args.clear and (text or args.tag):
        raise WrongUsage("--clear removes the note and all tags, so leave out others")
    named = own_torrent(session.client, args.what)
    if args.clear:
        text, args.tag = "", []
    result = session.call("bt.set_note", hash=named.hash, note=text, tags=args.tag)
    session.show(result, _text(result))


def _text(annotation: Mapping[str, Any]) -> str:
    tags = tags_text(annotation)
    return "  ".join(filter(None, (annotation["note"], tags))) or "no note and no tags"


def tags_text(annotation: Mapping[str, Any]) -> str:
    """
    List the tags of a torrent or share; empty if it has none.

    :param annotation: a torrent or share, as the API returns it.
    """
    # Daemons of earlier versions leave them out.
    return " ".join(f"#{tag}" for tag in annotation.get("tags", ()))
