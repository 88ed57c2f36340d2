"""The link to the real firmware on every interpreter: greeting, frames, clock, and what a cable can do."""

import hashlib
import os
import pty
import threading
import time
import tty

import cbor2
import numpy as np
import pytest

from facewire import constants as wire
from facewire import framing
from liplab.board import SimulatedBoard
from lipwright.boards import SerialBoard
from lipwright.errors import LipwrightError
from lipwright.face.profile import load_profile
from lipwright.link.board_link import FIRST_SYNCS, SYNC_WAIT_S, BoardLink

from .relay import Relay
from .slow_line import SlowLine, up_to

INTERPRETERS = ("micropython64", "micropython32", "cpython")
NAMES = ("MicroPython 1.", "MicroPython 1.", "CPython 3.")
AHEAD_S = 0.12
FRAME_S = 0.02


@pytest.fixture(scope="module")
def profile():
    return load_profile()


@pytest.fixture(params=INTERPRETERS)
def interpreter(request):
    return request.param


def speak(link, clock, profile, frames):
    """Sends frames in which the mouth moves, each AHEAD_S before its time."""
    mouth = profile.indices("mouth")
    start = clock.now()
    for number in range(frames):
        clock.sleep_until(start + number * FRAME_S)
        targets = profile.rest_targets()
        targets[mouth] = 0.5 + 0.4 * np.sin(0.2 * number + np.arange(len(mouth)))
        link.send(targets, start + number * FRAME_S + AHEAD_S)
        link.poll()


def perform(interpreter, profile, frames=150, **options):
    """A virtual performance: the last status, the number of frames sent, and a hash of all bus traffic."""
    seen = hashlib.sha256()
    with SimulatedBoard(interpreter, virtual=True, **options) as board, BoardLink(board, profile) as link:
        board.on_bus_write = lambda *write: seen.update(repr(write).encode())
        link.connect()
        speak(link, board.clock, profile, frames)
        status = link.finish()
        assert board.bus.problems == []
    return status, link.frames_sent, seen.hexdigest()


@pytest.mark.parametrize(("interpreter", "name"), list(zip(INTERPRETERS, NAMES, strict=True)))
def test_the_board_says_what_it_is(interpreter, name, profile):
    with SimulatedBoard(interpreter, virtual=True) as board, BoardLink(board, profile) as link:
        info = link.connect()
    assert info.interpreter.startswith(name)
    assert info.interpreter.startswith(board.interpreter.split(" (")[0].split(" with")[0])
    assert (info.channel_count, info.tick_hz) == (26, 100)


def test_every_frame_is_accounted_for(interpreter, profile):
    status, sent, _ = perform(interpreter, profile)
    assert (status.received, status.played, status.dropped) == (sent, sent, 0)
    assert (status.late, status.crc_errors, status.malformed, status.ring_depth) == (0, 0, 0, 0)


def test_every_interpreter_moves_the_servos_alike_and_each_time_the_same(profile):
    traffic = {perform(name, profile)[2] for name in (*INTERPRETERS, *INTERPRETERS)}
    assert len(traffic) == 1


def test_servos_get_the_pulses_that_were_asked_for(profile):
    pulses = []

    class Head:
        def set_pulses(self, pulses_us, t):
            pulses.append((t, pulses_us))

        def advance(self, t):
            """The pulses are all that counts here."""

    targets = profile.rest_targets()
    targets[0] = 0.8
    with SimulatedBoard("auto", virtual=True, head=Head()) as board, BoardLink(board, profile) as link:
        link.connect()
        for _ in range(150):
            board.clock.sleep_until(board.clock.now() + FRAME_S)
            link.send(targets, board.clock.now() + AHEAD_S)
            link.poll()
        link.finish()
    step_us = 1e6 / profile.pwm_hz / 4096
    assert pulses[-1][1] == pytest.approx(profile.pulses_us(targets), abs=step_us)
    times = [t for t, _ in pulses]
    assert times == sorted(times)


def test_a_profile_is_sent_once_and_kept_on_flash(profile, tmp_path):
    uploads = []

    class CountingLink(BoardLink):
        def ask(self, message, kind):
            uploads.append(type(message(1)).__name__)
            return super().ask(message, kind)

    for _ in range(2):
        with SimulatedBoard("auto", True, flash=tmp_path) as board, CountingLink(board, profile) as link:
            assert link.connect().channel_count == 26
    assert uploads.count("ProfileUpload") == 1


