"""Tests of seals, and of the info dictionaries of sealed torrents."""

from __future__ import annotations

import time
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from bitween.errors import InvalidValue
from bitween.model.metainfo import HashedFile, bencode, info_section, make_torrent
from bitween.model.seal import (
    Seal,
    info_hash_of,
    mark,
    new_salt,
    new_secret,
    pack,
    parse_seal_text,
    salted,
    seal_of,
    seal_text,
    sealed,
    unpack,
    unsealed,
)
from bitween.model.torrent import InfoHash

SECRET = bytes(range(32))
INFO = bencode({"length": 5, "name": "a.txt", "piece length": 65536, "pieces": b"\1" * 20})


class SealTests(SynchronousTestCase):
    """The value and its forms."""

    seal = Seal(SECRET, InfoHash("ab" * 20))

    def test_packed(self) -> None:
        """A packed seal is the secret and the sealed hash, and can be unpacked."""
        self.assertEqual(pack(self.seal), SECRET + b"\xab" * 20)
        self.assertEqual(unpack(pack(self.seal)), self.seal)

    def test_unpacking_another_size(self) -> None:
        """That is an error."""
        for size in (0, 51, 53):
            with self.assertRaises(InvalidValue):
                unpack(bytes(size))

    def test_text(self) -> None:
        """The text has 70 characters of base64url, and can be read."""
        text = seal_text(pack(self.seal))
        self.assertEqual(len(text), 70)
        self.assertRegex(text, r"\A[A-Za-z0-9_-]{70}\Z")
        self.assertEqual(parse_seal_text(text), pack(self.seal))
        self.assertEqual(parse_seal_text(seal_text(b"\xff" * 52)), b"\xff" * 52)

    def test_malformed_text(self) -> None:
        """Only what is written by us is read: no padding, space, other alphabet or bits left."""
        text = seal_text(b"\xff" * 52)
        hostile = ["", text[:-1], text + "A", f"{text}==", f" {text}", f"{text}\n"]
        hostile += [text.replace("_", "/", 1), text[:-1] + "x", "é" * 70, text[:-1] + "é"]
        for each in hostile:
            with self.assertRaises(InvalidValue):
                parse_seal_text(each)

    def test_secret_is_not_shown(self) -> None:
        """A secret must not get into a log."""
        shown = repr(Seal(b"hidden secret of thirty-two byte", InfoHash("ab" * 20)))
        self.assertNotIn("hidden", shown)
        self.assertIn("abab", shown)

    def test_drawn_values(self) -> None:
        """Secrets and salts have their sizes, and differ."""
        self.assertEqual((len(new_secret()), len(new_salt())), (32, 16))
        self.assertNotEqual(new_secret(), new_secret())


