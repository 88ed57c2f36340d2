"""The simulated board on every interpreter: its times, and firmware that ends, hangs or is left alone."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liplab import firmware_process
from liplab.board import SimulatedBoard
from liplab.virtual_time import VirtualClock
from lipwright.errors import LipwrightError

INTERPRETERS = ("micropython64", "micropython32", "cpython")
# Echoes what it hears and writes to the bus at every tick: the least that uses all that the shims give.
ECHO = """
import clock
import machine
import serial_port

def run():
    port = serial_port.SerialPort()
    bus = machine.I2C(0, scl=machine.Pin(5), sda=machine.Pin(4), freq=400_000)
    heard = bytearray(64)
    due = clock.ticks_us()
    while True:
        clock.idle_until(due)
        count = port.readinto(heard)
        if count:
            port.write(heard[:count])
        elif clock.ticks_diff(clock.ticks_us(), due) >= 0:
            due = clock.ticks_add(due, 10_000)
            bus.writeto_mem(0x40, 0, bytes((0x21, clock.ticks_ms() & 0xFF)))
"""


@pytest.fixture
def flash(tmp_path):
    """Makes a board's file system with this main program."""

    def make(program: str) -> Path:
        (tmp_path / "firmware.py").write_text(program)
        return tmp_path

    return make


@pytest.fixture(params=INTERPRETERS)
def interpreter(request):
    return request.param


def converse(board: SimulatedBoard) -> tuple[bytes, str]:
    """Two seconds of virtual talk; what came back, and a hash of all that went over the bus."""
    seen = hashlib.sha256()
    board.on_bus_write = lambda *write: seen.update(repr(write).encode())
    port, heard = board.open(), b""
    for turn in range(100):
        port.write(bytes([turn]) * (turn % 50))
        board.clock.sleep_until((turn + 1) * 0.02)
        heard += port.read(port.in_waiting)
    return heard, seen.hexdigest()


@pytest.mark.parametrize("start_ms", [0, 2**30 - 1000])
def test_virtual_time_is_the_same_to_the_bit_on_every_interpreter(flash, start_ms):
    results = set()
    for name in (*INTERPRETERS, *INTERPRETERS):
        with SimulatedBoard(name, virtual=True, flash=flash(ECHO), clock_start_ms=start_ms) as board:
            results.add(converse(board))
    [(heard, _)] = results
    assert heard == b"".join(bytes([turn]) * (turn % 50) for turn in range(100))


def test_virtual_time_moves_only_while_the_host_waits(flash, interpreter):
    writes = []
    with SimulatedBoard(interpreter, virtual=True, flash=flash(ECHO)) as board:
        board.on_bus_write = lambda *write: writes.append(write)
        time.sleep(0.05)
        assert (board.clock.now(), writes) == (0, [])
        board.clock.sleep_until(0.1)
        assert [write[0] for write in writes] == [10_000 * tick for tick in range(1, 11)]
        board.clock.sleep_until(0.05)
        assert board.clock.now() == 0.1


@given(st.floats(0, 1e5), st.floats(1e-12, 1))
def test_the_virtual_clock_is_never_before_the_time_that_was_waited_for(first, more):
    passed = []
    clock = VirtualClock(passed.append)
    for t in (first, first + more):
        clock.sleep_until(t)
        assert t <= clock.now() <= t + 2e-6
    assert sum(passed) == round(clock.now() * 1e6)


def test_a_board_whose_clock_runs_fast_is_still_on_time_for_the_head(flash):
    seen = []

    class Head:
        def set_pulses(self, pulses_us, t):
            """Nothing hangs on this bus."""

        def advance(self, t):
            seen.append(t)

    with SimulatedBoard("auto", True, Head(), flash(ECHO), clock_rate=1.001, outputs=[0]) as board:
        board.clock.sleep_until(1.0)
        assert board.head_time(1.0) == 1.0
    assert seen[-1] == pytest.approx(1.0, abs=1e-5)


