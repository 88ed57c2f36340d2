"""What the servos do when the host falls silent, measured on the pulses: hold, ease, release, and again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from liplab.board import SimulatedBoard
from lipwright.face.profile import load_profile
from lipwright.link.board_link import BoardLink
from lipwright.link.messages import CompactFrame, FullFrame, Splitter

TICK_MS = 10
HOLD_MS, EASE_MS, REARM_MS = 150, 300, 500
AHEAD_S = 0.12
PROFILE = load_profile()
CHANNEL = PROFILE.index("upper_lip_mid")
OUTPUT = PROFILE.channels[CHANNEL].output
AT = 8 + 4 * (OUTPUT % 16)  # its registers: at which count the pulse ends
FAR = 0.9  # of the channel's range
# A busy machine leaves out ticks, and the ladder with them: then it is measured anew.
TRIES = 4

# A host of its own that speaks until somebody ends it.
HOST = """
import sys
from lipwright.boards import SerialBoard
from lipwright.face.profile import load_profile
from lipwright.link.board_link import BoardLink

profile = load_profile()
targets = profile.rest_targets()
targets[int(sys.argv[2])] = float(sys.argv[3])
board = SerialBoard(sys.argv[1])
with BoardLink(board, profile) as link:
    link.connect()
    start = board.clock.now()
    for number in range(10_000):
        board.clock.sleep_until(start + 0.02 * number)
        link.send(targets, start + 0.02 * number + 0.12)
        link.poll()
        if number == 75:
            print("speaking", flush=True)
"""


class Pulses:
    """The pulses of one servo as the board's writes leave them in its driver: times in ms and counts, 0 for
    none."""

    def __init__(self, board: SimulatedBoard) -> None:
        self.times: list[float] = []
        self.counts: list[int] = []
        self._registers = bytearray(256)
        self._known = False  # once they have been written, which is a few times a second even at rest
        board.on_bus_write = self._write

    def _write(self, time_us: float, address: int, register: int, data: bytes) -> None:
        if address != 0x40 + OUTPUT // 16:
            return
        self._registers[register : register + len(data)] = data
        self._known |= register <= AT < register + len(data)
        if not self._known:
            return
        low, high = self._registers[AT : AT + 2]
        self.times.append(time_us / 1000)
        self.counts.append(0 if high & 16 else low | high << 8)

    def ladder(self, since_ms: float) -> tuple[float, float, float]:
        """When, after `since_ms`, the pulses were half-way from where they held to rest, and ended; and the
        longest time between two of them until then."""
        times, counts = np.array(self.times), np.array(self.counts)
        after = times >= since_ms
        times, counts = times[after], counts[after]
        end = int(np.flatnonzero(counts == 0)[0])
        half = (counts[0] + counts[end - 1]) / 2
        passed = int(np.flatnonzero((counts[:end] - half) * (counts[0] - half) <= 0)[0])
        return times[passed], times[end], float(np.diff(times[: end + 1]).max())

    def on_again(self, since_ms: float) -> float:
        """When pulses came back."""
        times, counts = np.array(self.times), np.array(self.counts)
        return float(times[np.flatnonzero((times >= since_ms) & (counts > 0))[0]])


def speak(board: SimulatedBoard, link: BoardLink, seconds: float) -> float:
    """Sends a pose fifty times a second, AHEAD_S before its time; returns the last one's, s."""
    targets = PROFILE.rest_targets()
    targets[CHANNEL] = FAR
    start = board.clock.now()
    for number in range(round(seconds * 50)):
        board.clock.sleep_until(start + number * 0.02)
        link.send(targets, start + number * 0.02 + AHEAD_S)
    return start + (round(seconds * 50) - 1) * 0.02 + AHEAD_S


def assert_ladder(pulses: Pulses, silent_ms: float) -> None:
    """Silence begins at the first tick that finds the ring empty, at or after `silent_ms`."""
    half, end, _ = pulses.ladder(silent_ms)
    assert half - silent_ms == pytest.approx(HOLD_MS + EASE_MS / 2, abs=TICK_MS)
    assert end - silent_ms == pytest.approx(HOLD_MS + EASE_MS, abs=TICK_MS)
    times, counts = np.array(pulses.times), np.array(pulses.counts)
    held = counts[(times >= silent_ms) & (times < silent_ms + HOLD_MS)]
    moving = counts[(times >= silent_ms + HOLD_MS) & (times < end)]
    assert len(set(held)) == 1 and held[0] not in moving[3:], "it holds to the count, and no longer"


def nothing(data: bytes, send: Callable[[bytes], Any]) -> None:
    """A cut wire."""


