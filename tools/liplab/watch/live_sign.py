"""The sign that somebody is watched: the head looks at whom it watches, brows up, and the panel says so."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Protocol

from lipwright.boards import Board, SerialBoard, find_port, load_board
from lipwright.errors import LipwrightError
from lipwright.face.life import Life
from lipwright.face.profile import load_profile
from lipwright.live import service_socket
from lipwright.live.connector import Connector
from lipwright.live.engine import Engine
from lipwright.live.speaker import RATE as SPEAKER_RATE

MOOD = "watching"
CONNECT_S = 10.0
LOOK_S = 0.05


class Sign(Protocol):
    """Shows that somebody is watched, from its making until it is closed.

    Attributes:
        where: Where it is shown, in words.
    """

    where: str

    def tell(self, words: str) -> None:
        """How it stands, for people. Raises LipwrightError where it is shown no more."""

    def is_stop_wanted(self) -> bool:
        """Whether somebody wants an end."""

    def close(self) -> None:
        """Shows it no more."""


def open_sign(no_head: bool, sim: bool, port: str | None, profile: Path | None) -> Sign:
    """By the service where one runs; else on a board of our own; or only here.

    Raises LipwrightError where there is no head.
    """
    if no_head:
        return _NoSign()
    if not sim and port is None and profile is None and (client := service_socket.connect()):
        return _ServiceSign(client)
    return _BoardSign(sim, port, profile)


class _NoSign:
    where = "only here"

    def tell(self, words: str) -> None:
        """Nowhere."""

    def is_stop_wanted(self) -> bool:
        """Nobody can say so."""
        return False

    def close(self) -> None:
        """There is nothing."""


class _ServiceSign(service_socket.WatchSign):
    where = "on the head and its panel"


class _BoardSign:
    def __init__(self, sim: bool, port: str | None, profile_path: Path | None) -> None:
        profile = load_profile(profile_path)
        self._closing = contextlib.ExitStack()
        board: Board = load_board("sim", profile=profile) if sim else SerialBoard(port or _find_port())
        self._closing.callback(board.close)
        self.where = f"on {board.name}"
        life = Life(profile)
        life.mood = MOOD
        engine = Engine(profile, Connector(lambda: board, profile), SPEAKER_RATE, life=life)
        self._closing.callback(engine.close)
        engine.start()
        until_s = time.monotonic() + CONNECT_S
        while not engine.snapshot().connected:
            if time.monotonic() > until_s:
                self.close()
                told = engine.journal.since(0)
                raise LipwrightError(told[-1].text if told else f"{board.name} does not answer.")
            time.sleep(LOOK_S)

    def tell(self, words: str) -> None:
        """The face has no words."""

    def is_stop_wanted(self) -> bool:
        """Nobody can say so but here."""
        return False

    def close(self) -> None:
        """The head goes to rest."""
        self._closing.close()


def _find_port() -> str:
    try:
        return find_port()
    except LipwrightError as error:
        raise LipwrightError(f"{error} Or watch without a head: --no-head.") from None
