"""Real speech through the real firmware: smooth, and where the frames want it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from wired_board import Board

from lipwright.audio.decode import open_sound
from lipwright.face.model import FaceModel
from lipwright.face.profile import load_profile
from lipwright.link.frames import board_profile, positions_of
from lipwright.lips.model import LipModel
from lipwright.performance import Performer, poses_of

CLIPS = Path(__file__).parents[1] / "data"
PROFILE = load_profile()
AHEAD = 6  # frames, 120 ms
STAGES_TICKS = 330  # five groups of servos come on


@pytest.fixture(scope="module", params=["grid_bbaf2n", "grid_brbk7n", "grid_lbax4n"])
def spoken(request: pytest.FixtureRequest) -> np.ndarray:
    """Frames (n, 26) of 0..4095, fifty a second, as `lipwright say` makes them of a recording."""
    performer = Performer(LipModel.load(), FaceModel.load(PROFILE), PROFILE)
    sound = open_sound(CLIPS / f"{request.param}.flac")
    poses = list(poses_of(sound, performer, lambda heard_s: None))
    return np.array([positions_of(pose.targets) for pose in poses])


@pytest.fixture
def played(micropython_device: Any, spoken: np.ndarray) -> np.ndarray:
    """What the servos are told, of 0..1, at every tick from the first frame's time to the last's."""
    (micropython_device.flash / "profile.bin").unlink(missing_ok=True)
    board = Board(micropython_device)
    board.connect(board_profile(PROFILE), ticks=STAGES_TICKS)
    board.frame(board.now_ms + 200, spoken[0].tolist())
    board.run(30)
    start = board.now_ms + 20 * AHEAD
    told = []
    for number, frame in enumerate(spoken):
        board.frame(start + 20 * number, frame.tolist())
        told += board.run(2)
    told += board.run(2 * AHEAD)
    return np.array([out for _, _, out, _ in told])[2 * AHEAD - 1 :] / 65535


def jerk(track: np.ndarray) -> float:
    """Root mean square of the third difference."""
    return float(np.sqrt(np.mean(np.diff(track, 3, axis=0) ** 2)))


def test_speech_has_a_quarter_of_the_jerk_of_held_frames(spoken: np.ndarray, played: np.ndarray) -> None:
    mouth = PROFILE.indices("mouth")
    held = np.repeat(spoken, 2, axis=0)[:, mouth] / 4095
    assert jerk(played[: len(held), mouth]) < jerk(held) / 4


def test_speech_passes_its_frames_to_one_percent_of_the_range(spoken: np.ndarray, played: np.ndarray) -> None:
    mouth = PROFILE.indices("mouth")
    there = played[: 2 * len(spoken) : 2, mouth]
    apart = there - spoken[: len(there), mouth] / 4095
    assert np.sqrt(np.mean(apart**2)) < 0.01
