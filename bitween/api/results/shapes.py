"""
The shapes of results, as clients see them; :mod:`bitween.api.discovery.discover` tells them these.

A text beside a type says what a value is.  What is unknown, or is not there, is ``null``.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from bitween.api.events.log import EventType
from bitween.api.http.content_type import Preview
from bitween.model.connection import ConnectionState
from bitween.model.contact import Pending, Subscription
from bitween.model.diagnosis import Verdict
from bitween.model.job import JobState
from bitween.model.setting import Origin
from bitween.model.skipped_files import MOST_NAMED, Why
from bitween.model.torrent import FileOrigin, InfoHash, TorrentState
from bitween.model.torrent_error import Reason

Size = Annotated[int, "bytes"]
Rate = Annotated[int, "bytes/s"]
Limit = Annotated[int, "bytes/s, 0 for no limit"]
Time = Annotated[float, "seconds since the epoch, UTC"]
Seconds = Annotated[float, "seconds"]
Fraction = Annotated[float, "0..1"]
BareJid = Annotated[str, "a bare JID"]
Address = Annotated[tuple[str, int], "address and port"]
#: What cannot be done is an error.
Done = Literal[True]


#: What is said of the way to somebody; see :class:`bitween.model.route.Rung`.
REACH = "lan, ipv6, ipv4, mapped, punched, relay, in_band or none; null before that is known"


class Versions(TypedDict):
    """Versions of the daemon, of this API and of what they are built on."""

    bitween: str
    api: str
    libtorrent: str | None
    twisted: str | None
    wokkel: str | None
    python: str


class LogInLink(TypedDict):
    """A link that logs a browser in."""

    url: str
    expires: Time


class Connection(TypedDict):
    """Where the connection to the XMPP server stands."""

    state: Annotated[str, ConnectionState]
    since: Time
    error: Annotated[str | None, "the last reason for not being online, in words"]
    reason: Annotated[str | None, "what kind of error that is, as ErrorData has it"]
    detail: Annotated[str | None, "what exactly it is, one word; null where the reason says it all"]
    values: Annotated[dict[str, str] | None, "what error tells beside that, by name"]
    next_try: Annotated[float | None, "when it is tried again, in seconds since the epoch"]


class Totals(TypedDict):
    """Sums over all our torrents, and over all contacts whom we follow."""

    torrents: int
    complete: Annotated[int, "torrents that are complete"]
    size: Size
    done: Size
    download_rate: Rate
    upload_rate: Rate
    peers: int
    contacts: int
    contacts_online: int


class Limits(TypedDict):
    """Rate limits."""

    upload: Limit
    download: Limit


class LimitsInForce(Limits):
    """The limits of all torrents together: those that were chosen, and those that hold now."""

    now: Limits
    scheduled: Annotated[bool, "whether the schedule has others hold than were chosen"]


class Status(TypedDict):
    """How the daemon is."""

    jid: Annotated[str, "the full JID while online, else the one that is asked for"]
    connection: Connection
    listen: Annotated[list[Address], "the sockets on which BitTorrent peers are accepted"]
    addresses: Annotated[list[Address], "where contacts are told to dial, best first"]
    totals: Totals
    limits: LimitsInForce
    download_dir: Annotated[str, "where downloads go that are not told to go elsewhere"]
    free: Annotated[int | None, "bytes that find room there"]
    uptime: Seconds


class Traffic(TypedDict):
    """Content that was exchanged."""

    downloaded: Annotated[int, "bytes"]
    uploaded: Annotated[int, "bytes"]


class TrafficHistory(TypedDict):
    """How much was exchanged with everybody, and how fast in the last minutes."""

    interval: Annotated[float, "seconds from one rate to the next"]
    download_rates: Annotated[list[int], "bytes/s; oldest first, the last is of now"]
    upload_rates: Annotated[list[int], "bytes/s; oldest first, the last is of now"]
    session: Annotated[Traffic, "since the daemon was started"]
    ever: Annotated[Traffic, "since the state directory was made"]


class Setting(TypedDict):
    """What something is set to."""

    name: Annotated[str, "as the command line and the file have it"]
    value: Annotated[str | bool | list[str] | None, "several of what may be repeated"]
    origin: Annotated[str, Origin]
    changeable: Annotated[bool, "whether it can be changed while the daemon runs"]


class Settings(TypedDict):
    """What whoever runs the daemon has set, and what holds where nothing is."""

    settings: list[Setting]


class Warning(TypedDict):  # noqa: A001  # its name in the API
    """What the daemon's log warned of."""

    time: Time
    level: Annotated[str, "warn, error or critical"]
    text: Annotated[str, "one line; names in it may be chosen by contacts"]
    more: Annotated[int, "of the same second, left out before it"]


