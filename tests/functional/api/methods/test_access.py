"""``access.``: who may have a share, through the API."""

from __future__ import annotations

from typing import Any

from tests.support.api_rig import OWN_JID
from tests.support.method_case import BOB, A, B, MethodCase

LATER = 2**40


class AccessMethodTests(MethodCase):
    """One share; bob is a contact."""

    def setUp(self) -> None:
        """Share it with everybody."""
        super().setUp()
        self.world.contact_shares(BOB, {B: "theirs"})
        self.world.share("ours", A, 50)

    def set(self, *audiences: str, **given: object) -> Any:
        """Set who may have the only share."""
        (torrent,) = self.world.swarm.library
        return self.call("access.set", hash=torrent.info_hash, access=list(audiences), **given)

    def test_what_counts_without_a_choice(self) -> None:
        """Everybody may have it, without an end."""
        expected = {
            "hash": A,
            "access": ["contacts"],
            "expires": None,
            "listed": False,
            "introductions": True,
        }
        self.assertEqual(self.call("access.get", A), expected)
        (torrent,) = self.call("bt.get_torrents", ["access", "expires", "listed"])["torrents"]
        self.assertEqual(torrent, {"access": ["contacts"], "expires": None, "listed": False})

    def test_a_change_that_takes_access_away_names_the_new_hash(self) -> None:
        """One that does not keeps the hash; what is not named stays, but for the end."""
        after = self.set("devices", expires=LATER, listed=True, introductions=False)
        self.assertNotEqual(after["hash"], A)
        self.assertEqual((after["access"], after["expires"]), (["devices"], LATER))
        wider = self.set(BOB, "group:Family")
        self.assertEqual(
            wider,
            {
                "hash": after["hash"],
                "access": [BOB, "group:Family"],
                "expires": None,
                "listed": True,
                "introductions": False,
            },
        )

    def test_what_a_contact_sees_and_why(self) -> None:
        """By which entry of the access; our own account sees everything."""
        share = {"hash": A, "name": "ours", "size": 50}
        seen = self.call("access.of", BOB)["shares"]
        expected = {**share, "why": "everybody", "who": "contacts", "locked": False}
        self.assertEqual(seen, [expected])
        share["hash"] = self.set("carol@example.org", listed=True)["hash"]
        seen = self.call("access.of", BOB)["shares"]
        self.assertEqual(seen, [{**share, "why": "listed", "who": None, "locked": True}])
        (own,) = self.call("access.of", OWN_JID)["shares"]
        self.assertEqual(own["why"], "own_device")

    def test_what_is_refused(self) -> None:
        """What is no audience, an end in the past, strangers, torrents that are not there."""
        cases: tuple[dict[str, object], ...] = ({"access": []}, {"access": ["x"]}, {"expires": 0})
        for params in cases:
            with self.subTest(params=params):
                self.assertEqual(self.reason("access.set", hash=A, **params), "invalid_value")
        self.assertEqual(self.reason("access.get", B), "unknown_torrent")
        self.assertEqual(self.reason("access.set", B, ["devices"]), "unknown_torrent")
        self.assertEqual(self.reason("access.of", "eve@example.org"), "unknown_contact")

    def test_a_path_is_shared_with_the_contacts_that_are_named(self) -> None:
        """As in ``access.set``; what is wrong is said before the path is hashed."""
        path = self.file()
        for params in ({"access": ["x"]}, {"expires": 0}):
            with self.subTest(params=params):
                self.assertEqual(self.reason("bt.add_path", path=path, **params), "invalid_value")
        self.assertEqual(self.world.hasher.running, {})
        self.call("bt.add_path", path=path, access=[BOB], listed=True)
        self.world.hasher.finish(path)
        (torrent,) = (t for t in self.world.swarm.library if t.name == "file")
        self.assertEqual(torrent.options.access.audiences, (BOB,))
        self.assertTrue(torrent.options.access.listed)
