"""The one import of libtorrent."""

from __future__ import annotations

import libtorrent as lt

from bitween.errors import ConfigurationError

__all__ = ["lt"]

MINIMUM = (2, 1)


def check_version(version: str) -> None:
    """
    :param version: what libtorrent says of itself.
    :raises ConfigurationError: if that is older than what bitween is written for.
    """
    if tuple(int(part) for part in version.split(".")[:2]) < MINIMUM:
        raise ConfigurationError(
            f"libtorrent {version} is too old", "install libtorrent 2.1 or newer"
        )


check_version(lt.version)
