"""A server between two devices that forges, replays, reorders, and swaps: each is found."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from twisted.internet.defer import Deferred

from bitween.crypto.device_key import DeviceKey, seal_to
from bitween.errors import BitweenError, InvalidValue
from bitween.model import base64url
from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement
from bitween.model.candidate import Candidate
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.device_trust import Trust
from bitween.model.events import ItemsRead
from bitween.xmpp.shares.announcement_signature import LIFE, AnnouncementSignatures
from bitween.xmpp.shares.device_codec import device_of, sign_device
from bitween.xmpp.shares.item_codec import payload_of
from bitween.xmpp.statements import Statements
from tests.support.handler_case import xml
from tests.support.hostile_server import HostileServer, Party
from tests.support.hostile_server_case import ALICE, BOB, CAROL, HASH, HostileServerCase

OURS = (Candidate(PeerAddress.parse("192.0.2.7", 6881)),)


class AnnouncementTests(HostileServerCase):
    """What stands in the PEP item."""

    def test_without_a_hostile_server_all_count(self) -> None:
        """Each trusts the keys of the others blindly."""
        self.server.share(self.bob, "second")
        self.assertEqual(self.alice.published(), ["second"])
        for one in (self.alice, self.bob, self.carol):
            for other in (self.alice, self.bob, self.carol):
                self.assertTrue(one.devices.counts(other.jid, other.resource))
        self.assertEqual(self.trust(), Trust.BLIND)

    def test_a_forged_item_changes_nothing(self) -> None:
        """Whatever is changed in it: a name, a hash, an address, a list, a time, the signature."""
        for pattern, by in (
            ("name='[^']*'", "name='poison'"),
            ("hash='ab", "hash='ff"),
            ("revision='[0-9]*'", "revision='999'"),
            ("issued='1", "issued='2"),
            ("until='1", "until='2"),
            ("signature='..", "signature='AA"),
            ("<share_item", "<share_item note='x'"),
            ("(<device [^>]*>)", r"\1<candidate address='10.0.0.1' port='2000' kind='host'/>"),
        ):
            self.replace(pattern, by)
            self.server.share(self.bob, f"true {pattern}")
            self.assertEqual(self.alice.published(), [], pattern)
            self.assertEqual(self.trust(), Trust.BLIND, pattern)
        self.server.tamper = lambda text: [text]
        self.server.share(self.bob, "honest again")
        self.assertEqual(self.alice.published(), ["honest again"])

    def test_a_replayed_item_changes_nothing(self) -> None:
        """Nor after a restart of the reader, which has stored the time of the last one."""
        self.server.share(self.bob, "second")
        for item in self.items(self.bob)[:-1]:
            self.server.inject(self.alice, self.server.event(self.bob, item))
        self.assertEqual(self.alice.published(), ["second"])
        again = Party(self.clock, f"{ALICE}/here", self.alice.memory)
        HostileServer(again, self.bob)
        for item in self.items(self.bob):
            self.server.inject(again, self.server.event(self.bob, item))
        self.assertEqual(again.published(), ["second"])

    def test_a_reader_that_missed_something_accepts_the_last(self) -> None:
        """A server may withhold; what it delivers late still counts if nothing newer did."""
        held: list[str] = []
        self.server.tamper = lambda text: held.append(text) or []  # type: ignore[func-returns-value]  # append returns nothing
        self.server.share(self.bob, "second")
        self.server.share(self.bob, "third")
        items = [text for text in held if f"<message from='{BOB}'" in text]
        for text in (items[-1], items[0]):
            self.server.inject(self.alice, text)
        self.assertEqual(self.alice.published(), ["third"])

    def test_a_replayed_item_in_the_node_changes_nothing(self) -> None:
        """A reader of the node keeps what is known of it, and loses what is not there any more."""
        self.server.share(self.bob, "second")
        self.alice.events.clear()
        self.server.nodes[BOB] = self.items(self.bob)[0]
        self.alice.pep.read(BOB)
        self.server.deliver()
        (event,) = self.alice.events
        assert isinstance(event, ItemsRead)
        self.assertEqual(event, ItemsRead(jid=BOB, items={}, refused=frozenset({"laptop"})))
        catalogue = Catalogue(self.alice.now)
        catalogue.replace_items(BOB, {"laptop": [Announcement("laptop")], "x": [Announcement("x")]})
        catalogue.replace_items(BOB, event.items, event.refused)
        self.assertEqual(set(catalogue.listings(BOB)), {"laptop"})

    def test_a_stripped_signature_is_shown(self) -> None:
        """The device does not count any more."""
        self.replace("<device .*</device>|<device [^>]*/>", "")
        self.server.share(self.bob, "stripped")
        self.assertEqual(self.trust(), Trust.CHANGED)
        self.assertFalse(self.alice.devices.counts(BOB, "laptop"))

    def test_a_swapped_key_is_shown(self) -> None:
        """The server signs in bob's name, with a key of its own."""
        item = self.signed_by_the_server(BOB, "laptop")
        self.server.inject(self.alice, self.server.event(self.bob, item))
        self.assertEqual(self.trust(), Trust.CHANGED)
        self.server.share(self.bob, "second")
        self.assertEqual(self.trust(), Trust.BLIND)

    def test_a_swapped_key_of_a_verified_contact_never_counts(self) -> None:
        """Nor does a device that the server invents."""
        shown = self.bob.key.fingerprint
        self.alice.devices.verify(BOB, "laptop", shown)
        for resource in ("laptop", "invented"):
            item = self.signed_by_the_server(BOB, resource)
            self.server.inject(self.alice, self.server.event(self.bob, item))
            self.assertFalse(self.alice.devices.counts(BOB, resource))

    def test_an_item_of_another_account_changes_nothing(self) -> None:
        """What carol signed counts for carol only, also under bob's resource."""
        (item, *_) = self.items(self.carol)
        for text in (item, item.replace("'pc'", "'laptop'")):
            self.server.inject(self.alice, self.server.event(self.bob, text))
        self.assertEqual(self.alice.published(), [])
        self.assertEqual(self.trust(), Trust.BLIND)
        self.assertEqual(self.alice.devices.trust(BOB, "pc"), Trust.NONE)

    def test_an_item_that_has_ended_changes_nothing(self) -> None:
        """After 30 days it must be signed again, also for a reader that has taken it before."""
        stranger = Party(self.clock, f"{ALICE}/new")
        HostileServer(stranger, self.bob)
        stranger.events.clear()
        self.clock.advance(LIFE)
        self.server.inject(stranger, self.server.event(self.bob, self.items(self.bob)[-1]))
        self.assertEqual(stranger.published(), [])

    def signed_by_the_server(self, jid: str, resource: str) -> str:
        """Sign bob's item with the server's key."""
        forger = Statements(None, clock=self.alice.now)
        forger.begin(jid, resource)
        item = xml(self.items(self.bob)[-1].replace("'laptop'", f"'{resource}'"))
        payload = payload_of(item)
        assert payload is not None
        (body,) = payload.elements()
        device = device_of(body)
        assert device is not None
        sign_device(body, AnnouncementSignatures(forger))
        text: str = item.toXml()
        return text


