"""Commands about the daemon itself: ``status``, ``reconnect``, ``doctor``, ``stop``, ``call``."""

from __future__ import annotations

import json
import os
import select
import time

from bitween.cli.failures import CommandFailed, WrongUsage
from bitween.cli.session import CommandSession
from bitween.messages.quantities import counted, duration_text, size_text

#: Seconds that a daemon may take to stop.
_STOPPING_TIME = 30.0


def status(session: CommandSession) -> None:
    """``status``."""
    result = session.call("Api.status")
    if session.output.as_json:
        session.output.json(result)
        return
    connection, totals = result["connection"], result["totals"]
    error = f" ({connection['error']})" if connection["error"] else ""
    next_try = connection.get("next_try")  # daemons of earlier versions leave it out
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


def _addresses_text(addresses: list[tuple[str, int]]) -> str:
    shown = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in addresses]
    return ", ".join(shown) or "nothing"


def reconnect(session: CommandSession) -> None:
    """``reconnect``."""
    session.show(
        session.call("Api.reconnect"), "the daemon is trying to connect: see bitween status"
    )


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
        # Readable once the process has ended, even if its parent never asks for its status.
        ended, _, _ = select.select([process], [], [], _STOPPING_TIME)
    finally:
        os.close(process)
    if not ended:
        raise CommandFailed(f"the daemon (process {pid}) is still busy stopping", "see its log")


def call(session: CommandSession) -> None:
    """``call METHOD [JSON]``."""
    try:
        params = json.loads(session.args.params)
    except ValueError as error:
        raise WrongUsage(
            f"the parameters are not valid JSON: {error}", "quote them for the shell"
        ) from None
    if not isinstance(params, list | dict):
        raise WrongUsage("the parameters must be a JSON list or object")
    session.output.json(session.client.call_with(session.args.method, params))
