"""`liplab bench improve`: the curve is of real runs, and whoever is held out is never learned from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from liplab import bench_improve
from liplab.improve import learn, run
from liplab.improve.packs import Spoken
from liplab.improve.watched import watched
from liplab.watch.store import Store
from lipwright.errors import LipwrightError


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, spoken: list[Spoken]) -> None:
    for name, value in (("STEPS", 2), ("WATCHED_CROPS", 1), ("REPLAY_CROPS", 1)):
        monkeypatch.setattr(learn, name, value)
    for name, value in (("CALIBRATION_STEPS", 100), ("CALIBRATION_STREAMS", 4), ("SHARES", (1.0,))):
        monkeypatch.setattr(run, name, value)
    monkeypatch.setattr(bench_improve, "load_pack", lambda name: type("Pack", (), {"spoken": spoken[:2]}))


def test_a_curve_over_persons_with_repeats(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true, splits = bench_improve.improve, []

    def improving(material: Any, *arguments: Any) -> Any:
        splits.append(material.split)
        return true(material, *arguments)

    monkeypatch.setattr(bench_improve, "improve", improving)
    figures = bench_improve.bench_improve(watched(store.entries()), ["emil", "kim"], 2)
    assert [point["persons"] for point in figures["points"]] == [1, 2, 4]
    assert all(len(point["gains"]) == 2 for point in figures["points"])
    assert len(splits) == 6
    for split in splits:
        assert {clip.person for clip in split.held} == {"emil", "kim"}
        assert not {clip.person for clip in split.taught} & {"emil", "kim"}
    bench_improve.draw(figures, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 5000


def test_too_few_persons_are_said(store: Store) -> None:
    clips = [clip for clip in watched(store.entries()) if clip.person in ("anna", "ben")]
    with pytest.raises(LipwrightError, match="too few"):
        bench_improve.bench_improve(clips, [], 1)
