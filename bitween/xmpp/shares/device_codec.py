"""
Values <-> XML: the element ``device``, which says who announces and where it can be reached.

It stands beside the shares of a resource in a PEP item::

    <device xmlns='urn:bitween:2' key='…' issued='1796049906000' until='1798641906' signature='…'>
      <candidate address='192.0.2.7' port='6881' kind='mapped' reached='true'/>
      <vouch resource='phone' key='…'/>
    </device>

The signature is over the content of the whole ``resource`` element (:func:`signed_content`), not
over its XML, which servers may write in another way.  ``docs/protocol.rst`` has the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from twisted.words.xish import domish

from bitween.errors import InvalidValue
from bitween.model import base64url
from bitween.model.address import PeerAddress
from bitween.model.candidate import Candidate
from bitween.model.device_statement import DeviceStatement, Vouch
from bitween.model.text import printable
from bitween.xmpp.elements import Element
from bitween.xmpp.jids import MAX_RESOURCE
from bitween.xmpp.namespaces import NS_BITWEEN_2
from bitween.xmpp.shares.candidate_codec import MAX_CANDIDATES, candidate_element, parse_candidate
from bitween.xmpp.shares.entry_codec import parse_revision
from bitween.xmpp.statements import parse_key

#: Vouches of one device that are read.
MAX_VOUCHES = 16

# Candidates that only hole punching can reach: they come last, and must not be cut off.
_KEPT_FOR_PUNCHING = 4
_SIGNATURE_LENGTH = 64
# What differs between two statements that say the same.
_TRANSIENT = frozenset({"issued", "until", "signature"})


class AnnouncementSigner(Protocol):
    """Signs what this device announces."""

    def statement(self) -> DeviceStatement:
        """Begin a statement: all of it but the signature."""

    def sign(self, statement: DeviceStatement, content: object) -> bytes:
        """
        Sign a statement.

        :param statement: as :meth:`statement` returned it.
        :param content: what is announced, see :func:`signed_content`.
        """

    def is_due(self, until: int) -> bool:
        """Whether a statement that counts until then (seconds since the epoch) is to be renewed."""


@dataclass(frozen=True, slots=True)
class ParsedDevice:
    """
    The content of a ``device`` element.

    :param statement: ``None`` if it is not signed, or malformed.
    :param dropped: how many entries were malformed or too many.
    """

    candidates: tuple[Candidate, ...]
    statement: DeviceStatement | None
    dropped: int


def device_of(body: Element) -> Element | None:
    """The ``device`` of a ``resource`` element; ``None`` if it has none."""
    return next(body.elements(NS_BITWEEN_2, "device"), None)


def parse_device(element: Element) -> ParsedDevice:
    """
    Read a device; the sender is not trusted to have made it well.

    :param element: the ``device`` element.
    """
    candidates: dict[PeerAddress, Candidate] = {}
    dropped = 0
    for entry in element.elements(NS_BITWEEN_2, "candidate"):
        try:
            candidate = parse_candidate(entry)
            if candidate.address in candidates or len(candidates) >= MAX_CANDIDATES:
                raise InvalidValue("a candidate is repeated, or one too many")
        except InvalidValue:
            dropped += 1
            continue
        candidates[candidate.address] = candidate
    statement = None
    if element.hasAttribute("key"):
        try:
            statement = _parse_statement(element)
        except InvalidValue:
            dropped += 1
    return ParsedDevice(tuple(candidates.values()), statement, dropped)


def device_element(candidates: Sequence[Candidate]) -> Element:
    """
    Make the device element of this device, not signed yet.

    :param candidates: of the sealed port, best first; those beyond what a reader takes are left
        out.
    """
    element: Element = domish.Element((NS_BITWEEN_2, "device"))
    for candidate in _chosen(candidates):
        element.addChild(candidate_element(candidate, NS_BITWEEN_2))
    return element


def sign_device(body: Element, signer: AnnouncementSigner) -> None:
    """
    Sign what a ``resource`` element announces.

    :param body: has a ``device``; nothing in it may change afterwards.
    """
    element = device_of(body)
    assert element is not None
    statement = signer.statement()
    element["key"] = base64url.encode(statement.key)
    element["issued"] = str(statement.issued)
    element["until"] = str(statement.until)
    for vouch in statement.vouches:
        child = element.addElement("vouch")
        child["resource"] = vouch.resource
        child["key"] = base64url.encode(vouch.key)
    element["signature"] = base64url.encode(signer.sign(statement, signed_content(body)))


def signed_content(body: Element) -> list[object]:
    """
    What the signature of a ``resource`` element is made over.

    :returns: the children in order, each as ``[namespace, name, {attributes}, [children]]``; the
        ``device`` without its attribute ``signature``.
    """
    return [_content(child, _is_device(child)) for child in body.elements()]


def lasting_attributes(element: Element) -> Iterable[tuple[object, str]]:
    """The attributes of any element, without those that differ in two statements of the same."""
    of_device = _is_device(element)
    return [(k, v) for k, v in element.attributes.items() if not of_device or k not in _TRANSIENT]


def statement_end(body: Element) -> int:
    """Until when the statement in a ``resource`` element counts; 0 if it has none."""
    element = device_of(body)
    try:
        return parse_revision(None if element is None else element.getAttribute("until"))
    except InvalidValue:
        return 0


def _content(element: Element, of_device: bool = False) -> list[object]:
    # Attributes with a namespace have tuples for names; nobody reads those.
    attributes = {
        name: value
        for name, value in element.attributes.items()
        if isinstance(name, str) and not (of_device and name == "signature")
    }
    return [element.uri, element.name, attributes, [_content(c) for c in element.elements()]]


def _is_device(element: Element) -> bool:
    return (element.uri, element.name) == (NS_BITWEEN_2, "device")


def _chosen(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that a reader takes, in their order."""
    if len(candidates) <= MAX_CANDIDATES:
        return list(candidates)
    punched = [c for c in candidates if not c.dialable][:_KEPT_FOR_PUNCHING]
    dialled = [c for c in candidates if c.dialable][: MAX_CANDIDATES - len(punched)]
    return dialled + punched


def _parse_statement(element: Element) -> DeviceStatement:
    """:raises InvalidValue: if a part of it is missing or malformed."""
    return DeviceStatement(
        parse_key(element.getAttribute("key")),
        parse_revision(element.getAttribute("issued")),
        parse_revision(element.getAttribute("until")),
        base64url.decode(element.getAttribute("signature"), _SIGNATURE_LENGTH),
        tuple(_vouches(element)),
    )


def _vouches(element: Element) -> Iterator[Vouch]:
    """:raises InvalidValue: if one is malformed, or there are too many."""
    for number, entry in enumerate(element.elements(NS_BITWEEN_2, "vouch")):
        resource = entry.getAttribute("resource")
        if number >= MAX_VOUCHES or not is_resource(resource):
            raise InvalidValue("a vouch is malformed, or one too many")
        yield Vouch(resource, parse_key(entry.getAttribute("key")))


def is_resource(name: object) -> bool:
    """Whether this can be the resource of a JID; it must be equal to one, so it is not repaired."""
    return (
        isinstance(name, str)
        and 0 < len(name) <= MAX_RESOURCE
        and len(name.encode("utf-8", "replace")) <= MAX_RESOURCE
        and printable(name, MAX_RESOURCE) == name
    )
