"""
Values <-> XML: the requests between devices, and their answers (docs/protocol.rst).

There are three, each an element of :data:`NS_BITWEEN` that the answer repeats: ``dial-back`` with
addresses, ``meet`` (a connect request) with a torrent and candidates, ``neighbour`` with a token.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from twisted.words.xish import domish

from bitween.errors import InvalidValue
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.dial_back import MAX_DIALLED, DialBack
from bitween.model.torrent import InfoHash, parse_info_hash
from bitween.xmpp.elements import Element
from bitween.xmpp.namespaces import NS_BITWEEN
from bitween.xmpp.shares.candidate_codec import (
    MAX_CANDIDATES,
    address_element,
    candidate_element,
    parse_address,
    parse_candidate,
)
from bitween.xmpp.shares.entry_codec import parse_truth

#: hexadecimal digits of a token.
_TOKEN_DIGITS = 32


def dial_back_request(addresses: Sequence[PeerAddress]) -> Element:
    """
    Make the request to dial us at some addresses; the first four are taken.

    :param addresses: ours.
    """
    request: Element = domish.Element((NS_BITWEEN, "dial-back"))
    for address in addresses[:MAX_DIALLED]:
        request.addChild(address_element(address, NS_BITWEEN, "address"))
    return request


def parse_dial_back_request(request: Element) -> list[PeerAddress]:
    """
    Read the addresses to dial, each once.

    :param request: the ``dial-back`` element.
    :raises InvalidValue: if there are none or too many, or one is malformed.
    """
    entries = list(request.elements(NS_BITWEEN, "address"))
    if not 0 < len(entries) <= MAX_DIALLED:
        raise InvalidValue("a dial-back request names one to four addresses")
    return list(dict.fromkeys(map(parse_address, entries)))


def dial_back_answer(outcome: DialBack) -> Element:
    """Make the answer: each address that was dialled, and whether a peer answered there."""
    element: Element = domish.Element((NS_BITWEEN, "dial-back"))
    for address, reached in outcome.reached.items():
        entry = element.addChild(address_element(address, NS_BITWEEN, "address"))
        entry["reached"] = "true" if reached else "false"
    return element


def parse_dial_back_answer(element: Element, requested: frozenset[PeerAddress]) -> DialBack:
    """
    Read the answer; addresses that were not requested do not count.

    :param element: the ``dial-back`` element; malformed entries are left out.
    :param requested: the addresses in the request.
    """
    reached: dict[PeerAddress, bool] = {}
    for entry in element.elements(NS_BITWEEN, "address"):
        with suppress(InvalidValue):
            address, value = parse_address(entry), parse_truth(entry.getAttribute("reached"))
            if address in requested:
                reached.setdefault(address, value)
    return DialBack(reached)


def connect_element(candidates: Sequence[Candidate], info_hash: InfoHash) -> Element:
    """
    Make a connect request, or the answer to one; the first 16 candidates are taken.

    :param candidates: ours, best first.
    """
    element: Element = domish.Element((NS_BITWEEN, "meet"))
    element["hash"] = info_hash
    for candidate in candidates[:MAX_CANDIDATES]:
        element.addChild(candidate_element(candidate))
    return element


def parse_connect_request(request: Element) -> tuple[InfoHash, tuple[Candidate, ...]]:
    """
    Read a connect request.

    :param request: the ``meet`` element.
    :returns: the torrent, and the sender's candidates; malformed ones are left out.
    :raises InvalidValue: if it names no torrent.
    """
    return parse_info_hash(request.getAttribute("hash")), parse_candidates(request)


def parse_candidates(element: Element) -> tuple[Candidate, ...]:
    """Read the candidates in an element, each address once; malformed ones are left out."""
    candidates: dict[PeerAddress, Candidate] = {}
    for entry in list(element.elements(NS_BITWEEN, "candidate"))[:MAX_CANDIDATES]:
        with suppress(InvalidValue):
            candidate = parse_candidate(entry)
            candidates.setdefault(candidate.address, candidate)
    return tuple(candidates.values())


def proof_element(token: bytes | None = None) -> Element:
    """Make the request to send a token (16 bytes), or the answer, which has none."""
    element: Element = domish.Element((NS_BITWEEN, "neighbour"))
    if token is not None:
        element["token"] = token.hex()
    return element


def parse_proof_request(request: Element) -> bytes:
    """
    Read the token.

    :param request: the ``neighbour`` element.
    :returns: 16 bytes.
    :raises InvalidValue: if it is malformed.
    """
    text = request.getAttribute("token", "")
    if len(text) == _TOKEN_DIGITS:
        with suppress(ValueError):
            return bytes.fromhex(text)
    raise InvalidValue("a token has 32 hexadecimal digits")
