"""The command line and the TOML file."""

from __future__ import annotations

import os
import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import bitween
from bitween.errors import ConfigurationError
from bitween.model.contact import AutoAccept
from bitween.model.device_trust import TrustPolicy
from bitween.model.schedule import parse_entry
from bitween.model.setting import Origin, Setting
from bitween.settings.command_line import Options
from bitween.settings.settings import Settings
from bitween.settings.table import DEFAULT_API, OPTIONS


class SettingsTests(SynchronousTestCase):
    """What the options come to, and what is refused."""

    def setUp(self) -> None:
        """Have no settings file but those that a test writes."""
        self.environ = {"XDG_CONFIG_HOME": os.path.abspath(self.mktemp())}

    def settings(self, *arguments: str) -> Settings:
        """The settings of a command line."""
        options = Options()
        options.parseOptions(arguments)
        return options.settings(self.environ)

    def refused(self, *arguments: str) -> str:
        """The error that a command line gets."""
        with self.assertRaises(ConfigurationError) as caught:
            self.settings("--jid", "a@example.org", *arguments)
        self.assertNotIn("\n", str(caught.exception))
        return str(caught.exception)

    def config(self, text: str) -> str:
        """Write a settings file where it is looked for."""
        folder = os.path.join(self.environ["XDG_CONFIG_HOME"], "bitween")
        os.makedirs(folder)
        path = os.path.join(folder, "config.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_byte_order_mark(self) -> None:
        """Some editors begin a file with one."""
        self.config('\ufeffnick = "Alice"\n')
        self.assertEqual(self.settings("--jid", "a@example.org").nick, "Alice")

    def test_defaults_are_as_documented(self) -> None:
        """With an account alone, everything has its documented place."""
        self.environ["XDG_STATE_HOME"] = "/var/state"
        settings = self.settings("--jid", "Alice@Example.org")
        self.assertEqual(
            (settings.account.jid, settings.account.resource), ("alice@example.org", None)
        )
        self.assertEqual(settings.files.state_dir, "/var/state/bitween/alice@example.org")
        self.assertEqual(settings.files.token_file, "/var/state/bitween/alice@example.org/token")
        self.assertEqual(settings.files.download_dir, os.path.expanduser("~/Downloads/bitween"))
        self.assertEqual((settings.api, settings.swarm.listen), (DEFAULT_API, ("", 0)))
        self.assertTrue(settings.swarm.port_mapping)
        self.assertEqual((settings.nick, settings.auto_accept), ("", AutoAccept.KNOWN))
        self.assertEqual(settings.trust, TrustPolicy.BLIND)
        self.assertEqual(settings.files.share_with, ("contacts",))
        self.assertEqual(settings.priority, -1)
        self.assertFalse(settings.account.allow_plain)
        self.assertTrue(settings.files.share_hidden)
        self.assertEqual(settings.files.share_roots, (os.path.expanduser("~"),))

    def test_secrets_are_never_shared(self) -> None:
        """Our secrets, those of the user's other daemons, and settings are never shared."""
        self.environ["XDG_STATE_HOME"] = "/var/state"
        given = ("--state-dir", "/s", "--token-file", "/t", "--password-file", "/p")
        settings = self.settings("--jid", "a@example.org", *given)
        config = os.path.join(self.environ["XDG_CONFIG_HOME"], "bitween")
        self.assertEqual(
            set(settings.files.private), {"/var/state/bitween", config, "/s", "/t", "/p"}
        )
        settings = self.settings("--jid", "a@example.org", "--password-file", "-")
        self.assertEqual(settings.account.password_file, "-")
        self.assertNotIn("-", settings.files.private)

    def test_every_option_takes_effect(self) -> None:
        """Every option arrives."""
        settings = self.settings(
            "--jid", "a@example.org/home", "--password-file", "-", "--server", "[::1]:5333",
            "--api", "none", "--api-host", "nas", "--api-host", "nas.lan",
            "--announce", "192.0.2.7", "--listen", "127.0.0.1:7007",
            "--announce", "[2001:db8::1]:9009",
            "--upload-limit", "5", "--hidden-files", "skip",
            "--nick", "Al", "--auto-accept", "never", "--trust", "verified",
            "--share-with", "Bob@Example.org", "--share-with", "group:Family",
            "--allow-plain", "--priority", "-5",
            "--no-port-mapping", "--log-traffic", "--token-file", "/t", "--state-dir", "/s",
        )  # fmt: skip
        self.assertEqual((settings.account.resource, settings.account.password_file), ("home", "-"))
        self.assertEqual((settings.account.server, settings.api), (("::1", 5333), None))
        self.assertEqual(settings.api_hosts, ("nas", "nas.lan"))
        self.assertEqual(settings.swarm.listen, ("127.0.0.1", 7007))
        self.assertEqual(settings.announce, (("192.0.2.7", None), ("2001:db8::1", 9009)))
        self.assertEqual((settings.swarm.limits.upload, settings.files.token_file), (5, "/t"))
        self.assertFalse(settings.swarm.port_mapping)
        self.assertTrue(settings.log_traffic)
        self.assertEqual((settings.nick, settings.auto_accept), ("Al", AutoAccept.NEVER))
        self.assertEqual(settings.trust, TrustPolicy.VERIFIED)
        self.assertEqual(settings.files.share_with, ("bob@example.org", "group:Family"))
        self.assertEqual(settings.priority, -5)
        self.assertTrue(settings.account.allow_plain)

    def test_sizes_and_rates(self) -> None:
        """They are written as the command line takes them, in the file and in the schedule, too."""
        self.config('download-limit = "1.5M"\nin-band-limit = 5000\n')
        settings = self.settings(
            "--jid", "a@example.org", "--upload-limit", "5k",
            "--schedule", "08:00-18:00 upload=100kB/s download=none",
        )  # fmt: skip
        self.assertEqual(
            (settings.swarm.limits.upload, settings.swarm.limits.download), (5000, 1_500_000)
        )
        self.assertEqual(settings.in_band_limit, 5000)
        self.assertEqual((settings.schedule[0].upload, settings.schedule[0].download), (100_000, 0))

    def test_several_trusted_networks_can_be_given(self) -> None:
        """Several, of both families."""
        given = ("--trusted-network", "10.8.0.0/24", "--trusted-network", "fd00::/64")
        settings = self.settings("--jid", "a@example.org", *given)
        self.assertEqual([str(n) for n in settings.trusted_networks], ["10.8.0.0/24", "fd00::/64"])

    def test_paths_that_are_not_utf8(self) -> None:
        """They are refused at once, in words that a terminal can show."""
        for option in ("--download-dir", "--state-dir", "--share-root"):
            with self.assertRaises(ConfigurationError) as raised:
                self.settings("--jid", "alice@example.org", option, "/music/d\udce9")
            self.assertIn("'/music/d\\xe9' is not UTF-8", raised.exception.message)

    def test_several_share_roots_or_none_can_be_given(self) -> None:
        """Several, each once, or none at all, on the command line and in the file."""
        jid = ("--jid", "a@example.org")
        given = ("--share-root", "~/Music", "--share-root", "/srv/", "--share-root", "/srv")
        music = os.path.expanduser("~/Music")
        self.assertEqual(self.settings(*jid, *given).files.share_roots, (music, "/srv"))
        self.assertEqual(self.settings(*jid, "--share-root", "none").files.share_roots, ())
        self.assertIn("--share-root", self.refused("--share-root", "none", "--share-root", "/x"))
        self.config('share-root = ["/srv", "/home"]')
        self.assertEqual(self.settings(*jid).files.share_roots, ("/srv", "/home"))

    def test_the_server_has_a_default_port(self) -> None:
        """A host alone has the default port, and ``xmpps://`` stands for direct TLS."""
        for text, server, direct_tls in (
            ("h", ("h", 5222), False), ("h:443", ("h", 443), False),
            ("xmpps://h", ("h", 5223), True), ("xmpps://[::1]:443", ("::1", 443), True),
        ):  # fmt: skip
            settings = self.settings("--jid", "a@example.org", "--server", text)
            self.assertEqual(
                (settings.account.server, settings.account.direct_tls), (server, direct_tls)
            )

    def test_the_file_and_the_command_line(self) -> None:
        """The file has the same names, and the command line wins."""
        self.config(
            'jid = "a@example.org"\nlisten = 7007\nno-port-mapping = true\n'
            'announce = ["192.0.2.7:5005"]\nupload-limit = 100\n'
        )
        settings = self.settings("--upload-limit", "7")
        self.assertEqual(
            (settings.account.jid, settings.swarm.listen), ("a@example.org", ("", 7007))
        )
        self.assertEqual((settings.swarm.limits.upload, settings.swarm.port_mapping), (7, False))
        self.assertEqual(settings.announce, (("192.0.2.7", 5005),))

    def test_schedule_queue_and_seeding_limits_can_be_set(self) -> None:
        """Schedule, queue and the end of seeding, in the file and on the command line."""
        self.config(
            'jid = "a@example.org"\nschedule = ["mon 8:00-9:00 upload=1"]\nseed-ratio = 1.5\n'
            "limit-lan = true\nactive-downloads = 0\n"
        )
        settings = self.settings("--seed-hours", "48")
        self.assertEqual(settings.schedule, (parse_entry("mon 8:00-9:00 upload=1"),))
        self.assertEqual((settings.seed_ratio, settings.seed_hours), (1.5, 48.0))
        self.assertEqual((settings.swarm.limit_lan, settings.swarm.active_downloads), (True, 0))
        usual = self.settings("--schedule", "9:00-10:00 download=5", "--active-downloads", "3")
        self.assertEqual((usual.schedule[0].download, usual.swarm.active_downloads), (5, 3))

    def test_an_unknown_key_is_named(self) -> None:
        """A slip in the file is not passed over."""
        self.config('jib = "a@example.org"\n')
        self.assertIn("'jib'", self.refused())

    def test_wrong_types_are_named(self) -> None:
        """A value of the wrong type is not bent into another one."""
        for index, line in enumerate(
            ("no-port-mapping = 1", 'announce = "x"', "jid = true", "jid = [1]", "api-host = [1]")
        ):
            self.environ = {"XDG_CONFIG_HOME": os.path.abspath(f"{self.mktemp()}{index}")}
            self.config(line + "\n")
            self.assertIn(repr(line.split(" ", maxsplit=1)[0]), self.refused())

    def test_a_file_that_cannot_be_read(self) -> None:
        """A missing or broken file is said with its path."""
        self.assertIn("/nowhere/x.toml", self.refused("--config", "/nowhere/x.toml"))
        path = self.config("this is no TOML")
        self.assertIn(path, self.refused())

    def test_wrong_values_are_refused_with_their_option(self) -> None:
        """Each wrong value is answered with its option."""
        for option, value in (
            ("--server", ":5222"), ("--server", "host:99999"), ("--server", "https://host"),
            ("--server", "xmpps://"), ("--nick", "a\nb"), ("--nick", "x" * 65),
            ("--auto-accept", "sometimes"), ("--auto-accept", ""), ("--trust", "all"),
            ("--share-with", "bob"),
            ("--listen", "x"), ("--listen", "70000"), ("--listen", "host:1"),
            ("--listen", "9" * 5000), ("--listen", "127.1.0.7:0"), ("--announce", "127.1.255.1"),
            ("--announce", "example.org"), ("--announce", "192.0.2.7:0"),
            ("--announce", "192.0.2.7:443"), ("--listen", "443"), ("--listen", "192.0.2.7:1023"),
            ("--trusted-network", "10.8.0.1/24"), ("--trusted-network", "0.0.0.0/0"),
            ("--upload-limit", "fast"), ("--download-limit", "-1"),
            ("--schedule", "mon upload=1"), ("--active-downloads", "-1"),
            ("--active-downloads", "many"), ("--seed-ratio", "-1"), ("--seed-ratio", "inf"),
            ("--in-band-limit", "large"), ("--in-band-limit", "-1"),
            ("--priority", "0"), ("--priority", "5"), ("--priority", "-129"), ("--priority", "-0"),
            ("--priority", ""), ("--priority", "low"),
            ("--seed-hours", "1e3"), ("--seed-hours", ""),
        ):  # fmt: skip
            self.assertIn(option, self.refused(option, value))

    def test_empty_values_are_refused(self) -> None:
        """Each is refused by its name: an empty path would be the current directory."""
        for option in (
            "state-dir",
            "download-dir",
            "share-root",
            "token-file",
            "ca-file",
            "config",
        ):
            self.assertIn(f"--{option} is empty", self.refused(f"--{option}", ""))
        for option in ("api", "nick", "server", "listen", "password-file", "api-host", "announce"):
            self.assertIn(f"--{option} is empty", self.refused(f"--{option}="))
        self.config('download-dir = ""')
        self.assertIn("'download-dir'", self.refused())

    def test_an_account_is_required(self) -> None:
        """Without a JID, or with half of one, there is nothing to do."""
        for arguments in ((), ("--jid", "example.org"), ("--jid", "@"), ("--jid", "a@b@c/d e")):
            with self.assertRaises(ConfigurationError) as caught:
                self.settings(*arguments)
            self.assertIn("--jid", str(caught.exception))

    def test_a_wrong_option_is_one_line(self) -> None:
        """An unknown option ends with one line and status 1, not with twistd's help and 0."""
        for arguments in (["--nonsense"], ["stray"]):
            with self.assertRaises(SystemExit) as caught:
                Options().parseOptions(arguments)
            self.assertIn("bitween: ", str(caught.exception.code))
            self.assertNotIn("\n", str(caught.exception.code))

    def test_shown_settings_have_an_origin_and_no_secrets(self) -> None:
        """What can be looked at says where it comes from; a secret is not among it."""
        self.config('upload-limit = 5\nannounce = ["192.0.2.1"]\nlimit-lan = true\nnick = "A"\n')
        settings = self.settings("--jid", "a@example.org", "--nick", "B", "--password-file", "p")
        shown = {setting.name: setting for setting in settings.shown}
        self.assertEqual(shown["nick"], Setting("nick", "B", Origin.COMMAND_LINE))
        self.assertEqual(shown["announce"], Setting("announce", ("192.0.2.1",), Origin.FILE))
        self.assertEqual(shown["limit-lan"], Setting("limit-lan", True, Origin.FILE))
        self.assertEqual(
            shown["upload-limit"], Setting("upload-limit", "5", Origin.FILE, changeable=True)
        )
        self.assertEqual(shown["api"], Setting("api", DEFAULT_API, Origin.DEFAULT))
        self.assertEqual(shown["schedule"], Setting("schedule", (), Origin.DEFAULT))
        self.assertEqual(shown["ca-file"], Setting("ca-file", None, Origin.DEFAULT))
        self.assertEqual(shown["password-file"].value, "p")

    def test_the_documentation(self) -> None:
        """It has every option of the table with its value, in the same order, and no other."""
        root = Path(bitween.__file__).parent.parent
        page = (root / "docs" / "configuration.rst").read_text("utf-8").partition("Relays\n")[0]
        headings = re.findall(r"^``--[^`]+``(?:, ``--[^`]+``)*$", page, re.MULTILINE)
        documented = [text for line in headings for text in re.findall("``--([^`]+)``", line)]
        expected = [f"{option.name} {option.value}".strip() for option in OPTIONS.values()]
        self.assertEqual(documented, expected)
