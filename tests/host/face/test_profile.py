"""A head profile is read strictly: every mistake is named with the file, the key and what to do."""

import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lipwright.errors import LipwrightError
from lipwright.face.profile import Collision, HeadProfile, load_profile
from lipwright.resources import models_dir

CHANNELS = [
    "jaw",
    "upper_lip_mid",
    "upper_lip_left",
    "upper_lip_right",
    "lower_lip_mid",
    "lower_lip_left",
    "lower_lip_right",
    "upper_lip_forward",
    "lower_lip_forward",
    "corner_left",
    "corner_right",
    "eye_left_pan",
    "eye_left_tilt",
    "eye_right_pan",
    "eye_right_tilt",
    "lid_left_upper",
    "lid_left_lower",
    "lid_right_upper",
    "lid_right_lower",
    "brow_left_inner",
    "brow_left_outer",
    "brow_right_inner",
    "brow_right_outer",
    "neck_yaw",
    "neck_pitch",
    "neck_roll",
]

HEAD = """
name = "Skull"
pwm_hz = 50
lead_ms = 60
face_model = "face_model.tflite"

[articulation]
aperture_mm = 20
width_neutral_mm = 50
width_spread_mm = 58
width_pucker_mm = 34
rounding_mm = 8
jaw_deg = 20
tuck_mm = 7
"""

JAW = """
[[channels]]
name = "jaw"
group = "mouth"
output = 0
pulse_min_us = 1000
pulse_max_us = 2000
rest = 0.25
speed = 8
"""

LID = JAW.replace('"jaw"', '"lid"').replace("output = 0", "output = 17")


@pytest.fixture
def load(tmp_path):
    def load_text(text):
        (tmp_path / "head.toml").write_text(text)
        return load_profile(tmp_path / "head.toml")

    return load_text


def test_the_reference_head_has_the_26_channels_in_order():
    profile = load_profile()
    assert [channel.name for channel in profile.channels] == CHANNELS
    assert [channel.output for channel in profile.channels] == list(range(26))
    assert profile.pwm_hz == 50
    assert list(profile.indices("mouth")) == list(range(11))
    assert profile.rest_targets().shape == (26,) and profile.rest_targets().dtype == np.float32


def test_one_servo_is_a_head(load):
    profile = load(HEAD + JAW)
    assert profile.index("jaw") == 0
    assert profile.rest_targets() == pytest.approx([0.25])
    assert profile.pulses_us(profile.rest_targets()) == pytest.approx([1250])


def test_an_inverted_servo_turns_the_other_way(load):
    profile = load(HEAD + JAW + "inverted = true\n")
    channel = profile.channels[0]
    assert (channel.pulse_us(0.0), channel.pulse_us(0.25), channel.pulse_us(1.0)) == (2000, 1750, 1000)


def test_a_target_beyond_the_range_stays_in_the_range(load):
    channel = load(HEAD + JAW).channels[0]
    assert (channel.pulse_us(-1), channel.pulse_us(2)) == (1000, 2000)


def test_thirty_two_servos_fit_and_thirty_three_do_not(load):
    servos = [JAW.replace('"jaw"', f'"servo{n}"').replace("output = 0", f"output = {n}") for n in range(33)]
    assert len(load(HEAD + "".join(servos[:32])).channels) == 32
    with pytest.raises(LipwrightError, match="has 33 servos; two boards drive at most 32"):
        load(HEAD + "".join(servos))


def assert_named(load, text, find, put, says):
    """A profile with this mistake put in is refused, and the message says it."""
    assert find in text
    with pytest.raises(LipwrightError) as raised:
        load(text.replace(find, put, 1))
    message = str(raised.value)
    assert "head.toml" in message
    assert re.search(says, message.replace("\n", " ")), message


