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

#: Of the methods and their results, by semantic versioning: the first number rises when a program
#: that kept to the text could break, the second when anything is added, the third when only the
#: text changes.
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
        """Versions of the daemon, of this API and of what they are built on."""
        return self._versions

    def jsonrpc_exit(self) -> Done:
        """Stop the daemon cleanly."""
        # In the next turn, so that this one still answers; the site sends that before it closes.
        self._clock.callLater(0, self._bitween.stop)
        return True

    @by_token
    def jsonrpc_login_link(self, remember: bool = False) -> shapes.LogInLink:
        """
        A link that logs a browser in, once and within a minute, so that nobody types a token.

        :param remember: whether the browser stays logged in when the daemon is restarted.
        :raises ConfigurationError: if the API is at a Unix socket, which no browser can open.
        :raises TokenNeeded: if a log-in is shown in place of a token.
        """
        url, expires = self._links.make(remember)
        return {"url": url, "expires": expires}

    def jsonrpc_reconnect(self) -> Done:
        """Try now to connect to the XMPP server, or see whether the connection still holds."""
        self._bitween.connection.reconnect()
        return True

    @reads
    def jsonrpc_status(self) -> shapes.Status:
        """How the daemon is: connection, addresses, totals."""
        return encoding.status(self._bitween.status.report())

    @reads
    def jsonrpc_traffic(self) -> shapes.TrafficHistory:
        """How much was exchanged with everybody, and how fast in the last five minutes."""
        rates, account = self._bitween.rates, self._bitween.traffic
        return encoding.traffic_history(
            rates.samples, rates.interval, account.session, account.ever
        )

    @reads
    def jsonrpc_settings(self) -> shapes.Settings:
        """What is set on the command line, in the settings file, and by default; no secrets."""
        return {"settings": [encoding.setting(setting) for setting in self._settings]}

    @reads
    def jsonrpc_warnings(self) -> shapes.Warnings:
        """The last hundred warnings of the daemon's log since it started."""
        return {"warnings": self._recent.all()}


def _version_of(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
