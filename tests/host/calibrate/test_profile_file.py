"""The profile's file: changed in place, whole or not at all, with a way back."""

import os
import re
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipwright.calibrate.profile_file import ProfileFile, changed, restore
from lipwright.calibrate.servos import Servo, Settings
from lipwright.errors import LipwrightError
from lipwright.face.profile import load_profile, parse_profile
from lipwright.files import before
from lipwright.resources import models_dir

from .rig import own_profile

SHIPPED = sorted(models_dir().glob("*.toml"))
ODD = """# my own head
name = 'Odd' # quotes as I like them
pwm_hz=50
lead_ms  =  60
face_model = "face_model_jaw_skull.tflite"

articulation = { aperture_mm = 20, width_neutral_mm = 50, width_spread_mm = 58, width_pucker_mm = 34, \
rounding_mm = 8, jaw_deg = 20, tuck_mm = 7 }

[[channels]]   # the big one
  name = "jaw" # opens
  group = "mouth"
  output = 0
  pulse_max_us = 1_900 # tried on Sunday
  pulse_min_us = 1100.5
  speed = 11 # a guess
  rest = 0.25 # closed

# the small one
#   (it squeaks)
[[channels]]
name = "lip"
group = "mouth"
output = 5
pulse_min_us = 1000
pulse_max_us = 2000
inverted = false
rest = 0.5
speed = 3.0
# end
"""


def text_with(text, **changes):
    """The text after changes of servos by name."""
    profile = parse_profile(text, "x.toml")
    servos = [changes.get(servo.name, lambda same: same)(servo) for servo in Settings.of(profile).servos]
    return changed(text, profile, servos)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_profile_in_which_nothing_was_set_stays_the_same_to_the_byte(path):
    text = path.read_text()
    assert text_with(text) == text
    assert text_with(ODD) == ODD


def test_only_what_was_set_changes_and_comments_stay_where_they_were():
    text = text_with(
        ODD,
        jaw=lambda jaw: jaw.with_ends(max_us=1800).with_inverted(True),
        lip=lambda lip: lip.with_speed(4.5),
    )
    assert text == (
        ODD.replace("pulse_max_us = 1_900 #", "pulse_max_us = 1800 #")
        .replace("rest = 0.25 # closed\n", "rest = 0.7143 # closed\ninverted = true\n")
        .replace("speed = 3.0", "speed = 4.5")
    )


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_is_set_is_what_is_read_back_and_what_was_not_set_is_untouched(data):
    text = SHIPPED[1].read_text()
    profile = parse_profile(text, SHIPPED[1])
    wanted = []
    for servo in Settings.of(profile).servos:
        if data.draw(st.booleans()):
            low, high = data.draw(st.integers(400, 1400)), data.draw(st.integers(1450, 2600))
            servo = servo.with_ends(low, high).with_inverted(data.draw(st.booleans()))
            servo = servo.with_rest(data.draw(st.integers(low, high)))
            servo = servo.with_speed(round(data.draw(st.floats(0.2, 50)), 2))
        wanted.append(servo)
    written = changed(text, profile, wanted)
    # Collisions are judged by the rest pose, which this test does not care for.
    found = parse_profile(re.sub(r"most = [\d.]+", "most = 100.0", written), SHIPPED[1])
    for servo, read in zip(wanted, map(Servo.of, found.channels), strict=True):
        assert (read.min_us, read.max_us, read.inverted) == (servo.min_us, servo.max_us, servo.inverted)
        assert read.rest_us == pytest.approx(servo.rest_us, abs=0.15)
        assert read.speed == servo.speed
    kept = [line for line in text.splitlines() if "#" in line or not re.match("pulse|rest|speed|inv", line)]
    assert [line for line in written.splitlines() if line in kept] == kept


def test_saving_keeps_the_version_from_before_the_session_and_undo_brings_it_back(tmp_path):
    path = own_profile(tmp_path)
    original = path.read_text()
    file = ProfileFile(path, None)
    set_ = Settings.of(file.profile)
    for us in (1600, 1700):
        set_.change(0, set_.servos[0].with_ends(max_us=us), "maximum")
        assert file.save(set_.servos).channels[0].pulse_max_us == us
    assert before(path).read_text() == original
    assert load_profile(path).channels[0].pulse_max_us == 1700
    calibrated = path.read_text()
    restore(path)
    assert (path.read_text(), before(path).read_text()) == (original, calibrated)
    restore(path)
    assert path.read_text() == calibrated
    assert sorted(os.listdir(tmp_path)) == ["my_head.toml", "my_head.toml.before"]


