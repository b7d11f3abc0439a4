"""
The methods of the API: a class for each namespace, and the table of all of them.

A method is a function ``jsonrpc_NAME`` of its namespace's class.  Its annotations say how to check
parameters and what the result looks like, and its docstring is what users read: in
``docs/api.rst``, in ``rpc.discover`` and at ``/docs``.  Most methods only call the application
and encode the outcome; browsing, uploads, tokens and sessions use ``files/`` and ``api/http/``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bitween.api.methods.access import AccessMethods
from bitween.api.methods.contacts import ContactMethods
from bitween.api.methods.daemon import ApiMethods
from bitween.api.methods.devices import DeviceMethods
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

    :param prefix: the beginning of its methods' names, before the dot.
    :param methods: the class that has the methods.
    :param title: its heading in the reference, after the prefix.
    """

    prefix: str
    methods: type[Namespace]
    title: str


#: Every namespace, in the order of the reference, but ``rpc``, whose one method describes these.
NAMESPACES: Sequence[NamespaceEntry] = (
    NamespaceEntry("Api", ApiMethods, "the daemon"),
    NamespaceEntry("bt", TorrentMethods, "torrents"),
    NamespaceEntry("access", AccessMethods, "who may have your shares"),
    NamespaceEntry("xmpp", ContactMethods, "contacts and what they share"),
    NamespaceEntry("devices", DeviceMethods, "keys of devices, and which you trust"),
    NamespaceEntry("jobs", JobMethods, "long tasks"),
    NamespaceEntry("net", NetMethods, "connections to contacts"),
    NamespaceEntry("events", EventMethods, "events"),
    NamespaceEntry("token", TokenMethods, "tokens for programs"),
    NamespaceEntry("session", SessionMethods, "browsers that are logged in"),
    NamespaceEntry("upload", UploadMethods, "sending files to the daemon's machine"),
)


def by_prefix(handlers: Iterable[Namespace]) -> dict[str, Namespace]:
    """
    Key the handlers of namespaces by their prefixes.

    :param handlers: an instance of each class of :data:`NAMESPACES`, in any order.
    """
    by_class = {type(handler): handler for handler in handlers}
    return {entry.prefix: by_class[entry.methods] for entry in NAMESPACES}