class SealedTests(HostileServerCase):
    """Keys for sealing, and pages of restricted lists."""

    def seal(self, name: str = "a secret name", request: str = "p1") -> Any:
        """Have bob seal a page for alice; the text, or the error."""
        page = {"request": request, "shares": [{"hash": HASH, "name": name}]}
        return self.result(Deferred.fromCoroutine(self.bob.pages.seal(ALICE, "here", page)))

    def test_only_the_reader_can_read(self) -> None:
        """Neither the server nor another contact; the server sees no name and no hash."""
        text = self.seal()
        page = self.alice.pages.open(BOB, "laptop", text, "p1")
        self.assertEqual(page["shares"], [{"hash": HASH, "name": "a secret name"}])
        for key in (self.carol.key, self.bob.key, DeviceKey(DeviceKey.new_secret())):
            self.assertRaises(InvalidValue, key.open, base64.b64decode(text), b"urn:bitween:2 page")
        for part in ("secret", HASH):
            self.assertNotIn(part, "".join(self.server.seen) + text)
            self.assertNotIn(part.encode(), base64.b64decode(text))

    def test_the_servers_key_is_refused(self) -> None:
        """In place of the key for sealing, of the signing key, or of both."""
        forger = DeviceKey(DeviceKey.new_secret())
        kem, key = base64url.encode(forger.kem_public), base64url.encode(forger.public)
        for pattern, by in (
            ("kem='[^']*'", f"kem='{kem}'"),
            ("(<keys [^>]*)key='[^']*'", rf"\1key='{key}'"),
            ("(<keys [^>]*)signature='..", r"\1signature='AA"),
            ("(<keys [^>]*) signature='[^']*'", r"\1"),
            ("kem='[^']*'", "kem='AAAA'"),
        ):
            self.replace(pattern, by)
            self.assertIsInstance(self.seal(), BitweenError, pattern)
        self.server.tamper = lambda text: [text]
        self.assertIsInstance(self.seal(), str)

    def test_the_key_of_another_is_refused(self) -> None:
        """What carol signed for bob does not count in place of alice's keys."""
        self.result(Deferred.fromCoroutine(self.bob.keys.kem(CAROL, "pc")))
        (keys,) = [t for t in self.server.seen if " kem=" in t]
        (other,) = re.findall("<keys .*/>", keys)
        self.replace("<keys [^>]* kem=[^>]*/>", other)
        self.assertIsInstance(self.seal(), BitweenError)

    def test_a_device_that_does_not_count_gets_nothing(self) -> None:
        """Whether its key has changed or its user is not believed."""
        self.bob.devices.distrust(ALICE, "here")
        self.assertIsInstance(self.seal(), BitweenError)
        self.assertFalse([text for text in self.server.seen if " kem=" in text])

    def test_a_key_is_asked_for_once(self) -> None:
        """Until the device leaves, or announces with another key."""
        for _ in range(2):
            self.seal()
        self.assertEqual(len([t for t in self.server.seen if " kem=" in t]), 1)
        self.bob.keys.contact_left(ALICE, "here")
        self.seal()
        self.assertEqual(len([t for t in self.server.seen if " kem=" in t]), 2)

    def test_a_page_answers_one_request(self) -> None:
        """An earlier one does not count for a later request, nor a second time for its own."""
        first, second = self.seal(request="p1"), self.seal(request="p2")
        self.assertRaises(InvalidValue, self.alice.pages.open, BOB, "laptop", first, "p2")
        self.alice.pages.open(BOB, "laptop", second, "p2")
        for text, request in ((first, "p1"), (second, "p2")):
            self.assertRaises(InvalidValue, self.alice.pages.open, BOB, "laptop", text, request)

    def test_a_page_of_another_is_refused(self) -> None:
        """One that bob sealed does not come from carol."""
        text = self.seal()
        self.assertRaises(InvalidValue, self.alice.pages.open, CAROL, "pc", text, "p1")

    def test_a_page_that_the_server_makes_is_refused(self) -> None:
        """It can seal to alice, for the key is public, but not sign; nor reuse a signature."""
        page = {"request": "p1", "shares": []}
        signed = self.carol.statements.sign("page", f"{ALICE}/here", page)
        parts = {
            "page": page,
            "issued": signed.issued,
            "until": signed.until,
            "signature": base64url.encode(signed.signature),
        }
        wrong: object
        for wrong in (parts, {"page": page}, {**parts, "until": 1.5}, {**parts, "page": []}, []):
            text = _sealed(self.alice.key.kem_public, wrong)
            self.assertRaises(InvalidValue, self.alice.pages.open, BOB, "laptop", text, "p1")
        text = _sealed(self.alice.key.kem_public, parts)
        self.assertEqual(self.alice.pages.open(CAROL, "pc", text, "p1"), page)

    def test_noise_is_refused(self) -> None:
        """No base64, too short, too long, cut, or with another end."""
        text = self.seal()
        for bad in (
            "",
            "ä",
            "====",
            "AAAA",
            text[:-4],
            text[4:],
            text[:-8] + "AAAAAAA=",
            "A" * 10**6,
        ):
            self.assertRaises(InvalidValue, self.alice.pages.open, BOB, "laptop", bad, "p1")


