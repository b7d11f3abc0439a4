"""Which clients reach the API, against the real site."""

from __future__ import annotations

from bitween.api.http.failed_log_ins import BURST
from tests.support.api_rig import PORT, TOKEN, Connection, http_request
from tests.support.gate_case import CALL, GateCase


class HostTests(GateCase):
    """Against DNS rebinding."""

    def test_allowed_host_names_pass(self) -> None:
        """Names of this machine and those that were allowed, with the port or without."""
        for name in ("localhost", "127.0.0.1", "[::1]", "files.example.org", "LOCALHOST"):
            self.assertStatus(200, {"Host": name})
            self.assertStatus(200, {"Host": f"{name}:{PORT}"})

    def test_other_host_names_get_421(self) -> None:
        """Any other name, port or number of them: 421."""
        for host in (
            "evil.example",
            f"evil.example:{PORT}",
            "localhost:5001",
            "localhost.evil.example",
            "localhost.",
            "",
            "127.0.0.2",
            "127.0.0.1, evil.example",
            "\xff",
            None,
        ):
            self.assertStatus(421, {"Host": host})

    def test_two_host_headers_get_421(self) -> None:
        """A second Host header: 421."""
        connection = Connection(self.site)
        request = http_request(CALL).replace(b"\r\n", b"\r\nHost: evil.example\r\n", 1)
        connection.send(request)
        self.assertEqual(connection.only_answer().status, 421)

    def test_address_of_the_connection(self) -> None:
        """The address at which we were called will do, for nobody can point a name at it alone."""
        self.assertStatus(200, {"Host": f"192.0.2.5:{PORT}"}, host="192.0.2.5")
        self.assertStatus(421, {"Host": f"192.0.2.6:{PORT}"}, host="192.0.2.5")
        self.assertStatus(200, {"Host": f"[2001:db8::5]:{PORT}"}, host="2001:db8::5")

    def test_comes_before_the_token(self) -> None:
        """A page that rebinds learns nothing from the token's refusal."""
        self.assertStatus(421, {"Host": "evil.example", "Authorization": None})


class TargetTests(GateCase):
    """What is asked for, as a proxy would be asked (RFC 9112 §3.2.2)."""

    def ask(self, target: str, host: str | None = "evil.example") -> int:
        """The status of a call to a target."""
        return self.request({"Host": host}, path=target).status

    def test_the_host_in_an_absolute_target_counts(self) -> None:
        """The host in the target counts, and the header does not."""
        for target in (
            f"http://127.0.0.1:{PORT}/api",
            "HTTP://LOCALHOST/api",
            "http://localhost/api?x",
        ):
            self.assertEqual(self.ask(target), 200, target)
            self.assertEqual(self.ask(target, "localhost"), 200, target)
            self.assertEqual(self.ask(target, None), 200, target)

    def test_a_foreign_host_in_the_target_is_refused(self) -> None:
        """One that is not ours is refused, be the header what it may."""
        for host in ("evil.example", "", "localhost:1", "a@localhost", "localhost@evil.example"):
            self.assertEqual(self.ask(f"http://{host}/api", "localhost"), 421, host)

    def test_where_it_leads(self) -> None:
        """The gate and the resources read the same path of it."""
        page = self.request({"Authorization": None}, method="GET", path="http://127.0.0.1")
        self.assertEqual(page.status, 200)
        for path, status in (("/api", 401), ("//api", 404), ("/web/../api", 404)):
            target = f"http://localhost{path}"
            self.assertEqual(self.request({"Authorization": None}, path=target).status, status)
        for target in ("ftp://localhost/api", "http:/localhost/api", "localhost/api"):
            self.assertIn(self.ask(target, "localhost"), {400, 404}, target)

    def test_two_host_headers_are_refused_with_an_absolute_target(self) -> None:
        """They are refused as ever."""
        connection = Connection(self.site)
        request = http_request(CALL, path="http://localhost/api")
        connection.send(request.replace(b"\r\n", b"\r\nHost: evil.example\r\n", 1))
        self.assertEqual(connection.only_answer().status, 421)


