"""The site: what the daemon serves over HTTP, and at which path."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import Resource

from bitween.api.discovery.discover import DiscoverMethods
from bitween.api.discovery.docs_page import DOCS, docs_page
from bitween.api.events.log import EventLog
from bitween.api.events.recent_warnings import RecentWarnings
from bitween.api.events.sse import EventStreams
from bitween.api.files.download import FilePages
from bitween.api.files.upload import UPLOAD, UploadResource
from bitween.api.http.access import Caller
from bitween.api.http.authentication import Authenticator
from bitween.api.http.failed_log_ins import FailedLogIns
from bitween.api.http.file_tickets import FileTickets
from bitween.api.http.file_url import FILES
from bitween.api.http.log_in import LOG_IN, LogInLinks, LogInResource, LogOutResource
from bitween.api.http.proof import PROOF, ProofResource
from bitween.api.http.sessions import BrowserSessions, SessionStore
from bitween.api.http.site import BoundedSite
from bitween.api.http.tokens import TokenStore
from bitween.api.methods import by_prefix
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
from bitween.api.metrics.metrics import Metrics, MetricsResource
from bitween.api.rpc.jsonrpc import JsonRpcResource
from bitween.api.rpc.namespace import Namespace
from bitween.app.application import Bitween
from bitween.files.browse import Folders
from bitween.files.uploads.uploads import Uploads
from bitween.model.setting import Setting

PATH = "/api"


def make_site(
    application: Bitween,
    reactor: IReactorTime,
    tokens: TokenStore,
    hosts: Iterable[str] = (),
    *,
    pages: Mapping[str, Resource],
    log: EventLog,
    metrics: Metrics,
    folders: Folders,
    uploads: Uploads,
    settings: Sequence[Setting] = (),
    now: Callable[[], float] = time.time,
    remembered: SessionStore | None = None,
) -> BoundedSite:
    """
    Build the site with all of its resources, behind authentication.

    :param tokens: the tokens that clients can show.
    :param hosts: further ``Host`` headers to allow.
    :param pages: resources without secrets, which need no log-in, by the first part of their path;
        log-in links lead to the one with an empty path.
    :param log: the events for clients.
    :param metrics: the figures for ``/metrics``; measures the time of calls.
    :param folders: the folders that clients can browse.
    :param uploads: the uploads of clients.
    :param settings: the settings for ``Api.settings``.
    :param now: seconds since the epoch.
    :param remembered: saves the sessions of browsers that stay logged in.
    """
    sessions, failures = BrowserSessions(now, remembered, reactor.seconds), FailedLogIns(reactor)
    tickets = FileTickets(reactor, partial(_is_alive, tokens, sessions))
    pages = {**pages, DOCS: docs_page()}
    authenticator = Authenticator(
        tokens, sessions, tickets, failures, hosts=hosts, public=(LOG_IN, PROOF, *pages)
    )
    root = Resource()
    uploading = UploadResource(application, uploads)
    site = BoundedSite(root, reactor, authenticator.check, uploading.body_receiver)
    logged_out = partial(_abort_session, site, reactor)
    links = LogInLinks(sessions, lambda: site.url)
    handlers = (
        ApiMethods(application, reactor, links, RecentWarnings(log), settings),
        *_use_cases(application, folders),
        EventMethods(log, reactor),
        TokenMethods(tokens, sessions, partial(_abort_token, site, reactor)),
        SessionMethods(sessions, logged_out),
        UploadMethods(application, uploads),
    )
    methods = {**by_prefix(handlers), "rpc": DiscoverMethods()}
    resources: dict[str, Resource] = {
        PATH[1:]: JsonRpcResource(methods, reactor, metrics.call_began),
        "events": EventStreams(log, reactor),
        FILES: FilePages(application.files.open, reactor, tickets),
        UPLOAD: uploading,
        "metrics": MetricsResource(metrics.registry),
        LOG_IN: LogInResource(tokens, sessions, failures),
        PROOF: ProofResource(tokens),
        "logout": LogOutResource(sessions, logged_out),
    }
    for path, resource in {**resources, **pages}.items():
        root.putChild(path.encode("ascii"), resource)
    return site


def _use_cases(application: Bitween, folders: Folders) -> tuple[Namespace, ...]:
    """The methods that need nothing but the application, and the folders to choose from."""
    return (
        TorrentMethods(application, folders),
        AccessMethods(application),
        ContactMethods(application),
        DeviceMethods(application),
        JobMethods(application),
        NetMethods(application),
    )


def _is_alive(tokens: TokenStore, sessions: BrowserSessions, caller: Caller) -> bool:
    """Whether a caller's token or session is still valid."""
    if caller.session is not None:
        return sessions.is_alive(caller.session)
    return caller.token in {token.name for token in tokens.known()}


def _abort_token(site: BoundedSite, reactor: IReactorTime, name: str) -> None:
    """Abort the requests with a token that was revoked."""
    # Browsers (without a token's name) too, as their sessions have ended.  In the next turn: a
    # caller who revokes their own token still gets the answer.
    reactor.callLater(0, site.abort_requests, lambda caller: caller.token in {name, None})


def _abort_session(site: BoundedSite, reactor: IReactorTime, session: str) -> None:
    """Abort the requests of a browser's session that has ended, in the next turn."""
    reactor.callLater(0, site.abort_requests, lambda caller: caller.session == session)
