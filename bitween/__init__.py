"""bitween: your XMPP contacts are your swarm."""

from __future__ import annotations

from importlib.metadata import version

__version__ = version("bitween")
