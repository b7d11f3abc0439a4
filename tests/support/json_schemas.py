"""Checks of JSON values against the API's schemas."""

from __future__ import annotations

from typing import Any


def closed(schema: Any) -> Any:
    """The schema with no keys allowed but those that it names."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    told = {key: closed(value) for key, value in schema.items()}
    return {**told, "additionalProperties": False} if "required" in told else told
