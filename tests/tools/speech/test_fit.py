"""The fit finds the numbers that made a track, in any units, and leaves alone what nobody measured."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("scipy")

from liplab.scores import Phone
from liplab.speech import handset
from liplab.speech.articulation import articulation, numbers_of
from liplab.speech.articulation_command import write
from liplab.speech.fit import PartFit, content, correlations, fit, left_out, start
from liplab.speech.measured import Recording
from lipwright.lips.model import ARTICULATION

SEEN = ("i", "ɛ", "a", "u", "t", "s", "b", "w", "n", "k")
CLOSED = 0.004


def truth():
    """Numbers in which i is wider open and jaws are slower than as set by hand."""
    numbers = start()
    goals, slow = numbers.goals.copy(), numbers.fade_before_s.copy()
    goals[numbers.index["i"], 0] = 0.62
    goals[numbers.index["s"], 0] = 0.45
    slow[3] *= 1.6
    return replace(numbers, goals=goals, fade_before_s=slow)


def recordings(numbers, count=8):
    """Random utterances as cameras of all sorts see them."""
    random = np.random.default_rng(3)
    result = []
    for number in range(count):
        phones, at = [], 0.3
        for symbol in random.choice(SEEN, 25):
            end = at + random.uniform(0.06, 0.16)
            phones.append(Phone(str(symbol), at, end))
            at = end
        times = np.arange(0.25, at + 0.05, 0.04)
        track = articulation(phones, times, numbers).astype(np.float64)
        gain = random.uniform(0.2, 0.4)
        values = {"aperture": CLOSED + gain * np.maximum(track[:, 0], 0)}
        values |= {part: 2 + gain * track[:, ARTICULATION.index(part)] for part in ("width", "jaw")}
        result.append(Recording(f"speaker {number}", phones, times, values))
    return result


@pytest.mark.parametrize("part", ["aperture", "width", "jaw"])
def test_the_slopes_are_those_of_the_residuals(part):
    fitted = PartFit(start(), part, recordings(truth(), 2), True, {"u": 0.33} if part == "aperture" else {})
    at = np.random.default_rng(0).normal(0, 0.3, len(fitted.spreads))
    step = 1e-5
    wanted = [
        (fitted.residuals(at + step * unit) - fitted.residuals(at - step * unit)) / (2 * step)
        for unit in np.eye(len(at))
    ]
    np.testing.assert_allclose(fitted.slopes(at), np.array(wanted).T, atol=0.02)


def test_a_track_tells_the_goals_that_made_it():
    made_by = truth()
    found = PartFit(start(), "aperture", recordings(made_by), True, {}).solve()
    before = start()
    openness = {symbol: found.goals[found.index[symbol], 0] for symbol in ("i", "s", "a")}
    # The gain is a convention, so only relations can be recovered.
    for symbol in ("i", "s"):
        true = made_by.goals[made_by.index[symbol], 0] / made_by.goals[made_by.index["a"], 0]
        old = before.goals[before.index[symbol], 0] / before.goals[before.index["a"], 0]
        new = openness[symbol] / openness["a"]
        assert abs(new - true) < 0.5 * abs(old - true), symbol


def test_slow_jaws_are_found_slow():
    found = PartFit(start(), "jaw", recordings(truth()), True, {}).solve()
    assert found.fade_before_s[3] > 1.2 * start().fade_before_s[3]


def test_whatever_was_not_measured_keeps_its_number_or_moves_with_its_like():
    found = PartFit(start(), "aperture", recordings(truth()), True, {}).solve()
    before = start()
    apart = found.goals[:, 0] - before.goals[:, 0]
    assert apart[before.index["ɨ"]] > 0.03  # as i
    assert apart[before.index["ɚ"]] == 0
    np.testing.assert_array_equal(found.goals[:, 1:], before.goals[:, 1:])


def test_the_file_gives_back_the_numbers_and_tells_measured_from_set(tmp_path):
    camera = recordings(truth(), 3)
    lips = [recording._replace(values={"rounding": 0.9 * recording.values["width"]}) for recording in camera]
    numbers, fits = fit(camera, lips, {"aperture": {"u": 0.33}})
    written = content(fits, numbers)
    write(tmp_path / "numbers.json", written)
    again = numbers_of(written)
    np.testing.assert_allclose(again.goals, numbers.goals, atol=1e-4)
    np.testing.assert_allclose(again.fade_after_s, numbers.fade_after_s, atol=1e-4)
    by_symbol = {symbol: row for row in written["phones"] for symbol in row["symbols"]}
    assert by_symbol["i"]["goal"]["aperture"][1].startswith("measured (GRID")
    assert by_symbol["ɨ"]["goal"]["aperture"][1].startswith("by likeness")
    assert by_symbol["ɚ"]["goal"]["aperture"][1] == "set"
    assert by_symbol["i"]["goal"]["tuck"][1] == "set"


def test_a_speaker_left_out_is_foretold_better_than_by_hand():
    camera = recordings(truth(), 4)
    for numbers, recording in zip(left_out(camera, {}), camera, strict=True):
        assert correlations(numbers, recording)["aperture"] > correlations(start(), recording)["aperture"]


def test_every_hand_set_symbol_has_one_row():
    symbols = [symbol for row in handset.rows() for symbol in row.symbols]
    assert len(symbols) == len(set(symbols))
