"""A private Prosody with two domains, of which only one has a relay, for its own users."""

from __future__ import annotations

import os
from collections.abc import Sequence

from bitween.testing.private_prosody import PrivateProsody

_SECOND = """\
VirtualHost "elsewhere"

Component "proxy.localhost" "proxy65"
  proxy65_acl = { "localhost" }
"""


class TwoDomains(PrivateProsody):
    """
    Serves ``localhost``, which has a relay, and ``elsewhere``, which has none.

    :cvar elsewhere: the second domain.
    """

    elsewhere = "elsewhere"

    @property
    def _names(self) -> Sequence[str]:
        """Both domains."""
        return [self.domain, self.elsewhere]

    def add_account_elsewhere(self, user: str, password: str) -> str:
        """Make an account in the second domain; its bare JID."""
        self._check_account(user, password)
        folder = os.path.join(self._directory, "data", self.elsewhere)
        for path in (folder, os.path.join(folder, "accounts")):
            self._make_folder(path)
        text = f'return {{ ["password"] = "{password}" }};'
        self._write(os.path.join(folder, "accounts", f"{user}.dat"), text)
        return f"{user}@{self.elsewhere}"

    def _configure(self) -> None:
        super()._configure()
        path = f"{self._directory}/prosody.cfg.lua"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self._write(path, text.replace('Component "proxy.localhost" "proxy65"\n', _SECOND))