class Warnings(TypedDict):
    """The last warnings."""

    warnings: Annotated[list[Warning], "oldest first"]


class FileEntry(TypedDict):
    """One file of a torrent."""

    path: Annotated[str, "relative to the torrent's save_path"]
    size: Size


class Trouble(TypedDict):
    """Why a torrent stands still, and what would help: what ``bt.mend`` does."""

    reason: Annotated[str, Reason]
    path: Annotated[str | None, "of what it is about"]
    remedy: Annotated[str | None, "recheck, fetch_again, share_again; null if nothing would help"]


class Torrent(TypedDict, total=False):
    """A torrent of ours; with ``fields``, only those keys of it."""

    hash: InfoHash
    name: Annotated[str, "may be empty until the list of files is here"]
    total_size: Annotated[int | None, "bytes"]
    done: Annotated[int, "verified bytes; all of them only when the disk has them"]
    files: Annotated[list[FileEntry] | None, "null until they are known"]
    state: Annotated[str, TorrentState]
    complete: Annotated[bool, "whether every byte is verified and on the disk"]
    progress: Annotated[float, "0..1, of what is here or wanted; 1 only when the disk has it"]
    download_rate: Rate
    upload_rate: Rate
    uploaded: Annotated[int, "bytes given to others, over all runs"]
    left: Annotated[int, "bytes that are wanted and still to come"]
    wanted_size: Annotated[int | None, "bytes that are here, or are wanted and still to come"]
    peers: Annotated[int, "that are connected"]
    eta: Annotated[float | None, "seconds until all that is wanted is here; null if unknown"]
    save_path: Annotated[str, "the folder that holds the torrent's file or folder"]
    error: Annotated[str | None, "why it stands still, in words"]
    trouble: Trouble | None
    added: Time
    completed: Annotated[float | None, "when it was complete first, in seconds since the epoch"]
    shared: Annotated[bool, "whether it was made here, of files of ours"]
    origin: Annotated[str, FileOrigin]
    limits: Limits
    sequential: Annotated[bool, "whether pieces are fetched in their order"]
    waiting_for: Annotated[
        list[BareJid],
        "contacts who have it, where it wants something and nobody is connected; the first ten",
    ]


class Deletion(TypedDict):
    """Files that were deleted, or would be."""

    files: Annotated[int, "how many"]
    size: Size
    trash: Annotated[bool, "whether they go to the trash; otherwise they are gone for good"]
    kept: Annotated[
        int, "files that stay: you changed or moved them, or another torrent has them as well"
    ]


class Torrents(TypedDict):
    """Torrents of ours."""

    torrents: list[Torrent]


class LeftOut(TypedDict):
    """A file or folder that is left out of a share, though no ignore file or setting says so."""

    path: Annotated[str, "below the shared folder; what cannot be shown is escaped"]
    why: Annotated[str, Why]


class Added(TypedDict):
    """What came of adding a path."""

    hash: InfoHash
    name: str
    total_size: Size
    left_out: Annotated[list[LeftOut], f"the first {MOST_NAMED}"]
    left_out_total: Annotated[int, "how many there are"]


class Started(TypedDict):
    """The job that was started."""

    job: str


class UploadBegun(TypedDict):
    """An upload that was begun."""

    upload: Annotated[str, "to be named with each of its files, and at its end"]


class Uploaded(TypedDict):
    """What was uploaded, and is shared when it is hashed."""

    job: str
    path: Annotated[str, "where it lies on the daemon's machine"]


class FolderEntry(TypedDict):
    """A file or a folder on the daemon's machine."""

    name: str
    path: Annotated[str | None, "null if it is not UTF-8, and cannot be shared"]
    kind: Annotated[Literal["file", "folder"], "links count as what they lead to"]
    size: Annotated[int | None, "bytes; null for a folder, and where it may not be read"]
    shared: Annotated[bool, "whether it is shared by itself, or downloaded"]


class Folder(TypedDict):
    """A page of what lies in a folder."""

    path: Annotated[str | None, "null for the list of folders to begin in"]
    root: Annotated[str | None, "that of the folders to begin in which it is, or lies below"]
    total: Annotated[int, "entries on all pages"]
    complete: Annotated[bool, "whether that is all, for only so many are listed of a huge folder"]
    entries: Annotated[list[FolderEntry], "folders first, then by name"]


