"""Which sources are told that we want a share, and when they are dialled."""

from __future__ import annotations

from dataclasses import replace

from bitween.connect.connector import PeerConnector
from bitween.connect.wants import ASK_AGAIN, PATIENCE, WANTS
from bitween.errors import RequestRefused
from bitween.model.announcement import Share
from bitween.model.seal import Seal, pack
from bitween.model.torrent import InfoHash, TorrentState
from bitween.model.torrent_options import DEFAULT_OPTIONS
from tests.support.wanting import FILM, HASH, SONG, WantingCase, place

BOB, CAROL, DAN = "bob@localhost", "carol@localhost", "dan@localhost"
PAUSED = replace(DEFAULT_OPTIONS, paused=True)


class AskerCase(WantingCase):
    """alice fetches from bob, carol and dan; dan's bitween is an old one."""

    def setUp(self) -> None:
        """Have them online."""
        super().setUp()
        self.connector = PeerConnector(self.context)
        for number, jid in enumerate((BOB, CAROL, DAN)):
            self.online(jid, place(number), shares=(FILM, SONG), sealed=jid != DAN)

    def tearDown(self) -> None:
        """Nothing is left behind."""
        self.connector.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def begin(self, share: Share = FILM) -> None:
        """Begin a download."""
        self.fetch(share)
        self.connector.update_sources(share.info_hash)

    def dialled(self) -> set[str]:
        """The contacts whose devices are being reached."""
        races = [address for race, _ in self.fakes.prober.raced for address in race]
        places = {jid: place(number).address for number, jid in enumerate((BOB, CAROL, DAN))}
        return {jid for jid, address in places.items() if address in races}

    def answer(self, number: int, granted: bool) -> None:
        """Answer one of the wants."""
        self.wants.wanted[number][2].callback(granted)

    def ended(self) -> list[tuple[str, bool]]:
        """Each end of a want that was told."""
        return [(key[0], seeds) for key, _, seeds in self.wants.ended]


class AskingTests(AskerCase):
    """A download begins."""

    def test_newer_devices_are_asked_before_they_are_dialled(self) -> None:
        """An old one knows no wants and is dialled at once."""
        self.begin()
        asked = [(key, info_hash) for key, info_hash, _ in self.wants.wanted]
        self.assertEqual(asked, [((BOB, "laptop"), HASH), ((CAROL, "laptop"), HASH)])
        self.assertEqual(self.dialled(), {DAN})
        self.answer(0, granted=True)
        self.assertEqual(self.dialled(), {DAN, BOB})

    def test_a_device_that_does_not_answer_is_dialled_all_the_same(self) -> None:
        """After some seconds; its late answer changes nothing."""
        self.begin()
        self.clock.advance(PATIENCE - 0.1)
        self.assertEqual(self.dialled(), {DAN})
        self.clock.advance(0.1)
        self.assertEqual(self.dialled(), {DAN, BOB, CAROL})
        self.answer(0, granted=True)
        self.assertEqual(len(self.wants.wanted), 2)

    def test_a_device_that_gives_us_nothing_is_no_source_for_a_while(self) -> None:
        """Then it is asked again."""
        self.begin()
        self.answer(0, granted=False)
        self.clock.advance(ASK_AGAIN - 0.1)
        self.assertNotIn(BOB, self.dialled())
        self.assertEqual(len(self.wants.wanted), 2)
        self.clock.advance(0.1)
        self.answer(2, granted=True)
        self.assertIn(BOB, self.dialled())

    def test_a_refusal_after_the_patience_is_over(self) -> None:
        """The device is not a source any longer."""
        self.begin()
        self.clock.advance(PATIENCE)
        self.answer(0, granted=False)
        self.fakes.prober.end([place(number).address for number in range(3)])
        self.assertEqual(set(self.swarm.offered[HASH]), {place(1).address, place(2).address})

    def test_a_device_that_cannot_answer_is_dialled_and_asked_again(self) -> None:
        """It may be too busy; a sleeping torrent needs a want."""
        self.begin()
        self.wants.wanted[0][2].errback(RequestRefused("busy"))
        self.assertIn(BOB, self.dialled())
        self.clock.advance(ASK_AGAIN)
        self.assertEqual(self.wants.wanted[2][0], (BOB, "laptop"))

    def test_plain_torrents_need_no_want(self) -> None:
        """They are dialled as before there were wants."""
        for number, jid in enumerate((BOB, CAROL, DAN)):
            self.online(jid, place(number), shares=(replace(FILM, seal=b""),), sealed=jid != DAN)
        self.fetch(seal=None)
        self.connector.update_sources(HASH)
        self.assertEqual(self.wants.wanted, [])
        self.assertEqual(self.dialled(), {BOB, CAROL, DAN})

    def test_a_device_of_another_seal_is_no_source(self) -> None:
        """It could not be connected."""
        self.online(BOB, place(0), shares=(replace(FILM, seal=bytes(52)),))
        self.begin()
        self.assertEqual([key[0] for key, _, _ in self.wants.wanted], [CAROL])

    def test_a_download_that_gets_another_seal(self) -> None:
        """Those who announce that one are asked."""
        other = Seal(bytes(32), InfoHash("f0" * 20))
        self.online(BOB, place(0), shares=(replace(FILM, seal=pack(other)),))
        self.begin()
        self.successResultOf(self.swarm.set_seal(HASH, other))
        self.connector.torrent_changed(self.swarm.library.get(HASH))
        self.assertEqual([key[0] for key, _, _ in self.wants.wanted], [CAROL, BOB])

    def test_one_account_is_not_flooded(self) -> None:
        """It would refuse; the devices are dialled, and asked later."""
        many = [replace(FILM, info_hash=InfoHash(f"{n:040x}")) for n in range(WANTS[0] + 5)]
        self.online(BOB, place(0), shares=tuple(many))
        for share in many:
            self.begin(share)
        self.assertEqual(len(self.wants.wanted), WANTS[0])
        for number in range(WANTS[0]):
            self.answer(number, granted=True)
        self.clock.advance(ASK_AGAIN)
        self.assertEqual(len(self.wants.wanted), WANTS[0] + 5)

    def test_a_device_that_comes_back_is_asked_again(self) -> None:
        """It has forgotten the want."""
        self.begin()
        self.answer(0, granted=True)
        self.connector.apply(self.offline(BOB))
        self.connector.apply(self.online(BOB, place(0), shares=(FILM,)))
        self.assertEqual(self.wants.wanted[2][0], (BOB, "laptop"))


