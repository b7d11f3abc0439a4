"""What tests of the page with a daemon of memory stand on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, ClassVar

from playwright.sync_api import Page, expect
from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTCP, IReactorTime
from twisted.logger import LogPublisher
from twisted.trial.unittest import TestCase

from bitween.api.events.recorder import Recorder
from bitween.model.setting import Setting
from tests.support.api_rig import TOKEN, World, site_of
from tests.support.browser import meanwhile
from tests.support.harness import Daemon


class WebCase(TestCase):
    """
    A world that is served on loopback, and recorded; in it are ``files``, to be shared.

    :ivar log: whose warnings the world's daemon tells.
    """

    timeout = 170.0
    settings: ClassVar[Sequence[Setting]] = ()

    def setUp(self) -> None:
        """Serve it."""
        root = os.path.abspath(self.mktemp())
        os.makedirs(os.path.join(root, "files", "song"))
        self.world = World(
            IReactorTime(reactor), os.path.abspath(self.mktemp()), share_roots=[root]
        )
        self.addCleanup(self.world.bitween.close)
        self.log = LogPublisher()
        recorder = Recorder(self.world.bitween, self.world.log, self.world.clock, self.log)
        recorder.startService()
        self.addCleanup(recorder.stopService)
        site: Any = site_of(self.world, ["files.test"], settings=self.settings)
        port: Any = IReactorTCP(reactor).listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(site.close)
        self.addCleanup(port.stopListening)
        self.url = f"http://127.0.0.1:{port.getHost().port}/"
        site.url = f"{self.url}api"

    def log_in(self, page: Page) -> None:
        """Open the page, log in, and wait until the page knows how things are."""
        page.goto(self.url)
        self.enter(page)
        expect(page.locator("header .rates")).to_contain_text("↓")

    def enter(self, page: Page) -> None:
        """Log in on a page that asks for the token."""
        page.get_by_role("textbox").fill(TOKEN)
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_visible()


# What would run if names were taken for HTML; and what would be read as "song exe.jpg".
SCRIPT = "<img src=x onerror=document.title='run'>"


TURNED = "song \u202egpj.exe"


def complaints_of(page: Page) -> list[str]:
    """What the browser complains of from now on, but for a log-in that is needed."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if "401" not in message.text else None,
    )
    return complaints


def open_page(page: Page, daemon: Daemon) -> None:
    """Do as ``bitween open`` does, once the browser is there: its link serves for a short time."""
    page.goto(meanwhile(daemon.call("Api.login_link"))["url"])
    expect(page.locator("main")).to_be_visible()
