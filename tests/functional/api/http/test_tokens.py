"""Tokens in their file, and through the API."""

from __future__ import annotations

import json
import os
import stat

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bitween.api.discovery.discover import document
from bitween.api.http.access import Caller, TokenAccess
from bitween.api.http.tokens import FIRST, MAX_TOKENS, ApiToken, TokenStore
from bitween.errors import ConfigurationError, InvalidValue, StoreError, UnknownToken
from tests.support.api_rig import (
    EPOCH,
    TOKEN,
    Answer,
    Connection,
    World,
    http_request,
    info_hash,
    rpc,
    site_of,
)

LOOKING = {
    *("Api.settings", "Api.warnings", "Api.traffic", "bt.get_peers", "xmpp.invitation"),
    *("Api.versions", "Api.status", "bt.get_torrents", "bt.get_files", "bt.export"),
    "bt.get_deletion",
    *("xmpp.get_hashes", "xmpp.get_shares", "xmpp.find", "xmpp.get_contacts", "xmpp.get_blocked"),
    *("devices.list", "devices.own", "access.get", "access.of"),
    "access.requests",
    *("net.diagnose", "jobs.get", "jobs.list", "events.poll"),
}
# What is asked for with these.
ARGUMENTS: dict[str, list[object]] = {
    "bt.get_files": ["a" * 40],
    "bt.get_deletion": ["a" * 40],
    "bt.get_peers": ["a" * 40],
    "access.get": ["a" * 40],
    "access.of": ["bob@example.org"],
    "bt.export": ["a" * 40],
    "jobs.get": ["1"],
    "events.poll": [0, 0],
}
HASH = info_hash("a")
CHANGING: dict[str, list[object]] = {
    "Api.exit": [],
    "Api.login_link": [],
    "Api.reconnect": [],
    "token.new": [],
    "token.list": [],
    "token.revoke": ["x"],
    "session.list": [],
    "session.revoke": ["x"],
    "bt.add_path": ["/x"],
    "bt.add_torrent_by_hash": [HASH],
    "bt.del_torrent": [HASH],
    "bt.recheck": [HASH],
    "bt.set_limits": [],
    "bt.set_note": [HASH],
    "xmpp.add_contact": ["bob@example.org"],
    "xmpp.forget_resource": ["bob@example.org", "x"],
    "jobs.cancel": ["1"],
    "access.set": [HASH],
    "access.ask": [HASH],
    "access.grant": ["1"],
    "access.deny": ["1"],
    "devices.verify": ["bob@example.org", "x", "0"],
    "devices.distrust": ["bob@example.org", "x"],
}


