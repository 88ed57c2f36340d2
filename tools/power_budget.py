"""Adds up what servos draw: `python tools/power_budget.py [PROFILE]`; docs/power.md holds its tables.

What one servo draws is typical of its class, not measured on yours; docs/power.md names the sources. How many
servos move at once is measured: in the sentence that ships, spoken by the shipped models.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lipwright import resources
from lipwright.audio.decode import open_sound
from lipwright.errors import LipwrightError
from lipwright.face.model import FaceModel
from lipwright.face.profile import Channel, HeadProfile, load_profile
from lipwright.lips.model import LipModel
from lipwright.performance import Performer

OUTPUTS = 16  # of one driver board
DEADBAND_US = 5.0  # a servo does not answer to less (data sheet of the MG90S)
MARGIN = 1.5  # what a fuse bears, over what all servos behind it draw while they move
BLADE_FUSES_A = (2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 25.0, 30.0)
SUPPLIES_A = (3.0, 6.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0)  # what 5 V supplies on sale give
CAPACITOR_PER_SERVO_UF = 100  # what the makers of PCA9685 boards advise
CAPACITORS_UF = (1000, 2200, 3300, 4700)
WIRES = (
    (5.0, "20 AWG, 0.5 mm²"),
    (10.0, "18 AWG, 1 mm²"),
    (15.0, "14 AWG, 2.5 mm²"),
    (30.0, "10 AWG, 6 mm²"),
)
BLOCK_SAMPLES = 320


@dataclass(frozen=True)
class ServoClass:
    """Typical currents in A, at 5 to 6 V."""

    name: str
    idle_a: float  # with pulses, at its place, without load
    moving_a: float  # while it moves under load
    stalled_a: float  # when it is held fast, and for an instant whenever it starts or turns round


MICRO = ServoClass("micro", 0.010, 0.250, 0.700)
STRONG = ServoClass("strong", 0.010, 0.900, 2.500)


@dataclass(frozen=True)
class Feed:
    """One driver board's supply: its servos, fuse in A, wire and capacitor in uF."""

    board: int  # 0 or 1
    channels: tuple[Channel, ...]
    fuse_a: float
    wire: str
    capacitor_uf: int


@dataclass(frozen=True)
class Speech:
    """What a stretch of speech asks of servos and supply; steps are of 20 ms."""

    moving_mean: float  # servos that move in a step
    moving_most: int
    mean_a: float
    peak_a: float  # the most in any step


def servo_class(channel: Channel) -> ServoClass:
    """Jaw and neck carry weight, so their servos are strong ones."""
    return STRONG if channel.name == "jaw" or channel.group == "neck" else MICRO


def total(channels: Sequence[Channel], what: str) -> float:
    """Sum in A of "idle_a", "moving_a" or "stalled_a" over these servos."""
    return sum(float(getattr(servo_class(channel), what)) for channel in channels)


