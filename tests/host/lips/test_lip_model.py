"""The shipped lip model on the real TFLite runtime: streams, holds no hidden state, says what it says."""

import json
import shutil

import numpy as np
import pytest

from lipwright import resources, tflite
from lipwright.audio.decode import RATE, open_sound
from lipwright.audio.features import StreamingLogMel, log_mel
from lipwright.errors import LipwrightError
from lipwright.lips.model import ARTICULATION, MODEL_NAME, LipModel

APERTURE = ARTICULATION.index("aperture")


@pytest.fixture(scope="module")
def model():
    return LipModel.load()


@pytest.fixture(scope="module")
def sentence():
    return np.concatenate(list(open_sound(resources.shipped_clip()).blocks(RATE)))


def stream(model, samples, block=320):
    features, state = StreamingLogMel(), model.initial_state()
    return [
        model.step(step, state)
        for start in range(0, len(samples), block)
        for step in features.push(samples[start : start + block])
    ]


def codes(frames):
    return np.array([frame.code for frame in frames])


def test_the_metadata_states_what_the_runtime_needs(model):
    assert model.step_ms == 20
    assert 0 < model.lookahead_ms <= 80
    assert model.code_size == 8
    assert model.metadata["articulation"] == list(ARTICULATION)
    assert model.sound_time(model.steps_ahead) >= 0


def test_blocks_of_any_size_give_the_same_frames(model, sentence):
    by_step = stream(model, sentence[:32000])
    by_odd_blocks = stream(model, sentence[:32000], block=777)
    assert len(by_step) == len(by_odd_blocks) == 100
    np.testing.assert_array_equal(codes(by_step), codes(by_odd_blocks))


def test_two_interleaved_streams_do_not_disturb_each_other(model, sentence):
    first, second = log_mel(sentence[8000:40000]), log_mel(sentence[40000:72000])
    states = model.initial_state(), model.initial_state()
    together = [
        (model.step(left, states[0]).code, model.step(right, states[1]).code)
        for left, right in zip(first, second, strict=True)
    ]
    for number, steps in enumerate((first, second)):
        state = model.initial_state()
        alone = [model.step(step, state).code for step in steps]
        np.testing.assert_array_equal([pair[number] for pair in together], alone)


def test_a_copied_state_goes_on_by_itself(model, sentence):
    steps = log_mel(sentence[16000:32000])
    state = model.initial_state()
    for step in steps[:30]:
        model.step(step, state)
    copy = state.copy()
    expected = [model.step(step, state).code for step in steps[30:]]
    np.testing.assert_array_equal([model.step(step, copy).code for step in steps[30:]], expected)


def test_the_articulation_moves_with_speech_and_rests_in_silence(model, sentence):
    spoken = np.array([frame.articulation for frame in stream(model, sentence)])
    aperture = spoken[:, APERTURE]
    assert np.percentile(aperture, 95) - np.percentile(aperture, 5) > 0.2
    assert aperture.min() < 0
    silent = np.array([frame.articulation for frame in stream(model, np.zeros(32000, np.float32))])
    assert np.all(np.abs(silent[25:, APERTURE]) < 0.08)
    assert np.ptp(silent[70:], axis=0).max() == 0  # the network looks back over 51 steps


def test_the_golden_frames_of_the_shipped_sentence(model, sentence):
    """Other runtimes and processors round differently by a few of 256 steps; more means another model."""
    with np.load(resources.models_dir() / "lip_model_golden.npz") as golden:
        expected = golden["articulation"]
        assert str(golden["sha256"]) == model.metadata["sha256"]
    frames = stream(model, sentence)
    got = np.array([frame.articulation for frame in frames])
    error = np.mean((got - expected) ** 2)
    assert 10 * np.log10(np.var(expected) / error) > 25 if error else True


def test_a_model_without_its_metadata_is_refused_in_a_sentence(tmp_path):
    shutil.copy(resources.models_dir() / MODEL_NAME, tmp_path)
    with pytest.raises(LipwrightError, match=r"lip_model\.json is missing"):
        LipModel.load(tmp_path / MODEL_NAME)


def test_a_model_with_another_ones_metadata_is_refused(tmp_path):
    for suffix in (".tflite", ".json"):
        shutil.copy((resources.models_dir() / MODEL_NAME).with_suffix(suffix), tmp_path)
    path = tmp_path / MODEL_NAME
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(LipwrightError, match="is not the model that"):
        LipModel.load(path)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"sha256": 3}'])
def test_broken_metadata_is_refused(tmp_path, text):
    shutil.copy(resources.models_dir() / MODEL_NAME, tmp_path)
    (tmp_path / "lip_model.json").write_text(text)
    with pytest.raises(LipwrightError):
        LipModel.load(tmp_path / MODEL_NAME)


def test_a_model_for_other_features_is_refused(tmp_path):
    source = resources.models_dir() / MODEL_NAME
    shutil.copy(source, tmp_path)
    metadata = json.loads(source.with_suffix(".json").read_text())
    metadata["features"]["bands"] = 40
    (tmp_path / "lip_model.json").write_text(json.dumps(metadata))
    with pytest.raises(LipwrightError, match="another version"):
        LipModel.load(tmp_path / MODEL_NAME)


def test_a_table_translates_between_scales():
    source = tflite.Tensor("a", 0, (1, 4), 0.1, -128)
    target = tflite.Tensor("b", 1, (1, 4), 0.2, 0)
    table = tflite.taps_input_table(source, target)
    numbers = np.arange(-128, 128).astype(np.int8)
    np.testing.assert_allclose(
        target.dequantize(table), np.clip(source.dequantize(numbers), -25.6, 25.4), atol=0.1001
    )
