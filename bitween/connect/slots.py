"""Bounds how many searches for routes run at the same time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from bitween.connect.device import RemoteDevice
from bitween.model.catalogue.changes import Key

#: Searches for routes that run at the same time; the other devices wait.
MAX_SEARCHES = 24
#: Of these, searches for devices of one account: perhaps none of them answers.
MAX_SEARCHES_OF_ACCOUNT = 6


class SearchSlots:
    """
    Lets few devices search at a time, and keeps the others in a queue.

    What a call costs depends on how many devices search, not on how many are known.
    """

    def __init__(self) -> None:
        self._searching: set[RemoteDevice] = set()
        self._queue: dict[Key, RemoteDevice] = {}

    def began(self, device: RemoteDevice) -> None:
        """Note that a device searches now, which a ladder that tries again does unasked."""
        self._searching.add(device)

    def acquire(self, device: RemoteDevice) -> bool:
        """Whether a device may search now; otherwise it is queued."""
        if device.is_searching or self._first_with_room([device]) is not None:
            self._queue.pop(device.key, None)
            return True
        self._queue[device.key] = device
        return False

    def next_in_queue(self) -> RemoteDevice | None:
        """Take the device out of the queue whose turn it is; ``None`` if there is no room."""
        device = self._first_with_room(self._queue.values())
        if device is not None:
            del self._queue[device.key]
        return device

    def leave_queue(self, key: Key) -> None:
        """Take a device out of the queue, if it is in."""
        self._queue.pop(key, None)

    def _first_with_room(self, devices: Iterable[RemoteDevice]) -> RemoteDevice | None:
        self._searching = {device for device in self._searching if device.is_searching}
        if len(self._searching) >= MAX_SEARCHES:
            return None
        of_account = Counter(device.key[0] for device in self._searching)
        return next((d for d in devices if of_account[d.key[0]] < MAX_SEARCHES_OF_ACCOUNT), None)
