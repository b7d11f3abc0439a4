"""Commands about access to the API: ``token``, ``sessions``, ``open``."""

from __future__ import annotations

import os
import time
import webbrowser
from collections.abc import Mapping
from typing import Any

from bitween.cli.failures import WrongUsage
from bitween.cli.session import CommandSession


def token(session: CommandSession) -> None:
    """``token [new [--read-only] [--name NAME] | revoke NAME | list]``."""
    args = session.args
    if args.action != "new" and (args.read_only or args.name is not None):
        raise WrongUsage("--read-only and --name go with token new")
    if args.action == "new" and args.token is not None:
        raise WrongUsage(f"a name for a new token goes with --name: --name {args.token}")
    if args.action == "revoke" and args.token is None:
        raise WrongUsage("token revoke needs the name of a token", "bitween token lists them")
    if args.action != "revoke" and args.token is not None:
        raise WrongUsage("only token revoke takes the name of a token")
    if args.action == "new":
        _make(session)
    elif args.action == "revoke":
        result = session.call("token.revoke", name=args.token)
        session.show(result, f"revoked the token {args.token}")
    else:
        _list(session)


def _make(session: CommandSession) -> None:
    made = session.call("token.new", name=session.args.name, read_only=session.args.read_only)
    session.show(made, made["token"])
    session.output.note(f"this is the token {made['name']}; it cannot be shown again")


def _list(session: CommandSession) -> None:
    result = session.call("token.list")
    if session.output.as_json:
        session.output.json(result)
        return
    session.output.table(("name", "may", "since"), [_row(made) for made in result["tokens"]])


def _row(made: Mapping[str, Any]) -> tuple[str, ...]:
    since = "" if made["created"] is None else _date(made["created"])
    return made["name"], "look" if made["read_only"] else "do everything", since


def sessions(session: CommandSession) -> None:
    """``sessions [list | revoke ID]``."""
    args = session.args
    if args.action == "revoke" and args.session is None:
        raise WrongUsage("sessions revoke needs the ID of a session", "bitween sessions lists them")
    if args.action != "revoke" and args.session is not None:
        raise WrongUsage("only sessions revoke takes the ID of a session")
    if args.action == "revoke":
        result = session.call("session.revoke", session=args.session)
        session.show(result, f"the browser of session {args.session} is logged out")
        return
    result = session.call("session.list")
    if session.output.as_json:
        session.output.json(result)
        return
    if not result["sessions"]:
        session.output.line("no browser is logged in")
        return
    rows = [_browser_row(browser) for browser in result["sessions"]]
    session.output.table(("id", "may", "last used", "until", "browser"), rows)


def _browser_row(browser: Mapping[str, Any]) -> tuple[str, ...]:
    may = "do everything" if browser["access"] == "full" else "look"
    return (
        browser["session"],
        may,
        _date(browser["used"]),
        _date(browser["expires"]),
        browser["browser"][:60],
    )


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def open_page(session: CommandSession) -> None:
    """``open [--print] [--remember]``."""
    result = session.call("Api.login_link", remember=session.args.remember)
    link = session.client.reached(result["url"])
    if session.output.as_json:
        session.output.json({**result, "url": link})
        return
    if session.args.print or not _has_display(os.environ) or not webbrowser.open(link):
        session.output.line(link)


def _has_display(environ: Mapping[str, str]) -> bool:
    # Without one, a browser that runs in the terminal would be started in place of a real one.
    return any(environ.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"))
