"""
The texts of errors, findings of the diagnosis, and obstacles, in every language.

Each has an id, and a line in the file of each language: ``en.json`` is what the daemon says, from
the others the page translates.  A line has a ``text`` and, where something helps, a ``fix``.  The
code names the id and the values of the places in them::

    raise NoSuchPath.of("no_such_path.path", path=path)

    "no_such_path.path": {"text": "'{path}' does not exist"},

A place may say how its value is shown: ``{free:size}`` for bytes, ``{seconds:duration}`` for
seconds.  A text that depends on a number has two forms, between which the value ``n`` chooses:
``{"one": "{n} day", "other": "{n} days"}``.

The id of an error begins with the reason of its kind (``api/results/faults.py``), that of a finding
with its check and verdict, that of an obstacle with ``obstacle``.  An id without a dot is a kind of
errors: its text introduces errors of that kind that have only English words, as ``{english}``.
"""

from __future__ import annotations

#: The value of a place in a text.
Value = str | int | float
