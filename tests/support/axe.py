"""Judges pages as axe-core does, and whether they fit their screen."""

from __future__ import annotations

import os

from playwright.sync_api import Page
from twisted.trial.unittest import SkipTest, TestCase

_AXE = os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "bitween", "axe.min.js"
)
#: By how many pixels a page is wider than its screen.
WIDTH = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def judge(case: TestCase, page: Page, name: str) -> None:
    """
    Have axe-core look at a page as it is.

    :param name: what is looked at, for the message.
    """
    if not os.path.exists(_AXE):
        raise SkipTest("there is no axe-core: tools/get-test-programs")
    if not page.evaluate("'axe' in window"):
        with open(_AXE, encoding="utf-8") as file:
            page.evaluate(file.read())
    # Colours that are still changing are no one's.
    page.evaluate("Promise.allSettled(document.getAnimations().map((one) => one.finished))")
    found = page.evaluate("axe.run()")
    case.assertTrue(found["passes"])
    said = [(v["id"], [node["html"] for node in v["nodes"]]) for v in found["violations"]]
    case.assertEqual(said, [], name)
