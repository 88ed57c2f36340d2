"""The board's clock as the host fits it, on made-up exchanges with known truth."""

import random

import pytest

from facewire.constants import TICKS_MASK
from lipwright.link.sync import ClockSync

TURN_MS = TICKS_MASK + 1


def exchange(
    sync: ClockSync, at: float, board_ms: float, there: float = 0.0005, back: float = 0.0005
) -> bool:
    """One exchange whose question is read when the board's clock shows `board_ms`."""
    return sync.add(at - there, at + 0.0002 + back, board_ms % TURN_MS, 0.0002)


def distance_ms(one: float, other: float) -> float:
    """How far apart two counts are, across the wrap."""
    return abs((one - other + TURN_MS / 2) % TURN_MS - TURN_MS / 2)


@pytest.mark.parametrize("start_ms", [0, 123_456_789.25, TURN_MS - 20_000])
@pytest.mark.parametrize("drift", [0.0, 80e-6, -300e-6])
def test_offset_drift_and_wrap_are_seen_through(start_ms, drift):
    sync = ClockSync()
    noise = random.Random(1)

    def board(host_s):
        return start_ms + (host_s - 1000) * 1000 * (1 + drift)

    for second in range(60):
        at = 1000.0 + second
        exchange(sync, at, board(at), 0.0005 + noise.random() * 3e-4, 0.0005 + noise.random() * 3e-4)
        assert distance_ms(sync.to_board_ms(at + 0.1), board(at + 0.1)) < 1
    assert sync.drift == pytest.approx(drift, abs=10e-6)
    ahead = 1060.0
    assert distance_ms(sync.to_board_ms(ahead), board(ahead)) < 0.2
    assert sync.to_host_s(board(ahead) % TURN_MS, near_s=1059.0) == pytest.approx(ahead, abs=0.0002)


def test_a_long_round_trip_does_not_move_the_clock():
    sync = ClockSync()
    for second in range(10):
        assert exchange(sync, second, 1000.0 * second)
    before = sync.to_board_ms(20)
    assert not exchange(sync, 10, 10_000, there=0.050)
    assert sync.to_board_ms(20) == before


def test_a_line_that_becomes_slow_is_followed_in_the_end():
    sync = ClockSync()
    assert exchange(sync, 0, 0)
    kept = [exchange(sync, second, 1000 * second, there=0.005, back=0.005) for second in range(1, 100)]
    assert not any(kept[:30])
    assert all(kept[-30:])


def test_nothing_is_known_before_the_first_exchange():
    sync = ClockSync()
    assert not sync.is_set
    exchange(sync, 5, 77)
    assert sync.is_set
    assert sync.to_board_ms(5.001) == pytest.approx(78)
