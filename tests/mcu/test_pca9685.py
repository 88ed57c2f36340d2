"""What goes over the bus to the servo drivers."""

from __future__ import annotations

from typing import Any

import pytest
from wired_board import START_TICKS, Board, make_profile

from lipwright.link.messages import Hello, ProfileUpload


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


def test_a_tick_is_one_burst_to_each_chip(board: Board) -> None:
    board.send(ProfileUpload(2, make_profile(26)))
    board.run(START_TICKS)
    written(board)
    board.run(1)
    first, second = written(board)
    assert (first[:2], len(first[2])) == ((0x40, 6), 64)
    assert (second[:2], len(second[2])) == ((0x41, 6), 40)
    count = round(1500 / (122 / 25))
    assert first[2] == bytes([0, 0, count & 255, count >> 8]) * 16


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
    *_, (_, _, burst) = written(board)
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
