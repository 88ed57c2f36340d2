"""One improvement from end to end: learn, quantize, judge, and put into use or refuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from liplab.export import Ranges
from liplab.improve import judge, shelf
from liplab.improve.judge import ClipResult, Verdict
from liplab.improve.packs import Spoken
from liplab.improve.shelf import Weights
from liplab.improve.watched import Split, Watched
from lipwright import resources
from lipwright.lips.chosen import MADE_FROM, MODEL_NAME, shipped_model
from lipwright.lips.model import LipModel

# How far from the weights before to those learned the new model lies: the first with which no check is worse
# than tolerated. People held out have no say in it. What is learned of a few people costs a little elsewhere,
# and less than in proportion nearer to the start (Wortsman et al. 2022).
SHARES = (1.0, 0.8, 0.6, 0.45, 0.3)
CODE_NAME = "lip_code.npz"
CALIBRATION_STEPS = 300  # of each stream that int8 ranges are taken from
CALIBRATION_STREAMS = 64


@dataclass(frozen=True)
class Material:
    """What an improvement works with: what was watched, parted; the packs; the model that it begins from."""

    split: Split
    replay: Sequence[Spoken]
    checks: Sequence[Spoken]
    start: Path
    seed: int = 1

    @cached_property
    def recordings(self) -> npt.NDArray[np.float32]:
        """Streams of the replay pack (streams, steps, 160) that int8 ranges are taken from."""
        random = np.random.default_rng(self.seed)
        streams = [one.features for one in self.replay if len(one.features) >= CALIBRATION_STEPS]
        rows = random.integers(len(streams), size=CALIBRATION_STREAMS)
        heard: npt.NDArray[np.float32] = np.stack([streams[row][:CALIBRATION_STEPS] for row in rows])
        return heard

    @cached_property
    def margins(self) -> Ranges:
        """What these lack of the ranges of the model that it begins from."""
        from liplab.lips.package import margins_of  # needs torch

        return margins_of(shelf.load_weights(self.start), self.start.read_bytes(), self.recordings)


@dataclass(frozen=True)
class Improvement:
    """What came of it: results on people held out, and checks of the shipped model and of the new one."""

    before: Sequence[ClipResult]
    after: Sequence[ClipResult]
    shipped: Mapping[str, Any]
    new: Mapping[str, Any]
    share: float
    verdict: Verdict

    @property
    def people(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Measures on people held out, by tag, of the model before and of the new one."""
        return {"before": judge.by_tag(self.before), "after": judge.by_tag(self.after)}


def improve(
    material: Material, folder: Path, checkpoint: Path | None, shipped: Mapping[str, Any]
) -> Improvement:
    """Makes a new model in `folder` and judges it; `shipped` are the checks of the shipped model.

    Raises LipwrightError where a shipped file that training needs is missing.
    """
    from liplab.improve import learn  # needs torch
    from liplab.lips.code import load_code

    code = load_code(resources.models_dir() / CODE_NAME)
    weights = shelf.load_weights(material.start)
    taught = material.split.taught
    learned = learn.learn(weights, code, taught, material.replay, checkpoint, learn.STEPS, material.seed)
    for share in SHARES:
        mixed = learn.blended(weights, learned, share)
        new = checks_of(write_new(mixed, material, folder, share), material.checks, f"checks, {share:.0%}")
        if max(judge.losses(shipped, new).values(), default=0.0) <= 1:
            break
    before = judge.on_people(LipModel.load(material.start), material.split.held, "people, before")
    after = judge.on_people(LipModel.load(folder / MODEL_NAME), material.split.held, "people, after")
    return Improvement(before, after, shipped, new, share, judge.verdict(before, after, shipped, new))


def checks_of(path: Path, checks: Sequence[Spoken], what: str) -> dict[str, Any]:
    """The checks of the model at `path`."""
    return judge.check(LipModel.load(path), checks, what)


def write_new(weights: Weights, material: Material, folder: Path, share: float) -> Path:
    """Quantizes weights into `folder`, with their metadata and float version beside; returns the model.

    The metadata say how much was watched, and of nobody by name.
    """
    from liplab.lips.package import write_model

    path = folder / MODEL_NAME
    facts = {
        MADE_FROM: shelf.shipped_facts()["sha256"],
        shelf.BEFORE: shelf.name_in_use(material.start),
        "improved": {
            "day": date.today().isoformat(),
            "share": share,
            "taught": _amount(material.split.taught),
            "held": _amount(material.split.held),
            "held_by": "person" if material.split.by_person else "clip",
        },
        "training": shelf.shipped_facts()["training"],
    }
    write_model(weights, material.recordings, path, facts, material.margins)
    np.savez_compressed(path.with_name(shelf.WEIGHTS_NAME), **weights)
    return path


def _amount(clips: Sequence[Watched]) -> dict[str, Any]:
    return {
        "clips": len(clips),
        "persons": len({clip.person for clip in clips}),
        "minutes": round(sum(clip.seconds for clip in clips) / 60, 2),
    }


def shipped_checks(checks: Sequence[Spoken]) -> dict[str, Any]:
    """The checks of the shipped model."""
    return checks_of(shipped_model(), checks, "checks, shipped")
