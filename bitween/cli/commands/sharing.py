"""Commands that share files: ``add``, and ``jobs`` for what is being hashed."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from typing import Any

from bitween.cli.commands.share_access import chosen
from bitween.cli.confirm import confirm
from bitween.cli.failures import CommandFailed, Refused, WrongUsage
from bitween.cli.output import Output
from bitween.cli.session import CommandSession
from bitween.cli.waiting import wait_for_job
from bitween.messages.catalogue import english
from bitween.messages.quantities import size_text
from bitween.model.link import is_web_link
from bitween.model.magnet import is_magnet
from bitween.model.skipped_files import Why
from bitween.model.text import quoted, visible_path


def add(session: CommandSession) -> None:
    """``add PATH… [--wait] [--strict]``, with the options of ``access``."""
    failed = 0
    given = chosen(session)
    for path in session.args.paths:
        try:
            _add_one(session, _path_to_share(path), given)
        except CommandFailed as failure:
            if len(session.args.paths) == 1 or failure.exit_status != CommandFailed.exit_status:
                raise
            failed += 1
            session.output.note(f"bitween: {failure}")
    if failed:
        raise CommandFailed(f"{failed} of {len(session.args.paths)} could not be added")


def _path_to_share(text: str) -> str:
    """
    Return the path that an argument means, even if the shell left a ``~`` in it.

    :raises WrongUsage: if it is a magnet link, or one to the web.
    """
    if is_web_link(text):
        raise WrongUsage(*english("bad_path.link", {"path": visible_path(text)}))
    if is_magnet(text):
        raise WrongUsage(
            f"{quoted(text)} is a magnet link, not a file", "bitween get downloads what it names"
        )
    path = os.path.abspath(text)
    return path if os.path.lexists(path) else os.path.abspath(os.path.expanduser(text))


def _add_one(session: CommandSession, path: str, given: Mapping[str, Any]) -> None:
    output = session.output
    started = _start_adding(session, path, given)
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


def _start_adding(session: CommandSession, path: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Start to share a path; ask the user first if the daemon wants that confirmed."""
    try:
        started: dict[str, Any] = session.call(
            "bt.add_path", path=path, strict=session.args.strict, **given
        )
    except Refused as refused:
        if refused.reason != "confirmation_needed":
            raise
        warning = refused.message
        if refused.message_id == "confirmation_needed.torrent_file":
            warning += f"; to download that, run: bitween get {shlex.quote(path)}"
        confirm(session, warning, "Share it?")
        started = session.call(
            "bt.add_path", path=path, strict=session.args.strict, confirm=True, **given
        )
    return started


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