@pytest.mark.parametrize("rate", [1.0, 1 + 200e-6, 1 - 200e-6])
@pytest.mark.parametrize("start_ms", [0, 987_654_321, 2**30 - 4000])
def test_the_board_s_clock_is_known_through_offset_drift_and_wrap(profile, start_ms, rate):
    with (
        SimulatedBoard("auto", True, clock_start_ms=start_ms, clock_rate=rate) as board,
        BoardLink(board, profile) as link,
    ):
        link.connect()
        for _ in range(12):
            board.clock.sleep_until(board.clock.now() + 1)
            link.poll()
            soon = board.clock.now() + AHEAD_S
            there = (start_ms + soon * 1000 * rate) % 2**30
            apart = (link.to_board_ms(soon) - there + 2**29) % 2**30 - 2**29
            assert abs(apart) < 1.6
            assert link.to_host_s(link.to_board_ms(soon)) == pytest.approx(soon, abs=0.001)
        assert link.sync.drift == pytest.approx(rate - 1, abs=20e-6)


def test_frames_are_on_time_on_a_board_whose_clock_wraps_and_drifts(profile):
    status, sent, _ = perform("micropython32", profile, 400, clock_start_ms=2**30 - 4000, clock_rate=1.0003)
    assert (status.played, status.late) == (sent, 0)


def test_virtual_time_is_much_faster_than_real_time(profile):
    start = time.perf_counter()
    perform("auto", profile, frames=500)
    # 30 ms a second where the machine is idle; a fifth of real time is what the project promises.
    assert time.perf_counter() - start < 10 / 5


def test_in_real_time_every_frame_is_played(interpreter, profile):
    with SimulatedBoard(interpreter, clock_start_ms=2**30 - 1500) as board, BoardLink(board, profile) as link:
        link.connect()
        speak(link, board.clock, profile, 100)
        status = link.finish()
        assert abs(link.to_host_s(status.time_ms) - board.clock.now()) < 0.05
    assert status.received == link.frames_sent == status.played + status.dropped
    assert status.crc_errors == 0
    assert status.late <= 25  # none, but for machines that stand still for half a second


@pytest.fixture
def relay():
    """A damaged cable between the host and a real-time board."""
    with SimulatedBoard("auto") as board:
        relay = Relay(board.open())
        yield relay
        relay.pull()


def test_a_noisy_cable_costs_frames_and_nothing_else(relay, profile):
    relay.damage = 0.002
    board = SerialBoard(relay.port)
    with BoardLink(board, profile) as link:
        link.connect()
        speak(link, board.clock, profile, 150)
        noisy = link.finish()
        assert noisy.crc_errors > 0
        assert noisy.received < link.frames_sent
        assert noisy.received == noisy.played + noisy.dropped
        relay.damage = 0.0
        board.clock.sleep_until(board.clock.now() + 0.6)  # the next report tells the host of the last damage
        link.poll()
        before, sent = link.request_status(), link.frames_sent
        speak(link, board.clock, profile, 50)
        after = link.finish()
        assert after.received - before.received == link.frames_sent - sent == 50
        assert after.crc_errors == before.crc_errors
        assert after.drops_by_cause["orphan"] == before.drops_by_cause["orphan"]
    board.close()


def test_garbage_between_the_frames_is_counted_and_skipped(profile):
    with SimulatedBoard("auto", virtual=True) as board, BoardLink(board, profile) as link:
        link.connect()
        for junk in (b"\xff" * 700, bytes(range(256)) * 3, b"\0\0\0", b"hello\0"):
            link._port.write(junk + b"\0")
            speak(link, board.clock, profile, 20)
        status = link.finish()
    assert status.received == link.frames_sent == status.played + status.dropped
    assert status.crc_errors > 3


def test_a_cable_that_is_pulled_ends_in_a_sentence(relay, profile):
    board = SerialBoard(relay.port)
    with BoardLink(board, profile) as link, pytest.raises(LipwrightError, match="lost: check the cable"):
        link.connect()
        threading.Timer(0.3, relay.pull).start()
        speak(link, board.clock, profile, 200)
    board.close()


def test_a_board_that_falls_silent_is_noticed(relay, profile):
    board = SerialBoard(relay.port)
    with BoardLink(board, profile) as link, pytest.raises(LipwrightError, match="stopped answering"):
        link.connect()
        relay.damage = 1.0
        speak(link, board.clock, profile, 250)
    board.close()


