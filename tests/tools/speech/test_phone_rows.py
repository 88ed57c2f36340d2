"""Phones come back from the arrays that they are kept in, each with the stretch that it was said in."""

import numpy as np

from liplab.scores import Phone
from liplab.speech.phone_rows import PhoneRows

SAID = [
    [],
    [Phone("p", 0.0, 0.1), Phone("", 0.1, 0.3)],
    [],
    [Phone("t͡ʃ", 0.05, 0.125)],
    [],
]


def test_phones_come_back_to_the_stretch_that_they_are_of():
    rows = PhoneRows.of(SAID)
    assert rows.phones(len(SAID)) == SAID
    assert rows._replace(times=rows.times.astype(np.float32)).phones(len(SAID))[1][0] == SAID[1][0]._replace(
        end_s=float(np.float32(0.1))
    )


def test_silence_and_nothing_at_all_have_rows_of_the_same_kind():
    for said in ([], [[]], [[], []]):
        rows = PhoneRows.of(said)
        assert rows.times.shape == (0, 2) and rows.ipa.dtype.kind == "U"
        assert rows.phones(len(said)) == said
