"""Ping (XEP-0199): answers pings, and pings devices, whose presence may outlive a dead server."""

from __future__ import annotations

from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.xmlstream import TimeoutError as NoAnswer
from twisted.words.xish import domish
from wokkel.ping import PingHandler

from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.namespaces import NS_PING
from bitween.xmpp.session.errors import no_session, request_error

#: Seconds for an answer.
ANSWER_TIMEOUT = 10

# These answers come from a server in place of the device: from ours if it cannot reach the other
# one (RFC 6120 §8.3.3), from the other one if the device is offline (RFC 6121 §8.5.3.2.3).  A
# device itself answers a ping with a result, if the sender may see its presence.
_ABSENT = frozenset(
    {
        "remote-server-not-found",
        "remote-server-timeout",
        "service-unavailable",
        "recipient-unavailable",
    }
)


class Pinger(Extension, PingHandler):
    """Answers pings, and sends them."""

    features = frozenset({NS_PING})

    async def ping(self, jid: str, resource: str) -> bool:
        """
        Find out whether a resource answers, with a result or with an error of its own.

        :returns: whether it answers; false also if a server says that the resource is offline.
        :raises NotConnected: if there is no session, or it ends meanwhile.
        """
        if not self.parent.online:
            raise no_session()
        timeout = ANSWER_TIMEOUT + self.parent.budget.backlog
        try:
            ping = domish.Element((NS_PING, "ping"))
            await self.send_iq("get", ping, f"{jid}/{resource}", timeout)
        except StanzaError as error:
            return error.condition not in _ABSENT
        except NoAnswer:
            return False
        except Exception as error:
            raise request_error(error) from None
        return True
