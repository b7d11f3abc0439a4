"""Hashes that users have: in .torrent files and magnet links."""

from __future__ import annotations

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.bittorrent.engine._libtorrent import lt
from bitween.errors import InvalidValue
from bitween.model.link import is_web_link
from bitween.model.magnet import is_magnet, magnet_link, wanted_hash
from bitween.model.metainfo import HashedFile, make_torrent
from bitween.model.torrent import InfoHash
from bitween.model.torrent_file import info_hash_of, reading_info_hash

HASH = InfoHash("0123456789abcdef" * 2 + "01234567")


class TorrentFileTests(SynchronousTestCase):
    """What a .torrent file says."""

    def test_the_hash_equals_libtorrents(self) -> None:
        """The hash is the one that libtorrent has."""
        info_hash, content = make_torrent("film", [HashedFile((), 5)], 2**14, b"x" * 20)
        decoded = cast(dict[bytes, Any], lt.bdecode(content))
        decoded |= {b"comment": b"4:info", b"announce-list": [[b"x"], 5]}
        extended = lt.bencode(decoded)
        for each in (content, extended):
            self.assertEqual(info_hash_of(each), info_hash)

    def test_malformed_torrent_files_are_refused(self) -> None:
        """Nothing but a dictionary with an info dictionary is taken."""
        for content in (b"", b"d", b"de", b"d4:infoe", b"d4:info4:xxxxe", b"le", b"d4:info" * 99):
            with self.assertRaises(InvalidValue):
                info_hash_of(content)

    def test_negative_lengths_are_refused(self) -> None:
        """A length below 0, which leads back to where it stands, is no length."""
        for content in (b"d-3:e", b"d1:x-3:e", b"d+1:xdee", b"d1_0:xxxxxxxxxxdee"):
            with self.assertRaises(InvalidValue):
                info_hash_of(content)

    def test_values_nest_up_to_100_deep(self) -> None:
        """The reader counts them, and does not call itself."""
        info = b"4:infod4:name1:xe"
        self.assertEqual(len(info_hash_of(b"d1:x" + b"l" * 100 + b"e" * 100 + info + b"e")), 40)
        with self.assertRaises(InvalidValue):
            info_hash_of(b"d1:x" + b"l" * 101 + b"e" * 101 + info + b"e")

    def test_a_file_of_many_values_is_read_in_steps(self) -> None:
        """A file of a million values, which anybody can make, is read in many steps."""
        content = b"d1:xl" + b"0:" * 1_000_000 + b"e4:infod4:name1:xee"
        steps = sum(1 for _ in reading_info_hash(content))
        self.assertGreater(steps, 1000)

    @given(st.binary(max_size=60))
    def test_any_bytes_give_an_answer_or_an_error(self, content: bytes) -> None:
        """Any content has an info-hash or raises an InvalidValue."""
        for begun in (content, b"d" + content, b"d4:infod" + content):
            try:
                self.assertEqual(len(info_hash_of(begun)), 40)
            except InvalidValue:
                continue


class MagnetTests(SynchronousTestCase):
    """What a magnet link says."""

    def test_every_form_of_magnet_link_is_read(self) -> None:
        """Ours, one in capitals, one with trackers, one in base32, and a bare hash."""
        for text in (
            magnet_link(HASH, "film & more"),
            f"MAGNET:?XT=x&xt=URN:BTIH:{HASH.upper()}",
            f"magnet:?tr=udp%3A%2F%2Ft&dn=x&xt=urn:btih:{HASH}",
            "magnet:?xt=urn:btih:aerukz4jvpg66ajdivtytk6n54asgrlh",
            HASH.upper(),
        ):
            self.assertEqual(wanted_hash(text), HASH)

    def test_a_link_names_the_torrent(self) -> None:
        """If it has a name."""
        self.assertEqual(
            magnet_link(HASH, "a & b/c"), f"magnet:?xt=urn:btih:{HASH}&dn=a%20%26%20b%2Fc"
        )
        self.assertEqual(magnet_link(HASH, ""), f"magnet:?xt=urn:btih:{HASH}")

    def test_what_looks_like_a_magnet_link(self) -> None:
        """Its first eight characters tell, in any case."""
        self.assertEqual(
            [is_magnet(t) for t in ("MAGNET:?", "magnet:", "magnet")], [True, False, False]
        )

    def test_a_web_link_is_explained(self) -> None:
        """A person may take a link to a .torrent file for one to the torrent."""
        for link in ("http://example.org", "HTTPS://example.org/x", "ftp://example.org"):
            error = self.assertRaises(InvalidValue, wanted_hash, link)
            self.assertIn("this is a web link", str(error))
        self.assertFalse(is_web_link("xmpp:bob@example.org"))

    def test_other_topics_of_a_link_do_not_count(self) -> None:
        """A hybrid torrent has a hash of version 2, too."""
        self.assertEqual(wanted_hash(f"magnet:?xt=urn:btmh:1220aa&xt=urn:btih:{HASH}"), HASH)

    def test_forty_digits_are_hexadecimal(self) -> None:
        """Even if each of them is one in base32."""
        digits = InfoHash("abcdef23" * 5)
        self.assertEqual(wanted_hash(f"magnet:?xt=urn:btih:{digits}"), digits)

    def test_links_without_a_hash_are_refused(self) -> None:
        """A link without such a hash is refused, and so is anything else."""
        for text in ("", "film", "magnet:?", "magnet:?xt=urn:btmh:1220aa", "magnet:?xt=urn:btih:0"):
            with self.assertRaises(InvalidValue):
                wanted_hash(text)
