"""The head profile: which channel is which servo, and how far, how fast and which way it may move.

A profile is a TOML file (models/reference_head.toml is the example to copy). It is read strictly: a mistake
in it would move a real servo the wrong way, so every problem found is reported with the file, the key, what
is wrong and what to do.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facewire.constants import MAX_COLLISIONS, MAX_TERMS, RANGE_MIN_US, TICK_RATES_HZ
from lipwright.errors import LipwrightError
from lipwright.resources import models_dir

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REFERENCE_PROFILE = "reference_head.toml"
WEIGHT_LIMITS = (-100.0, 100.0)
MAX_CHANNELS = 32  # two PCA9685 boards of 16 outputs
PULSE_LIMITS_US = (400.0, 2600.0)  # what hobby servos survive; outside they press against their end stop
PWM_LIMITS_HZ = (40.0, 330.0)  # analogue servos want 50; digital ones take up to 330
SPEED_LIMITS = (0.2, 50.0)  # ranges per second
ACCELERATION_LIMITS = (1.0, 20000.0)  # ranges per second, per second
ACCELERATION_PER_SPEED = 80.0  # per second: without a limit of its own a servo is at full speed after 12 ms
TICK_HZ = 100
LEAD_LIMITS_MS = (0.0, 300.0)
SIZE_LIMITS_MM = (0.1, 200.0)  # of lips and their ways; degrees for the jaw

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class ArticulationScale:
    """What the normalised articulation (aperture, width, rounding, jaw, tuck) is on this head in mm, degrees.

    An aperture of 1 is ``aperture_mm`` open; a width of 1 is ``width_spread_mm``, of -1 ``width_pucker_mm``.
    """

    aperture_mm: float
    width_neutral_mm: float
    width_spread_mm: float
    width_pucker_mm: float
    rounding_mm: float
    jaw_deg: float
    tuck_mm: float

    def to_mm(self, articulation: Floats) -> NDArray[np.float64]:
        """Millimetres (degrees for the jaw), (..., 5), of a normalised articulation (..., 5)."""
        scaled = np.asarray(articulation, np.float64) * self._units(np.asarray(articulation)[..., 1] >= 0)
        scaled[..., 1] += self.width_neutral_mm
        return scaled

    def from_mm(self, measured: Floats) -> NDArray[np.float64]:
        """Normalised articulation (..., 5) of one measured in millimetres (degrees for the jaw), (..., 5)."""
        moved = np.array(measured, np.float64)
        moved[..., 1] -= self.width_neutral_mm
        return moved / self._units(moved[..., 1] >= 0)

    def _units(self, spread: NDArray[np.bool_]) -> NDArray[np.float64]:
        # Lips spread less far than they pucker, so a width has a unit for each side of neutral.
        width = np.where(
            spread, self.width_spread_mm - self.width_neutral_mm, self.width_neutral_mm - self.width_pucker_mm
        )
        rest = np.ones_like(width)
        parts = (
            self.aperture_mm * rest,
            width,
            self.rounding_mm * rest,
            self.jaw_deg * rest,
            self.tuck_mm * rest,
        )
        return np.stack(parts, axis=-1)


CHANNEL_KEYS = (
    "name",
    "group",
    "output",
    "pulse_min_us",
    "pulse_max_us",
    "inverted",
    "rest",
    "speed",
    "acceleration",
)
ARTICULATION_KEYS = tuple(field.name for field in fields(ArticulationScale))


@dataclass(frozen=True)
class Channel:
    """One servo: where it is plugged in and what a target of 0 and of 1 mean for it."""

    name: str
    output: int  # 0 to 15 on the first PCA9685, 16 to 31 on the second
    pulse_min_us: float
    pulse_max_us: float
    inverted: bool  # a target of 0 is then pulse_max_us
    rest: float  # target of the pose that the head eases to
    speed: float  # ranges per second, at most
    acceleration: float  # ranges per second, per second, at most
    group: str  # "mouth", "eyes", "lids", "brows" or "neck"; a maker may name more

    def pulse_us(self, target: float) -> float:
        """Pulse width in microseconds for a target of 0..1 (clipped)."""
        share = min(1.0, max(0.0, target))
        if self.inverted:
            share = 1.0 - share
        return self.pulse_min_us + share * (self.pulse_max_us - self.pulse_min_us)


@dataclass(frozen=True)
class Collision:
    """Channels that would run into each other: the sum of weight x target must stay at or below `most`."""

    channels: tuple[int, ...]  # places in the frame
    weights: tuple[float, ...]
    most: float


@dataclass(frozen=True)
class HeadProfile:
    """A validated head: its channels in the order of the wire, and what it needs to be driven."""

    name: str
    channels: tuple[Channel, ...]
    pwm_hz: float
    tick_hz: int  # how often the board tells the servos where to be
    lead_ms: float  # lag of the servos: frames are sent this much earlier
    face_model: str  # file name, beside the profile or among the shipped models
    articulation: ArticulationScale
    collisions: tuple[Collision, ...]
    path: Path

    def rest_targets(self) -> NDArray[np.float32]:
        """Targets of the rest pose, float32 (channels,)."""
        return np.array([channel.rest for channel in self.channels], dtype=np.float32)

    def index(self, name: str) -> int:
        """Position of a channel in the frame; KeyError if the head has none of that name."""
        for number, channel in enumerate(self.channels):
            if channel.name == name:
                return number
        raise KeyError(name)

    def indices(self, group: str) -> NDArray[np.intp]:
        """Positions of all channels of a group, in frame order."""
        return np.array(
            [i for i, channel in enumerate(self.channels) if channel.group == group], dtype=np.intp
        )

    def within(self, targets: Floats) -> NDArray[np.float32]:
        """Targets (..., channels) moved as little as needed so that they are in 0..1 and nothing collides."""
        kept = np.clip(targets, 0, 1).astype(np.float32)
        for _ in range(2):  # what one pair gives back may be another's
            for pair in self.collisions:
                places, weights = list(pair.channels), np.array(pair.weights, np.float32)
                for _ in places:  # what stands at its end leaves the rest of the way to the others
                    chosen = kept[..., places]
                    excess = np.maximum(chosen @ weights - pair.most, 0)[..., None]
                    share = weights * np.where(weights > 0, chosen > 0, chosen < 1)
                    size = np.maximum((share**2).sum(axis=-1, keepdims=True), 1e-9)
                    kept[..., places] = np.clip(chosen - excess * share / size, 0, 1)
        return kept

    def pulses_us(self, targets: Floats) -> NDArray[np.float64]:
        """Pulse widths in microseconds, float64 (channels,), for targets of 0..1."""
        return np.array([c.pulse_us(float(t)) for c, t in zip(self.channels, targets, strict=True)])


def load_profile(path: str | Path | None = None) -> HeadProfile:
    """Reads and validates a head profile; None means the reference head that ships.

    Raises LipwrightError, which lists every problem, if the file cannot be used.
    """
    file = Path(path) if path is not None else models_dir() / REFERENCE_PROFILE
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise LipwrightError(
            f"There is no head profile {file}; give the path of a .toml file, or leave --profile out "
            "for the reference head."
        ) from None
    except IsADirectoryError:
        raise LipwrightError(f"{file} is a folder; give the path of the head profile's .toml file.") from None
    except UnicodeDecodeError:
        raise LipwrightError(f"{file} is not a text file; a head profile is TOML in UTF-8.") from None
    except OSError as error:
        raise LipwrightError(f"The head profile {file} cannot be read: {error.strerror}.") from None
    return parse_profile(text, file)


def parse_profile(text: str, file: Path) -> HeadProfile:
    """Validates a head profile's text; `file` is where it lies, or will. Raises as `load_profile`."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LipwrightError(f"The head profile {file} is not valid TOML: {error}.") from None
    return _Reader(file).profile(table)


