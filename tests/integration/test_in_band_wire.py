"""What XMPP servers can read of a transfer that goes through them in band: nothing."""

from __future__ import annotations

import base64
import os
import re

from bitween.testing.private_prosody import PrivateProsody
from tests.support.harness import Daemon, ProsodyTestCase

NAME = "diary-of-alice.txt"
#: Occurs in the content, again and again.
MARKER = b"what only alice and bob may read"
SIZE = 40_000
# The content of a block (XEP-0047), in the log of the daemon that sends it.
_BLOCK = re.compile(r"out <iq.*?<data xmlns='http://jabber\.org/protocol/ibb'[^>]*>([^<]+)</data>")


class NoRelay(PrivateProsody):
    """A server that offers its users no proxy."""

    def _configure(self) -> None:
        super()._configure()
        path = f"{self._directory}/prosody.cfg.lua"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        # Only components below its own name belong to a host.
        self._write(path, text.replace('"proxy.localhost"', '"proxy.elsewhere"'))


class InBandWireTests(ProsodyTestCase):
    """Alice and bob, who can reach each other through their server only."""

    def sent(self, daemon: Daemon) -> bytes:
        """What a daemon sent in band, as its server can read it."""
        return b"".join(base64.b64decode(block) for block in _BLOCK.findall(daemon.log))

    async def test_a_transfer_in_band_shows_nothing(self) -> None:
        """
        Neither content, name nor info-hash are in the blocks, which are TLS records.

        Nor are the name and the content of a share for bob alone in any other stanza.  Requests to
        meet name the info-hash.
        """
        server = self.run_server(NoRelay(limits=True), "alice", "bob")
        alice = self.daemon(server, "alice", options=["--log-traffic"])
        # At this address of the machine, nobody dials the loopback of another one.
        bob = self.daemon(server, "bob", options=["--log-traffic", "--listen", "0"])
        await self.make_contacts([alice, bob])
        path = self.make_file(NAME, os.urandom(32) + MARKER * (SIZE // len(MARKER)))
        added = await alice.call("bt.add_path", path=path, wait=True, access=[bob.jid])
        info_hash = added["hash"]
        await bob.finds(info_hash)
        self.assert_same(path, await bob.download(info_hash))
        (contact,) = (await bob.call("xmpp.get_contacts"))["contacts"]
        self.assertEqual(contact["resources"][0]["way"]["reach"], "in_band")

        seen = self.sent(alice), self.sent(bob)
        self.assertGreater(len(seen[0]), SIZE)
        digest = bytes.fromhex(info_hash)
        secrets = [MARKER, NAME.encode(), b"diary", b"BitTorrent protocol", b"ut_metadata", digest]
        secrets += [info_hash.encode(), info_hash.upper().encode()]
        for data in seen:
            # A handshake record of TLS comes first (RFC 8446 section 5.1).
            self.assertEqual(data[:2], b"\x16\x03")
            for secret in secrets:
                self.assertNotIn(secret, data)
        for daemon in (alice, bob):
            stanzas = [line for line in daemon.log.splitlines() if " out <" in line]
            self.assertGreater(len(stanzas), 10)
            for text in (NAME, MARKER.decode(), base64.b64encode(MARKER).decode()[:40]):
                self.assertFalse([stanza for stanza in stanzas if text in stanza])
            for stanza in stanzas:
                if info_hash in stanza:
                    self.assertRegex(stanza, "<(meet|want|done) ")
