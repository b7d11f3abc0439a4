"""Another user of this machine: what runs as that one in a child process."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest, TestCase

#: nobody
_USER = 65534
#: Seconds to wait for an answer: so long that TCP sends once more what the kernel has dropped (RFC
#: 6298 §2.1).
_PATIENCE = 1.5


def other_user(test: TestCase, work: Callable[[socket.socket], None]) -> socket.socket:
    """
    Have another user do something until the test's end.

    :param work: run in a child process, with a socket to the test; it ends when that is closed.
    :returns: the test's end of it; blocks.
    :raises SkipTest: if only root could become another user.
    """
    if os.geteuid() != 0:
        raise SkipTest("only root can be another user")
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            ours.close()
            os.setgroups([])
            os.setgid(_USER)
            os.setuid(_USER)
            work(theirs)
        finally:
            os._exit(0)
    theirs.close()

    def end() -> None:
        ours.close()
        os.waitpid(child, 0)

    test.addCleanup(end)
    return ours


def dials(test: TestCase, source: str, target: tuple[str, int], says: bytes) -> Deferred[bytes]:
    """
    Have another user connect, and say something.

    :param source: the IP address from which to.
    :returns: what came back by the end of the connection; ``b"refused"`` if there was none.
    """

    def work(told: socket.socket) -> None:
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        with socket.socket(family) as dialling:
            dialling.bind((source, 0))
            dialling.settimeout(_PATIENCE)
            try:
                dialling.connect(target)
                dialling.sendall(says)
                answer = dialling.recv(1000)
            except OSError:
                answer = b"refused"
        told.sendall(answer or b"closed")

    return deferToThread(other_user(test, work).recv, 1000)


def listens(test: TestCase, host: str = "127.0.0.1") -> int:
    """Have another user listen over TCP and UDP on one port; the port."""

    def work(told: socket.socket) -> None:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            stream.bind((host, 0))
            stream.listen()
            datagrams.bind(stream.getsockname())
            told.sendall(str(stream.getsockname()[1]).encode())
            told.recv(1)

    return int(other_user(test, work).recv(10))


def hears(test: TestCase, host: str = "127.0.0.1") -> tuple[int, Deferred[bytes]]:
    """
    Have another user listen, and take one connection.

    :returns: the port, and what came of the connection: ``b"ended"``, or ``b"stays"`` after some
        seconds.
    """

    def work(told: socket.socket) -> None:
        with socket.create_server((host, 0)) as listening:
            told.sendall(str(listening.getsockname()[1]).encode())
            with listening.accept()[0] as taken:
                taken.settimeout(5)
                told.sendall(_end_of(taken))

    ours = other_user(test, work)
    return int(ours.recv(10)), deferToThread(ours.recv, 10)


def _end_of(taken: socket.socket) -> bytes:
    try:
        while taken.recv(1000):
            pass
    except TimeoutError:
        return b"stays"
    except OSError:
        pass
    return b"ended"
