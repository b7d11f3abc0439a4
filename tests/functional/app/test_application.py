"""The application as a whole: who is in the catalogue, the status, the timers."""

from __future__ import annotations

import os
from dataclasses import replace
from ipaddress import ip_network

from twisted.internet.defer import Deferred, maybeDeferred

from bitween.app.application import LIMITS_INTERVAL
from bitween.app.rate_history import INTERVAL
from bitween.app.seeding import SeedingPolicy
from bitween.errors import (
    UnknownContact,
)
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.connection import ConnectionState
from bitween.model.events import (
    ConnectionChanged,
    ListeningChanged,
    PresenceRepeated,
)
from bitween.util.periodic import HOUR
from tests.support.application_case import (
    BOB,
    BOBS_ADDRESS,
    CAROL,
    FILM,
    OUR_ADDRESS,
    ApplicationCase,
)
from tests.support.fakes.messenger import FakeMessenger


class ApplicationTests(ApplicationCase):
    """Alice follows bob, and not carol."""

    def test_presence_ends_the_silence_of_a_device(self) -> None:
        """A repeated presence counts as an answer; a new session has not been asked yet."""
        self.bob.announce([FILM], [Candidate(BOBS_ADDRESS)])
        self.download()
        self.clock.pump([0.3] * 3)
        self.connect.requests.pings[-1][1].callback(False)
        self.assertFalse(self.bitween.connector.routes.answers(BOB, "laptop"))
        self.messenger.events.notify(PresenceRepeated(jid=BOB, resource="laptop"))
        self.assertTrue(self.bitween.connector.routes.answers(BOB, "laptop"))
        self.clock.pump([0.3] * 30)
        self.connect.requests.pings[-1][1].callback(False)
        self.bob.stop()
        self.bob.start()
        self.assertIsNone(self.bitween.connector.routes.answers(BOB, "laptop"))

    def test_only_trusted_accounts_are_in_the_catalogue(self) -> None:
        """Our own other devices are, strangers are not."""
        self.carol.announce([FILM], [])
        self.assertEqual(self.find().total, 0)
        other = FakeMessenger("alice@example.org/server", self.server)
        other.start()
        other.announce([FILM], [])
        self.assertEqual(self.find().items[0].contacts, ("alice@example.org",))

    def test_a_removed_contact_is_forgotten(self) -> None:
        """One that is only offline stays."""
        self.bob.announce([FILM], [Candidate(BOBS_ADDRESS)])
        self.assertTrue(self.find().items[0].online)
        self.bob.stop()
        self.assertFalse(self.find().items[0].online)
        self.successResultOf(self.bitween.contacts.remove(BOB))
        self.assertEqual(self.find().total, 0)
        self.assertEqual(self.changes[-1].gone[0].share, FILM)

    def test_a_lost_connection_takes_all_devices_offline(self) -> None:
        """Their shares stay in the catalogue."""
        self.bob.announce([FILM], [Candidate(BOBS_ADDRESS)])
        self.messenger.stop()
        self.assertFalse(self.find().items[0].online)

    def test_devices_stay_online_while_the_session_may_be_resumed(self) -> None:
        """Only the end of the session takes them offline."""
        self.bob.announce([FILM], [Candidate(BOBS_ADDRESS)])
        for resuming in (True, False):
            status = replace(
                self.messenger.status, state=ConnectionState.WAITING, resuming=resuming
            )
            self.messenger.events.notify(ConnectionChanged(status=status))
            self.assertIs(self.find().items[0].online, resuming)

    def test_a_search_among_one_contacts_shares(self) -> None:
        """A JID that is no contact is an error, not an empty list."""
        self.bob.announce([FILM], [])
        self.assertEqual(self.find(BOB).total, 1)
        finding = Deferred.fromCoroutine(self.bitween.shares.find(contact=CAROL))
        self.failureResultOf(finding, UnknownContact)

    def test_the_status_sums_up_torrents_and_contacts(self) -> None:
        """It tells our addresses, too."""
        self.bob.announce([FILM], [Candidate(BOBS_ADDRESS)])
        self.download()
        self.swarm.arrive(FILM.info_hash, total=1000, done=100)
        status = self.bitween.status.report()
        totals = status.totals
        self.assertEqual(
            (totals.torrents, totals.complete, totals.size, totals.done), (1, 0, 1000, 100)
        )
        self.assertEqual((totals.contacts, totals.contacts_online), (1, 1))
        self.assertEqual((status.own_jid, status.addresses), ("alice@example.org", (OUR_ADDRESS,)))

    def test_stop_ends_the_daemon(self) -> None:
        """The caller of the constructor decides how."""
        self.bitween.stop()
        self.assertEqual(self.stops, 1)

    def test_timers_run_while_the_service_does(self) -> None:
        """Rates are sampled, days online recorded, and no call is left at the end."""
        self.bitween.startService()
        self.clock.pump([INTERVAL] * 3)
        self.assertEqual(len(self.bitween.rates.samples), 3)
        self.clock.advance(HOUR)
        self.assertEqual(len(self.memory.days_online().times), 1)
        self.successResultOf(maybeDeferred(self.bitween.stopService))
        self.bitween.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_limits_are_applied_by_the_clock(self) -> None:
        """A download that has been seeded long enough is paused."""
        self.bitween = self.make(seeding=SeedingPolicy(seconds=60))
        self.bitween.startService()
        self.addCleanup(self.bitween.stopService)
        self.download()
        self.swarm.arrive(FILM.info_hash, FILM.size)
        done = replace(self.bitween.torrents.get(FILM.info_hash), completed=self.clock.seconds())
        self.swarm.library.put(replace(done, completed=1.0))
        for seconds, paused in ((LIMITS_INTERVAL, False), (60.0, True)):
            self.clock.advance(seconds)
            options = self.bitween.torrents.get(FILM.info_hash).options
            self.assertIs(options.paused, paused)

    def test_the_allowlist_follows_our_own_addresses(self) -> None:
        """Once this machine has loopback only, contacts on it may connect."""
        self.bob.announce([FILM], [Candidate(PeerAddress.parse("127.0.0.1", 8008))])
        self.assertEqual(self.swarm.admitted, set())
        self.swarm.listening = (("127.0.0.1", 7007),)
        self.swarm.events.notify(ListeningChanged())
        self.assertEqual(self.swarm.admitted, {ip_network("127.0.0.1")})

    def test_the_diagnosis_checks_each_part(self) -> None:
        """The log-in, the server, our addresses, the contacts, and the disk."""
        os.makedirs(self.downloads)
        running = Deferred.fromCoroutine(self.bitween.diagnosis.run())
        checks = [finding.check for finding in self.successResultOf(running)]
        self.assertEqual(checks[0], "log-in")
        self.assertEqual(
            checks[-6:], ["listening", "mapping", "nat", "addresses", "contacts", "disk"]
        )
