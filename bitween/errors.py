"""
Every error that bitween raises on purpose.

::

    BitweenError
    ├── ConfigurationError      an option, a settings file or a password is not valid
    ├── StartupError            the daemon cannot start: state directory or port in use, ...
    ├── InvalidValue            a value is malformed (also a ValueError)
    ├── BadPath                 a path cannot be shared or written to
    │   ├── NoSuchPath
    │   ├── UnreadablePath
    │   ├── EmptyFolder
    │   └── ForbiddenPath       it holds secrets of bitween
    ├── ConfirmationNeeded      the call is probably a mistake, so it must be confirmed
    ├── OriginalFiles           files that bitween did not download are not deleted unasked
    ├── DeletionFailed          files could not be deleted
    ├── HashingFailed           files could not be read, or changed meanwhile
    ├── NotFound
    │   ├── UnknownTorrent
    │   ├── UnknownContact
    │   ├── UnknownResource
    │   ├── NoMetadata          the list of files of a torrent is not known yet
    │   ├── UnknownJob
    │   ├── UnknownUpload
    │   ├── UnknownRequest
    │   ├── UnknownToken
    │   └── UnknownSession
    ├── NotFetched              requested bytes are not downloaded, nor being downloaded
    ├── UploadFailed            an upload could not be written, or was interrupted
    │   └── NoRoom              the disk is full
    ├── ReadOnly                the token allows reading only
    ├── TokenNeeded             a browser session does not suffice
    ├── ResourceOnline          a device that is online cannot be forgotten
    ├── StoreError              the database in the state directory cannot be used
    ├── SwarmError              libtorrent rejected the call
    └── XMPPError
        ├── NotConnected        there is no XMPP session now
        ├── RequestRefused      the server or a contact answered with an error, or not at all
        ├── AlreadyContact      the JID is a contact already
        └── LogInRefused        the log-in failed, and another try would fail, too
            ├── CredentialsRefused
            └── CertificateRefused

The text of an error is one line for a person; ``hint`` says how to fix it.  Errors that users of
the page meet are made by :meth:`BitweenError.of`, from a message that is translated.  Others, such
as those at the start of the daemon and of malformed data from the network, are English only.
:mod:`bitween.api.results.faults` gives each class its code for JSON-RPC clients.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Self

from bitween.messages import Value

_NOTHING: Mapping[str, Value] = MappingProxyType({})


class BitweenError(Exception):
    """
    The root of the tree.

    :param message: what went wrong, in one line for a person.
    :param hint: how to fix it, in one line; may be empty.
    :ivar id: the id of the message, see :mod:`bitween.messages`; empty if it is not translated.
    :ivar values: the variable parts of the message by name, for translations.
    """

    id = ""
    values = _NOTHING

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @classmethod
    def of(cls, id_: str, /, **values: Value) -> Self:
        """
        Make an error that says a message.

        :param id_: the id of the message, which begins with the reason of this kind of error.
        :param values: the values of the places in the message; translations may use more of them.
        """
        # The command line needs no message to show its help, which must be quick.
        from bitween.messages.catalogue import english  # noqa: PLC0415  # see above

        error = cls(*english(id_, values))
        error.id, error.values = id_, values
        return error

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class ConfigurationError(BitweenError):
    """An option, a settings file or a password is not valid."""


class StartupError(BitweenError):
    """The daemon cannot start."""


class InvalidValue(BitweenError, ValueError):
    """A value is malformed."""


class BadPath(BitweenError):
    """The path cannot be shared or written to."""


class NoSuchPath(BadPath):
    """The path does not exist."""


class UnreadablePath(BadPath):
    """Permission to read the path, or something below it, is denied."""


class EmptyFolder(BadPath):
    """The folder contains no file that can be shared."""


class ForbiddenPath(BadPath):
    """The path holds secrets of bitween, which are never shared."""


class ConfirmationNeeded(BitweenError):
    """The call is probably a mistake, and must be confirmed."""


class OriginalFiles(BitweenError):
    """bitween did not download the files: they may be the only copies."""


class DeletionFailed(BitweenError):
    """Files could not be deleted."""


class HashingFailed(BitweenError):
    """The files could not be read completely, or changed during reading."""


class NotFound(BitweenError):
    """The named object does not exist."""


class UnknownTorrent(NotFound):
    """No torrent in the library has this info-hash."""


class UnknownContact(NotFound):
    """The roster has no such contact."""


class UnknownResource(NotFound):
    """The contact has no known device with this resource."""


class NoMetadata(NotFound):
    """The list of files of a torrent is not known yet."""


class UnknownJob(NotFound):
    """No job has this id."""


class UnknownRequest(NotFound):
    """No contact's request for a share has that id."""


class UnknownUpload(NotFound):
    """No upload has this id."""


class UnknownToken(NotFound):
    """No API token has this name."""


class UnknownSession(NotFound):
    """No browser session has this id."""


class NotFetched(BitweenError):
    """The requested bytes are not downloaded, nor being downloaded."""


class UploadFailed(BitweenError):
    """The upload could not be written, or was interrupted."""


class NoRoom(UploadFailed):
    """The disk is full."""


class ReadOnly(BitweenError):
    """The token allows reading only."""


class TokenNeeded(BitweenError):
    """The call needs a token; a browser session does not suffice."""


class ResourceOnline(BitweenError):
    """The device is online, so it would reappear at once."""


class StoreError(BitweenError):
    """The database in the state directory cannot be used."""


class SwarmError(BitweenError):
    """libtorrent rejected the call."""


class XMPPError(BitweenError):
    """The XMPP side could not carry out the call."""


class NotConnected(XMPPError):
    """There is no XMPP session now."""


class RequestRefused(XMPPError):
    """The server or a contact answered a request with an error, or not at all."""


class AlreadyContact(XMPPError):
    """The JID is a contact already."""


class LogInRefused(XMPPError):
    """The log-in failed, and another try would fail, too."""


class CredentialsRefused(LogInRefused):
    """The server rejected the user name and password."""


class CertificateRefused(LogInRefused):
    """The server's certificate does not prove that the server belongs to the domain."""
