"""PEP items and what is in them: strategies for Hypothesis, and XML as a stream parses it."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from twisted.words.xish import domish

from bitween.model.address import PeerAddress
from bitween.model.annotation import safe_annotation
from bitween.model.announcement import Share
from bitween.model.candidate import Candidate, CandidateKind
from bitween.model.torrent import MAX_SIZE, parse_info_hash
from bitween.xmpp.shares.candidate_codec import MAX_CANDIDATES
from bitween.xmpp.shares.item_codec import OwnPlaces

hashes = st.text("0123456789abcdef", min_size=40, max_size=40).map(parse_info_hash)
names = st.text(st.characters(), max_size=300)
notes_and_tags = st.builds(safe_annotation, st.text(max_size=50), st.lists(st.text(max_size=35)))
seals = st.just(b"") | st.binary(min_size=52, max_size=52)
shares = st.builds(Share, hashes, names, st.integers(0, MAX_SIZE), notes_and_tags, seals)
share_lists = st.lists(shares, max_size=20, unique_by=lambda share: share.info_hash)
addresses = st.builds(
    lambda ip, port: PeerAddress.parse(str(ip), port),
    st.ip_addresses(network="10.0.0.0/8") | st.ip_addresses(network="2001:db8::/32"),
    st.integers(1, 65535),
)
known = st.sampled_from([None, True, False])
candidates = st.builds(Candidate, addresses, st.sampled_from(CandidateKind), known) | st.builds(
    Candidate, addresses, st.just(CandidateKind.REFLEXIVE), known, st.just(True)
)
candidate_lists = st.lists(candidates, max_size=MAX_CANDIDATES, unique_by=lambda c: c.address)
resources = st.text(string.ascii_letters + "äß-_.@/ '&<>\U0001f4f1", min_size=1, max_size=50)


def xml(text: str) -> Any:
    """Parse as a stream would."""
    found: list[Any] = []
    parser = domish.elementStream()
    parser.DocumentStartEvent = lambda _: None
    parser.ElementEvent = found.append
    parser.DocumentEndEvent = lambda: None
    parser.parse(f"<stream>{text.strip()}</stream>".encode())
    return found[0]


def over_the_wire(item: Any) -> Any:
    """What the other side has after serializing and parsing."""
    return xml(item.toXml())


def at(candidates: Sequence[Candidate]) -> OwnPlaces:
    """Places where plain peers may dial, too."""
    return OwnPlaces(tuple(candidates), tuple(c.address for c in candidates if c.dialable))
