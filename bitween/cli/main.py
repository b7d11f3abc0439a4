"""The entry point of ``bitween``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from bitween.cli.parser import make_parser
from bitween.errors import BitweenError

_INTERRUPTED = 130
_BROKEN_PIPE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run one command.

    :returns: the exit status: 0 done, 1 the daemon said no, 2 wrong usage, 3 no daemon there.
    """
    parser = make_parser()
    if "_ARGCOMPLETE" in os.environ:
        from bitween.cli.completion import answer  # noqa: PLC0415  # only for a shell that asks

        answer(parser)
    args = parser.parse_args(argv)
    _refuse_empty(parser, args)
    try:
        status = _run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Python would complain about it once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    return status


def _refuse_empty(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with wrong usage where an argument is empty, as from an unset variable of the shell."""
    for name, value in vars(args).items():
        if value == "" or (isinstance(value, list) and "" in value):
            option = f"--{name.replace('_', '-')}"
            named = option if option in sys.argv else "an argument"
            parser.error(f"{named} is empty; leave it out, or say what is meant")


def _run(args: argparse.Namespace) -> int:
    # Imported here, for help must be quick and these are not.
    if args.command == "demo":
        from bitween.cli.demo import run_demo  # noqa: PLC0415  # see above

        return run_demo(args)
    if args.command == "completion":
        from bitween.cli.completion import shell_code  # noqa: PLC0415  # see above

        print(shell_code(args.shell))
        return 0
    from bitween.cli.commands import COMMANDS  # noqa: PLC0415  # see above
    from bitween.cli.locate import find_client  # noqa: PLC0415  # see above
    from bitween.cli.output import Output  # noqa: PLC0415  # see above
    from bitween.cli.session import Session  # noqa: PLC0415  # see above

    output = Output(args.json, sys.stdout, sys.stderr)
    try:
        client, pid = find_client(args, os.environ)
        COMMANDS[args.command](Session(args, client, output, pid))
    except BitweenError as error:
        output.note(f"bitween: {error}")
        return getattr(error, "exit_status", 1)
    return 0
