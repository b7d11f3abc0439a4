"""Takes each torrent from one milestone to the next: metadata, a place, every byte on the disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from twisted.logger import Logger
from twisted.python.failure import Failure

from bitween.bittorrent.alerts import Phase, Status
from bitween.bittorrent.disk import Look, at_once, look, remove_part_file
from bitween.bittorrent.flusher import Flusher
from bitween.bittorrent.layout import Layout, free_root, leads_elsewhere
from bitween.bittorrent.loader import Loader
from bitween.bittorrent.member import Member
from bitween.bittorrent.member_files import looking_at_wanted, survey
from bitween.bittorrent.members import Members
from bitween.bittorrent.naming import naming_for
from bitween.bittorrent.room import whole_need
from bitween.bittorrent.saver import Saver
from bitween.bittorrent.session import Session, SessionReactor
from bitween.bittorrent.steering import Steering
from bitween.bittorrent.store import Store
from bitween.bittorrent.tally import Tallies
from bitween.bittorrent.turns import Turns
from bitween.errors import StoreError
from bitween.model.text import printable, safe_name
from bitween.model.torrent import FileOrigin
from bitween.model.trouble import Reason, Trouble

# How many files with other names than their sender's the log names.
_EXAMPLES = 5


class Milestones:
    """
    Decides from the status of a torrent how it goes on.

    Whichever alert made us ask for the status does not matter: a lost one then delays the decision
    at most.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: SessionReactor,
        store: Store,
        members: Members,
        session: Callable[[], Session],
        clock: Callable[[], float],
        *,
        loader: Loader,
        flusher: Flusher,
        steering: Steering,
        turns: Turns,
        saver: Saver,
        tallies: Tallies,
    ) -> None:
        """:param clock: seconds since the epoch."""
        self._reactor = reactor
        self._store = store
        self._members = members
        self._session = session
        self._clock = clock
        self._loader = loader
        self._flusher = flusher
        self._steering = steering
        self._turns = turns
        self._saver = saver
        self._tallies = tallies

    def take_status(self, status: Status) -> None:
        """Go on with a torrent as far as that is possible now."""
        member = self._members.get(status.info_hash)
        # What is said before it is loaded is said of an earlier load.
        if member is None or not member.loaded:
            return
        before = member.status
        if not (member.record.complete or status.wanted) and member.placed:
            done = self._session().file_progress(status.info_hash)
            status = member.count(status, done)
        if member.take(status, self._reactor.seconds()):
            self._tallies.moved(status.info_hash)
        if before is not None and before.phase is not status.phase:
            self._saver.save(member)
        # What was said of the file itself tells more.
        if status.error and not member.error:
            self._steering.fail(status.info_hash, Trouble(status.error))
        if status.has_metadata and member.layout is None and not member.error:
            self._take_metadata(member)
        checked = member.loaded and status.phase not in (Phase.METADATA, Phase.CHECKING)
        if checked and not member.error:
            turned = before is None or before.phase is not status.phase
            self._take_checked(member, status, turned=turned)
        self._members.put(member)

    def flush(self, member: Member) -> None:
        """Have libtorrent write to the disk what it has, and go on when it is there."""
        # Twice, so that by the end of the second flush the status is not from before the first one.
        info_hash = member.record.info_hash
        member.flushing = True
        self._flusher.flush(info_hash)
        self._session().post_updates()
        self._flusher.flush(info_hash).addCallback(
            lambda there: self._flushed(member, there=there)
        ).addErrback(self._not_noted)

    def _flushed(self, member: Member, *, there: bool) -> None:
        member.flushing = False
        if not (there and member.loaded and member.has_wanted and self._members.holds(member)):
            return
        if member.error or member.layout is None:
            return
        seeding = member.status is not None and member.status.phase is Phase.SEEDING
        whole = look(member.record.folder, member.layout.files) if seeding else None
        if whole is not None and not whole.fault:
            self._complete(member, whole.stamp)
        else:
            # Of files that are left out every byte may be here, with the pieces that they share
            # with others, and yet no file that holds them.
            self._take_wanted(member, at_once(looking_at_wanted(member)))
        self._turns.disturb()

    def _take_wanted(self, member: Member, found: Look) -> None:
        if found.fault:
            member.faulty = found.faulty
            self._steering.fail(member.record.info_hash, found.fault)
        else:
            self._satisfy(member)

    def go_on(self) -> None:
        """Try again with what could not be stored."""
        for member in self._members:
            if not member.loaded or member.record.complete or member.error:
                continue
            if member.has_wanted and not (member.satisfied or member.flushing):
                self.flush(member)
            elif member.layout is not None and not member.placed and member.status is not None:
                try:
                    self.take_status(member.status)
                except StoreError as error:
                    self._log.error("{error}", error=error)

    def _not_noted(self, failure: Failure) -> None:
        failure.trap(StoreError)
        self._log.error("{error}", error=failure.value)

    def _take_metadata(self, member: Member) -> None:
        torrent_file = self._session().metadata(member.record.info_hash)
        if torrent_file is None:
            return
        naming = naming_for(member.record.folder, torrent_file)
        member.record = replace(member.record, torrent_file=torrent_file, naming=naming)
        survey(member)
        if member.layout is not None:
            member.record = replace(member.record, name=safe_name(member.layout.name))
            self._store.put(member.record)
            if not member.layout.by_default:
                # What lies under our names is to be compared, not what lies under libtorrent's.
                self._loader.load_again(member)

    def _take_checked(self, member: Member, status: Status, *, turned: bool) -> None:
        """
        Go on with a torrent of which is known what lies on the disk.

        :param turned: whether it was in another phase before.
        """
        seeding = status.phase is Phase.SEEDING
        if not member.placed:
            self._place(member, same=seeding)
        if not member.loaded or not self._members.holds(member):
            return
        if member.verifying:
            member.verifying = False
            self._turns.disturb()
        self._steering.steer(member)
        if member.record.complete:
            self._take_verified(member, same=seeding)
        elif not member.has_wanted:
            member.satisfied = False
            if not (member.fetching or member.halted):
                self._steering.fetch(member)
        elif not member.flushing and (not member.satisfied or (seeding and turned)):
            self.flush(member)

    def _take_verified(self, member: Member, same: bool) -> None:
        info_hash = member.record.info_hash
        member.intact = same
        if not same:
            member.refused = member.seen
            self._steering.fail(info_hash, Trouble("a file is another than it was", Reason.CHANGED))
        elif member.record.stamp != member.seen:
            self._store.set_complete(info_hash, member.seen, self._clock())
            member.record = replace(member.record, stamp=member.seen)

    def _place(self, member: Member, same: bool) -> None:
        """
        Decide under which name a download lies on the disk, and let it begin.

        :param same: whether the very same lies there under its own name.
        """
        layout = member.layout
        if layout is None:
            return
        root = self._free_root(member, layout, same)
        found = same and root == layout.root
        origin = FileOrigin.SHARED if found else FileOrigin.FETCHED
        record = replace(member.record, root=root, origin=origin)
        # First of all: what is not known to be ours would be left alone the next time.
        self._store.put(record)
        member.record, member.need = record, whole_need(member)
        if root != layout.root:
            survey(member)
        self._tell_renamed(member, layout)
        if root != layout.root:
            # A file that is renamed in the session is moved on the disk, and it is not ours: the
            # torrent has to begin anew instead.
            self._loader.unload_quietly(member.record.info_hash)
            self._loader.load(member)
        elif not same:
            # libtorrent touches files that it is to fetch, even if nothing of them is missing.
            self._steering.fetch(member)

    def _tell_renamed(self, member: Member, layout: Layout) -> None:
        renamed = [file for file in layout.files if file.original]
        if renamed:
            examples = ", ".join(
                f"{printable(file.original)!r} is {os.path.basename(file.path)!r}"
                for file in renamed[:_EXAMPLES]
            )
            self._log.info(
                "{name!r}: this disk gets other names for {count} files: {examples}{more}",
                name=member.record.name,
                count=len(renamed),
                examples=examples,
                more=", ..." if len(renamed) > _EXAMPLES else "",
            )

    def _free_root(self, member: Member, layout: Layout, same: bool) -> str:
        """Choose the name under which a download lies: its own, unless something else does."""
        folder = member.record.folder
        taken = {
            other.record.root
            for other in self._members
            if other is not member and other.record.folder == folder
        }
        free = not os.path.lexists(os.path.join(folder, layout.root))
        kept = same and not leads_elsewhere(folder, layout.files)
        if layout.root not in taken and (free or kept):
            return layout.root
        root = free_root(folder, layout.root, {name for name in taken if name})
        self._log.info(
            "{name!r} is there already: the download is called {root!r}",
            name=layout.root,
            root=root,
        )
        return root

    def _complete(self, member: Member, stamp: str) -> None:
        """Take note that every byte is on the disk."""
        record, now = member.record, self._clock()
        self._store.set_complete(record.info_hash, stamp, now)
        member.satisfied, member.unwritten, member.seen = False, False, stamp
        completed = record.completed or now
        member.record = replace(record, complete=True, stamp=stamp, completed=completed)
        remove_part_file(record.folder, record.info_hash)
        self._members.tell_finished(member)

    def _satisfy(self, member: Member) -> None:
        """Take note that every file that is wanted is on the disk."""
        new = member.record.completed is None
        if new:
            record = replace(member.record, completed=self._clock())
            self._store.put(record)
            member.record = record
        member.satisfied, member.unwritten = True, False
        if new:
            self._members.tell_finished(member)
        else:
            self._members.put(member)
