"""
One node of a publish-subscribe service (XEP-0060).

A node has a name and lives at a service: an account (personal eventing, XEP-0163), or a component
such as ``pubsub.example.org``.  :class:`PubSubNode` holds no state: it turns configuring,
publishing, reading and retracting into requests and reads the answers.  Whose items count, and when
to read or publish, is for its users to decide.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.xish import domish
from wokkel.data_form import Form

from bitween.errors import RequestRefused
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.namespaces import (
    NS_PUBLISH_OPTIONS,
    NS_PUBSUB,
    NS_PUBSUB_NODE_CONFIG,
    NS_PUBSUB_OWNER,
)
from bitween.xmpp.session.errors import request_error


class PreconditionFailed(RequestRefused):
    """The node is not configured as the publisher requires (XEP-0060 §7.1.5)."""


class PubSubNode:
    """A node, and the requests that it takes."""

    def __init__(
        self,
        requester: Extension,
        service: str,
        name: str,
        options: Mapping[str, str] | None = None,
        required: Collection[str] = (),
    ) -> None:
        """
        :param requester: sends the requests.
        :param service: the JID of the service; empty for our own account.
        :param name: the node's name; personal eventing uses a namespace (XEP-0163).
        :param options: the node's configuration (XEP-0060 §16.4.4), values by field, for its owner.
        :param required: the names of those options without which nothing is published.
        """
        self._requester = requester
        self._service = service
        self._name = name
        self._options = dict(options or {})
        self._preconditions = {option: self._options[option] for option in required}

    async def configure(self) -> None:
        """
        Set the node's options (XEP-0060 §8.2); create the node if there is none (§8.1.3).

        Publish-options alone would not do: Prosody and ejabberd take this way only.

        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the service refuses.
        """
        try:
            await self._configure_or_create()
        except Exception as error:
            raise request_error(error) from None

    async def publish(self, item: Element) -> None:
        """
        Publish an item (XEP-0060 §7.1).

        :param item: an ``item`` with an id and a payload.
        :raises PreconditionFailed: if the node has other options than required; configure it then.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the service refuses.
        """
        pubsub = _pubsub(NS_PUBSUB)
        publish = pubsub.addElement("publish")
        publish["node"] = self._name
        item.uri = NS_PUBSUB
        publish.addChild(item)
        if self._preconditions:
            options = pubsub.addElement("publish-options")
            options.addChild(_form(self._preconditions, NS_PUBLISH_OPTIONS))
        try:
            await self._requester.send_iq("set", pubsub, self._service)
        except Exception as error:
            if _is(error, "conflict"):
                raise PreconditionFailed("the node is not configured as required") from None
            raise request_error(error) from None

    async def read(self, limit: int) -> list[Element]:
        """
        Read the node's items (XEP-0060 §6.5); a node that does not exist has none.

        :param limit: items beyond this number are ignored.
        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the service refuses, does not answer, or answers malformed XML.
        """
        pubsub = _pubsub(NS_PUBSUB)
        pubsub.addElement("items")["node"] = self._name
        try:
            answer = await self._requester.send_iq("get", pubsub, self._service)
            content = next(answer.elements(NS_PUBSUB, "pubsub"))
            items = next(content.elements(NS_PUBSUB, "items"))
            return list(items.elements(NS_PUBSUB, "item"))[:limit]
        except Exception as error:
            if _is(error, "item-not-found"):
                return []
            raise request_error(error) from None

    async def retract(self, item_id: str) -> None:
        """
        Retract an item (XEP-0060 §7.2); an item that does not exist is no error.

        :raises NotConnected: if there is no session.
        :raises RequestRefused: if the service refuses.
        """
        pubsub = _pubsub(NS_PUBSUB)
        retract = pubsub.addElement("retract")
        retract["node"] = self._name
        retract["notify"] = "true"
        retract.addElement("item")["id"] = item_id
        try:
            await self._requester.send_iq("set", pubsub, self._service)
        except Exception as error:
            if not _is(error, "item-not-found"):
                raise request_error(error) from None

    async def _configure_or_create(self) -> None:
        try:
            await self._configure()
        except StanzaError as error:
            if error.condition != "item-not-found":
                raise
        else:
            return
        try:
            await self._create()
        except StanzaError as error:
            # Another device has created the node in the meantime.
            if error.condition != "conflict":
                raise
            await self._configure()

    async def _configure(self) -> None:
        pubsub = _pubsub(NS_PUBSUB_OWNER)
        configure = pubsub.addElement("configure")
        configure["node"] = self._name
        configure.addChild(_form(self._options, NS_PUBSUB_NODE_CONFIG))
        await self._requester.send_iq("set", pubsub, self._service)

    async def _create(self) -> None:
        pubsub = _pubsub(NS_PUBSUB)
        pubsub.addElement("create")["node"] = self._name
        pubsub.addElement("configure").addChild(_form(self._options, NS_PUBSUB_NODE_CONFIG))
        await self._requester.send_iq("set", pubsub, self._service)


def _is(error: BaseException, condition: str) -> bool:
    return isinstance(error, StanzaError) and error.condition == condition


def _pubsub(uri: str) -> Element:
    element: Element = domish.Element((uri, "pubsub"))
    return element


def _form(options: Mapping[str, str], form_type: str) -> Element:
    form = Form("submit", formNamespace=form_type)
    form.makeFields(dict(options))
    element: Element = form.toElement()
    return element