class Repeats:
    """A wire that says everything three times, and old frames again and again once nothing new comes."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def __call__(self, data: bytes, send: Callable[[bytes], Any]) -> None:
        self.heard.append(data)
        for _ in range(3):
            send(data)


class Noise:
    """A wire on which bits turn round."""

    def __init__(self, rate: float) -> None:
        self.whole_ms: list[int] = []  # for when the frames were that came whole, board ms
        self._rate = rate
        self._random = np.random.default_rng(1)

    def __call__(self, data: bytes, send: Callable[[bytes], Any]) -> None:
        bits = np.unpackbits(np.frombuffer(data, np.uint8))
        heard = np.packbits(bits ^ (self._random.random(len(bits)) < self._rate)).tobytes()
        if heard == data:
            self.whole_ms += [
                message.time_ms
                for message in Splitter().feed(data)
                if isinstance(message, FullFrame | CompactFrame)
            ]
        send(heard)


@pytest.mark.parametrize(
    "wire", [nothing, Repeats(), Noise(1e-4), Noise(1e-3)], ids=["cut", "repeats", "noise 1e-4", "noise 1e-3"]
)
def test_the_ladder_keeps_its_times_whatever_the_wire_does(wire: Any) -> None:
    with SimulatedBoard(virtual=True) as board, BoardLink(board, PROFILE) as link:
        link.connect()
        port = link._port
        assert port is not None
        pulses = Pulses(board)
        if wire is not nothing:
            send = port.write
            port.write = lambda data: wire(data, send)  # type: ignore[method-assign, assignment]
        last_s = speak(board, link, 1.5)
        following = np.array(pulses.counts)
        assert (following > 0).all(), "no noise takes the pulses away"
        assert len(set(following[-20:])) == 1 and following[-1] != following[0], "and the pose is reached"
        if wire is nothing:
            port.write = lambda data: None  # type: ignore[method-assign, assignment]
        end_s = board.clock.now() + 1.0
        while board.clock.now() < end_s:
            board.clock.sleep_until(board.clock.now() + 0.02)
            if isinstance(wire, Repeats):
                for data in wire.heard[-30:]:
                    send(data)
        # Noise may have taken the last frames: then silence began with the last that came.
        newest_ms = frames_ms[-1] if (frames_ms := getattr(wire, "whole_ms", [])) else last_s * 1000
        assert_ladder(pulses, -(-newest_ms // TICK_MS) * TICK_MS)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_the_ladder_keeps_its_times_when_the_host_is_no_more(end: signal.Signals) -> None:
    for left in reversed(range(TRIES)):
        with SimulatedBoard() as board:
            pulses = Pulses(board)
            host = subprocess.Popen(
                [sys.executable, "-c", HOST, board.port, str(CHANNEL), str(FAR)], stdout=subprocess.PIPE
            )
            assert host.stdout is not None
            try:
                assert host.stdout.readline() == b"speaking\n"
                os.kill(host.pid, end)
                ended_ms = board.head_time(board.clock.now()) * 1000
                time.sleep((HOLD_MS + EASE_MS) / 1000 + AHEAD_S + 0.6)
            finally:
                host.kill()
                host.wait()
                host.stdout.close()
            half, release, longest = pulses.ladder(ended_ms)
        if longest <= 1.5 * TICK_MS or not left:
            break
    # The last frame was sent up to 20 ms before the end, is for AHEAD_S later, and ends at the next tick.
    silent = ended_ms + AHEAD_S * 1000 - 10 + TICK_MS / 2
    assert half - silent == pytest.approx(HOLD_MS + EASE_MS / 2, abs=10 + TICK_MS)
    assert release - half == pytest.approx(EASE_MS / 2, abs=TICK_MS)


def test_good_frames_bring_the_pulses_back_after_half_a_second() -> None:
    with SimulatedBoard(virtual=True) as board, BoardLink(board, PROFILE) as link:
        link.connect()
        pulses = Pulses(board)
        speak(board, link, 0.5)
        board.clock.sleep_until(board.clock.now() + 1.0)
        assert pulses.counts[-1] == 0
        again_ms = board.clock.now() * 1000
        speak(board, link, 2.0)
        # The servos come on one a tick, in the order of the profile.
        on_ms = pulses.on_again(again_ms) - CHANNEL * TICK_MS
        assert REARM_MS <= on_ms - again_ms <= REARM_MS + TICK_MS
        counts = np.array(pulses.counts)[np.array(pulses.times) >= on_ms + CHANNEL * TICK_MS]
        assert np.abs(np.diff(counts[:10])).max() <= 2, "slowly at first"
