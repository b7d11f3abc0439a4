"""Asks resources whether they are there (XEP-0199): presence outlives a server that has died."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.xmlstream import IQ
from twisted.words.protocols.jabber.xmlstream import TimeoutError as NoAnswer
from wokkel.subprotocols import XMPPHandler

from bitween.xmpp.namespaces import NS_PING
from bitween.xmpp.session.errors import no_session, request_error

#: Seconds for an answer.
ANSWER_TIMEOUT = 10

# A server answers so in place of a resource: ours where it does not reach theirs (RFC 6120 §8.3.3),
# theirs where it knows of no such resource (RFC 6121 §8.5.3.2.3).  A bitween device itself answers
# a ping of those who may see its presence with a result.
_ABSENT = frozenset(
    {
        "remote-server-not-found",
        "remote-server-timeout",
        "service-unavailable",
        "recipient-unavailable",
    }
)


class Pinger(XMPPHandler):
    """The parent is a :class:`bitween.xmpp.session.client.Client`."""

    async def ping(self, jid: str, resource: str) -> bool:
        """
        Find out whether a resource answers, with a result or with an error of its own.

        :raises NotConnected: if there is no session, or it ends meanwhile.
        """
        stream: Any = self.xmlstream
        if stream is None or not self.parent.online:
            raise no_session()
        iq = IQ(stream, "get")
        iq.timeout = ANSWER_TIMEOUT + self.parent.budget.backlog
        iq.addElement((NS_PING, "ping"))
        answer: Deferred[Any] = iq.send(f"{jid}/{resource}")
        try:
            await answer
        except StanzaError as error:
            return error.condition not in _ABSENT
        except NoAnswer:
            return False
        except Exception as error:
            raise request_error(error) from None
        return True