class SealingTests(SynchronousTestCase):
    """The mark in the info dictionary."""

    def test_known_values(self) -> None:
        """The same in every version, and in every other program."""
        self.assertEqual(mark(SECRET).hex(), "44bd36c6cacac6b92d94f4b57f8c0c66")
        self.assertEqual(info_hash_of(INFO), "f8fb7f46bd21d3d558062025f1f07e93d94c10d8")
        self.assertEqual(
            seal_of(INFO, SECRET).sealed_hash, "80d1daed85cb6b09282a84cee3574906caea876b"
        )
        self.assertEqual(
            info_hash_of(salted(INFO, bytes(16))), "9e51d3439b7bc5fd642c3c914921ba109db4f15a"
        )

    def test_sorted(self) -> None:
        """The entry stands where its key belongs, whatever keys there are."""
        examples: tuple[dict[str, Any], ...] = (
            {"name": "x"},
            {"attr": "x", "name": "x"},
            {"attr": "x"},
            {"attr": {"deep": ["in", 5, {"": -7}]}, "bitween salt": b"\0" * 16, "name": "x"},
            {"a": "", "b": "", "bitween": "", "bitween sea": "", "bitween sealx": "", "c": ""},
            {},
        )
        for keys in examples:
            expected = bencode({**keys, "bitween seal": mark(SECRET)})
            self.assertEqual(sealed(bencode(keys), SECRET), expected)

    def test_back_again(self) -> None:
        """What was sealed and is unsealed is as it was."""
        _, torrent_file = make_torrent("folder", [HashedFile(("a",), 1)], 65536, bytes(20))
        info = info_section(torrent_file)
        for plain in (INFO, info, salted(info, bytes(16)), bencode({"attr": "x", "name": "x"})):
            self.assertEqual(unsealed(sealed(plain, SECRET), SECRET, info_hash_of(plain)), plain)

    def test_refused(self) -> None:
        """No mark, another mark, another share: the metadata is wrong."""
        whole, info_hash = sealed(INFO, SECRET), info_hash_of(INFO)
        other = bytes(32)
        for metadata, secret, wanted in (
            (INFO, SECRET, info_hash),
            (sealed(INFO, other), SECRET, info_hash),
            (whole, other, info_hash),
            (whole, SECRET, InfoHash("ab" * 20)),
            (whole.replace(b"a.txt", b"b.txt"), SECRET, info_hash),
            (b"d12:bitween seal15:" + mark(SECRET)[:15] + INFO[1:], SECRET, info_hash),
            (b"d12:bitween seali5e" + INFO[1:], SECRET, info_hash),
            (whole[:-1], SECRET, info_hash),
            (b"", SECRET, info_hash),
        ):
            with self.assertRaises(InvalidValue):
                unsealed(metadata, secret, wanted)

    def test_sealed_twice(self) -> None:
        """What has a mark gets no other one: readers remove one entry."""
        with self.assertRaises(InvalidValue):
            sealed(sealed(INFO, SECRET), SECRET)

    def test_hostile(self) -> None:
        """Damaged dictionaries are an error, and no other one."""
        for damaged in (
            b"",
            b"d",
            b"le",
            b"i5e",
            b"d1:a",
            b"d1:ai5",
            b"d1:ali5e",
            b"d1:a999999999999999999999:e",
            b"d1:a5:bce",
            b"d-1:ae",
            b"d1:ai" + b"5" * 40 + b"ee",
            b"d\xb2:abi5ee",
            b"d1:ax",
            b"di5e1:ae",
        ):
            for call in (
                lambda info: sealed(info, SECRET),
                lambda info: salted(info, bytes(16)),
                lambda info: unsealed(info, SECRET, InfoHash("ab" * 20)),
            ):
                with self.assertRaises(InvalidValue):
                    call(damaged)

    def test_numbers_of_20_digits_are_read(self) -> None:
        """The entry stands behind a number of any size that BEP 3 programs write."""
        for number in (0, -7, 10**19 - 1, -(10**18)):
            keys: dict[str, Any] = {"attr": number, "name": "x"}
            expected = bencode({**keys, "bitween seal": mark(SECRET)})
            self.assertEqual(sealed(bencode(keys), SECRET), expected)

    def test_a_text_that_is_longer_than_the_rest_is_refused(self) -> None:
        """So is a text whose length is no plain number."""
        for damaged in (b"d1:b1:x", b"d1:b2:x", b"d1:b5:x", b"d1:a1:x1:", b"d1:a+1:xe"):
            with self.assertRaises(InvalidValue):
                sealed(damaged, SECRET)

    def test_much_before_the_mark(self) -> None:
        """Megabytes before its place do not keep the reactor busy."""
        for hostile in (b"d1:a" + b"l" * 8_000_000, b"d" + b"1:a0:" * 1_600_000 + b"e"):
            began = time.perf_counter()
            with self.assertRaises(InvalidValue):
                unsealed(hostile, SECRET, InfoHash("ab" * 20))
            self.assertLess(time.perf_counter() - began, 0.1)


class SaltingTests(SynchronousTestCase):
    """The salt in the info dictionary."""

    def test_another_hash(self) -> None:
        """Each salt gives another info-hash; nothing else changes."""
        hashes = {info_hash_of(salted(INFO, bytes([n]) * 16)) for n in range(5)}
        self.assertEqual(len(hashes | {info_hash_of(INFO)}), 6)
        self.assertEqual(salted(INFO, b"s" * 16), b"d12:bitween salt16:" + b"s" * 16 + INFO[1:])

    def test_salt_is_replaced(self) -> None:
        """A dictionary has one salt, the last one."""
        self.assertEqual(salted(salted(INFO, b"1" * 16), b"2" * 16), salted(INFO, b"2" * 16))

    def test_salted_and_sealed(self) -> None:
        """Both entries stand in their order."""
        expected = b"d12:bitween salt16:" + b"s" * 16 + b"12:bitween seal16:" + mark(SECRET)
        self.assertEqual(sealed(salted(INFO, b"s" * 16), SECRET), expected + INFO[1:])
