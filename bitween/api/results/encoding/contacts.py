"""Contacts and their devices as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from bitween.api.results.encoding import network
from bitween.api.results.faults import error_object
from bitween.api.results.shapes import common
from bitween.api.results.shapes import contacts as shapes
from bitween.model.catalogue.catalogue import Catalogue
from bitween.model.catalogue.changes import Listing
from bitween.model.contact import Contact
from bitween.model.route import Route
from bitween.model.traffic import Traffic


def contact(
    contact: Contact,
    catalogue: Catalogue,
    traffic: Traffic,
    route: Callable[[str, str], Route],
    answers: Callable[[str, str], bool | None],
    *,
    presence_known: bool,
) -> shapes.Contact:
    """
    One entry of ``xmpp.get_contacts``.

    :param traffic: the content exchanged with the contact.
    :param route: returns the route to a device, by bare JID and resource.
    :param answers: returns whether a device answered the last attempt, by bare JID and resource;
        ``None`` if that is unknown.
    :param presence_known: whether it is known which contacts are online.
    """
    online = catalogue.online(contact.jid) if presence_known else frozenset()
    listings = catalogue.listings(contact.jid)
    return {
        "jid": contact.jid,
        "nick": contact.nick or None,
        "subscription": contact.subscription.value,
        "pending": contact.pending.value if contact.pending else None,
        "groups": list(contact.groups),
        "blocked": contact.blocked,
        "service": contact.is_service,
        "online": bool(online),
        "error": contact_error(contact),
        "resources": [
            _resource(
                resource,
                listings.get(resource),
                route(contact.jid, resource) if resource in online else None,
                answers(contact.jid, resource) if resource in online else None,
            )
            for resource in sorted(online | listings.keys())
        ],
        "downloaded": traffic.downloaded,
        "uploaded": traffic.uploaded,
    }


def contact_error(contact: Contact) -> common.Error | None:
    """The error that answered our contact request, if one did."""
    return None if contact.error is None else cast("common.Error", error_object(contact.error))


def _resource(
    resource: str, listing: Listing | None, route: Route | None, answers: bool | None
) -> shapes.Resource:
    return {
        "resource": resource,
        "bitween": listing is not None,
        "shares": len(listing.announcement.shares) if listing else 0,
        "size": listing.size if listing else 0,
        "online": route is not None,
        "answering": answers,
        "way": network.route(route) if route and listing else None,
    }
