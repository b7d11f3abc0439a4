"""A path that the user wants to share, as it is stored until it is shared."""

from __future__ import annotations

from dataclasses import dataclass

from bitween.model.access import Access


@dataclass(frozen=True, slots=True)
class Intention:
    """
    A path to hash and share.

    :param strict: whether to refuse the path if a part of it has to be left out.
    :param access: who may see and fetch it; ``None`` if the user has not chosen.
    """

    path: str
    strict: bool = False
    access: Access | None = None
