"""Commands about the keys of devices: ``devices``, ``verify``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from bitween.cli.confirm import confirm
from bitween.cli.failures import CommandFailed, WrongUsage
from bitween.cli.session import CommandSession
from bitween.model.device_link import grouped, parse_device_link


def devices(session: CommandSession) -> None:
    """``devices [JID]``."""
    result = session.call("devices.list", jid=session.args.jid_of_contact)
    if session.output.as_json:
        session.output.json(result)
        return
    session.output.table(
        ("device", "trust", "fingerprint"),
        [
            (f"{device['jid']}/{device['resource']}", device["trust"], _shown(device))
            for device in result["devices"]
        ],
        empty="no devices are known; those of contacts come with what they share",
    )


def verify(session: CommandSession) -> None:
    """``verify JID[/RESOURCE]|LINK [--fingerprint DIGITS] [--distrust]``."""
    args = session.args
    linked = parse_device_link(args.device)
    if linked is not None:
        jid, resource, fingerprint = linked
        _verify(session, jid, resource, fingerprint)
        return
    jid, _, resource = args.device.partition("/")
    found = [
        device
        for device in session.call("devices.list", jid=jid)["devices"]
        if not resource or device["resource"] == resource
    ]
    if args.distrust:
        _distrust(session, _only(args.device, found))
    elif args.fingerprint is not None:
        device = _only(args.device, found)
        _verify(session, device["jid"], device["resource"], args.fingerprint)
    else:
        _compare(session, found)


def _compare(session: CommandSession, found: list[dict[str, Any]]) -> None:
    """Show the fingerprints of devices that can be verified, and ask for each."""
    args = session.args
    comparable = [
        device
        for device in found
        if device["fingerprint"] and (device["trust"] != "verified" or args.device.count("/"))
    ]
    if not comparable:
        raise CommandFailed(f"{args.device} has no device that is to be verified")
    if not (sys.stdin and sys.stdin.isatty() and session.output.shows_progress):
        raise WrongUsage(
            "there is no terminal on which to compare fingerprints",
            "give what the device shows: --fingerprint DIGITS",
        )
    own = session.call("devices.own")
    session.output.note(f"this device shows:  {_shown(own)}")
    for device in comparable:
        name = f"{device['jid']}/{device['resource']}"
        confirm(
            session,
            f"{name} must show:  {_shown(device)}",
            "Does it show this, or has its owner read it out to you?",
        )
        _verify(session, device["jid"], device["resource"], device["fingerprint"])


def _only(given: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    if not found:
        raise CommandFailed(f"{given} is not known", "bitween devices lists the devices")
    if len(found) > 1:
        raise WrongUsage(f"{given} has {len(found)} devices", "say which: JID/RESOURCE")
    return found[0]


def _verify(session: CommandSession, jid: str, resource: str, fingerprint: str) -> None:
    result = session.call("devices.verify", jid=jid, resource=resource, fingerprint=fingerprint)
    session.show(result, f"{jid}/{resource} is verified")


def _distrust(session: CommandSession, device: Mapping[str, Any]) -> None:
    jid, resource = device["jid"], device["resource"]
    result = session.call("devices.distrust", jid=jid, resource=resource)
    session.show(result, f"{jid}/{resource} does not count until you verify it")


def _shown(device: Mapping[str, Any]) -> str:
    return grouped(device["fingerprint"]) or "(no key)"
