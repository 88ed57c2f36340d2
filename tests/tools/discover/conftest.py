"""Heads that the tests of discovery share: driven in physics alone, filmed by pictures, seen by real dots."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from liplab.discover.plan import FRAME_S, REST_S, Planner, Take
from liplab.discover.seen import Seen, windows
from liplab.head.bodies import AS_BUILT, WORN, Wear, body_for
from liplab.head.head import Head, HeadHistory
from liplab.head.poses import OTHER_POSES, POSES, pose_targets
from lipwright.face.profile import HeadProfile, load_profile
from lipwright.resources import models_dir

if TYPE_CHECKING:
    from liplab.discover.session import Filmed
    from liplab.discover.simulated_set import SimulatedSet

PROFILES = sorted(models_dir().glob("*.toml"))
HINGE_TO_CHIN_MM = 90.0
CLAPS = 4  # fewer than a discovery has: each is a second of film
LATE_S = 0.085

Physics = Callable[..., Seen]
Filmer = Callable[[Take], "Filmed"]


@pytest.fixture(params=PROFILES, ids=lambda path: path.stem)
def profile(request: pytest.FixtureRequest) -> HeadProfile:
    """Every profile that ships."""
    return load_profile(request.param)


@pytest.fixture(scope="session")
def reference() -> HeadProfile:
    """The reference head's profile."""
    return load_profile()


@pytest.fixture(scope="session")
def six_servos() -> HeadProfile:
    """The profile of the mouth of six servos."""
    return load_profile(models_dir() / "six_servo_mouth.toml")


@pytest.fixture(scope="session")
def skull() -> HeadProfile:
    """The profile of the head that has a jaw only."""
    return load_profile(models_dir() / "jaw_skull.toml")


@pytest.fixture(scope="session")
def poses(reference: HeadProfile) -> np.ndarray:
    """Mouths (m, channels) of the reference head."""
    return np.array([pose_targets(pose, reference) for pose in (POSES | OTHER_POSES).values()])


@pytest.fixture(scope="session")
def physics() -> Physics:
    """Performs a take on a head without firmware; what perfect eyes see of it, from the front or turned.

    Its chin is where the jaw puts it.
    """

    histories: dict[tuple[object, ...], HeadHistory] = {}

    def performed(profile: HeadProfile, take: Take, wear: Wear) -> HeadHistory:
        key = (profile.path, take.targets.tobytes(), repr(wear))
        if key not in histories:
            head = Head(body=body_for(profile), wear=wear)
            for number, row in enumerate(take.targets):
                head.set_pulses(profile.pulses_us(row), number * FRAME_S)
            head.advance(take.seconds)
            histories.clear()  # views of one take follow each other
            histories[key] = head.history
        return histories[key]

    def perform(profile: HeadProfile, take: Take, wear: Wear = AS_BUILT, yaw_rad: float = 0.0) -> Seen:
        history = performed(profile, take, wear)
        jaw = np.deg2rad(history.articulation_mm[:, 3])
        chin = np.stack([0 * jaw, 0 * jaw, -HINGE_TO_CHIN_MM * np.sin(jaw)], axis=-1)
        points = np.concatenate([history.lips_mm * np.array([1, -1, 1]), chin[:, None]], axis=1)
        still = (history.times_s > REST_S / 2) & (history.times_s < REST_S)
        points = points - points[still].mean(axis=0)
        across = np.cos(yaw_rad) * points[..., 0] - np.sin(yaw_rad) * points[..., 1]
        seen = np.stack([across, points[..., 2]], axis=-1).astype(np.float32)
        commands = windows(take.targets[:, profile.indices("mouth")], history.times_s)
        later = history.times_s > REST_S / 2  # before that the servos find their places
        return Seen(commands[later], seen[later], np.zeros(int(later.sum()), np.int64), yaw_rad)

    return perform


@pytest.fixture(scope="session")
def worn_set(reference: HeadProfile) -> Iterator[SimulatedSet]:
    """The reference head after a bad year, with painted dots, before the simulated camera."""
    pytest.importorskip("cv2")
    from liplab.discover.simulated_set import SimulatedSet

    stage = SimulatedSet(reference, "dots", WORN)
    yield stage
    stage.close()


@pytest.fixture(scope="session")
def worn_film(worn_set: SimulatedSet, reference: HeadProfile) -> dict[str, Filmed]:
    """Claps and motors of the worn head, before a camera that is later than the set's own."""
    from liplab.discover import plan, simulated_set

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "CLAPS", CLAPS)
        patch.setattr(simulated_set, "CAMERA_DELAY_S", LATE_S)
        planner = Planner(reference, None, 1)
        worn_set.shoot(planner.claps(), "front")
        worn_set.shoot(planner.motors(), "front")
    return dict(zip(("claps", "motors"), worn_set.finished(wait=True), strict=True))


@pytest.fixture(scope="session")
def late_s() -> float:
    """How late the camera before the worn head is."""
    return LATE_S


@pytest.fixture
def own_profile(tmp_path: Path) -> Callable[[str], Path]:
    """Copies a profile that ships, as a maker has it."""

    def copy(name: str) -> Path:
        path = tmp_path / "my" / "otto.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text((models_dir() / name).read_text(encoding="utf-8"), encoding="utf-8")
        return path

    return copy
