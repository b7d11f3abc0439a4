"""Who may see and fetch our shares: set by the user, changed by the roster and by time."""

from __future__ import annotations

import os
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs

from bitween.errors import InvalidValue, UnknownContact, UnknownTorrent
from bitween.model.access import OPEN, PRIVATE, Access, AccessReason, parse_audiences
from bitween.model.seal import Seal, unpack
from bitween.model.torrent import InfoHash, Torrent
from bitween.model.torrent_options import TorrentOptions
from bitween.util.observable import Observable
from tests.support.application_case import BOB, CAROL, FILM, ApplicationCase
from tests.support.metainfo import metainfo

SECRET = bytes(32)
FAMILY = "group:Family"


class AccessCase(ApplicationCase):
    """Alice shares; bob and carol are contacts, bob in the group Family."""

    def setUp(self) -> None:
        """Make carol a contact, too."""
        super().setUp()
        self.messenger.befriend([CAROL])
        self.messenger.set_groups(BOB, "Family")
        self.access = self.bitween.access
        self.changed: list[frozenset[str] | None] = []
        self.access.changes.subscribe(self.changed.append)

    def share(self, name: str = "film.mkv", *audiences: str) -> Torrent:
        """Share a file, with everybody unless audiences are named."""
        path = self.file(name)
        access = Access(parse_audiences(audiences)) if audiences else None
        sharing = self.swarm.share(
            metainfo(path), os.path.dirname(path), secret=SECRET, access=access
        )
        return self.successResultOf(sharing)

    def set(self, torrent: Torrent, *audiences: str, expires: float | None = None) -> Torrent:
        """Set who may fetch a share."""
        setting = self.access.set(torrent.info_hash, audiences or None, expires)
        return self.successResultOf(setting)

    def only(self) -> Torrent:
        """The only torrent."""
        (torrent,) = self.swarm.library
        return torrent

    def hashes_for(self, jid: str) -> list[InfoHash]:
        """What a contact has in its restricted list with a secret."""
        return [share.info_hash for share in self.access.restricted_for(jid) if share.seal]

    def assert_cut(self, before: Torrent) -> Torrent:
        """Check that the only torrent has another secret and another hash than before."""
        after = self.only()
        self.assertNotEqual(after.info_hash, before.info_hash)
        self.assertEqual(after.options.access.replaces, before.info_hash)
        assert after.seal is not None
        self.assertNotEqual(after.seal.secret, SECRET)
        return after

    def assert_same_secret(self, before: Torrent) -> None:
        """Check that nobody was cut off."""
        after = self.only()
        self.assertEqual((after.info_hash, after.seal), (before.info_hash, before.seal))


