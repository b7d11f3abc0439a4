"""Single values that one run leaves to the next, in the table ``meta``."""

from __future__ import annotations

import json
import re

from bitween.model.days_online import DaysOnline
from bitween.model.torrent_options import Limits
from bitween.storage.sqlite import SqliteTables

_MAX_PORT = 65535
_PORT = re.compile("[1-9][0-9]{0,4}")


class SettingTable(SqliteTables):
    """Stores limits, the days online, the listen port, the XMPP resource and the account."""

    def limits(self) -> tuple[Limits, Limits] | None:
        """What :meth:`keep_limits` stored: those of the settings, and the chosen ones."""
        try:
            configured, chosen = json.loads(self._meta("limits") or "")
            return Limits(*configured), Limits(*chosen)
        except (ValueError, TypeError):
            return None

    def keep_limits(self, configured: Limits, chosen: Limits) -> None:
        """Store the limits that the user chose, and those in the settings at this time."""
        values = [[limits.upload, limits.download] for limits in (configured, chosen)]
        self._set_meta("limits", json.dumps(values))

    def days_online(self) -> DaysOnline:
        """The days on which we were online, as far as they are stored."""
        try:
            return DaysOnline(tuple(map(float, json.loads(self._meta("days_online") or "[]"))))
        except (ValueError, TypeError):
            return DaysOnline()

    def keep_days_online(self, days: DaysOnline) -> None:
        """Store the days on which we were online."""
        self._set_meta("days_online", json.dumps(days.times))

    @property
    def listen_port(self) -> int | None:
        """The port that an earlier run chose."""
        return self._port("listen_port")

    @listen_port.setter
    def listen_port(self, port: int) -> None:
        self._set_meta("listen_port", str(port))

    @property
    def plain_port(self) -> int | None:
        """The port for plain torrents that an earlier run chose."""
        return self._port("plain_port")

    @plain_port.setter
    def plain_port(self, port: int) -> None:
        self._set_meta("plain_port", str(port))

    def _port(self, key: str) -> int | None:
        port = self._meta(key)
        return int(port) if port and _PORT.fullmatch(port) and int(port) <= _MAX_PORT else None

    @property
    def resource(self) -> str | None:
        """The XMPP resource that an earlier run chose."""
        return self._meta("resource")

    @resource.setter
    def resource(self, resource: str) -> None:
        self._set_meta("resource", resource)

    @property
    def logged_in(self) -> str | None:
        """The bare JID of the account that logged in last."""
        return self._meta("logged_in")

    @logged_in.setter
    def logged_in(self, jid: str) -> None:
        self._set_meta("logged_in", jid)
