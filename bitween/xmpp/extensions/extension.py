"""
What all parts of the XMPP client have in common: one :class:`Extension` for each protocol.

wokkel hangs an extension into the client (``setHandlerParent``).  From then on the client calls
``connectionInitialized`` when a session begins and ``connectionLost`` when it is over, with a
``Failure`` that says why; in between, ``xmlstream`` is the session's stream.  A resumed session
(XEP-0198) is the same session: extensions notice nothing of the lost connection.
"""

from __future__ import annotations

from typing import Any, Literal

from twisted.words.protocols.jabber.xmlstream import IQ
from wokkel.subprotocols import XMPPHandler

from bitween.xmpp.elements import Element
from bitween.xmpp.session.errors import no_session


class Extension(XMPPHandler):
    """
    One protocol of the client.

    The parent is a :class:`bitween.xmpp.session.client.Client`.

    :cvar features: what service discovery lists because of it (XEP-0030 §3.1).
    """

    features: frozenset[str] = frozenset()

    def contact_left(self, jid: str, resource: str) -> None:
        """Forget a device that went offline: it may come back with another version of bitween."""

    async def send_iq(
        self,
        kind: Literal["get", "set"],
        content: Element,
        to: str = "",
        answer_timeout: float | None = None,
    ) -> Any:
        """
        Send a request and wait for its answer.

        A caller that cancels leaves nothing behind; a late answer is ignored then.

        :param kind: ``get`` to ask for something, ``set`` to change something (RFC 6120 §8.2.3).
        :param content: the one child of the request.
        :param to: a JID; empty for our own account.
        :param answer_timeout: seconds; the stream's default if ``None``.
        :returns: the ``iq`` that answers.
        :raises NotConnected: if there is no session.
        :raises StanzaError: if the answer is an error.
        :raises twisted.words.protocols.jabber.xmlstream.TimeoutError: if there is no answer.
        """
        stream = self.xmlstream
        if stream is None or not self.parent.in_session:
            raise no_session()
        iq = IQ(stream, kind)
        if to:
            iq["to"] = to
        if answer_timeout is not None:
            iq.timeout = answer_timeout
        iq.addChild(content)
        try:
            return await iq.send()
        finally:
            stream.iqDeferreds.pop(iq["id"], None)
