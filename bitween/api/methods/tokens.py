"""``token.``: the tokens with which programs call the API."""

from __future__ import annotations

from collections.abc import Callable

from bitween.api.http.sessions import BrowserSessions
from bitween.api.http.tokens import ApiToken, TokenStore
from bitween.api.results.shapes import access as shapes
from bitween.api.results.shapes.common import Done
from bitween.api.rpc.namespace import Namespace, by_token
from bitween.api.rpc.params import Name


class TokenMethods(Namespace):
    """``token.``: only tokens with full access may call these methods, not a log-in."""

    def __init__(
        self, tokens: TokenStore, sessions: BrowserSessions, revoked: Callable[[str], object]
    ) -> None:
        """:param revoked: called with the name of a revoked token."""
        super().__init__()
        self._tokens = tokens
        self._sessions = sessions
        self._revoked = revoked

    @by_token
    def jsonrpc_new(self, name: Name | None = None, read_only: bool = False) -> shapes.NewToken:
        """
        Make a token.  Its secret is returned only here.

        :param name: the token's name, by which it can be revoked; chosen by default.
        :param read_only: whether the token allows only reading.
        :raises InvalidValue: if the name is in use, or there are too many tokens.
        :raises StoreError: if the token cannot be saved.
        :raises TokenNeeded: if the request is authenticated by a log-in instead of a token.
        """
        token, secret = self._tokens.new(name, read_only)
        return {**_shown(token), "token": secret}

    @by_token
    def jsonrpc_list(self) -> shapes.Tokens:
        """
        List all tokens without their secrets, the one of the token file first.

        :raises TokenNeeded: if the request is authenticated by a log-in instead of a token.
        """
        return {"tokens": [_shown(token) for token in self._tokens.known()]}

    @by_token
    def jsonrpc_revoke(self, name: Name) -> Done:
        """
        Revoke a token, end its open requests, and log all browsers out.

        :param name: the name of a token that was made by ``token.new``.
        :raises UnknownToken: if there is no token with this name.
        :raises StoreError: if the change cannot be saved.
        :raises TokenNeeded: if the request is authenticated by a log-in instead of a token.
        """
        self._tokens.revoke(name)
        self._sessions.end_all()
        self._revoked(name)
        return True


def _shown(token: ApiToken) -> shapes.Token:
    return {"name": token.name, "read_only": token.read_only, "created": token.created}
