"""The small private files by which programs of the same user find a daemon on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from bitween.errors import ConfigurationError

#: The file's name in a daemon's state directory.
FILE_NAME = "api.json"
#: The most bytes that are read; many times the size of such a file.
_MAX_LENGTH = 64 * 1024


@dataclass(frozen=True, slots=True)
class ApiLocation:
    """
    The location of a daemon's API.

    :param url: for POST requests: ``http://127.0.0.1:5000/api``, or ``http+unix://%2Frun%2Fapi.sock/api``
        with the socket's path quoted.
    :param token: the bearer token.
    :param pid: the daemon's process.
    :param jid: the account's bare JID.
    """

    url: str
    token: str
    pid: int
    jid: str


def places(jid: str, state_dir: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """
    The files in which a daemon publishes its location.

    :param jid: the bare JID.
    :param state_dir: the daemon's state directory.
    :param environ: the environment, of which ``XDG_RUNTIME_DIR`` is used.
    :returns: one or two paths, that in the state directory last.
    """
    in_state_dir = os.path.join(state_dir, FILE_NAME)
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if not os.path.isabs(runtime):
        return (in_state_dir,)
    return os.path.join(runtime, "bitween", f"{jid.replace('/', '_')}.json"), in_state_dir


def write(path: str, location: ApiLocation) -> None:
    """
    Write a file atomically, readable for our own user only.

    :raises OSError: if the directory cannot be created or written to.
    """
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".rendezvous-")  # with mode 600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(location), file)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def remove(path: str, location: ApiLocation) -> None:
    """Remove a file, unless another daemon has replaced it by its own."""
    with contextlib.suppress(OSError, ConfigurationError):
        if read(path) == location:
            os.unlink(path)


def remove_stale(state_dir: str) -> None:
    """Remove the file of an earlier daemon with the same state directory, which was killed."""
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(state_dir, FILE_NAME))


def read(path: str) -> ApiLocation:
    """
    Read one file.

    :raises FileNotFoundError: if there is none.
    :raises ConfigurationError: if others could have written or read it, or it is malformed.
    """
    text = read_private(path)
    try:
        values = json.loads(text)
        location = ApiLocation(**{key: values[key] for key in ("url", "token", "pid", "jid")})
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError(f"{path!r} is damaged", "start the daemon again") from None
    texts = (location.url, location.token, location.jid)
    if not all(isinstance(value, str) for value in texts) or type(location.pid) is not int:
        raise ConfigurationError(f"{path!r} is damaged", "start the daemon again")
    return location


def read_private(path: str) -> str:
    """
    Read a small text file that only our own user may write or read.

    :raises FileNotFoundError: if there is none.
    :raises ConfigurationError: if it is a link, belongs to another user, is open to others or no
        text.
    """
    try:
        return read_private_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path!r} is not UTF-8", "remove it") from None


def read_private_bytes(path: str) -> bytes:
    """
    Read a small file that only our own user may write or read.

    :raises FileNotFoundError: if there is none.
    :raises ConfigurationError: if it is a link, belongs to another user or is open to others.
    """
    try:
        # A named pipe in its place must not block us.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except NotADirectoryError:
        raise FileNotFoundError(path) from None
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {path!r}: {error.strerror}", "it should be a file of yours"
        ) from None
    try:
        _check_private(path, os.fstat(descriptor))
        return os.read(descriptor, _MAX_LENGTH)
    finally:
        os.close(descriptor)


def _check_private(path: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode) or status.st_uid not in (os.geteuid(), 0):
        raise ConfigurationError(f"{path!r} is not a file of yours", "name or make another one")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise ConfigurationError(f"{path!r} is open to others", f"chmod 600 {path}")


def running(environ: Mapping[str, str]) -> list[ApiLocation]:
    """
    All running daemons of our own user on this machine, each once, sorted by JID.

    Daemons whose state directory is not the default one are found only through
    ``$XDG_RUNTIME_DIR``.

    :param environ: the environment, of which ``XDG_RUNTIME_DIR``, ``XDG_STATE_HOME`` and ``HOME``
        are used.
    :raises ConfigurationError: if a file is not private, because its token cannot be trusted.
    """
    found = set()
    for path in _candidates(environ):
        with contextlib.suppress(FileNotFoundError):
            location = read(path)
            if _is_running(location.pid):
                found.add(location)
    return sorted(found, key=lambda location: (location.jid, location.pid))


def _candidates(environ: Mapping[str, str]) -> Iterator[str]:
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime):
        folder = os.path.join(runtime, "bitween")
        yield from (os.path.join(folder, name) for name in _names(folder) if name[-5:] == ".json")
    state = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        state = os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".local", "state")
    folder = os.path.join(state, "bitween")
    yield from (os.path.join(folder, name, FILE_NAME) for name in _names(folder))


def _names(folder: str) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if not name.startswith(".")]
    except OSError:
        return []


def _is_running(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
