"""``Api.``: the daemon itself."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from twisted.internet.interfaces import IReactorTime

import bitween
from bitween.api.events.recent_warnings import RecentWarnings
from bitween.api.http.log_in import LogInLinks
from bitween.api.results.encoding import daemon as encoding
from bitween.api.results.shapes import daemon as shapes
from bitween.api.results.shapes.common import Done
from bitween.api.rpc.namespace import Namespace, by_token, reads
from bitween.app.application import Bitween
from bitween.model.setting import Setting

#: The version of the methods and their results, by semantic versioning: the first number rises when
#: a program that relies on the documentation could break, the second when anything is added, the
#: third when only the text changes.
API_VERSION = "2.0.0"


class ApiMethods(Namespace):
    """``Api.``: the daemon itself."""

    def __init__(
        self,
        application: Bitween,
        clock: IReactorTime,
        links: LogInLinks,
        recent: RecentWarnings,
        settings: Sequence[Setting],
    ) -> None:
        super().__init__()
        self._bitween = application
        self._clock = clock
        self._links = links
        self._recent = recent
        self._settings = settings
        self._versions: shapes.Versions = {
            "bitween": bitween.__version__,
            "api": API_VERSION,
            "libtorrent": _version_of("libtorrent"),
            "twisted": _version_of("twisted"),
            "wokkel": _version_of("wokkel"),
            "python": platform.python_version(),
        }

    @reads
    def jsonrpc_versions(self) -> shapes.Versions:
        """Show the versions of the daemon, of this API and of the libraries below them."""
        return self._versions

    def jsonrpc_exit(self) -> Done:
        """Stop the daemon cleanly."""
        # In the next turn, after this call is answered; the site sends the answer before it closes.
        self._clock.callLater(0, self._bitween.stop)
        return True

    @by_token
    def jsonrpc_login_link(self, remember: bool = False) -> shapes.LogInLink:
        """
        Make a link that logs a browser in without a token.

        The link works once, for a minute.

        :param remember: keep the browser logged in when the daemon restarts.
        :raises ConfigurationError: if the API listens at a Unix socket, which no browser can open.
        :raises TokenNeeded: if the request is authenticated by a log-in instead of a token.
        """
        url, expires = self._links.make(remember)
        return {"url": url, "expires": expires}

    def jsonrpc_reconnect(self) -> Done:
        """Connect to the XMPP server now, or check whether the connection still works."""
        self._bitween.connection.reconnect()
        return True

    @reads
    def jsonrpc_status(self) -> shapes.Status:
        """Show the state of the daemon: connection, addresses, totals."""
        return encoding.status(self._bitween.status.report())

    @reads
    def jsonrpc_traffic(self) -> shapes.TrafficHistory:
        """
        Show how much was transferred with all contacts, and the rates of the last five minutes.
        """
        rates, account = self._bitween.rates, self._bitween.traffic
        return encoding.traffic_history(
            rates.samples, rates.interval, account.session, account.ever
        )

    @reads
    def jsonrpc_settings(self) -> shapes.Settings:
        """List the settings: from the command line, the settings file, and defaults; no secrets."""
        return {"settings": [encoding.setting(setting) for setting in self._settings]}

    @reads
    def jsonrpc_warnings(self) -> shapes.Warnings:
        """List the last hundred warnings in the daemon's log since it started."""
        return {"warnings": self._recent.all()}


def _version_of(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
