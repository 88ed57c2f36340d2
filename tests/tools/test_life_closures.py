"""An expression never opens a closure: the shipped sentence on the simulated head, after the actuator."""

import numpy as np
import pytest

from liplab.life_closures import closure_figures, script, speak, with_life
from liplab.scores import closure_windows
from lipwright import resources
from lipwright.errors import LipwrightError
from lipwright.face import life
from lipwright.face.mouth_gate import Free
from lipwright.face.profile import load_profile

WIDE_OPEN = ("smile", "surprise")  # those that move the lips most


@pytest.fixture(scope="module")
def said():
    return script([resources.shipped_clip()], load_profile())


@pytest.fixture(scope="module")
def plain(said):
    return speak(np.array([pose.targets for pose in said.poses]), said, load_profile())


def spoken(said, plain, expression):
    profile = load_profile()
    lips = speak(with_life(said.poses, profile, expression, seed=1), said, profile)
    return closure_figures(lips, plain, said.phones)


def closest_mm(lips, phones):
    """How near the lips come in each closure: a rate of twelve would jump where one lies at the limit."""
    windows = closure_windows(phones)
    return np.array([lips.aperture_mm[(lips.times_s >= a) & (lips.times_s <= b)].min() for a, b in windows])


@pytest.mark.parametrize("expression", WIDE_OPEN)
def test_closures_are_as_good_with_an_expression_as_without(said, plain, expression):
    profile = load_profile()
    lips = speak(with_life(said.poses, profile, expression, seed=1), said, profile)
    without, worn = closest_mm(plain, said.phones), closest_mm(lips, said.phones)
    assert len(without) >= 7
    assert np.all(worn <= without + 0.05)
    assert closure_figures(lips, plain, said.phones)["aperture_r"] > 0.95


def test_a_smile_is_seen_while_it_speaks(said, plain):
    assert spoken(said, plain, "smile")["width_mm_wider"] > 2.0


def test_without_the_gate_surprise_would_open_closures(said, plain, monkeypatch):
    monkeypatch.setattr(life.MouthGate, "step", lambda *_: Free(1.0, 1.0))
    assert spoken(said, plain, "surprise")["closure_rate"] < 0.5


def test_a_clip_whose_words_nobody_knows_is_refused(tmp_path):
    clip = tmp_path / "song.wav"
    clip.write_bytes((resources.models_dir().parent / "tests/data/grid_bbaf2n.flac").read_bytes())
    with pytest.raises(LipwrightError, match="Nothing tells what"):
        script([clip], load_profile())
