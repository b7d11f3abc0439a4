"""The grammar of the command line."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from bitween import __version__

_EPILOG = """\
HASH|NAME is the name of a torrent, its hash, or at least six digits of its hash.

exit status: 0 done, 1 failed or refused, 2 wrong usage, 3 no daemon runs
"""


class _Parser(argparse.ArgumentParser):
    """One whose help fails where it cannot be written; argparse itself drops such errors."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is sys.stdout:
            sys.stdout.write(message)
        else:
            super()._print_message(message, file)


def make_parser() -> argparse.ArgumentParser:
    """The parser of ``bitween``'s command line."""
    parser: argparse.ArgumentParser = _Parser(
        prog="bitween",
        description="Share files with your XMPP contacts: talk to the bitween daemon.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"bitween {__version__}")
    names = ("jid", "state_dir", "url", "token_file", "ca_file")
    _add_common(parser, dict.fromkeys(names))
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_torrent_commands(commands)
    _add_control_commands(commands)
    _add_contact_commands(commands)
    _add_daemon_commands(commands)
    _add_access_commands(commands)
    return parser


_Commands = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _add_common(parser: argparse.ArgumentParser, defaults: dict[str, str | None]) -> None:
    """Options that may stand before and after the command; after it, they must not reset them."""
    suppress = argparse.SUPPRESS

    def default(name: str) -> str | None:
        return defaults.get(name, suppress)

    group = parser.add_argument_group("which daemon, and how to print")
    group.add_argument(
        "--jid", metavar="JID", default=default("jid"), help="talk to the daemon of this account"
    )
    group.add_argument(
        "--state-dir",
        metavar="DIR",
        default=default("state_dir"),
        help="talk to the daemon with this state directory",
    )
    group.add_argument(
        "--url", metavar="URL", default=default("url"), help="talk to the daemon at this URL"
    )
    group.add_argument(
        "--token-file", metavar="FILE", default=default("token_file"), help="its API token"
    )
    group.add_argument(
        "--ca-file",
        metavar="PEM",
        default=default("ca_file"),
        help="trust this certificate authority, for https",
    )
    group.add_argument(
        "--json",
        action="store_true",
        default=False if defaults else suppress,
        help="print the API's result",
    )


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    _add_common(command, {})
    return command


def _add_torrent_commands(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> None:
    add = _command(commands, "add", "share files and folders")
    add.add_argument("paths", metavar="PATH", nargs="+")
    add.add_argument("--wait", action="store_true", help="wait until they are hashed")
    add.add_argument(
        "--strict", action="store_true", help="refuse a folder of which something is left out"
    )
    add.add_argument(
        "--yes",
        action="store_true",
        help="do not ask before sharing a home directory, keys and the like",
    )
    _add_access_options(add)
    _command(commands, "ls", "list your torrents")
    get = _command(commands, "get", "download what a contact shares")
    get.add_argument(
        "what", metavar="HASH|NAME", help="its name or hash, a magnet link, or a .torrent file"
    )
    get.add_argument("--to", metavar="DIR", help="where to put it")
    get.add_argument(
        "--paused",
        action="store_true",
        help="fetch only the list of its files, until bitween resume",
    )
    get.add_argument("--wait", action="store_true", help="wait until it is complete")
    rm = _command(commands, "rm", "stop sharing or downloading")
    rm.add_argument("what", metavar="HASH|NAME")
    rm.add_argument("--data", action="store_true", help="delete the files it downloaded, too")
    rm.add_argument(
        "--originals", action="store_true", help="with --data: also files that were there before"
    )
    rm.add_argument("--yes", action="store_true", help="delete without asking")


def _add_control_commands(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> None:
    _several(_command(commands, "pause", "stop sharing and downloading torrents for a while"))
    resume = _several(_command(commands, "resume", "go on with torrents"))
    resume.add_argument("--first", action="store_true", help="put them first in the queue")
    _several(_command(commands, "recheck", "compare files with their hashes, and go on"))
    _several(_command(commands, "mend", "fix torrents that have stopped with an error"))
    peers = _command(commands, "peers", "list who is connected for a torrent")
    peers.add_argument("what", metavar="HASH|NAME")
    files = _command(commands, "files", "list the files of a torrent, or choose what to fetch")
    files.add_argument("what", metavar="HASH|NAME")
    for option, text in (
        ("--only", "fetch these and no others"),
        ("--skip", "do not fetch these"),
        ("--also", "fetch these, too"),
        ("--first", "ask for these before the others, in this order"),
    ):
        files.add_argument(option, metavar="0,3-5", help=text)
    order = files.add_mutually_exclusive_group()
    order.add_argument(
        "--sequential", action="store_true", default=None, help="from the first byte to the last"
    )
    order.add_argument(
        "--any-order", dest="sequential", action="store_false", help="as it comes, which is usual"
    )
    limit = _command(commands, "limit", "show or set rate limits, of a torrent or of all")
    limit.add_argument("what", metavar="HASH|NAME", nargs="?")
    limit.add_argument("--up", metavar="RATE", help="bytes per second: 500k, 2M or none")
    limit.add_argument("--down", metavar="RATE", help="the same for the other direction")
    export = _command(commands, "export", "print a magnet link, or write a .torrent file")
    export.add_argument("what", metavar="HASH|NAME")
    export.add_argument("--to", metavar="FILE", help="write the .torrent file")
    note = _command(commands, "note", "show or set what contacts read about a torrent")
    note.add_argument("what", metavar="HASH|NAME")
    note.add_argument("text", metavar="TEXT", nargs="*", help="the note, in one line")
    note.add_argument("--tag", metavar="TAG", action="append", help="set this tag; may be repeated")
    note.add_argument("--clear", action="store_true", help="remove the note and all tags")
    access = _command(commands, "access", "show or set who may have a share")
    access.add_argument("what", metavar="HASH|NAME")
    _add_access_options(access)
    ask = _command(commands, "ask", "ask a contact for a share that is locked")
    ask.add_argument("what", metavar="HASH|NAME")
    requests = _command(commands, "requests", "list what contacts ask for, or answer one")
    requests.add_argument("action", nargs="?", choices=("grant", "deny"))
    requests.add_argument("request", metavar="ID", nargs="?")


def _add_access_options(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("who may have it")
    group.add_argument(
        "--for",
        dest="audiences",
        metavar="WHO",
        action="append",
        help="contacts (everybody), devices (your own), group:NAME or a JID; may be repeated",
    )
    group.add_argument("--expires", metavar="7d", help="for your own devices only after that time")
    toggle = argparse.BooleanOptionalAction
    group.add_argument(
        "--listed", action=toggle, default=None, help="others see the name, with a lock"
    )
    group.add_argument(
        "--introductions",
        action=toggle,
        default=None,
        help="contacts that fetch it help each other, and learn each other's addresses",
    )


def _several(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    command.add_argument("what", metavar="HASH|NAME", nargs="*")
    command.add_argument("--all", action="store_true", help="every torrent")
    return command


def _add_contact_commands(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> None:
    shares = _command(commands, "shares", "list and search what contacts share")
    shares.add_argument("query", metavar="QUERY", nargs="*", help="words of the name")
    shares.add_argument("--contact", metavar="JID", help="only theirs")
    contacts = _command(commands, "contacts", "list contacts, or change one")
    contacts.add_argument(
        "action",
        nargs="?",
        choices=("add", "accept", "remove", "forget", "block", "unblock", "link", "show"),
    )
    contacts.add_argument(
        "jid_of_contact",
        metavar="JID",
        nargs="?",
        help="or an xmpp: link, for add; JID/RESOURCE, a lost device, for forget; none for link",
    )
    contacts.add_argument("--nick", help="what to call them")
    devices = _command(
        commands, "devices", "list devices, their fingerprints and how far you trust them"
    )
    devices.add_argument("jid_of_contact", metavar="JID", nargs="?", help="only theirs, or yours")
    verify = _command(commands, "verify", "compare the fingerprint of a device, and trust it")
    verify.add_argument(
        "device", metavar="JID[/RESOURCE]|LINK", help="a contact, one device, or a scanned QR code"
    )
    verify.add_argument("--fingerprint", metavar="DIGITS", help="what the device shows")
    verify.add_argument("--distrust", action="store_true", help="let the device count no longer")
    # Without a terminal there is no comparison: scripts name the fingerprint.
    verify.set_defaults(yes=False)


def _add_daemon_commands(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> None:
    commands.add_parser("daemon", help="run the daemon, in the foreground", add_help=False)
    _command(commands, "status", "show connection, transfers and addresses")
    _command(commands, "reconnect", "try now to connect to the XMPP server")
    _command(commands, "doctor", "find out what keeps transfers from working, and what would help")
    _command(commands, "stop", "stop the daemon")
    jobs = _command(commands, "jobs", "list what is being hashed, or cancel it")
    jobs.add_argument("action", nargs="?", choices=("cancel",))
    jobs.add_argument("job", metavar="ID", nargs="?")
    events = _command(commands, "events", "list recent events")
    events.add_argument("types", metavar="TYPE", nargs="*", help="only these, e.g. torrent_added")
    events.add_argument("--follow", action="store_true", help="print new events as they happen")
    call = _command(commands, "call", "call any method of the API")
    call.add_argument("method", metavar="METHOD")
    call.add_argument("params", metavar="JSON", nargs="?", default="[]", help="a list or object")
    completion = commands.add_parser(
        "completion",
        help="print the shell code that completes commands and names",
        description="Print what makes a shell complete commands, and names that the daemon knows.",
        epilog="""\
bash: eval "$(bitween completion bash)" in ~/.bashrc
zsh:  eval "$(bitween completion zsh)" in ~/.zshrc, after compinit
fish: bitween completion fish > ~/.config/fish/completions/bitween.fish
""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
    _command(commands, "demo", "show it all on this machine, with two throw-away accounts")


def _add_access_commands(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
) -> None:
    token = _command(commands, "token", "list the tokens of the API, make or revoke one")
    token.add_argument("action", nargs="?", choices=("new", "revoke", "list"))
    token.add_argument("token", metavar="NAME", nargs="?", help="the one to revoke")
    token.add_argument("--read-only", action="store_true", help="one that can change nothing")
    token.add_argument("--name", help="name of the new token")
    browsers = _command(
        commands, "sessions", "list the browsers that are logged in, or log one out"
    )
    browsers.add_argument("action", nargs="?", choices=("revoke", "list"))
    browsers.add_argument("session", metavar="ID", nargs="?", help="the one to log out")
    page = _command(commands, "open", "open the page in the browser, logged in")
    page.add_argument("--print", action="store_true", help="print the link instead")
    page.add_argument(
        "--remember", action="store_true", help="stay logged in when the daemon is restarted"
    )