def test_in_real_time_the_board_keeps_to_the_clock_of_the_host(flash, interpreter):
    writes = []
    with SimulatedBoard(interpreter, flash=flash(ECHO), clock_start_ms=2**30 - 200) as board:
        board.on_bus_write = lambda *write: writes.append((board.clock.now(), write[0] / 1e6))
        port = board.open()
        port.write(b"hello")
        board.clock.sleep_until(board.clock.now() + 0.5)
        assert port.read(100) == b"hello"
        board.settle()
    assert writes[-1][1] > 0.3
    lag = sorted(board.head_time(seen) - stamped for seen, stamped in writes)
    assert lag[0] >= 0
    assert lag[len(lag) // 2] < 0.2


@pytest.mark.parametrize("virtual", [True, False])
@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("import nothing_of_this_name", "nothing_of_this_name"),
        ("import clock\ndef run():\n    clock.idle_until(5_000_000 // 100)\n    1 // 0", "ZeroDivisionError"),
        ("import clock\ndef run():\n    clock.idle_until(50_000)", "exit code 0"),
    ],
)
def test_a_firmware_that_ends_is_reported_with_what_it_said(flash, interpreter, virtual, program, says):
    with (
        pytest.raises(LipwrightError, match="the firmware ended") as error,
        SimulatedBoard(interpreter, virtual=virtual, flash=flash(program)) as board,
    ):
        port = board.open()
        for _ in range(100):
            board.clock.sleep_until(board.clock.now() + 0.02)
            port.write(b"x")
            port.read(1)
    assert says in str(error.value)


def test_a_firmware_that_hangs_is_reported(flash, monkeypatch):
    monkeypatch.setattr(firmware_process, "SILENCE_S", 0.5)
    program = "import clock\ndef run():\n    clock.idle_until(1000)\n    while True: pass"
    with (
        pytest.raises(LipwrightError, match="caught in a loop"),
        SimulatedBoard("auto", virtual=True, flash=flash(program)) as board,
    ):
        board.clock.sleep_until(0.1)


def test_a_head_that_fails_is_not_lost_in_its_thread(flash):
    class Head:
        def set_pulses(self, pulses_us, t):
            """Nothing hangs on this bus."""

        def advance(self, t):
            raise FloatingPointError("the head has come apart")

    with SimulatedBoard("auto", False, Head(), flash(ECHO), outputs=[0]) as board:
        board.clock.sleep_until(board.clock.now() + 0.2)
        with pytest.raises(FloatingPointError, match="come apart"):
            board.settle()


def test_without_micropython_the_shim_runs_the_firmware(flash, monkeypatch):
    monkeypatch.setattr(firmware_process, "find_micropython", lambda bits: None)
    with SimulatedBoard("auto", True, flash=flash(ECHO)) as board:
        assert board.interpreter.startswith("CPython 3.")
        converse(board)


def test_an_unknown_interpreter_is_refused():
    with pytest.raises(LipwrightError, match="micropython64, micropython32, cpython"):
        SimulatedBoard("basic")


@pytest.mark.parametrize("virtual", ["True", "False"])
def test_no_process_is_left_when_the_program_is_killed(flash, interpreter, virtual):
    code = (
        "import sys, time; from pathlib import Path; from liplab.board import SimulatedBoard\n"
        "board = SimulatedBoard(sys.argv[1], virtual=sys.argv[2] == 'True', flash=Path(sys.argv[3]))\n"
        "print(board._process._process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, interpreter, virtual, flash(ECHO)], stdout=subprocess.PIPE
    )
    child = int(parent.stdout.readline())
    assert Path(f"/proc/{child}").exists()
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert _gone(child)


def test_closing_ends_the_process_and_frees_every_descriptor(flash, interpreter):
    before = len(os.listdir("/proc/self/fd"))
    board = SimulatedBoard(interpreter, flash=flash(ECHO))
    child = board._process._process.pid
    board.open()
    board.close()
    board.close()
    assert _gone(child)
    assert len(os.listdir("/proc/self/fd")) == before


def _gone(process: int) -> bool:
    for _ in range(100):
        status = Path(f"/proc/{process}/stat")
        if not status.exists() or status.read_text().split(")")[1].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False