class OriginTests(GateCase):
    """Against other sites in the same browser."""

    def test_our_own_origin_passes(self) -> None:
        """Scripts of our own page pass, also behind a proxy that adds TLS."""
        self.assertStatus(200, {"Origin": f"http://127.0.0.1:{PORT}"})
        own = {"Host": "files.example.org", "Origin": "https://files.example.org"}
        self.assertStatus(200, own)

    def test_foreign_origins_get_403(self) -> None:
        """Any other origin: 403, null among them."""
        for origin in (
            "http://evil.example",
            "null",
            "",
            "\xff",
            "http://127.0.0.1",
            f"http://localhost:{PORT}",
            f"http://127.0.0.1:{PORT}.evil.example",
            f"ftp://127.0.0.1:{PORT}",
        ):
            self.assertStatus(403, {"Origin": origin})

    def test_fetch_metadata_of_browsers_is_checked(self) -> None:
        """What a browser says of the caller counts; programs say nothing."""
        for site in ("none", "same-origin"):
            self.assertStatus(200, {"Sec-Fetch-Site": site})
        for site in ("cross-site", "same-site", "", "\xff"):
            self.assertStatus(403, {"Sec-Fetch-Site": site})


class TokenTests(GateCase):
    """Log-ins."""

    def test_a_missing_token_gets_401(self) -> None:
        """401 and how to log in."""
        answer = self.request({"Authorization": None})
        self.assertEqual(answer.status, 401)
        self.assertEqual(answer.headers["www-authenticate"], 'Bearer realm="bitween"')

    def test_wrong_tokens_get_401(self) -> None:
        """Other tokens, parts of the right one and other schemes: 401."""
        for credentials in (
            "Bearer wrong",
            "Bearer ",
            "Bearer",
            f"Bearer {TOKEN[:-1]}",
            f"Bearer {TOKEN}x",
            f"Basic {TOKEN}",
            TOKEN,
            "Bearer \xff",
        ):
            self.assertStatus(401, {"Authorization": credentials})

    def test_scheme_in_any_case(self) -> None:
        """The scheme's name is not case-sensitive (RFC 9110 §11.1)."""
        self.assertStatus(200, {"Authorization": f"bearer {TOKEN}"})

    def test_guards_every_path(self) -> None:
        """What there is and what there is not look the same from outside."""
        for path in ("/api", "/nothing", "/api/deeper", "/../api", "/%6cogin", "/loginx", "*", "x"):
            self.assertEqual(self.request({"Authorization": None}, path=path).status, 401)

    def test_many_wrong_tokens_get_429(self) -> None:
        """After a burst of wrong tokens: 429 and when to come back; a right one always passes."""
        for _ in range(BURST):
            self.assertStatus(401, {"Authorization": "Bearer wrong"})
        answer = self.request({"Authorization": "Bearer wrong"})
        self.assertEqual((answer.status, answer.headers["retry-after"]), (429, "1"))
        self.assertStatus(200, {})
        self.assertEqual(self.request({"Authorization": "Bearer wrong"}).status, 429)

    def test_failures_are_forgiven(self) -> None:
        """One a second."""
        for _ in range(10 * BURST):
            self.request({"Authorization": "Bearer wrong"})
        self.assertStatus(429, {"Authorization": "Bearer wrong"})
        self.clock.advance(2 * BURST + 1)
        self.assertStatus(401, {"Authorization": "Bearer wrong"})

    def test_failures_count_by_address(self) -> None:
        """The failures of another network do not count against ours."""
        for _ in range(BURST + 1):
            self.request({"Authorization": "Bearer wrong"}, peer="192.0.2.66")
        self.assertStatus(401, {"Authorization": "Bearer wrong"})

    def test_asking_without_a_token_is_no_failure(self) -> None:
        """A browser that has yet to log in is not shut out."""
        for _ in range(2 * BURST):
            self.assertStatus(401, {"Authorization": None})

    def test_failures_of_a_network(self) -> None:
        """Who has an IPv6 network has 2**64 addresses: it counts as one; other networks do not."""
        wrong = {"Authorization": "Bearer wrong"}
        for number in range(BURST):
            self.request(wrong, peer=f"2001:db8::{number:x}")
        self.assertEqual(self.request(wrong, peer="2001:db8:0:0:ffff::1").status, 429)
        self.assertEqual(self.request(wrong, peer="2001:db8:0:1::1").status, 401)

    def test_failures_of_a_mapped_address(self) -> None:
        """An IPv4 address is the same whichever socket it came to (RFC 4291 §2.5.5.2)."""
        wrong = {"Authorization": "Bearer wrong"}
        for _ in range(BURST):
            self.request(wrong, peer="192.0.2.66")
        self.assertEqual(self.request(wrong, peer="::ffff:192.0.2.66").status, 429)
        self.assertEqual(self.request(wrong, peer="::ffff:192.0.2.67").status, 401)

    def test_two_authorization_headers_are_refused(self) -> None:
        """Which of two headers would count is for nobody to guess."""
        connection = Connection(self.site)
        connection.send(http_request(CALL).replace(b"\r\n", b"\r\nAuthorization: Bearer x\r\n", 1))
        self.assertEqual(connection.only_answer().status, 401)
