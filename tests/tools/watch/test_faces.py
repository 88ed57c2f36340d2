"""Faces are followed from picture to picture, and pictures that are of no use say why."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from liplab.eyes.mesh import MeshTracker
from liplab.watch.faces import COVERED, EDGE, MOST_FACES, SMALL, TURNED, FaceFollower

HZ = 25


@pytest.fixture(scope="module")
def mesh() -> Iterator[MeshTracker]:
    tracker = MeshTracker(MOST_FACES)
    yield tracker
    tracker.close()


def follow(mesh: MeshTracker, pictures: np.ndarray | list[np.ndarray]) -> FaceFollower:
    follower = FaceFollower(mesh)
    for number, picture in enumerate(pictures):
        follower.look(number / HZ, picture)
    return follower


def test_one_face_is_one_face_and_of_use(mesh: MeshTracker, talking: list[np.ndarray]) -> None:
    follower = follow(mesh, talking[0][:30])
    assert len(follower.faces) == 1 and follower.cuts == 0
    assert not any(follower.faces[0].reasons())


def test_two_faces_side_by_side_stay_apart(mesh: MeshTracker, talking: list[np.ndarray]) -> None:
    pictures = np.concatenate([talking[0][:20], talking[1][:20]], axis=2)
    faces = follow(mesh, pictures).faces
    assert [len(face.looks) for face in faces] == [20, 20]
    places = sorted(np.mean([look.place[0] for look in face.looks]) for face in faces)
    assert places[0] < pictures.shape[2] / 2 < places[1]


def test_a_cut_ends_a_face(mesh: MeshTracker, talking: list[np.ndarray]) -> None:
    other = 255 - talking[0][12:20, :, ::-1] // 2  # the same face, mirrored, in another light
    follower = follow(mesh, [*talking[0][:12], *other])
    assert follower.cuts == 1
    assert len(follower.faces[0].looks) == 12


def test_a_hand_before_the_mouth_is_seen(mesh: MeshTracker, talking: list[np.ndarray]) -> None:
    pictures = talking[0][:45].copy()
    look = follow(mesh, pictures[:1]).faces[0].looks[0]
    x, y = look.sight.lips.mean(axis=0).round().astype(int)
    reach = int(np.hypot(*(look.sight.anchors[1] - look.sight.anchors[0])) * 0.5)
    for picture in pictures[20:30]:
        picture[y - reach // 2 : y + reach, x - reach : x + reach] = (120, 90, 70)
    reasons = follow(mesh, pictures).faces[0].reasons()
    assert reasons[20:30] == [COVERED] * 10
    assert not any(reasons[:19] + reasons[32:])


def test_what_is_wrong_with_a_face_is_told(mesh: MeshTracker, talking: list[np.ndarray]) -> None:
    picture = talking[0][0]
    tiny = np.full((200, 240, 3), 120, np.uint8)
    tiny[60:140, 60:167] = picture[::3, ::3]
    cut_off = picture[: int(follow(mesh, [picture]).faces[0].looks[0].sight.chin[1]) - 4]
    for reason, shown in ((SMALL, tiny), (EDGE, cut_off)):
        faces = follow(mesh, [shown] * 3).faces
        assert faces and faces[0].reasons() == [reason] * len(faces[0].looks)


def test_a_turned_head_is_told() -> None:
    from liplab.head.head import Head
    from liplab.head.render import HeadRenderer

    joints = Head().history.joints[:1].copy()
    with HeadRenderer((480, 360)) as renderer:
        shown = {}
        for yaw in (0, 40):
            turned = joints[0].copy()
            turned[0] += np.deg2rad(yaw)  # the neck's yaw is the first joint
            shown[yaw] = renderer.draw(turned, "front")
    mesh = MeshTracker(MOST_FACES)
    try:
        reasons = {yaw: follow(mesh, [picture] * 3).faces[0].reasons()[-1] for yaw, picture in shown.items()}
    finally:
        mesh.close()
    assert reasons == {0: "", 40: TURNED}
