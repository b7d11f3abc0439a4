"""Requests for shares that are listed with a lock."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from bitween.app.access_requests import AccessRequest
from bitween.errors import UnknownRequest, UnknownTorrent
from bitween.model.access import Access, parse_audiences
from bitween.model.announcement import Share, ShareTerms
from bitween.model.torrent import InfoHash, Torrent
from tests.support.application_case import BOB, CAROL, FILM, ApplicationCase

LISTED = Access(parse_audiences([CAROL]), listed=True)
HIDDEN = Access(parse_audiences([CAROL]))


class AccessRequestTests(ApplicationCase):
    """bob is a contact; film is for carol."""

    def setUp(self) -> None:
        """Share it so that bob sees it."""
        super().setUp()
        self.requests = self.bitween.access_requests
        self.seen: list[AccessRequest] = []
        self.requests.changes.subscribe(self.seen.append)
        self.share(LISTED)

    def share(self, access: Access) -> None:
        """Set who may have the only share."""
        path = self.file()
        self.bitween.sharing.add_path(path, access=access)
        self.hashed(path)

    def only(self) -> Torrent:
        """The only torrent."""
        (torrent,) = self.swarm.library
        return torrent

    def ask(self, info_hash: InfoHash = FILM.info_hash) -> None:
        """Have bob ask, who learns nothing but that it arrived."""
        self.successResultOf(self.bob.ask_access("alice@example.org", "here", info_hash))

    def test_a_request_is_shown_and_granted(self) -> None:
        """Bob may fetch it then; carol still may, with the same secret."""
        self.ask()
        (request,) = self.requests.waiting()
        self.assertEqual((request.jid, request.name), (BOB, "film.mkv"))
        self.assertEqual(self.seen, [request])
        seal = self.only().seal
        self.successResultOf(Deferred.fromCoroutine(self.requests.grant(request.id)))
        self.assertEqual(self.only().options.access.audiences, (BOB, CAROL))
        self.assertEqual(self.only().seal, seal)
        self.assertEqual(self.requests.waiting(), [])

    def test_a_request_is_dropped(self) -> None:
        """It is gone, and the next one is another."""
        self.ask()
        self.requests.deny("1")
        self.assertEqual(self.requests.waiting(), [])
        self.assertRaises(UnknownRequest, self.requests.deny, "1")
        self.failureResultOf(Deferred.fromCoroutine(self.requests.grant("1")), UnknownRequest)
        self.ask()
        self.assertEqual([request.id for request in self.requests.waiting()], ["2"])

    def test_asking_twice_is_one_request(self) -> None:
        """As long as the first one waits."""
        self.ask()
        self.ask()
        self.assertEqual(len(self.seen), 1)

    def test_what_bob_does_not_see_cannot_be_asked_for(self) -> None:
        """Nor what is not there, nor what bob may fetch."""
        self.ask(InfoHash("00" * 20))
        self.successResultOf(self.bitween.access.apply(FILM.info_hash, HIDDEN))
        self.ask()
        self.successResultOf(self.bitween.access.set(FILM.info_hash, ["contacts"]))
        self.ask()
        self.assertEqual(self.seen, [])

    def test_a_grant_after_the_end(self) -> None:
        """The end that has passed does not count for the contact that is let in."""
        self.successResultOf(self.bitween.access.set(FILM.info_hash, None, 100.0))
        self.clock.advance(200)
        self.ask()
        self.successResultOf(Deferred.fromCoroutine(self.requests.grant("1")))
        self.assertTrue(self.bitween.access.decide(BOB, FILM.info_hash))

    def test_asking_a_contact(self) -> None:
        """The device that lists it with a lock is asked."""
        asked: list[tuple[str, str, InfoHash]] = []
        share = Share(InfoHash("12" * 20), "secret", 5, terms=ShareTerms(locked=True))
        asking = self.requests.ask
        failing = Deferred.fromCoroutine(asking(share.info_hash))
        self.failureResultOf(failing, UnknownTorrent)
        self.bob.announce([], [])
        self.bob.serve_access_requests(lambda *request: asked.append(request))
        self.bob.serve_lists(lambda _: [share])
        self.successResultOf(Deferred.fromCoroutine(asking(share.info_hash)))
        self.assertEqual(asked, [("alice@example.org", "here", share.info_hash)])
