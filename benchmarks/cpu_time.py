"""The CPU time of processes, which says what a way costs even while the machine has other work."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class _Process:
    """
    What ``/proc/PID/stat`` tells (proc(5)).

    :param own: seconds of CPU time.
    :param reaped: the same of its children that have ended.
    """

    parent: int
    own: float
    reaped: float


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process so far, without that of its children."""
    return _read(pid).own


def cpu_seconds_of_descendants() -> float:
    """The CPU time so far of all processes that this one has started, and that those started."""
    processes = dict(_all())
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = usage.ru_utime + usage.ru_stime
    ours = {os.getpid()}
    while found := {p for p, process in processes.items() if process.parent in ours} - ours:
        ours |= found
        total += sum(processes[pid].own + processes[pid].reaped for pid in found)
    return total


def _all() -> list[tuple[int, _Process]]:
    processes = []
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                processes.append((int(name), _read(int(name))))
            except (FileNotFoundError, ProcessLookupError):  # it has just ended
                continue
    return processes


def _read(pid: int) -> _Process:
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        # The name of the program, in parentheses, may hold anything.
        fields = file.read().rpartition(")")[2].split()
    parent, (user, system, reaped_user, reaped_system) = int(fields[1]), map(int, fields[11:15])
    return _Process(parent, (user + system) / _TICKS, (reaped_user + reaped_system) / _TICKS)
