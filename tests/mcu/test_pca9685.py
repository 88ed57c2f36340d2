"""What goes over the bus to the servo drivers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from wired_board import START_TICKS, Board, Chips, make_profile

from facewire import constants as c
from lipwright.link.messages import Hello, ProfileUpload, Stop

ALL_TICKS = 25  # until everything is told again, at 100 ticks a second


@pytest.fixture
def board(fresh: Any) -> Board:
    made: Board = fresh()
    made.send(Hello.open(1, 1))
    made.device("bus", True, True)
    return made


def written(board: Board) -> list[tuple[int, int, bytes]]:
    writes = board.device("bus", True, True)
    return [(address, register, bytes.fromhex(data)) for address, register, data in writes]


def test_the_chips_are_set_up_with_all_outputs_off(board: Board) -> None:
    board.send(ProfileUpload(2, make_profile(26)))
    assert written(board) == [
        (address, register, bytes([value]))
        for address in (0x40, 0x41)
        for register, value in ((0xFD, 0x10), (0x00, 0x10), (0xFE, 121), (0x01, 0x04), (0x00, 0x20))
    ]


def at_rest(board: Board) -> None:
    board.send(ProfileUpload(2, make_profile(26)))
    board.run(START_TICKS)
    assert board["state"] == c.RESTING
    written(board)


def test_a_tick_is_one_write_to_each_chip(board: Board) -> None:
    at_rest(board)
    for _ in range(ALL_TICKS):
        board.run(1)
        assert [address for address, _, _ in written(board)] == [0x40, 0x41]


def test_at_rest_everything_is_told_again_four_times_a_second(board: Board) -> None:
    at_rest(board)
    board.run(ALL_TICKS)
    writes = written(board)
    (first,) = [data for address, register, data in writes if (address, register) == (0x40, 6)]
    (second,) = [data for address, register, data in writes if (address, register) == (0x41, 6)]
    count = round(1500 / (122 / 25))
    assert first == bytes([0, 0, count & 255, count >> 8]) * 16
    assert second == first[:40]
    unchanged = [write for write in writes if write[1] != 6]
    assert set(unchanged) == {(0x40, 1, b"\x04"), (0x41, 1, b"\x04")}
    assert len(unchanged) == 2 * ALL_TICKS - 2


@pytest.mark.parametrize(
    ("moving", "address", "groups"),
    [((5,), 0x40, (1, 1)), ((5, 9), 0x40, (1, 2)), ((0, 15), 0x40, (0, 3)), ((24, 25), 0x41, (2, 2))],
)
def test_a_burst_spans_the_groups_of_four_pins_that_move(
    board: Board, moving: tuple[int, ...], address: int, groups: tuple[int, int]
) -> None:
    at_rest(board)
    for i in range(20):
        positions = [2048] * 26
        for channel in moving:
            positions[channel] = 2048 + 50 * i
        board.frame(board.now_ms + 100, positions)
        board.run(2)
    lengths = Counter((chip, register, len(data)) for chip, register, data in written(board)[-24:])
    lengths -= Counter([(0x40, 6, 64), (0x41, 6, 40)])  # their turn to get everything
    first, last = groups
    pins = min(4 * last + 4, 26 - 16 * (address - 0x40))
    assert set(lengths) == {(address, 6 + 16 * first, 4 * (pins - 4 * first)), (address ^ 1, 1, 1)}


def test_chips_hold_what_was_told_whatever_moves(board: Board) -> None:
    at_rest(board)
    chips = Chips()
    board.run(ALL_TICKS)
    chips.take(board.device("bus", True, True))
    for i in range(60):
        positions = [(2048 + 300 * i * (k % 3 == i % 3)) % 4096 for k in range(26)]
        board.frame(board.now_ms + 100, positions)
        for _ in range(2):
            ((_, _, out, _),) = board.run(1)
            chips.take(board.device("bus", True, True))
            for channel in range(26):
                width_us = chips.counts(channel) * 122 / 25
                assert width_us == pytest.approx(1000 + out[channel] / 65.535, abs=6)


@pytest.mark.parametrize("state", ["resting", "stopped"])
def test_a_bus_that_fails_while_nothing_moves_is_noticed_in_the_same_tick(board: Board, state: str) -> None:
    at_rest(board)
    if state == "stopped":
        board.send(Stop(5))
    board.run(3)
    before = board["bus_errors"]
    board.device("bus", False, False)
    board.run(1)
    assert board["bus_errors"] == before + 1


def test_a_stop_tells_every_output_even_if_none_has_pulses(board: Board) -> None:
    at_rest(board)
    for number in (5, 6):
        board.send(Stop(number))
        off = bytes([0, 0, 0, 16])
        assert written(board) == [(0x40, 6, off * 16), (0x41, 6, off * 10)]
        board.run(2)
        written(board)


def test_a_chip_without_servos_is_left_alone(board: Board) -> None:
    board.send(ProfileUpload(2, make_profile(6)))
    board.run(START_TICKS)
    assert {address for address, _, _ in written(board)} == {0x40}


@pytest.mark.parametrize(("oscillator_khz", "prescale"), [(25_000, 121), (27_000, 131), (23_000, 111)])
def test_pulse_widths_follow_the_chips_oscillator(fresh: Any, oscillator_khz: int, prescale: int) -> None:
    board: Board = fresh(PCA9685_OSCILLATOR_KHZ=oscillator_khz)
    board.send(Hello.open(1, 1))
    board.device("bus", True, True)
    board.send(ProfileUpload(2, make_profile(1)))
    assert (0x40, 0xFE, bytes([prescale])) in written(board)
    board.run(START_TICKS)
    *_, burst = [data for _, register, data in written(board) if register == 6]
    board.device("start", 0, {"PCA9685_OSCILLATOR_KHZ": 25_000})
    counts = burst[2] | burst[3] << 8
    assert counts * (prescale + 1) / oscillator_khz * 1000 == pytest.approx(1500, abs=2.7)


def test_a_chip_that_the_next_profile_leaves_out_falls_silent(board: Board) -> None:
    board.send(ProfileUpload(2, make_profile(26)))
    board.run(START_TICKS)
    written(board)
    board.send(ProfileUpload(3, make_profile(6)))
    assert (0x41, 0xFD, b"\x10") in written(board)
    board.run(START_TICKS)
    assert {address for address, _, _ in written(board)} == {0x40}
