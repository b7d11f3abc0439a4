"""Ad-hoc commands (XEP-0050): other devices of our account control this one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.protocols.jabber.xmlstream import toResponse
from twisted.words.xish import domish

from bitween.errors import BitweenError
from bitween.model.command import Command, Question, Report
from bitween.util.limiter import BoundedDict
from bitween.xmpp.elements import Element
from bitween.xmpp.extensions.adhoc_codec import (
    command_element,
    parse_answers,
    question_element,
    refusal,
    report_element,
)
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.jids import split
from bitween.xmpp.namespaces import NS_COMMANDS, NS_DISCO_INFO, NS_DISCO_ITEMS, NS_X_DATA

#: Questions that wait for their answer at the same time; the oldest is dropped for a new one.
MAX_SESSIONS = 10
#: Seconds that a question waits for its answer.
SESSION_LIFE = 300.0
#: Commands that run at the same time.
MAX_RUNNING = 5
_ACTIONS = frozenset({"execute", "next", "complete", "prev", "cancel"})
_COMMAND = f"/iq[@type='set']/command[@xmlns='{NS_COMMANDS}']"
_INFO = f"/iq[@type='get']/query[@xmlns='{NS_DISCO_INFO}']"
_ITEMS = f"/iq[@type='get']/query[@xmlns='{NS_DISCO_ITEMS}']"


@dataclass(frozen=True, slots=True)
class _Session:
    """
    A question that waits for its answer.

    :param owner: the full JID that may answer it.
    :param until: when it expires, by the clock.
    """

    owner: str
    command: Command
    until: float


@dataclass(frozen=True, slots=True)
class _Step:
    """A request to run a command, with the answers to its question if it has asked one."""

    session_id: str
    owner: str
    command: Command
    answers: Mapping[str, str]


class AdHoc(Extension):
    """
    Offers commands to our own account's devices only.

    The server has stamped the sender, so everyone who can log in to this account can run them.
    """

    features = frozenset({NS_COMMANDS})

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__()
        self._clock = clock
        self._commands: dict[str, Command] = {}
        self._sessions: BoundedDict[str, _Session] = BoundedDict(MAX_SESSIONS)
        self._running: set[Deferred[None]] = set()

    def offer(self, commands: Sequence[Command]) -> None:
        """
        Set the commands.

        :param commands: all of them, in the order of the menu; they replace those set before.
        """
        self._commands = {command.name: command for command in commands}

    def connectionInitialized(self) -> None:
        """Listen for requests, before the extensions that answer all others."""
        self.xmlstream.addObserver(_COMMAND, self._command_received)
        self.xmlstream.addObserver(_ITEMS, self._items_requested, 1)
        self.xmlstream.addObserver(_INFO, self._info_requested, 1)

    def connectionLost(self, reason: Any) -> None:
        """Cancel what runs: the session is over, so nothing can be answered."""
        super().connectionLost(reason)
        self._sessions.clear()
        for running in list(self._running):
            running.cancel()

    def _items_requested(self, iq: Element) -> None:
        if iq.query.getAttribute("node") != NS_COMMANDS:
            return
        query = domish.Element((NS_DISCO_ITEMS, "query"))
        query["node"] = NS_COMMANDS
        for command in self._commands.values():
            item = query.addElement("item")
            item["jid"] = self.parent.jid.full()
            item["node"], item["name"] = command.name, command.title
        self._answer_owner(iq, query)

    def _info_requested(self, iq: Element) -> None:
        node = iq.query.getAttribute("node", "")
        if node == NS_COMMANDS:
            kind, title = "command-list", "bitween"
        elif node in self._commands:
            kind, title = "command-node", self._commands[node].title
        else:
            return
        query = domish.Element((NS_DISCO_INFO, "query"))
        query["node"] = node
        identity = query.addElement("identity")
        identity["category"], identity["type"], identity["name"] = "automation", kind, title
        for feature in (NS_COMMANDS, NS_X_DATA):
            query.addElement("feature")["var"] = feature
        self._answer_owner(iq, query)

    def _answer_owner(self, iq: Element, content: Element) -> None:
        iq.handled = True
        if not self._is_ours(iq):
            self.send(StanzaError("forbidden").toResponse(iq))
            return
        answer = toResponse(iq, "result")
        answer.addChild(content)
        self.send(answer)

    def _is_ours(self, iq: Element) -> bool:
        jid, resource = split(iq.getAttribute("from", ""))
        return bool(resource) and jid == self.parent.jid.userhost()

    def _command_received(self, iq: Element) -> None:
        iq.handled = True
        try:
            step = self._read(iq)
        except StanzaError as error:
            self.send(error.toResponse(iq))
            return
        if step is None:
            asked = iq.command
            self._answer_owner(iq, command_element(asked["node"], asked["sessionid"], "canceled"))
            return
        running = Deferred.fromCoroutine(self._run(iq, step))
        self._running.add(running)
        running.addErrback(self._failed, iq).addBoth(lambda _: self._running.discard(running))

    def _read(self, iq: Element) -> _Step | None:
        """
        Read a request; ``None`` if it cancels a question.

        :raises StanzaError: if it is not allowed or malformed.
        """
        if not self._is_ours(iq):
            raise StanzaError("forbidden")
        if len(self._running) >= MAX_RUNNING:
            raise StanzaError("resource-constraint")
        asked, owner = iq.command, iq["from"]
        action = asked.getAttribute("action") or "execute"
        if action not in _ACTIONS:
            raise refusal("bad-request", "malformed-action")
        session_id, node = asked.getAttribute("sessionid"), asked.getAttribute("node", "")
        if action == "prev" or (action == "cancel" and session_id is None):
            raise refusal("bad-request", "bad-action")
        if session_id is None:
            if node not in self._commands:
                raise StanzaError("item-not-found")
            return _Step(secrets.token_hex(8), owner, self._commands[node], {})
        session = self._session(session_id, owner, node)
        answers = {} if action == "cancel" else parse_answers(asked)
        del self._sessions[session_id]
        return None if action == "cancel" else _Step(session_id, owner, session.command, answers)

    def _session(self, session_id: str, owner: str, node: str) -> _Session:
        session = self._sessions.get(session_id)
        if session is None or (session.owner, session.command.name) != (owner, node):
            raise refusal("bad-request", "bad-sessionid")
        if self._clock.seconds() > session.until:
            del self._sessions[session_id]
            raise refusal("not-allowed", "session-expired")
        return session

    async def _run(self, iq: Element, step: _Step) -> None:
        try:
            outcome = await step.command.run(step.answers)
        except BitweenError as error:
            outcome = Report(str(error), failed=True)
        answer = toResponse(iq, "result")
        if isinstance(outcome, Question):
            self._await_answer(step)
            answer.addChild(question_element(step.command, step.session_id, outcome))
        else:
            answer.addChild(report_element(step.command, step.session_id, outcome))
        self.send(answer)

    def _await_answer(self, step: _Step) -> None:
        until = self._clock.seconds() + SESSION_LIFE
        self._sessions[step.session_id] = _Session(step.owner, step.command, until)

    def _failed(self, failure: Failure, iq: Element) -> None:
        if failure.check(CancelledError):
            return
        self._log.failure("a command failed", failure)
        self.send(StanzaError("internal-server-error").toResponse(iq))