def test_the_next_session_keeps_what_the_one_before_saved(tmp_path):
    path = own_profile(tmp_path)
    for us in (1600, 1700):
        file = ProfileFile(path, None)
        file.save([file_servo.with_ends(max_us=us) for file_servo in Settings.of(file.profile).servos[:1]])
    assert load_profile(path).channels[0].pulse_max_us == 1700
    assert "pulse_max_us = 1600" in before(path).read_text()


def test_a_profile_that_could_not_be_used_is_not_written(tmp_path):
    path = own_profile(tmp_path)
    original = path.read_bytes()
    file = ProfileFile(path, None)
    up = [
        servo.with_rest(servo.max_us) if "lower_lip_m" in servo.name else servo for servo in settings_of(file)
    ]
    with pytest.raises(LipwrightError, match=r"my_head\.toml.*collisions\[0\] is broken by the rest pose"):
        file.save(up)
    assert path.read_bytes() == original
    assert os.listdir(tmp_path) == ["my_head.toml"]


def settings_of(file):
    return Settings.of(file.profile).servos


def test_what_an_editor_has_written_meanwhile_is_kept(tmp_path):
    path = own_profile(tmp_path)
    file = ProfileFile(path, None)
    path.write_text(path.read_text().replace("lead_ms = 50 ", "lead_ms = 70 ") + "# a note\n")
    file.save([settings_of(file)[0].with_speed(2.0), *settings_of(file)[1:]])
    written = load_profile(path)
    assert (written.lead_ms, written.channels[0].speed) == (70, 2.0)
    assert path.read_text().endswith("# a note\n")


def test_a_servo_that_an_editor_has_taken_out_is_missed_and_a_broken_file_left_alone(tmp_path):
    path = own_profile(tmp_path)
    file = ProfileFile(path, None)
    set_ = [settings_of(file)[0].with_speed(2.0)]
    original = path.read_text()
    path.write_text(original.replace('name = "jaw"', 'name = "chin"').replace(', "jaw"]', ', "chin"]'))
    with pytest.raises(LipwrightError, match="taken the servo jaw out"):
        file.save(set_)
    path.write_text(original.replace("[[channels]]", "[[channels", 1))
    with pytest.raises(LipwrightError, match="not valid TOML"):
        file.save(set_)
    assert "[[channels\n" in path.read_text()


@pytest.mark.parametrize("given", [None, models_dir() / "jaw_skull.toml"])
def test_shipped_profiles_are_never_written(given, tmp_path):
    with pytest.raises(LipwrightError, match=r"stay as they are: add -o my_head\.toml"):
        ProfileFile(given, None)
    link = tmp_path / "models"
    link.symlink_to(models_dir())
    with pytest.raises(LipwrightError, match="stay as they are"):
        ProfileFile(link / "reference_head.toml", None)
    with pytest.raises(LipwrightError, match="ships with Lipwright"):
        ProfileFile(given, models_dir() / "new.toml")


def test_a_copy_goes_where_it_is_told_and_the_original_stays(tmp_path):
    copy = tmp_path / "mine.toml"
    file = ProfileFile(None, copy)
    assert file.is_new and not copy.exists()
    file.save([settings_of(file)[0].with_speed(2.0)])
    assert not file.is_new
    assert load_profile(copy).channels[0].speed == 2.0
    assert load_profile().channels[0].speed != 2.0
    assert os.listdir(tmp_path) == ["mine.toml"]
    with pytest.raises(LipwrightError, match=r"there is a file .*mine\.toml already"):
        ProfileFile(None, copy)


def test_nothing_to_bring_back_is_said(tmp_path):
    with pytest.raises(LipwrightError, match="nothing has been saved over"):
        restore(own_profile(tmp_path))


def test_a_folder_that_cannot_be_written_is_said_and_the_file_stays(tmp_path):
    path = own_profile(tmp_path)
    file = ProfileFile(path, None)
    shutil.move(tmp_path, tmp_path.with_name("gone"))
    with pytest.raises(LipwrightError, match="cannot be read"):
        file.save([settings_of(file)[0].with_speed(2.0)])
