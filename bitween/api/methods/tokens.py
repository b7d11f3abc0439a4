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
    """What the first token, and other full ones, may do with tokens; a log-in may do none of it."""

    def __init__(
        self, tokens: TokenStore, sessions: BrowserSessions, revoked: Callable[[str], object]
    ) -> None:
        """:param revoked: told the name of a token that is useless now."""
        super().__init__()
        self._tokens = tokens
        self._sessions = sessions
        self._revoked = revoked

    @by_token
    def jsonrpc_new(self, name: Name | None = None, read_only: bool = False) -> shapes.NewToken:
        """
        Make a token; the answer is the only place where it ever stands.

        :param name: by which it can be revoked; one is chosen by default.
        :param read_only: whether it is for looking only.
        :raises StoreError: if it cannot be kept.
        :raises TokenNeeded: if a log-in is shown in place of a token.
        """
        token, secret = self._tokens.new(name, read_only)
        return {**_shown(token), "token": secret}

    @by_token
    def jsonrpc_list(self) -> shapes.Tokens:
        """
        All tokens without their secrets, the one of the token file first.

        :raises TokenNeeded: if a log-in is shown in place of a token.
        """
        return {"tokens": [_shown(token) for token in self._tokens.known()]}

    @by_token
    def jsonrpc_revoke(self, name: Name) -> Done:
        """
        Make a token useless, end what is open with it, and have every browser log in again.

        :param name: of a token that was made by ``token.new``.
        :raises UnknownToken: if there is none of that name.
        :raises StoreError: if that cannot be kept.
        :raises TokenNeeded: if a log-in is shown in place of a token.
        """
        self._tokens.revoke(name)
        self._sessions.end_all()
        self._revoked(name)
        return True


def _shown(token: ApiToken) -> shapes.Token:
    return {"name": token.name, "read_only": token.read_only, "created": token.created}
