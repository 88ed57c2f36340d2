"""The simulated head at work: pulses in, lips out, in its own simulated time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import ArrayLike, NDArray

from liplab.head.bodies import REFERENCE_HEAD, Body
from liplab.head.geometry import LIP_NODE_NAMES
from liplab.head.measures import articulation_mm
from liplab.head.mjcf import TIME_STEP
from liplab.head.servos import ServoElectronics
from liplab.head.wear import AS_BUILT, Wear
from lipwright.face.profile import ArticulationScale

Array = NDArray[np.float64]

SAMPLE_S = 0.01  # history, 100 Hz
_STEPS_PER_SAMPLE = round(SAMPLE_S / TIME_STEP)


@dataclass(frozen=True)
class Snapshot:
    """The state of all joints at one time, enough to draw the head later."""

    time: float
    joints: Array


@dataclass(frozen=True)
class HeadHistory:
    """What the lips did, a sample every 10 ms.

    `times_s` (n,), `articulation_mm` (n, 5), `lips_mm` (n, 20, 3); `joints` (n, nq) are all joint positions,
    enough to draw the head later.
    """

    times_s: Array
    articulation_mm: Array
    lips_mm: Array
    joints: Array

    def joints_at(self, times_s: Sequence[float] | Array) -> Array:
        """Joint positions (len(times_s), nq) of the samples nearest to these times."""
        nearest = np.round(np.asarray(times_s) / SAMPLE_S).astype(int)
        return np.asarray(self.joints[np.clip(nearest, 0, len(self.joints) - 1)])


class Head:
    """A head. Starts at time 0 at its neutral pose, without power and, if as built, all servos at 0 degrees.

    Simulation goes in steps of 2 ms: a pulse takes effect, and `advance` ends, at the first step at or
    after the given time. Two heads given the same pulses at the same times do the same to the bit.
    """

    def __init__(
        self,
        scale: ArticulationScale | None = None,
        body: Body = REFERENCE_HEAD,
        wear: Wear | None = None,
        remembers: bool = True,
    ) -> None:
        """`scale` of the normalised articulation; without it, the body's own. A head that runs for days must
        not remember: its history has the newest sample only. Raises LipwrightError if `wear` names a servo
        that the body does not have."""
        wear = wear or AS_BUILT
        body.check_wear(wear)
        self.body = body
        self.scale = scale or body.scale()
        self._model = mujoco.MjModel.from_xml_string(body.mjcf(wear.stiffness))
        self._data = mujoco.MjData(self._model)
        self._electronics = ServoElectronics(body.servos, wear)
        self._step = 0
        self._nodes = np.array([self._model.body(name).id for name in LIP_NODE_NAMES])
        self._head = self._model.body("head").id
        self._jaw = self._model.joint("jaw").qposadr[0]
        motors = [motor.name for motor in body.motors]
        self._motor_places = np.array([self._model.joint(motor.joint).qposadr[0] for motor in body.motors])
        self._gears = np.array([motor.gear for motor in body.motors])
        self._driver = np.zeros(len(motors), dtype=int)  # servo of each motor
        self._ratios = np.zeros(len(motors))
        self._held = np.ones(len(motors), dtype=bool)  # no living servo moves these
        for servo, rods in enumerate(body.linkage):
            for rod in rods if body.servos[servo].name not in wear.dead else ():
                motor = motors.index(rod.motor)
                self._driver[motor], self._ratios[motor], self._held[motor] = servo, rod.ratio, False
        self._first_motors = np.array([motors.index(rods[0].motor) for rods in body.linkage])
        self._remembers = remembers
        self._times: list[float] = []
        self._lips: list[Array] = []
        self._joints: list[Array] = []
        self._set_power(self._powered())
        mujoco.mj_forward(self._model, self._data)
        self._sample()

    @property
    def time(self) -> float:
        """Simulated seconds since the start."""
        return self._step * TIME_STEP

    def set_pulses(self, pulses_us: ArrayLike, t: float) -> None:
        """Give all servos these pulse widths (servos,) in us from time t (s) on; 0 releases a servo.

        They are in the order of the cables: of two swapped servos, each gets the other's. Advances the head
        to t. The servos read the new widths at once: that pulses change only from one PWM cycle to the next
        is the servo driver's doing (`liplab.bus`).
        """
        pulses = np.asarray(pulses_us, dtype=np.float64)
        if pulses.shape != (len(self.body.servos),):
            raise ValueError(f"pulses must have shape ({len(self.body.servos)},), not {pulses.shape}")
        self.advance(t)
        self._read_pulses(pulses)

    def advance(self, t: float) -> None:
        """Simulate up to time t (s); a time that has passed changes nothing."""
        target = int(np.ceil(round(t / TIME_STEP, 6)))
        while self._step < target:
            until = min(target, self._step + _STEPS_PER_SAMPLE - self._step % _STEPS_PER_SAMPLE)
            mujoco.mj_step(self._model, self._data, until - self._step)
            self._step = until
            if self._step % _STEPS_PER_SAMPLE == 0:
                self._sample()
            elif self._step == target:
                self._place()

    def lips_mm(self) -> Array:
        """Lip nodes (20, 3) in mm in the head's frame, in the order of `geometry.LIP_NODE_NAMES`."""
        turn = self._data.xmat[self._head].reshape(3, 3)
        return np.asarray(1000 * (self._data.xpos[self._nodes] - self._data.xpos[self._head]) @ turn)

    def servo_degrees(self) -> Array:
        """Angles (servos,) of the servos' horns in degrees, positive the way the joint turns."""
        return np.asarray(np.rad2deg(self._motor_angles()[self._first_motors]))

    def articulation_mm(self) -> Array:
        """Articulation (5,) now, in mm and degrees (see `liplab.head.measures`)."""
        jaw = float(np.rad2deg(self._data.qpos[self._jaw]))
        return articulation_mm(self.lips_mm(), jaw)

    def articulation(self) -> Array:
        """Articulation (5,) now, normalised."""
        return self.scale.from_mm(self.articulation_mm())

    @property
    def history(self) -> HeadHistory:
        """All samples since the start, 100 a second."""
        lips, joints = np.array(self._lips), np.array(self._joints)
        jaw = np.rad2deg(joints[:, self._jaw])
        return HeadHistory(np.array(self._times), articulation_mm(lips, jaw), lips, joints)

    def snapshot(self) -> Snapshot:
        """The pose now, for a picture or film made later."""
        return Snapshot(self.time, self._data.qpos.copy())

    def _sample(self) -> None:
        self._place()
        if not self._remembers:
            self._times.clear()
            self._lips.clear()
            self._joints.clear()
        self._times.append(self.time)
        self._lips.append(self.lips_mm())
        self._joints.append(self._data.qpos.copy())

    def _place(self) -> None:
        # mj_step leaves the bodies where they were at the start of its last step.
        mujoco.mj_kinematics(self._model, self._data)

    def _read_pulses(self, pulses_us: Array) -> None:
        before = self._powered()
        horns = self._electronics.sample(pulses_us)
        powered = self._powered()
        rising = powered & ~before
        if (powered != before).any():
            self._set_power(powered)
        if rising.any():
            # A servo that gets its pulse back starts from where its horn stands.
            self._data.act[rising] = self._motor_angles()[rising]
        self._data.ctrl[:] = self._ratios * horns[self._driver]

    def _motor_angles(self) -> Array:
        return np.asarray(self._data.qpos[self._motor_places] * self._gears)

    def _powered(self) -> NDArray[np.bool_]:
        return np.asarray(self._held | self._electronics.powered[self._driver])

    def _set_power(self, powered: NDArray[np.bool_]) -> None:
        off = 0
        for index, on in enumerate(powered):
            off |= 0 if on else 1 << index
        self._model.opt.disableactuator = off