class FileTests(SynchronousTestCase):
    """What is kept of tokens."""

    def setUp(self) -> None:
        """Begin without a file."""
        folder = self.mktemp()
        os.makedirs(folder)
        self.path = os.path.join(folder, "tokens.json")
        self.tokens = TokenStore("first-secret", self.path, now=lambda: EPOCH)

    def again(self) -> TokenStore:
        """What the next start knows."""
        return TokenStore.load("first-secret", self.path)

    def test_the_first_token_has_full_access(self) -> None:
        """It may do everything, and needs no file."""
        for tokens in (self.tokens, self.again()):
            self.assertEqual(tokens.caller(b"first-secret"), Caller(TokenAccess.FULL, FIRST))
            self.assertEqual(tokens.known(), (ApiToken(FIRST, read_only=False, created=None),))
        self.assertFalse(os.path.exists(self.path))

    def test_others_outlive_the_daemon(self) -> None:
        """Names, what they may do, when they were made; and the secrets still fit."""
        _, full = self.tokens.new("desk", read_only=False)
        _, looking = self.tokens.new("wall", read_only=True)
        for tokens in (self.tokens, self.again()):
            self.assertEqual(tokens.caller(full.encode()), Caller(TokenAccess.FULL, "desk"))
            self.assertEqual(tokens.caller(looking.encode()), Caller(TokenAccess.READ_ONLY, "wall"))
            self.assertEqual(
                tokens.known()[1:],
                (
                    ApiToken("desk", read_only=False, created=EPOCH),
                    ApiToken("wall", read_only=True, created=EPOCH),
                ),
            )

    def test_the_file_holds_no_secret(self) -> None:
        """Only digests, for the owner's eyes, with nothing left beside it."""
        _, secret = self.tokens.new("desk", read_only=False)
        with open(self.path, encoding="utf-8") as file:
            text = file.read()
        self.assertNotIn(secret, text)
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        self.assertEqual(os.listdir(os.path.dirname(self.path)), ["tokens.json"])

    def test_what_stands_in_the_file_is_no_token(self) -> None:
        """Who reads a digest cannot log in with it."""
        self.tokens.new("desk", read_only=False)
        with open(self.path, encoding="utf-8") as file:
            (entry,) = json.load(file)
        self.assertIsNone(self.tokens.caller(entry["sha256"].encode()))

    def test_unknown_secrets_have_no_access(self) -> None:
        """Anything else is nobody."""
        _, secret = self.tokens.new("desk", read_only=False)
        for other in (b"", b"first", secret[:-1].encode(), b"\xff", secret.encode() + b"x"):
            self.assertIsNone(self.tokens.caller(other))

    def test_token_names_are_unique_and_printable(self) -> None:
        """One is chosen where none is given; taken and unprintable ones are refused."""
        names = [self.tokens.new(name, read_only=True)[0].name for name in (None, None, "ä b")]
        self.assertEqual(names, ["token-1", "token-2", "ä b"])
        for name in ("", " ", "token-1", FIRST, "x" * 61, "a\nb", "\u202e", "\ud800"):
            with self.assertRaises(InvalidValue):
                self.tokens.new(name, read_only=True)

    def test_a_revoked_token_is_useless_at_once(self) -> None:
        """Its secret is useless at once and after a restart; its name is free."""
        _, secret = self.tokens.new("desk", read_only=False)
        self.tokens.new("wall", read_only=True)
        self.tokens.revoke("desk")
        for tokens in (self.tokens, self.again()):
            self.assertIsNone(tokens.caller(secret.encode()))
            self.assertEqual([token.name for token in tokens.known()], [FIRST, "wall"])
        self.assertNotEqual(self.tokens.new("desk", read_only=False)[1], secret)

    def test_revoke_what_cannot_be_revoked(self) -> None:
        """An unknown name is an error, and so is the first."""
        with self.assertRaises(UnknownToken):
            self.tokens.revoke("nobody")
        with self.assertRaises(InvalidValue):
            self.tokens.revoke(FIRST)

    def test_the_number_of_tokens_is_bounded(self) -> None:
        """There are only so many, for each request is compared with all."""
        for _ in range(MAX_TOKENS):
            self.tokens.new(None, read_only=True)
        with self.assertRaises(InvalidValue):
            self.tokens.new(None, read_only=True)
        self.assertEqual(len(self.again().known()), MAX_TOKENS + 1)

    def test_cannot_be_written(self) -> None:
        """What could not be kept does not hold, and the error names no path."""
        tokens = TokenStore("first-secret", "/nowhere/at/all/tokens.json")
        with self.assertRaises(StoreError) as caught:
            tokens.new("desk", read_only=False)
        self.assertNotIn("/", str(caught.exception))
        self.assertEqual(len(tokens.known()), 1)

    def test_a_damaged_file_is_refused(self) -> None:
        """What is no list of tokens, or open to others, is not trusted."""
        good = {"name": "x", "read_only": True, "created": 1.0, "sha256": "00"}
        for text in (
            "",
            "{}x",
            "7",
            "[7]",
            "[{}]",
            *(json.dumps([{**good, key: []}]) for key in good),
            json.dumps([{**good, "sha256": "ä"}]),
        ):
            with open(self.path, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(self.path, 0o600)
            with self.assertRaises(ConfigurationError, msg=text) as caught:
                self.again()
            self.assertIn(self.path, str(caught.exception))
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump([good], file)
        self.assertEqual(len(self.again().known()), 2)
        os.chmod(self.path, 0o644)
        with self.assertRaises(ConfigurationError):
            self.again()


class ApiTests(SynchronousTestCase):
    """``token.``, and what a token may do."""

    def setUp(self) -> None:
        """Serve a world."""
        self.clock = Clock()
        folder = self.mktemp()
        os.makedirs(folder)
        self.world = World(self.clock)
        self.site = site_of(self.world, tokens_file=os.path.join(folder, "tokens.json"))

    def send(self, token: str, body: bytes, method: str = "POST", path: str = "/api") -> Answer:
        """The answer to one request."""
        connection = Connection(self.site)
        connection.send(
            http_request(body, method, path, headers={"Authorization": f"Bearer {token}"})
        )
        return connection.only_answer()

    def call(self, token: str, method: str, *params: object) -> Answer:
        """The answer to one call."""
        return self.send(token, rpc(method, list(params)))

    def made(self, name: str, read_only: bool) -> str:
        """The secret of a new token."""
        secret: str = self.call(TOKEN, "token.new", name, read_only).json["result"]["token"]
        return secret

    def test_new_and_list(self) -> None:
        """The secret stands in the answer of ``token.new`` only."""
        made = self.call(TOKEN, "token.new", "wall", True).json["result"]
        secret = made.pop("token")
        self.assertEqual(made, {"name": "wall", "read_only": True, "created": EPOCH})
        answer = self.call(TOKEN, "token.list")
        self.assertEqual(
            answer.json["result"],
            {"tokens": [{"name": FIRST, "read_only": False, "created": None}, made]},
        )
        self.assertNotIn(secret.encode(), answer.body)

    def test_a_full_token_can_make_tokens(self) -> None:
        """A full token may make others, as the first may."""
        desk = self.made("desk", read_only=False)
        self.assertIn("result", self.call(desk, "token.new", "more").json)

    def test_a_read_only_token_can_only_read(self) -> None:
        """It may look at everything; what would change something has an error of our own."""
        wall = self.made("wall", read_only=True)
        for method in LOOKING:
            answer = self.call(wall, method, *ARGUMENTS.get(method, [])).json
            self.assertNotIn("read_only", json.dumps(answer), method)
        for method, params in CHANGING.items():
            error = self.call(wall, method, *params).json["error"]
            self.assertEqual((error["code"], error["data"]["reason"]), (1045, "read_only"), method)
        error = self.call(wall, "bt.nonsense").json["error"]
        self.assertEqual(error["code"], -32601)
        self.assertEqual(self.send(wall, b"", "GET", "/metrics").status, 200)

    def test_every_method_is_decided(self) -> None:
        """A new method for read-only tokens has to be added here as well."""
        marked = {method["name"] for method in document()["methods"] if method["x-read-only"]}
        self.assertEqual(marked, LOOKING)

    def test_read_only_in_a_batch(self) -> None:
        """Each call of a batch is judged for itself, notifications among them."""
        wall = self.made("wall", read_only=True)
        calls = [json.loads(rpc("Api.versions")), json.loads(rpc("Api.exit"))]
        looked, refused = self.send(wall, json.dumps(calls).encode()).json
        self.assertIn("result", looked)
        self.assertEqual(refused["error"]["data"]["reason"], "read_only")
        self.assertEqual(self.send(wall, b'{"jsonrpc":"2.0","method":"Api.exit"}').status, 204)
        self.clock.advance(1)
        self.assertEqual(self.world.stopped, [])

    def test_a_revoked_token_is_logged_out(self) -> None:
        """It no longer logs in, and its open requests are aborted; those of others stay."""
        desk, wall = self.made("desk", read_only=False), self.made("wall", read_only=True)
        streams = []
        for token in (desk, wall):
            stream = Connection(self.site)
            headers = {"Authorization": f"Bearer {token}"}
            stream.send(http_request(b"", "GET", "/events", headers))
            streams.append(stream)
        self.assertTrue(self.call(desk, "token.revoke", "wall").json["result"])
        self.clock.advance(0)
        self.assertEqual([stream.transport.connected for stream in streams], [True, False])
        self.assertEqual(self.call(wall, "Api.versions").status, 401)
        self.assertEqual(self.call(desk, "Api.versions").status, 200)
        streams[0].transport.loseConnection()

    def test_wrong_token_names_are_errors(self) -> None:
        """Unknown, taken and wrong names say what is the matter."""
        error = self.call(TOKEN, "token.revoke", "nobody").json["error"]
        self.assertEqual(error["data"]["reason"], "unknown_token")
        for params in ([FIRST], ["a\nb"], [""]):
            error = self.call(TOKEN, "token.new", *params).json["error"]
            self.assertEqual(error["code"], -32602)

    def test_a_token_that_revokes_itself(self) -> None:
        """It gets its answer, and none after that."""
        desk = self.made("desk", read_only=False)
        self.assertTrue(self.call(desk, "token.revoke", "desk").json["result"])
        self.clock.advance(0)
        self.assertEqual(self.call(desk, "token.list").status, 401)
