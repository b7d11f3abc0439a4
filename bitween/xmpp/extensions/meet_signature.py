"""
The signature of a connect request and of its answer (docs/protocol.rst, "Connect requests").

Each device signs both, for a server must not make it dial addresses of the server's choice.  Those
of a device that has no key, which bitween 0.1 is, count without a signature.
"""

from __future__ import annotations

from bitween.errors import InvalidValue
from bitween.xmpp.elements import Element
from bitween.xmpp.shares.candidate_codec import MAX_CANDIDATES
from bitween.xmpp.statements import Statements, parse_signed

_KIND = "meet"
_PARTS = ("address", "port", "kind", "reached", "varies")


class MeetSignatures:
    """Signs and checks the element ``meet``."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def sign(self, element: Element, jid: str, resource: str, answer_to: str | None = None) -> None:
        """
        Sign a connect request, or the answer to one.

        :param element: ``meet``; nothing in it may change afterwards.
        :param jid: the one who gets it, bare.
        :param answer_to: the id of the request that it answers; ``None`` for a request.
        """
        content = _content(element, answer_to)
        self._statements.sign(_KIND, f"{jid}/{resource}", content).write(element)

    def is_valid(
        self, element: Element, jid: str, resource: str, answer_to: str | None = None
    ) -> bool:
        """
        Whether a connect request, or the answer to one, counts; it does so once.

        :param element: ``meet``.
        :param jid: the sender, bare.
        :param answer_to: the id of our request; ``None`` for a request.
        """
        if not self._statements.devices.key(jid, resource):
            return True
        try:
            signed = parse_signed(element)
        except InvalidValue:
            return False
        content = _content(element, answer_to)
        return self._statements.accepts(_KIND, jid, resource, signed, content)


def _content(element: Element, answer_to: str | None) -> dict[str, object]:
    candidates = [e for e in element.elements() if e.name == "candidate"][: MAX_CANDIDATES + 1]
    return {
        "hash": element.getAttribute("hash"),
        "answer": answer_to is not None,
        "id": answer_to or "",
        "candidates": [[entry.getAttribute(part) for part in _PARTS] for entry in candidates],
    }
