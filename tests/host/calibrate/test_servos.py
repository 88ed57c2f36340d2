"""Ends, rest, direction and speed of a servo: what may be set, and every step back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipwright.calibrate.servos import CannotDo, Servo, Settings
from lipwright.face.profile import load_profile

PROFILE = load_profile()


def servo(**values):
    common = {"min_us": 1000.0, "rest_us": 1300.0, "max_us": 2000.0, "inverted": False}
    return Servo(**({"name": "jaw", "output": 0, "speed": 8.0, "acceleration": None} | common | values))


def test_a_profile_s_rest_is_the_same_pulse():
    for channel, made in zip(PROFILE.channels, Settings.of(PROFILE).servos, strict=True):
        assert made.rest_us == pytest.approx(channel.pulse_us(channel.rest))
        assert made.rest == pytest.approx(channel.rest)


@given(
    st.floats(400, 2600),
    st.floats(400, 2600),
    st.booleans(),
    st.floats(1000, 2000),
    st.sampled_from(["", "i"]),
)
def test_whatever_is_set_it_rests_within_its_range_and_where_it_rested_if_it_can(
    low, high, inverted, rest, turn
):
    before = servo(inverted=inverted, rest_us=rest)
    try:
        after = before.with_ends(low, high)
    except CannotDo:
        assert round(high) - round(low) < 20
        return
    if turn:
        after = after.with_inverted(not inverted)
    assert 0 <= after.rest <= 1
    assert after.rest_us == min(round(high), max(round(low), rest))
    assert after.pulse_of(after.target_of(after.rest_us)) == pytest.approx(after.rest_us)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: servo().with_ends(min_us=1990),
        lambda: servo().with_ends(max_us=1010),
        lambda: servo().with_ends(min_us=399),
        lambda: servo().with_ends(max_us=2601),
        lambda: servo().with_rest(999),
        lambda: servo().with_speed(0.1),
        lambda: servo().with_speed(51),
    ],
)
def test_what_no_profile_may_have_cannot_be_set(wrong):
    with pytest.raises(CannotDo):
        wrong()


def test_every_change_is_taken_back_in_turn_whichever_servo_it_was():
    settings = Settings.of(PROFILE)
    states = [settings.servos]
    for index, us in ((0, 1400), (5, 1100), (0, 1350), (25, 1200)):
        settings.change(index, settings.servos[index].with_ends(min_us=us), "minimum")
        states.append(settings.servos)
    assert len(set(states)) == 5 and settings.unsaved
    settings.change(25, settings.servos[25], "nothing")
    for state in reversed(states[:-1]):
        settings.undo()
        assert settings.servos == state
    assert not settings.unsaved
    with pytest.raises(CannotDo, match="nothing to undo"):
        settings.undo()


def test_what_was_saved_can_still_be_taken_back_and_is_unsaved_then():
    settings = Settings.of(PROFILE)
    settings.change(3, settings.servos[3].with_speed(2.0), "speed")
    settings.mark_saved()
    assert not settings.unsaved
    assert settings.undo() == "upper_lip_right: speed"
    assert settings.unsaved and settings.is_changed(3) and not settings.is_changed(2)


@pytest.mark.parametrize(("text", "index"), [("1", 0), ("26", 25), ("jaw", 0), ("ja", 0), ("neck_y", 23)])
def test_a_servo_is_found_by_number_name_or_how_it_begins(text, index):
    assert Settings.of(PROFILE).find(text) == index


@pytest.mark.parametrize("text", ["", "0", "27", "nose", "upper", "-1"])
def test_what_is_no_servo_or_several_is_said(text):
    with pytest.raises(CannotDo):
        Settings.of(PROFILE).find(text)
