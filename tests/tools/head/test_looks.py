"""Pictures of the head show a face, and lips where the nodes are."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest
from PIL import Image

from liplab.cli import main
from liplab.head.geometry import LOWER_MIDDLE, UPPER_MIDDLE
from liplab.head.head import Head
from liplab.head.looks import visible_mjcf
from liplab.head.poses import POSES, pose_pulses
from liplab.head.render import HeadRenderer
from liplab.head.skin import build_skin
from lipwright.errors import LipwrightError

SIZE = 240
# Camera "mouth": 0.42 m ahead of the head's middle, 12 degrees high, looking at z = -62 mm.
CAMERA_Y_MM, CAMERA_Z_MM, FIELD_DEG = -420.0, -62.0, 12.0


def row_of(point_mm: np.ndarray) -> float:
    """Image row of a point of the head's frame in the view "mouth"."""
    distance = point_mm[1] - CAMERA_Y_MM
    height = 2 * distance * np.tan(np.deg2rad(FIELD_DEG / 2))
    return float((0.5 - (point_mm[2] - CAMERA_Z_MM) / height) * SIZE)


@pytest.fixture(scope="module")
def pictures() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Picture of the mouth and lip nodes of every key pose."""
    shots = {}
    with HeadRenderer((SIZE, SIZE)) as renderer:
        for name, pose in POSES.items():
            head = Head()
            head.set_pulses(pose_pulses(pose), 0.0)
            head.advance(0.8)
            shots[name] = renderer.draw(head.snapshot().joints, "mouth"), head.lips_mm()
    return shots


def redness(picture: np.ndarray) -> np.ndarray:
    """Red over green: about 2 for the red of the lips, 1.4 for skin."""
    colours = picture.astype(float)
    return colours[..., 0] / np.maximum(colours[..., 1], 1.0)


def test_lips_are_red_where_their_nodes_are(pictures: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    for name in ("neutral", "ah", "ee"):
        picture, lips = pictures[name]
        red = redness(picture)[:, SIZE // 2 - 4 : SIZE // 2 + 4].mean(1)
        for node in (UPPER_MIDDLE, LOWER_MIDDLE):
            row = round(row_of(lips[node]))
            assert red[row - 3 : row + 4].max() > 1.7, (name, node)
        assert red[round(row_of(lips[UPPER_MIDDLE])) - 32] < 1.6  # skin above the lip is no lip


def test_an_open_mouth_is_dark_inside_and_a_closed_one_is_not(
    pictures: dict[str, tuple[np.ndarray, np.ndarray]],
) -> None:
    def dark(name: str) -> float:
        return float((pictures[name][0].mean(2) < 40).mean())

    assert dark("ah") > 0.03
    for closed in ("neutral", "mm"):
        assert dark(closed) < 0.012


def test_no_white_shows_when_the_lips_are_pressed(
    pictures: dict[str, tuple[np.ndarray, np.ndarray]],
) -> None:
    def white(name: str) -> int:
        colours = pictures[name][0].astype(int)
        return int(((colours.min(2) > 150) & (np.ptp(colours, axis=2) < 35)).sum())

    assert white("mm") == 0
    assert white("ee") > 100  # teeth


def test_every_view_shows_something(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    assert main(["head", "-o", str(sheet), "--size", "64", "--pose", "ah"]) == 0
    pixels = np.asarray(Image.open(sheet))
    assert pixels.shape[1] == 64 and pixels.std() > 20
    assert "ah" in capsys.readouterr().out


def test_an_unknown_view_is_refused_in_a_sentence() -> None:
    with HeadRenderer((32, 32)) as renderer, pytest.raises(LipwrightError, match="three_quarter"):
        renderer.draw(Head().snapshot().joints, "behind")


def test_written_model_opens_in_mujoco(tmp_path: Path) -> None:
    path = tmp_path / "head.xml"
    assert main(["head", "--mjcf", str(path)]) == 0
    assert mujoco.MjModel.from_xml_path(str(path)).nu == 26


def test_looks_do_not_change_the_physics() -> None:
    from liplab.head.mjcf import head_mjcf

    xml, files = visible_mjcf()
    seen = mujoco.MjModel.from_xml_string(xml, files)
    plain = mujoco.MjModel.from_xml_string(head_mjcf())
    assert seen.nq == plain.nq
    assert [seen.joint(i).name for i in range(seen.njnt)] == [plain.joint(i).name for i in range(plain.njnt)]
    assert np.array_equal(seen.body_mass, plain.body_mass)


def test_weights_of_the_skin_sum_to_one_and_follow_both_sides_alike() -> None:
    skin = build_skin()
    assert np.allclose(skin.weights.sum(1), 1)
    assert np.isfinite(skin.vertices).all()
    assert skin.faces.max() < len(skin.vertices)
    x = skin.vertices[:, 0]
    assert abs(skin.weights[x > 0.001].sum(0)[0] - skin.weights[x < -0.001].sum(0)[0]) < 0.03 * len(x)
