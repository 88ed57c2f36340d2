"""A new model is taken for a gain that is no chance, and refused for a check that is worse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liplab.improve import judge
from liplab.improve.judge import CHECKED, FALSE_CLOSURES, RANGE, ClipResult
from liplab.improve.packs import Spoken
from liplab.improve.watched import watched
from liplab.watch.store import Store
from lipwright.lips.model import LipModel

GOOD = {name: 0.8 for name in CHECKED} | {RANGE: 0.85, FALSE_CLOSURES: 20.0}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, fill: Callable[[Path], Store]) -> list[ClipResult]:
    store = fill(tmp_path_factory.mktemp("judge") / "store")
    return judge.on_people(LipModel.load(), watched(store.entries())[:4], "shipped")


def gained(results: list[ClipResult], gains: list[float]) -> list[ClipResult]:
    return [
        replace(result, r=(result.r[0] + gain, *result.r[1:]))
        for result, gain in zip(results, gains, strict=True)
    ]


def test_lips_that_follow_the_model_late_correlate_but_not_fully(results: list[ClipResult]) -> None:
    figures = judge.by_tag(results)
    assert set(figures) == {"all", "whispered"}
    assert figures["all"]["clips"] == 4 and figures["whispered"]["persons"] == 1
    assert 0.5 < figures["all"]["aperture_r"] < 0.98
    assert figures["all"]["closure_auc"] > 0.6


def test_a_gain_of_every_clip_is_taken_and_one_of_chance_is_not(results: list[ClipResult]) -> None:
    taken = judge.verdict(results, gained(results, [0.02, 0.05, 0.04, 0.01]), GOOD, GOOD)
    assert taken.accepted and taken.gain[0] == pytest.approx(0.03) and taken.gain[1] > 0
    refused = judge.verdict(results, gained(results, [0.2, -0.05, -0.04, 0.01]), GOOD, GOOD)
    assert not refused.accepted and "chance" in refused.refusals[0]


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("closure_rate", 0.795, True), ("closure_rate", 0.785, False), ("width_r", 0.95, True),
        ("width_r", 0.78, False), (RANGE, 0.845, True), (RANGE, 0.83, False), (RANGE, 1.2, False),
        (FALSE_CLOSURES, 20.9, True), (FALSE_CLOSURES, 21.5, False), (FALSE_CLOSURES, 3.0, True),
    ],
)  # fmt: skip
def test_a_check_may_be_worse_by_its_tolerance_only(
    results: list[ClipResult], name: str, value: float, accepted: bool
) -> None:
    new: dict[str, Any] = GOOD | {name: value}
    verdict = judge.verdict(results, gained(results, [0.1] * 4), GOOD, new)
    assert verdict.accepted is accepted
    if not accepted:
        assert name in verdict.refusals[0]


def test_persons_are_drawn_whole(results: list[ClipResult]) -> None:
    """Ten clips of a person who gained are no ten witnesses."""
    many = [
        replace(result, clip=replace(result.clip, person=f"person {min(number, 5)}"))
        for number, result in enumerate(results * 5)
    ]
    gains = [-0.02] * 5 + [0.1] * (len(many) - 5)
    assert judge.gain(many, gained(many, gains))[1] <= 0


def test_checks_are_measured_as_evaluate_does(spoken: list[Spoken]) -> None:
    figures = judge.check(LipModel.load(), spoken, "shipped")
    assert figures["events"]["bilabials"] == 4 * 7
    assert set(GOOD) <= set(figures)
    times, track = judge.stream(LipModel.load(), spoken[0].features)
    assert times[0] == 0 and np.allclose(np.diff(times), 0.02) and len(track) == len(spoken[0].features)