class EndTests(AskerCase):
    """A download ends."""

    def setUp(self) -> None:
        """Begin it; bob grants it, carol does not."""
        super().setUp()
        self.begin()
        self.answer(0, granted=True)
        self.answer(1, granted=False)

    def test_a_complete_torrent_is_seeded(self) -> None:
        """Those who gave it learn so, once."""
        self.swarm.arrive(HASH, 100)
        self.connector.update_sources(HASH)
        self.connector.update_sources(HASH)
        self.assertEqual(self.ended(), [(BOB, True)])

    def test_a_seed_that_is_paused_gives_no_more(self) -> None:
        """Nor does one that is removed."""
        self.swarm.arrive(HASH, 100)
        self.connector.update_sources(HASH)
        self.successResultOf(self.swarm.set_options(HASH, PAUSED))
        self.connector.torrent_changed(self.swarm.library.get(HASH))
        self.connector.torrent_changed(self.swarm.library.get(HASH))
        self.assertEqual(self.ended(), [(BOB, True), (BOB, False)])

    def test_a_download_that_is_paused_at_once(self) -> None:
        """It still fetches its list of files, and so still wants."""
        self.successResultOf(self.swarm.set_options(HASH, PAUSED))
        self.connector.torrent_changed(self.swarm.library.get(HASH))
        self.assertEqual(self.ended(), [])

    def test_a_download_that_waits_for_others(self) -> None:
        """It keeps its sources, without which it would not get its turn."""
        torrent = self.swarm.arrive(HASH, 100, 10)
        self.swarm.library.put(replace(torrent, state=TorrentState.QUEUED))
        self.connector.torrent_changed(self.swarm.library.get(HASH))
        self.assertEqual(self.ended(), [])

    def test_a_paused_download(self) -> None:
        """When it goes on, it wants again."""
        self.swarm.arrive(HASH, 100, 10)
        self.successResultOf(self.swarm.set_options(HASH, PAUSED))
        self.connector.torrent_changed(self.swarm.library.get(HASH))
        self.assertEqual(self.ended(), [(BOB, False)])
        self.successResultOf(self.swarm.set_options(HASH, DEFAULT_OPTIONS))
        self.connector.torrent_changed(self.swarm.library.get(HASH))
        self.assertEqual([key[0] for key, _, _ in self.wants.wanted[2:]], [BOB, CAROL])

    def test_a_removed_download(self) -> None:
        """Those who gave it learn so."""
        self.successResultOf(self.swarm.remove(HASH, delete_data=False))
        self.connector.torrent_removed(HASH)
        self.assertEqual(self.ended(), [(BOB, False)])

    def test_a_share_that_is_taken_away(self) -> None:
        """Its owner knows, and is told nothing."""
        self.connector.apply(self.online(BOB, place(0), shares=(SONG,)))
        self.connector.update_sources(HASH)
        self.swarm.arrive(HASH, 100)
        self.connector.update_sources(HASH)
        self.assertEqual(self.ended(), [])