class SettingAccessTests(AccessCase):
    """What the user sets."""

    def test_who_loses_access_holds_a_secret_of_nothing(self) -> None:
        """Secret and hash are others; those who stay are told which one they replace."""
        before = self.share()
        self.assertTrue(self.access.decide(CAROL, before.info_hash))
        after = self.set(before, FAMILY)
        self.assertEqual(after, self.assert_cut(before))
        self.assertIs(self.access.decide(BOB, after.info_hash).reason, AccessReason.GROUP)
        self.assertIs(self.access.decide(CAROL, after.info_hash).reason, AccessReason.NOT_NAMED)
        (share,) = self.access.restricted_for(BOB)
        self.assertEqual(unpack(share.seal), after.seal)
        self.assertEqual(share.replaces, before.info_hash)
        self.assertEqual(self.access.restricted_for(CAROL), [])
        self.assertEqual(list(self.swarm.library.shares), [])
        self.assertIn(None, self.changed)

    def test_who_gains_access_gets_the_secret_that_others_have(self) -> None:
        """Nobody is cut off."""
        before = self.share("film.mkv", BOB)
        self.set(before, BOB, CAROL)
        self.assert_same_secret(before)
        self.assertEqual(self.hashes_for(CAROL), [before.info_hash])
        self.set(before, "contacts")
        self.assert_same_secret(before)
        self.assertEqual(list(self.swarm.library.shares), [before.info_hash])

    def test_an_audience_without_members_costs_nobody_anything(self) -> None:
        """Only who could fetch and can no longer counts, however the audiences are named."""
        before = self.share("film.mkv", BOB)
        self.set(before, FAMILY)
        self.assert_same_secret(before)

    def test_other_terms_stay_unless_they_are_set(self) -> None:
        """An end is taken away by not naming it, as it may come from a form; the rest stays."""
        before = self.share("film.mkv", BOB)
        setting = self.access.set(before.info_hash, None, 500.0, True, False)
        access = self.successResultOf(setting).options.access
        self.assertEqual(access, Access(parse_audiences([BOB]), 500.0, True, False))
        self.assertEqual(
            self.set(before).options.access, Access(parse_audiences([BOB]), None, True, False)
        )

    def test_a_listed_share_shows_its_name_alone(self) -> None:
        """There is no secret in what others see of it."""
        before = self.share("film.mkv", BOB)
        self.successResultOf(self.access.set(before.info_hash, listed=True))
        (share,) = self.access.restricted_for(CAROL)
        self.assertEqual((share.name, share.locked, share.seal), ("film.mkv", True, b""))
        self.assertNotIn(FAMILY, repr(share))

    def test_own_devices_have_everything(self) -> None:
        """They may fetch what nobody else may."""
        torrent = self.share("film.mkv", "devices")
        self.assertEqual(self.hashes_for("alice@example.org"), [torrent.info_hash])

    def test_what_cannot_be_set(self) -> None:
        """An end in the past, nobody, a torrent that is not there."""
        torrent = self.share()
        self.clock.advance(10)
        for audiences, expires in (([BOB], 5.0), ([], None), (["nobody"], None)):
            with self.subTest(audiences=audiences):
                self.assertRaises(
                    InvalidValue, self.access.set, torrent.info_hash, audiences, expires
                )
        self.assertRaises(UnknownTorrent, self.access.set, FILM.info_hash, [BOB])
        self.assert_same_secret(torrent)

    def test_two_changes_at_once_come_one_after_the_other(self) -> None:
        """The second one waits for the first, and finds that the torrent has gone."""
        torrent = self.share()
        held: Deferred[Torrent] = Deferred()
        replace_secret = self.swarm.replace_secret
        self.patch(self.swarm, "replace_secret", lambda *_: held)
        first = self.access.set(torrent.info_hash, [BOB])
        second = self.access.set(torrent.info_hash, [CAROL])
        self.assertNoResult(second)
        self.patch(self.swarm, "replace_secret", replace_secret)
        access = Access(parse_audiences([BOB]), replaces=torrent.info_hash)
        replace_secret(torrent.info_hash, SECRET, bytes(16), access).chainDeferred(held)
        self.successResultOf(first)
        self.failureResultOf(second, UnknownTorrent)

    def test_what_a_contact_sees_and_why(self) -> None:
        """Each share with the rule by which it is seen; strangers are refused."""
        for name, audiences in (("a", ()), ("b", (FAMILY,)), ("c", (CAROL,)), ("d", ("devices",))):
            self.share(name, *audiences)
        seen = [(s.torrent.name, s.fetch.reason) for s in self.access.visible_to(BOB)]
        self.assertEqual(seen, [("a", AccessReason.EVERYBODY), ("b", AccessReason.GROUP)])
        self.assertEqual(len(self.access.visible_to("alice@example.org")), 4)
        self.assertRaises(UnknownContact, self.access.visible_to, "eve@example.org")


class SharingAccessTests(AccessCase):
    """Paths that are shared for some contacts only."""

    def add(self, path: str, access: Access | None = None) -> Torrent:
        """Share a path, and let it be hashed."""
        job = self.bitween.sharing.add_path(path, access=access)
        self.hasher.running[path].answer.callback(metainfo(path))
        ended = self.successResultOf(self.bitween.jobs.ended(job.id))
        return self.swarm.library.get(ended.outcome().info_hash)

    def test_it_is_never_announced_to_everybody(self) -> None:
        """Not even for a moment."""
        announced: list[int] = []
        self.swarm.events.subscribe(lambda _: announced.append(len(self.swarm.library.shares)))
        torrent = self.add(self.file(), self.access.chosen([BOB]))
        self.assertEqual(torrent.options.access.audiences, (BOB,))
        self.assertEqual(set(announced), {0})

    def test_another_choice_for_what_is_shared_already(self) -> None:
        """It counts, and those who lose access are cut off; the job names the new hash."""
        path = self.file()
        before = self.add(path)
        after = self.add(path, self.access.chosen([BOB], 100.0))
        self.assertEqual(after, self.assert_cut(before))
        self.assertEqual(after.options.access.expires, 100.0)

    def test_a_path_that_is_shared_again_without_a_choice(self) -> None:
        """Nobody sees it who did not before."""
        path = self.file()
        self.add(path, self.access.chosen([BOB], listed=True))
        with open(path, "a", encoding="utf-8") as file:
            file.write("more")
        after = self.add(path)
        self.assertEqual(after, self.only())
        self.assertEqual(after.options.access, Access(parse_audiences([BOB]), listed=True))

    def test_the_default(self) -> None:
        """What is shared without a choice is for those whom the settings say."""
        self.access.default = PRIVATE
        self.assertEqual(self.add(self.file()).options.access, PRIVATE)
        self.assertIsNone(self.access.chosen(None))
        self.assertEqual(self.access.chosen(None, 5.0), Access(PRIVATE.audiences, 5.0))

    def test_a_restart_keeps_the_choice(self) -> None:
        """What it interrupts is not shared with everybody afterwards."""
        path = self.file()
        self.bitween.sharing.add_path(path, access=self.access.chosen([BOB]))
        self.bitween.close()
        self.hasher.running.clear()
        self.messenger.events, self.swarm.events = Observable(), Observable()
        self.bitween = self.make()
        self.bitween.begin()
        self.hasher.running[path].answer.callback(metainfo(path))
        self.assertEqual(self.only().options.access.audiences, (BOB,))

    def test_what_is_refused_at_once(self) -> None:
        """An end in the past, and names that are none."""
        self.clock.advance(10)
        self.assertRaises(InvalidValue, self.access.chosen, None, 5.0)
        self.assertRaises(InvalidValue, self.access.chosen, ["x"])


