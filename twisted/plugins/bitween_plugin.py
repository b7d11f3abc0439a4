"""Makes ``twistd bitween`` known."""

from __future__ import annotations

from twisted.application.service import ServiceMaker

bitween = ServiceMaker(
    "bitween", "bitween.tap", "Share files with your XMPP contacts over BitTorrent.", "bitween"
)
