"""The clock over a whole day: bad lines, drift, the wrap of the board's count, steps of the wall clock."""

from __future__ import annotations

import datetime
import time

import numpy as np
import pytest

from liplab.bench_clock import CRYSTALS, LINES, follow
from liplab.board import SimulatedBoard
from lipwright.clock import RealClock
from lipwright.face.profile import load_profile
from lipwright.link.board_link import BoardLink
from lipwright.link.sync import MOST_DRIFT, WINDOW, ClockSync

DAY_H = 24
BAR_MS = 2.0
TODAY = int(datetime.date.today().strftime("%Y%m%d"))


@pytest.mark.parametrize("crystal", CRYSTALS)
@pytest.mark.parametrize("line", LINES)
def test_the_board_s_time_is_known_to_two_milliseconds_all_day(line: str, crystal: str) -> None:
    errors, wraps = follow(line, crystal, DAY_H, TODAY)
    print(f"seed {TODAY}")
    assert len(errors) == DAY_H * 3600
    assert wraps == 1, "the board's count passes from 2^30 - 1 to 0 within the day"
    assert np.percentile(np.abs(errors), 99) < BAR_MS
    around_wrap = errors[len(errors) // 4 - 30 : len(errors) // 4 + 30]
    assert np.abs(around_wrap).max() < 2 * BAR_MS, "and nobody sees it pass"
    by_hour = np.abs(errors[WINDOW:]).max()
    assert by_hour < 3 * BAR_MS, "nor does any second of the day stand out"


def test_the_bar_would_notice_a_clock_that_learns_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with a fit that believes the last exchange."""

    class Gullible:
        is_set = False

        def add(self, sent_s: float, received_s: float, board_ms: float, turnaround_s: float) -> None:
            self.is_set = True
            self.ahead_ms = board_ms - (sent_s + received_s - turnaround_s) * 500

        def to_board_ms(self, host_s: float) -> float:
            return host_s * 1000 + self.ahead_ms

    monkeypatch.setattr("liplab.bench_clock.ClockSync", Gullible)
    errors, _ = follow("noisy", "steady", 1, 1)
    assert np.percentile(np.abs(errors), 99) > BAR_MS


def test_an_answer_held_up_for_long_still_tells_by_its_other_side() -> None:
    """Questions are quick and answers slow, or the other way round, never both quick: the middle is known."""
    sync = ClockSync()
    for second in range(60):
        there, back = (0.0005, 0.04) if second % 2 else (0.04, 0.0005)
        sync.add(second, second + there + back, (second + there) * 1000, 0)
    assert sync.to_board_ms(61) == pytest.approx(61_000, abs=0.05)


@pytest.mark.parametrize("jump_s", [-30.0, 0.5, 3600.0])
def test_a_clock_that_jumps_is_followed_at_once(jump_s: float) -> None:
    """A laptop slept: the board's clock went on, the host's did not."""
    sync = ClockSync()
    for second in range(500):
        sync.add(second, second + 0.001, second * 1000 + 100_000.5, 0)
    for second in range(500, 510):
        sync.add(second, second + 0.001, (second + jump_s) * 1000 + 100_000.5, 0)
        assert sync.to_board_ms(second + 1) == pytest.approx((second + 1 + jump_s) * 1000 + 100_000, abs=0.2)


def test_no_line_makes_a_crystal_drift_beyond_reason() -> None:
    random = np.random.default_rng(3)
    sync = ClockSync()
    for second in range(30):
        there, back = random.uniform(0, 0.3, 2)
        sync.add(second, second + there + back, (second + there) * 1000, 0)
        assert abs(sync.drift) <= MOST_DRIFT


def test_steps_of_the_wall_clock_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Pi without a battery sets its wall clock by years once it has a network: the link must not notice."""
    profile = load_profile()
    with SimulatedBoard("auto") as board, BoardLink(board, profile) as link:
        assert isinstance(board.clock, RealClock)
        link.connect()
        before = link.sync.to_board_ms(board.clock.now()) - board.clock.now() * 1000
        real_time, real_time_ns = time.time, time.time_ns
        for step_s in (3600.0, -86400.0 * 365, 86400.0 * 3650):
            monkeypatch.setattr(time, "time", lambda step_s=step_s: real_time() + step_s)
            monkeypatch.setattr(time, "time_ns", lambda step_s=step_s: real_time_ns() + int(step_s * 1e9))
            start = board.clock.now()
            link.send(profile.rest_targets(), start + 0.1)
            link.poll()
            board.clock.sleep_until(start + 0.05)
            link.send(profile.rest_targets(), start + 0.15)
            status = link.request_status()
            after = link.sync.to_board_ms(board.clock.now()) - board.clock.now() * 1000
            assert abs(after - before) < 5
            assert abs(link.to_host_s(status.time_ms) - board.clock.now()) < 0.2
        final = link.finish()
        assert (final.received, final.played) == (6, 6)


def test_the_host_s_clock_is_the_monotonic_one(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([10.0, 20.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    monkeypatch.setattr(time, "time", lambda: pytest.fail("the wall clock was asked"))
    clock = RealClock()
    assert clock.now() == 10.0
    clock.sleep_until(15.0)  # has passed by then: no sleep
