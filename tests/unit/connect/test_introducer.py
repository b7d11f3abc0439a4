"""Which devices learn of which others, and when."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import Deferred

from bitween.connect.introducer import MOST, Admission, Introducer
from bitween.errors import RequestRefused, UnknownTorrent
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.torrent import InfoHash
from tests.support.wanting import HASH, SONG, WantingCase, place

GUESTS = [f"guest{number}@localhost" for number in range(40)]


class IntroducerCase(WantingCase):
    """alice shares a film with guests."""

    def setUp(self) -> None:
        """Share it; have all guests online."""
        super().setUp()
        self.strangers: set[str] = set()
        self.changed_devices: set[str] = set()
        self.waking: Deferred[None] | None = None
        admission = Admission(
            may_fetch=lambda jid, _: jid not in self.strangers,
            counts=lambda jid, _: jid not in self.changed_devices,
            wake=self.wake,
        )
        self.woken: list[InfoHash] = []
        self.introducer = Introducer(self.context, admission)
        self.fetch()
        self.swarm.arrive(HASH, 100)
        for number, jid in enumerate(GUESTS):
            self.online(jid, place(number))

    def wake(self, info_hash: InfoHash) -> Deferred[None]:
        """Load a torrent."""
        self.woken.append(info_hash)
        waking: Deferred[None] = Deferred()
        if self.waking is None:
            waking.callback(None)
        else:
            self.waking = waking
        return waking

    def want(self, *numbers: int) -> None:
        """Let guests want the film."""
        for number in numbers:
            self.successResultOf(self.introducer.want(GUESTS[number], "laptop", HASH))

    def done(self, number: int, *, seeds: bool = False) -> None:
        """Let a guest be done."""
        self.introducer.done(GUESTS[number], "laptop", HASH, seeds)

    def told(self) -> list[tuple[int, int]]:
        """Each word since the last look: which guest was told of which, by their numbers."""
        numbers = {place(number): number for number in range(len(GUESTS))}
        told = [
            (GUESTS.index(key[0]), numbers[introduction.candidates[0]])
            for key, introduction in self.wants.introduced
        ]
        self.wants.introduced.clear()
        return told

    def members(self) -> set[int]:
        """The numbers of the guests in the swarm."""
        return {GUESTS.index(jid) for jid, _ in self.introducer.members(HASH)}


class WantTests(IntroducerCase):
    """A guest wants something."""

    def test_two_that_want_the_same_meet(self) -> None:
        """Each is told of the other; one alone meets nobody."""
        self.want(0)
        self.assertEqual(self.told(), [])
        self.want(1)
        self.assertEqual(self.told(), [(1, 0), (0, 1)])
        self.want(2)
        self.assertEqual(set(self.told()), {(2, 0), (0, 2), (2, 1), (1, 2)})

    def test_a_repeated_want_changes_nothing(self) -> None:
        """They know each other already."""
        self.want(0, 1)
        self.told()
        self.want(0, 1)
        self.assertEqual(self.told(), [])

    def test_a_member_has_one_name_for_all(self) -> None:
        """It is no JID."""
        self.want(0, 1, 2)
        names = {
            introduction.member
            for _, introduction in self.wants.introduced
            if introduction.candidates == (place(0),)
        }
        self.assertEqual(len(names), 1)
        self.assertRegex(names.pop(), "^[0-9a-f]{8}$")

    def test_a_sleeping_torrent_is_woken_first(self) -> None:
        """Nothing is granted before; who may not fetch meanwhile gets nothing."""
        self.waking = Deferred()
        wanting = self.introducer.want(GUESTS[0], "laptop", HASH)
        self.assertNoResult(wanting)
        self.assertEqual(self.woken, [HASH])
        self.strangers.add(GUESTS[0])
        self.waking.callback(None)
        self.failureResultOf(wanting, UnknownTorrent)
        self.assertEqual(self.members(), set())

    def test_who_may_not_fetch_is_told_that_there_is_nothing(self) -> None:
        """As of a share that does not exist, or is paused."""
        self.strangers.add(GUESTS[0])
        wants = [(GUESTS[0], HASH), (GUESTS[1], SONG.info_hash)]
        for jid, info_hash in wants:
            wanting = self.introducer.want(jid, "laptop", info_hash)
            self.failureResultOf(wanting, UnknownTorrent)
        options = self.swarm.library.get(HASH).options
        self.successResultOf(self.swarm.set_options(HASH, replace(options, paused=True)))
        self.failureResultOf(self.introducer.want(GUESTS[1], "laptop", HASH), UnknownTorrent)
        self.assertEqual(self.woken, [])

    def test_each_meets_so_many_and_no_more(self) -> None:
        """Of many guests, each still meets some."""
        self.want(*range(len(GUESTS)))
        told = self.told()
        known = {number: [b for a, b in told if a == number] for number in range(len(GUESTS))}
        self.assertEqual(max(map(len, known.values())), MOST)
        self.assertGreaterEqual(min(map(len, known.values())), 1)
        self.assertEqual({(b, a) for a, b in told}, set(told))

    def test_one_that_left_makes_room(self) -> None:
        """The next one takes its place."""
        self.want(*range(MOST + 1))
        self.told()
        self.want(MOST + 1)
        self.assertEqual(self.told(), [])
        self.done(3)
        self.want(MOST + 2)
        self.assertEqual(len(self.told()), 2 * MOST)


class LeavingTests(IntroducerCase):
    """A guest is no member any longer."""

    def test_a_seed_gives_to_those_who_come_later(self) -> None:
        """Before those who fetch; not to other seeds."""
        self.want(0, 1, 2)
        self.done(2, seeds=True)
        self.told()
        self.want(3)
        self.assertEqual(self.told()[0], (3, 2))
        for number in range(4):
            self.done(number, seeds=True)
        self.assertEqual(self.members(), {0, 1, 2, 3})

    def test_one_that_is_done_or_offline_is_forgotten(self) -> None:
        """Nobody meets it any more."""
        self.want(0, 1, 2, 3)
        self.done(0)
        self.done(0)
        self.introducer.apply(self.offline(GUESTS[1]))
        self.assertEqual(self.members(), {2, 3})
        self.told()
        self.want(4)
        self.assertEqual({a for a, _ in self.told()}, {2, 3, 4})

    def test_loss_of_access(self) -> None:
        """The others go on."""
        self.want(0, 1)
        self.strangers.add(GUESTS[0])
        self.introducer.access_changed()
        self.assertEqual(self.members(), {1})

    def test_a_share_that_is_removed_has_no_members(self) -> None:
        """A change of access after that finds nothing."""
        self.want(0, 1)
        self.successResultOf(self.swarm.remove(HASH, delete_data=False))
        self.introducer.access_changed()
        self.introducer.share_removed(HASH)
        self.assertEqual(self.members(), set())

    def test_one_that_knows_nothing_of_it_is_forgotten(self) -> None:
        """Its word that it is done was lost; an error says nothing."""
        answers = iter([True, False])
        self.patch(self.wants, "introduce", lambda *_: _answered(next(answers)))
        self.want(0, 1)
        self.assertEqual(self.members(), {1})
        self.patch(self.wants, "introduce", lambda *_: _refused())
        self.want(2)
        self.assertEqual(self.members(), {1, 2})


class PrivacyTests(IntroducerCase):
    """What a guest learns of others."""

    def test_introductions_can_be_switched_off(self) -> None:
        """Everyone fetches from us alone."""
        options = self.swarm.library.get(HASH).options
        access = replace(options.access, introductions=False)
        self.successResultOf(self.swarm.set_options(HASH, replace(options, access=access)))
        self.want(0, 1, 2)
        self.assertEqual(self.told(), [])
        self.assertEqual(self.members(), {0, 1, 2})

    def test_a_device_whose_key_does_not_count_meets_nobody(self) -> None:
        """It could be the server."""
        self.changed_devices.add(GUESTS[1])
        self.want(0, 1, 2)
        self.assertEqual(set(self.told()), {(0, 2), (2, 0)})

    def test_private_addresses_stay_in_their_network(self) -> None:
        """They are told where both have the same public address only."""
        home, other = Candidate(PeerAddress("8.8.8.8", 7000)), Candidate(PeerAddress("9.9.9.9", 7))
        seen = Candidate(PeerAddress("8.8.8.8", 7001), CandidateKind.REFLEXIVE)
        private = [Candidate(PeerAddress(f"192.168.1.{number}", 6881)) for number in range(3)]
        self.online(GUESTS[0], home, private[0])
        self.online(GUESTS[1], other, private[1])
        self.online(GUESTS[2], seen, private[2])
        self.want(0, 1, 2)
        of = {(key[0], i.candidates[0]): i.candidates for key, i in self.wants.introduced}
        self.assertEqual(of[GUESTS[1], home], (home,))
        self.assertEqual(of[GUESTS[0], other], (other,))
        self.assertEqual(of[GUESTS[0], seen], (seen, private[2]))
        self.assertEqual(of[GUESTS[2], home], (home, private[0]))

    def test_loopback_stays_on_a_machine_without_a_network(self) -> None:
        """Elsewhere it means another machine."""
        here = [Candidate(PeerAddress("127.0.0.1", 7000 + number)) for number in range(2)]
        for number in range(2):
            self.online(GUESTS[number], here[number])
        self.want(0, 1)
        self.assertEqual(
            {introduction.candidates for _, introduction in self.wants.introduced},
            {(here[0],), (here[1],)},
        )
        self.wants.introduced.clear()
        self.online(GUESTS[2], here[1], place(2))
        self.want(2)
        self.assertEqual(self.wants.introduced, [])

    def test_one_without_an_address_meets_nobody(self) -> None:
        """The others could not let it in."""
        self.online(GUESTS[0])
        self.want(0, 1)
        self.assertEqual(self.told(), [])


def _answered(known: bool) -> Deferred[bool]:
    answer: Deferred[bool] = Deferred()
    answer.callback(known)
    return answer


def _refused() -> Deferred[bool]:
    answer: Deferred[bool] = Deferred()
    answer.errback(RequestRefused("busy"))
    return answer
