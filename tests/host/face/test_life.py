"""What holds of the life layer on any head, in any mood, whatever expression it wears."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from lipwright.errors import LipwrightError
from lipwright.face.expressions import EXPRESSIONS
from lipwright.face.life import Life
from lipwright.face.manners import MANNERS
from lipwright.face.profile import load_profile
from lipwright.face.prosody import SILENCE, Prosody
from lipwright.resources import models_dir

HEADS = ("reference_head", "six_servo_mouth", "jaw_skull")
STEP_S = 0.02
CLOSED = np.zeros(5, np.float32)
VOWEL = np.array([0.6, 0.1, 0.05, 0.4, 0.0], np.float32)
LOUD = Prosody(speech=True, loudness=0.8, pitch_hz=150.0, accent=0.0)


def head(name="reference_head"):
    return load_profile(models_dir() / f"{name}.toml")


def lived(life, profile, seconds, prosody=SILENCE, articulation=CLOSED, since=0.0):
    """Targets (n, channels) of a head that says nothing for so long."""
    steps = range(round(seconds / STEP_S))
    rest = profile.rest_targets()
    return np.array([life.step(since + n * STEP_S, prosody, rest, articulation) for n in steps])


def eventful(profile, seed, seconds=60.0):
    """Targets (n, channels) of a head whose mood and expression change every few seconds."""
    life = Life(profile, seed)
    moods, faces = itertools.cycle(MANNERS), itertools.cycle(EXPRESSIONS)
    rows = []
    for part in range(round(seconds / 1.7)):
        life.mood = next(moods)
        life.express(next(faces), duration_s=math.inf)
        rows.append(lived(life, profile, 1.7, since=1.7 * part))
    return np.concatenate(rows)


def column(profile, targets, name):
    return targets[:, profile.index(name)].astype(np.float64)


@pytest.fixture(scope="module", params=HEADS)
def any_head(request):
    profile = head(request.param)
    return profile, eventful(profile, seed=7)


def test_targets_stay_within_the_range(any_head):
    profile, targets = any_head
    assert targets.dtype == np.float32 and targets.shape[1] == len(profile.channels)
    assert targets.min() >= 0.0 and targets.max() <= 1.0


def test_no_channel_is_faster_than_its_servo(any_head):
    profile, targets = any_head
    speeds = np.abs(np.diff(targets.astype(np.float64), axis=0)).max(axis=0) / STEP_S
    assert (speeds <= np.array([channel.speed for channel in profile.channels]) * 1.001).all()


def test_nothing_collides(any_head):
    profile, targets = any_head
    for pair in profile.collisions:
        assert (targets[:, list(pair.channels)] @ np.array(pair.weights)).max() <= pair.most + 1e-3


def test_slow_servos_keep_their_speed_and_acceleration():
    profile = head()
    slow = replace(
        profile,
        channels=tuple(replace(channel, speed=1.5, acceleration=8.0) for channel in profile.channels),
    )
    targets = eventful(slow, seed=3, seconds=30.0).astype(np.float64)
    upper = [n for n, channel in enumerate(slow.channels) if channel.group != "mouth"]
    speed = np.diff(targets[:, upper], axis=0) / STEP_S
    assert np.abs(speed).max() <= 1.5 * 1.001
    lids = [n for n, place in enumerate(upper) if slow.channels[place].group != "lids"]
    # Lids that would meet wait at once; all else brakes.
    assert np.abs(np.diff(speed[:, lids], axis=0)).max() / STEP_S <= 8.0 * 1.02


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("seed", [1, 2])
def test_lids_meet_and_never_cross(side, seed):
    profile = head()
    targets = eventful(profile, seed)
    upper, lower = (profile.index(f"lid_{side}_{lid}") for lid in ("upper", "lower"))

    def way_us(place):
        channel = profile.channels[place]
        return (targets[:, place].astype(np.float64) - channel.rest) * (
            channel.pulse_max_us - channel.pulse_min_us
        )

    channel = profile.channels[upper]
    open_us = (1 - channel.rest) * (channel.pulse_max_us - channel.pulse_min_us)
    gap = open_us - way_us(upper) - way_us(lower)
    assert gap.min() >= -0.5
    assert gap.min() <= 0.02 * open_us, "they never met"


def test_a_collision_of_lids_in_the_profile_is_the_one_that_counts():
    profile = head()
    upper, lower = profile.index("lid_left_upper"), profile.index("lid_left_lower")
    pair = replace(profile.collisions[0], channels=(upper, lower), weights=(1.0, 1.0), most=1.1)
    targets = eventful(replace(profile, collisions=(*profile.collisions, pair)), seed=1)
    assert (targets[:, upper] + targets[:, lower]).max() <= 1.1 + 1e-3


def test_the_same_seed_makes_the_same_motion_and_another_one_does_not():
    profile = head()
    assert np.array_equal(eventful(profile, 5, 20.0), eventful(profile, 5, 20.0))
    assert not np.array_equal(eventful(profile, 5, 20.0), eventful(profile, 6, 20.0))


@pytest.mark.parametrize("name", HEADS)
def test_switched_off_it_changes_nothing(name):
    profile = head(name)
    life = Life(profile, 1)
    life.enabled = False
    life.express("surprise")
    poses = np.random.default_rng(0).uniform(0, 1, (200, len(profile.channels))).astype(np.float32)
    done = np.array([life.step(n * STEP_S, LOUD, pose, VOWEL) for n, pose in enumerate(poses)])
    assert np.array_equal(done, poses)


def test_switched_on_again_it_goes_on_from_the_pose():
    profile = head()
    life = Life(profile, 1)
    lived(life, profile, 3.0)
    life.enabled = False
    rest = profile.rest_targets()
    life.step(3.0, SILENCE, rest, CLOSED)
    life.enabled = True
    after = life.step(3.02, SILENCE, rest, CLOSED).astype(np.float64)
    assert (np.abs(after - rest) <= [channel.speed * STEP_S * 1.001 for channel in profile.channels]).all()


@pytest.mark.parametrize("name", ["six_servo_mouth", "jaw_skull"])
@pytest.mark.parametrize("mood", MANNERS)
def test_a_head_without_eyes_brows_and_neck_has_its_lips_to_itself(name, mood):
    profile = head(name)
    life = Life(profile, 1)
    life.mood = mood
    poses = np.random.default_rng(0).uniform(0.2, 0.8, (300, len(profile.channels))).astype(np.float32)
    done = np.array([life.step(n * STEP_S, LOUD, pose, VOWEL) for n, pose in enumerate(poses)])
    assert np.array_equal(done, poses)


def test_channels_of_other_names_are_left_alone():
    profile = head()
    renamed = replace(
        profile,
        channels=tuple(
            replace(channel, name=f"antenna_{number}") for number, channel in enumerate(profile.channels)
        ),
    )
    targets = eventful(renamed, 1, 10.0)
    assert np.array_equal(targets, np.tile(renamed.rest_targets(), (len(targets), 1)))


def test_speech_keeps_its_lips_while_the_upper_face_lives():
    profile = head()
    life = Life(profile, 2)
    life.mood = "speaking"
    mouth, upper = profile.indices("mouth"), np.arange(11, 26)
    poses = np.tile(profile.rest_targets(), (500, 1))
    poses[:, mouth] = np.random.default_rng(0).uniform(0, 1, (500, len(mouth)))
    done = np.array([life.step(n * STEP_S, LOUD, pose, VOWEL) for n, pose in enumerate(poses)])
    assert np.array_equal(done[:, mouth], poses[:, mouth])
    assert np.ptp(done[:, np.setdiff1d(upper, profile.indices("brows"))], axis=0).min() > 0.01


def test_both_eyes_look_and_blink_together():
    profile = head()
    targets = lived(Life(profile, 4), profile, 60.0)
    for axis in ("pan", "tilt"):
        left, right = (column(profile, targets, f"eye_{side}_{axis}") for side in ("left", "right"))
        assert left == pytest.approx(right, abs=1e-6)
    left, right = (column(profile, targets, f"lid_{side}_upper") for side in ("left", "right"))
    assert left == pytest.approx(right, abs=1e-6)
    assert (left > 0.95).any()


def test_upper_lids_follow_the_eyes():
    profile = head()
    life = Life(profile, 4)
    life.mood = "thinking"
    targets = lived(life, profile, 120.0)
    tilt, lid = column(profile, targets, "eye_left_tilt"), column(profile, targets, "lid_left_upper")
    awake = np.convolve(lid > 0.7, np.ones(41), "same") == 0  # without the blinks
    assert np.corrcoef(tilt[awake], lid[awake])[0, 1] < -0.9


def test_eyes_hold_what_they_look_at_while_the_head_nods():
    profile = head()
    life = Life(profile, 3)
    life.mood = "listening"
    targets = lived(life, profile, 120.0)
    nod = 50 * (column(profile, targets, "neck_pitch") - 0.5)  # degrees
    eyes = 50 * (column(profile, targets, "eye_left_tilt") - 0.5)
    gaze = nod + eyes
    moving = np.abs(np.diff(nod)) > 0.2
    assert moving.sum() > 50, "it did not nod"
    assert np.median(np.abs(np.diff(gaze)[moving])) < 0.05


def test_stress_raises_brows_and_nods_only_for_who_speaks():
    profile = head()
    stressed = LOUD._replace(accent=1.0)
    rest = profile.rest_targets()

    def brow(mood):
        life = Life(profile, 1)
        life.mood = mood
        lived(life, profile, 3.0, LOUD, VOWEL)
        rows = [
            life.step(3.0 + n * STEP_S, stressed if n % 60 == 0 else LOUD, rest, VOWEL) for n in range(1500)
        ]
        return np.ptp(column(profile, np.array(rows), "brow_left_inner"))

    assert brow("speaking") > 0.15
    assert brow("listening") < 0.02


@pytest.mark.parametrize(("before", "after"), list(itertools.permutations(MANNERS, 2)))
def test_a_change_of_mood_has_no_jerk(before, after):
    profile = head()
    life = Life(profile, 1)
    life.mood = before
    first = lived(life, profile, 4.0)
    life.mood = after
    both = np.concatenate([first[-50:], lived(life, profile, 2.0, since=4.0)])
    slow = [profile.index(name) for name in ("brow_left_inner", "brow_right_outer", "neck_roll", "neck_yaw")]
    assert np.abs(np.diff(both[:, slow], axis=0)).max() < 0.02
    assert np.abs(np.diff(both[:, slow], n=2, axis=0)).max() < 0.005


def test_a_mood_or_expression_that_there_is_not_is_refused_with_all_that_there_are():
    life = Life(head())
    with pytest.raises(LipwrightError, match="idle, listening, thinking, speaking"):
        life.mood = "grumpy"
    with pytest.raises(LipwrightError, match=r'no expression "grin".*neutral, smile, surprise'):
        life.express("grin")
    assert life.mood == "idle"


def test_every_expression_shows_and_neutral_takes_it_away():
    profile = head()
    # The same seed without expression is what remains of a face.
    plain = lived(Life(profile, 9), profile, 9.0)
    for name in set(EXPRESSIONS) - {"neutral"}:
        life = Life(profile, 9)
        life.express(name, duration_s=math.inf)
        worn = lived(life, profile, 5.0)
        assert np.abs(worn[200:] - plain[200:250]).max() > 0.1, name
        life.express("neutral")
        after = lived(life, profile, 4.0, since=5.0)
        assert np.abs(after[-10:] - plain[-10:]).max() < 0.02, name


def test_an_expression_ends_by_itself_and_is_as_strong_as_asked():
    profile = head()
    brow = profile.index("brow_left_inner")

    def raised(strength):
        life = Life(profile, 1)
        life.express("surprise", strength, duration_s=1.0)
        return lived(life, profile, 4.0)[:, brow] - profile.channels[brow].rest

    full, half = raised(1.0), raised(0.5)
    assert full.max() == pytest.approx(0.85 * 0.5, abs=0.03)
    assert half.max() == pytest.approx(full.max() / 2, abs=0.01)
    assert abs(full[-1]) < 0.01


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_lips_that_close_or_press_get_nothing_from_an_expression(name, expression):
    profile = head(name)
    life = Life(profile, 1)
    life.mood = "speaking"
    life.express(expression, duration_s=math.inf)
    rest = profile.rest_targets()
    lived(life, profile, 2.0, LOUD, VOWEL)
    closing = np.linspace(VOWEL, [-0.06, 0.1, 0.05, 0.1, 0.0], 6)  # the 100 ms in which lips close
    asked = [*closing, *[closing[-1]] * 3]
    rows = np.array(
        [life.step(2.0 + n * STEP_S, LOUD, rest, one.astype(np.float32)) for n, one in enumerate(asked)]
    )
    lips = [
        n
        for n, channel in enumerate(profile.channels)
        if channel.group == "mouth" and not channel.name.startswith("corner")
    ]
    assert np.array_equal(rows[-4:, lips], np.tile(rest[lips], (4, 1)))


def test_a_smile_is_seen_in_vowels_and_makes_way_for_a_pucker():
    profile = head()
    corner = profile.index("corner_left")
    rest = profile.rest_targets()

    def at(articulation):
        life = Life(profile, 1)
        life.mood = "speaking"
        life.express("smile")
        return lived(life, profile, 2.0, LOUD, np.array(articulation, np.float32))[-1, corner] - rest[corner]

    assert at(VOWEL) > 0.3
    assert at([0.15, -0.7, 0.8, 0.2, 0.0]) == pytest.approx(0.0, abs=1e-6)


def test_without_articulation_expressions_leave_speaking_lips_alone():
    profile = head()
    life = Life(profile, 1)
    life.express("surprise", duration_s=math.inf)
    jaw = profile.index("jaw")
    assert lived(life, profile, 2.0, SILENCE, None)[-1, jaw] > 0.2
    assert lived(life, profile, 1.0, LOUD, None, since=2.0)[-1, jaw] == 0.0


def test_gaps_and_standstills_of_time_are_borne():
    profile = head()
    life = Life(profile, 1)
    last = lived(life, profile, 2.0)[-1]
    rest = profile.rest_targets()
    assert np.array_equal(life.step(1.98, SILENCE, rest, CLOSED), last)
    assert np.array_equal(life.step(1.0, SILENCE, rest, CLOSED), last)
    after = lived(life, profile, 60.0, since=500.0)
    assert after.min() >= 0 and after.max() <= 1
    blinks = np.diff((column(profile, after, "lid_left_upper") > 0.85).astype(int)) > 0
    assert 5 <= blinks.sum() <= 30
