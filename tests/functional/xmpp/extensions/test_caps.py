"""Service discovery on a stream in memory."""

from __future__ import annotations

from typing import Any

from bitween.xmpp.extensions.caps import NODE
from bitween.xmpp.namespaces import NS_SHARES
from tests.support.handler_case import (
    HandlerCase,
)


class DiscoveryTests(HandlerCase):
    """What we say of ourselves."""

    def ask(self, query: str, sender: str = "bob@localhost/x\U0001f4f1") -> Any:
        """Ask, and give the answer."""
        self.receive(f"<iq type='get' id='d' from='{sender}'>{query}</iq>")
        return self.output.pop()

    def test_features_are_told(self) -> None:
        """The question without a node and the one with our node get them, from any sender."""
        for node in ("", f"node='{NODE}#{self.manager.caps.verification}'"):
            answer = self.ask(f"<query xmlns='http://jabber.org/protocol/disco#info' {node}/>")
            features = {e["var"] for e in answer.query.elements() if e.name == "feature"}
            self.assertEqual(answer["type"], "result")
            self.assertIn(f"{NS_SHARES}+notify", features)

    def test_other_nodes_are_not_found(self) -> None:
        """There is nothing else to discover."""
        answer = self.ask("<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>")
        self.assertEqual(answer["type"], "error")
        answer = self.ask("<query xmlns='http://jabber.org/protocol/disco#items'/>")
        self.assertEqual((answer["type"], list(answer.query.elements())), ("result", []))
