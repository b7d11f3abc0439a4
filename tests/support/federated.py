"""Private Prosodies that reach each other, each with a domain of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from bitween.testing.private_prosody import PrivateProsody

_ROUTES = """\
-- Other servers are where the configuration says, as there is no DNS for their domains.
local service = require "net.resolvers.service";
local basic = require "net.resolvers.basic";
module:set_global();
local routes = module:get_option("fixed_routes", {});
local new = service.new;
service.new = function (host, ...)
    local port = routes[host];
    if port then return basic.new("127.0.0.1", port, "tcp", {}); end
    return new(host, ...);
end
"""


class FederatedProsody(PrivateProsody):
    """
    Talks to other servers, which :meth:`knows` names.

    Whether a certificate is one that can be trusted is not checked: each vouches for itself
    through dialback (XEP-0220).
    """

    more_modules: ClassVar[Sequence[str]] = ("s2s", "dialback", "fixed_routes")
    disabled: ClassVar[Sequence[str]] = ("s2s_auth_certs",)
    port_count = 4

    def __init__(self, domain: str) -> None:
        self.domain = domain
        self._others: Sequence[FederatedProsody] = ()
        super().__init__()

    @property
    def federation_port(self) -> int:
        """Where other servers connect to it."""
        return self._ports[3]

    def knows(self, *others: FederatedProsody) -> None:
        """Tell it where other servers are, which have been started; from its next start on."""
        self._others = others

    def _configure(self) -> None:
        super()._configure()
        self._write(f"{self._directory}/mod_fixed_routes.lua", _ROUTES)
        routes = "".join(
            f'["{prefix}{other.domain}"] = {other.federation_port}; '
            for other in self._others
            for prefix in ("", "proxy.")
        )
        path = f"{self._directory}/prosody.cfg.lua"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        text = text.replace("s2s_ports = {}", f"s2s_ports = {{ {self.federation_port} }}")
        text = text.replace('"localhost"', f'"{self.domain}"')
        text = text.replace('"proxy.localhost"', f'"proxy.{self.domain}"')
        settings = (
            f'plugin_paths = {{ "{self._directory}" }}\n'
            f"fixed_routes = {{ {routes} }}\n"
            "s2s_secure_auth = false\n"
        )
        self._write(path, settings + text)
