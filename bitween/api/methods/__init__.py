"""The methods of the API: a class for each namespace, and the table of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bitween.api.methods.contacts import ContactMethods
from bitween.api.methods.daemon import ApiMethods
from bitween.api.methods.events import EventMethods
from bitween.api.methods.jobs import JobMethods
from bitween.api.methods.network import NetMethods
from bitween.api.methods.sessions import SessionMethods
from bitween.api.methods.tokens import TokenMethods
from bitween.api.methods.torrents import TorrentMethods
from bitween.api.methods.uploads import UploadMethods
from bitween.api.rpc.namespace import Namespace


class NamespaceEntry(NamedTuple):
    """
    A namespace of the API.

    :param prefix: what the names of its methods begin with, before the dot.
    :param methods: the class that has the methods.
    :param title: its heading in the reference, after the prefix.
    """

    prefix: str
    methods: type[Namespace]
    title: str


#: Every namespace, in the order of the reference.  ``rpc`` is not among them: it describes these.
NAMESPACES: Sequence[NamespaceEntry] = (
    NamespaceEntry("Api", ApiMethods, "the daemon"),
    NamespaceEntry("bt", TorrentMethods, "torrents"),
    NamespaceEntry("xmpp", ContactMethods, "contacts, and what they share"),
    NamespaceEntry("jobs", JobMethods, "what takes a while"),
    NamespaceEntry("net", NetMethods, "the way to contacts"),
    NamespaceEntry("events", EventMethods, "what happens"),
    NamespaceEntry("token", TokenMethods, "who may use the API"),
    NamespaceEntry("session", SessionMethods, "browsers that are logged in"),
    NamespaceEntry("upload", UploadMethods, "folders that are sent to the daemon's machine"),
)


def by_prefix(handlers: Iterable[Namespace]) -> dict[str, Namespace]:
    """
    Key the handlers of namespaces by their prefixes.

    :param handlers: an instance of each class of :data:`NAMESPACES`, in any order.
    """
    by_class = {type(handler): handler for handler in handlers}
    return {entry.prefix: by_class[entry.methods] for entry in NAMESPACES}
