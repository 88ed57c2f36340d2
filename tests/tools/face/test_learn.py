"""A face is learned through its self-model: a small lesson already goes the right way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from liplab.cli import main
from liplab.face.babble import PWM_WAIT_S, Babble, babble
from liplab.face.evaluate import score
from liplab.face.learn import learn_face, learn_self_model
from liplab.face.networks import CODE_SIZE, SELF_COMMANDS, FaceNetwork, SelfModel
from liplab.face.package import quantization_snr, write_face_model
from liplab.face.speech import SpeechCodes, load_speech
from lipwright.errors import LipwrightError
from lipwright.face.model import FaceModel
from lipwright.face.profile import load_profile

PROFILE = load_profile()
REST = PROFILE.rest_targets()[:11]
SPEEDS = np.array([channel.speed for channel in PROFILE.channels[:11]], np.float32)


MIX = np.random.default_rng(7).normal(0, 1, (5, CODE_SIZE)).astype(np.float32)


def decode(codes: torch.Tensor) -> torch.Tensor:
    """Articulation of made-up codes."""
    return codes @ torch.from_numpy(np.linalg.pinv(MIX))


def made_up_speech(streams: int = 12, steps: int = 600) -> SpeechCodes:
    """Smooth random articulation with closures, and codes that are a fixed mix of it."""
    rng = np.random.default_rng(3)
    codes, asked = [], []
    for _ in range(streams):
        knots = rng.uniform([-0.3, -0.8, -0.2, 0.0, -0.6], [0.7, 0.6, 0.9, 0.5, 0.4], (steps // 6 + 2, 5))
        track = np.stack(
            [np.interp(np.arange(steps) / 6, np.arange(len(knots)), knots[:, k]) for k in range(5)], axis=1
        )
        track = np.clip(track, [-0.08, -1, 0, 0, 0], 1)
        track[:20] = [-0.01, 0, 0, 0.02, 0]
        asked.append(track.astype(np.float32))
        codes.append((track @ MIX).astype(np.float32))
    return SpeechCodes(codes, asked)


@pytest.fixture(scope="module")
def babbled() -> Babble:
    return babble(PROFILE, 8000, seed=2)


@pytest.fixture(scope="module")
def self_model(babbled: Babble) -> SelfModel:
    torch.set_num_threads(1)
    model, errors = learn_self_model([babbled], seed=0, steps=700)
    assert errors.lips_mm < 1.0
    assert errors.articulation[0] < 0.06
    return model


@pytest.fixture(scope="module")
def network(self_model: SelfModel) -> tuple[FaceNetwork, list[float]]:
    losses: list[float] = []
    learned = learn_face(
        made_up_speech(),
        decode,
        self_model,
        REST,
        SPEEDS,
        seed=0,
        steps=120,
        report=lambda _, loss: losses.append(loss),
    )
    return learned, losses


def test_learning_lowers_the_loss(network: tuple[FaceNetwork, list[float]]) -> None:
    losses = network[1]
    assert np.mean(losses[-10:]) < 0.3 * np.mean(losses[:10])


def test_learned_commands_are_symmetric_and_in_range(network: tuple[FaceNetwork, list[float]]) -> None:
    speech = made_up_speech()
    with torch.no_grad():
        codes = torch.from_numpy(np.stack(speech.codes)[:4])
        given = network[0].rollout(codes, torch.from_numpy(REST).expand(4, 2, 11))
    assert given.min() > -0.25 and given.max() < 1.25
    for left, right in ((2, 3), (5, 6), (9, 10)):
        assert (given[..., left] - given[..., right]).abs().mean() < 0.08


def test_int8_model_runs_like_the_float_network(
    network: tuple[FaceNetwork, list[float]], tmp_path: Path
) -> None:
    speech = made_up_speech()
    metadata = write_face_model(network[0], speech, REST, tmp_path / "face.tflite", {})
    model = FaceModel((tmp_path / "face.tflite").read_bytes(), metadata)
    state = model.initial_state()
    codes = speech.codes[3]
    targets = np.array([model.step(code, state) for code in codes])[3:]
    assert quantization_snr(network[0], codes, speech.rest_code, REST, targets) > 20


def test_self_model_sees_lag(self_model: SelfModel) -> None:
    still = torch.from_numpy(np.tile(REST, (1, SELF_COMMANDS, 1)))
    jumped = still.clone()
    jumped[:, -1, 0] = 1.0  # the jaw told to open 20 ms ago
    opened = torch.ones_like(still) * still
    opened[:, :, 0] = 1.0
    jaw = [float(self_model(commands)[0][0, 3]) for commands in (still, jumped, opened)]
    assert jaw[0] < 0.1 and jaw[2] > 0.85
    assert jaw[1] < 0.5 * jaw[2]


def test_scores_of_a_perfect_and_of_a_still_mouth() -> None:
    speech = made_up_speech(2)
    lead = round((PROFILE.lead_ms - 1000 * PWM_WAIT_S) / 20)

    def performed(track: np.ndarray) -> Babble:
        held = np.concatenate([np.repeat(track[:1], lead, axis=0), track[: len(track) - lead]])
        none = np.zeros((len(track), 26), np.float32)
        return Babble(none, np.zeros((len(track), 20, 3), np.float32), held, np.arange(len(track)) * 0.02)

    perfect = score([(performed(asked), asked) for asked in speech.articulation], PROFILE)
    assert perfect.r["aperture"] > 0.999 and perfect.closure_rate == 1.0
    assert abs(perfect.offset_ms) < 1 and perfect.false_closures_per_minute == 0
    still = score([(performed(np.full_like(asked, 0.3)), asked) for asked in speech.articulation], PROFILE)
    assert still.r["aperture"] == 0 and still.closure_rate == 0


def test_speech_codes_are_split_by_stream_and_bad_files_are_refused(tmp_path: Path) -> None:
    speech = made_up_speech(10)
    path = tmp_path / "codes.npz"
    np.savez(
        path,
        code=np.concatenate(speech.codes),
        articulation=np.concatenate(speech.articulation),
        ends=np.cumsum([len(codes) for codes in speech.codes]),
    )
    training, held_out = load_speech(path).split()
    assert len(training.codes) == 9 and len(held_out.codes) == 1
    assert np.array_equal(held_out.codes[0], speech.codes[-1])
    (tmp_path / "bad.npz").write_bytes(b"no zip")
    with pytest.raises(LipwrightError, match="liplab train"):
        load_speech(tmp_path / "bad.npz")


def test_babble_command_writes_what_train_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "babble.npz"
    assert main(["face", "babble", "-o", str(path), "--frames", "1000"]) == 0
    assert Babble.load(path).commands.shape == (1000, 26)
    assert main(["face", "babble", "-o", str(path), "--frames", "10"]) == 2
    assert "1000" in capsys.readouterr().err
