"""``token.``: the tokens with which programs call the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from bitween.api import views
from bitween.api.jsonrpc import Namespace
from bitween.api.sessions import Sessions
from bitween.api.tokens import Tokens


class TokenMethods(Namespace):
    """What the first token, and other full ones, may do with tokens."""

    def __init__(
        self, tokens: Tokens, sessions: Sessions, revoked: Callable[[str], object]
    ) -> None:
        """:param revoked: told the name of a token that is useless now."""
        super().__init__()
        self._tokens = tokens
        self._sessions = sessions
        self._revoked = revoked

    def jsonrpc_new(self, name: str | None = None, read_only: bool = False) -> views.Json:
        """
        Make a token; the answer is the only place where it ever stands.

        :param name: by which it can be revoked; one is chosen by default.
        :param read_only: whether it is for looking only.
        """
        token, secret = self._tokens.new(name, read_only)
        return {**asdict(token), "token": secret}

    def jsonrpc_list(self) -> views.Json:
        """All tokens without their secrets, the one of the token file first."""
        return {"tokens": [asdict(token) for token in self._tokens.known()]}

    def jsonrpc_revoke(self, name: str) -> bool:
        """
        Make a token useless, end what is open with it, and have every browser log in again.

        :param name: of a token that was made by ``token.new``.
        """
        self._tokens.revoke(name)
        self._sessions.end_all()
        self._revoked(name)
        return True
