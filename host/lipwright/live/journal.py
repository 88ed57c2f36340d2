"""What has happened to a head, for people: the panel and the log show it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass

MOST_ENTRIES = 100

log = logging.getLogger("lipwright")


@dataclass(frozen=True)
class Entry:
    """One thing that has happened."""

    number: int
    """Grows from entry to entry."""
    at: float
    """Seconds since 1970, by the wall clock: for people, not for reckoning."""
    kind: str
    """One word for programs, for instance "lost"."""
    text: str
    """A sentence for people."""


class Journal:
    """The last entries, oldest first; serves any thread."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=MOST_ENTRIES)
        self._count = 0
        self._lock = threading.Lock()

    def tell(self, kind: str, text: str) -> None:
        """Adds an entry, and logs it."""
        with self._lock:
            self._count += 1
            self._entries.append(Entry(self._count, time.time(), kind, text))
        log.info("%s", text)

    def since(self, number: int) -> list[Entry]:
        """All that came after the entry of this number; 0 for all there are."""
        with self._lock:
            return [entry for entry in self._entries if entry.number > number]
