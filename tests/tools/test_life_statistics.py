"""Ten minutes of every mood: blinks and gaze lie within what people do, for any face."""

import json
import subprocess
import sys

import numpy as np
import pytest

from liplab.life_statistics import STEP_S, blink_times, live, outside, saccades, spoken_poses, statistics
from lipwright.face.manners import MANNERS
from lipwright.face.profile import load_profile

MINUTES = 10


@pytest.fixture(scope="module")
def poses():
    return spoken_poses(load_profile())


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("mood", MANNERS)
def test_blinks_and_gaze_of_ten_minutes_lie_within_human_ranges(mood, seed, poses):
    lived = live(load_profile(), mood, 60 * MINUTES, seed, poses)
    figures = statistics(lived)
    assert outside(mood, figures) == []
    # People's intervals are irregular, with many short and few long ones (log-normal), never mechanical.
    assert 0.4 < figures["blink_interval_log_sd"] < 0.9
    assert figures["blink_interval_s_median"] < figures["blink_interval_s_mean"]
    # Calm: no blink stays shut, and the head stays where it is.
    assert figures["blink_ms_most"] <= 400
    assert figures["head_deg_rms"] < 4


def test_the_measures_find_what_is_put_in():
    profile = load_profile()
    lived = live(profile, "idle", 20.0, 1)
    targets = np.tile(profile.rest_targets(), (1000, 1))
    lid = profile.index("lid_left_upper")
    targets[200:205, lid] = np.linspace(targets[0, lid], 1.0, 5)  # 80 ms down, 40 ms shut, 160 ms up
    targets[205:207, lid] = 1.0
    targets[207:216, lid] = np.linspace(1.0, targets[0, lid], 9)
    gaze = np.zeros((1000, 2))
    gaze[300:, 0] = 5.0
    gaze[600:603, 0], gaze[603:, 0] = (5.0, 11.0, 15.0), 15.0
    assert blink_times(lived.__class__("idle", profile, targets, gaze)) == [(200, 204, 207, 215)]
    found = saccades(gaze)
    assert [(first, end) for first, end, _ in found] == [(299, 300), (600, 602)]
    assert [size for _, _, size in found] == pytest.approx([5.0, 10.0])
    assert STEP_S == 0.02


def test_figures_outside_of_the_ranges_are_named():
    figures = statistics(live(load_profile(), "listening", 60.0, 1)) | {"blinks_per_minute": 40.0}
    (told,) = [line for line in outside("listening", figures) if "blinks_per_minute" in line]
    assert told == "listening: blinks_per_minute is 40, not 8 to 21 (Doughty 2001, silence)"


def test_the_command_writes_figures_and_a_picture(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "liplab", "life", "--minutes", "1", "--json", "-"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert list(report) == list(MANNERS)
    assert 3 <= report["idle"]["blinks_per_minute"] <= 35
    assert (tmp_path / "life.png").stat().st_size > 30_000
