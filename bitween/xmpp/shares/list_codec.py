"""
Values <-> XML: the requests for a device's share list, and the pages that answer them.

A request says which revision of which list the reader has; the answer is a page (XEP-0059) of what
changed since, in order of revision; ``docs/protocol.rst`` has the rules::

    <iq type='get' to='alice@example.org/laptop' id='…'>
      <shares xmlns='urn:bitween:1' id='5f0c…' since='17'>
        <set xmlns='http://jabber.org/protocol/rsm'><max>200</max><after>120</after></set>
      </shares>
    </iq>
    <iq type='result' from='alice@example.org/laptop' id='…'>
      <shares xmlns='urn:bitween:1' id='5f0c…' revision='512' more='true'>
        <share_item name='holiday' hash='(v1 info-hash, 40 hex)' size='123'/>
        <gone hash='(v1 info-hash, 40 hex)'/>
        <set xmlns='http://jabber.org/protocol/rsm'>
          <first>121</first><last>122</last><count>391</count>
        </set>
      </shares>
    </iq>
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted.words.xish import domish

from bitween.errors import InvalidValue
from bitween.model.announcement import ListPage, Share
from bitween.model.share_list import Change, ShareList
from bitween.model.torrent import InfoHash, parse_info_hash
from bitween.xmpp.elements import Element
from bitween.xmpp.namespaces import NS_BITWEEN, NS_RSM
from bitween.xmpp.shares.entry_codec import (
    change_element,
    parse_list_id,
    parse_revision,
    parse_share,
)

#: Entries of one page: what a request asks for, and the most that is read.
MAX_ENTRIES = 200
#: bytes of one page; small, so that a ping behind it does not wait long.
MAX_PAGE = 8000

# bytes kept for what surrounds the entries.
_FRAME = 500


@dataclass(frozen=True, slots=True)
class ListQuery:
    """
    What a reader asks for.

    :param list_id: the list that it knows; empty if none.
    :param since: it knows every removal up to this revision; 0 if it has nothing.
    :param after: it has all other changes up to this revision.
    :param limit: entries at most.
    """

    list_id: str
    since: int
    after: int
    limit: int = MAX_ENTRIES


@dataclass(frozen=True, slots=True)
class ListAnswer:
    """
    A page as it was read.

    :param revision: of the whole list when the page was made.
    :param dropped: how many entries were malformed or too many.
    """

    page: ListPage
    revision: int
    dropped: int


def query_element(query: ListQuery) -> Element:
    """Make the request for a page."""
    element: Element = domish.Element((NS_BITWEEN, "shares"))
    if query.list_id and query.since:
        element["id"] = query.list_id
        element["since"] = str(query.since)
    rsm = element.addElement((NS_RSM, "set"))
    rsm.addElement("max", content=str(query.limit))
    if query.list_id and query.since:
        rsm.addElement("after", content=str(query.after))
    return element


def parse_query(element: Element) -> ListQuery:
    """
    Read a request.

    :param element: the ``shares`` element of the request.
    :raises InvalidValue: if it is malformed.
    """
    rsm = next(element.elements(NS_RSM, "set"), None)
    limit, after = _text(rsm, "max"), _text(rsm, "after")
    wanted = MAX_ENTRIES if limit is None else min(parse_revision(limit), MAX_ENTRIES)
    if not element.hasAttribute("id"):
        return ListQuery("", 0, 0, wanted)
    since = parse_revision(element.getAttribute("since", "0"))
    return ListQuery(
        parse_list_id(element.getAttribute("id")),
        since,
        since if after is None else parse_revision(after),
        wanted,
    )


def begins_again(shares: ShareList, query: ListQuery) -> bool:
    """Whether a request can only be answered from the beginning of the list."""
    return (
        query.list_id != shares.list_id
        or not shares.horizon <= query.since <= shares.revision
        or query.since == 0
        or query.after > shares.revision
    )


def page_element(shares: ShareList, query: ListQuery) -> Element:
    """
    Make the page that answers a request.

    :param shares: our share list.
    """
    reset = begins_again(shares, query)
    after, known = (0, shares.revision) if reset else (query.after, query.since)
    element: Element = domish.Element((NS_BITWEEN, "shares"))
    element["id"] = shares.list_id
    element["revision"] = str(shares.revision)
    if reset:
        element["reset"] = "true"
    room = MAX_PAGE - _FRAME
    entries: list[Change] = []
    for change in shares.changes(after, known):
        entry = change_element(change, NS_BITWEEN)
        room -= len(entry.toXml(defaultUri=NS_BITWEEN).encode())
        if len(entries) >= query.limit or (room < 0 and entries):
            element["more"] = "true"
            break
        entries.append(change)
        element.addChild(entry)
    rsm = element.addElement((NS_RSM, "set"))
    if entries:
        rsm.addElement("first", content=str(entries[0].revision))
        rsm.addElement("last", content=str(entries[-1].revision))
    rsm.addElement("count", content=str(shares.about(after)))
    return element


def is_page(answer: Element) -> bool:
    """Whether a stanza carries a page."""
    return next(answer.elements(NS_BITWEEN, "shares"), None) is not None


def parse_page(element: Element) -> ListAnswer:
    """
    Read a page; the sender is not trusted to have made it well.

    A malformed entry is dropped and counted; the others stay.

    :param element: the ``shares`` element of the answer.
    :raises InvalidValue: if the list or the revision is malformed.
    """
    revision = parse_revision(element.getAttribute("revision"))
    added: list[Share] = []
    gone: list[InfoHash] = []
    dropped = 0
    for entry in element.elements():
        if entry.uri != NS_BITWEEN:
            continue
        try:
            if len(added) + len(gone) >= MAX_ENTRIES:
                raise InvalidValue("more entries than requested")
            if entry.name == "share_item":
                added.append(parse_share(entry))
            elif entry.name == "gone":
                gone.append(parse_info_hash(entry.getAttribute("hash")))
        except InvalidValue:
            dropped += 1
    complete = element.getAttribute("more") not in ("true", "1")
    last = None if complete else _text(next(element.elements(NS_RSM, "set"), None), "last")
    reached = revision if complete else parse_revision(last)
    if reached > revision:
        raise InvalidValue("the page lies beyond the end of its list")
    page = ListPage(
        parse_list_id(element.getAttribute("id")),
        reached,
        tuple(added),
        tuple(gone),
        reset=element.getAttribute("reset") in ("true", "1"),
        complete=complete,
    )
    return ListAnswer(page, revision, dropped)


def _text(rsm: Element | None, name: str) -> str | None:
    found = None if rsm is None else next(rsm.elements(NS_RSM, name), None)
    return None if found is None else str(found)
