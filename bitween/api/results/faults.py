"""Errors as JSON-RPC clients see them: the one place that assigns codes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bitween import errors
from bitween.api.results.shapes.common import ErrorData
from bitween.model.text import printable

# JSON-RPC 2.0 §5.1
PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603

_MESSAGES = {
    PARSE_ERROR: "Parse error",
    INVALID_REQUEST: "Invalid Request",
    METHOD_NOT_FOUND: "Method not found",
    INVALID_PARAMS: "Invalid params",
    INTERNAL_ERROR: "Internal error",
}

#: Code and reason of each kind of error.  Clients rely on these: never change or reuse one.
KINDS: Mapping[type[errors.BitweenError], tuple[int, str]] = MappingProxyType(
    {
        errors.InvalidValue: (INVALID_PARAMS, "invalid_value"),
        errors.BitweenError: (1000, "failed"),
        errors.ConfigurationError: (1001, "configuration_error"),
        errors.StartupError: (1002, "startup_error"),
        errors.BadPath: (1010, "bad_path"),
        errors.NoSuchPath: (1011, "no_such_path"),
        errors.UnreadablePath: (1012, "unreadable_path"),
        errors.EmptyFolder: (1013, "empty_folder"),
        errors.ForbiddenPath: (1015, "forbidden_path"),
        errors.ConfirmationNeeded: (1016, "confirmation_needed"),
        errors.HashingFailed: (1014, "hashing_failed"),
        errors.NotFound: (1020, "not_found"),
        errors.UnknownTorrent: (1021, "unknown_torrent"),
        errors.UnknownContact: (1022, "unknown_contact"),
        errors.UnknownJob: (1023, "unknown_job"),
        errors.UnknownResource: (1024, "unknown_resource"),
        errors.ResourceOnline: (1025, "resource_online"),
        errors.NoMetadata: (1026, "no_metadata"),
        errors.UnknownToken: (1027, "unknown_token"),
        errors.UnknownSession: (1028, "unknown_session"),
        errors.UnknownUpload: (1029, "unknown_upload"),
        errors.UnknownRequest: (1031, "unknown_request"),
        errors.StoreError: (1030, "store_error"),
        errors.SwarmError: (1040, "swarm_error"),
        errors.NotFetched: (1041, "not_fetched"),
        errors.OriginalFiles: (1070, "original_files"),
        errors.DeletionFailed: (1071, "deletion_failed"),
        errors.UploadFailed: (1060, "upload_failed"),
        errors.NoRoom: (1061, "no_room"),
        errors.ReadOnly: (1045, "read_only"),
        errors.TokenNeeded: (1046, "token_needed"),
        errors.XMPPError: (1050, "xmpp_error"),
        errors.NotConnected: (1051, "not_connected"),
        errors.RequestRefused: (1052, "request_refused"),
        errors.LogInRefused: (1053, "log_in_refused"),
        errors.CredentialsRefused: (1054, "credentials_refused"),
        errors.AlreadyContact: (1056, "already_contact"),
        errors.CertificateRefused: (1055, "certificate_refused"),
    }
)

_MAX_TEXT = 1000


def protocol_error(code: int) -> dict[str, object]:
    """
    The error object of an error that JSON-RPC itself defines.

    :param code: one of JSON-RPC's codes, such as :data:`PARSE_ERROR`.
    """
    return {"code": code, "message": _MESSAGES[code]}


def error_object(error: errors.BitweenError) -> dict[str, object]:
    """The error object of one of bitween's errors (JSON-RPC 2.0 §5.1)."""
    code, _ = _kind(type(error))
    message = printable(error.message, _MAX_TEXT)
    if code == INVALID_PARAMS:
        message = f"{_MESSAGES[code]}: {message}"
    return {"code": code, "message": message, "data": error_data(error)}


def error_data(error: errors.BitweenError) -> ErrorData:
    """The ``data`` of an error object, which programs can rely on."""
    reason = reason_of(type(error))
    data: ErrorData = {"reason": reason, "hint": printable(error.hint, _MAX_TEXT)}
    if error.id:
        data["id"] = error.id
        data["detail"] = error.id.partition(".")[2]
        data["values"] = {
            name: printable(value, _MAX_TEXT) if isinstance(value, str) else value
            for name, value in error.values.items()
        }
    return data


def reason_of(kind: type[errors.BitweenError]) -> str:
    """The reason of a kind of error: the word that clients see."""
    return _kind(kind)[1]


def _kind(kind: type[errors.BitweenError]) -> tuple[int, str]:
    return next(KINDS[base] for base in kind.__mro__ if base in KINDS)
