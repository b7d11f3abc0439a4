"""
Values <-> XML: wants and introductions (docs/protocol.rst, "Wanting and introductions").

``want`` and ``done`` name a share, ``introduce`` a share and the candidates of another member of
its swarm, all in the namespace :data:`NS_BITWEEN_2`.
"""

from __future__ import annotations

import re
from contextlib import suppress

from twisted.words.xish import domish

from bitween.errors import InvalidValue
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.introduction import Introduction
from bitween.model.torrent import InfoHash, parse_info_hash
from bitween.xmpp.elements import Element
from bitween.xmpp.namespaces import NS_BITWEEN_2
from bitween.xmpp.shares.candidate_codec import MAX_CANDIDATES, candidate_element, parse_candidate
from bitween.xmpp.shares.entry_codec import parse_truth

_MEMBER = re.compile(r"[0-9a-f]{8}", re.ASCII)
_PARTS = ("address", "port", "kind", "reached", "varies")


def want_element(info_hash: InfoHash) -> Element:
    """Make the word that we begin to fetch a share."""
    element: Element = domish.Element((NS_BITWEEN_2, "want"))
    element["hash"] = info_hash
    return element


def done_element(info_hash: InfoHash, *, seeds: bool) -> Element:
    """
    Make the word that we have stopped fetching a share.

    :param seeds: whether we have all of it, and give it to those who are introduced to us.
    """
    element: Element = domish.Element((NS_BITWEEN_2, "done"))
    element["hash"] = info_hash
    if seeds:
        element["seeds"] = "true"
    return element


def parse_want(element: Element) -> InfoHash:
    """
    Read which share is wanted.

    :raises InvalidValue: if it names none.
    """
    return parse_info_hash(element.getAttribute("hash"))


def parse_done(element: Element) -> tuple[InfoHash, bool]:
    """
    Read which share is fetched no longer, and whether the sender seeds it.

    :raises InvalidValue: if it is malformed.
    """
    seeds = parse_truth(element.getAttribute("seeds", "false"))
    return parse_info_hash(element.getAttribute("hash")), seeds


def introduce_element(introduction: Introduction) -> Element:
    """Make an introduction, not signed yet; its first 16 candidates are taken."""
    element: Element = domish.Element((NS_BITWEEN_2, "introduce"))
    element["hash"] = introduction.info_hash
    element["member"] = introduction.member
    for candidate in introduction.candidates[:MAX_CANDIDATES]:
        element.addChild(candidate_element(candidate, NS_BITWEEN_2))
    return element


def parse_introduction(element: Element) -> Introduction:
    """
    Read an introduction, each address once; malformed candidates are left out.

    :raises InvalidValue: if it names no share or no member, or has no candidate.
    """
    member = element.getAttribute("member", "")
    if not _MEMBER.fullmatch(member):
        raise InvalidValue("an introduction names a member by 8 hexadecimal digits")
    candidates: dict[PeerAddress, Candidate] = {}
    for entry in list(element.elements(NS_BITWEEN_2, "candidate"))[:MAX_CANDIDATES]:
        with suppress(InvalidValue):
            candidate = parse_candidate(entry)
            candidates.setdefault(candidate.address, candidate)
    if not candidates:
        raise InvalidValue("an introduction without an address leads nowhere")
    return Introduction(
        parse_info_hash(element.getAttribute("hash")),
        member,
        tuple(candidates.values()),
    )


def introduction_content(element: Element) -> dict[str, object]:
    """
    What the signature of an introduction is made over.

    :param element: ``introduce``; nothing but the signature may change afterwards.
    """
    return {
        "hash": element.getAttribute("hash"),
        "member": element.getAttribute("member"),
        "candidates": [
            [entry.getAttribute(part) for part in _PARTS]
            for entry in list(element.elements(NS_BITWEEN_2, "candidate"))[: MAX_CANDIDATES + 1]
        ],
    }
