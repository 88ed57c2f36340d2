"""The evaluation's measures on tracks whose answer is known."""

import numpy as np
import pytest

from liplab.evaluate.measures import CURVE_MM, Reference, measure, score_clip
from liplab.evaluate.sets import Clip, Seen
from liplab.evaluate.visemes import Classifier, features
from liplab.lips.measures import APERTURE_MM
from liplab.scores import Phone, closures

SECONDS = 4.0


def clip(seed=0, seen=None):
    random = np.random.default_rng(seed)
    phones, start = [Phone("", 0.0, 0.2)], 0.2
    while start < SECONDS - 0.5:
        for ipa in (str(random.choice(list("bmpfvw"))), str(random.choice(list("aiueɑs")))):
            phones.append(Phone(ipa, start, start + 0.13))
            start += 0.13
    return Clip(np.zeros(round(SECONDS * 16000), np.float32), phones, seen)


@pytest.fixture(scope="module")
def references():
    return [Reference(clip(seed)) for seed in range(12)]


def measured(references, tracks, classifier=None):
    return measure([score_clip(r, t) for r, t in zip(references, tracks, strict=True)], classifier)


def test_what_the_phones_ask_for_is_the_ceiling(references):
    figures = measured(references, [reference.asked for reference in references])
    for name in ("closure_rate", "pucker_rate", "labiodental_rate"):
        assert figures[name] == 1
    for name in ("aperture_r", "width_r", "rounding_r", "range_ratio"):
        assert figures[name] == pytest.approx(1)
    assert figures["aperture_rmse"] == pytest.approx(0, abs=1e-6)
    assert figures["closure_auc"] > 0.98
    assert figures["offset_ms"]["median"] == pytest.approx(0, abs=1)
    assert figures["false_closures_apart_per_minute"] == 0


def test_a_still_mouth_makes_no_event_and_explains_nothing(references):
    figures = measured(references, [np.full_like(r.asked, 0.4) for r in references])
    assert figures["closure_rate"] == figures["pucker_rate"] == figures["labiodental_rate"] == 0
    assert figures["aperture_r"] is None
    assert figures["range_ratio"] == 0
    assert figures["closure_auc"] == pytest.approx(0.5)


def test_lips_that_are_late_have_a_positive_offset_and_flat_ones_a_small_range(references):
    late = [np.roll(reference.asked, 7, axis=0) for reference in references]
    assert measured(references, late)["offset_ms"]["median"] == pytest.approx(70, abs=3)
    flat = [0.5 * reference.asked for reference in references]
    assert measured(references, flat)["range_ratio"] == pytest.approx(0.5)


def test_the_working_point_lies_on_the_curve_and_agrees_with_the_shared_measure(references):
    random = np.random.default_rng(1)
    tracks = [(r.asked + random.normal(0, 0.06, r.asked.shape)).astype(np.float32) for r in references]
    figures = measured(references, tracks)
    curve = figures["closure_curve"]
    at = list(CURVE_MM).index(1.0)
    assert curve["closure_rate"][at] == figures["closure_rate"]
    assert curve["false_closures_per_minute"][at] == figures["false_closures_per_minute"]
    assert np.all(np.diff(curve["closure_rate"]) >= 0)
    made, wrong, minutes = [], 0.0, 0.0
    for reference, track in zip(references, tracks, strict=True):
        found = closures(reference.grid, track[:, 0].astype(float) * APERTURE_MM, reference.clip.phones)
        made += found.made
        own = reference.open_due.sum() / 6000
        wrong, minutes = wrong + found.false_per_minute * own, minutes + own
    assert figures["closure_rate"] == pytest.approx(np.mean(made))
    assert figures["false_closures_per_minute"] == pytest.approx(wrong / minutes)


def test_a_closure_that_begins_early_is_not_apart_but_one_in_a_vowel_is():
    own = Clip(
        np.zeros(16000, np.float32), [Phone("a", 0.0, 0.4), Phone("b", 0.4, 0.5), Phone("a", 0.5, 1.0)]
    )
    reference = Reference(own)
    early = np.full((100, 5), 0.5, np.float32)
    early[30:50, 0] = 0
    figures = measure([score_clip(reference, early)], None)
    assert figures["false_closures_per_minute"] > 0
    assert figures["false_closures_apart_per_minute"] == 0
    early[80:85, 0] = 0
    assert measure([score_clip(reference, early)], None)["false_closures_apart_per_minute"] > 0


def test_intervals_hold_the_figure_and_narrow_with_more_events(references):
    random = np.random.default_rng(1)
    tracks = [(r.asked + random.normal(0, 0.08, r.asked.shape)).astype(np.float32) for r in references]
    few, many = measured(references[:4], tracks[:4]), measured(references, tracks)
    for name in ("closure_rate", "pucker_rate", "aperture_r", "false_closures_per_minute"):
        low, high = many["intervals"][name]
        assert low <= many[name] <= high
    widths = [np.ptp(figures["intervals"]["closure_rate"]) for figures in (few, many)]
    assert widths[1] < widths[0]


def test_a_camera_is_what_r_and_closures_are_held_against():
    times = np.arange(0, SECONDS, 0.04)
    aperture = 0.1 + 0.1 * np.sin(2 * np.pi * 1.3 * times)
    width = 0.7 + 0.05 * np.cos(2 * np.pi * 0.9 * times)
    reference = Reference(clip(3, Seen(times, aperture, width)))
    track = np.zeros((len(reference.grid), 5), np.float32)
    track[:, 0] = np.interp(reference.grid - 0.05, times, aperture)
    track[:, 1] = np.interp(reference.grid, times, width)
    figures = measure([score_clip(reference, track)], None)
    assert figures["aperture_r"] < 0.97
    assert figures["width_r"] == pytest.approx(1, abs=1e-3)
    assert figures["rounding_r"] is None
    assert figures["common_lag"]["lag_ms"] == 50
    assert figures["common_lag"]["aperture_r"] == pytest.approx(1, abs=0.01)
    assert figures["common_lag"]["closure_auc"] > figures["closure_auc"] > 0.8
    assert figures["offset_ms"]["median"] == pytest.approx(50, abs=8)


def test_the_classifier_knows_its_visemes_and_not_those_of_a_still_mouth(references):
    values = np.concatenate([features(r.asked, r.viseme_places) for r in references])
    classifier = Classifier.taught(values, np.concatenate([r.visemes for r in references]))
    told = measured(references, [r.asked for r in references], classifier)["viseme_f1"]
    still = measured(references, [np.full_like(r.asked, 0.3) for r in references], classifier)["viseme_f1"]
    assert told > 0.8
    assert still < 0.3
