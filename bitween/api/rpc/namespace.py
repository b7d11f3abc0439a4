"""Namespaces of JSON-RPC methods, and the marks that say who may call a method."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from txjsonrpc_ng.jsonrpc import BaseSubhandler
from txjsonrpc_ng.jsonrpclib import NoSuchFunction

from bitween.api.results.faults import METHOD_NOT_FOUND

_READ_ONLY = "read_only"
_BY_TOKEN = "by_token"  # noqa: S105  # the name of a mark

Method = TypeVar("Method", bound=Callable[..., object])


class Namespace(BaseSubhandler):
    """The methods of one prefix: each is named ``jsonrpc_`` and its name in the API."""

    def _getFunction(self, path: str) -> Callable[..., object]:
        if path.startswith("_"):
            raise NoSuchFunction(METHOD_NOT_FOUND, "")  # txjsonrpc's own __dir__ among them
        function: Callable[..., object] = super()._getFunction(path)
        return function


def reads(method: Method) -> Method:
    """Mark a method as callable with a read-only token: it tells no secret, changes nothing."""
    setattr(method, _READ_ONLY, True)
    return method


def by_token(method: Method) -> Method:
    """Mark a method as callable with a token only: it gives access that outlives a log-in."""
    setattr(method, _BY_TOKEN, True)
    return method


def is_reading(method: Callable[..., object]) -> bool:
    """
    Whether a read-only token is enough for a method.

    :param method: a method of a :class:`Namespace`; see :func:`reads`.
    """
    return getattr(method, _READ_ONLY, False)


def needs_token(method: Callable[..., object]) -> bool:
    """
    Whether a method is callable with a token only, not with a browser's session.

    :param method: a method of a :class:`Namespace`; see :func:`by_token`.
    """
    return getattr(method, _BY_TOKEN, False)
