"""The tokens with which programs call the API, and what each of them may do."""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import count

from bitween.api.http import private_file
from bitween.api.http.access import Access, Caller
from bitween.errors import ConfigurationError, InvalidValue, StoreError, UnknownToken
from bitween.model.proof import token_digest
from bitween.model.text import printable
from bitween.storage.api_location import read_private

#: The name of the token in the token file, which is always there.
FIRST = "first"
#: Tokens beside the first: so many that each request can be compared with all.
MAX_TOKENS = 100
_MAX_NAME = 60


@dataclass(frozen=True, slots=True)
class ApiToken:
    """
    A token, without its secret.

    :param created: seconds since the epoch; ``None`` for the first, of which that is not known.
    """

    name: str
    read_only: bool
    created: float | None

    @property
    def caller(self) -> Caller:
        """Whoever shows it."""
        return Caller(Access.READ_ONLY if self.read_only else Access.FULL, self.name)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A token with the SHA-256 digest of its secret, in hex: it cannot be guessed from that."""

    token: ApiToken
    digest: str


class TokenStore:
    """The first token, and all that were made since, which are kept in a file as digests."""

    def __init__(
        self,
        first: str,
        path: str,
        made: Sequence[_Kept] = (),
        now: Callable[[], float] = time.time,
    ) -> None:
        """
        :param first: the secret of the first.
        :param path: the file for those that are made.
        """
        self._first = _Kept(
            ApiToken(FIRST, read_only=False, created=None), token_digest(first.encode())
        )
        self._path = path
        self._made = list(made)
        self._now = now

    @classmethod
    def load(cls, first: str, path: str) -> TokenStore:
        """
        Read those that were made before.

        :raises ConfigurationError: if the file is damaged, or others could have written it.
        """
        try:
            text = read_private(path)
        except FileNotFoundError:
            return cls(first, path)
        try:
            return cls(first, path, [_parsed(entry) for entry in json.loads(text)])
        except (ValueError, TypeError, KeyError):
            raise ConfigurationError(
                f"{path!r} is damaged", "remove it, and make the tokens anew"
            ) from None

    def caller(self, secret: bytes) -> Caller | None:
        """Whoever shows this secret, if it is one of ours."""
        digest = token_digest(secret)
        # All are compared, so that the time tells nothing of which.
        fitting = [kept for kept in self._all() if hmac.compare_digest(kept.digest, digest)]
        return fitting[0].token.caller if fitting else None

    def digests(self) -> list[str]:
        """The SHA-256 digests of all secrets, in hex."""
        return [kept.digest for kept in self._all()]

    @property
    def fingerprint(self) -> str:
        """The SHA-256 digest of the first token's secret, in hex: another one has another."""
        return self._first.digest

    def known(self) -> tuple[ApiToken, ...]:
        """All tokens, the first one first."""
        return tuple(kept.token for kept in self._all())

    def new(self, name: str | None, read_only: bool) -> tuple[ApiToken, str]:
        """
        Make a token.

        :param name: by which it can be revoked; one is chosen by default.
        :returns: with it the secret, which nobody can tell again.
        :raises InvalidValue: if the name is taken or no name, or there are too many tokens.
        :raises StoreError: if it cannot be kept.
        """
        if len(self._made) >= MAX_TOKENS:
            raise InvalidValue(f"there are {MAX_TOKENS} tokens already", "revoke one")
        token = ApiToken(self._free_name() if name is None else name, read_only, self._now())
        self._check_name(token.name)
        secret = secrets.token_urlsafe(32)
        self._keep([*self._made, _Kept(token, token_digest(secret.encode()))])
        return token, secret

    def revoke(self, name: str) -> None:
        """
        Make a token useless.

        :raises UnknownToken: if there is none of that name.
        :raises InvalidValue: if it is the first.
        :raises StoreError: if that cannot be kept.
        """
        if name == FIRST:
            raise InvalidValue(
                "the first token cannot be revoked",
                "stop the daemon and remove its token file, to have another one made",
            )
        left = [kept for kept in self._made if kept.token.name != name]
        if len(left) == len(self._made):
            raise UnknownToken(
                f"there is no token '{printable(name, _MAX_NAME)}'", "bitween token lists them"
            )
        self._keep(left)

    def _all(self) -> Iterator[_Kept]:
        yield self._first
        yield from self._made

    def _free_name(self) -> str:
        taken = {token.name for token in self.known()}
        return next(name for name in (f"token-{n}" for n in count(1)) if name not in taken)

    def _check_name(self, name: str) -> None:
        if not name.strip() or len(name) > _MAX_NAME or name != printable(name):
            raise InvalidValue(
                f"a token's name has 1 to {_MAX_NAME} printable characters", "choose another"
            )
        if name in {token.name for token in self.known()}:
            raise InvalidValue(f"there is a token '{name}' already", "choose another name")

    def _keep(self, made: list[_Kept]) -> None:
        entries = [{**asdict(kept.token), "sha256": kept.digest} for kept in made]
        try:
            private_file.replace(self._path, json.dumps(entries, indent=1))
        except OSError as error:
            raise StoreError(
                f"the tokens cannot be written: {error.strerror}", "see the state directory"
            ) from None
        self._made = made


def _parsed(entry: dict[str, object]) -> _Kept:
    """
    :raises ValueError: if it is no entry; KeyError and TypeError, too.
    """
    name, read_only, created = entry["name"], entry["read_only"], entry["created"]
    digest = entry["sha256"]
    if not isinstance(name, str) or not isinstance(digest, str) or not digest.isascii():
        raise TypeError
    if not isinstance(read_only, bool) or not isinstance(created, int | float):
        raise TypeError
    return _Kept(ApiToken(name, read_only, created), digest)
