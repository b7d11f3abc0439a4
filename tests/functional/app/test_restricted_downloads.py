"""Downloads of what a contact shares with us alone."""

from __future__ import annotations

from dataclasses import replace

from bitween.errors import UnknownTorrent
from bitween.model.access import OPEN, PRIVATE
from bitween.model.announcement import Share, ShareTerms
from bitween.model.metainfo import torrent_file
from bitween.model.seal import Seal, info_hash_of, pack, salted, seal_of
from bitween.model.torrent import InfoHash, Torrent
from tests.support.application_case import BOB, CAROL, FILM, ApplicationCase
from tests.support.fakes.messenger import FakeMessenger

OLD, NEW = InfoHash("12" * 20), InfoHash("34" * 20)
SEAL, OTHER = Seal(bytes(32), InfoHash("56" * 20)), Seal(bytes(range(32)), InfoHash("78" * 20))


class RestrictedDownloadTests(ApplicationCase):
    """bob and carol are contacts."""

    def setUp(self) -> None:
        """Make carol a contact, too, and let both have bitween."""
        super().setUp()
        self.messenger.befriend([CAROL])
        for contact in (self.bob, self.carol):
            contact.announce([], [])

    def share(self, contact: FakeMessenger, *shares: Share) -> None:
        """Let a contact's device share these with us alone."""
        contact.serve_lists(lambda _: shares)
        contact.lists_changed()

    def only(self) -> Torrent:
        """The only torrent."""
        (torrent,) = self.swarm.library
        return torrent

    def fetch(self) -> Torrent:
        """Fetch what bob shares with us alone."""
        self.share(self.bob, Share(OLD, "film", 10, seal=pack(SEAL)))
        self.download(Share(OLD, "film", 10))
        return self.only()

    def test_it_is_for_the_own_devices(self) -> None:
        """What is shared with everybody is for everybody, also if it is with us alone as well."""
        self.assertEqual(self.fetch().options.access, PRIVATE)
        self.share(self.bob, FILM)
        self.carol.announce([FILM], [])
        self.download(FILM)
        self.assertEqual(self.swarm.library.get(FILM.info_hash).options.access, OPEN)

    def test_a_share_that_appears_later(self) -> None:
        """A download by its hash alone is for the own devices once that is known."""
        self.download(Share(OLD, "film", 10))
        self.assertEqual(self.only().options.access, OPEN)
        self.share(self.bob, Share(OLD, "film", 10, seal=pack(SEAL)))
        self.assertEqual(self.only().options.access, PRIVATE)

    def test_another_hash_of_the_same_share(self) -> None:
        """Our torrent follows, with its options, on the same files."""
        before = self.fetch()
        terms = ShareTerms(replaces=OLD)
        self.share(self.bob, Share(NEW, "film", 10, seal=pack(OTHER), terms=terms))
        after = self.only()
        self.assertEqual((after.info_hash, after.seal), (NEW, OTHER))
        self.assertEqual((after.save_path, after.options), (before.save_path, before.options))
        self.assertEqual(self.swarm.deleted, [])

    def test_what_is_here_is_kept(self) -> None:
        """With the salt, a torrent whose metadata is here goes on under the new hash, twice."""
        info, path = b"d4:name4:filme", "film"
        hashes = [info_hash_of(info)]
        self.share(self.bob, Share(hashes[0], path, 10, seal=pack(seal_of(info, bytes(32)))))
        self.download(Share(hashes[0], path, 10))
        self.swarm.arrive(hashes[0], 10, 4, torrent_file(info))
        for salt in (b"a" * 16, b"b" * 16):
            info = salted(info, salt)
            hashes.append(info_hash_of(info))
            terms = ShareTerms(replaces=hashes[-2], salt=salt)
            seal = seal_of(info, bytes(32))
            self.share(self.bob, Share(hashes[-1], path, 10, seal=pack(seal), terms=terms))
            after = self.only()
            self.assertEqual((after.info_hash, after.seal), (hashes[-1], seal))
            self.assertEqual((after.progress.done, after.options.access), (4, PRIVATE))

    def test_a_salt_that_does_not_fit(self) -> None:
        """The torrent begins again under the new hash: its content may be another one."""
        self.share(self.bob, Share(OLD, "film", 10, seal=pack(SEAL)))
        self.download(Share(OLD, "film", 10))
        self.swarm.arrive(OLD, 10, 4, torrent_file(b"d4:name4:filme"))
        terms = ShareTerms(replaces=OLD, salt=bytes(16))
        self.share(self.bob, Share(NEW, "film", 10, seal=pack(OTHER), terms=terms))
        after = self.only()
        self.assertEqual((after.info_hash, after.progress.done), (NEW, 0))

    def test_another_contact_replaces_nothing(self) -> None:
        """Only the contact that shared it can."""
        before = self.fetch()
        terms = ShareTerms(replaces=OLD)
        self.share(self.carol, Share(NEW, "film", 10, seal=pack(OTHER), terms=terms))
        self.assertEqual(self.only(), before)

    def test_what_we_pass_on_stays(self) -> None:
        """It has a secret of our own, with which its owner has nothing to do."""
        self.fetch()
        self.swarm.arrive(OLD, 10)
        options = replace(self.only().options, access=OPEN)
        self.swarm.set_options(OLD, options)
        terms = ShareTerms(replaces=OLD)
        self.share(self.bob, Share(NEW, "film", 10, seal=pack(OTHER), terms=terms))
        self.assertEqual(self.only().info_hash, OLD)


class ConnectionRequestTests(ApplicationCase):
    """Devices that ask to be dialled."""

    def test_a_contact_without_access_learns_nothing(self) -> None:
        """The answer is that for a torrent that is not there."""
        self.download(FILM)
        request = self.bitween.connection_requested
        candidates = self.bitween.connector.connection_requested(BOB, "laptop", FILM.info_hash, [])
        self.assertEqual(request(BOB, "laptop", FILM.info_hash, []), candidates)
        options = replace(self.swarm.library.get(FILM.info_hash).options, access=PRIVATE)
        self.swarm.set_options(FILM.info_hash, options)
        for jid, info_hash in ((BOB, FILM.info_hash), (BOB, OLD), (CAROL, FILM.info_hash)):
            with self.subTest(jid=jid, info_hash=info_hash):
                self.assertRaises(UnknownTorrent, request, jid, "laptop", info_hash, [])
        self.assertEqual(request("alice@example.org", "pc", FILM.info_hash, []), candidates)
