"""Shows for a board's tests, and how a host stores and plays them."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from wired_board import PERIOD_MS, Board, make_profile

from facewire import constants as c
from lipwright.link.board_profile import BoardCollision, BoardProfile
from lipwright.link.file_messages import FileBegin, FileEnd, FilePart, ShowPlay
from lipwright.link.messages import Ack, Message, Refused
from lipwright.show_file import Show

WRAP_MS = 2**30
CHANNELS = 5
STEP_MS = 20
FRAMES = 50
AHEAD_TICKS = 300 // PERIOD_MS
END_TICKS = 60  # the way to rest after a show, and a little
# Slow, and with a pair that must not meet: a show has to keep to this.
PAIR = BoardCollision(127 * 65535 * 6 // 5, (0, 1), (127, 127))
PROFILE = make_profile(CHANNELS, speed=300, rest=1000, acceleration=40, collisions=(PAIR,))
PINS = {"STOP_PIN": 15, "PLAY_PIN": 14, "CUE_PIN": 13}


def make_show(profile: BoardProfile = PROFILE, frames: int = FRAMES, **changes: Any) -> Show:
    """Channels that swing, some of them far, one that stands still, and a frame at an odd time."""
    turns = np.arange(frames)[:, None] * np.linspace(0.05, 0.6, len(profile.channels))
    positions = np.rint(2047.5 + 2047.5 * np.sin(turns)).astype(int)
    positions[:, -1] = positions[0] = 1000
    times = np.arange(frames) * STEP_MS
    times[frames // 2 :] += 7
    return Show(**{"profile_crc": profile.crc, "times_ms": times, "positions": positions, **changes})


def store(board: Board, name: str, data: bytes) -> Message:
    """Brings a file to the board; returns the last answer, or the first refusal."""
    begin = FileBegin(100, name, len(data), zlib.crc32(data))
    parts = [FilePart(101 + i, 512 * i, data[512 * i : 512 * i + 512]) for i in range(-(-len(data) // 512))]
    answer: Message = Ack(0, 0)
    for message in (begin, *parts, FileEnd(99)):
        (answer,) = board.send(message)
        if isinstance(answer, Refused):
            break
    return answer


def play(board: Board, name: str = "hello", times: int = 1, request: int = 50) -> Message:
    (answer,) = board.send(ShowPlay(request, name, times))
    return answer


def states(ticks: list[list[Any]]) -> list[str]:
    """Each state once, in order."""
    names = [c.STATE_NAMES[state] for state, *_ in ticks]
    return [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]


def press(board: Board, **pressed: bool) -> None:
    pins = {"stop": "15", "play": "14"}
    board.device("set_machine", "levels", {pins[name]: 0 if down else 1 for name, down in pressed.items()})
