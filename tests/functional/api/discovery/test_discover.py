"""``rpc.discover``: what it says is well-formed, and true."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import MethodType
from typing import Any

from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

import tests
from bitween.api.discovery.discover import document
from bitween.api.discovery.reference import reference
from bitween.api.methods import NAMESPACES
from bitween.api.results.encoding.torrents import torrent_fields
from bitween.api.results.event_types import EventType
from bitween.api.results.faults import KINDS
from bitween.api.results.shapes import torrents as shapes
from bitween.api.rpc.params import Signature
from bitween.crypto.device_key import DeviceKey
from bitween.errors import HashingFailed
from bitween.model.announcement import Share, ShareTerms
from bitween.model.peer import Peer
from bitween.model.setting import Origin, Setting
from bitween.model.torrent import InfoHash, Metainfo
from bitween.model.torrent_error import Reason
from tests.support.api_rig import OWN_JID, TOKEN, Connection, http_request, site_of
from tests.support.json_schemas import closed
from tests.support.method_case import BOB, A, B, C, MethodCase

D = InfoHash("d" * 40)

_SCHEMAS = Path(tests.__file__).parent / "openrpc"
CAROL = "carol@example.org"


def meta_schema() -> Draft7Validator:
    """OpenRPC's own schema, and that of JSON Schemas, to which it refers."""
    openrpc, schemas = (
        json.loads((_SCHEMAS / name).read_text("utf-8"))
        for name in ("meta-schema.json", "json-schema.json")
    )
    resource: Resource[Any] = DRAFT7.create_resource(schemas)
    names = ("https://meta.json-schema.tools", "https://meta.json-schema.tools/")
    registry: Registry[Any] = Registry().with_resources((name, resource) for name in names)
    return Draft7Validator(openrpc, registry=registry)


class DocumentTests(MethodCase):
    """The document itself."""

    def setUp(self) -> None:
        """Ask for it."""
        super().setUp()
        self.document = self.call("rpc.discover")
        self.methods = {method["name"]: method for method in self.document["methods"]}

    def test_the_document_keeps_to_openrpcs_schema(self) -> None:
        """It keeps to OpenRPC's schema, which does not take everything."""
        validator = meta_schema()
        self.assertEqual([e.message for e in validator.iter_errors(self.document)], [])
        self.assertFalse(validator.is_valid({**self.document, "methods": [{"name": "x"}]}))
        for schema in self.document["components"]["schemas"].values():
            Draft7Validator.check_schema(schema)

    def test_names_what_there_is(self) -> None:
        """Each method that is told is there, and each that is there is told."""
        for name in self.methods:
            answer = self.answer(name, {"no such parameter": 1})
            self.assertEqual(answer["error"]["data"]["reason"], "invalid_value", name)
        served = {
            f"{prefix}.{name.removeprefix('jsonrpc_')}"
            for prefix, handler in self.site_namespaces().items()
            for name in dir(handler)
            if name.startswith("jsonrpc_")
        }
        self.assertEqual(served - {"rpc.discover"}, set(self.methods))

    def site_namespaces(self) -> dict[str, Any]:
        """The namespaces that are served, by prefix."""
        resource: Any = self.site.resource
        handlers: dict[str, Any] = resource.children[b"api"].subHandlers
        return handlers

    def test_parameters_have_their_order_and_defaults(self) -> None:
        """They are told in their order, as far as they can be left out with what holds then."""
        classes = {entry.prefix: entry.methods for entry in NAMESPACES}
        for name, method in self.methods.items():
            prefix, _, short = name.partition(".")
            function = vars(classes[prefix])[f"jsonrpc_{short}"]
            signature = Signature.of(MethodType(function, object()))
            told = {param["name"]: param for param in method["params"]}
            self.assertEqual(list(told), list(signature.annotations))
            required = [key for key, param in told.items() if param["required"]]
            self.assertEqual(required, list(signature.required))
            for param in told.values():
                schema = param["schema"]
                self.assertEqual("default" in schema, not param["required"])
                if "default" in schema:
                    self.assertTrue(Draft7Validator(schema).is_valid(schema["default"]), name)

    def test_every_method_is_described(self) -> None:
        """Each method says what it does; what it says of parameters and errors is of its own."""
        for name, method in self.methods.items():
            self.assertTrue(method["summary"].endswith("."), name)
            self.assertNotIn(":param", json.dumps(method))

    def test_errors_have_code_and_reason(self) -> None:
        """Each has the code and the reason that it comes with."""
        told = self.document["components"]["errors"]
        self.assertEqual(
            {reason: error["code"] for reason, error in told.items()},
            {reason: code for code, reason in KINDS.values()},
        )
        for method in self.methods.values():
            for error in method["errors"]:
                self.assertIn(error["$ref"].rpartition("/")[2], told)

    def test_only_rpc_discover_begins_with_rpc(self) -> None:
        """Nothing else begins with ``rpc.``."""
        for name in ("rpc.", "rpc.discovery", "rpc.discover.x", "rpc"):
            self.assertEqual(self.answer(name, [])["error"]["code"], -32601)

    def test_the_reference_is_up_to_date(self) -> None:
        """``docs/api.rst`` matches the code; ``make docs`` generates it again."""
        written = (Path(tests.__file__).parent.parent / "docs" / "api.rst").read_text("utf-8")
        self.assertEqual(written, reference(self.document))


