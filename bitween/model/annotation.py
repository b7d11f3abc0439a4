"""What a user says about a share: a note, and tags by which contacts find it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bitween.errors import InvalidValue
from bitween.model.text import caseless, composed, printable

#: Characters of a note.
MAX_NOTE = 1000
MAX_TAGS = 16
#: Characters of a tag.
MAX_TAG = 32
#: Separates tags on the wire and in the command line, so that no tag holds it.
SEPARATOR = ","


@dataclass(frozen=True, slots=True)
class Annotation:
    """
    A note and tags.

    :param note: one line of text.
    :param tags: no two of them differ in case only.
    """

    note: str = ""
    tags: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.note or self.tags)

    def has_tag(self, tag: str) -> bool:
        """Whether a tag is among them, in any case."""
        return any(caseless(tag) == caseless(own) for own in self.tags)


#: What most shares have.
NO_ANNOTATION = Annotation()


def checked_annotation(note: str, tags: Iterable[str]) -> Annotation:
    """
    Check and normalise (Unicode form C) what the user says about a share.

    :param note: one line; white space around it is removed.
    :param tags: white space around each is removed; of those that differ in case only, the first
        one counts.
    :raises InvalidValue: naming what is too long, too many or not printable.
    """
    text = composed(note.strip())
    if len(text) > MAX_NOTE or not _is_printable(text):
        raise InvalidValue.of("invalid_value.note", most=MAX_NOTE)
    unique = {caseless(tag): tag for tag in reversed([_checked_tag(tag) for tag in tags])}
    if len(unique) > MAX_TAGS:
        raise InvalidValue.of("invalid_value.tags", n=len(unique), most=MAX_TAGS)
    return Annotation(text, tuple(reversed(unique.values())))


def safe_annotation(note: str, tags: Iterable[str]) -> Annotation:
    """
    Make what a contact says harmless and bounded; tags that are not valid are left out.

    :param note: any text.
    :param tags: any texts; an iterator is not read further than needed.
    """
    valid: dict[str, str] = {}
    for tag in tags:
        if len(valid) == MAX_TAGS:
            break
        try:
            text = _checked_tag(tag)
        except InvalidValue:
            continue
        valid.setdefault(caseless(text), text)
    text = composed(printable(note, MAX_NOTE))[:MAX_NOTE].strip()
    return Annotation(text, tuple(valid.values())) if text or valid else NO_ANNOTATION


def _checked_tag(tag: str) -> str:
    text = composed(tag.strip())
    if not 0 < len(text) <= MAX_TAG or not _is_printable(text) or SEPARATOR in text:
        raise InvalidValue.of(
            "invalid_value.tag", tag=printable(tag, MAX_TAG), most=MAX_TAG, separator=SEPARATOR
        )
    return text


def _is_printable(text: str) -> bool:
    return printable(text, len(text)) == text
