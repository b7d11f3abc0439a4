"""libtorrent's alerts as values; they come from a session of its own, without the reactor."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from bitween.bittorrent.engine import alerts
from bitween.bittorrent.engine._libtorrent import check_version, lt
from bitween.bittorrent.engine.alert_conversion import AlertConversion
from bitween.bittorrent.engine.alerts import Alert, Phase
from bitween.bittorrent.engine.session_hashes import SessionHashes
from bitween.errors import ConfigurationError
from bitween.model.torrent import InfoHash

HASH = InfoHash("0123456789abcdef0123456789abcdef01234567")


class AlertTests(SynchronousTestCase):
    """What comes of real alerts."""

    def setUp(self) -> None:
        """Make a session that talks to nobody."""
        self.conversion = AlertConversion(SessionHashes().own)
        self.folder = os.path.abspath(self.mktemp())
        os.mkdir(self.folder)
        self.session = lt.session(
            {
                "listen_interfaces": "",
                "alert_mask": lt.alert_category.all,
                "enable_dht": False,
                "enable_lsd": False,
                "enable_upnp": False,
                "enable_natpmp": False,
            },
            0,
        )
        self.addCleanup(delattr, self, "session")

    def until(self, holds: Callable[[Alert], bool]) -> list[Alert]:
        """Read alerts until there is one of a kind."""
        seen: list[Alert] = []
        while not any(map(holds, seen)):
            self.assertTrue(self.session.wait_for_alert(10_000), f"nothing came after {seen}")
            seen += self.conversion.values(self.session.pop_alerts())
        return seen

    def add(self) -> list[Alert]:
        """Add a torrent of which nothing but the hash is known."""
        params = lt.add_torrent_params()
        params.info_hashes = lt.info_hash_t(lt.sha1_hash(bytes.fromhex(HASH)))
        params.save_path = self.folder
        params.flags = lt.torrent_flags.update_subscribe | lt.torrent_flags.duplicate_is_error
        self.session.async_add_torrent(params)
        return self.until(lambda alert: isinstance(alert, alerts.Loaded))

    def test_adding_reports_the_hash_and_twice_an_error(self) -> None:
        """Adding tells the hash; adding it again tells an error."""
        self.assertIn(alerts.Loaded(HASH, ""), self.add())
        (again,) = [alert for alert in self.add() if isinstance(alert, alerts.Loaded)]
        self.assertEqual(again.info_hash, HASH)
        self.assertIn("already exists", again.error)

    def test_a_torrent_without_metadata_says_so(self) -> None:
        """A torrent without metadata says so."""
        self.add()
        self.session.post_torrent_updates()
        seen = self.until(lambda alert: isinstance(alert, alerts.TorrentStatuses))
        (statuses,) = [
            alert.statuses for alert in seen if isinstance(alert, alerts.TorrentStatuses)
        ]
        self.assertEqual(
            statuses,
            (alerts.TorrentStatus(HASH, Phase.METADATA, False, 0, 0, 0, 0, 0, 0, 0, 0, ""),),
        )

    def test_many_at_once(self) -> None:
        """What is told of very many torrents comes in portions, each of them told of once."""
        count = 300
        self.session.apply_settings({"alert_mask": lt.alert_category.status})
        for number in range(1, count + 1):
            params = lt.add_torrent_params()
            params.info_hashes = lt.info_hash_t(lt.sha1_hash(number.to_bytes(20, "big")))
            params.save_path = self.folder
            params.flags = lt.torrent_flags.update_subscribe
            self.session.async_add_torrent(params)
        self.session.post_torrent_updates()
        told: list[InfoHash] = []
        while len(told) < count:
            self.assertTrue(self.session.wait_for_alert(10_000), f"only {len(told)} were told of")
            for portion in self.conversion.portions(self.session.pop_alerts()):
                self.assertLessEqual(len(portion), 250)
                *_, last = portion
                if isinstance(last, alerts.TorrentStatuses):
                    self.assertLessEqual(len(last.statuses), 250)
                    told += [status.info_hash for status in last.statuses]
        wanted = [f"{number:040x}" for number in range(1, count + 1)]
        self.assertEqual(sorted(told), wanted)

    def test_removal_is_reported_by_hash(self) -> None:
        """Removing is told by hash, though there is no handle any more."""
        self.add()
        self.session.remove_torrent(self.session.get_torrents()[0])
        self.assertIn(alerts.Removed(HASH), self.until(lambda a: isinstance(a, alerts.Removed)))

    def test_resume_data_can_be_read_again(self) -> None:
        """Resume data come as bytes that libtorrent reads again."""
        self.add()
        self.session.get_torrents()[0].save_resume_data()
        (told,) = [
            alert
            for alert in self.until(lambda alert: isinstance(alert, alerts.ResumeData))
            if isinstance(alert, alerts.ResumeData)
        ]
        assert told.data is not None
        self.assertEqual(lt.read_resume_data(told.data).save_path, self.folder)

    def test_nothing_to_save(self) -> None:
        """Where nothing is new, that is told too, so that nobody waits."""
        self.add()
        handle = self.session.get_torrents()[0]
        handle.save_resume_data()
        self.until(lambda alert: isinstance(alert, alerts.ResumeData))
        handle.save_resume_data(lt.torrent_handle.only_if_modified)
        seen = self.until(lambda alert: isinstance(alert, alerts.ResumeData))
        self.assertIn(alerts.ResumeData(HASH, None), seen)

    def test_only_tcp_sockets_are_reported(self) -> None:
        """A TCP socket is told with its address and port, a UDP socket is not."""
        self.session.apply_settings({"listen_interfaces": "127.0.0.1:0"})
        self.session.listen_port()
        listening = [
            alert
            for alert in self.conversion.values(self.session.pop_alerts())
            if isinstance(alert, alerts.Listening)
        ]
        self.assertEqual(
            listening, [alerts.Listening("127.0.0.1", self.session.listen_port(), sealed=False)]
        )

    def test_a_port_in_use(self) -> None:
        """A port that is taken is told as such, another reason as another."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            failed = self._failed(f"127.0.0.1:{port}")
            self.assertEqual((failed.address, failed.port), ("127.0.0.1", port))
            self.assertTrue(failed.in_use)
        self.assertFalse(self._failed("192.0.2.77:12345").in_use)

    def _failed(self, interfaces: str) -> alerts.ListenFailed:
        self.session.apply_settings(
            {
                "listen_interfaces": interfaces,
                "max_retry_port_bind": 0,
                "listen_system_port_fallback": False,
            }
        )
        seen = self.until(lambda alert: isinstance(alert, alerts.ListenFailed))
        return next(alert for alert in seen if isinstance(alert, alerts.ListenFailed))


class VersionTests(SynchronousTestCase):
    """Which libtorrent will do."""

    def test_the_one_that_is_installed(self) -> None:
        """It is new enough."""
        check_version(lt.version)

    def test_one_that_is_too_old(self) -> None:
        """It is refused by its version."""
        with self.assertRaises(ConfigurationError) as raised:
            check_version("2.0.11.0")
        self.assertIn("2.0.11.0", raised.exception.message)