MISHAPS = """
import clock
import firmware as shipped

def run():
    firmware = shipped.Firmware()
    until = clock.ticks_add(clock.ticks_us(), 1_500_000)
    while clock.ticks_diff(until, clock.ticks_us()) > 0:
        firmware.turn()
    {mishap}
    while True:
        firmware.turn()
"""


@pytest.mark.parametrize("virtual", [True, False])
@pytest.mark.parametrize(
    ("mishap", "says"),
    [
        ("raise OSError('the bus is on fire')", "the firmware ended.*on fire"),
        ("firmware = shipped.Firmware()", "has restarted: is its power supply"),
    ],
)
def test_a_board_that_crashes_or_restarts_is_told_apart(profile, tmp_path, virtual, mishap, says):
    (tmp_path / "mishaps.py").write_text(MISHAPS.format(mishap=mishap))
    with (
        SimulatedBoard("auto", virtual, flash=tmp_path, program="mishaps") as board,
        BoardLink(board, profile) as link,
        pytest.raises(LipwrightError, match=f"(?s){says}"),
    ):
        link.connect()
        speak(link, board.clock, profile, 250)


class Impostor:
    """Something on a port that answers everything in its own way; `answer` makes bytes of what it read."""

    def __init__(self, answer):
        self._ours, self._theirs = pty.openpty()
        tty.setraw(self._theirs)
        self.port = os.ttyname(self._theirs)
        self._answer = answer
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while data := os.read(self._ours, 4096):
            os.write(self._ours, self._answer(data))


def board_info(version, schema_hash):
    """A board's answer to the first request, as some version of the firmware writes it."""
    fields = [wire.BOARD_INFO, 1, version, schema_hash, 1, "9.9", "board", "MicroPython", 26, 100, 64, 0]
    return framing.wrap(cbor2.dumps(fields))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda data: b"", "does not answer"),
        (lambda data: b"\r\n>>> ", "runs MicroPython, but not Lipwright's firmware.*flashing"),
        (lambda data: data, "answers, but not as Lipwright's firmware"),
        (lambda data: board_info(wire.PROTOCOL_VERSION + 1, 5), "newer firmware.*pip install --upgrade"),
        (lambda data: board_info(wire.PROTOCOL_VERSION, 5), "another version.*flashing"),
    ],
    ids=["silence", "prompt", "echo", "newer", "other"],
)
def test_what_is_not_our_firmware_is_told_apart(profile, answer, says):
    board = SerialBoard(Impostor(answer).port)
    with BoardLink(board, profile) as link, pytest.raises(LipwrightError, match=says):
        link.connect()
    board.close()


def exchanges(monkeypatch):
    """How long each exchange for the clock waited at most."""
    waits = []
    ask = BoardLink._ask_time
    monkeypatch.setattr(
        BoardLink, "_ask_time", lambda link, wait_s: (waits.append(wait_s), ask(link, wait_s))[1]
    )
    return waits


def connect_over(delay, profile, error_ms):
    """Connects over a slow line, and looks whether the host knows the time."""
    with SimulatedBoard("cpython", virtual=True) as board, BoardLink(SlowLine(board, delay), profile) as link:
        link.connect()
        board_ms = link.sync.to_board_ms(board.clock.now())
        assert board_ms == pytest.approx(board.head_time(board.clock.now()) * 1000, abs=error_ms)


@pytest.mark.parametrize("delay_s", [0.011, 0.03, 0.1])
def test_a_line_that_is_always_slow_connects_and_knows_the_time(delay_s, profile):
    connect_over(lambda: delay_s, profile, 2)


def test_lines_that_hold_messages_up_by_chance_all_connect(profile):
    for seed in range(12):
        connect_over(up_to(0.03, seed), profile, 15)


def test_a_quick_line_is_asked_no_more_often_and_play_never_waits_long(profile, monkeypatch):
    waits = exchanges(monkeypatch)
    with SimulatedBoard("cpython", virtual=True) as board, BoardLink(board, profile) as link:
        link.connect()
        assert waits == [SYNC_WAIT_S] * FIRST_SYNCS
        speak(link, board.clock, profile, 150)
        link.finish()
    assert len(waits) > FIRST_SYNCS and set(waits) == {SYNC_WAIT_S}
