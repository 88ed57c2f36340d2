"""Servos on the board's own pins, and servos that are not there."""

from __future__ import annotations

import ast
from collections import deque
from itertools import pairwise
from pathlib import Path
from typing import Any

import adafruit_pioasm
import pytest
from pioemu import ShiftRegister, State, clock_cycles_reached, emulate
from wired_board import START_TICKS, Board, make_profile

from facewire import constants as c
from lipwright.link.messages import Hello, ProfileUpload, Refused, Stop

PIO_SERVO = Path(__file__).parents[2] / "mcu" / "pio_servo.py"
PINS = list(range(16))


def test_pins_have_the_pulses_of_the_profile_and_none_after_a_stop(fresh: Any) -> None:
    board: Board = fresh(DRIVER="pins", SERVO_PINS=PINS)
    board.connect(make_profile(16))
    start = board.now_ms
    for i in range(20):
        board.frame(start + 100 + 20 * i, [4095] * 8 + [0] * 8)
    board.run(45)
    told = board.device("pwm")
    assert [told[str(pin)] for pin in PINS] == [2_000_000] * 8 + [1_000_000] * 8
    board.send(Stop(9))
    assert set(board.device("pwm").values()) == {0}


def test_more_servos_than_pins_are_refused_in_words(fresh: Any) -> None:
    board: Board = fresh(DRIVER="pins", SERVO_PINS=PINS[:4])
    board.send(Hello.open(1, 1))
    (refused,) = board.send(ProfileUpload(2, make_profile(5)))
    assert isinstance(refused, Refused) and "output 4 has no pin" in refused.text


def test_more_servos_than_the_pwm_serves_are_refused_where_there_is_no_pio(fresh: Any) -> None:
    board: Board = fresh(DRIVER="pins", SERVO_PINS=[0, 1, 16])
    board.send(Hello.open(1, 1))
    (refused,) = board.send(ProfileUpload(2, make_profile(3)))
    assert isinstance(refused, Refused) and refused.reason == c.REASON_PROFILE
    assert "more servos than" in refused.text


def test_the_log_has_a_line_for_what_moves(fresh: Any) -> None:
    board: Board = fresh(DRIVER="log", LOG_FILE="pulses.log")
    board.connect(make_profile(2))
    start = board.now_ms
    for i in range(20):
        board.frame(start + 100 + 20 * i, [4095, 0])
    board.run(START_TICKS)
    lines = (board.device.flash / "pulses.log").read_text().splitlines()
    assert lines[0].split()[1:] == ["1500", "1500"]
    assert lines[-1].split()[1:] == ["2000", "1000"]
    board.run(200)
    assert len((board.device.flash / "pulses.log").read_text().splitlines()) <= len(lines) + 4


def pio_program() -> tuple[list[int], int, int]:
    """The firmware's PIO program, assembled by another assembler than MicroPython's, and where it wraps."""
    tree = ast.parse(PIO_SERVO.read_text())
    (function,) = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    names = {"not_x": "!x", "y_dec": "y--"}
    text = []
    for statement in function.body:
        assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
        call = statement.value
        assert isinstance(call.func, ast.Name)
        words = [
            names.get(word.id, word.id) if isinstance(word, ast.Name) else str(ast.literal_eval(word))
            for word in call.args
        ]
        if call.func.id == "label":
            text.append(f"{words[0]}:")
        elif call.func.id in ("wrap", "wrap_target"):
            text.append(f".{call.func.id}")
        else:
            text.append(f"{call.func.id} {', '.join(words)}" if words else call.func.id)
    program = adafruit_pioasm.Program("\n".join([".program servo", *text]))
    wrap = program.pio_kwargs
    return list(program.assembled), wrap.get("wrap_target", 0), wrap.get("wrap", len(program.assembled) - 1)


def pulse_edges(widths: list[int], pause: int, clocks: int) -> list[tuple[int, int]]:
    """(clock, level) at each change of the pin, for widths that lie in the FIFO at the start."""
    start = State(input_shift_register=ShiftRegister(pause, 0), transmit_fifo=deque(widths))
    program, wrap_target, wrap_top = pio_program()
    steps = emulate(
        program,
        initial_state=start,
        stop_when=clock_cycles_reached(clocks),
        wrap_target=wrap_target,
        wrap_top=wrap_top,
    )
    return [
        (after.clock, after.pin_values & 1)
        for before, after in steps
        if before.pin_values != after.pin_values
    ]


def test_the_state_machine_repeats_the_newest_width_and_pauses_between() -> None:
    edges = pulse_edges([6000 - 2, 4000 - 2], pause=74_000, clocks=330_000)
    ups, downs = edges[::2], edges[1::2]
    assert [level for _, level in ups] == [1] * len(ups) and [level for _, level in downs] == [0] * len(downs)
    lengths = [down - up for (up, _), (down, _) in zip(ups, downs, strict=False)]
    assert lengths == [6000] + [4000] * (len(lengths) - 1) and len(lengths) >= 4
    periods = [later - up for (up, _), (later, _) in pairwise(ups)]
    assert periods[0] == pytest.approx(80_000, abs=10), "50 Hz with a pulse of 1.5 ms"
    assert periods[1] == pytest.approx(78_000, abs=10)


def test_the_state_machine_is_silent_at_first_and_after_a_zero() -> None:
    assert pulse_edges([], pause=1000, clocks=20_000) == []
    edges = pulse_edges([398, 0], pause=1000, clocks=20_000)
    assert [level for _, level in edges] == [1, 0], "one pulse, then none"
