"""The three heads that can be simulated: which servos each has, and what their horns move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from liplab.head.looks import visible_mjcf
from liplab.head.mjcf import head_mjcf
from liplab.head.servos import SERVOS, Servo
from liplab.head.skull import SKULL_JAW, skull_mjcf
from liplab.head.skull_looks import visible_skull_mjcf
from liplab.head.wear import AS_BUILT, WORN, Wear
from lipwright.errors import LipwrightError
from lipwright.face.profile import REFERENCE_PROFILE, ArticulationScale, HeadProfile, load_profile
from lipwright.resources import models_dir

__all__ = [
    "AS_BUILT",
    "BODIES",
    "JAW_SKULL",
    "REFERENCE_HEAD",
    "SIX_SERVO_MOUTH",
    "WORN",
    "Body",
    "Rod",
    "Wear",
    "body_for",
    "body_named",
]

SIDE_SHARE = 0.8  # of the middle's way: what a lip's one servo moves the lip's sides


class Rod(NamedTuple):
    """What a servo's horn moves: a motor of the model, by this many degrees for one of the horn."""

    motor: str
    ratio: float = 1.0


@dataclass(frozen=True)
class Body:
    """One head as built.

    `servos` are in the order of the channels of its profile; `linkage` has the rods of each, the first with
    ratio 1. `motors` are the model's actuators in order; those on no rod hold their joints at neutral.
    `mjcf` makes the model for a stiffness of the silicone (1: as built), `looks` the same model with its
    looks, and the files it names, with or without painted dots. `profile` is the file that ships; `has_lips`
    says whether there are soft lips to roll.
    """

    name: str
    servos: tuple[Servo, ...]
    linkage: tuple[tuple[Rod, ...], ...]
    motors: tuple[Servo, ...]
    mjcf: Callable[[float], str]
    looks: Callable[[bool], tuple[str, dict[str, bytes]]]
    profile: str
    has_lips: bool = True

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the servos."""
        return tuple(servo.name for servo in self.servos)

    def scale(self) -> ArticulationScale:
        """What the normalised articulation is on this body in mm and degrees."""
        return load_profile(models_dir() / self.profile).articulation

    def check_wear(self, wear: Wear) -> None:
        """Raises LipwrightError if the wear names a servo that the body does not have."""
        for name in wear.servos:
            if name not in self.channels:
                known = ", ".join(self.channels)
                raise LipwrightError(f"The {self.name} has no servo {name} to wear out; name one of {known}.")


def _direct(servos: tuple[Servo, ...]) -> tuple[tuple[Rod, ...], ...]:
    return tuple((Rod(servo.name),) for servo in servos)


def _reference_mjcf(stiffness: float) -> str:
    return head_mjcf(stiffness=stiffness)


def _built_in(name: str, servo: str) -> Servo:
    """A servo of the reference head's kind under another name."""
    return replace(next(known for known in SERVOS if known.name == servo), name=name)


_SIX = (
    _built_in("jaw", "jaw"),
    _built_in("upper_lip", "upper_lip_mid"),
    _built_in("lower_lip", "lower_lip_mid"),
    _built_in("corner_left", "corner_left"),
    _built_in("corner_right", "corner_right"),
    _built_in("lips_forward", "upper_lip_forward"),
)
_SIX_LINKAGE = (
    (Rod("jaw"),),
    (Rod("upper_lip_mid"), Rod("upper_lip_left", SIDE_SHARE), Rod("upper_lip_right", SIDE_SHARE)),
    (Rod("lower_lip_mid"), Rod("lower_lip_left", SIDE_SHARE), Rod("lower_lip_right", SIDE_SHARE)),
    (Rod("corner_left"),),
    (Rod("corner_right"),),
    (Rod("upper_lip_forward"), Rod("lower_lip_forward")),
)


def _geared(motors: tuple[Servo, ...], linkage: tuple[tuple[Rod, ...], ...]) -> tuple[Servo, ...]:
    """Motors as fast as their rods move them."""
    shares = {rod.motor: rod.ratio for rods in linkage for rod in rods}
    return tuple(replace(motor, rate=motor.rate * abs(shares.get(motor.name, 1.0))) for motor in motors)


_SIX_MOTORS = _geared(SERVOS, _SIX_LINKAGE)


def _six_servo_mjcf(stiffness: float) -> str:
    return head_mjcf(motors=_SIX_MOTORS, stiffness=stiffness)


def _skull_mjcf(stiffness: float) -> str:
    return skull_mjcf()  # no silicone on it


REFERENCE_HEAD = Body(
    name="reference head",
    servos=SERVOS,
    linkage=_direct(SERVOS),
    motors=SERVOS,
    mjcf=_reference_mjcf,
    looks=visible_mjcf,
    profile=REFERENCE_PROFILE,
)
SIX_SERVO_MOUTH = Body(
    name="six-servo mouth",
    servos=_SIX,
    linkage=_SIX_LINKAGE,
    motors=_SIX_MOTORS,
    mjcf=_six_servo_mjcf,
    looks=visible_mjcf,
    profile="six_servo_mouth.toml",
)
JAW_SKULL = Body(
    name="jaw skull",
    servos=(SKULL_JAW,),
    linkage=_direct((SKULL_JAW,)),
    motors=(SKULL_JAW,),
    mjcf=_skull_mjcf,
    looks=visible_skull_mjcf,
    profile="jaw_skull.toml",
    has_lips=False,
)
BODIES = (REFERENCE_HEAD, SIX_SERVO_MOUTH, JAW_SKULL)


def body_for(profile: HeadProfile) -> Body:
    """The body whose servos are the profile's channels, in that order.

    Raises LipwrightError if there is none.
    """
    channels = tuple(channel.name for channel in profile.channels)
    for body in BODIES:
        if body.channels == channels:
            return body
    raise LipwrightError(
        f"No simulated head has the {len(channels)} channels of {profile.path}: name them, in order, as in "
        f"{_listed([f'{body.profile} ({body.name})' for body in BODIES])}, or use a head of your own: --port."
    )


def body_named(name: str) -> Body:
    """The body of this name, "jaw skull" or "jaw-skull" alike. Raises LipwrightError if there is none."""
    wanted = _letters(name)
    for body in BODIES:
        if _letters(body.name) == wanted:
            return body
    raise LipwrightError(
        f'There is no simulated head "{name}"; choose the {_listed([body.name for body in BODIES])}.'
    )


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
