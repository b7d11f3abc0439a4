"""What contacts share, as JSON."""

from __future__ import annotations

from bitween.api.http.json_stream import JsonObject
from bitween.api.results.encoding.common import addresses
from bitween.api.results.encoding.network import reach
from bitween.api.results.shapes import contact_shares as shapes
from bitween.model.announcement import Share
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import Listing
from bitween.model.catalogue.search import Found
from bitween.model.route import Route


def reachable(catalogue: Catalogue) -> JsonObject:
    """``xmpp.get_hashes``: addresses by info-hash, the best ones to dial first."""
    return JsonObject(
        (info_hash, addresses(sorted(known, key=lambda a: (a.rank, a.address, a.port))))
        for info_hash, known in catalogue.torrents.reachable()
    )


def shares(catalogue: Catalogue, *, presence_known: bool) -> JsonObject:
    """
    ``xmpp.get_shares``: listings by bare JID and resource.

    :param presence_known: whether it is known which contacts are online.
    """
    return JsonObject(
        (
            jid,
            JsonObject(
                (name, _listing(listing, presence_known=presence_known))
                for name, listing in catalogue.listings(jid).items()
            ),
        )
        for jid in catalogue.jids()
    )


def _listing(listing: Listing, *, presence_known: bool) -> JsonObject:
    dialled = listing.announcement.addresses
    # A copy, for the list may change while it is encoded.
    shares = list(listing.announcement.shares.values())
    return JsonObject(
        [
            ("ip_v4", addresses(address for address in dialled if not address.is_ipv6)),
            ("ip_v6", addresses(address for address in dialled if address.is_ipv6)),
            ("online", listing.online and presence_known),
            ("shares", JsonObject((share.info_hash, _share(share)) for share in shares)),
        ]
    )


def _share(share: Share) -> shapes.Share:
    annotation = share.annotation
    return {
        "hash": share.info_hash,
        "name": share.name,
        "size": share.size,
        "note": annotation.note,
        "tags": list(annotation.tags),
    }


def found(
    found: Found, route: Route | None, answering: bool | None, *, presence_known: bool
) -> shapes.Found:
    """
    One item of ``xmpp.find``.

    :param route: the best route to an online contact who has it.
    :param answering: whether the device of such a contact answered the last attempt.
    :param presence_known: whether it is known which contacts are online.
    """
    return {
        "hash": found.info_hash,
        "name": found.name,
        "size": found.size,
        "note": found.annotation.note,
        "tags": list(found.annotation.tags),
        "locked": found.locked,
        "contacts": list(found.contacts),
        "names": [
            {"name": claim.name, "size": claim.size, "contacts": list(claim.contacts)}
            for claim in found.claims
        ],
        "online": found.online and presence_known,
        "answering": answering if found.online and presence_known else None,
        "reach": reach(route) if route and presence_known else None,
        "reach_text": route.text if route and presence_known and reach(route) else None,
    }
