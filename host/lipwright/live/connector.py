"""Looks for the board, again and again, in a thread of its own: greeting one may take seconds."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from lipwright.boards import Board
from lipwright.errors import LipwrightError
from lipwright.face.profile import HeadProfile
from lipwright.link.board_link import BoardLink
from lipwright.live.journal import Journal

LOOK_EVERY_S = 0.5


class Connector:
    """Finds a board, greets it and hands out the link.

    Attributes:
        name: What messages call the board; after it has been found.
        profile: The head that a board is greeted with.
        reason: Why there is no board, in words; empty while there is one, or nobody looks.
    """

    def __init__(self, find: Callable[[], Board], profile: HeadProfile) -> None:
        """`find` returns the board, or raises LipwrightError where there is none at the moment."""
        self.name = "the board"
        self.reason = ""
        self._find = find
        self.profile = profile
        self._link: BoardLink | None = None
        self._told = ""
        self._wanted = threading.Event()
        self._paused = False
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="connector", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._wanted.set()
        self._thread.start()

    def look(self) -> None:
        """Looks for the board again."""
        if not self._paused:
            self._wanted.set()

    def pause(self) -> None:
        """Does not look for the board: another one has it."""
        self._paused = True
        self._wanted.clear()
        link = self.take()
        if link is not None:
            link.__exit__()

    def resume(self) -> None:
        """Looks again after a pause."""
        self._paused = False
        self._wanted.set()

    def take(self) -> BoardLink | None:
        """The link to a board that has been found, once."""
        with self._lock:
            link, self._link = self._link, None
        return link

    def report(self, journal: Journal) -> None:
        """Tells why there is no board, when that has changed."""
        reason = self.reason
        if reason and reason != self._told:
            journal.tell("no_board", reason[:1].upper() + reason[1:])
        self._told = reason or self._told

    def close(self) -> None:
        """Ends the search."""
        self._closing.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()
        link = self.take()
        if link is not None:
            link.__exit__()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wanted.wait()
            if self._closing.is_set():
                return
            try:
                link = self._connected()
            except LipwrightError as error:
                self.reason = str(error)
                self._closing.wait(LOOK_EVERY_S)
                continue
            self.reason = self._told = ""
            with self._lock:
                if self._paused:
                    link.__exit__()
                else:
                    self._link = link
            self._wanted.clear()

    def _connected(self) -> BoardLink:
        board = self._find()
        link = BoardLink(board, self.profile)
        with contextlib.ExitStack() as undo:
            undo.callback(link.__exit__)
            link.connect()
            undo.pop_all()
        self.name = board.name
        return link
