"""The methods of ``xmpp.``, called through HTTP, on the use cases with memory below them."""

from __future__ import annotations

from dataclasses import replace

import segno

from bitween.model.address import PeerAddress
from bitween.model.announcement import Share, ShareTerms
from bitween.model.candidate import Candidate
from bitween.model.connection import ConnectionState
from bitween.model.events import ConnectionChanged, PeerMoved, TorrentChanged
from bitween.model.introduction import Introduction
from bitween.model.peer import Peer
from bitween.model.torrent import Progress
from tests.support.api_rig import OWN_JID
from tests.support.method_case import BOB, A, B, C, MethodCase

CAROL = "carol@example.org"


class ContactTests(MethodCase):
    """``xmpp.``."""

    def test_get_hashes_lists_online_shares_and_addresses(self) -> None:
        """What those who are online have, and where to dial them."""
        self.world.contact_shares(BOB, {A: "a"}, [("2001:db8::1", 1), ("192.168.0.2", 2)])
        self.world.contact_shares("carol@example.org", {A: "a", B: "b"}, online=False)
        self.assertEqual(
            self.call("xmpp.get_hashes"), {"hashes": {A: [["192.168.0.2", 2], ["2001:db8::1", 1]]}}
        )

    def test_get_shares_lists_each_devices_announcement(self) -> None:
        """What every device announces, by bare JID and resource."""
        self.world.contact_shares(BOB, {A: "a"}, [("2001:db8::1", 1), ("192.0.2.7", 2)])
        self.assertEqual(
            self.call("xmpp.get_shares"),
            {
                "shares": {
                    BOB: {
                        "desk": {
                            "ip_v4": [["192.0.2.7", 2]],
                            "ip_v6": [["2001:db8::1", 1]],
                            "online": True,
                            "shares": {
                                A: {"hash": A, "name": "a", "size": 123, "note": "", "tags": []}
                            },
                        }
                    }
                }
            },
        )

    def test_find_where_contacts_disagree(self) -> None:
        """Each name is told with who says it; that of our own copy comes first."""
        self.world.contact_shares(BOB, {A: "forged"})
        self.world.contact_shares(CAROL, {A: "holiday"})
        (item,) = self.call("xmpp.find")["items"]
        self.assertEqual(item["name"], "forged")
        self.world.share("holiday", A, 123)
        (item,) = self.call("xmpp.find")["items"]
        self.assertEqual((item["name"], item["contacts"]), ("holiday", [BOB, CAROL]))
        self.assertEqual(
            item["names"],
            [
                {"name": "holiday", "size": 123, "contacts": [CAROL]},
                {"name": "forged", "size": 123, "contacts": [BOB]},
            ],
        )
        shares = self.call("xmpp.get_shares")["shares"]
        self.assertEqual(shares[BOB]["desk"]["shares"][A]["name"], "forged")

    def test_find_returns_a_page_and_the_total(self) -> None:
        """A page, and how much there is in all."""
        self.world.contact_shares(BOB, {A: "Holiday 1", B: "holiday 2", C: "work"})
        self.assertEqual(
            self.call("xmpp.find", query="HOLIDAY", limit=1),
            {
                "total": 2,
                "items": [
                    {
                        "hash": A,
                        "name": "Holiday 1",
                        "size": 123,
                        "note": "",
                        "tags": [],
                        "locked": False,
                        "contacts": [BOB],
                        "names": [],
                        "online": True,
                        "answering": None,
                        "reach": None,
                        "reach_text": None,
                    }
                ],
            },
        )
        self.assertEqual(self.call("xmpp.find", query=C)["items"][0]["name"], "work")
        self.assertEqual(self.call("xmpp.find", query=C[:6])["items"][0]["name"], "work")
        self.assertEqual(self.call("xmpp.find", query=C[:5])["items"], [])

    def test_peers_are_named_where_they_are_known(self) -> None:
        """Whom we dialled, or who is alone at an address, is named; else it is an address."""
        self.world.contact_shares(BOB, {A: "a"})
        self.world.share("holiday", B)
        self.world.swarm.connected[B] = (
            Peer("192.0.2.7", 6881, "bitween", 0.5, 1000, 20, 3000, 40, sealed=True),
            Peer("203.0.113.9", None),
        )
        bob, stranger = self.call("bt.get_peers", B)["peers"]
        self.assertEqual(
            bob,
            {
                "contact": BOB,
                "introduced_by": None,
                "address": "192.0.2.7",
                "port": 6881,
                "client": "bitween",
                "progress": 0.5,
                "download_rate": 1000,
                "upload_rate": 20,
                "downloaded": 3000,
                "uploaded": 40,
                "how": "lan",
                "sealed": True,
            },
        )
        self.assertFalse(stranger["sealed"])
        self.assertEqual((stranger["contact"], stranger["port"]), (None, None))
        self.assertEqual(self.reason("bt.get_peers", A), "unknown_torrent")

    def test_a_peer_is_named_after_the_contact_that_introduced_it(self) -> None:
        """It is no contact itself, and may be a stranger."""
        self.world.share("holiday", B)
        introduction = Introduction(B, "7d2a9e4c", (Candidate(PeerAddress("203.0.113.9", 6881)),))
        introduced = self.world.bitween.connector.introduced
        introduced.introduce(BOB, "laptop", introduction, 60.0)
        self.world.swarm.connected[B] = (Peer("203.0.113.9", None), Peer("203.0.113.8", None))
        met, stranger = self.call("bt.get_peers", B)["peers"]
        self.assertEqual((met["contact"], met["introduced_by"]), (None, BOB))
        self.assertEqual((stranger["contact"], stranger["introduced_by"]), (None, None))

    def test_traffic_has_sums_and_rates(self) -> None:
        """Sums and rates, the latest last; those of what was removed are over."""
        self.world.contact_shares(BOB, {A: "a"})
        swarm, rates = self.world.swarm, self.world.bitween.rates
        for key, rate in ((B, 100), (C, 10)):
            self.world.share("holiday", key)
            swarm.change(key, progress=Progress(download_rate=rate, upload_rate=1))
            swarm.events.notify(TorrentChanged(torrent=swarm.library.get(key)))
        rates.sample()
        swarm.remove(B, delete_data=False)
        rates.sample()
        swarm.events.notify(PeerMoved(address="192.0.2.7", port=None, downloaded=5, uploaded=6))
        self.assertEqual(
            self.call("Api.traffic"),
            {
                "interval": 1.0,
                "download_rates": [110, 10],
                "upload_rates": [2, 1],
                "session": {"downloaded": 5, "uploaded": 6},
                "ever": {"downloaded": 5, "uploaded": 6},
            },
        )

    def test_find_tells_what_is_locked(self) -> None:
        """It is, where every contact who has it shows the name only."""
        for jid, hashes in ((BOB, {A: True, B: True}), ("carol@example.org", {B: False})):
            contact = self.world.contact(jid, "desk")
            contact.befriend([OWN_JID])
            shares = [
                Share(key, "film", 1, terms=ShareTerms(locked=locked))
                for key, locked in hashes.items()
            ]
            contact.announce(shares, [])
        items = self.call("xmpp.find")["items"]
        self.assertEqual({item["hash"]: item["locked"] for item in items}, {A: True, B: False})

    def test_find_can_leave_out_offline_shares(self) -> None:
        """What nobody has who is there can be left out."""
        self.world.contact_shares(BOB, {A: "a"}, online=False)
        self.world.contact_shares("carol@example.org", {B: "b"})
        found = self.call("xmpp.find", online=True)
        self.assertEqual((found["total"], found["items"][0]["name"]), (1, "b"))

    def test_find_by_size(self) -> None:
        """The largest first, and only those of some size."""
        self.world.contact_shares(BOB, {A: "a", B: "b"})
        found = self.call("xmpp.find", sort="largest", min_size=123, max_size=123)
        self.assertEqual((found["total"], [i["name"] for i in found["items"]]), (2, ["a", "b"]))
        self.assertEqual(self.call("xmpp.find", min_size=124)["total"], 0)
        self.assertEqual(self.call("xmpp.find", max_size=122)["total"], 0)

    def test_reachability_shows_after_a_download_was_tried(self) -> None:
        """The route to a contact is known once a download tried it, not while they are offline."""
        self.world.contact_shares(BOB, {A: "a"}, online=False)
        self.world.contact_shares("carol@example.org", {B: "b"}, [])
        items = self.call("xmpp.find")["items"]
        self.assertEqual([item["reach"] for item in items], [None, None])

    def test_while_we_are_offline(self) -> None:
        """Nobody counts as online whose presence is not known, also while only the link is gone."""
        self.world.contact_shares(BOB, {A: "a"})
        messenger = self.world.messenger
        for status in (
            replace(messenger.status, state=ConnectionState.CONNECTING, resuming=True),
            replace(messenger.status, state=ConnectionState.WAITING, resuming=True),
        ):
            messenger.status = status
            messenger.events.notify(ConnectionChanged(status=status))
            (contact,) = self.call("xmpp.get_contacts")["contacts"]
            self.assertFalse(contact["online"])
            self.assertEqual([r["online"] for r in contact["resources"]], [False])
            (item,) = self.call("xmpp.find")["items"]
            self.assertEqual((item["online"], item["reach"]), (False, None))
            self.assertEqual(self.call("xmpp.find", online=True), {"total": 0, "items": []})
            self.assertFalse(self.call("xmpp.get_shares")["shares"][BOB]["desk"]["online"])
            self.assertEqual(self.call("Api.status")["totals"]["contacts_online"], 0)
        self.call("Api.reconnect")
        (contact,) = self.call("xmpp.get_contacts")["contacts"]
        self.assertTrue(contact["online"])

    def test_add_a_contact(self) -> None:
        """Who is a contact already is not asked again, but may be given another name."""
        self.world.contact_shares(BOB, {A: "a"})
        self.assertEqual(self.reason("xmpp.add_contact", jid=BOB), "already_contact")
        self.assertIs(self.call("xmpp.add_contact", BOB, "Bob"), True)
        self.assertEqual(self.reason("xmpp.add_contact", jid=BOB, nick="Bob"), "already_contact")

    def test_find_refuses_bad_parameters(self) -> None:
        """An unknown contact or order, and pages out of bounds."""
        self.assertEqual(self.reason("xmpp.find", contact="eve@example.org"), "unknown_contact")
        for params in ({"sort": "colour"}, {"offset": -1}, {"limit": 1001}, {"min_size": -1}):
            error = self.answer("xmpp.find", params)["error"]
            self.assertEqual(error["code"], -32602)
            self.assertIn(f"'{next(iter(params))}'", error["message"])

    def test_the_qr_code_holds_the_invitation_link(self) -> None:
        """The code holds what the link says: it is what segno makes of it."""
        invitation = self.call("xmpp.invitation")
        self.assertEqual(invitation["uri"], "xmpp:alice@example.org?subscribe")
        code = segno.make_qr(invitation["uri"], error="m")
        self.assertEqual(invitation["qr"], ["".join(map(str, row)) for row in code.matrix])

    def test_add_by_link(self) -> None:
        """The JID in an xmpp: link gets the contact request."""
        self.call("xmpp.add_contact", "xmpp:zoe@example.org?subscribe")
        (contact,) = self.call("xmpp.get_contacts")["contacts"]
        self.assertEqual((contact["jid"], contact["pending"]), ("zoe@example.org", "out"))

    def test_get_contacts_lists_the_roster_with_devices(self) -> None:
        """Everybody in the roster, with the devices that are known."""
        self.world.contact_shares(BOB, {A: "a", B: "b"})
        self.world.contact(BOB, "phone")
        self.world.contact("eve@example.org", "x").add_contact("alice@example.org", "")
        self.call("xmpp.add_contact", "zoe@example.org", "Zoe")
        self.world.swarm.events.notify(
            PeerMoved(address="192.0.2.7", port=None, downloaded=10, uploaded=20)
        )
        self.assertEqual(
            self.call("xmpp.get_contacts"),
            {
                "contacts": [
                    {
                        "jid": BOB,
                        "nick": None,
                        "subscription": "both",
                        "pending": None,
                        "groups": [],
                        "blocked": False,
                        "service": False,
                        "online": True,
                        "error": None,
                        "resources": [
                            {
                                "resource": "desk",
                                "bitween": True,
                                "shares": 2,
                                "size": 246,
                                "online": True,
                                "answering": None,
                                "way": {
                                    "reach": None,
                                    "text": None,
                                    "reason": None,
                                    "fix": None,
                                    "because": [],
                                },
                            },
                            {
                                "resource": "phone",
                                "bitween": False,
                                "shares": 0,
                                "size": 0,
                                "online": True,
                                "answering": None,
                                "way": None,
                            },
                        ],
                        "downloaded": 10,
                        "uploaded": 20,
                    },
                    {
                        "jid": "eve@example.org",
                        "nick": None,
                        "subscription": "none",
                        "pending": "in",
                        "groups": [],
                        "blocked": False,
                        "service": False,
                        "online": False,
                        "error": None,
                        "resources": [],
                        "downloaded": 0,
                        "uploaded": 0,
                    },
                    {
                        "jid": "zoe@example.org",
                        "nick": "Zoe",
                        "subscription": "none",
                        "pending": "out",
                        "groups": [],
                        "blocked": False,
                        "service": False,
                        "online": False,
                        "error": None,
                        "resources": [],
                        "downloaded": 0,
                        "uploaded": 0,
                    },
                ]
            },
        )

    def test_asking_accepting_and_removing_take_effect(self) -> None:
        """Asking, accepting and removing answer true, and take effect."""
        bob = self.world.contact(BOB, "desk")
        self.assertIs(self.call("xmpp.add_contact", jid=BOB, nick="Bob"), True)
        self.successResultOf(bob.accept_contact("alice@example.org"))
        (contact,) = self.call("xmpp.get_contacts")["contacts"]
        self.assertEqual((contact["nick"], contact["subscription"]), ("Bob", "both"))
        self.assertIs(self.call("xmpp.remove_contact", BOB), True)
        bob.add_contact("alice@example.org", "")
        self.assertIs(self.call("xmpp.accept_contact", BOB), True)
        self.assertEqual(self.reason("xmpp.accept_contact", BOB), "unknown_contact")
        self.assertEqual(self.reason("xmpp.remove_contact", "eve@x"), "unknown_contact")

    def test_forget_resource_drops_only_offline_devices(self) -> None:
        """A device that is away can be dropped, with an error for each other case."""
        self.world.contact_shares(BOB, {A: "a"})
        forget = "xmpp.forget_resource"
        self.assertEqual(self.reason(forget, BOB, "desk"), "resource_online")
        self.world.server.account(BOB).online["desk"].stop()
        self.assertEqual(self.reason(forget, BOB, "fridge"), "unknown_resource")
        self.assertEqual(self.reason(forget, "eve@x", "desk"), "unknown_contact")
        self.assertIs(self.call(forget, jid=BOB, resource="desk"), True)
        self.assertEqual(self.call("xmpp.get_shares"), {"shares": {}})

    def test_find_the_best_match(self) -> None:
        """Sorted so, the name itself comes before others that hold it."""
        self.world.contact_shares(BOB, {A: "a film", B: "film"})
        items = self.call("xmpp.find", query="film", sort="match")["items"]
        self.assertEqual([item["name"] for item in items], ["film", "a film"])
        self.assertEqual(self.answer("xmpp.add_contact", ["no jid"])["error"]["code"], -32602)

    def test_blocked_users_are_listed(self) -> None:
        """Who is blocked is listed, contact or not."""
        self.assertIs(self.call("xmpp.block", BOB), True)
        self.assertEqual(self.call("xmpp.get_blocked"), {"blocked": [BOB]})
        self.assertIs(self.call("xmpp.unblock", BOB), True)
        self.assertEqual(self.call("xmpp.get_blocked"), {"blocked": []})

    def test_contact_methods_fail_while_offline(self) -> None:
        """What needs the server says that it is not there."""
        self.world.messenger.stop()
        self.assertEqual(self.reason("xmpp.add_contact", BOB), "not_connected")
