"""Reading frames and ticking allocates nothing: no garbage collection can fall into a tick."""

from __future__ import annotations

from typing import Any

import pytest
from wired_board import Board, make_profile

from facewire import constants as c
from lipwright.link.messages import CompactFrame, FullFrame, Sync, encode


@pytest.fixture
def board(micropython_device: Any) -> Board:
    (micropython_device.flash / "profile.bin").unlink(missing_ok=True)
    made = Board(micropython_device, 2**30 - 3000)
    made.connect(make_profile(26, speed=300))
    return made


def frames(now_ms: int, count: int) -> list[str]:
    encoded = []
    for i in range(count):
        time_ms = (now_ms + 50 + 20 * i) & c.TICKS_MASK
        if i % c.BASE_INTERVAL == 0:
            frame: Any = FullFrame(i, time_ms, tuple((i * 331 + 157 * k) % 4096 for k in range(26)))
        else:
            frame = CompactFrame(i, time_ms, {k: (i * 331 + k) % 4096 for k in range(11)})
        encoded.append(encode(frame).hex())
    return encoded


def test_following_holding_easing_and_releasing_allocate_nothing(board: Board) -> None:
    reading, ticking = board.device("allocated", frames(board.now_ms, 60), 300)
    state = board.state
    assert (state["received"], state["played"], state["state"]) == (60, 60, c.RELEASED)
    assert reading == 0
    assert ticking == 0


def test_dropped_frames_allocate_nothing(board: Board) -> None:
    now = board.now_ms
    base = frames(now - 5, 1)
    late = frames(now - 400, 5)
    assert board.device("allocated", [*base, *late, *base], 1) == [0, 0]
    assert sum(board["drops"]) >= 6


def test_rearming_and_going_on_allocate_nothing(board: Board) -> None:
    board.device("allocated", frames(board.now_ms, 10), 200)
    assert board["state"] == c.RELEASED
    reading, ticking = board.device("allocated", frames(board.now_ms, 60), 110)
    assert board["state"] == c.FOLLOWING
    assert (reading, ticking) == (0, 0)


def test_the_measurement_sees_an_allocation(board: Board) -> None:
    """A request allocates, and the same measurement says so."""
    reading, _ = board.device("allocated", [encode(Sync(1)).hex()], 1)
    assert reading > 0
