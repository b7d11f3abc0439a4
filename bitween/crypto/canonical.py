"""
The bytes over which devices sign (docs/protocol.rst, "Devices").

JSON has many texts for one value; a signature needs one.  So these bytes are JSON of our own: UTF-8
without white space, keys sorted by code points, non-ASCII characters as they are.  Only values with
one such form are allowed: no fractions, no numbers that programs read differently, no surrogates.
"""

from __future__ import annotations

import json

from bitween.errors import InvalidValue

#: The first entry of each statement: a signature for another protocol says nothing in ours.
VERSION = "urn:bitween:2"
#: The largest number, and the most negative one negated: JSON readers may use doubles.
MAX_NUMBER = 2**53
#: Lists and objects one in another.
MAX_DEPTH = 32


def canonical_bytes(  # noqa: PLR0917  # the parts of a statement, in their order
    kind: str, signer: str, audience: str, issued: int, until: int, content: object
) -> bytes:
    """
    Return the bytes that are signed for a statement.

    :param kind: ``announcement``, ``keys``, ``page``, ``meet``, ``introduce`` or ``vouch``.
    :param signer: the full JID of the signing device.
    :param audience: the full JID for which the statement is; the signer's bare JID where it is for
        all.
    :param issued: milliseconds since the epoch.
    :param until: seconds since the epoch.
    :param content: what is stated: strings, whole numbers, booleans, ``None``, lists, tuples and
        dictionaries of them.
    :raises InvalidValue: if a value has no canonical form.
    """
    return canonical_json([VERSION, kind, signer, audience, issued, until, content])


def canonical_json(value: object) -> bytes:
    """
    Return the one JSON text of a value, in UTF-8.

    :raises InvalidValue: if it has none.
    """
    _check(value, 0)
    text = json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
    )
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidValue("a text holds a character that is none (a surrogate)") from None


def _check(value: object, depth: int) -> None:
    """
    Refuse what has no canonical form; subclasses too, which may have a form of their own.

    :raises InvalidValue: if a value is refused.
    """
    if depth > MAX_DEPTH:
        raise InvalidValue(f"a statement is nested more than {MAX_DEPTH} deep")
    if value is None or type(value) in {str, bool}:
        return
    if type(value) is int:
        if abs(value) > MAX_NUMBER:
            raise InvalidValue("a number is out of range")
    elif isinstance(value, list | tuple):
        for entry in value:
            _check(entry, depth + 1)
    elif type(value) is dict:
        for key, entry in value.items():
            if type(key) is not str:
                raise InvalidValue("a key is no text")
            _check(entry, depth + 1)
    else:
        raise InvalidValue(f"a statement cannot hold a {type(value).__name__}")
