"""The API at real endpoints on loopback."""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from socket import AF_UNIX, socket

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    UNIXClientEndpoint,
    clientFromString,
    connectProtocol,
    wrapClientTLS,
)
from twisted.internet.ssl import Certificate, optionsForClientTLS
from twisted.trial.unittest import TestCase

from bitween.api.http.request import MAX_BODY
from bitween.api.service import ApiService
from bitween.errors import StartupError
from bitween.storage import api_location
from bitween.storage.api_location import ApiLocation
from bitween.testing.certificates import Issued, ThrowAwayAuthority
from tests.support.api_rig import TOKEN, World, http_request, rpc, site_of
from tests.support.connections import Collector

JID = "alice@example.org"


class ServiceTests(TestCase):
    """Listening, and telling where."""

    def serve(self, description: str | None, places: Sequence[str] = ()) -> ApiService:
        """Start a service, to be stopped after the test."""
        self.world = World(reactor)
        service = ApiService(
            reactor,
            description,
            site_of(self.world),
            token=TOKEN,
            jid=JID,
            places=places,
        )
        service.startService()
        self.addCleanup(self.stop, service)
        return service

    def place(self) -> str:
        """A path at which nothing lies, short enough for a socket."""
        folder = tempfile.mkdtemp(prefix="bitween-")
        self.addCleanup(shutil.rmtree, folder)
        return os.path.join(folder, "a place")

    async def stop(self, service: ApiService) -> None:
        """Stop a service that runs."""
        if service.running:
            await service.stopService()

    async def exchange(self, service: ApiService, request: bytes) -> bytes:
        """What the server sends in answer, up to its close."""
        assert service.url is not None
        port = service.url.rsplit(":", 1)[1].partition("/")[0]
        endpoint = clientFromString(reactor, f"tcp:127.0.0.1:{port}")
        client = await connectProtocol(endpoint, Collector())
        assert client.transport is not None
        client.transport.write(request)
        received: bytes = await client.closed
        return received

    async def test_a_call_over_tcp_goes_through(self) -> None:
        """The URL has the port that was chosen, and a call goes through."""
        service = self.serve("tcp:0:interface=127.0.0.1")
        await service.ready
        assert service.url is not None
        self.assertRegex(service.url, r"^http://127\.0\.0\.1:[1-9]\d*/api$")
        headers = {"Host": "localhost", "Connection": "close"}
        answer = await self.exchange(service, http_request(rpc("Api.status"), headers=headers))
        self.assertIn(b'"state":"online"', answer)

    async def test_url_of_all_interfaces(self) -> None:
        """One can dial what it says."""
        service = self.serve("tcp:0")
        await service.ready
        self.assertIn("http://127.0.0.1:", str(service.url))

    async def test_port_in_use(self) -> None:
        """The error is one line that names the port and says what to do."""
        first = self.serve("tcp:0:interface=127.0.0.1")
        await first.ready
        port = str(first.url).rsplit(":", 1)[1].partition("/")[0]
        second = self.serve(f"tcp:{port}:interface=127.0.0.1")
        with self.assertRaises(StartupError) as caught:
            await second.ready
        error = caught.exception
        self.assertIn(f"port {port}", error.message)
        self.assertIn(" is already in use", error.message)
        self.assertIn("--api", error.hint)

    async def test_an_unusable_endpoint_is_a_start_up_error(self) -> None:
        """What is no endpoint, or none that can be listened at, is a start-up error."""
        for description in (
            "",
            "5000",
            "tcp",
            "tcp:x",
            "tcp:99999",
            "tcp:0:interface=192.0.2.1",
            "tcp:0:colour=red",
            "nonsense:1",
            "unix:/nowhere/at/all/socket",
        ):
            with self.assertRaises(StartupError):
                await self.serve(description).ready

    async def test_a_socket_with_a_long_path(self) -> None:
        """The reason is told, and how long it may be."""
        with self.assertRaisesRegex(StartupError, "longer than 107 bytes"):
            await self.serve(f"unix:/tmp/{'x' * 103}").ready

    async def test_without_an_endpoint_nothing_listens(self) -> None:
        """Without an endpoint there is nothing to wait for, and no file."""
        place = self.place()
        service = self.serve(None, [place])
        await service.ready
        self.assertIsNone(service.url)
        self.assertRaises(FileNotFoundError, os.stat, place)

    async def test_only_the_owner_may_connect_to_the_unix_socket(self) -> None:
        """Only its owner may connect, whatever the umask; a call goes through."""
        path = self.place()
        service = self.serve(f"unix:{path}")
        await service.ready
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        quoted = path.replace("/", "%2F").replace(" ", "%20")
        self.assertEqual(service.url, f"http+unix://{quoted}/api")
        client = await connectProtocol(UNIXClientEndpoint(reactor, path), Collector())
        assert client.transport is not None
        headers = {"Host": "localhost", "Connection": "close"}
        client.transport.write(http_request(rpc("Api.versions"), headers=headers))
        self.assertIn(b" 200 OK", await client.closed)

    async def test_unix_socket_of_before(self) -> None:
        """A socket that a killed daemon left behind is no hindrance."""
        path = self.place()
        with socket(AF_UNIX) as left:
            left.bind(path)
        os.symlink(str(2**22 + 1), f"{path}.lock")  # a process that there cannot be
        await self.serve(f"unix:{path}").ready
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)

    async def test_unix_socket_for_others(self) -> None:
        """A mode that lets others in is refused."""
        path = self.place()
        with self.assertRaises(StartupError):
            await self.serve(f"unix:{path}:mode=666").ready
        self.assertRaises(FileNotFoundError, os.stat, path)
        await self.serve(f"unix:{path}:mode=600").ready

    def certify(self) -> tuple[str, Issued]:
        """A folder, and a new certificate for localhost; its issuer is trusted by the test."""
        folder = self.place()
        os.makedirs(folder)
        authority = ThrowAwayAuthority()
        self.trusted = Certificate.loadPEM(authority.certificate_pem)
        return folder, authority.issue(["localhost"])

    async def over_tls(self, service: ApiService, request: bytes) -> bytes:
        """What the server sends in answer, up to its close, to who verifies its certificate."""
        assert service.url is not None
        self.assertTrue(service.url.startswith("https://"))
        port = service.url.rsplit(":", 1)[1].partition("/")[0]
        options = optionsForClientTLS("localhost", trustRoot=self.trusted)
        plain = clientFromString(reactor, f"tcp:127.0.0.1:{port}")
        client = await connectProtocol(wrapClientTLS(options, plain), Collector())
        assert client.transport is not None
        client.transport.write(request)
        received: bytes = await client.closed
        return received

    async def check_tls(self, service: ApiService) -> None:
        """Hold that calls and log-ins go through, and that the origin has to be one with TLS."""
        await service.ready
        headers = {"Host": "localhost", "Connection": "close"}
        answer = await self.over_tls(service, http_request(rpc("Api.versions"), headers=headers))
        self.assertIn(b" 200 OK", answer)
        origin = {**headers, "Origin": "https://localhost", "Authorization": None}
        body = json.dumps({"token": TOKEN}).encode()
        answer = await self.over_tls(service, http_request(body, path="/login", headers=origin))
        self.assertIn(b'{"session":', answer)
        plain = {**origin, "Origin": "http://localhost"}
        answer = await self.over_tls(service, http_request(body, path="/login", headers=plain))
        self.assertIn(b" 403 ", answer)

    async def test_tls_with_certificate_and_key_files(self) -> None:
        """A certificate and a key in two files."""
        folder, issued = self.certify()
        files = {"cert.pem": issued.certificate_pem, "key.pem": issued.key_pem}
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        where = f"privateKey={folder}/key.pem:certKey={folder}/cert.pem"
        await self.check_tls(self.serve(f"ssl:0:interface=127.0.0.1:{where}"))

    async def test_tls_by_name(self) -> None:
        """A folder that has a certificate with its key for each name."""
        folder, issued = self.certify()
        # Without its issuer's: the endpoint never comes to an end with one that issued itself.
        end = b"-----END CERTIFICATE-----\n"
        certificate = issued.certificate_pem.partition(end)[0] + end
        Path(folder, "localhost.pem").write_bytes(issued.key_pem + certificate)
        await self.check_tls(self.serve(f"tls:{folder}:0:interface=127.0.0.1"))

    async def test_tls_without_a_certificate(self) -> None:
        """One line that says what is the matter."""
        with self.assertRaises(StartupError) as caught:
            await self.serve("ssl:0:privateKey=/nowhere/key.pem:certKey=/nowhere/cert.pem").ready
        self.assertIn("No such file", caught.exception.message)

    async def test_refused_while_it_sends(self) -> None:
        """A client that sends all before it reads sees why it is refused."""
        service = self.serve("tcp:0:interface=127.0.0.1")
        await service.ready
        for headers, status in (
            ({"Host": "localhost", "Authorization": None}, b" 401 "),
            ({"Host": "localhost", "Content-Length": str(2 * MAX_BODY)}, b" 413 "),
        ):
            body = b" " * 2 * MAX_BODY
            answer = await self.exchange(service, http_request(body, headers=headers))
            self.assertIn(status, answer.partition(b"\r\n")[0])

    async def test_api_location_files_exist_while_the_service_listens(self) -> None:
        """They are there while the service listens, and say what is needed to call it."""
        folder = self.place()
        places = [os.path.join(folder, "a", "x.json"), os.path.join(folder, "b", "y.json")]
        service = self.serve("tcp:0:interface=127.0.0.1", places)
        await service.ready
        expected = ApiLocation(str(service.url), TOKEN, os.getpid(), JID)
        self.assertEqual([api_location.read(place) for place in places], [expected] * 2)
        await service.stopService()
        for place in places:
            self.assertRaises(FileNotFoundError, api_location.read, place)

    async def test_rendezvous_that_cannot_be_written(self) -> None:
        """It is logged, and the others are written."""
        good = self.place()
        service = self.serve("tcp:0:interface=127.0.0.1", ["/dev/null/x.json", good])
        await service.ready
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertEqual(api_location.read(good).url, service.url)

    async def test_answers_are_sent_before_the_end(self) -> None:
        """A stop in the turn after ``Api.exit`` still lets its answer out, and ends all else."""
        service = self.serve("tcp:0:interface=127.0.0.1")
        await service.ready
        headers = {"Host": "localhost"}  # a connection that would stay open
        waiting = Deferred.fromCoroutine(
            self.exchange(
                service, http_request(rpc("bt.add_path", [__file__, True]), headers=headers)
            )
        )
        exiting = Deferred.fromCoroutine(
            self.exchange(service, http_request(rpc("Api.exit"), headers=headers))
        )
        stopped: Deferred[None] = Deferred()
        self.world.on_stop = lambda: service.stopService().chainDeferred(stopped)
        self.assertIn(b'"result":true', await exiting)
        self.assertEqual(await waiting, b"")
        await stopped
