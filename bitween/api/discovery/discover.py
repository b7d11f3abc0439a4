"""``rpc.discover``: describes the API as an OpenRPC document, made from its methods."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from bitween import errors
from bitween.api.discovery.schema import Schemas
from bitween.api.methods import NAMESPACES
from bitween.api.methods.daemon import API_VERSION
from bitween.api.results.faults import KINDS
from bitween.api.rpc.namespace import Namespace, is_reading, reads

Json = dict[str, Any]

_OPENRPC = "1.3.2"
_ABOUT = (
    "Pass parameters by position or by name. Sizes are in bytes, times in seconds since the epoch, "
    "and an unknown value is `null`. Ignore keys of a result that you do not know: a later version "
    "may add some."
)

_PREFIX = "jsonrpc_"
_FIELD = re.compile(r"^:(param|returns|raises) ?(\w*): ", re.MULTILINE)


class DiscoverMethods(Namespace):
    """``rpc.``: JSON-RPC reserves these names; OpenRPC defines one of them."""

    def __init__(self) -> None:
        super().__init__()
        self._document = document()

    @reads
    def jsonrpc_discover(self) -> Json:
        """Describe every method, its parameters, result and errors, as an OpenRPC document."""
        return self._document


def document() -> Json:
    """Describe all methods (OpenRPC 1.3.2)."""
    schemas = Schemas()
    methods = [
        _method(f"{entry.prefix}.{name}", entry.prefix, function, schemas)
        for entry in NAMESPACES
        for name, function in _functions(entry.methods)
    ]
    return {
        "openrpc": _OPENRPC,
        "info": {"title": "The bitween API", "version": API_VERSION, "description": _ABOUT},
        "methods": methods,
        "components": {
            "schemas": dict(sorted(schemas.named.items())),
            "errors": {reason: _error(kind) for kind, (_, reason) in KINDS.items()},
        },
    }


def _functions(namespace: type[Namespace]) -> Iterator[tuple[str, Callable[..., object]]]:
    """The methods of a class by name, in the order of the source."""
    for name, function in vars(namespace).items():
        if name.startswith(_PREFIX):
            yield name.removeprefix(_PREFIX), function


def _method(name: str, prefix: str, function: Callable[..., object], schemas: Schemas) -> Json:
    text = DocText.of(function)
    hints = get_type_hints(function, include_extras=True)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    described = [
        _parameter(parameter, hints[parameter.name], text.params.get(parameter.name), schemas)
        for parameter in parameters
    ]
    kinds = [getattr(errors, kind) for kind in text.raises]
    if parameters and errors.InvalidValue not in kinds:
        kinds.insert(0, errors.InvalidValue)
    if not is_reading(function):
        kinds.append(errors.ReadOnly)
    return {
        "name": name,
        "tags": [{"name": prefix}],
        "summary": text.summary,
        **({"description": text.description} if text.description else {}),
        "params": described,
        "result": {
            "name": "result",
            **({"description": text.returns} if text.returns else {}),
            "schema": schemas.of(hints["return"]),
        },
        "errors": [{"$ref": f"#/components/errors/{KINDS[kind][1]}"} for kind in kinds],
        "x-read-only": is_reading(function),
        "x-raises": {KINDS[getattr(errors, kind)][1]: why for kind, why in text.raises.items()},
    }


def _parameter(
    parameter: inspect.Parameter, hint: object, text: str | None, schemas: Schemas
) -> Json:
    schema = schemas.of(hint)
    required = parameter.default is parameter.empty
    if not required:
        schema = {**schema, "default": parameter.default}
    return {
        "name": parameter.name,
        **({"description": text} if text else {}),
        "required": required,
        "schema": schema,
    }


def _error(kind: type[errors.BitweenError]) -> Json:
    code, reason = KINDS[kind]
    meaning = (kind.__doc__ or "").strip().splitlines()[0]
    return {"code": code, "message": meaning, "data": {"reason": reason}}


@dataclass(frozen=True, slots=True)
class DocText:
    """
    The parts of a docstring.

    :param summary: the first paragraph.
    :param description: the other paragraphs; may be empty.
    :param params: texts by the name of the parameter.
    :param raises: texts by the name of the error.
    """

    summary: str
    description: str
    params: Mapping[str, str]
    returns: str
    raises: Mapping[str, str]

    @classmethod
    def of(cls, documented: object) -> DocText:
        """
        Read the docstring of an object.

        :param documented: its docstring has fields such as ``:param name:``.
        """
        text, *fields = _FIELD.split(inspect.getdoc(documented) or "")
        paragraphs = [_in_one_line(paragraph) for paragraph in text.strip().split("\n\n")]
        values = [
            (kind, name, _in_one_line(value))
            for kind, name, value in zip(fields[::3], fields[1::3], fields[2::3], strict=True)
        ]
        return cls(
            paragraphs[0],
            "\n\n".join(paragraphs[1:]),
            {name: value for kind, name, value in values if kind == "param"},
            next((value for kind, _, value in values if kind == "returns"), ""),
            {name: value for kind, name, value in values if kind == "raises"},
        )


def _in_one_line(text: str) -> str:
    return " ".join(text.replace("``", "`").split())
