"""What devices share with us alone, and with which seal a torrent is fetched."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from bitween.model.address import PeerAddress
from bitween.model.announcement import Announcement, ListPage, Share, ShareTerms
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import CatalogueChange
from bitween.model.catalogue.holders import CatalogueLimits
from bitween.model.catalogue.private_lists import ListProgress
from bitween.model.torrent import InfoHash
from tests.support.catalogues import find

ALICE, BOB, CAROL = "alice@example.org", "bob@example.org", "carol@example.org"
HOME = PeerAddress.parse("192.0.2.7", 6881)
ONE, TWO = b"\1" * 52, b"\2" * 52


def info_hash(number: int) -> InfoHash:
    """An info-hash for a small number."""
    return InfoHash(f"{number:040x}")


def share(number: int, seal: bytes = b"", name: str = "") -> Share:
    """A share with that hash."""
    return Share(info_hash(number), name or f"share {number}", number, seal=seal)


class PrivateListCase(SynchronousTestCase):
    """A catalogue with alice's laptop, which is online and announces share 1."""

    def setUp(self) -> None:
        """Let alice's laptop announce its list and come online."""
        self.catalogue = Catalogue()
        self.announce(share(1))
        self.catalogue.set_online(ALICE, "laptop", True)

    def announce(self, *shares: Share, jid: str = ALICE) -> CatalogueChange:
        """Let a laptop announce a list."""
        announced = Announcement("laptop", {s.info_hash: s for s in shares}, (HOME,))
        return self.catalogue.replace_item(jid, "laptop", [announced])

    def page(
        self,
        *shares: Share,
        revision: int = 1,
        gone: tuple[InfoHash, ...] = (),
        reset: bool = True,
        list_id: str = "private",
    ) -> CatalogueChange:
        """Let alice's laptop serve a page of its list for us."""
        page = ListPage(list_id, revision, shares, gone, reset=reset, complete=True)
        return self.catalogue.private.apply_page(ALICE, "laptop", page)

    def shares(self) -> set[int]:
        """The numbers of all shares that alice's laptop is listed with."""
        listing = self.catalogue.listings(ALICE)["laptop"]
        self.assertEqual(listing.size, sum(s.size for s in listing.announcement.shares.values()))
        return {s.size for s in listing.announcement.shares.values()}