class Requested(TypedDict):
    """A download that was asked for."""

    hash: InfoHash
    sources: Annotated[int, "contacts' devices that can be dialled for it now"]


class FileStatus(TypedDict):
    """One file of a torrent, and how much of it is here."""

    index: Annotated[int, "counted from 0"]
    path: str
    original: Annotated[str | None, "the path at its sender, where this disk gets another one"]
    size: Size
    done: Annotated[int, "verified bytes, in whole pieces"]
    wanted: bool
    preview: Annotated[str | None, Preview, "how a page can show what is at /files/HASH/INDEX"]


class Files(TypedDict):
    """The files of a torrent, and which of them are wanted."""

    files: Annotated[list[FileStatus] | None, "null until they are known"]
    first: Annotated[list[int], "indexes of those that are asked for before the others"]
    sequential: bool


class Peer(TypedDict):
    """Somebody who is connected for a torrent."""

    contact: Annotated[str | None, "a bare JID; null where that cannot be told"]
    address: str
    port: Annotated[int | None, "where it listens; null where it dialled us"]
    client: Annotated[str | None, "the program that it says it is"]
    progress: Annotated[float, "0..1, how much of the torrent it has"]
    download_rate: Rate
    upload_rate: Rate
    downloaded: Annotated[int, "bytes that it brought over this connection"]
    uploaded: Annotated[int, "bytes that it took over this connection"]
    how: Annotated[str, "lan, ipv6, ipv4, punched, relay or in_band"]


class Peers(TypedDict):
    """Everybody who is connected for a torrent."""

    peers: list[Peer]


class Exported(TypedDict):
    """A torrent for other programs."""

    torrent: Annotated[str | None, "the .torrent file in base64; null until it is known"]
    magnet: str


class Obstacle(TypedDict):
    """Why there is no better way to somebody; there may be several reasons."""

    text: str
    fix: Annotated[str | None, "what would help"]
    kind: Annotated[str | None, "what kind of error it was, as ErrorData's reason; null for none"]
    detail: Annotated[str | None, "what exactly it is, one word; null where only text tells"]
    values: Annotated[dict[str, str | int], "what text tells beside that, by name"]


class Way(TypedDict):
    """How a resource of a contact is reached, or why it is not."""

    reach: Annotated[str | None, REACH]
    text: Annotated[str | None, "the same in words"]
    reason: Annotated[str | None, "why there is no better way, or none at all"]
    fix: Annotated[str | None, "what would help"]
    because: Annotated[list[Obstacle], "what reason and fix are made of"]


class Resource(TypedDict):
    """A device of a contact."""

    resource: str
    bitween: Annotated[bool, "whether it has announced anything"]
    shares: Annotated[int, "how many"]
    size: Annotated[int, "bytes of all of them together"]
    online: bool
    answering: Annotated[
        bool | None,
        "whether it answered when something was wanted of it last; null while it was not asked",
    ]
    way: Annotated[Way | None, "how it is reached; null while it is not there"]


class Contact(TypedDict):
    """Somebody in the roster, or who asks to be."""

    jid: BareJid
    nick: str | None
    subscription: Annotated[str, Subscription]
    pending: Annotated[str | None, Pending]
    groups: list[str]
    blocked: Annotated[bool, "whether the server keeps them away from us, by JID or by domain"]
    service: Annotated[bool, "whether this is no person but a gateway or another service"]
    online: Annotated[bool, "whether they are there; nobody is while we are not connected"]
    error: Annotated[Error | None, "what their server answered when we asked them"]
    resources: list[Resource]
    downloaded: Annotated[int, "bytes got from them, over all times"]
    uploaded: Annotated[int, "bytes given to them, over all times"]


class Contacts(TypedDict):
    """Everybody in the roster, and those who ask to be."""

    contacts: list[Contact]


class Invitation(TypedDict):
    """What to give to somebody who is to become a contact."""

    uri: Annotated[str, "an xmpp: link"]
    qr: Annotated[list[str], "the same as a QR code: a text a row, 1 for dark and 0 for light"]


class Blocked(TypedDict):
    """Whom the server keeps away from us."""

    blocked: Annotated[list[str], "bare JIDs and domains"]


class Finding(TypedDict):
    """The outcome of one check."""

    check: Annotated[str, "what was looked at, a name that stays"]
    verdict: Annotated[str, Verdict]
    text: str
    fix: Annotated[str | None, "what can be done about it"]
    detail: Annotated[str | None, "what was found, one word; null where check and verdict say it"]
    values: Annotated[dict[str, str | float], "what text tells beside that, by name"]
    because: Annotated[list[Obstacle], "of a way, why there is no better one"]


