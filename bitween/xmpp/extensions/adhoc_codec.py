"""Values <-> XML: ad-hoc commands (XEP-0050) and their data forms (XEP-0004)."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.xish import domish

from bitween.model.command import Command, Question, Report
from bitween.xmpp.elements import Element, xml_text
from bitween.xmpp.namespaces import NS_COMMANDS, NS_X_DATA

_MAX_TEXT = 500
# characters of all the lines of an answer.
_MAX_LINES = 8000
_MAX_FIELDS = 20
_MAX_ANSWER = 1000
# Gajim takes instructions for markup: shows none that are not well-formed, and obeys what is.
_NO_MARKUP = str.maketrans("<>&", "‹›+")


def refusal(condition: str, why: str) -> StanzaError:
    """
    Make an error with one of the conditions of XEP-0050 §4.4.

    :param condition: the stanza error's defined condition (RFC 6120 §8.3.3).
    :param why: the condition of XEP-0050, such as ``bad-sessionid``.
    """
    return StanzaError(condition, appCondition=domish.Element((NS_COMMANDS, why)))


def parse_answers(asked: Element) -> dict[str, str]:
    """
    Read the fields of a submitted form (XEP-0004 §3.2), up to a limit.

    :param asked: the ``command`` element.
    :returns: the first value of each field, by the field's name.
    :raises StanzaError: if there is no such form.
    """
    form = next(asked.elements(NS_X_DATA, "x"), None)
    if form is None or form.getAttribute("type") != "submit":
        raise refusal("bad-request", "bad-payload")
    fields = list(form.elements(NS_X_DATA, "field"))[:_MAX_FIELDS]
    return {
        str(field.getAttribute("var", "")): str(value)[:_MAX_ANSWER]
        for field in fields
        for value in list(field.elements(NS_X_DATA, "value"))[:1]
    }


def command_element(node: str, session_id: str, status: str) -> Element:
    """
    Make the ``command`` element of an answer (XEP-0050 §3).

    :param node: the command's name.
    :param status: ``executing``, ``completed`` or ``canceled``.
    """
    element: Element = domish.Element((NS_COMMANDS, "command"))
    element["node"], element["sessionid"], element["status"] = node, session_id, status
    return element


def question_element(command: Command, session_id: str, question: Question) -> Element:
    """Make the answer that asks a question: a form with one field."""
    element = command_element(command.name, session_id, "executing")
    actions = element.addElement("actions")
    actions["execute"] = "complete"
    actions.addElement("complete")
    form = _form(element, "form")
    form.addElement("title", content=xml_text(question.title, _MAX_TEXT))
    # The text lists the choices too, for programs that do not show them.
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


def report_element(command: Command, session_id: str, report: Report) -> Element:
    """Make the answer that ends a command: a note, and forms with facts and rows."""
    element = command_element(command.name, session_id, "completed")
    if report.lines:
        # Some programs show the note alone, some the form alone, and few a table.
        note = element.addElement("note", content=_lines(report.lines))
        note["type"] = "error" if report.failed else "info"
    if report.facts or report.rows:
        form = _form(element, "result")
        form.addElement("title", content=xml_text(report.title or command.title, _MAX_TEXT))
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
    """Join lines of text, up to what a stanza should carry."""
    kept: list[str] = []
    left = _MAX_LINES
    for line in (xml_text(line, _MAX_TEXT) for line in lines):
        left -= len(line)
        if left < 0:
            return "\n".join((*kept, "…"))
        kept.append(line)
    return "\n".join(kept)


def _table(form: Element, report: Report) -> None:
    reported = form.addElement("reported")
    for heading in report.columns:
        _field(reported, heading, heading)
    for row in report.rows:
        item = form.addElement("item")
        for heading, value in zip(report.columns, row, strict=True):
            cell = item.addElement("field")
            cell["var"] = heading
            _value(cell, value)


def _form(element: Element, form_type: str) -> Element:
    form: Element = element.addElement((NS_X_DATA, "x"))
    form["type"] = form_type
    return form


def _field(parent: Element, name: str, label: str) -> Element:
    field: Element = parent.addElement("field")
    field["var"], field["label"] = name, xml_text(label, _MAX_TEXT)
    field["type"] = "text-single"
    return field


def _value(field: Element, text: str) -> None:
    field.addElement("value", content=xml_text(text, _MAX_TEXT))
