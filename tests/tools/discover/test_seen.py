"""From films to commands and points: what was asked up to a picture's moment, and how far points went."""

from __future__ import annotations

import numpy as np
import pytest

from liplab.discover.plan import FRAME_S, REST_S, Take
from liplab.discover.seen import SELF_COMMANDS, front_frame, gather, rest_sights, tracks, windows
from liplab.discover.session import FRONT, SECOND, Filmed, Footage
from liplab.eyes.sight import TOO_DARK, Missed, Sight
from lipwright.errors import LipwrightError

EYES_MM, PIXELS_A_MM = 60.0, 2.0
HZ = 30


def sight(moved_mm: np.ndarray, nudge: tuple[float, float] = (0.0, 0.0), size: float = 1.0) -> Sight:
    """A face whose points (21, 2) moved so far, mm to its left and up; camera nudged or nearer."""
    half = 25 * np.cos(np.linspace(np.pi, 0, 11))
    lips = np.concatenate([np.stack([half, 0 * half], 1), np.stack([half[1:10], 0 * half[1:10]], 1)])
    points = np.concatenate([lips, [[0.0, -40.0]]]) + moved_mm
    anchors = np.array([[-EYES_MM / 2, 60.0], [EYES_MM / 2, 60.0], [0.0, 70.0]])

    def pixels(mm: np.ndarray) -> np.ndarray:
        return size * PIXELS_A_MM * mm * [1, -1] + [160, 200] + np.array(nudge)

    seen = pixels(points)
    return Sight(seen[:20], seen[20], pixels(anchors))


def film(moved: np.ndarray, still_s: float = 0.0, view: str = FRONT, **how: object) -> Filmed:
    """A take of 3 s whose points go `moved` (21, 2) after REST_S of rest."""
    times = np.arange(1, 3 * HZ) / HZ
    sights: list[Sight | Missed] = [
        sight(moved * max(0.0, time - still_s - REST_S), **how)  # type: ignore[arg-type]
        for time in times
    ]
    sights[50] = Missed(TOO_DARK)
    targets = np.linspace(0, 1, round(3 / FRAME_S)).astype(np.float32)[:, None].repeat(2, 1)
    return Filmed(Take("babble", targets, still_s), {view: Footage(times, tuple(sights))})


MOVED = np.random.default_rng(1).normal(0, 2, (21, 2))


def test_commands_of_a_moment_are_those_of_the_last_tenth_of_a_second_newest_last() -> None:
    targets = np.arange(100, dtype=np.float32)[:, None] * [1, 10]
    found = windows(targets.astype(np.float32), np.array([0.5, 0.51]))
    assert found.shape == (2, SELF_COMMANDS, 2)
    assert found[0, :, 0] == pytest.approx(25 - np.arange(SELF_COMMANDS)[::-1])
    assert found[1, :, 1] == pytest.approx(10 * (25.5 - np.arange(SELF_COMMANDS)[::-1]))


def test_points_are_measured_in_millimetres_from_their_own_rest() -> None:
    one = film(MOVED)
    times, points, yaw = tracks(one, FRONT, front_frame([one], EYES_MM), EYES_MM)
    assert yaw == 0 and len(times) == len(one.views[FRONT].times_s) - 1  # the miss is left out
    late = times > REST_S
    assert points[late] == pytest.approx(MOVED * (times[late] - REST_S)[:, None, None], abs=0.02)
    assert np.abs(points[times < REST_S]).max() < 0.02


def test_a_camera_that_was_nudged_or_came_nearer_between_takes_does_no_harm() -> None:
    first, second = film(MOVED), film(MOVED, nudge=(9, -4), size=1.2)
    frame = front_frame([first, second], EYES_MM)
    for one in (first, second):
        times, points, _ = tracks(one, FRONT, frame, EYES_MM)
        assert points[-1] == pytest.approx(MOVED * (times[-1] - REST_S), abs=0.02)


def test_the_way_of_the_neck_is_left_out() -> None:
    one = film(MOVED, still_s=0.4)
    times = tracks(one, FRONT, front_frame([one], EYES_MM), EYES_MM)[0]
    assert times.min() >= 0.4 and times.max() <= 3 - 0.4


def test_commands_are_those_of_the_time_of_exposure() -> None:
    one = film(MOVED)
    mouth, frame = np.array([0]), front_frame([one], EYES_MM)
    prompt, late = (gather([one], FRONT, frame, EYES_MM, mouth, delay) for delay in (0.0, 0.06))
    assert prompt is not None and late is not None
    assert prompt.commands.shape[1:] == (SELF_COMMANDS, 1)
    moving = slice(20, 80)
    fallen = (prompt.commands - late.commands)[moving, :, 0]
    assert fallen == pytest.approx(0.06 / FRAME_S / (len(one.take.targets) - 1), abs=1e-4)


def test_views_are_gathered_apart_and_takes_numbered() -> None:
    films = [film(MOVED), film(MOVED, view=SECOND), film(0 * MOVED)]
    frame = front_frame(films, EYES_MM)
    front = gather(films, FRONT, frame, EYES_MM, np.array([0, 1]), 0.0)
    assert front is not None and set(front.take) == {0, 2}
    assert len(front.points) == len(front.commands) == len(front.take)
    second = gather(films, SECOND, frame, EYES_MM, np.array([0, 1]), 0.0)
    assert second is not None and set(second.take) == {1}
    assert gather(films[:1], SECOND, frame, EYES_MM, np.array([0]), 0.0) is None


def test_a_face_that_was_not_seen_at_rest_is_told() -> None:
    one = film(MOVED)
    footage = one.views[FRONT]
    dark = tuple(
        Missed(TOO_DARK) if time < REST_S else seen
        for time, seen in zip(footage.times_s, footage.sights, strict=True)
    )
    with pytest.raises(LipwrightError, match=r"not seen at rest.*light"):
        rest_sights(one.take, Footage(footage.times_s, dark))


def test_without_a_front_view_there_is_nothing_to_measure_by() -> None:
    with pytest.raises(LipwrightError, match="from the front"):
        front_frame([film(MOVED, view=SECOND)], EYES_MM)
