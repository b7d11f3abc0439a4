"""
Who may see and have which share: the one place that decides.

Today every contact may see every share and download it.  Access lists will live here: whatever they
allow, :func:`may` says it, and these places ask it before a share leaves the daemon:

* the published item, which all contacts can read, so that it holds only what all of them may see
  (``bitween.app.application``);
* the list server, which gives each contact the shares that this contact may see
  (``bitween.xmpp.shares.list_server``);
* the allowlist, which lets the devices of a contact connect to us over BitTorrent
  (``bitween.connect.allowlist``).

The roster decides who is a contact, and the places above ask that first: only those who see our
presence may see shares, and only those whose announcements count may connect.  Other devices of our
own account count as contacts.
"""

from __future__ import annotations

from enum import StrEnum

from bitween.model.share_id import ShareId


class Action(StrEnum):
    """What a contact may do with a share."""

    SEE = "see"  # find it in our list
    HAVE = "have"  # connect to us and download it


def may(
    contact: str | None,  # noqa: ARG001  # every contact has the same rights today
    share: ShareId | None,  # noqa: ARG001  # to every share
    action: Action,
) -> bool:
    """
    Whether a contact may do something with a share.

    :param contact: a bare JID; ``None`` for all contacts: whether each of them may.
    :param share: ``None`` for any share: whether there is one with which the contact may.
    """
    return action in {Action.SEE, Action.HAVE}
