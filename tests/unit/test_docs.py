"""The documentation: what Sphinx would refuse is found without it."""

from __future__ import annotations

import io
from pathlib import Path

from docutils import nodes
from docutils.core import publish_doctree
from docutils.parsers.rst import roles
from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parents[2]
#: A list of the others, with a directive of Sphinx's.
_INDEX = "index.rst"


class DocumentTests(SynchronousTestCase):
    """Each page, the README and the news."""

    def test_the_documentation_has_valid_markup(self) -> None:
        """No page has a malformed table or another mistake: ``make docs`` ends at one."""
        roles.register_generic_role("doc", nodes.literal)
        pages = [ROOT / "README.rst", *ROOT.glob("docs/*.rst"), *ROOT.glob("newsfragments/*.rst")]
        self.assertGreater(len(pages), 20)
        for page in pages:
            if page.name == _INDEX:
                continue
            complaints = io.StringIO()
            settings = {"warning_stream": complaints, "report_level": 2, "halt_level": 5}
            publish_doctree(
                page.read_text("utf-8"), source_path=str(page), settings_overrides=settings
            )
            self.assertEqual(complaints.getvalue(), "")
