"""``bitween daemon``: the daemon itself, in the foreground."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def run_daemon(options: Sequence[str]) -> int:
    """
    Run ``twistd --nodaemon --pidfile= bitween``, for users who have only ``bitween`` on the path.

    :param options: those of ``twistd bitween``.
    :returns: the exit status.
    """
    if "--help" in options or "-h" in options:
        from bitween.settings.command_line import Options  # noqa: PLC0415  # only for the daemon

        print(f"Usage: bitween daemon {Options()}")
        return 0
    from twisted.scripts.twistd import run  # noqa: PLC0415  # only for the daemon

    sys.argv = [sys.argv[0], "--nodaemon", "--pidfile=", "bitween", *options]
    run()
    return 0