#: One of each kind.
SETTINGS = (
    Setting("nick", None, Origin.DEFAULT),
    Setting("limit-lan", True, Origin.FILE),
    Setting("announce", ("192.0.2.1",), Origin.COMMAND_LINE),
)


class ResultTests(MethodCase):
    """What methods answer, held against what is told of it, no key more or less."""

    def setUp(self) -> None:
        """Have one of everything."""
        super().setUp()
        self.document = closed(document())
        self.methods = {method["name"]: method for method in self.document["methods"]}
        # These start a process; test_upload holds them against the document.
        self.checked = {"upload.begin", "upload.finish", "upload.cancel"}
        world = self.world
        world.share_roots = [os.path.dirname(self.file("one"))]
        self.site = site_of(world, tokens_file=self.mktemp(), settings=SETTINGS)
        self.site.url = "http://127.0.0.1:5000/api"
        world.share("ours", A, 50)
        world.contact_shares(BOB, {B: "theirs"}, [("192.0.2.7", 6881), ("2001:db8::7", 6881)])
        world.contact(CAROL, "x").add_contact(world.messenger.own_jid, "")

    def check(self, method: str, **params: object) -> Any:
        """Call a method, and check its result."""
        result = self.call(method, **params)
        schema = self.methods[method]["result"]["schema"]
        components = {"components": self.document["components"]}
        errors = Draft7Validator({"allOf": [schema], **components}).iter_errors(result)
        self.assertEqual([f"{e.json_path}: {e.message}" for e in errors], [], method)
        self.checked.add(method)
        return result

    def test_every_result_matches_its_schema(self) -> None:
        """None answers anything but what is told."""
        self.check("bt.get_torrents")
        self.check("bt.get_torrents", fields=["name"])
        self.assertTrue(self.check("bt.browse")["entries"])
        self.assertTrue(self.check("bt.browse", path=self.world.share_roots[0])["entries"])
        self.check_jobs()
        self.check_torrents()
        self.check_contacts()
        self.world.log.record(EventType.WARNING, {"level": "warn", "text": "x", "more": 0})
        self.assertTrue(self.check("Api.warnings")["warnings"])
        self.assertTrue(self.check("Api.settings")["settings"])
        self.assertTrue(self.check("events.poll")["events"])
        self.check("token.new", name="x", read_only=True)
        self.check("token.list")
        self.check("token.revoke", name="x")
        self.check_sessions()
        self.check_access()
        self.check_devices()
        for method in (
            "net.diagnose",
            "Api.login_link",
            "Api.versions",
            "Api.status",
            "Api.traffic",
            "Api.reconnect",
            "Api.exit",
        ):
            self.check(method)
        self.clock.advance(0)
        self.assertEqual(set(self.methods) - self.checked, set())

    def check_access(self) -> None:
        """Of a share, and of a contact."""
        self.world.share("more", C, 50)
        self.check("access.get", hash=C)
        self.check("access.set", hash=C, access=["contacts"], expires=2**40, listed=True)
        self.assertTrue(self.check("access.of", jid=BOB)["shares"])
        contact = self.world.contact("eve@example.org", "pc")
        contact.befriend([OWN_JID])
        contact.announce([], [])
        contact.serve_access_requests(lambda *_: None)
        contact.serve_lists(lambda _: [Share(D, "locked", 5, terms=ShareTerms(locked=True))])
        self.check("access.ask", hash=D)
        shared = self.check("access.set", hash=C, access=["devices"], listed=True)["hash"]
        for method in ("access.deny", "access.grant"):
            contact.ask_access(OWN_JID, self.world.messenger.resource, shared)
            (request,) = self.check("access.requests")["requests"]
            self.check(method, id=request["id"])

    def check_devices(self) -> None:
        """Of contacts and of our own account."""
        key = DeviceKey(bytes(64))
        self.world.bitween.devices.set_own(OWN_JID, "den", key.public)
        self.world.bitween.devices.announced(BOB, "laptop", key.public)
        self.assertTrue(self.check("devices.list")["devices"])
        self.check("devices.own")
        device = {"jid": BOB, "resource": "laptop"}
        self.check("devices.verify", **device, fingerprint=key.fingerprint)
        self.check("devices.distrust", **device)

    def check_sessions(self) -> None:
        """Those of browsers."""
        log_in = Connection(self.site)
        log_in.send(http_request(json.dumps({"token": TOKEN}).encode(), "POST", "/login"))
        (session,) = self.check("session.list")["sessions"]
        self.check("session.revoke", session=session["session"])

    def check_jobs(self) -> None:
        """Those that run, failed and succeeded."""
        running = self.check("bt.add_path", path=self.file("one"))["job"]
        self.world.hasher.hash_at_once = HashingFailed("it changed")
        failed = self.check("bt.add_path", path=self.file("two"))["job"]
        self.world.hasher.hash_at_once = Metainfo(C, "three", 10, b"")
        done = self.check("bt.add_path", path=self.file("three"))["job"]
        self.check("bt.add_path", path=self.file("four"), wait=True)
        for job in (running, failed, done):
            self.check("jobs.get", job=job)
        self.assertEqual(len(self.check("jobs.list")["jobs"]), 4)
        self.check("jobs.cancel", job=running)

    def check_torrents(self) -> None:
        """Ours, and one whose files are not known."""
        self.check("bt.add_torrent_by_hash", hash=B)
        self.check("bt.get_files", hash=B)
        self.check("bt.export", hash=B)
        self.check("bt.get_torrents")
        self.world.swarm.arrive(B, 10, done=5)
        self.check("bt.set_files", hash=B, first=[0])
        self.world.swarm.connected[B] = (Peer("192.0.2.7", 6881), Peer("192.0.2.8", None))
        for method in ("get_files", "get_peers", "export", "recheck", "pause", "resume", "prefer"):
            self.check(f"bt.{method}", hash=B)
        self.check("bt.set_limits", upload=5)
        self.check("bt.set_limits", hash=B, upload=5)
        self.check("bt.set_note", hash=B, note="a note", tags=["a tag"])
        self.world.swarm.break_down(B, "disk full", Reason.FULL)
        self.check("bt.get_torrents")
        self.check("bt.mend", hash=B)
        self.check("bt.get_deletion", hash=B)
        self.check("bt.del_torrent", hash=B)
        self.world.share("originals", B)
        self.check("bt.del_torrent", hash=B, delete_data=True, originals=True)

    def check_contacts(self) -> None:
        """One who shares, one who asks, one who is away."""
        found = self.check("xmpp.find")
        self.assertEqual(found["total"], 1)
        self.check("xmpp.get_hashes")
        self.check("xmpp.invitation")
        self.check("xmpp.get_shares")
        self.check("xmpp.get_contacts")
        self.check("xmpp.accept_contact", jid=CAROL)
        self.check("xmpp.add_contact", jid="dave@example.org")
        self.check("xmpp.get_contacts")
        self.check("xmpp.block", jid=CAROL)
        self.check("xmpp.get_blocked")
        self.check("xmpp.unblock", jid=CAROL)
        self.check("xmpp.remove_contact", jid=CAROL)
        self.world.server.account(BOB).online["desk"].stop()
        self.check("xmpp.find")
        self.check("xmpp.forget_resource", jid=BOB, resource="desk")

    def test_torrents_have_all_their_keys(self) -> None:
        """They could leave out any, so this is told nowhere else."""
        self.assertEqual(list(torrent_fields(lambda _: [])), list(shapes.Torrent.__annotations__))
