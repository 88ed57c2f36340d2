"""A board to calibrate: the real firmware in virtual time, and a meter on every output of its drivers."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from liplab.board import SimulatedBoard
from lipwright.calibrate.profile_file import ProfileFile
from lipwright.calibrate.session import HOLDING, MOVING, Session
from lipwright.resources import models_dir

STEP_S = 0.02
OUTPUTS = 32
COUNT_US = 122 * 1e6 / 25_000_000  # one count of a PCA9685 at 50 Hz


class Meter:
    """In the head's place: every change of every output's pulse width, (time in s, widths (32,) in us)."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, np.ndarray]] = []

    def set_pulses(self, pulses_us, t):
        """Takes note."""
        self.seen.append((t, np.array(pulses_us)))

    def advance(self, t):
        """Nothing moves here."""

    def widths(self, output: int) -> list[tuple[float, float]]:
        """An output's pulses, where it had any."""
        return [(t, float(widths[output])) for t, widths in self.seen if widths[output] > 0]

    def used(self) -> set[int]:
        """Outputs that had pulses."""
        return {output for _, widths in self.seen for output in np.flatnonzero(widths)}

    def now(self) -> np.ndarray:
        """Widths now, 0 where there is none."""
        return self.seen[-1][1] if self.seen else np.zeros(OUTPUTS)

    def forget(self) -> None:
        """Begins anew, with what there is now."""
        self.seen = self.seen[-1:]


class Rig:
    """A session on a simulated board."""

    def __init__(self, board: SimulatedBoard, meter: Meter, session: Session) -> None:
        self.board, self.meter, self.session = board, meter, session

    def wait(self, seconds: float) -> None:
        """Lets time pass, as a program that uses a session does."""
        until = self.board.clock.now() + seconds
        while self.board.clock.now() < until:
            self.session.step()
            self.board.clock.sleep_until(self.board.clock.now() + STEP_S)

    def settle(self) -> None:
        """Until nothing is under way."""
        for _ in range(6000):
            self.wait(STEP_S)
            if self.session.state != MOVING:
                self.wait(1.0)  # and the board is there too, and has come on
                return
        raise AssertionError(f"still {self.session.state}: {self.session.notice}")

    def on(self, name: str = "jaw") -> None:
        """Chooses a servo and gives it pulses."""
        self.session.choose(self.session.settings.find(name))
        self.session.power()
        self.settle()
        assert self.session.state == HOLDING

    @property
    def width(self) -> float:
        """The pulse that the chosen servo gets."""
        return float(self.meter.now()[self.session.servo.output])

    def go(self, us: float) -> None:
        """Moves the servo there, key by key."""
        for _ in range(400):
            way = us - self.session.goal_us
            if way == 0:
                break
            self.session.move(min(20.0, max(-20.0, way)))
            self.wait(0.22)
        self.settle()
        assert self.session.at_us == us, self.session.notice


@contextmanager
def rig(profile: Path, **options: object) -> Iterator[Rig]:
    """A session on a board, closed at the end."""
    meter = Meter()
    with SimulatedBoard("auto", virtual=True, head=meter, outputs=range(OUTPUTS), **options) as board:
        session = Session(board, ProfileFile(profile, None))
        session.open()
        made = Rig(board, meter, session)
        yield made
        session.drop()


def own_profile(folder: Path, name: str = "reference_head") -> Path:
    """A copy of a shipped profile, to be changed."""
    path = folder / "my_head.toml"
    shutil.copy(models_dir() / f"{name}.toml", path)
    return path


def relay_class() -> type:
    """The cable that can be pulled, which the link's tests have."""
    path = Path(__file__).parents[1] / "link" / "relay.py"
    spec = importlib.util.spec_from_file_location("link_relay", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Relay
