"""How the head moves between frames: smooth, never beyond them, never faster than its servos."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wired_board import PERIOD_MS, Board, make_profile

from facewire import constants as c

WRAP_MS = 2**30
POSITION = st.one_of(st.sampled_from([0, 65535]), st.integers(0, 65535))


@st.composite
def frame_lists(draw: st.DrawFn, shortest_ms: int = 1) -> tuple[list[int], list[list[Any]]]:
    """A pose of two channels, and frames [ms, positions] at uneven times."""
    count = draw(st.integers(1, 12))
    time_ms = draw(st.integers(shortest_ms, 150))
    frames = []
    for _ in range(count):
        frames.append([time_ms, [draw(POSITION), draw(POSITION)]])
        time_ms += draw(st.one_of(st.just(20), st.integers(shortest_ms, 120)))
    return [draw(POSITION), draw(POSITION)], frames


@settings(max_examples=100, deadline=None)
@given(case=frame_lists(), lead_ms=st.integers(5, 200), start_ms=st.sampled_from([0, WRAP_MS - 90]))
def test_the_track_meets_every_frame_and_never_leaves_the_range_between_two(
    device: Any, case: tuple[list[int], list[list[Any]]], lead_ms: int, start_ms: int
) -> None:
    at, frames = case
    track = device("follow", start_ms, at, frames, lead_ms, frames[-1][0] + 30)
    knots = [[0, at], *frames]
    for (begin, before), (end, after) in pairwise(knots):
        assert track[end] == after
        for now in range(begin, end + 1):
            for i in range(2):
                assert min(before[i], after[i]) <= track[now][i] <= max(before[i], after[i])
    assert all(pose == frames[-1][1] for pose in track[frames[-1][0] :])


@settings(max_examples=100, deadline=None)
@given(case=frame_lists(shortest_ms=10), lead_ms=st.integers(130, 200))
def test_velocity_is_continuous_where_segments_meet(
    device: Any, case: tuple[list[int], list[list[Any]]], lead_ms: int
) -> None:
    at, frames = case
    # The first way begins when the first frame comes; later frames come while the head is under way.
    track = np.array(device("follow", 0, at, frames, lead_ms, frames[-1][0] + 20), float)
    knots = [max(0, frames[0][0] - lead_ms), *(frame[0] for frame in frames), frames[-1][0] + 15]
    velocity = []  # per segment: at its begin and at its end, in positions per ms
    for begin, end in pairwise(knots):
        cubic = np.polynomial.Polynomial.fit(
            np.arange(begin, end + 1), track[begin : end + 1, 0], 3, domain=[begin, end]
        )
        velocity.append((cubic.deriv()(begin), cubic.deriv()(end)))
    # Phases are 16384ths of a segment, so a fit sees velocity to some units; a jump would be thousands.
    assert abs(velocity[0][0]) <= 20
    for left, right in pairwise(velocity):
        assert abs(left[1] - right[0]) <= 20 + 0.01 * max(abs(left[1]), abs(right[0]))


def test_a_frame_that_comes_under_way_changes_nothing_before_its_time(device: Any) -> None:
    early = [[20, [10000]], [40, [30000]], [60, [50000]], [80, [65535]]]
    known = device("follow", 0, [0], early, 200, 60)
    unknown = device("follow", 0, [0], early[:3], 200, 60)
    assert known[:41] == unknown[:41]
    assert known[50] != unknown[50], "from 40 ms on, the way may look ahead to the frame at 80 ms"


def test_speech_rate_motion_is_followed_closely(device: Any) -> None:
    """A 5 Hz sine at 50 frames a second. Between two frames the track stays below a peak: 5 % here."""

    def sine(ms: float) -> float:
        return 32768 + 25000 * math.sin(2 * math.pi * 5 * ms / 1000)

    frames = [[20 * k, [round(sine(20 * k))]] for k in range(1, 50)]
    track = device("follow", 0, [32768], frames, 120, 980)
    worst = max(abs(track[ms][0] - sine(ms)) for ms in range(60, 980))
    assert worst < 0.07 * 25000


@pytest.fixture
def play(fresh: Any) -> Any:
    """Plays positions of one channel, a frame each 20 ms, and returns [out, track] of every tick."""

    def run(positions: list[int], **profile: int) -> list[tuple[int, int]]:
        board: Board = fresh(WRAP_MS - 600)
        board.connect(make_profile(1, **profile))
        start = board.now_ms
        ticks = []
        for i, position in enumerate(positions):
            board.frame(start + 100 + 20 * i, [position])
            ticks += board.run(2)
        ticks += board.run(14)
        assert board.drops == {}
        return [(out[0], track[0]) for _, _, out, track in ticks]

    return run


def test_a_fast_servo_is_told_the_track(play: Any) -> None:
    told = play([2048, 3000, 3500, 3000, 1000, 0, 0, 4095, 4095])
    assert all(out == track for out, track in told)
    assert max(out for out, _ in told) == 65535
    assert min(out for out, _ in told) == 0


@pytest.mark.parametrize("speed", [20, 150, 600])
def test_no_servo_is_told_to_move_faster_than_its_limit(play: Any, speed: int) -> None:
    told = play([4095 * (i // 3 % 2) for i in range(40)], speed=speed)
    steps = np.abs(np.diff([out for out, _ in told]))
    limit = speed / 100 * 65535 * PERIOD_MS / 1000
    assert steps.max() <= limit
    assert steps.max() > 0.9 * limit, "the limit is used, not just kept"


def test_the_speed_limit_never_overshoots(play: Any) -> None:
    told = play([2048] * 5 + [4095] * 30 + [0] * 30, speed=200)
    out = np.array([out for out, _ in told])
    turning = int(out.argmax())
    assert out[turning] == 65535
    assert (np.diff(out[: turning + 1]) >= 0).all()
    assert (np.diff(out[turning:]) <= 0).all()


def test_late_ticks_put_the_head_where_it_should_be_by_now(fresh: Any) -> None:
    """Ticks that start late tell positions of their own time, and left-out ticks are made up for."""
    tracks = []
    for late_us in (0, 4000):
        board: Board = fresh()
        board.connect(make_profile(1))
        start = board.now_ms
        start -= start % PERIOD_MS
        for i in range(10):
            board.frame(start + 40 + 20 * i, [(i * 911) % 4096])
        tracks.append([track[0] for _, _, _, track in board.run(24, late_us)])
    assert tracks[0] == tracks[1]


def test_missed_ticks_are_left_out(fresh: Any) -> None:
    board: Board = fresh()
    board.connect(make_profile(1))
    start = board.now_ms
    for i in range(10):
        board.frame(start + 40 + 20 * i, [(i * 911) % 4096])
    ticks = board["ticks"]
    board.run(1, late_us=95_000)
    board.run(1)
    state = board.state
    assert state["ticks"] == ticks + 2
    assert state["now_ms"] - start == pytest.approx(110, abs=11)
    assert state["played"] == 4
    assert state["state"] == c.FOLLOWING
