"""Servos: where each of the 26 sits, which way it turns, and how a hobby servo follows its pulses.

A pulse of 1500 us is 0 degrees and 1000 us of pulse width are 90 degrees, on every servo. Servos on the
head's right side are mounted mirrored, so a longer pulse moves their side the other way: `sign` says so,
and the head profile calls these channels inverted. Speed, torque, deadband and play are those of a fast
digital micro servo (0.1 s for 60 degrees at 6 V); they are plausible figures, not measured on hardware.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liplab.head.wear import AS_BUILT, Wear

Array = NDArray[np.float64]

PULSE_ZERO_US = 1500.0
US_PER_DEGREE = 1000.0 / 90.0
DEADBAND_US = 4.0  # a servo ignores a change of pulse width up to this
PLAY_DEG = 0.5  # the horn moves freely by this much between the gears
DELAY_S = 0.004  # the servo's own electronics, from the end of the pulse to the motor
FAST_RATE = np.deg2rad(60) / 0.10  # rad/s, micro servos of the face
NECK_RATE = np.deg2rad(60) / 0.14  # rad/s, standard servos of the neck
LEVER_M = 0.010  # a lip servo's horn: metres of rod travel for one radian


@dataclass(frozen=True)
class Servo:
    """One servo as built: the joint it drives and its mounting.

    `gear` is servo radians for one joint unit (radian or metre), `limit_deg` the mechanical stop of the
    servo, `sign` -1 where it is mounted mirrored.
    """

    name: str
    joint: str
    gear: float
    limit_deg: float
    sign: int = 1
    gain: float = 2.0  # N m of torque for one radian of error
    torque: float = 0.15  # N m, stall torque that the model limits to
    inertia: float = 1.0e-4  # kg m2, of the rotor seen through its gears
    rate: float = FAST_RATE


def _lip(name: str, joint: str, sign: int = 1) -> Servo:
    return Servo(name, joint, 1 / LEVER_M, 60, sign)


def _brow(name: str, joint: str, sign: int) -> Servo:
    return Servo(name, joint, 1 / 0.008, 50, sign)


def _neck(name: str) -> Servo:
    return Servo(name, name, 1, 40, gain=20, torque=1.5, inertia=3e-3, rate=NECK_RATE)


SERVOS = (
    Servo("jaw", "jaw", 2.2, 60, gain=4.0, torque=0.3),
    _lip("upper_lip_mid", "upper_mid"),
    _lip("upper_lip_left", "upper_left"),
    _lip("upper_lip_right", "upper_right", -1),
    _lip("lower_lip_mid", "lower_mid"),
    _lip("lower_lip_left", "lower_left"),
    _lip("lower_lip_right", "lower_right", -1),
    _lip("upper_lip_forward", "upper_forward"),
    _lip("lower_lip_forward", "lower_forward"),
    Servo("corner_left", "crank_left", 1, 45),
    Servo("corner_right", "crank_right", 1, 45, -1),
    Servo("eye_left_pan", "eye_left_pan", 1, 35),
    Servo("eye_left_tilt", "eye_left_tilt", 1, 30),
    Servo("eye_right_pan", "eye_right_pan", 1, 35),
    Servo("eye_right_tilt", "eye_right_tilt", 1, 30, -1),
    Servo("lid_left_upper", "lid_left_upper", 1, 50),
    Servo("lid_left_lower", "lid_left_lower", 1, 50),
    Servo("lid_right_upper", "lid_right_upper", 1, 50, -1),
    Servo("lid_right_lower", "lid_right_lower", 1, 50, -1),
    _brow("brow_left_inner", "brow_left_inner", 1),
    _brow("brow_left_outer", "brow_left_outer", 1),
    _brow("brow_right_inner", "brow_right_inner", -1),
    _brow("brow_right_outer", "brow_right_outer", -1),
    _neck("neck_yaw"),
    _neck("neck_pitch"),
    _neck("neck_roll"),
)
CHANNELS = tuple(servo.name for servo in SERVOS)
MOUTH_CHANNELS = 11


def pulses_from_degrees(degrees: Array, servos: Sequence[Servo] = SERVOS) -> Array:
    """Pulse widths (servos,) in us that turn the servos to these degrees (servos,), mounting included."""
    signs = np.array([servo.sign for servo in servos], dtype=np.float64)
    return np.asarray(PULSE_ZERO_US + signs * degrees * US_PER_DEGREE)


class ServoElectronics:
    """What servos do with their pulses before the motor turns: sample, ignore small changes, lose play.

    Pulses are read when they change, rounded to 1 us and compared with the last accepted width. `sample`
    returns the angles (servos,) in radians, joint side positive, that the horns are sent to.
    A width of 0 releases. Pulses come in the order of the cables, all else is in the order of the servos.
    """

    def __init__(self, servos: Sequence[Servo] = SERVOS, wear: Wear = AS_BUILT) -> None:
        names = [servo.name for servo in servos]
        self.accepted_us = np.full(len(servos), PULSE_ZERO_US)
        self.powered = np.zeros(len(servos), dtype=bool)
        self._horn = np.zeros(len(servos))
        self._offsets = np.deg2rad([wear.horn_offsets_deg.get(name, 0.0) for name in names])
        self._signs = np.array(
            [-servo.sign if servo.name in wear.reversed else servo.sign for servo in servos], dtype=np.float64
        )
        self._cables = np.arange(len(servos))
        if wear.swapped is not None:
            first, second = (names.index(name) for name in wear.swapped)
            self._cables[[first, second]] = second, first

    def sample(self, pulses_us: Array) -> Array:
        pulses_us = pulses_us[self._cables]
        self.powered = pulses_us > 0
        moved = self.powered & (np.abs(pulses_us - self.accepted_us) > DEADBAND_US)
        self.accepted_us[moved] = np.round(pulses_us[moved])
        shaft = self._signs * np.deg2rad((self.accepted_us - PULSE_ZERO_US) / US_PER_DEGREE)
        half_play = np.deg2rad(PLAY_DEG) / 2
        self._horn = np.clip(self._horn, shaft - half_play, shaft + half_play)
        return np.asarray(self._horn + self._offsets)
