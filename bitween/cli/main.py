"""The entry point of ``bitween``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from bitween.cli.parser import make_parser
from bitween.cli.streams import open_missing, silence
from bitween.errors import BitweenError

_INTERRUPTED = 130
_BROKEN_PIPE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run one command.

    :param argv: the arguments after the name of the program; ``None`` for those of this process.
    :returns: the exit status: 0 done, 1 failed, 2 wrong usage, 3 no daemon found, 130 interrupted,
        141 the reader of the output is gone.
    """
    argv = sys.argv[1:] if argv is None else argv
    # What the daemon prints is its log.
    open_missing(output_matters=argv[:1] != ["daemon"])
    status = _run_to_the_end(argv)
    try:
        sys.stderr.flush()
    except OSError:
        silence(sys.stderr)
    return status


def _run_to_the_end(argv: Sequence[str]) -> int:
    """Run one command; an error of its output ends it."""
    try:
        status = _run(argv)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        silence(sys.stdout)
        return _BROKEN_PIPE
    except OSError as error:
        silence(sys.stdout)
        what = repr(error.filename) if error.filename else "the output cannot be written"
        with suppress(OSError):
            print(f"bitween: {what}: {error.strerror or error}", file=sys.stderr)
        return 1
    return status


def _run(argv: Sequence[str]) -> int:
    """Run one command; argparse and twistd end by ``SystemExit``."""
    try:
        if argv[:1] == ["daemon"]:
            from bitween.cli.daemon import run_daemon  # noqa: PLC0415  # help must be quick

            return run_daemon(argv[1:])
        return _parse_and_run(argv)
    except SystemExit as end:
        if isinstance(end.code, int | None):
            return end.code or 0
        raise


def _parse_and_run(argv: Sequence[str]) -> int:
    parser = make_parser()
    if "_ARGCOMPLETE" in os.environ:
        from bitween.cli.completion import answer  # noqa: PLC0415  # only for a shell that asks

        answer(parser)
    if not argv:
        parser.print_help()
        return 0
    args = parser.parse_args(argv)
    if args.command == "daemon":
        parser.error("daemon comes first, then its options")
    _refuse_empty(parser, args, argv)
    return _run_command(args)


def _refuse_empty(
    parser: argparse.ArgumentParser, args: argparse.Namespace, argv: Sequence[str]
) -> None:
    """End with wrong usage where an argument is empty, as from an unset variable of the shell."""
    for name, value in vars(args).items():
        if value == "" or (isinstance(value, list) and "" in value):
            option = f"--{name.replace('_', '-')}"
            given = any(argument.partition("=")[0] == option for argument in argv)
            named = option if given else "an argument"
            parser.error(f"{named} is empty; leave it out, or give a value")


def _run_command(args: argparse.Namespace) -> int:
    # Imported here: help must be quick, and these are slow to import.
    if args.command == "demo":
        from bitween.cli.demo.run import run_demo  # noqa: PLC0415  # see above

        return run_demo(args)
    if args.command == "completion":
        from bitween.cli.completion import shell_code  # noqa: PLC0415  # see above

        print(shell_code(args.shell))
        return 0
    from bitween.cli.commands.table import COMMANDS  # noqa: PLC0415  # see above
    from bitween.cli.locate import find_client  # noqa: PLC0415  # see above
    from bitween.cli.output import Output  # noqa: PLC0415  # see above
    from bitween.cli.session import CommandSession  # noqa: PLC0415  # see above

    output = Output(args.json, sys.stdout, sys.stderr)
    try:
        client, pid = find_client(args, os.environ)
        COMMANDS[args.command](CommandSession(args, client, output, pid))
    except BitweenError as error:
        output.note(f"bitween: {error}")
        return getattr(error, "exit_status", 1)
    return 0
