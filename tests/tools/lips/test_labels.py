"""What the network is taught about a stream: events stand where their phones are, and only there."""

import numpy as np

from liplab.lips.labels import CLASSES, UNKNOWN, labels
from liplab.scores import Phone
from liplab.speech.articulation import shipped

SAID = [
    Phone("", 0, 0.2), Phone("a", 0.2, 0.4), Phone("m", 0.4, 0.48), Phone("a", 0.48, 0.7),
    Phone("f", 0.7, 0.8), Phone("u", 0.8, 1.0), Phone("n", 1.0, 1.1), Phone("a", 1.1, 1.3),
    Phone("", 1.3, 1.6),
]  # fmt: skip


def unmeasured(steps):
    return np.full((steps, 5), np.nan, np.float32)


def made():
    return labels(SAID, unmeasured(80))


def test_an_event_is_due_around_its_phone_and_nowhere_else():
    event = made().event
    for column, (start, end) in enumerate([(0.36, 0.5), (0.66, 0.84), (0.76, 1.04)]):
        due = np.flatnonzero(event[:, column]) * 0.02
        assert start <= due[0] <= start + 0.03
        assert end - 0.03 <= due[-1] <= end
        assert len(set(event[event[:, column] > 0, column])) == 1


def test_a_closure_is_a_false_one_in_speech_that_has_none():
    opened = made().open
    times = np.arange(80) * 0.02
    assert opened[(times > 1.0) & (times < 1.25)].all()  # the n
    assert not opened[times < 0.2].any()  # silence
    assert not opened[(times > 0.37) & (times < 0.49)].any()  # the m
    assert not opened[(times > 0.67) & (times < 0.81)].any()  # the f


def test_phones_are_named_where_they_sound_and_silence_is_named_too():
    phone = made().phone
    assert phone[5] == 0 and phone[-1] == 0
    assert CLASSES[phone[21] - 1].startswith("m")
    assert "n" in CLASSES[phone[52] - 1]
    assert len({phone[12], phone[27], phone[60]}) == 1  # the same a


def test_the_articulation_closes_on_the_m_and_not_on_the_n():
    aperture = made().articulation[:, 0].astype(float)
    assert aperture[20:24].min() < 0
    assert aperture[50:55].min() > 0.1


def test_every_phone_that_has_a_goal_is_taught_or_known_to_be_left_out():
    untaught = {
        symbol
        for symbol in shipped().index
        if labels([Phone(symbol, 0, 0.2)], unmeasured(10)).phone[5] == UNKNOWN
    }
    assert untaught <= set("?ʡǀǁǂǃ")


def test_no_phones_at_all_is_rest():
    quiet = labels([], unmeasured(30))
    assert not quiet.event.any() and not quiet.open.any() and not quiet.phone.any()
    assert np.abs(quiet.articulation[:, 0]).max() < 0.05


def test_measured_lips_win_over_what_the_phones_ask_for_and_only_where_they_are_known():
    lips = unmeasured(80)
    lips[10:20, 1] = -0.37
    asked = labels(SAID, lips).articulation.astype(float)
    assert np.allclose(asked[10:20, 1], -0.37, atol=1e-3)
    assert np.array_equal(asked[:, 0], made().articulation[:, 0].astype(float))
    assert not np.allclose(asked[20:30, 1], -0.37, atol=0.05)
