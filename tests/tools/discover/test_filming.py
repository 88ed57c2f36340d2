"""Takes are filmed in real time by a camera on the network, and nothing is lost when it goes."""

from __future__ import annotations

import contextlib
import importlib.util
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liplab.board import SimulatedBoard
from liplab.discover.filming import LIPS_RGB, PICTURES, RealSet, drawn, kept_pictures
from liplab.discover.plan import FRAME_S, REST_S, Take
from liplab.discover.session import FRONT, Session
from liplab.eyes.sight import TOO_DARK, Missed, Sight
from liplab.head.head import Head
from lipwright.boards import SerialBoard
from lipwright.clock import RealClock
from lipwright.errors import LipwrightError
from lipwright.face.profile import HeadProfile

cv2 = pytest.importorskip("cv2")

LEAST_HZ = 4.0  # of pictures, on a machine that has other things to do
LATEST_S = 0.8  # that a picture may come after its moment there


def film_server(head: Head) -> Any:
    path = Path(__file__).with_name("film_server.py")
    spec = importlib.util.spec_from_file_location("film_server", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FilmServer(head)


@dataclass
class Studio:
    """A head on a board in real time, a camera on the network before it, and what was shown to a viewer."""

    stage: RealSet
    server: Any
    shown: list[tuple[str, Sight | Missed]] = field(default_factory=list)


@contextlib.contextmanager
def studio_of(profile: HeadProfile) -> Iterator[Studio]:
    from liplab.eyes.camera import open_camera
    from liplab.eyes.find import open_tracker

    head = Head()
    shown: list[tuple[str, Sight | Missed]] = []
    server = film_server(head)
    camera = open_camera(server.address, RealClock())
    tracker = open_tracker("dots", [])
    # The board comes last: without power the head hangs down, and is slow to come up again.
    with SimulatedBoard(head=head) as simulated:
        stage = RealSet(
            SerialBoard(simulated.port),
            profile,
            {FRONT: camera},
            {FRONT: tracker},
            lambda view, sight, _: shown.append((view, sight)),
        )
        yield Studio(stage, server, shown)
        stage.close()
        server.close()


@pytest.fixture
def studio(reference: HeadProfile) -> Iterator[Studio]:
    with studio_of(reference) as one:
        yield one


def jaw_take(profile: HeadProfile, seconds: float) -> Take:
    """The jaw opens and shuts, slowly."""
    targets = np.tile(profile.rest_targets(), (round(seconds / FRAME_S), 1))
    times = np.arange(len(targets)) * FRAME_S
    moving = np.clip((times - REST_S) / (seconds - REST_S - 0.3), 0, 1)
    targets[:, profile.index("jaw")] = 0.8 * np.sin(np.pi * moving) ** 2
    return Take("babble", targets)


def test_lips_are_filmed_as_they_follow_the_jaw_and_a_camera_that_goes_loses_no_take(
    studio: Studio, reference: HeadProfile, tmp_path: Path
) -> None:
    take = jaw_take(reference, 4.0)
    studio.stage.shoot(take, FRONT)
    filmed = list(studio.stage.finished(wait=True))
    assert len(filmed) == 1 and not list(studio.stage.finished(wait=True))
    footage = filmed[0].views[FRONT]
    assert len(footage.times_s) > LEAST_HZ * take.seconds
    assert np.diff(footage.times_s).min() >= 0 and footage.times_s[0] >= 0
    assert footage.found.mean() > 0.8
    assert 1 <= len(footage.pictures) <= PICTURES
    assert len(studio.shown) >= len(footage.sights) and {view for view, _ in studio.shown} == {FRONT}

    seen = [(t, s) for t, s in zip(footage.times_s, footage.sights, strict=True) if isinstance(s, Sight)]
    times = np.array([t for t, _ in seen])
    gap = np.array([(s.lips[11:20, 1] - s.lips[1:10, 1]).max() for _, s in seen])
    jaw = take.targets[:, reference.index("jaw")]
    commanded = [
        np.interp(times - late, np.arange(len(jaw)) * FRAME_S, jaw) for late in np.arange(0, LATEST_S, 0.02)
    ]
    assert max(np.corrcoef(gap, asked)[0, 1] for asked in commanded) > 0.9
    assert np.ptp(gap) > 8  # pixels

    session = Session(tmp_path, reference, {"eyes": "dots"})
    session.save(filmed[0])
    # The head is still held: the next take begins at once. In the middle of it the camera goes off.
    going = threading.Timer(1.5, studio.server.close)
    going.start()
    with pytest.raises(
        LipwrightError, match=r"http://127\.0\.0\.1.* gives no more pictures; look that it is on"
    ):
        studio.stage.shoot(jaw_take(reference, 2.5), FRONT)
    going.join()
    assert not list(studio.stage.finished(wait=True))
    with pytest.raises(LipwrightError, match="gives no more pictures"):
        studio.stage.shoot(jaw_take(reference, 2.5), FRONT)
    again = Session(tmp_path, reference, {"eyes": "dots"})
    assert again.count == 1
    assert np.array_equal(again.load()[0].take.targets, take.targets)
    assert len(again.load()[0].views[FRONT].sights) == len(footage.sights)

    # With the camera on again, the session goes on.
    with studio_of(reference) as anew:
        anew.stage.shoot(jaw_take(reference, 2.5), FRONT)
        again.save(*anew.stage.finished(wait=True))
    assert Session(tmp_path, reference, {"eyes": "dots"}).count == 2


def test_a_take_that_a_frozen_camera_did_not_see_to_its_end_is_not_taken(
    studio: Studio, reference: HeadProfile
) -> None:
    going = threading.Timer(2.0, studio.server.freeze)
    going.start()
    with pytest.raises(LipwrightError, match=r"http://127\.0\.0\.1.* (gave|gives) no more pictures"):
        studio.stage.shoot(jaw_take(reference, 4.0), FRONT)
    going.join()
    assert not list(studio.stage.finished(wait=True))


def test_pictures_are_kept_from_all_over_a_take_or_of_the_moments_to_be_shown() -> None:
    times = np.arange(0, 10, 0.1)
    take = Take("babble", np.zeros((500, 1), np.float32))
    kept = kept_pictures(times, take)
    assert len(kept) == PICTURES and kept[0] == 0 and kept[-1] == len(times) - 1
    assert kept == sorted(set(kept))
    assert kept_pictures(times[:2], take) == [0, 1]
    shown = Take("poses", take.targets, shown_s=(3.04, 0.52, 99.0))
    assert kept_pictures(times, shown) == [30, 5, 99]


def test_what_was_found_is_drawn_into_a_copy() -> None:
    picture = np.zeros((60, 80, 3), np.uint8)
    points = np.stack([np.linspace(5, 70, 20), np.full(20, 30.0)], axis=1)
    sight = Sight(points, np.array([40.0, 55.0]), np.array([[0.0, 0.0], [79.0, 0.0], [200.0, 90.0]]))
    marked = drawn(picture, sight)
    assert not picture.any()
    assert all((marked[30, round(x)] == LIPS_RGB).all() for x in points[:, 0])
    assert marked[55, 40].any() and marked[0, 0].any() and not marked[45].any()
    assert drawn(picture, Missed(TOO_DARK)) is picture
