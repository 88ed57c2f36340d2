"""``liplab bench clock``: how well the host knows the board's clock, over a day on a bad line.

The host's real clock fit gets one exchange a second, as `BoardLink` makes them, on a line that holds every
message up by chance, each direction for itself. The board's clock runs at a rate of its own and passes its
wrap (30 bits of milliseconds) a quarter of a day in. Each second, just before the next exchange, the board
time that the host predicts for now is compared with the true one.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from facewire.constants import TICKS_MASK
from liplab.bench import show_figures
from lipwright.link.board_link import FIRST_SYNCS, SYNC_EVERY_S, SYNC_LOOK_S, SYNC_WAIT_S
from lipwright.link.sync import ClockSync

HOURS = 24.0
TURN_MS = TICKS_MASK + 1
WRAP_S = 6 * 3600
HOST_START_S = 1000.0  # a host's monotonic clock begins anywhere
TURNAROUND_S = 0.0002
# An answer that comes after SYNC_WAIT_S lies in the port until the host polls again: with its next frame.
POLL_S = 0.02

LONGEST_DELAY_S = 0.03
SHORT_S, SHORT_MEAN_S = 0.0002, 0.0008
BURST_BEGINS, BURST_GOES_ON = 0.02, 0.9  # the chance of each, from one exchange to the next

DRIFT = 50e-6
# A crystal in a room whose heating goes on and off.
SWING = 10e-6
SWING_S = 7200.0

Numbers = npt.NDArray[np.float64]


def noisy(random: np.random.Generator, count: int) -> Numbers:
    """Delays (s), anything from 0 to 30 ms."""
    return random.uniform(0, LONGEST_DELAY_S, count)


def bursts(random: np.random.Generator, count: int) -> Numbers:
    """Delays (s), mostly about a millisecond, and now and then up to 30 ms for a while."""
    delays = SHORT_S + random.exponential(SHORT_MEAN_S, count)
    held_up = False
    for number in range(count):
        held_up = random.random() < (BURST_GOES_ON if held_up else BURST_BEGINS)
        if held_up:
            delays[number] += random.uniform(0, LONGEST_DELAY_S)
    return delays


def steady(t: float) -> float:
    """Seconds that the board's clock has counted at true time t (s): 50 ppm too many."""
    return t * (1 + DRIFT)


def warming(t: float) -> float:
    """The same with a rate that swings by 10 ppm with the temperature."""
    turn = 2 * math.pi / SWING_S
    return steady(t) + SWING / turn * (1 - math.cos(turn * t))


LINES: dict[str, Callable[[np.random.Generator, int], Numbers]] = {"noisy": noisy, "bursts": bursts}
CRYSTALS: dict[str, Callable[[float], float]] = {"steady": steady, "warming": warming}

EXAMPLES = """examples:
  liplab bench clock                 a day on two lines with two crystals, about half a minute
  liplab bench clock --hours 1       an hour only
  liplab bench clock --json -        the figures as JSON on standard output
"""


def add_parser(subparsers: Any) -> None:
    """Adds ``clock`` to ``liplab bench``."""
    parser = subparsers.add_parser(
        "clock",
        help="error of the board time that the host predicts, over a day",
        description="Lets the host's clock fit follow a simulated board over a day, one exchange a second, "
        "on a line that delays each message by 0 to 30 ms, and on one that does so in bursts; the board's "
        "crystal is 50 ppm off, steadily or swinging with the temperature.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--hours", type=float, default=HOURS, help="how long (default: 24)")
    parser.add_argument("--seed", type=int, default=1, help="of the delays (default: 1)")
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON; - for standard output")
    parser.set_defaults(do=do_bench_clock)


def do_bench_clock(arguments: argparse.Namespace) -> None:
    """Prints the figures, and writes them where asked."""
    show_figures(bench_clock(arguments.hours, arguments.seed), arguments.json)


def bench_clock(hours: float, seed: int) -> dict[str, Any]:
    """Median, 99th percentile and maximum of the error for each line and crystal; flat keys."""
    figures: dict[str, Any] = {"hours": hours}
    for line in LINES:
        for crystal in CRYSTALS:
            errors, wraps = follow(line, crystal, hours, seed)
            p50, p99 = np.percentile(np.abs(errors), [50, 99])
            figures[f"{line}_{crystal}_error_ms_p50"] = round(float(p50), 3)
            figures[f"{line}_{crystal}_error_ms_p99"] = round(float(p99), 3)
            figures[f"{line}_{crystal}_error_ms_max"] = round(float(np.abs(errors).max()), 3)
            figures[f"{line}_{crystal}_wraps"] = wraps
    return figures


def follow(line: str, crystal: str, hours: float, seed: int) -> tuple[Numbers, int]:
    """The signed error (ms) each second, just before an exchange, and how often the board's clock wrapped."""
    count = FIRST_SYNCS + int(hours * 3600 / SYNC_EVERY_S)
    random = np.random.default_rng(seed)
    there, back = LINES[line](random, count), LINES[line](random, count)
    start_ms = float(TURN_MS - WRAP_S * 1000)
    sync = ClockSync()
    errors = []
    at = 0.0
    for number in tqdm(range(count), desc=f"{line} line, {crystal} crystal", unit="exchange"):
        if number >= FIRST_SYNCS:
            at = (number - FIRST_SYNCS + 1) * SYNC_EVERY_S
            true_ms = start_ms + CRYSTALS[crystal](at) * 1000
            error = sync.to_board_ms(HOST_START_S + at) - true_ms
            errors.append((error + TURN_MS / 2) % TURN_MS - TURN_MS / 2)
        read = at + there[number]
        waited = there[number] + TURNAROUND_S + back[number]
        if waited <= SYNC_WAIT_S:
            waited = math.ceil(waited / SYNC_LOOK_S) * SYNC_LOOK_S
        elif number < FIRST_SYNCS and sync.is_set:  # given up, and asked again
            waited = math.inf
        else:
            waited = SYNC_WAIT_S + math.ceil((waited - SYNC_WAIT_S) / POLL_S) * POLL_S
        if waited < math.inf:
            board_us = math.floor(start_ms * 1000 + CRYSTALS[crystal](read) * 1e6)
            sync.add(HOST_START_S + at, HOST_START_S + at + waited, board_us / 1000 % TURN_MS, TURNAROUND_S)
        if number < FIRST_SYNCS:
            at += min(waited, SYNC_WAIT_S)
    return np.array(errors), int((start_ms + CRYSTALS[crystal](at) * 1000) // TURN_MS)
