"""Takes each torrent from one milestone to the next: metadata, a place, every byte on the disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from twisted.logger import Logger

from bitween.bittorrent.alerts import Phase, Status
from bitween.bittorrent.disk import look, remove_part_file
from bitween.bittorrent.layout import Layout, free_root, leads_elsewhere
from bitween.bittorrent.loader import Loader
from bitween.bittorrent.member import Member
from bitween.bittorrent.member_files import survey
from bitween.bittorrent.members import Members
from bitween.bittorrent.naming import naming_for
from bitween.bittorrent.saver import Saver
from bitween.bittorrent.session import Session, SessionReactor
from bitween.bittorrent.steering import Steering
from bitween.bittorrent.store import Store
from bitween.bittorrent.tally import Tallies
from bitween.bittorrent.turns import Turns
from bitween.model.text import printable, safe_name
from bitween.model.torrent import InfoHash
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
            self._take_checked(member, status)
        self._members.put(member)

    def take_flushed(self, info_hash: InfoHash) -> None:
        """Note that the disk has everything that libtorrent had when :meth:`flush` was called."""
        member = self._members.get(info_hash)
        if member is None or not member.loaded or not member.flushes_due:
            return
        member.flushes_due -= 1
        if member.flushes_due or member.error or not member.has_wanted or member.layout is None:
            return
        whole = member.status is not None and member.status.phase is Phase.SEEDING
        files = member.layout.files if whole else member.wanted_files
        found = look(member.record.folder, files)
        if found.fault:
            self._steering.fail(info_hash, found.fault)
        elif whole:
            self._complete(member, found.stamp)
        else:
            self._satisfy(member)
        self._turns.disturb()

    def flush(self, member: Member) -> None:
        """Have libtorrent bring to the disk what it has, and tell."""
        # Twice, since the end of an older flush may still be on its way; and by the end of the
        # second one the status is not from before the first one.
        session = self._session()
        member.flushes_due = 2
        session.flush(member.record.info_hash)
        session.post_updates()
        session.flush(member.record.info_hash)

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

    def _take_checked(self, member: Member, status: Status) -> None:
        """Go on with a torrent of which is known what lies on the disk."""
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
        elif not member.flushes_due and (seeding or not member.satisfied):
            self.flush(member)

    def _take_verified(self, member: Member, same: bool) -> None:
        info_hash = member.record.info_hash
        member.intact = same
        if not same:
            member.refused = member.seen
            self._steering.fail(info_hash, Trouble("a file is another than it was", Reason.CHANGED))
        elif member.record.stamp != member.seen:
            member.record = replace(member.record, stamp=member.seen)
            self._store.set_complete(info_hash, member.seen, self._clock())

    def _place(self, member: Member, same: bool) -> None:
        """
        Decide under which name a download lies on the disk, and let it begin.

        :param same: whether the very same lies there under its own name.
        """
        layout = member.layout
        if layout is None:
            return
        root = self._free_root(member, layout, same)
        member.record = replace(member.record, root=root)
        if root != layout.root:
            survey(member)
        self._store.put(member.record)
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
        member.satisfied, member.seen = False, stamp
        completed = record.completed or now
        member.record = replace(record, complete=True, stamp=stamp, completed=completed)
        self._store.set_complete(record.info_hash, stamp, now)
        remove_part_file(record.folder, record.info_hash)
        self._members.tell_finished(member)

    def _satisfy(self, member: Member) -> None:
        """Take note that every file that is wanted is on the disk."""
        member.satisfied = True
        if member.record.completed is None:
            member.record = replace(member.record, completed=self._clock())
            self._store.put(member.record)
            self._members.tell_finished(member)
        else:
            self._members.put(member)
