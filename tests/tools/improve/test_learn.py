"""Training goes towards what the camera saw, goes on where it was stopped, and keeps nothing of that."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from liplab.improve import learn, shelf
from liplab.improve.learn import articulation_of, watched_labels
from liplab.improve.packs import Spoken
from liplab.improve.run import CALIBRATION_STEPS, CODE_NAME, Material, write_new
from liplab.improve.watched import Split, Watched, watched
from liplab.lips.code import LipCode, load_code
from liplab.lips.labels import Labels
from liplab.lips.network import LipNetwork
from liplab.watch.store import Store
from lipwright import resources
from lipwright.lips.chosen import shipped_model
from lipwright.lips.model import ARTICULATION


@pytest.fixture(scope="module")
def start() -> shelf.Weights:
    return shelf.load_weights(shipped_model())


@pytest.fixture(scope="module")
def code() -> LipCode:
    return load_code(resources.models_dir() / CODE_NAME)


@pytest.fixture
def clips(store: Store) -> list[Watched]:
    return watched(store.entries())[:4]


def network(weights: shelf.Weights) -> LipNetwork:
    made = LipNetwork()
    made.load(weights)
    return made.eval()


def error(weights: shelf.Weights, clips: list[Watched], asked: list[Labels]) -> float:
    """Of the aperture, against what is asked."""
    made = network(weights)
    apart = [
        articulation_of(made, clip.features)[:, 0] - one.articulation[:, 0]
        for clip, one in zip(clips, asked, strict=True)
    ]
    return float(np.sqrt(np.mean(np.concatenate(apart) ** 2)))


def test_what_no_camera_sees_stays_as_the_model_has_it(clips: list[Watched], start: shelf.Weights) -> None:
    made = network(start)
    for clip, goals in zip(clips, watched_labels(clips, made), strict=True):
        own = articulation_of(made, clip.features)
        for part in ("rounding", "tuck"):
            column = ARTICULATION.index(part)
            assert np.allclose(goals.articulation[:, column], own[:, column], atol=1e-3)
        tucked = own[:, ARTICULATION.index("tuck")] > learn.TUCKED
        assert tucked.any() and np.allclose(goals.articulation[tucked], own[tucked], atol=1e-3)
        assert not goals.event[tucked].any()
        used = clip.seen & ~tucked
        asked, own_aperture = goals.articulation[used, 0], own[used, 0]
        assert np.corrcoef(asked, clip.lips[used, 0])[0, 1] > 0.999
        assert abs(asked.mean() - own_aperture.mean()) < 0.05
        assert asked.std() / own_aperture.std() == pytest.approx(learn.SPREAD, abs=0.3)


def test_it_comes_nearer_to_what_was_seen(
    clips: list[Watched], spoken: list[Spoken], start: shelf.Weights, code: LipCode
) -> None:
    goals = watched_labels(clips, network(start))
    learned = learn.learn(start, code, clips, spoken, None, 12, 1)
    assert error(learned, clips, goals) < 0.97 * error(start, clips, goals)
    assert all(np.array_equal(learned[name], start[name]) for name in start if name.startswith("decoder"))
    half = learn.blended(start, learned, 0.5)
    name = "coder.0.weight"
    assert np.allclose(half[name], (start[name] + learned[name]) / 2, atol=1e-6)


def test_a_stopped_run_goes_on_and_its_checkpoint_holds_nothing_watched(
    clips: list[Watched],
    spoken: list[Spoken],
    start: shelf.Weights,
    code: LipCode,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(learn, "CHECKPOINT_STEPS", 2)
    whole = learn.learn(start, code, clips, spoken, None, 4, 1)
    checkpoint = tmp_path / "improving.pt"
    true_loss, calls = learn.loss, []

    def stopping(*arguments: object) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 6:  # two calls a step
            raise KeyboardInterrupt
        return true_loss(*arguments)

    monkeypatch.setattr(learn, "loss", stopping)
    with pytest.raises(KeyboardInterrupt):
        learn.learn(start, code, clips, spoken, checkpoint, 4, 1)
    stored = torch.load(checkpoint, weights_only=True)
    assert (
        set(stored) == {"run", "step", "network", "optimizer", "schedule", "random"} and stored["step"] == 2
    )
    assert checkpoint.stat().st_mode & 0o077 == 0
    held = checkpoint.read_bytes()
    for clip in clips:
        assert clip.name.encode() not in held and clip.person.encode() not in held
        for track in (clip.features, clip.lips, clip.measures):
            for kind in (np.float16, np.float32):
                assert track.astype(kind).tobytes()[64:128] not in held
    monkeypatch.setattr(learn, "loss", true_loss)
    resumed = learn.learn(start, code, clips, spoken, checkpoint, 4, 1)
    assert all(np.array_equal(resumed[name], whole[name]) for name in whole)
    checkpoint.write_bytes(b"damaged")
    again = learn.learn(start, code, clips[:3], spoken, checkpoint, 2, 1)
    assert not np.array_equal(again["coder.0.weight"], whole["coder.0.weight"])


def test_what_was_not_learned_anew_stays_as_it_was_to_the_bit(
    spoken: list[Spoken], start: shelf.Weights, tmp_path: Path
) -> None:
    features = np.concatenate([one.features for one in spoken])
    heard = Spoken(0, np.resize(features, (CALIBRATION_STEPS, features.shape[1])), [])
    material = Material(Split([], [], True), [heard], [], shipped_model())
    assert write_new(start, material, tmp_path, 0.0).read_bytes() == shipped_model().read_bytes()
    moved = {name: value * np.float32(1.01) for name, value in start.items()}
    assert write_new(moved, material, tmp_path, 1.0).read_bytes() != shipped_model().read_bytes()
