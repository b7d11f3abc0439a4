"""
Values <-> XML and JSON: requests for a restricted list, its pages, and what tells of a change.

A restricted list holds what one reader may see and not everybody may.  Its pages are JSON, for they
are signed and sealed as a whole (:class:`PageSeal`); ``docs/protocol.rst`` has the rules::

    <iq type='get' to='alice@example.org/laptop' id='p1'>
      <shares xmlns='urn:bitween:2' id='5f0c…' since='3' after='3' max='200'/>
    </iq>
    <iq type='result' from='alice@example.org/laptop' id='p1'>
      <shares xmlns='urn:bitween:2'>BASE64</shares>
    </iq>
    <iq type='set' to='bob@example.org/phone' id='c1'>
      <changed xmlns='urn:bitween:2' id='5f0c…' revision='4'/>
    </iq>
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Protocol

from twisted.words.xish import domish

from bitween.crypto.canonical import canonical_json
from bitween.errors import InvalidValue
from bitween.model.annotation import MAX_NOTE, NO_ANNOTATION, Annotation, safe_annotation
from bitween.model.announcement import NO_TERMS, ListPage, Share, ShareTerms
from bitween.model.seal import SALT_SIZE, parse_seal_text, seal_text
from bitween.model.share_list import Change, ShareList
from bitween.model.text import safe_name
from bitween.model.torrent import MAX_SIZE, InfoHash, parse_info_hash
from bitween.xmpp.elements import Element, xml_text
from bitween.xmpp.namespaces import NS_BITWEEN_2
from bitween.xmpp.shares.entry_codec import (
    MAX_NAME,
    MAX_REVISION,
    MAX_TAGS_READ,
    parse_list_id,
    parse_revision,
)
from bitween.xmpp.shares.list_codec import (
    MAX_ENTRIES,
    MAX_PAGE,
    ListAnswer,
    ListQuery,
    begins_again,
)

# bytes of the shares in a page: sealed and in base64, with all that surrounds them, they are at
# most MAX_PAGE bytes.
_ROOM = (MAX_PAGE - 500) * 3 // 4 - 1700

_SALT = re.compile(f"[0-9a-f]{{{2 * SALT_SIZE}}}")

Page = dict[str, Any]


class PageSeal(Protocol):
    """Signs and seals our pages, and opens those of others."""

    async def seal(self, jid: str, resource: str, page: Page) -> str:
        """
        Sign a page and seal it to a device.

        :param page: a value of JSON that has the id of the request at ``request``.
        :returns: base64.
        :raises RequestRefused: if the device does not count, or does not tell its key.
        :raises NotConnected: if there is no session.
        """

    def open(self, jid: str, resource: str, text: str, request_id: str) -> Page:
        """
        Read a page that a device has sealed to us.

        :param text: base64.
        :param request_id: of the request that the page must answer.
        :raises InvalidValue: if it is not a page of that device for this request.
        """


def query_element(query: ListQuery) -> Element:
    """Make the request for a page."""
    element: Element = domish.Element((NS_BITWEEN_2, "shares"))
    element["max"] = str(query.limit)
    if query.list_id and query.since:
        element["id"] = query.list_id
        element["since"] = str(query.since)
        element["after"] = str(query.after)
    return element


def parse_query(element: Element) -> ListQuery:
    """
    Read a request.

    :param element: the ``shares`` element of the request.
    :raises InvalidValue: if it is malformed.
    """
    limit = min(parse_revision(element.getAttribute("max", str(MAX_ENTRIES))), MAX_ENTRIES)
    if not element.hasAttribute("id"):
        return ListQuery("", 0, 0, limit)
    since = parse_revision(element.getAttribute("since", "0"))
    after = parse_revision(element.getAttribute("after", str(since)))
    return ListQuery(parse_list_id(element.getAttribute("id")), since, after, limit)


def page_value(shares: ShareList, query: ListQuery, request_id: str) -> Page:
    """
    Make the page that answers a request.

    :param shares: the list of the reader.
    :param request_id: the id of the IQ.
    """
    reset = begins_again(shares, query)
    after, known = (0, shares.revision) if reset else (query.after, query.since)
    added: list[Page] = []
    gone: list[str] = []
    last, room, more = after, _ROOM, False
    for change in shares.changes(after, known):
        value = _change_value(change)
        room -= len(canonical_json(value)) + 1
        count = len(added) + len(gone)
        if count >= query.limit or (room < 0 and count):
            more = True
            break
        if isinstance(value, str):
            gone.append(value)
        else:
            added.append(value)
        last = change.revision
    return {
        "request": request_id,
        "id": shares.list_id,
        "revision": shares.revision,
        "reset": reset,
        "more": more,
        "last": last,
        "shares": added,
        "gone": gone,
    }


def parse_page(page: Mapping[str, Any]) -> ListAnswer:
    """
    Read a page; the sender is not trusted to have made it well.

    A malformed entry is dropped and counted; the others stay.

    :raises InvalidValue: if the list or a revision is malformed.
    """
    revision = _number(page.get("revision"), MAX_REVISION)
    more = page.get("more") is True
    reached = _number(page.get("last"), MAX_REVISION) if more else revision
    if reached > revision:
        raise InvalidValue("the page lies beyond the end of its list")
    added: list[Share] = []
    gone: list[InfoHash] = []
    dropped = 0
    for entry in (*_entries(page, "gone"), *_entries(page, "shares")):
        try:
            if len(added) + len(gone) >= MAX_ENTRIES:
                raise InvalidValue("more entries than requested")
            if isinstance(entry, dict):
                added.append(_parse_share(entry))
            else:
                gone.append(parse_info_hash(entry))
        except InvalidValue:
            dropped += 1
    reset = page.get("reset") is True
    list_id = parse_list_id(page.get("id"))
    known = ListPage(list_id, reached, tuple(added), tuple(gone), reset=reset, complete=not more)
    return ListAnswer(known, revision, dropped)


def sealed_page_element(text: str) -> Element:
    """
    Make the answer to a request.

    :param text: base64 of the sealed page.
    """
    element: Element = domish.Element((NS_BITWEEN_2, "shares"))
    element.addContent(text)
    return element


def changed_element(list_id: str, revision: int) -> Element:
    """Make what tells a reader that its list has changed."""
    element: Element = domish.Element((NS_BITWEEN_2, "changed"))
    element["id"] = list_id
    element["revision"] = str(revision)
    return element


def parse_changed(element: Element) -> tuple[str, int]:
    """
    Read what a publisher tells of our list.

    :returns: the id of the list, and its revision.
    :raises InvalidValue: if it is malformed.
    """
    return (
        parse_list_id(element.getAttribute("id")),
        parse_revision(element.getAttribute("revision")),
    )


def _change_value(change: Change) -> Page | str:
    """The value of a change: a share, or the info-hash of one that is gone."""
    share = change.share
    if share is None:
        return change.info_hash
    value: Page = {
        "hash": share.info_hash,
        "name": xml_text(share.name),
        "size": min(share.size, MAX_REVISION),
    }
    if share.seal and not share.locked:
        value["seal"] = seal_text(share.seal)
    if share.annotation.note:
        value["note"] = xml_text(share.annotation.note, MAX_NOTE)
    if share.annotation.tags:
        value["tags"] = [xml_text(tag) for tag in share.annotation.tags]
    return value | _terms_value(share.terms)


def _terms_value(terms: ShareTerms) -> Page:
    value: Page = {}
    if terms.locked:
        value["locked"] = True
    if terms.expires is not None:
        value["expires"] = math.ceil(terms.expires)
    if terms.replaces is not None:
        value["replaces"] = terms.replaces
    if terms.salt:
        value["salt"] = terms.salt.hex()
    if not terms.introductions:
        value["introductions"] = False
    return value


def _entries(page: Mapping[str, Any], name: str) -> list[Any]:
    entries = page.get(name)
    return entries if isinstance(entries, list) else []


def _parse_share(entry: Page) -> Share:
    """:raises InvalidValue: if hash, name or size is missing or malformed."""
    name = entry.get("name")
    if not isinstance(name, str):
        raise InvalidValue("a share without a name")
    locked = entry.get("locked") is True
    return Share(
        parse_info_hash(entry.get("hash")),
        safe_name(name, MAX_NAME),
        _number(entry.get("size"), MAX_SIZE),
        _parse_annotation(entry),
        b"" if locked else _parse_seal(entry.get("seal")),
        _parse_terms(entry, locked),
    )


def _parse_annotation(entry: Page) -> Annotation:
    note, tags = entry.get("note", ""), entry.get("tags", [])
    if not isinstance(note, str) or not isinstance(tags, list):
        return NO_ANNOTATION
    return safe_annotation(note, [tag for tag in tags[:MAX_TAGS_READ] if isinstance(tag, str)])


def _parse_seal(text: object) -> bytes:
    """:raises InvalidValue: if it is missing or malformed: nobody could fetch the share."""
    if not isinstance(text, str):
        raise InvalidValue("a share that is not locked has no seal")
    return parse_seal_text(text)


def _parse_terms(entry: Page, locked: bool) -> ShareTerms:
    expires, replaces = entry.get("expires"), entry.get("replaces")
    terms = ShareTerms(
        locked,
        None if expires is None else _number(expires, MAX_REVISION),
        None if replaces is None else parse_info_hash(replaces),
        entry.get("introductions") is not False,
        _parse_salt(entry.get("salt")),
    )
    return NO_TERMS if terms == NO_TERMS else terms


def _parse_salt(text: object) -> bytes:
    """:raises InvalidValue: if it is malformed."""
    if text is None:
        return b""
    if not isinstance(text, str) or not _SALT.fullmatch(text):
        raise InvalidValue("the salt of a share is malformed")
    return bytes.fromhex(text)


def _number(value: object, largest: int) -> int:
    """:raises InvalidValue: if it is no whole number from 0 to the largest."""
    if type(value) is int and 0 <= value <= largest:
        return value
    raise InvalidValue(f"not a number from 0 to {largest}")