@pytest.mark.parametrize(
    ("find", "put", "says"),
    [
        ("output = 17", "output = 0", r"channels\[1\]\.output puts lid on output 0, which jaw has"),
        ('name = "lid"', 'name = "jaw"', r'channels\[1\]\.name "jaw" is also the name of channels\[0\]'),
        ("pulse_min_us = 1000", "pulse_min_us = 399", r"\(jaw\)\.pulse_min_us is 399; give .* 400 to 2600"),
        ("pulse_max_us = 2000", "pulse_max_us = 2601", r"\(jaw\)\.pulse_max_us is 2601; give .* 400 to 2600"),
        (
            "pulse_min_us = 1000",
            "pulse_min_us = 2000",
            r"pulse_min_us is 2000, not below pulse_max_us = 2000",
        ),
        ("pulse_min_us = 1000", "pulse_min_us = 2100", r"set inverted = true to turn a servo round"),
        ("rest = 0.25", "rest = 1.01", r"\(jaw\)\.rest is 1\.01; give a number from 0 to 1"),
        ("rest = 0.25", "rest = -0.1", r"\(jaw\)\.rest is -0\.1"),
        ("rest = 0.25", "rest = nan", r"\(jaw\)\.rest is nan"),
        ("rest = 0.25", "rest = true", r"\(jaw\)\.rest is True"),
        ("rest = 0.25", 'rest = "low"', r"\(jaw\)\.rest is 'low'"),
        ("rest = 0.25", "", r"\(jaw\)\.rest is missing; give a number from 0 to 1"),
        ("speed = 8", "speed = 0", r"\(jaw\)\.speed is 0"),
        ("output = 0", "output = 32", r"\(jaw\)\.output is 32; give a whole number from 0 to 31"),
        ("output = 0", "output = 1.5", r"\(jaw\)\.output is 1\.5; give a whole number"),
        ("output = 0", "pin = 0", r"channels\[0\]\.pin is not a key that is known here.*\.output is missing"),
        ('name = "jaw"', "name = 3", r"channels\[0\]\.name is 3; give a text in quotes"),
        ('name = "jaw"', 'name = " "', r"channels\[0\]\.name is ' '"),
        ('group = "mouth"', "", r"\(jaw\)\.group is missing"),
        ("speed = 8", "speed = 8\ninverted = 1", r"\(jaw\)\.inverted is 1; write true or false"),
        ("pwm_hz = 50", "pwm_hz = 1000", r"pwm_hz is 1000; give a number from 40 to 330"),
        ("lead_ms = 60", "lead_ms = 60\ncolour = 1", r"colour is not a key that is known here"),
        ("lead_ms = 60", "", r"lead_ms is missing"),
        ("lead_ms = 60", "lead_ms = -1", r"lead_ms is -1"),
        ("[articulation]", "[articulations]", r"articulations is not a key .* articulation is missing"),
        ("width_neutral_mm = 50", "width_neutral_mm = 60", r"must lie between width_pucker_mm = 34 and"),
        ("tuck_mm = 7", "", r"articulation\.tuck_mm is missing"),
    ],
)
def test_each_mistake_is_named(load, find, put, says):
    assert_named(load, HEAD + JAW + LID, find, put, says)


def test_all_mistakes_are_named_at_once(load):
    text = HEAD.replace("pwm_hz = 50", "pwm_hz = 5") + JAW.replace("rest = 0.25", "rest = 7")
    with pytest.raises(
        LipwrightError, match=r"mend 2 problems:\n  - pwm_hz .*\n  - channels\[0\] \(jaw\)\.rest "
    ):
        load(text)


@pytest.mark.parametrize("channels", ["", "[channels]\njaw = 1\n", "channels = 3\n", "channels = []\n"])
def test_a_head_without_servos_is_refused(load, channels):
    text = channels + HEAD if channels.startswith("channels =") else HEAD + channels
    with pytest.raises(LipwrightError, match="channels"):
        load(text)


def test_what_is_not_toml_is_refused_with_its_line(load):
    with pytest.raises(LipwrightError, match=r"head\.toml is not valid TOML: .*line 2"):
        load('name = "x"\npwm_hz 50\n')


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_an_empty_profile_is_refused(load, text):
    with pytest.raises(LipwrightError, match="name is missing"):
        load(text)


