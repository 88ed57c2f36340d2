"""Log-mel features: the same streamed as at once, in time with the sound, silent on silence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipwright.audio.features import (
    BANDS,
    HIGHEST_HZ,
    LOWEST_HZ,
    SAMPLE_RATE,
    SILENCE,
    STEP_SAMPLES,
    StreamingLogMel,
    hz_to_mel,
    log_mel,
    mel_weights,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 1700), max_size=12), st.integers(0, 2**32 - 1))
def test_streaming_in_blocks_of_any_size_equals_the_whole_clip(sizes, seed):
    samples = np.random.default_rng(seed).normal(0, 0.1, sum(sizes)).astype(np.float32)
    stream = StreamingLogMel()
    steps = [step for block in np.split(samples, np.cumsum(sizes)) for step in stream.push(block)]
    whole = log_mel(samples)
    assert len(steps) == len(whole) == len(samples) // STEP_SAMPLES
    if steps:
        np.testing.assert_allclose(np.stack(steps), whole, atol=1e-5)


def test_a_step_comes_as_soon_as_its_20_ms_are_complete():
    stream = StreamingLogMel()
    assert stream.push(np.zeros(STEP_SAMPLES - 1, np.float32)) == []
    (step,) = stream.push(np.zeros(1, np.float32))
    assert step.shape == (2, BANDS)
    assert step.dtype == np.float32


def test_silence_reads_the_floor_and_full_scale_stays_in_range():
    np.testing.assert_allclose(log_mel(np.zeros(3200, np.float32)), SILENCE, atol=1e-5)
    loud = log_mel(np.random.default_rng(0).uniform(-1, 1, 3200).astype(np.float32))
    assert np.all(loud < 4.5)


@pytest.mark.parametrize("hertz", [100.0, 440.0, 1000.0, 3000.0, 7000.0])
def test_a_tone_lights_the_band_of_its_frequency(hertz):
    tone = np.sin(2 * np.pi * hertz * np.arange(8000) / SAMPLE_RATE).astype(np.float32)
    band = int(np.argmax(log_mel(tone)[10].mean(axis=0)))
    spacing = (hz_to_mel(HIGHEST_HZ) - hz_to_mel(LOWEST_HZ)) / (BANDS + 1)
    expected = float(hz_to_mel(hertz) - hz_to_mel(LOWEST_HZ)) / spacing - 1
    assert abs(band - expected) <= 1.5


def test_no_band_is_empty():
    weights = mel_weights()
    assert weights.shape == (257, BANDS)
    np.testing.assert_allclose(weights.sum(axis=0), 1, rtol=1e-5)


def test_a_click_is_seen_in_the_step_that_completes_it():
    samples = np.zeros(16000, np.float32)
    samples[5000] = 1.0
    seen = log_mel(samples).max(axis=(1, 2)) > SILENCE + 1
    assert np.flatnonzero(seen)[0] == 5000 // STEP_SAMPLES


def test_stereo_is_refused():
    with pytest.raises(ValueError, match="one dimension"):
        StreamingLogMel().push(np.zeros((100, 2), np.float32))
