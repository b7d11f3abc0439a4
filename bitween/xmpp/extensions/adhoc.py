"""Lets the other devices of our account run commands: ad-hoc commands (XEP-0050)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
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
from bitween.xmpp.elements import xml_text
from bitween.xmpp.extensions.extension import Extension
from bitween.xmpp.jids import split
from bitween.xmpp.namespaces import NS_COMMANDS, NS_DISCO_INFO, NS_DISCO_ITEMS, NS_X_DATA

#: Questions that wait for their answer at once; one more, and the oldest is given up.
MAX_SESSIONS = 10
#: Seconds that a question waits for its answer.
SESSION_LIFE = 300.0
#: Commands that run at once.
MAX_RUNNING = 5

_MAX_TEXT = 500
# characters of all the lines of an answer.
_MAX_LINES = 8000
_MAX_FIELDS = 20
_MAX_ANSWER = 1000
# Gajim takes instructions for markup: shows none that are not well-formed, and obeys what is.
_NO_MARKUP = str.maketrans("<>&", "‹›+")
_ACTIONS = frozenset({"execute", "next", "complete", "prev", "cancel"})

_COMMAND = f"/iq[@type='set']/command[@xmlns='{NS_COMMANDS}']"
_INFO = f"/iq[@type='get']/query[@xmlns='{NS_DISCO_INFO}']"
_ITEMS = f"/iq[@type='get']/query[@xmlns='{NS_DISCO_ITEMS}']"


@dataclass(frozen=True, slots=True)
class _Session:
    """
    A question that was asked.

    :param owner: the full JID that may answer it.
    :param until: when it is too late, by the clock.
    """

    owner: str
    command: Command
    until: float


@dataclass(frozen=True, slots=True)
class _Step:
    """What somebody asks for: a command, with answers if it has asked for them."""

    session_id: str
    owner: str
    command: Command
    answers: Mapping[str, str]


class AdHoc(Extension):
    """
    Offers commands to our own account's devices, and to nobody else.

    The server has stamped who asks; so whoever may log in as we do may have this done.
    """

    features = frozenset({NS_COMMANDS})

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__()
        self._clock = clock
        self._commands: dict[str, Command] = {}
        self._sessions: dict[str, _Session] = {}
        self._running: set[Deferred[None]] = set()

    def offer(self, commands: Sequence[Command]) -> None:
        """Let these be run."""
        self._commands = {command.name: command for command in commands}

    def connectionInitialized(self) -> None:
        """Listen for requests, before those who answer what nobody else does."""
        self.xmlstream.addObserver(_COMMAND, self._asked)
        self.xmlstream.addObserver(_ITEMS, self._asked_for_items, 1)
        self.xmlstream.addObserver(_INFO, self._asked_for_info, 1)

    def connectionLost(self, reason: Any) -> None:
        """Stop what runs, as there is nobody any more who could be told of it."""
        super().connectionLost(reason)
        self._sessions.clear()
        for running in list(self._running):
            running.cancel()

    # ---- what there is (XEP-0050 §2)

    def _asked_for_items(self, iq: Any) -> None:
        if iq.query.getAttribute("node") != NS_COMMANDS:
            return
        query = domish.Element((NS_DISCO_ITEMS, "query"))
        query["node"] = NS_COMMANDS
        for command in self._commands.values():
            item = query.addElement("item")
            item["jid"] = self.parent.jid.full()
            item["node"], item["name"] = command.name, command.title
        self._answer_owner(iq, query)

    def _asked_for_info(self, iq: Any) -> None:
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

    def _answer_owner(self, iq: Any, content: Any) -> None:
        iq.handled = True
        if not self._is_ours(iq):
            self.send(StanzaError("forbidden").toResponse(iq))
            return
        answer = toResponse(iq, "result")
        answer.addChild(content)
        self.send(answer)

    def _is_ours(self, iq: Any) -> bool:
        jid, resource = split(iq.getAttribute("from", ""))
        return bool(resource) and jid == self.parent.jid.userhost()

    # ---- having something done (XEP-0050 §3)

    def _asked(self, iq: Any) -> None:
        iq.handled = True
        try:
            step = self._read(iq)
        except StanzaError as error:
            self.send(error.toResponse(iq))
            return
        if step is None:
            asked = iq.command
            self._answer_owner(iq, _element(asked["node"], asked["sessionid"], "canceled"))
            return
        running = Deferred.fromCoroutine(self._run(iq, step))
        self._running.add(running)
        running.addErrback(self._failed, iq).addBoth(lambda _: self._running.discard(running))

    def _read(self, iq: Any) -> _Step | None:
        """
        Take a request apart; ``None`` if somebody has thought better of it.

        :raises StanzaError: if it cannot be met.
        """
        if not self._is_ours(iq):
            raise StanzaError("forbidden")
        if len(self._running) >= MAX_RUNNING:
            raise StanzaError("resource-constraint")
        asked, owner = iq.command, iq["from"]
        action = asked.getAttribute("action") or "execute"
        if action not in _ACTIONS:
            raise _refusal("bad-request", "malformed-action")
        session_id, node = asked.getAttribute("sessionid"), asked.getAttribute("node", "")
        if action == "prev" or (action == "cancel" and session_id is None):
            raise _refusal("bad-request", "bad-action")
        if session_id is None:
            if node not in self._commands:
                raise StanzaError("item-not-found")
            return _Step(secrets.token_hex(8), owner, self._commands[node], {})
        session = self._session(session_id, owner, node)
        answers = {} if action == "cancel" else _answers(asked)
        del self._sessions[session_id]
        return None if action == "cancel" else _Step(session_id, owner, session.command, answers)

    def _session(self, session_id: str, owner: str, node: str) -> _Session:
        session = self._sessions.get(session_id)
        if session is None or (session.owner, session.command.name) != (owner, node):
            raise _refusal("bad-request", "bad-sessionid")
        if self._clock.seconds() > session.until:
            del self._sessions[session_id]
            raise _refusal("not-allowed", "session-expired")
        return session

    async def _run(self, iq: Any, step: _Step) -> None:
        try:
            outcome = await step.command.run(step.answers)
        except BitweenError as error:
            outcome = Report(str(error), failed=True)
        answer = toResponse(iq, "result")
        if isinstance(outcome, Question):
            self._await_answer(step)
            answer.addChild(_asking(step, outcome))
        else:
            answer.addChild(_telling(step, outcome))
        self.send(answer)

    def _await_answer(self, step: _Step) -> None:
        until = self._clock.seconds() + SESSION_LIFE
        self._sessions[step.session_id] = _Session(step.owner, step.command, until)
        if len(self._sessions) > MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]

    def _failed(self, failure: Failure, iq: Any) -> None:
        if failure.check(CancelledError):
            return
        self._log.failure("a command failed", failure)
        self.send(StanzaError("internal-server-error").toResponse(iq))


def _refusal(condition: str, why: str) -> StanzaError:
    """An error with one of the conditions of XEP-0050 §4.4."""
    return StanzaError(condition, appCondition=domish.Element((NS_COMMANDS, why)))


def _answers(asked: Any) -> dict[str, str]:
    """
    What was filled in (XEP-0004 §3.2), as far as anybody would fill in.

    :raises StanzaError: if nothing was.
    """
    form = next(asked.elements(NS_X_DATA, "x"), None)
    if form is None or form.getAttribute("type") != "submit":
        raise _refusal("bad-request", "bad-payload")
    fields = list(form.elements(NS_X_DATA, "field"))[:_MAX_FIELDS]
    return {
        str(field.getAttribute("var", "")): str(value)[:_MAX_ANSWER]
        for field in fields
        for value in list(field.elements(NS_X_DATA, "value"))[:1]
    }


def _element(node: str, session_id: str, status: str) -> Any:
    element = domish.Element((NS_COMMANDS, "command"))
    element["node"], element["sessionid"], element["status"] = node, session_id, status
    return element


def _asking(step: _Step, question: Question) -> Any:
    element = _element(step.command.name, step.session_id, "executing")
    actions = element.addElement("actions")
    actions["execute"] = "complete"
    actions.addElement("complete")
    form = _form(element, "form")
    form.addElement("title", content=xml_text(question.title, _MAX_TEXT))
    # The choices are told in words, too, for programs that do not show what else can be chosen.
    labels = (label for _, label in question.choices)
    text = _lines((question.text, *labels)).translate(_NO_MARKUP)
    form.addElement("instructions", content=text)
    field = _field(form, question.field, question.label)
    field["type"] = "list-single" if question.choices else "text-single"
    field.addElement("required")
    if question.choices:
        # Without a default, profanity does not show the field.
        field.addElement("value", content=question.choices[0][0])
    for value, label in question.choices:
        option = field.addElement("option")
        option["label"] = xml_text(label, _MAX_TEXT)
        option.addElement("value", content=value)
    return element


def _telling(step: _Step, report: Report) -> Any:
    element = _element(step.command.name, step.session_id, "completed")
    if report.lines:
        # Some programs show the note alone, some the form alone, and few a table.
        note = element.addElement("note", content=_lines(report.lines))
        note["type"] = "error" if report.failed else "info"
    if report.facts or report.rows:
        form = _form(element, "result")
        form.addElement("title", content=xml_text(report.title or step.command.title, _MAX_TEXT))
        for label, value in report.facts:
            _value(_field(form, label, label), value)
        # poezio shows only one of several fields with the same name.
        for number, (label, value) in enumerate(report.row_facts, 1):
            _value(_field(form, f"line {number}", label), value)
    if report.rows:
        # A second form: most programs read the first one only.  At one with a table Gajim stops,
        # profanity and poezio show an empty window.
        _table(_form(element, "result"), report)
    return element


def _lines(lines: Iterable[str]) -> str:
    """Several lines of text, as many as a stanza should carry."""
    kept: list[str] = []
    left = _MAX_LINES
    for line in (xml_text(line, _MAX_TEXT) for line in lines):
        left -= len(line)
        if left < 0:
            return "\n".join((*kept, "…"))
        kept.append(line)
    return "\n".join(kept)


def _table(form: Any, report: Report) -> None:
    reported = form.addElement("reported")
    for heading in report.columns:
        _field(reported, heading, heading)
    for row in report.rows:
        item = form.addElement("item")
        for heading, value in zip(report.columns, row, strict=True):
            cell = item.addElement("field")
            cell["var"] = heading
            _value(cell, value)


def _form(element: Any, form_type: str) -> Any:
    form = element.addElement((NS_X_DATA, "x"))
    form["type"] = form_type
    return form


def _field(parent: Any, name: str, label: str) -> Any:
    field = parent.addElement("field")
    field["var"], field["label"] = name, xml_text(label, _MAX_TEXT)
    field["type"] = "text-single"
    return field


def _value(field: Any, text: str) -> None:
    field.addElement("value", content=xml_text(text, _MAX_TEXT))