class ConnectTests(HostileServerCase):
    """Connect requests, which make the other side dial."""

    def ask(self) -> Any:
        """Have alice ask bob to connect; bob's candidates, or the error."""
        return self.result(self.alice.requests.request_connection(BOB, "laptop", HASH, OURS))

    def test_without_a_hostile_server_both_dial(self) -> None:
        """Again and again."""
        for _ in range(2):
            self.assertEqual(self.ask(), OURS)
        self.assertEqual(self.bob.met, [(ALICE, OURS)] * 2)

    def test_a_forged_request_is_refused(self) -> None:
        """Other candidates, another torrent, or no signature: nobody dials."""
        for pattern, by in (
            ("192.0.2.7", "198.51.100.1"),
            ("hash='cd", "hash='ab"),
            (" signature='[^']*'", ""),
            ("issued='[0-9]*'", "issued='2796049906000'"),
        ):
            self.replace(pattern, by)
            self.assertIsInstance(self.ask(), BitweenError, pattern)
        self.assertEqual(self.bob.met, [])

    def test_a_replayed_request_is_refused(self) -> None:
        """The server delivers it twice."""
        self.server.tamper = lambda text: [text, text.replace("id='", "id='x")]
        self.ask()
        self.assertEqual(len(self.bob.met), 1)

    def test_a_forged_answer_is_refused(self) -> None:
        """The one to an earlier request does not answer a later one."""
        self.ask()
        answers = [t for t in self.server.seen if "type='result'" in t and "<meet" in t]
        (earlier,) = re.findall("<meet .*</meet>", answers[-1])

        def swap(text: str) -> list[str]:
            if "type='result'" in text:
                return [re.sub("<meet .*</meet>", earlier, text)]
            return [text]

        self.server.tamper = swap
        self.assertIsInstance(self.ask(), BitweenError)

    def test_a_device_without_a_key_needs_no_signature(self) -> None:
        """As bitween 0.1, which knows none."""
        old = Party(self.clock, f"{CAROL}/old")
        server = HostileServer(self.bob, old)
        server.tamper = lambda text: [
            text if f"from='{BOB}" in text else re.sub(" signature='[^']*'", "", text)
        ]
        asking = old.requests.request_connection(BOB, "laptop", HASH, OURS)
        server.deliver()
        self.assertEqual(self.successResultOf(asking), OURS)


def _sealed(kem: bytes, parts: object) -> str:
    """What the server seals."""
    return base64.b64encode(
        seal_to(kem, json.dumps(parts).encode(), b"urn:bitween:2 page")
    ).decode()
