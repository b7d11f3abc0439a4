"""Values <-> XML: the entries of share lists, wherever a list is sent."""

from __future__ import annotations

import re

from twisted.words.xish import domish

from bitween.errors import InvalidValue
from bitween.model.annotation import (
    MAX_NOTE,
    MAX_TAG,
    MAX_TAGS,
    NO_ANNOTATION,
    SEPARATOR,
    Annotation,
    safe_annotation,
)
from bitween.model.announcement import Share
from bitween.model.seal import parse_seal_text, seal_text
from bitween.model.share_list import Change
from bitween.model.text import safe_name
from bitween.model.torrent import MAX_SIZE, parse_info_hash
from bitween.xmpp.elements import Element, xml_text
from bitween.xmpp.namespaces import NS_BITWEEN, NS_SHARES

MAX_NAME = 255
#: characters of a list's id.
MAX_LIST_ID = 64
MAX_REVISION = 2**53
#: Tags of one share that are looked at; those that are not valid are among them.
MAX_TAGS_READ = 2 * MAX_TAGS

# Characters of all tags of a share together.
_MAX_TAGS_TEXT = MAX_TAGS * (MAX_TAG + len(SEPARATOR))
_LIST_ID = re.compile(f"[!-~]{{1,{MAX_LIST_ID}}}")
_TRUTHS = ("true", "1", "false", "0")


def parse_share(entry: Element) -> Share:
    """
    Read a share.

    :param entry: an element with ``name``, ``hash`` and ``size``, and perhaps a ``seal`` and an
        ``annotation``.
    :raises InvalidValue: if one of them is missing or malformed.
    """
    name = entry.getAttribute("name")
    if not isinstance(name, str):
        raise InvalidValue("a share without a name")
    return Share(
        parse_info_hash(entry.getAttribute("hash")),
        safe_name(name, MAX_NAME),
        _parse_number(entry.getAttribute("size"), MAX_SIZE),
        _parse_annotation(entry),
        _parse_seal(entry),
    )


def share_element(share: Share, uri: str = NS_SHARES) -> Element:
    """
    Make the element of a share.

    :param uri: its namespace: ``NS_SHARES`` in a PEP item, ``NS_BITWEEN`` in a page.
    """
    element: Element = domish.Element((uri, "share_item"))
    element["name"] = xml_text(share.name)
    element["hash"] = share.info_hash
    element["size"] = str(share.size)
    if share.seal:
        element["seal"] = seal_text(share.seal)
    if share.annotation:
        element.addChild(_annotation_element(share.annotation))
    return element


def _parse_seal(entry: Element) -> bytes:
    """Read the seal of a share, packed; one that is malformed is none."""
    text = entry.getAttribute("seal")
    if text is None:
        return b""
    try:
        return parse_seal_text(text)
    except InvalidValue:
        return b""


def _parse_annotation(entry: Element) -> Annotation:
    """Read the note and the tags of a share; what is not valid of them is left out."""
    element = next(entry.elements(NS_BITWEEN, "annotation"), None)
    if element is None:
        return NO_ANNOTATION
    tags = element.getAttribute("tags", "").split(SEPARATOR, MAX_TAGS_READ)
    return safe_annotation(element.getAttribute("note", ""), tags[:MAX_TAGS_READ])


def _annotation_element(annotation: Annotation) -> Element:
    # Attributes only: the publisher compares those of its own item, but no text.
    element: Element = domish.Element((NS_BITWEEN, "annotation"))
    if annotation.note:
        element["note"] = xml_text(annotation.note, MAX_NOTE)
    if annotation.tags:
        element["tags"] = xml_text(SEPARATOR.join(annotation.tags), _MAX_TAGS_TEXT)
    return element


def change_element(change: Change, uri: str = NS_BITWEEN) -> Element:
    """
    Make the element of a change: a share, or a removal.

    :param uri: the namespace of a share; a removal is always in ``NS_BITWEEN``.
    """
    if change.share is not None:
        return share_element(change.share, uri)
    element: Element = domish.Element((NS_BITWEEN, "gone"))
    element["hash"] = change.info_hash
    return element


def parse_list_id(text: object) -> str:
    """
    Read the id of a list: 1 to 64 visible characters of ASCII.

    :raises InvalidValue: for anything else.
    """
    if isinstance(text, str) and _LIST_ID.fullmatch(text):
        return text
    raise InvalidValue("the id of a list has 1 to 64 visible ASCII characters")


def parse_revision(text: object) -> int:
    """
    Read the revision of a list: a number from 0 to 2^53, in decimal digits.

    :raises InvalidValue: for anything else.
    """
    return _parse_number(text, MAX_REVISION)


def parse_truth(text: object) -> bool:
    """
    Read a boolean (XML Schema part 2 §3.2.2).

    :raises InvalidValue: for anything else.
    """
    if text not in _TRUTHS:
        raise InvalidValue("not a boolean")
    return text in _TRUTHS[:2]


def _parse_number(text: object, largest: int) -> int:
    if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 19:
        number = int(text)
        if number <= largest:
            return number
    raise InvalidValue(f"not a number from 0 to {largest}")
