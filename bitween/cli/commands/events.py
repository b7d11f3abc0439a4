"""The command that lists and follows events: ``events``."""

from __future__ import annotations

from bitween.cli.event_text import event_lines
from bitween.cli.session import CommandSession

#: Seconds for which one call waits for the next event.
_POLL_SECONDS = 30


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
    """The names of our torrents, for events that leave them out."""

    def __init__(self, session: CommandSession) -> None:
        self._session = session
        self._known: dict[str, str] = {}

    def get(self, info_hash: str) -> str | None:
        """Return the name of a torrent, if it is known."""
        if info_hash not in self._known:
            torrents = self._session.call("bt.get_torrents", fields=["hash", "name"])["torrents"]
            named = {torrent["hash"]: torrent["name"] for torrent in torrents if torrent["name"]}
            self._known |= {info_hash: "", **named}
        return self._known[info_hash] or None
