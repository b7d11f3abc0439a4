"""
A twisted.web resource that answers every request with the same bytes, in a process of its own.

``python -m benchmarks.bare_resource default|plain``: the default ``Site``, or one that parses no
forms.  Prints its port once it listens; its answer comes as one line on standard input.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

reactor: Any = _reactor


class SameAnswer(Resource):
    """Says the same to everybody."""

    isLeaf = True

    def __init__(self, answer: bytes) -> None:
        super().__init__()
        self._answer = answer

    def render(self, request: Request) -> bytes:
        """Read what is asked, and answer."""
        assert request.content is not None
        request.content.read()
        request.setHeader(b"content-type", b"application/json")
        return self._answer


def main() -> None:
    """Serve until the process is ended."""
    resource = SameAnswer(sys.stdin.readline().strip().encode("ascii"))
    if sys.argv[1] == "plain":
        site = Site(resource, parsePOSTFormSubmission=False)
    else:
        site = Site(resource)
    site.noisy = False
    port = reactor.listenTCP(0, site, interface="127.0.0.1")
    print(f"port {port.getHost().port}", flush=True)
    reactor.run()


if __name__ == "__main__":
    main()
