"""Checks the parameters of a call against the method's signature."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin, get_type_hints

from bitween.errors import InvalidValue
from bitween.model.magnet import wanted_hash
from bitween.model.text import printable
from bitween.model.torrent import InfoHash, parse_info_hash

#: A path on the daemon's machine; the use case checks whether it is absolute.
Path = NewType("Path", str)
#: Text that is not empty, such as a name or a JID.
Name = NewType("Name", str)
#: A torrent to download: an info-hash, or a magnet link.
Wanted = NewType("Wanted", str)


@dataclass(frozen=True, slots=True)
class Between:
    """Bounds of a number, both included: ``Annotated[int, Between(0, 10)]``."""

    low: int
    high: int


#: How many entries of a list come before the page that is asked for.
Offset = Annotated[int, Between(0, 2**53)]
#: How many entries a page has at most.
PageSize = Annotated[int, Between(0, 1000)]


@dataclass(frozen=True, slots=True)
class Signature:
    """
    The parameters of a method.

    :param annotations: by name, in order.
    :param required: the names that have no default.
    """

    annotations: Mapping[str, Any]
    required: Sequence[str]

    @classmethod
    def of(cls, method: Callable[..., object]) -> Signature:
        """Read the signature of a bound method, all of whose parameters are annotated."""
        parameters = inspect.signature(method).parameters.values()
        hints = get_type_hints(method, include_extras=True)
        return cls(
            {parameter.name: hints[parameter.name] for parameter in parameters},
            [parameter.name for parameter in parameters if parameter.default is parameter.empty],
        )

    def bind(self, values: Sequence[object] | Mapping[str, object]) -> dict[str, object]:
        """
        Assign each value to its parameter, and convert it to the annotated type.

        :param values: by position or by name (JSON-RPC 2.0 §4.2).
        :returns: arguments by name, without the parameters that were left out.
        :raises InvalidValue: naming the parameter that is missing, unknown or of the wrong type.
        """
        named = values if isinstance(values, Mapping) else self._by_name(values)
        for name in named:
            if name not in self.annotations:
                raise InvalidValue.of(
                    "invalid_value.unknown_parameter", name=printable(name, 60), known=self._known
                )
        for name in self.required:
            if name not in named:
                raise InvalidValue.of(
                    "invalid_value.missing_parameter", name=name, known=self._known
                )
        return {name: _read(self.annotations[name], name, value) for name, value in named.items()}

    def _by_name(self, values: Sequence[object]) -> dict[str, object]:
        if len(values) > len(self.annotations):
            raise InvalidValue.of(
                "invalid_value.too_many_parameters", n=len(values), known=self._known
            )
        return dict(zip(self.annotations, values, strict=False))

    @property
    def _known(self) -> str:
        return ", ".join(self.annotations) or "no parameters"


def _read(annotation: Any, name: str, value: object) -> object:
    try:
        return _value(annotation, value)
    except InvalidValue as error:
        # The id stays: translations need not name the parameter.
        error.message = f"parameter '{name}': {error.message}"
        raise


def _value(annotation: Any, value: object) -> object:
    reader = _READERS.get(annotation)
    if reader is not None:
        return reader(value)
    arguments = get_args(annotation)
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        (inner,) = (argument for argument in arguments if argument is not NoneType)
        return None if value is None else _value(inner, value)
    if origin is list:
        return _list(arguments[0], value)
    if origin is Literal:
        return _one_of(arguments, value)
    assert origin is Annotated, annotation
    return _bounded(arguments[1], _value(arguments[0], value))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidValue.of("invalid_value.not_text", value=_shown(value))
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidValue.of("invalid_value.not_boolean", value=_shown(value))
    return value


def _whole_number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidValue.of("invalid_value.not_whole", value=_shown(value))
    return value


def _path(value: object) -> Path:
    path = _text(value)
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise InvalidValue.of("invalid_value.not_a_path", value=_shown(value)) from None
    if not path or "\0" in path:
        raise InvalidValue.of("invalid_value.not_a_path", value=_shown(value))
    # Users expect what a shell does with `~`; such a path would not be absolute otherwise.
    return Path(os.path.expanduser(path))


def _name(value: object) -> Name:
    name = _text(value)
    if not name:
        raise InvalidValue.of("invalid_value.empty")
    return Name(name)


_READERS: Mapping[Any, Callable[[object], object]] = {
    str: _text,
    bool: _truth,
    int: _whole_number,
    Path: _path,
    Name: _name,
    InfoHash: lambda value: parse_info_hash(_text(value)),
    Wanted: lambda value: wanted_hash(_text(value)),
}


def _list(annotation: Any, value: object) -> list[object]:
    if not isinstance(value, list):
        raise InvalidValue.of("invalid_value.not_a_list", value=_shown(value))
    return [_value(annotation, entry) for entry in value]


def _one_of(known: Sequence[object], value: object) -> object:
    if not isinstance(value, str) or value not in known:
        raise InvalidValue.of(
            "invalid_value.none_of", value=_shown(value), known=", ".join(map(str, known))
        )
    return value


def _bounded(bounds: Between, value: object) -> object:
    assert isinstance(value, int)
    if not bounds.low <= value <= bounds.high:
        raise InvalidValue.of(
            "invalid_value.out_of_bounds",
            value=_shown(value),
            low=str(bounds.low),
            high=str(bounds.high),
        )
    return value


def _shown(value: object) -> str:
    """A value for an error message: short, and in JSON's notation."""
    if isinstance(value, str):
        return printable(repr(value[:60]))
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    return printable(str(value), 60)
