"""Values <-> XML: addresses and candidates."""

from __future__ import annotations

from twisted.words.xish import domish

from bitween.errors import InvalidValue
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate, CandidateKind
from bitween.xmpp.elements import Element
from bitween.xmpp.namespaces import NS_BITWEEN
from bitween.xmpp.shares.entry_codec import parse_truth

#: Candidates of one device that are sent and read.
MAX_CANDIDATES = 16


def parse_address(entry: Element) -> PeerAddress:
    """
    Read an address.

    :param entry: an element with ``address`` and ``port``.
    :raises InvalidValue: if one of them is missing, or the address cannot be dialled.
    """
    return PeerAddress.parse(entry.getAttribute("address"), entry.getAttribute("port"))


def address_element(address: PeerAddress, uri: str, name: str) -> Element:
    """
    Make an element that names an address.

    :param uri: the element's namespace.
    :param name: the element's name.
    """
    element: Element = domish.Element((uri, name))
    element["address"] = address.address
    element["port"] = str(address.port)
    return element


def parse_candidate(entry: Element) -> Candidate:
    """
    Read a candidate.

    :param entry: an element with ``address``, ``port`` and ``kind``.
    :raises InvalidValue: if one of them is missing, or anything is malformed.
    """
    try:
        kind = CandidateKind(entry.getAttribute("kind"))
    except ValueError:
        raise InvalidValue("an unknown kind of address") from None
    value = entry.getAttribute("reached")
    reached = None if value is None else parse_truth(value)
    varies = parse_truth(entry.getAttribute("varies", "false"))
    return Candidate(
        parse_address(entry), kind, reached, varies and kind is CandidateKind.REFLEXIVE
    )


def candidate_element(candidate: Candidate, uri: str = NS_BITWEEN) -> Element:
    """
    Make the element of a candidate.

    :param uri: its namespace.
    """
    element = address_element(candidate.address, uri, "candidate")
    element["kind"] = candidate.kind.value
    if candidate.reached is not None:
        element["reached"] = "true" if candidate.reached else "false"
    if candidate.varies:
        element["varies"] = "true"
    return element