def test_a_profile_that_is_not_there_or_no_text_is_refused(tmp_path):
    with pytest.raises(LipwrightError, match=r"no head profile .*nowhere\.toml"):
        load_profile(tmp_path / "nowhere.toml")
    with pytest.raises(LipwrightError, match="is a folder"):
        load_profile(tmp_path)
    (tmp_path / "head.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LipwrightError, match="is not a text file"):
        load_profile(tmp_path / "head.toml")


def test_articulation_goes_to_millimetres_and_back():
    scale = load_profile().articulation
    ones, minus = np.ones(5), np.array([-0.1, -1, 0, 0, 0])
    assert scale.to_mm(ones)[1] == pytest.approx(scale.width_spread_mm)
    assert scale.to_mm(minus)[1] == pytest.approx(scale.width_pucker_mm)
    assert scale.to_mm(np.zeros(5)) == pytest.approx([0, scale.width_neutral_mm, 0, 0, 0])
    articulation = np.random.default_rng(0).uniform(-1, 1, (50, 5))
    assert scale.from_mm(scale.to_mm(articulation)) == pytest.approx(articulation)


def test_the_shipped_profile_is_the_one_that_load_profile_takes():
    assert load_profile().path == models_dir() / "reference_head.toml"


EYE = JAW.replace('"jaw"', '"eye"').replace("output = 0", "output = 3")
PAIR = """
[[collisions]]
channels = ["jaw", "lid"]
weights = [2.0, -1]
most = 0.75
"""


def test_a_head_without_collisions_may_do_all(load):
    profile = load(HEAD + JAW + LID)
    assert profile.collisions == ()
    assert profile.within(np.array([1.0, 0.0])) == pytest.approx([1, 0])


def test_collisions_are_read_with_the_places_of_their_channels(load):
    pair, second = load(HEAD + EYE + LID + JAW + PAIR + PAIR.replace("0.75", "1")).collisions
    assert pair.channels == (2, 1)
    assert pair.weights == (2.0, -1.0)
    assert (pair.most, second.most) == (0.75, 1.0)


@pytest.mark.parametrize(
    ("find", "put", "says"),
    [
        (
            '"lid"]',
            '"nose"]',
            r"collisions\[0\]\.channels is \['jaw', 'nose'\]; give a list of channels' names",
        ),
        ('["jaw", "lid"]', '"jaw"', r"collisions\[0\]\.channels is 'jaw'; give a list"),
        ('["jaw", "lid"]', "[]", r"collisions\[0\]\.channels is \[\]; give a list"),
        ("[2.0, -1]", "[2.0]", r"collisions\[0\]\.weights is \[2\.0\]; give a number for each of jaw, lid"),
        ("[2.0, -1]", "[2.0, -1, 3]", r"collisions\[0\]\.weights is .*give a number for each of jaw, lid"),
        ("[2.0, -1]", '[2.0, "x"]', r"collisions\[0\]\.weights is .*give a number for each"),
        ("[2.0, -1]", "[2.0, true]", r"collisions\[0\]\.weights is .*give a number for each"),
        ("[2.0, -1]", "[0, 0]", r"collisions\[0\]\.weights is \[0, 0\]"),
        ("weights = [2.0, -1]", "", r"collisions\[0\]\.weights is (None|\[\])"),
        ("most = 0.75", "", r"collisions\[0\]\.most is missing"),
        ("most = 0.75", 'most = "much"', r"collisions\[0\]\.most is 'much'; give a number from"),
        ("most = 0.75", "most = 0.2", r"collisions\[0\] is broken by the rest pose already; raise most"),
        ("most = 0.75", "most = 0.75\nleast = 0", r"collisions\[0\]\.least is not a key that is known"),
        ("[[collisions]]", "[collisions]", r"collisions must be a list of tables; write \[\[collisions\]\]"),
        (PAIR, PAIR * 17, r"collisions has 17 entries; a head may have 16"),
    ],
)
def test_each_mistake_in_a_collision_is_named(load, find, put, says):
    assert_named(load, HEAD + JAW + LID + PAIR, find, put, says)


def targets_of(channels):
    return st.lists(st.floats(-0.5, 1.5, width=32), min_size=channels, max_size=channels).map(np.array)


@pytest.mark.parametrize("name", ["reference_head", "six_servo_mouth", "jaw_skull"])
@given(data=st.data())
def test_targets_of_shipped_heads_are_brought_within_what_is_allowed(name, data):
    profile = load_profile(models_dir() / f"{name}.toml")
    targets = data.draw(targets_of(len(profile.channels)))
    kept = profile.within(targets)
    assert kept.dtype == np.float32
    assert kept.min() >= 0 and kept.max() <= 1
    for pair in profile.collisions:
        assert kept[list(pair.channels)] @ np.array(pair.weights) <= pair.most + 1e-3
    assert profile.within(kept) == pytest.approx(kept, abs=1e-4)
    untouched = np.setdiff1d(np.arange(len(kept)), [c for pair in profile.collisions for c in pair.channels])
    assert kept[untouched] == pytest.approx(np.clip(targets, 0, 1)[untouched])


PAIR_OF_TWO = HeadProfile(
    **{
        **vars(load_profile()),
        "channels": load_profile().channels[:2],
        "collisions": (Collision((0, 1), (2.0, -1.0), 0.75),),
    }
)
WEIGHTS = np.array([2.0, -1.0])


@given(targets=targets_of(2))
def test_targets_move_as_little_as_need_be(targets):
    kept = PAIR_OF_TWO.within(targets)
    inside = np.clip(targets, 0, 1)
    excess = inside @ WEIGHTS - 0.75
    if excess <= 0:
        assert kept == pytest.approx(inside)
        return
    straight = inside - excess * WEIGHTS / (WEIGHTS @ WEIGHTS)
    assume(straight.max() <= 1)
    assert kept == pytest.approx(straight, abs=1e-4)


def test_nothing_collides_where_a_channel_of_the_pair_stands_at_its_end():
    assert PAIR_OF_TWO.within(np.array([1.0, 1.0])) @ WEIGHTS <= 0.75 + 1e-3


def test_rows_of_targets_are_kept_within_all_at_once():
    rows = np.random.default_rng(1).uniform(0, 1, (7, 3, 2))
    kept = PAIR_OF_TWO.within(rows)
    assert kept.shape == rows.shape
    assert kept[4, 1] == pytest.approx(PAIR_OF_TWO.within(rows[4, 1]))
