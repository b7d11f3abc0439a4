"""What we share with some contacts only, as it gets from our shares into their lists."""

from __future__ import annotations

import os

from bitween.model.access import Access, parse_audiences
from bitween.model.announcement import Share
from bitween.model.events import MessengerEvent, PrivateListingReceived
from bitween.model.torrent import Torrent
from tests.support.application_case import BOB, CAROL, ApplicationCase
from tests.support.fakes.messenger import FakeMessenger
from tests.support.metainfo import metainfo


class RestrictedListTests(ApplicationCase):
    """Alice shares; bob and carol are contacts who read their lists."""

    def setUp(self) -> None:
        """Let both read alice's lists."""
        super().setUp()
        self.messenger.befriend([CAROL])
        self.lists: dict[str, tuple[Share, ...]] = {}
        for messenger in (self.bob, self.carol):
            self.follow(messenger)
            messenger.read_private(self.messenger.own_jid, self.messenger.resource)

    def follow(self, messenger: FakeMessenger) -> None:
        """Keep what a contact knows of alice's list for it."""

        def take(event: MessengerEvent) -> None:
            if isinstance(event, PrivateListingReceived):
                self.lists[messenger.own_jid] = event.page.added

        messenger.events.subscribe(take)

    def share(self, name: str, *audiences: str) -> Torrent:
        """Share a file."""
        path = self.file(name)
        access = Access(parse_audiences(audiences))
        sharing = self.swarm.share(
            metainfo(path), os.path.dirname(path), secret=bytes(32), access=access
        )
        return self.successResultOf(sharing)

    def names(self, jid: str) -> list[str]:
        """The names in the list of a contact."""
        return [share.name for share in self.lists[jid]]

    def announced(self) -> list[str]:
        """The names in the announcement."""
        assert self.messenger.announced is not None
        return [share.name for share in self.messenger.announced[0]]

    def test_a_share_gets_into_the_lists_that_it_is_for(self) -> None:
        """Whether it is new or its audiences change; what is for all is announced instead."""
        self.assertEqual(self.lists, {BOB: (), CAROL: ()})
        torrent = self.share("film.mkv", BOB)
        self.assertEqual((self.names(BOB), self.names(CAROL)), (["film.mkv"], []))
        self.assertEqual(self.announced(), [])
        torrent = self.successResultOf(self.bitween.access.set(torrent.info_hash, [CAROL]))
        self.assertEqual((self.names(BOB), self.names(CAROL)), ([], ["film.mkv"]))
        self.assertEqual(self.lists[CAROL][0].info_hash, torrent.info_hash)
        self.successResultOf(self.bitween.access.set(torrent.info_hash, ["contacts"]))
        self.assertEqual((self.names(BOB), self.names(CAROL)), ([], []))
        self.assertEqual(self.announced(), ["film.mkv"])