def feeds(profile: HeadProfile) -> list[Feed]:
    """One for each driver board that the profile uses."""
    found = []
    for board in range(max(channel.output for channel in profile.channels) // OUTPUTS + 1):
        channels = tuple(c for c in profile.channels if c.output // OUTPUTS == board)
        largest = max((servo_class(c).stalled_a for c in channels), default=0.0)
        needed = max(MARGIN * total(channels, "moving_a"), largest)
        fuse = next(size for size in BLADE_FUSES_A if size >= needed)
        capacitor = next(c for c in CAPACITORS_UF if c >= CAPACITOR_PER_SERVO_UF * len(channels))
        found.append(Feed(board, channels, fuse, wire_for(fuse), capacitor))
    return found


def supply_a(profile: HeadProfile) -> float:
    """The least supply in A: it gives what the fuses let through."""
    return next(size for size in SUPPLIES_A if size >= sum(feed.fuse_a for feed in feeds(profile)))


def wire_for(current_a: float) -> str:
    """The thinnest copper wire for a current in A over a metre or two."""
    return next(wire for most, wire in WIRES if current_a <= most)


def speech_pulses(profile: HeadProfile) -> NDArray[np.float64]:
    """Pulse widths in us, (steps, channels), 50 steps a second, of the sentence that ships."""
    sound = open_sound(resources.shipped_clip())
    performer = Performer(LipModel.load(), FaceModel.load(profile), profile)
    blocks = [*sound.blocks(BLOCK_SAMPLES), np.zeros(round(performer.lookahead_s * sound.rate), np.float32)]
    poses = [pose.targets for block in blocks for pose in performer.push(block)]
    return np.array([profile.pulses_us(targets) for targets in poses])


def speech(channels: Sequence[Channel], pulses_us: NDArray[np.float64]) -> Speech:
    """What these servos draw for pulses (steps, channels).

    On average a servo draws its moving current while it moves. The peak is an upper bound: each servo that
    starts or turns round draws its stalled current for the whole step.
    """
    steps = np.diff(pulses_us, axis=0)
    way = np.where(np.abs(steps) > DEADBAND_US, np.sign(steps), 0)
    before = np.vstack([np.zeros_like(way[:1]), way[:-1]])
    classes = [servo_class(channel) for channel in channels]
    idle, moving, stalled = (
        np.array([getattr(one, what) for one in classes]) for what in ("idle_a", "moving_a", "stalled_a")
    )
    running = np.where(way == 0, idle, moving)
    starting = np.where((way != 0) & (way != before), stalled, running)
    servos = (way != 0).sum(axis=1)
    return Speech(
        float(servos.mean()),
        int(servos.max()),
        float(running.sum(axis=1).mean()),
        float(starting.sum(axis=1).max()),
    )


def budget_table(profile: HeadProfile, spoken: Speech) -> str:
    """The whole head, as a Markdown table."""
    channels = profile.channels
    groups = {channel.group for channel in channels}
    first = max(total([c for c in channels if c.group == group], "stalled_a") for group in groups)
    rows = [
        ("at rest, pulses on", total(channels, "idle_a")),
        ("speaking, mean", spoken.mean_a),
        ("speaking, the most in any 20 ms, starts at stall current", spoken.peak_a),
        ("switching on: the largest group, at stall current", first),
        ("all servos move at once, under load", total(channels, "moving_a")),
        ("all servos held fast", total(channels, "stalled_a")),
    ]
    lines = [f"| {profile.name}, {_servos(channels)} | A |", "|---|---|"]
    return "\n".join([*lines, *(f"| {what} | {current:.1f} |" for what, current in rows)])


def feed_table(profile: HeadProfile) -> str:
    """What goes to each driver board, as a Markdown table."""
    found = feeds(profile)
    lines = [
        f"| {profile.name} | servos | all move, A | fuse, A | wire | capacitor |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| driver {feed.board + 1} | {_servos(feed.channels)} | {total(feed.channels, 'moving_a'):.2f} | "
        f"{feed.fuse_a:g} | {feed.wire} | {feed.capacitor_uf} uF |"
        for feed in found
    ]
    rating, moving = supply_a(profile), total(profile.channels, "moving_a")
    lines.append(
        f"| supply of {rating:g} A | {_servos(profile.channels)} | {moving:.2f} | | {wire_for(rating)} | |"
    )
    return "\n".join(lines)


def _servos(channels: Sequence[Channel]) -> str:
    strong = sum(servo_class(channel) is STRONG for channel in channels)
    return f"{len(channels) - strong} micro + {strong} strong"


def main() -> None:
    """Prints the tables of one head."""
    try:
        profile = load_profile(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
        spoken = speech(profile.channels, speech_pulses(profile))
    except LipwrightError as error:
        sys.exit(f"power_budget.py: {error}")
    print(budget_table(profile, spoken))
    mean, most = spoken.moving_mean, spoken.moving_most
    print(f"\nServos that move while it speaks: {mean:.1f} on average, {most} at most.\n")
    print(feed_table(profile))


if __name__ == "__main__":
    main()
