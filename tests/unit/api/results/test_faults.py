"""Tests for :mod:`bitween.api.results.faults`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from bitween import errors
from bitween.api.results.faults import INVALID_PARAMS, KINDS, error_object, protocol_error


class FaultTests(SynchronousTestCase):
    """Errors as clients see them."""

    def test_every_kind_has_its_own_code_and_reason(self) -> None:
        """No error of ``errors.py`` is left out, and no two share a code or a reason."""
        kinds = {
            value
            for value in vars(errors).values()
            if isinstance(value, type) and issubclass(value, errors.BitweenError)
        }
        self.assertEqual(set(KINDS), kinds)
        codes = [code for code, _ in KINDS.values()]
        reasons = [reason for _, reason in KINDS.values()]
        self.assertEqual(len(set(codes)), len(codes))
        self.assertEqual(len(set(reasons)), len(reasons))

    def test_our_own_codes_begin_at_1000(self) -> None:
        """Only a malformed value has one of JSON-RPC's own codes."""
        for kind, (code, _) in KINDS.items():
            if kind is errors.InvalidValue:
                self.assertEqual(code, INVALID_PARAMS)
            else:
                self.assertGreaterEqual(code, 1000)

    def test_reason_and_hint(self) -> None:
        """The data say which kind it is, and what to do."""
        error = error_object(errors.UnknownTorrent("no such torrent", "see bt.get_torrents"))
        self.assertEqual(
            error,
            {
                "code": KINDS[errors.UnknownTorrent][0],
                "message": "no such torrent",
                "data": {"reason": "unknown_torrent", "hint": "see bt.get_torrents"},
            },
        )

    def test_detail_and_values(self) -> None:
        """What exactly went wrong is told, and what the message tells of it, made printable."""
        error = errors.NoSuchPath.of("no_such_path.path", path="/a\x1b\u202e")
        self.assertEqual(
            error_object(error)["data"],
            {
                "reason": "no_such_path",
                "hint": "",
                "id": "no_such_path.path",
                "detail": "path",
                "values": {"path": "/a\ufffd\ufffd"},
            },
        )

    def test_an_invalid_value_is_invalid_params(self) -> None:
        """The message says so, and what is wrong."""
        error = error_object(errors.InvalidValue("'x' is not a port"))
        self.assertEqual(error["code"], INVALID_PARAMS)
        self.assertEqual(error["message"], "Invalid params: 'x' is not a port")

    def test_a_kind_that_is_not_listed_counts_as_its_parent(self) -> None:
        """An error class of another module gets the code of what it derives from."""

        class Odd(errors.NotConnected):
            pass

        self.assertEqual(error_object(Odd("x"))["code"], KINDS[errors.NotConnected][0])

    def test_control_characters_do_not_pass(self) -> None:
        """What a message quotes cannot disturb a terminal."""
        self.assertNotIn("\x1b", str(error_object(errors.BadPath("\x1b[2J", "\x1b"))["message"]))

    def test_protocol_errors_say_nothing_more(self) -> None:
        """An internal error has its name only."""
        self.assertEqual(protocol_error(-32603), {"code": -32603, "message": "Internal error"})
