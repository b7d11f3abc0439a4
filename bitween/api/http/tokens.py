"""The tokens with which programs call the API, and the access of each."""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import count

from bitween.api.http.access import Caller, TokenAccess
from bitween.errors import ConfigurationError, InvalidValue, StoreError, UnknownToken
from bitween.model.proof import token_digest
from bitween.model.text import printable
from bitween.storage.api_location import read_private
from bitween.util import private_file

#: The name of the token in the token file, which is always there.
FIRST = "first"
#: Tokens beside the first: few enough to compare each request with all of them.
MAX_TOKENS = 100
_MAX_NAME = 60


@dataclass(frozen=True, slots=True)
class ApiToken:
    """
    A token, without its secret.

    :param created: seconds since the epoch; ``None`` for the first, whose age is not known.
    """

    name: str
    read_only: bool
    created: float | None

    @property
    def caller(self) -> Caller:
        """The caller who shows it."""
        return Caller(TokenAccess.READ_ONLY if self.read_only else TokenAccess.FULL, self.name)


@dataclass(frozen=True, slots=True)
class _StoredToken:
    """A token with the SHA-256 digest of its secret, in hex, which does not reveal the secret."""

    token: ApiToken
    digest: str


class TokenStore:
    """The first token, and those made by users, which are saved in a file as digests."""

    def __init__(
        self,
        first: str,
        path: str,
        made: Sequence[_StoredToken] = (),
        now: Callable[[], float] = time.time,
    ) -> None:
        """
        :param first: the secret of the first token.
        :param path: the file for the other tokens.
        :param made: the other tokens, as loaded.
        :param now: returns the time, in seconds since the epoch.
        """
        self._first = _StoredToken(
            ApiToken(FIRST, read_only=False, created=None), token_digest(first.encode())
        )
        self._path = path
        self._made = list(made)
        self._now = now

    @classmethod
    def load(cls, first: str, path: str) -> TokenStore:
        """
        Read the saved tokens.

        :param first: the secret of the first token.
        :param path: the file with the other tokens; it may be missing.
        :raises ConfigurationError: if the file is damaged, or other users could have written it.
        """
        try:
            text = read_private(path)
        except FileNotFoundError:
            return cls(first, path)
        try:
            return cls(first, path, [_parsed(entry) for entry in json.loads(text)])
        except (ValueError, TypeError, KeyError):
            raise ConfigurationError(
                f"{path!r} is damaged", "remove it, and make new tokens"
            ) from None

    def caller(self, secret: bytes) -> Caller | None:
        """The caller who shows this secret, if it is a token's."""
        digest = token_digest(secret)
        # Compares all, so that the time does not reveal which one fits.
        fitting = [stored for stored in self._all() if hmac.compare_digest(stored.digest, digest)]
        return fitting[0].token.caller if fitting else None

    def digests(self) -> list[str]:
        """The SHA-256 digests of all secrets, in hex."""
        return [stored.digest for stored in self._all()]

    @property
    def fingerprint(self) -> str:
        """The SHA-256 digest of the first token's secret, in hex; changes when the token does."""
        return self._first.digest

    def known(self) -> tuple[ApiToken, ...]:
        """All tokens, beginning with the first."""
        return tuple(stored.token for stored in self._all())

    def new(self, name: str | None, read_only: bool) -> tuple[ApiToken, str]:
        """
        Make a token.

        :param name: the name by which to revoke it; chosen by default.
        :param read_only: whether a caller with the token may only read.
        :returns: the token and its secret, which is not kept.
        :raises InvalidValue: if the name is in use or not valid, or there are too many tokens.
        :raises StoreError: if it cannot be saved.
        """
        if len(self._made) >= MAX_TOKENS:
            raise InvalidValue.of("invalid_value.too_many_tokens", n=MAX_TOKENS)
        token = ApiToken(self._free_name() if name is None else name, read_only, self._now())
        self._check_name(token.name)
        secret = secrets.token_urlsafe(32)
        self._save([*self._made, _StoredToken(token, token_digest(secret.encode()))])
        return token, secret

    def revoke(self, name: str) -> None:
        """
        Revoke a token.

        :raises UnknownToken: if there is no token with this name.
        :raises InvalidValue: if it is the first.
        :raises StoreError: if the change cannot be saved.
        """
        if name == FIRST:
            raise InvalidValue.of("invalid_value.first_token")
        left = [stored for stored in self._made if stored.token.name != name]
        if len(left) == len(self._made):
            raise UnknownToken.of("unknown_token.name", name=printable(name, _MAX_NAME))
        self._save(left)

    def _all(self) -> Iterator[_StoredToken]:
        yield self._first
        yield from self._made

    def _free_name(self) -> str:
        taken = {token.name for token in self.known()}
        return next(name for name in (f"token-{n}" for n in count(1)) if name not in taken)

    def _check_name(self, name: str) -> None:
        if not name.strip() or len(name) > _MAX_NAME or name != printable(name):
            raise InvalidValue.of("invalid_value.token_name", most=_MAX_NAME)
        if name in {token.name for token in self.known()}:
            raise InvalidValue.of("invalid_value.token_taken", name=name)

    def _save(self, made: list[_StoredToken]) -> None:
        entries = [{**asdict(stored.token), "sha256": stored.digest} for stored in made]
        try:
            private_file.replace(self._path, json.dumps(entries, indent=1))
        except OSError as error:
            raise StoreError.of("store_error.tokens", why=error.strerror or "") from None
        self._made = made


def _parsed(entry: dict[str, object]) -> _StoredToken:
    """
    :raises ValueError: if it is not an entry; KeyError and TypeError, too.
    """
    name, read_only, created = entry["name"], entry["read_only"], entry["created"]
    digest = entry["sha256"]
    if not isinstance(name, str) or not isinstance(digest, str) or not digest.isascii():
        raise TypeError
    if not isinstance(read_only, bool) or not isinstance(created, int | float):
        raise TypeError
    return _StoredToken(ApiToken(name, read_only, created), digest)