class Diagnosis(TypedDict):
    """How it stands with the way between us and our contacts."""

    findings: list[Finding]


class Share(TypedDict):
    """Something that a device shares."""

    hash: InfoHash
    name: str
    size: Size


class Listing(TypedDict):
    """What a device shares, and where it can be dialled."""

    ip_v4: list[Address]
    ip_v6: list[Address]
    online: bool
    shares: Annotated[dict[str, Share], "by info-hash"]


class Shares(TypedDict):
    """What every device of every contact shares."""

    shares: Annotated[dict[str, dict[str, Listing]], "by bare JID and resource"]


class Hashes(TypedDict):
    """Where to dial for what is shared by contacts who are online."""

    hashes: Annotated[dict[str, list[Address]], "by info-hash, the best to dial first"]


class Claim(TypedDict):
    """What is said of something that contacts share, and by whom."""

    name: str
    size: Size
    contacts: Annotated[list[BareJid], "who says so; none where only the copy here tells it"]


class Found(TypedDict):
    """Something that contacts share."""

    hash: InfoHash
    name: Annotated[str, "as the copy here has it, else as most contacts say"]
    size: Size
    contacts: list[BareJid]
    names: Annotated[
        list[Claim],
        "who says which name and size, the shown one first; empty where all say the same",
    ]
    online: Annotated[bool, "whether one of them is there now"]
    answering: Annotated[
        bool | None,
        "false if each of their devices that is online was asked and none answers, true if one "
        "answers; else null",
    ]
    reach: Annotated[str | None, f"{REACH}, and while nobody who has it is online"]
    reach_text: Annotated[str | None, "the same in words"]


class FoundPage(TypedDict):
    """A page of what was found."""

    total: Annotated[int, "on all pages"]
    items: list[Found]


class _Reason(TypedDict):
    """What every error of ours has."""

    reason: Annotated[str, "one word a kind of error"]
    hint: str


class ErrorData(_Reason, total=False):
    """What a program and what a person can do about an error."""

    detail: Annotated[str, "one word for what exactly it is, where the reason leaves that open"]
    values: Annotated[dict[str, str], "what the message tells beside that, by name"]


class Error(TypedDict, total=False):
    """A JSON-RPC error object."""

    code: int
    message: str
    data: ErrorData


class Job(TypedDict):
    """Something that takes a while."""

    job: str
    kind: Annotated[str, "add: a path is being hashed"]
    subject: Annotated[str, "what it works on, e.g. the path"]
    state: Annotated[str, JobState]
    done: Annotated[int, "bytes worked through"]
    total: Annotated[int | None, "bytes to work through"]
    rate: Annotated[float | None, "bytes/s"]
    eta: Annotated[float | None, "seconds left"]
    result: Added | None
    error: Error | None


class Jobs(TypedDict):
    """Every job that runs, and the last ones that ended."""

    jobs: Annotated[list[Job], "oldest first"]


class Event(TypedDict):
    """Something that happened."""

    id: Annotated[int, "one more than that of the event before"]
    type: Annotated[str, EventType]
    time: Time
    data: Annotated[dict[str, object], "by type; see the page on events"]


class Events(TypedDict):
    """Events after a position."""

    events: Annotated[list[Event], "oldest first"]
    last: Annotated[int, "the position to go on from"]
    gap: Annotated[bool, "whether events before these are missing"]


class Token(TypedDict):
    """What a program shows to use the API, without the secret itself."""

    name: str
    read_only: Annotated[bool, "whether it is for looking only"]
    created: Annotated[float | None, "seconds since the epoch; null for the first"]


class NewToken(Token):
    """A token that was made."""

    token: Annotated[str, "the secret, which is told only here"]


class Tokens(TypedDict):
    """All tokens."""

    tokens: Annotated[list[Token], "the one of the token file first"]


class Session(TypedDict):
    """A browser that is logged in."""

    session: Annotated[str, "its id, which is no secret"]
    access: Annotated[str, "full or read_only"]
    browser: Annotated[str, "what it says that it is"]
    remembered: Annotated[bool, "whether it stays logged in when the daemon is restarted"]
    created: Time
    used: Annotated[float, "time of its last request"]
    expires: Annotated[float, "time at which it ends if no further request comes"]


class Sessions(TypedDict):
    """All browsers that are logged in."""

    sessions: Annotated[list[Session], "the one that asked last first"]
