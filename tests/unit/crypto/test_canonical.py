"""The bytes that are signed: one text for each value, and none for what has several."""

from __future__ import annotations

import json
from enum import IntEnum

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from bitween.crypto.canonical import MAX_DEPTH, MAX_NUMBER, canonical_bytes, canonical_json
from bitween.errors import InvalidValue

_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_NUMBER, MAX_NUMBER)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("aé\U0001f511"), inner),
    max_leaves=20,
)


class _Colour(IntEnum):
    RED = 1


class CanonicalTests(SynchronousTestCase):
    """docs/protocol.rst, "Devices"."""

    def refuse(self, value: object) -> None:
        """Expect that a value has no canonical form, wherever it stands."""
        for placed in (value, [value], {"a": [value]}):
            self.assertRaises(InvalidValue, canonical_json, placed)

    def test_a_statement_has_these_bytes(self) -> None:
        """No white space, sorted keys, other scripts as they are: other programs need the same."""
        signed = canonical_bytes(
            "keys",
            "älice@example.org/laptop",
            "bob@example.org/🔑",
            1796049906000,
            1798641906,
            {"kem": "B", "key": 'A"\\\n', "a": [None, True, -1]},
        )
        self.assertEqual(
            signed,
            '["urn:bitween:2","keys","älice@example.org/laptop","bob@example.org/🔑",'
            '1796049906000,1798641906,{"a":[null,true,-1],"kem":"B","key":"A\\"\\\\\\n"}]'.encode(),
        )

    def test_keys_are_sorted_by_code_points(self) -> None:
        """UTF-16 would sort the last two the other way round."""
        value = {"\U0001f511": 1, "\uffee": 2, "b": 3, "B": 4}
        self.assertEqual(canonical_json(value), '{"B":4,"b":3,"\uffee":2,"🔑":1}'.encode())

    def test_lists_and_tuples_are_one(self) -> None:
        """Codecs use both."""
        self.assertEqual(canonical_json((1, [2])), canonical_json([1, (2,)]))

    def test_numbers_that_readers_may_round_are_refused(self) -> None:
        """Fractions, what is no number, and whole numbers above 2^53."""
        for number in (0.0, 1.5, float("nan"), float("inf"), MAX_NUMBER + 1, -(10**5000)):
            self.refuse(number)
        self.assertEqual(
            canonical_json([MAX_NUMBER, -MAX_NUMBER]), b"[9007199254740992,-9007199254740992]"
        )

    def test_surrogates_are_refused(self) -> None:
        """They have no UTF-8, in keys neither."""
        self.refuse("\ud800")
        self.refuse({"\udfff": 1})

    def test_other_types_are_refused(self) -> None:
        """Also keys that JSON would turn into text, and subclasses with a text of their own."""
        for value in (b"bytes", {1, 2}, {1: 2}, {None: 1}, {True: 1}, object(), _Colour.RED, 1j):
            self.refuse(value)

    def test_depth_is_bounded(self) -> None:
        """So that hostile content cannot exhaust the stack."""
        value: object = 1
        for _ in range(MAX_DEPTH):
            value = [value]
        canonical_json(value)
        for _ in range(100_000):
            value = [value]
        self.assertRaises(InvalidValue, canonical_json, value)

    @given(_VALUES, _VALUES)
    def test_two_values_never_have_the_same_bytes(self, one: object, other: object) -> None:
        """What is read from the bytes is what was signed."""
        signed = canonical_json(one)
        self.assertEqual(json.loads(signed), one)
        self.assertEqual(
            signed == canonical_json(other), repr(_sorted(one)) == repr(_sorted(other))
        )


def _sorted(value: object) -> object:
    """Put all keys in order; ``repr`` of the result tells 1 from True, which ``==`` does not."""
    if isinstance(value, dict):
        return [(key, _sorted(value[key])) for key in sorted(value)], "object"
    if isinstance(value, list):
        return [_sorted(entry) for entry in value]
    return value
