"""
Every error that bitween raises on purpose.

::

    BitweenError
    ├── ConfigurationError      an option, a settings file or a password that cannot be used
    ├── StartupError            the daemon cannot start: state directory or port in use, ...
    ├── InvalidValue            a value that is malformed, whoever gave it (also a ValueError)
    ├── BadPath                 a path that cannot be shared or written to
    │   ├── NoSuchPath
    │   ├── UnreadablePath
    │   ├── EmptyFolder
    │   └── ForbiddenPath       holds what must never be shared
    ├── ConfirmationNeeded      something that is rarely meant, and has to be said twice
    ├── OriginalFiles           what was not downloaded is deleted only if that is said
    ├── DeletionFailed          files could not be deleted
    ├── HashingFailed           the files could not be read to the end, or changed meanwhile
    ├── NotFound
    │   ├── UnknownTorrent
    │   ├── UnknownContact
    │   ├── UnknownResource
    │   ├── NoMetadata          the list of files of a torrent is not here yet
    │   ├── UnknownJob
    │   ├── UnknownUpload
    │   └── UnknownToken
    ├── NotFetched              bytes that are asked for are not here, and are not on their way
    ├── UploadFailed            what is uploaded cannot be written, or did not come to its end
    │   └── NoRoom              the disk is full
    ├── ReadOnly                the token is for looking, and this would change something
    ├── ResourceOnline          what was to be forgotten is there, and would be back at once
    ├── StoreError              the database in the state directory cannot be used
    ├── SwarmError              libtorrent refused
    └── XMPPError
        ├── NotConnected        there is no XMPP session at the moment
        ├── RequestRefused      the server or a contact answered with an error, or not at all
        └── LogInRefused        the log-in failed, and not for the moment only
            ├── CredentialsRefused
            └── CertificateRefused

The text of an error is one line for a person; ``hint`` says what to do about it.
Codes for JSON-RPC clients are given in one place, :mod:`bitween.api.results.faults`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})


class BitweenError(Exception):
    """
    What bitween cannot do; the root of the tree.

    :param message: what went wrong, in one line for a person.
    :param hint: what can be done about it, in one line; may be empty.
    :param detail: what exactly went wrong, a word that stays, where the class alone leaves it open.
    :param values: what the message tells beside class and detail, by name, so that the same can be
        said in another language; without a detail only the message has it.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        detail: str = "",
        values: Mapping[str, str] = _NOTHING,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail
        self.values = values

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ConfigurationError(BitweenError):
    """An option, a settings file or a password that cannot be used."""


class StartupError(BitweenError):
    """The daemon cannot start as it was asked to."""


class InvalidValue(BitweenError, ValueError):
    """A value that is malformed."""


class BadPath(BitweenError):
    """A path that cannot be shared or written to."""


class NoSuchPath(BadPath):
    """Nothing lies at the path."""


class UnreadablePath(BadPath):
    """The path, or something below it, may not be read."""


class EmptyFolder(BadPath):
    """The folder holds no file that could be shared."""


class ForbiddenPath(BadPath):
    """The path holds what must never be shared."""


class ConfirmationNeeded(BitweenError):
    """What was asked for is rarely meant, so that it has to be confirmed."""


class OriginalFiles(BitweenError):
    """The files were not downloaded: they may be the only ones, and are not deleted lightly."""


class DeletionFailed(BitweenError):
    """Files could not be deleted."""


class HashingFailed(BitweenError):
    """The files could not be read to the end, or changed while they were read."""


class NotFound(BitweenError):
    """What was named does not exist."""


class UnknownTorrent(NotFound):
    """No torrent of ours has this info-hash."""


class UnknownContact(NotFound):
    """The roster has no such contact."""


class UnknownResource(NotFound):
    """The catalogue knows no such resource of that contact."""


class NoMetadata(NotFound):
    """What a torrent holds is not known yet."""


class UnknownJob(NotFound):
    """No job has this id."""


class UnknownUpload(NotFound):
    """No upload has this id."""


class UnknownToken(NotFound):
    """No token of the API has this name."""


class UnknownSession(NotFound):
    """No browser has such a session."""


class NotFetched(BitweenError):
    """Bytes are not here, and nobody fetches them."""


class UploadFailed(BitweenError):
    """What is uploaded cannot be written, or did not come to its end."""


class NoRoom(UploadFailed):
    """The disk is full."""


class ReadOnly(BitweenError):
    """Whoever asks may look at everything, and change nothing."""


class TokenNeeded(BitweenError):
    """A log-in was shown where only a token will do."""


class ResourceOnline(BitweenError):
    """The resource is there, so that forgetting it would be in vain."""


class StoreError(BitweenError):
    """The database in the state directory cannot be used."""


class SwarmError(BitweenError):
    """libtorrent refused what it was asked to do."""


class XMPPError(BitweenError):
    """The XMPP side could not do what it was asked to do."""


class NotConnected(XMPPError):
    """There is no XMPP session at the moment."""


class RequestRefused(XMPPError):
    """The server or a contact answered a request with an error, or not at all."""


class AlreadyContact(XMPPError):
    """Whoever is to be asked is a contact."""


class LogInRefused(XMPPError):
    """The log-in failed, and another try at once would not mend that."""


class CredentialsRefused(LogInRefused):
    """The server does not take the user name and password."""


class CertificateRefused(LogInRefused):
    """The server's certificate does not prove that it is the domain's."""
