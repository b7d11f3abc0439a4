"""bitween: your XMPP contacts are your swarm."""

from __future__ import annotations

# setup.cfg reads it from here: asking the installed metadata costs a command line 60 ms.
__version__ = "0.1.0"