class PrivateListTests(PrivateListCase):
    """The life of a private list."""

    def test_its_shares_are_found_like_all_others(self) -> None:
        """In the listing, by hash and by name, and they can be fetched from the device."""
        change = self.page(share(2, ONE))
        self.assertEqual([h.private for h in change.appeared], [True])
        self.assertEqual((change.redialled, change.records), ({info_hash(2)}, {}))
        self.assertEqual(self.shares(), {1, 2})
        self.assertEqual(self.catalogue.share_of(ALICE, "laptop", info_hash(2)), share(2, ONE))
        self.assertEqual(find(self.catalogue, query="share 2").items[0].contacts, (ALICE,))
        self.assertEqual(find(self.catalogue).total, 2)
        (source,) = self.catalogue.torrents.sources(info_hash(2))
        self.assertEqual((source.resource, source.addresses), ("laptop", (HOME,)))
        self.assertEqual(
            dict(self.catalogue.torrents.reachable()),
            {info_hash(1): {HOME}, info_hash(2): {HOME}},
        )

    def test_pages_continue_a_list(self) -> None:
        """Later pages add and remove, and the announced list is not touched."""
        self.page(share(2), share(3))
        change = self.page(share(4), gone=(info_hash(2), info_hash(1)), revision=5, reset=False)
        self.assertEqual([h.share.size for h in change.gone], [2])
        self.assertEqual(self.shares(), {1, 3, 4})
        self.assertEqual(
            self.catalogue.private.progress(ALICE, "laptop"), ListProgress("private", 5, True)
        )
        self.page(share(9), revision=9, reset=False, list_id="another")
        self.assertEqual(self.shares(), {1, 3, 4})
        self.page(share(2), list_id="another")
        self.assertEqual(self.shares(), {1, 2})

    def test_it_goes_with_the_device(self) -> None:
        """Offline, nothing of it is left; what the device announces stays."""
        for leave in (
            lambda: self.catalogue.set_online(ALICE, "laptop", False),
            self.catalogue.set_all_offline,
        ):
            self.catalogue.set_online(ALICE, "laptop", True)
            self.page(share(2))
            change = leave()
            self.assertEqual([h.share.size for h in change.gone], [2])
            self.assertTrue(all(h.private for h in change.gone))
            self.assertEqual(self.shares(), {1})
            self.assertNotIn(info_hash(2), self.catalogue.torrents)
            self.assertEqual(self.catalogue.private.progress(ALICE, "laptop"), ListProgress())
        self.page(share(2))
        self.assertEqual(self.shares(), {1}, "it is offline")

    def test_it_goes_with_the_contact(self) -> None:
        """A contact who is no longer trusted leaves nothing."""
        self.page(share(2))
        self.catalogue.forget(ALICE)
        self.assertEqual(list(self.catalogue.torrents.reachable()), [])

    def test_a_share_may_be_in_both_lists(self) -> None:
        """It counts once, as it is announced, until the announcement drops it."""
        self.page(share(1, ONE, "for you"), share(2))
        self.assertEqual(self.shares(), {1, 2})
        self.assertEqual(self.catalogue.share_of(ALICE, "laptop", info_hash(1)), share(1))
        self.assertEqual(len(self.catalogue.torrents.sources(info_hash(1))), 1)
        self.announce()
        self.assertEqual(self.shares(), {1, 2})
        self.page(gone=(info_hash(1),), revision=2, reset=False)
        self.assertEqual(self.shares(), {2})

    def test_both_lists_share_the_bounds(self) -> None:
        """A private list cannot hold what the announced one may not."""
        self.catalogue = Catalogue(limits=CatalogueLimits(contact_shares=2))
        self.announce(share(1))
        self.catalogue.set_online(ALICE, "laptop", True)
        self.page(share(2), share(3))
        self.assertEqual(self.shares(), {1, 3})

    def test_a_page_may_come_before_the_item(self) -> None:
        """The shares are known; where to dial is known with the item."""
        self.catalogue.remove_item(ALICE, "laptop")
        self.page(share(2))
        self.assertEqual(self.catalogue.torrents.sources(info_hash(2))[0].addresses, ())
        self.announce()
        self.assertEqual(self.catalogue.torrents.sources(info_hash(2))[0].addresses, (HOME,))

    def test_what_is_locked_is_no_source(self) -> None:
        """It is listed, and cannot be fetched."""
        self.page(replace(share(2), terms=ShareTerms(locked=True)))
        self.assertEqual(self.shares(), {1, 2})
        self.assertEqual(self.catalogue.torrents.sources(info_hash(2)), [])
        self.assertEqual(self.catalogue.torrents.sources(info_hash(2), b""), [])


class SealTests(PrivateListCase):
    """One torrent with several seals."""

    def test_most_online_resources_decide(self) -> None:
        """Whatever those say that are offline; of equal ones the smallest seal counts."""
        torrents = self.catalogue.torrents
        self.assertEqual((torrents.seal(info_hash(5)), torrents.seal(info_hash(1))), (b"", b""))
        self.announce(share(5, TWO))
        self.announce(share(5, ONE), jid=BOB)
        self.assertEqual(torrents.seal(info_hash(5)), TWO, "bob is offline")
        self.catalogue.set_online(BOB, "laptop", True)
        self.assertEqual(torrents.seal(info_hash(5)), ONE)
        self.announce(share(5, TWO), jid=CAROL)
        self.catalogue.set_online(CAROL, "laptop", True)
        self.assertEqual(torrents.seal(info_hash(5)), TWO)
        self.assertEqual([s.jid for s in torrents.sources(info_hash(5), TWO)], [ALICE, CAROL])
        self.assertEqual([s.jid for s in torrents.sources(info_hash(5), ONE)], [BOB])
        self.assertEqual([s.jid for s in torrents.sources(info_hash(5), b"")], [])
        self.assertEqual(len(torrents.sources(info_hash(5))), 3)

    def test_a_resource_has_one_vote(self) -> None:
        """Although it may announce the torrent in both of its lists."""
        self.announce(share(5, TWO))
        self.page(share(5, TWO))
        self.announce(share(5, ONE), jid=BOB)
        self.catalogue.set_online(BOB, "laptop", True)
        self.assertEqual(self.catalogue.torrents.seal(info_hash(5)), ONE)

    def test_another_seal_is_a_change(self) -> None:
        """A share whose seal changes is gone and has appeared, so that what fetches it looks."""
        change = self.announce(share(1, ONE))
        self.assertEqual([h.share.seal for h in change.gone], [b""])
        self.assertEqual([h.share.seal for h in change.appeared], [ONE])
        self.assertEqual(change.redialled, {info_hash(1)})
