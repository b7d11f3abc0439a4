"""Child processes that cannot outlive the program that started them."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def dying_with_parent() -> Callable[[], None]:
    """
    Prepare a child to be killed by the kernel when its parent goes, even by ``kill -9``.

    :returns: what is to be run in the child before it becomes the program (``preexec_fn``);
        it does nothing on systems other than Linux, which have no such thing.
    """
    if not sys.platform.startswith("linux"):
        return lambda: None
    # Loaded before the fork: the child must do as little as it can.
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it went between the fork and here
            os._exit(1)

    return arrange