class _Reader:
    """Collects every problem of one file, so that a maker mends them in one go."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.problems: list[str] = []

    def profile(self, table: dict[str, Any]) -> HeadProfile:
        known = (
            "name",
            "pwm_hz",
            "tick_hz",
            "lead_ms",
            "face_model",
            "articulation",
            "channels",
            "collisions",
        )
        self._refuse_unknown(table, known, "")
        name = self._text(table, "name", "")
        pwm_hz = self._number(table, "pwm_hz", "", PWM_LIMITS_HZ)
        tick_hz = table.get("tick_hz", TICK_HZ)
        if tick_hz not in TICK_RATES_HZ or isinstance(tick_hz, bool):
            self._add("tick_hz", f"is {tick_hz!r}; a board can tick 50, 100 or 200 times a second")
        lead_ms = self._number(table, "lead_ms", "", LEAD_LIMITS_MS)
        face_model = self._text(table, "face_model", "")
        articulation = self._articulation(table)
        channels = self._channels(table)
        collisions = self._collisions(table, channels)
        if self.problems:
            if len(self.problems) == 1:
                raise LipwrightError(f"The head profile {self.file} cannot be used: {self.problems[0]}.")
            lines = "".join(f"\n  - {problem}" for problem in self.problems)
            raise LipwrightError(
                f"The head profile {self.file} cannot be used; mend {len(self.problems)} problems:{lines}"
            )
        return HeadProfile(
            name=name,
            channels=channels,
            pwm_hz=pwm_hz,
            tick_hz=tick_hz,
            lead_ms=lead_ms,
            face_model=face_model,
            articulation=articulation,
            collisions=collisions,
            path=self.file,
        )

    def _channels(self, table: dict[str, Any]) -> tuple[Channel, ...]:
        entries = self._tables(table, "channels")
        if not entries and not self.problems:
            self._add("channels", "is missing; describe at least one servo under [[channels]]")
        if len(entries) > MAX_CHANNELS:
            self._add("channels", f"has {len(entries)} servos; two boards drive at most {MAX_CHANNELS}")
        channels: list[Channel] = []
        for number, entry in enumerate(entries):
            channel = self._channel(entry, f"channels[{number}]")
            for other_number, other in enumerate(channels):
                if channel.name and channel.name == other.name:
                    self._add(
                        f"channels[{number}].name",
                        f'"{channel.name}" is also the name of channels[{other_number}]; rename one of them',
                    )
                if channel.output >= 0 and channel.output == other.output:
                    self._add(
                        f"channels[{number}].output",
                        f"puts {channel.name} on output {channel.output}, which {other.name} has; "
                        "give each servo an output of its own",
                    )
            channels.append(channel)
        return tuple(channels)

    def _channel(self, entry: dict[str, Any], where: str) -> Channel:
        self._refuse_unknown(entry, CHANNEL_KEYS, where)
        name = self._text(entry, "name", where)
        if name:
            where = f"{where} ({name})"
        output = self._whole(entry, "output", where, (0, MAX_CHANNELS - 1))
        pulse_min = self._number(entry, "pulse_min_us", where, PULSE_LIMITS_US)
        pulse_max = self._number(entry, "pulse_max_us", where, PULSE_LIMITS_US)
        if 0 < pulse_max - pulse_min < RANGE_MIN_US:
            self._add(
                f"{where}.pulse_max_us",
                f"is {pulse_max:g}, only {pulse_max - pulse_min:g} us from pulse_min_us; a range has "
                f"{RANGE_MIN_US} us or more",
            )
        if pulse_min >= pulse_max:
            self._add(
                f"{where}.pulse_min_us",
                f"is {pulse_min:g}, not below pulse_max_us = {pulse_max:g}; give the shorter pulse first and "
                "set inverted = true to turn a servo round",
            )
        inverted = entry.get("inverted", False)
        if not isinstance(inverted, bool):
            self._add(f"{where}.inverted", f"is {inverted!r}; write true or false")
        speed = self._number(entry, "speed", where, SPEED_LIMITS)
        acceleration = ACCELERATION_PER_SPEED * speed
        if "acceleration" in entry:
            acceleration = self._number(entry, "acceleration", where, ACCELERATION_LIMITS)
        return Channel(
            name=name,
            output=output,
            pulse_min_us=pulse_min,
            pulse_max_us=pulse_max,
            inverted=bool(inverted),
            rest=self._number(entry, "rest", where, (0.0, 1.0)),
            speed=speed,
            acceleration=acceleration,
            group=self._text(entry, "group", where),
        )

    def _collisions(self, table: dict[str, Any], channels: tuple[Channel, ...]) -> tuple[Collision, ...]:
        places = {channel.name: place for place, channel in enumerate(channels)}
        rest = [channel.rest for channel in channels]
        found: list[Collision] = []
        entries = self._tables(table, "collisions")
        if len(entries) > MAX_COLLISIONS:
            self._add("collisions", f"has {len(entries)} entries; a head may have {MAX_COLLISIONS}")
        for number, entry in enumerate(entries):
            where = f"collisions[{number}]"
            self._refuse_unknown(entry, ("channels", "weights", "most"), where)
            names, weights = entry.get("channels"), entry.get("weights", [])
            most = self._number(entry, "most", where, WEIGHT_LIMITS)
            if not isinstance(names, list) or not names or any(name not in places for name in names):
                self._add(f"{where}.channels", f"is {names!r}; give a list of channels' names")
                continue
            if len(names) > MAX_TERMS:
                self._add(f"{where}.channels", f"has {len(names)} channels; one may have {MAX_TERMS}")
                continue
            if not _numbers(weights) or len(weights) != len(names) or not any(weights):
                self._add(f"{where}.weights", f"is {weights!r}; give a number for each of {', '.join(names)}")
                continue
            pair = Collision(tuple(places[name] for name in names), tuple(map(float, weights)), most)
            if sum(w * rest[c] for w, c in zip(pair.weights, pair.channels, strict=True)) > most:
                self._add(where, "is broken by the rest pose already; raise most, or move a rest")
            found.append(pair)
        return tuple(found)

    def _articulation(self, table: dict[str, Any]) -> ArticulationScale:
        entry = table.get("articulation")
        if not isinstance(entry, dict):
            self._add("articulation", "is missing; give the table that says what the lips can do in mm")
            return ArticulationScale(*[nan] * len(ARTICULATION_KEYS))
        self._refuse_unknown(entry, ARTICULATION_KEYS, "articulation")
        values = {key: self._number(entry, key, "articulation", SIZE_LIMITS_MM) for key in ARTICULATION_KEYS}
        scale = ArticulationScale(**values)
        pucker, neutral, spread = scale.width_pucker_mm, scale.width_neutral_mm, scale.width_spread_mm
        if neutral <= pucker or neutral >= spread:
            self._add(
                "articulation.width_neutral_mm",
                f"is {neutral:g}; it must lie between width_pucker_mm = {pucker:g} and "
                f"width_spread_mm = {spread:g}",
            )
        return scale

    def _add(self, key: str, problem: str) -> None:
        self.problems.append(f"{key} {problem}")

    def _refuse_unknown(self, table: dict[str, Any], known: tuple[str, ...], where: str) -> None:
        for key in table:
            if key not in known:
                path = f"{where}.{key}" if where else key
                self._add(path, f"is not a key that is known here; the keys are {', '.join(known)}")

    def _tables(self, table: dict[str, Any], key: str) -> list[dict[str, Any]]:
        entries = table.get(key, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self._add(key, f"must be a list of tables; write [[{key}]] above each entry")
            return []
        return entries

    def _value(self, table: dict[str, Any], key: str, where: str, want: str) -> tuple[str, Any]:
        path = f"{where}.{key}" if where else key
        if key not in table:
            self._add(path, f"is missing; give {want}")
            return path, None
        return path, table[key]

    def _text(self, table: dict[str, Any], key: str, where: str) -> str:
        path, value = self._value(table, key, where, "a text in quotes")
        if value is None:
            return ""
        if not isinstance(value, str) or not value.strip():
            self._add(path, f"is {value!r}; give a text in quotes")
            return ""
        return value

    def _number(self, table: dict[str, Any], key: str, where: str, limits: tuple[float, float]) -> float:
        # A value that is wrong comes back as nan, so that no comparison with it adds a second problem.
        low, high = limits
        want = f"a number from {low:g} to {high:g}"
        path, value = self._value(table, key, where, want)
        if value is None:
            return nan
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            self._add(path, f"is {value!r}; give {want}")
            return nan
        return float(value)

    def _whole(self, table: dict[str, Any], key: str, where: str, limits: tuple[int, int]) -> int:
        low, high = limits
        want = f"a whole number from {low} to {high}"
        path, value = self._value(table, key, where, want)
        if value is None:
            return -1
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self._add(path, f"is {value!r}; give {want}")
            return -1
        return value


def _numbers(values: Any) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )
