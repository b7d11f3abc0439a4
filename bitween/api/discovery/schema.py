"""Translates Python types to JSON Schema (draft 7), which OpenRPC uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType, NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from bitween.api.http.json_stream import JsonObject
from bitween.api.rpc.params import Between, Name, Path, Wanted
from bitween.model.torrent import InfoHash

Schema = dict[str, Any]

_PLAIN: Mapping[object, Mapping[str, object]] = MappingProxyType(
    {
        str: {"type": "string"},
        bool: {"type": "boolean"},
        int: {"type": "integer"},
        float: {"type": "number"},
        NoneType: {"type": "null"},
        object: {},
        InfoHash: {
            "type": "string",
            "description": "an info-hash: 40 hexadecimal digits",
            "pattern": "^[0-9a-fA-F]{40}$",
        },
        Path: {
            "type": "string",
            "description": "a path on the daemon's machine; `~` is the home directory of its user",
            "minLength": 1,
        },
        Name: {"type": "string", "minLength": 1},
        Wanted: {"type": "string", "description": "an info-hash, or a magnet link", "minLength": 1},
    }
)


class Schemas:
    """
    Translates annotations to schemas.

    :ivar named: the schemas of classes, by name; other schemas refer to them.
    """

    def __init__(self) -> None:
        self.named: dict[str, Schema] = {}
        self._forms: Mapping[object, Callable[..., Schema]] = {
            Annotated: self._annotated,
            Union: self._any_of,
            UnionType: self._any_of,
            Literal: lambda *values: {"enum": list(values)},
            list: lambda of: {"type": "array", "items": self.of(of)},
            tuple: self._row,
            dict: lambda _, of: {"type": "object", "additionalProperties": self.of(of)},
        }

    def of(self, annotation: Any) -> Schema:
        """
        The schema of the values that an annotation allows.

        :param annotation: a type as the methods and shapes use it: a plain type, a TypedDict, a
            union, ``Literal``, ``Annotated``, or a list, tuple or dict of such types.
        :returns: the schema; for a TypedDict, a reference to its schema in :attr:`named`.
        """
        if annotation in _PLAIN:
            return dict(_PLAIN[annotation])
        if is_typeddict(annotation):
            return self._object(annotation)
        return self._forms[get_origin(annotation)](*get_args(annotation))

    def _annotated(self, annotation: Any, *about: object) -> Schema:
        if annotation is JsonObject:
            (shape,) = about
            return self.of(shape)
        schema = self.of(annotation)
        for fact in about:
            if isinstance(fact, Between):
                schema |= {"minimum": fact.low, "maximum": fact.high}
            elif isinstance(fact, type) and issubclass(fact, Enum):
                schema |= {"enum": [member.value for member in fact]}
                if NoneType in get_args(annotation):
                    schema["enum"].append(None)
            else:
                schema |= {"description": fact}
        return schema

    def _any_of(self, *annotations: Any) -> Schema:
        schemas = [self.of(annotation) for annotation in annotations]
        first, *others = schemas
        if others == [{"type": "null"}] and isinstance(first.get("type"), str):
            nullable = {**first, "type": [first["type"], "null"]}
            return {**nullable, "enum": [*first["enum"], None]} if "enum" in first else nullable
        return {"anyOf": schemas}

    def _row(self, *annotations: Any) -> Schema:
        return {
            "type": "array",
            "items": [self.of(annotation) for annotation in annotations],
            "minItems": len(annotations),
            "maxItems": len(annotations),
        }

    def _object(self, annotation: Any) -> Schema:
        name = annotation.__name__
        if name not in self.named:
            hints = get_type_hints(annotation, include_extras=True)
            self.named[name] = {
                "type": "object",
                "description": (annotation.__doc__ or "").replace("``", "`"),
                "properties": {key: self.of(hint) for key, hint in hints.items()},
                "required": [key for key in hints if key in annotation.__required_keys__],
            }
        return {"$ref": f"#/components/schemas/{name}"}
