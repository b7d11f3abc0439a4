"""JSON Schema made of annotations, and docstrings taken apart."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, TypedDict

from jsonschema import Draft7Validator
from twisted.trial.unittest import SynchronousTestCase

from bitween.api.discovery.discover import DocText
from bitween.api.discovery.schema import Schemas
from bitween.api.rpc.params import Between
from bitween.model.torrent import InfoHash


class Colour(StrEnum):
    """A choice."""

    RED = "red"
    BLUE = "blue"


class Leaf(TypedDict):
    """Something."""

    name: str
    size: Annotated[int, "bytes"]


class Tree(TypedDict, total=False):
    """Something that ``holds`` others."""

    leaves: list[Leaf]


class SchemaTests(SynchronousTestCase):
    """What an annotation allows."""

    def check(self, annotation: Any, good: tuple[object, ...], bad: tuple[object, ...]) -> None:
        """Hold values against the schema of an annotation."""
        schemas = Schemas()
        schema = schemas.of(annotation)
        validator = Draft7Validator({"allOf": [schema], "components": {"schemas": schemas.named}})
        for value in good:
            self.assertTrue(validator.is_valid(value), value)
        for value in bad:
            self.assertFalse(validator.is_valid(value), value)

    def test_schemas_of_values(self) -> None:
        """Plain ones, bounded ones, choices, and those that may be null."""
        self.check(str, ("", "x"), (1, None, []))
        self.check(bool, (True,), (0, "true"))
        self.check(InfoHash, ("aB" * 20,), ("ab" * 21, "zz" * 20))
        self.check(Annotated[int, Between(0, 3)], (0, 3), (-1, 4, "1"))
        self.check(Annotated[int, Between(0, 3)] | None, (0, None), (4,))
        self.check(Literal["a", "b"], ("a",), ("c", None))
        self.check(Literal["a", "b"] | None, ("a", None), ("c",))
        self.check(Annotated[str, Colour], ("red",), ("green", None))
        self.check(Annotated[str | None, Colour], ("red", None), ("green",))
        self.check(object, (1, None, {}), ())

    def test_schemas_of_structures(self) -> None:
        """Lists, rows, maps, and objects that others refer to by name."""
        self.check(list[str] | None, ([], ["a"], None), ("a", [1]))
        self.check(tuple[str, int], (["a", 1],), (["a"], ["a", 1, 2], [1, "a"]))
        self.check(dict[str, list[int]], ({}, {"a": [1]}), ({"a": 1}, []))
        leaf = {"name": "x", "size": 1}
        self.check(Tree, ({}, {"leaves": [leaf]}), ({"leaves": [{"name": "x"}]}, []))
        self.check(Leaf | None, (leaf, None), ({},))
        self.check(Leaf | Tree, (leaf, {}), (1,))

    def test_a_text_beside_a_type_describes_it(self) -> None:
        """What stands beside a type describes the value."""
        schemas = Schemas()
        self.assertEqual(schemas.of(Tree), {"$ref": "#/components/schemas/Tree"})
        self.assertEqual(schemas.named["Tree"]["description"], "Something that `holds` others.")
        self.assertEqual(schemas.named["Leaf"]["properties"]["size"]["description"], "bytes")


class DocTextTests(SynchronousTestCase):
    """Docstrings as this project writes them."""

    def test_fields_are_split_from_the_text(self) -> None:
        """They are told from the text, which is told from its first paragraph."""

        def documented() -> None:
            """
            Do ``it``.

            In a way that
            needs words.

            And more.

            :param one: the first,
                on two lines.
            :param two: the second.
            :returns: nothing.
            :raises NotFound: if: there is none.
            """

        self.assertEqual(
            DocText.of(documented),
            DocText(
                "Do `it`.",
                "In a way that needs words.\n\nAnd more.",
                {"one": "the first, on two lines.", "two": "the second."},
                "nothing.",
                {"NotFound": "if: there is none."},
            ),
        )

    def test_a_docstring_without_fields_is_text_alone(self) -> None:
        """There need not be any."""

        def documented() -> None:
            """Do it."""

        self.assertEqual(DocText.of(documented), DocText("Do it.", "", {}, "", {}))