class DownloadAccessTests(AccessCase):
    """What came from a contact has the secret of that contact."""

    def fetched(self, access: Access) -> Torrent:
        """A download that is not complete."""
        seal = Seal(SECRET, FILM.info_hash)
        options = TorrentOptions(access=access)
        self.successResultOf(self.swarm.download(FILM.info_hash, "film", "/x", options, seal))
        return self.only()

    def test_a_private_download_is_not_passed_on(self) -> None:
        """Its secret is not ours to tell."""
        before = self.fetched(PRIVATE)
        failing = self.access.set(FILM.info_hash, [BOB])
        self.failureResultOf(failing, InvalidValue)
        self.assertEqual(self.only(), before)

    def test_an_open_download_becomes_private_and_goes_on(self) -> None:
        """It keeps the secret of its sources."""
        before = self.fetched(OPEN)
        self.set(before, "devices")
        self.assert_same_secret(before)
        self.assertEqual(self.only().options.access, PRIVATE)

    def test_passing_it_on_takes_a_secret_of_our_own(self) -> None:
        """The contacts that get it from us cannot meet those that shared it with us."""
        path = self.file()
        info = metainfo(path)
        self.successResultOf(
            self.swarm.share(info, os.path.dirname(path), secret=SECRET, access=PRIVATE)
        )
        self.swarm.mark_as_fetched(info.info_hash)
        torrent = self.set(self.only(), BOB)
        self.assertEqual(torrent.info_hash, info.info_hash)
        assert torrent.seal is not None
        self.assertNotEqual(torrent.seal.secret, SECRET)
        (share,) = self.access.restricted_for(BOB)
        self.assertEqual(unpack(share.seal), torrent.seal)


