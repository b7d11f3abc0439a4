"""Dials devices that ask us to: the other side of a ladder's request."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.task import deferLater

from bitween.connect.candidates import dial_order
from bitween.connect.context import ConnectContext
from bitween.model.candidate import Candidate
from bitween.model.catalogue.changes import Key
from bitween.model.torrent import InfoHash

#: Seconds that an address has to answer, to be dialled over TCP; and until we dial over uTP where
#: none answered, if the device is not connected by then.
ANSWER_WITHIN, PUNCH_AFTER_PROBE = 0.3, 1.0


class ConnectionResponder:
    """
    Dials a device once for each request.

    What is done at one address does not depend on what came of another: an address may belong to
    someone else, and the device must not learn from us whether anything answers there.
    """

    def __init__(self, context: ConnectContext) -> None:
        self._context = context

    def respond(self, device: Key, info_hash: InfoHash, candidates: Sequence[Candidate]) -> None:
        """
        Let a device connect from its candidates, and dial those that it has announced.

        Candidates that it names to us alone are not dialled: a contact must not make us probe
        addresses at will.

        :param candidates: those that the device names in its request.
        """
        context = self._context
        context.allowlist.allow_candidates(*device, [c.address for c in candidates])
        announced = context.announced(device, candidates)
        dialable = context.dialable(device, announced)
        context.tasks.start(self._dial(device, info_hash, dialable), "answering a request")
        near = context.needing_proof(device, announced)
        if near:
            context.tasks.start(
                self._dial_when_proved(device, info_hash, near), "answering a request"
            )

    async def _dial(
        self, device: Key, info_hash: InfoHash, candidates: Sequence[Candidate]
    ) -> None:
        await dial_at_once(
            self._context,
            info_hash,
            candidates,
            lambda: self._is_connected(device, info_hash),
        )

    async def _dial_when_proved(
        self, device: Key, info_hash: InfoHash, near: Sequence[Candidate]
    ) -> None:
        await self._context.ports.neighbours.request_proof(*device)
        await self._dial(device, info_hash, self._context.dialable(device, near))

    def _is_connected(self, device: Key, info_hash: InfoHash) -> bool:
        swarm = self._context.swarm
        places = {c.address.address for c in self._context.catalogue.candidates(*device)}
        return info_hash in swarm.library and any(
            peer.address in places for peer in swarm.peers(info_hash)
        )


async def dial_at_once(
    context: ConnectContext,
    info_hash: InfoHash,
    candidates: Sequence[Candidate],
    is_connected: Callable[[], bool],
) -> None:
    """
    Dial a peer that dials us at the same time.

    :param candidates: the peer's, as far as they may be dialled.
    :param is_connected: whether the peer is connected; then it is not dialled over uTP.
    """
    if not candidates:
        return
    probed = dial_order(candidates, context.own_candidates())
    answering = await context.ports.prober.find_answering(probed, ANSWER_WITHIN)
    if answering:
        context.swarm.dial_simultaneously(info_hash, answering, [])
    if probed:
        await deferLater(context.clock, PUNCH_AFTER_PROBE)
    silent = [c.address for c in candidates if c.address not in answering]
    if silent and not is_connected():
        context.swarm.dial_simultaneously(info_hash, [], silent)
