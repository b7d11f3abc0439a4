"""What servers say of themselves, and what they do not."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from bitween.model.diagnosis import Finding, Verdict
from bitween.xmpp.extensions.server_check import ServerCheck
from bitween.xmpp.namespaces import (
    NS_BYTESTREAMS,
    NS_DISCO_INFO,
    NS_DISCO_ITEMS,
    NS_EXTERNAL_SERVICES,
    NS_IP_CHECK,
    NS_TIME,
)
from bitween.xmpp.streams.proxies import Proxies
from tests.support.handler_case import REFUSED, Manager, xml

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
PEP = f"<query xmlns='{NS_DISCO_INFO}'><identity category='pubsub' type='pep'/></query>"
ITEMS = f"<query xmlns='{NS_DISCO_ITEMS}'><item jid='muc.x'/><item/><item jid='proxy.x'/></query>"
PROXY = f"<query xmlns='{NS_DISCO_INFO}'><feature var='{NS_BYTESTREAMS}'/></query>"


def time_answer(utc: str) -> str:
    """What a server says of the time (XEP-0202)."""
    return f"<time xmlns='{NS_TIME}'><tzo>+02:00</tzo><utc>{utc}</utc></time>"


class ServerCheckTests(SynchronousTestCase):
    """A server that is asked."""

    def setUp(self) -> None:
        """Log in."""
        self.manager = Manager(Clock())
        self.manager.stub.xmlstream.transport = StringTransport()
        proxies = Proxies(Clock())
        proxies.setHandlerParent(self.manager)
        self.check = ServerCheck(proxies, lambda: NOW)
        self.check.setHandlerParent(self.manager)
        self.manager.online = True

    def findings(self, answers: Mapping[tuple[str, str], str]) -> dict[str, Finding]:
        """
        What is found.

        :param answers: by who is asked and the namespace; everything else is refused.
        """
        found: list[Finding] = []
        Deferred.fromCoroutine(self.check.findings()).addCallback(found.extend)
        output = self.manager.stub.output
        while output:
            iq = output.pop(0)
            content = answers.get((iq["to"], iq.firstChildElement().uri), REFUSED)
            kind = "error" if content is REFUSED else "result"
            self.manager.stub.send(
                xml(f"<iq type='{kind}' id='{iq['id']}' from='{iq['to']}'>{content}</iq>")
            )
        return {finding.check: finding for finding in found}

    def verdicts(self, answers: Mapping[tuple[str, str], str]) -> dict[str, str]:
        """How it stands with each thing."""
        return {check: found.verdict.value for check, found in self.findings(answers).items()}

    def test_a_server_that_refuses_everything(self) -> None:
        """Each check comes to an end; what is merely absent has a way out."""
        self.assertEqual(
            self.verdicts({}),
            {
                **dict.fromkeys(("certificate", "pep", "clock"), "unknown"),
                **dict.fromkeys(("proxy", "stun", "address"), "warning"),
            },
        )
        for check in ("proxy", "stun", "address"):
            self.assertTrue(self.findings({})[check].fix)

    def test_a_server_that_has_it_all(self) -> None:
        """Everything is good, and the relay is named."""
        answers = {
            ("alice@localhost", NS_DISCO_INFO): PEP,
            ("localhost", NS_TIME): time_answer("2027-01-15T08:00:03.5Z"),
            ("localhost", NS_DISCO_ITEMS): ITEMS,
            ("proxy.x", NS_DISCO_INFO): PROXY,
            ("localhost", NS_EXTERNAL_SERVICES): (
                f"<services xmlns='{NS_EXTERNAL_SERVICES}'><service type='stun'/></services>"
            ),
            ("alice@localhost", NS_IP_CHECK): (
                f"<address xmlns='{NS_IP_CHECK}'><ip>192.0.2.7</ip></address>"
            ),
        }
        found = self.findings(answers)
        self.assertEqual(
            {check for check, finding in found.items() if finding.verdict is not Verdict.GOOD},
            {"certificate"},
        )
        for check, value in (("proxy", "proxy.x"), ("address", "192.0.2.7")):
            self.assertIn(value, found[check].text)
            self.assertEqual(list(found[check].values.values()), [value])

    def test_a_server_without_pep_is_a_problem(self) -> None:
        """That is bad: contacts would hear of nothing."""
        answers = {("alice@localhost", NS_DISCO_INFO): f"<query xmlns='{NS_DISCO_INFO}'/>"}
        self.assertEqual(self.verdicts(answers)["pep"], "bad")

    def test_a_clock_off_by_a_minute_is_a_warning(self) -> None:
        """A minute is a warning; what makes no sense is no answer."""
        for utc, verdict in {
            "2027-01-15T08:02:00Z": "warning",
            "2027-01-15T07:58:00Z": "warning",
            "2027-01-15T08:00:59Z": "good",
            "tomorrow": "unknown",
            "": "unknown",
        }.items():
            answers = {("localhost", NS_TIME): time_answer(utc)}
            self.assertEqual(self.verdicts(answers)["clock"], verdict, utc)

    def test_hostile_server_text_is_made_harmless(self) -> None:
        """What a server says is shown without what steers a terminal."""
        text = "\u202e" + "x" * 1000
        content = f"<address xmlns='{NS_IP_CHECK}'><ip>{text}</ip></address>"
        answers = {("alice@localhost", NS_IP_CHECK): content}
        shown = self.findings(answers)["address"].text
        self.assertTrue(shown.isprintable())
        self.assertLess(len(shown), 500)
