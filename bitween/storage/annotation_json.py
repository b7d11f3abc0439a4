"""A note and tags as a database holds them: JSON, null where there are none."""

from __future__ import annotations

import json

from bitween.model.annotation import NO_ANNOTATION, Annotation, safe_annotation


def annotation_text(annotation: Annotation) -> str | None:
    """Write an annotation; ``None`` where there is none."""
    return json.dumps([annotation.note, annotation.tags]) if annotation else None


def read_annotation(text: object) -> Annotation:
    """Read what :func:`annotation_text` wrote; a damaged one is no annotation."""
    if not isinstance(text, str):
        return NO_ANNOTATION
    try:
        note, tags = json.loads(text)
        if not all(isinstance(part, str) for part in (note, *tags)):
            return NO_ANNOTATION
        return safe_annotation(note, tags)
    except (ValueError, TypeError):
        return NO_ANNOTATION
