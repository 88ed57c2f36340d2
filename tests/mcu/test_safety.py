"""The ladder: what the head does when frames cease, and how it comes back."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from wired_board import NO_PULSE, PERIOD_MS, START_TICKS, Board, Chips, make_profile

from facewire import constants as c
from lipwright.link.board_profile import BoardCollision, BoardProfile
from lipwright.link.messages import (
    BoardStatus,
    Hello,
    Park,
    ProfileUpload,
    Refused,
    StatusRequest,
    Stop,
)

WRAP_MS = 2**30
CHANNELS = 4
OPEN = [4095] * CHANNELS
REST = 32776  # 2048 of 4095, in 65536ths
RIPE_MS = 500 + 40  # good frames for half a second, and a little


def run_fed(board: Board, duration_ms: int, positions: list[int]) -> list[list[Any]]:
    """Runs with a frame each 20 ms that lies 100 ms ahead."""
    ticks = []
    for _ in range(duration_ms // (2 * PERIOD_MS)):
        board.frame(board.now_ms + 100, positions)
        ticks += board.run(2)
    return ticks


def states(ticks: list[list[Any]]) -> list[tuple[str, int]]:
    """Each state with the number of ticks that it lasted."""
    lasted: list[tuple[str, int]] = []
    for state, *_ in ticks:
        name = c.STATE_NAMES[state]
        if lasted and lasted[-1][0] == name:
            lasted[-1] = (name, lasted[-1][1] + 1)
        else:
            lasted.append((name, 1))
    return lasted


@pytest.fixture(params=[0, WRAP_MS - 900], ids=["from 0", "over the wrap"])
def board(fresh: Any, request: pytest.FixtureRequest) -> Board:
    made: Board = fresh(request.param)
    made.connect(make_profile(CHANNELS))
    return made


@pytest.fixture
def released(board: Board) -> Board:
    """A board that has gone down the whole ladder."""
    run_fed(board, 200, OPEN)
    board.run(80)
    assert board["state"] == c.RELEASED
    return board


def test_before_a_profile_nothing_moves(fresh: Any) -> None:
    board: Board = fresh()
    board.device("bus", True, True)
    board.send(Hello.open(1, 1))
    (refused,) = board.send(Park(2))
    assert isinstance(refused, Refused) and refused.reason == c.REASON_NO_PROFILE
    board.send(Stop(3))
    board.frame(100, OPEN)
    board.run(60)
    assert board.device("bus", False, True) == []
    assert board["state"] == c.UNCONFIGURED


def test_a_head_creeps_to_rest_one_group_after_another(fresh: Any) -> None:
    board: Board = fresh()
    groups = tuple(
        dataclasses.replace(channel, group=1 - i % 2)
        for i, channel in enumerate(make_profile(CHANNELS, rest=1000).channels)
    )
    board.connect(BoardProfile(50, 100, groups), ticks=130)
    again = Board(board.device)  # power off and on
    chips = Chips()
    again.device("bus", True, True)
    ticks, pulses = [], []
    for _ in range(130):
        ticks += again.run(1)
        chips.take(again.device("bus", True, True))
        pulses.append([chips.counts(k) != NO_PULSE for k in range(CHANNELS)])
    again.device("bus", False, True)
    creep = ([True] * 2 + [False] * 6) * 6 + [True] * 8
    assert [on[1] for on in pulses[:56]] == [on[3] for on in pulses[:56]] == creep
    assert not any(on[0] or on[2] for on in pulses[:56]), "the second group waits for the first"
    assert [on[0] for on in pulses[56:112]] == [on[2] for on in pulses[56:112]] == creep
    assert all(on[1] and on[3] for on in pulses[56:]) and all(all(on) for on in pulses[112:])
    assert all(out == [1000 << 4 | 1000 >> 8] * CHANNELS for _, _, out, _ in ticks)
    assert again["state"] == c.RESTING
    assert again["cause"] == c.CAUSE_BOOT


def test_the_ladder_on_silence(board: Board) -> None:
    assert states(run_fed(board, 200, OPEN)) == [("following", 20)]
    ticks = board.run(80)
    # The last frame lies 100 ms ahead and is passed 80 ms after the last tick that was fed.
    assert states(ticks) == [("following", 7), ("holding", 15), ("easing", 30), ("released", 28)]
    assert board["cause"] == c.CAUSE_SILENCE
    holding = [out for state, _, out, _ in ticks if state == c.HOLDING]
    assert all(out == [65535] * CHANNELS for out in holding)
    assert [live for state, live, _, _ in ticks if state == c.RELEASED] == [0] * 28
    easing = np.array([out[0] for state, _, out, _ in ticks if state == c.EASING])
    assert (np.diff(easing) <= 0).all()
    assert easing[0] > 65000 and abs(easing[-1] - REST) < 200
    assert np.abs(np.diff(easing)).max() < 1.6 * (65535 - REST) / 30, (
        "smooth: no faster than a cubic's middle"
    )


def test_frames_while_holding_go_on_at_once(board: Board) -> None:
    run_fed(board, 200, OPEN)
    ticks = board.run(15)
    assert ticks[-1][0] == c.HOLDING
    assert states(run_fed(board, 100, [0] * CHANNELS)) == [("following", 10)]


def test_late_frames_do_not_count_as_life(board: Board) -> None:
    run_fed(board, 200, OPEN)
    for _ in range(40):
        board.frame(board.now_ms - 1, OPEN)
        board.run(2)
    assert board["state"] == c.RELEASED
    assert board.drops == {"late": 40}


def test_a_released_head_follows_after_half_a_second_of_good_frames_slowly(released: Board) -> None:
    ticks = run_fed(released, 1600, OPEN)
    lasted = states(ticks)
    assert [name for name, _ in lasted] == ["rearming", "following"]
    assert lasted[0][1] == 50
    following = [tick for tick in ticks if tick[0] == c.FOLLOWING]
    assert [live for _, live, _, _ in following[:5]] == [1, 2, 3, 4, 4]
    out = np.array([tick[2][0] for tick in following], float)
    speed = np.diff(out) / 65535 * 100  # ranges per second
    assert speed[:10].max() < 0.8, "slow at first"
    assert (speed >= 0).all()
    assert out[-1] == 65535, "and arrived within a second"


def test_after_the_first_move_the_head_is_as_fast_as_ever(released: Board) -> None:
    run_fed(released, 2000, OPEN)
    ticks = run_fed(released, 200, [0] * CHANNELS)
    assert ticks[-1][2] == ticks[-1][3] == [0] * CHANNELS


def test_a_gap_in_the_frames_begins_the_half_second_anew(released: Board) -> None:
    for _ in range(3):
        run_fed(released, 300, OPEN)
        released.run(12)
        assert released["state"] == c.RELEASED
    assert states(run_fed(released, RIPE_MS, OPEN))[-1][0] == "following"


def test_frames_that_come_back_while_easing_arm_again_too(board: Board) -> None:
    run_fed(board, 200, OPEN)
    board.run(30)
    assert board["state"] == c.EASING
    ticks = run_fed(board, RIPE_MS + 40, OPEN)
    assert [name for name, _ in states(ticks)][-1] == "following"
    steps = np.abs(np.diff([out[0] for _, _, out, _ in ticks]))
    assert steps.max() <= 0.05 * 65535, "no jump anywhere"


def test_park_eases_to_rest_and_keeps_the_pulses(board: Board) -> None:
    run_fed(board, 200, OPEN)
    board.send(Park(5))
    ticks = board.run(200)
    assert states(ticks) == [("easing", 29), ("resting", 171)]
    assert ticks[-1][1:3] == [CHANNELS, [REST] * CHANNELS]
    assert board["cause"] == c.CAUSE_PARK
    assert board.drops == {"flushed": 4}


def test_park_in_full_motion_goes_on_smoothly(board: Board) -> None:
    start = board.now_ms
    for i in range(1, 20):
        board.frame(start + 50 * i, [min(4095, 120 * i)] * CHANNELS)
    moving = board.run(40)
    board.send(Park(5))
    parking = board.run(40)
    out = np.array([tick[2][0] for tick in moving[-10:] + parking], float)
    acceleration = np.abs(np.diff(out, 2))
    assert np.diff(out).max() > 300, "it did move"
    assert acceleration.max() < 100


def test_park_brings_a_released_head_to_rest_without_waiting(released: Board) -> None:
    released.send(Park(5))
    assert [name for name, _ in states(released.run(40))] == ["easing", "resting"]
    assert states(run_fed(released, 40, OPEN)) == [("following", 4)]


def test_stop_releases_at_once_and_stays(board: Board) -> None:
    run_fed(board, 200, OPEN)
    board.device("bus", True, True)
    board.send(Stop(6))
    off = bytes([0, 0, 0, 16]) * CHANNELS
    assert board.device("bus", True, True) == [[0x40, 6, off.hex()]]
    ticks = run_fed(board, 1000, OPEN)
    assert states(ticks) == [("stopped", 100)]
    assert {live for _, live, _, _ in ticks} == {0}
    assert board.drops == {"flushed": 4, "not_ready": 50}
    assert {data for _, register, data in board.device("bus", False, True) if register >= 6} == {off.hex()}
    board.send(Park(7))
    ticks = board.run(START_TICKS)
    assert ticks[-1][0] == c.RESTING
    assert all(out == [REST] * CHANNELS for _, _, out, _ in ticks), "from wherever it may stand by now"


def test_a_stop_holds_through_a_new_profile(board: Board) -> None:
    run_fed(board, 200, OPEN)
    board.send(Stop(6))
    board.device("bus", True, True)
    board.send(ProfileUpload(7, make_profile(2)))
    assert states(board.run(50)) == [("stopped", 50)]
    assert board["cause"] == c.CAUSE_STOP
    bursts = [data for _, register, data in board.device("bus", False, True) if register == 6]
    assert {data for data in bursts} == {bytes([0, 0, 0, 16]).hex() * 2}
    board.send(Park(8))
    assert board.run(START_TICKS)[-1][0] == c.RESTING


def test_a_stop_before_the_first_profile_holds_too(fresh: Any) -> None:
    board: Board = fresh()
    board.send(Hello.open(1, 1))
    board.send(Stop(2))
    board.send(ProfileUpload(3, make_profile(CHANNELS)))
    assert states(board.run(50)) == [("stopped", 50)]
    board.send(Park(4))
    assert board.run(START_TICKS)[-1][0] == c.RESTING
    again: Board = fresh()
    again.send(Stop(2))
    again.send(Hello.open(3, 1))
    again.send(ProfileUpload(4, make_profile(CHANNELS)))
    assert again.run(START_TICKS)[-1][0] == c.RESTING, "a new session takes it back"


def test_a_new_session_takes_back_a_stop_but_waits_for_good_frames(board: Board) -> None:
    board.send(Stop(6))
    board.send(Hello.open(7, 2))
    assert board["state"] == c.RELEASED
    ticks = run_fed(board, RIPE_MS + 800, OPEN)
    assert [name for name, _ in states(ticks)] == ["rearming", "easing", "resting", "following"]


def test_a_new_session_takes_a_moving_head_to_rest(board: Board) -> None:
    run_fed(board, 200, OPEN)
    board.send(Hello.open(7, 2))
    ticks = board.run(50)
    assert states(ticks) == [("easing", 29), ("resting", 21)]
    assert board.state["received"] == 0


def test_a_slow_servo_is_at_rest_before_its_pulses_go(fresh: Any) -> None:
    board: Board = fresh()
    board.connect(make_profile(1, speed=60))
    run_fed(board, 1000, [4095])
    ticks = board.run(200)
    released = [state for state, *_ in ticks].index(c.RELEASED)
    assert ticks[released][2] == [REST]
    assert released * PERIOD_MS > 700


def test_chips_that_do_not_answer_release_the_head_and_come_back_at_rest(board: Board) -> None:
    run_fed(board, 200, OPEN)
    board.device("bus", False, False)
    assert states(run_fed(board, 300, OPEN))[-1][0] == "released"
    state = board.state
    assert state["cause"] == c.CAUSE_BUS
    assert state["bus_errors"] >= 1
    board.run(30)
    board.device("bus", True, True)
    ticks = board.run(100)
    assert [name for name, _ in states(ticks)] == ["released", "easing", "resting"]
    assert ticks[-1][2] == [REST] * CHANNELS
    registers = [register for _, register, _ in board.device("bus", False, True)]
    assert registers[:6] == [0xFD, 0x00, 0xFE, 0x01, 0x00, 0x06], "set up anew before the first pulse"


def test_a_board_without_chips_starts_and_says_so(fresh: Any) -> None:
    board: Board = fresh()
    board.device("bus", False, False)
    board.send(Hello.open(1, 1))
    board.send(ProfileUpload(2, make_profile(CHANNELS)))
    board.run(120)
    state = board.state
    assert (state["state"], state["cause"]) == (c.RELEASED, c.CAUSE_BUS)
    assert 2 <= state["bus_errors"] <= 5


BUTTON = {"STOP_PIN": 15}


def press(board: Board, pressed: bool) -> None:
    board.device("set_machine", "levels", {"15": 0 if pressed else 1})


def test_the_stop_button_releases_at_once_and_nothing_arms_while_it_is_pressed(fresh: Any) -> None:
    board: Board = fresh(**BUTTON)
    board.connect(make_profile(CHANNELS))
    run_fed(board, 200, OPEN)
    press(board, True)
    board.device("bus", True, True)
    assert board.run(1)[0][:2] == [c.STOPPED, 0]
    assert bytes.fromhex(board.device("bus", False, True)[0][2]) == bytes([0, 0, 0, 16]) * CHANNELS
    assert board["cause"] == c.CAUSE_BUTTON
    (refused,) = board.send(Park(5))
    assert isinstance(refused, Refused) and refused.reason == c.REASON_BUTTON
    board.send(Hello.open(6, 2))
    assert states(run_fed(board, 700, OPEN)) == [("stopped", 70)]
    press(board, False)
    assert states(run_fed(board, 700, OPEN)) == [("stopped", 70)], "it latches"
    board.send(Park(7))
    assert board.run(START_TICKS)[-1][0] == c.RESTING


def test_a_head_that_starts_with_its_button_pressed_stays_limp(fresh: Any) -> None:
    board: Board = fresh(**BUTTON)
    board.connect(make_profile(CHANNELS))
    press(board, True)
    again = Board(board.device, **BUTTON)
    assert states(again.run(50)) == [("stopped", 50)]
    press(board, False)


def test_a_weak_supply_releases_the_head_until_it_is_good_again(fresh: Any) -> None:
    board: Board = fresh(SUPPLY_PIN=26)
    board.connect(make_profile(CHANNELS))
    run_fed(board, 200, OPEN)
    board.device("set_machine", "supply", 4200 * 65535 // 10321)
    ticks = run_fed(board, 300, OPEN)
    assert [name for name, _ in states(ticks)] == ["following", "released"]
    assert board["cause"] == c.CAUSE_SUPPLY
    (status,) = board.send(StatusRequest(9))
    assert isinstance(status, BoardStatus) and 4150 < status.supply_mv < 4250
    board.device("set_machine", "supply", 4500 * 65535 // 10321)
    assert states(board.run(200)) == [("released", 200)], "better, but not good"
    board.device("set_machine", "supply", 5000 * 65535 // 10321)
    assert [name for name, _ in states(board.run(220))] == ["released", "easing", "resting"]
    board.device("start", 0, {"SUPPLY_PIN": None})


def test_a_short_dip_of_the_supply_is_borne(fresh: Any) -> None:
    board: Board = fresh(SUPPLY_PIN=26)
    board.connect(make_profile(CHANNELS))
    run_fed(board, 200, OPEN)
    board.device("set_machine", "supply", 100)
    ticks = run_fed(board, 80, OPEN)
    board.device("set_machine", "supply", 65535)
    assert {name for name, _ in states(ticks + run_fed(board, 200, OPEN))} == {"following"}
    board.device("start", 0, {"SUPPLY_PIN": None})


def test_a_servo_that_is_held_far_out_for_long_cools_down_at_rest_and_comes_back(fresh: Any) -> None:
    board: Board = fresh()
    board.connect(make_profile(2, rest=0))
    ticks = run_fed(board, 90_000, [4095, 100])
    out = np.array([out for _, _, out, _ in ticks])
    assert {state for state, *_ in ticks} == {c.FOLLOWING}
    hot = np.flatnonzero(out[200:, 0] == 0)
    assert 4000 < hot[0] + 200 < 8000, "after about a minute"
    assert (out[500:, 1] == 100 << 4 | 100 >> 8).all(), "the other goes on"
    (status,) = board.send(StatusRequest(9))
    assert isinstance(status, BoardStatus) and status.hot == [0]
    ticks = run_fed(board, 60_000, [4095, 100])
    assert max(out[0] for _, _, out, _ in ticks) == 65535


def test_acceleration_is_limited_on_every_way(fresh: Any) -> None:
    board: Board = fresh()
    board.connect(make_profile(CHANNELS, speed=800, acceleration=200))
    random = np.random.default_rng(4)
    ticks = []
    for _ in range(12):
        pose = random.integers(0, 4096, CHANNELS).tolist()
        ticks += run_fed(board, int(random.integers(2, 30)) * 20, pose)
        if random.random() < 0.4:
            board.send(Park(5))
            ticks += board.run(int(random.integers(1, 40)))
    out = np.array([out for _, _, out, _ in ticks])
    change = np.abs(np.diff(out, 2, axis=0)).max()
    limit = 200 * 65535 // 100**2
    assert 0.9 * limit < change <= limit


def test_a_pair_that_would_collide_keeps_apart(fresh: Any) -> None:
    board: Board = fresh()
    pair = BoardCollision(40_000 * 100, (0, 1), (100, 100))
    board.connect(make_profile(CHANNELS, speed=800, acceleration=200, rest=0, collisions=(pair,)))
    out = np.array([out for _, _, out, _ in run_fed(board, 1000, OPEN)])
    sums = out[:, 0] + out[:, 1]
    assert 38_000 < sums[-1] <= sums.max() <= 40_000
    assert (out[-1, 2:] == 65535).all()
    ticks = run_fed(board, 1000, [4095, 0, 0, 0])
    assert ticks[-1][2][1] == 0
    assert 38_000 < ticks[-1][2][0] <= 40_000, "alone it comes as far"


@pytest.mark.parametrize("tick_hz", [50, 200])
def test_the_ladder_takes_the_same_time_at_other_tick_rates(fresh: Any, tick_hz: int) -> None:
    board: Board = fresh()
    board.connect(make_profile(CHANNELS, tick_hz=tick_hz), ticks=tick_hz)
    for _ in range(10):
        board.frame(board.now_ms + 100, OPEN)
        board.run(tick_hz // 50)
    lasted = dict(states(board.run(tick_hz)))
    period_ms = 1000 // tick_hz
    assert abs(lasted["holding"] * period_ms - 150) <= period_ms
    assert abs(lasted["easing"] * period_ms - 300) <= period_ms
    assert lasted["released"] > 1