class RosterTests(AccessCase):
    """What any client of the account changes in the roster counts at once."""

    def test_leaving_a_group_takes_its_shares_away(self) -> None:
        """Those of the group, and no others."""
        before = self.share("film.mkv", FAMILY)
        self.messenger.set_groups(BOB)
        self.assert_cut(before)
        self.assertEqual(self.access.restricted_for(BOB), [])

    def test_coming_into_a_group_cuts_nobody_off(self) -> None:
        """The new member gets the secret."""
        before = self.share("film.mkv", FAMILY)
        self.messenger.set_groups(CAROL, "Family", "Work")
        self.assert_same_secret(before)
        self.assertEqual(self.hashes_for(CAROL), [before.info_hash])
        self.assertIn(frozenset({CAROL}), self.changed)

    def test_a_removed_contact_takes_no_secret_along(self) -> None:
        """What is for everybody keeps its hash; what was for that contact does not."""
        open_share = self.share("open")
        named = self.share("named", CAROL, BOB)
        others = self.share("others", BOB)
        self.successResultOf(self.messenger.remove_contact(CAROL))
        library = self.swarm.library
        after = library.get(open_share.info_hash)
        self.assertNotEqual(after.seal, open_share.seal)
        self.assertNotIn(named.info_hash, library)
        self.assertEqual(library.get(others.info_hash), others)

    def test_blocking_takes_everything_away(self) -> None:
        """And unblocking gives the shares back, with their new secrets."""
        before = self.share("film.mkv", BOB)
        self.successResultOf(self.messenger.block(BOB))
        after = self.assert_cut(before)
        self.assertIs(self.access.decide(BOB, after.info_hash).reason, AccessReason.BLOCKED)
        self.successResultOf(self.messenger.unblock(BOB))
        self.assertEqual(self.hashes_for(BOB), [after.info_hash])

    def test_all_open_shares_get_other_seals_in_slices(self) -> None:
        """The reactor runs between them, however many there are."""
        shares = [self.share(f"open{number}") for number in range(5)]
        self.slow_seals(0.02)
        self.successResultOf(self.messenger.remove_contact(CAROL))
        self.assertEqual(self.renewed(shares), 1)
        for _ in shares:
            self.clock.advance(0)
        self.assertEqual(self.renewed(shares), len(shares))

    def slow_seals(self, seconds: float) -> None:
        """Let each change of a seal take a while."""
        seal = self.swarm.seal

        def slow(info_hash: InfoHash, secret: bytes) -> Deferred[Torrent]:
            self.clock.rightNow += seconds
            return seal(info_hash, secret)

        self.patch(self.swarm, "seal", slow)

    def renewed(self, before: list[Torrent]) -> int:
        """Count the torrents with other seals."""
        library = self.swarm.library
        return sum(library.get(torrent.info_hash).seal != torrent.seal for torrent in before)

    def test_what_changed_while_we_were_not_running(self) -> None:
        """The next log-in finds that bob has left the group."""
        before = self.share("film.mkv", FAMILY)
        self.restart(lambda: self.messenger.set_groups(BOB))
        self.assert_cut(before)

    def test_a_roster_that_stays_cuts_nobody_off(self) -> None:
        """A restart alone changes nothing."""
        before = self.share("film.mkv", FAMILY)
        self.restart()
        self.assert_same_secret(before)

    def test_a_crash_before_all_secrets_are_replaced(self) -> None:
        """What was not replaced is, at the next start."""
        before = self.share("film.mkv", FAMILY)
        seal = self.swarm.replace_secret
        self.patch(self.swarm, "replace_secret", lambda *_: Deferred())
        self.messenger.set_groups(BOB)
        self.assert_same_secret(before)
        self.patch(self.swarm, "replace_secret", seal)
        self.restart()
        self.assert_cut(before)

    def test_what_cannot_be_replaced_is_tried_again(self) -> None:
        """A failure is logged, and the next start tries again."""
        before = self.share("film.mkv", FAMILY)
        replace_secret = self.swarm.replace_secret
        self.patch(self.swarm, "replace_secret", self.refused)
        with capturedLogs() as captured:
            self.messenger.set_groups(BOB)
        self.assertIn(LogLevel.error, [event["log_level"] for event in captured])
        self.patch(self.swarm, "replace_secret", replace_secret)
        self.restart()
        self.assert_cut(before)

    def refused(self, *_: object) -> Deferred[Torrent]:
        """Fail as a swarm does."""
        return self.swarm.seal(InfoHash("00" * 20), SECRET)

    def restart(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """End the application, and start another one; the log-in comes after that."""
        self.messenger.stop()
        self.messenger.events = Observable()
        self.swarm.events = Observable()
        meanwhile()
        self.bitween = self.make()
        self.access = self.bitween.access
        self.messenger.start()


class ExpiryTests(AccessCase):
    """Access that has an end."""

    def test_the_end_takes_access_away(self) -> None:
        """Lists and connections know at once; soon after that the secret is another one."""
        before = self.set(self.share("film.mkv", BOB), expires=100.0)
        self.assertEqual(self.access.restricted_for(BOB)[0].expires, 100)
        self.clock.advance(100)
        self.assertIs(self.access.decide(BOB, before.info_hash).reason, AccessReason.EXPIRED)
        self.assertEqual(self.access.restricted_for(BOB), [])
        self.assertEqual(self.only().info_hash, before.info_hash)
        self.successResultOf(self.access.end_expired())
        after = self.assert_cut(before)
        self.assertEqual(after.options.access.audiences, PRIVATE.audiences)
        self.successResultOf(self.access.end_expired())
        self.assertEqual(self.only(), after)

    def test_what_was_for_everybody_is_for_nobody(self) -> None:
        """It leaves the list for all."""
        self.set(self.share(), expires=100.0)
        self.clock.advance(100)
        self.successResultOf(self.access.end_expired())
        self.assertEqual(dict(self.swarm.library.shares), {})

    def test_a_later_end_cuts_nobody_off(self) -> None:
        """Before the end has come it can be moved."""
        before = self.set(self.share("film.mkv", BOB), expires=100.0)
        self.set(before, expires=200.0)
        self.clock.advance(150)
        self.successResultOf(self.access.end_expired())
        self.assert_same_secret(before)
