"""What is done to a crop each time it is drawn: other speakers, microphones, noise, people who talk."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from liplab.lips import variation  # noqa: E402
from liplab.lips.variation import Draw  # noqa: E402
from lipwright.audio.features import BANDS, SILENCE, mel_centres  # noqa: E402


@pytest.fixture
def draw():
    return Draw(torch.Generator().manual_seed(3))


def tone(hertz, steps=10):
    """Features (1, steps, 160) with a hump at a frequency."""
    band = np.exp(-((np.arange(BANDS) - np.argmin(np.abs(mel_centres() - hertz))) ** 2) / 8)
    return torch.tensor(np.tile(SILENCE + 4 * band, (1, steps, 2)), dtype=torch.float32)


def level(features):
    """Mean power of every crop."""
    return torch.pow(10.0, features.double()).mean(dim=(1, 2))


@pytest.mark.parametrize("shorter", [0.86, 1.0, 1.16])
def test_a_shorter_vocal_tract_has_its_formants_higher_by_as_much(shorter):
    got = variation.warped(tone(1500), torch.tensor([shorter])).reshape(-1, BANDS)
    peaks = mel_centres()[got.argmax(dim=1).numpy()]
    assert np.all(np.abs(peaks / (1500 * shorter) - 1) < 0.04)
    assert got.max().item() == pytest.approx(SILENCE + 4, abs=0.3)


def test_a_vocal_tract_of_the_same_length_changes_nothing():
    plain = torch.randn(3, 20, 160)
    assert torch.allclose(variation.warped(plain, torch.ones(3)), plain, atol=1e-5)


@pytest.mark.parametrize("against_db", [3.0, 25.0])
def test_people_who_talk_into_a_crop_are_as_loud_as_asked_together(against_db):
    speech = torch.ones(2, 50, 160)
    voices = torch.randn(2, 3, 50, 160) - 2
    got = variation.talked_into(speech, voices, torch.full((2,), against_db))
    ratio_db = 10 * torch.log10(level(speech) / (level(got) - level(speech)))
    assert torch.allclose(ratio_db, torch.full((2,), against_db, dtype=torch.double), atol=0.1)


def test_a_microphone_colours_bands_and_leaves_silence_silent():
    speech = torch.zeros(1, 30, 160)
    rising = torch.linspace(-6, 6, variation.COLOUR_KNOTS)[None]
    got = variation.coloured(speech, rising).reshape(-1, BANDS)
    assert got[0, 0].item() == pytest.approx(-0.6, abs=0.01)
    assert got[0, -1].item() == pytest.approx(0.6, abs=0.01)
    silent = variation.coloured(torch.full((1, 30, 160), SILENCE), rising)
    assert silent.max().item() < SILENCE + 1


def test_hiss_is_as_loud_as_asked(draw):
    speech = torch.ones(4, 100, 160)
    flat = torch.zeros(4, variation.COLOUR_KNOTS)
    got = variation.hissed(speech, flat, torch.full((4,), 10.0), draw)
    ratio_db = 10 * torch.log10(level(speech) / (level(got) - level(speech)))
    assert torch.allclose(ratio_db, torch.full((4,), 10.0, dtype=torch.double), atol=0.1)


def test_bands_that_miss_hold_their_mean_and_others_are_left_alone():
    plain = torch.randn(1, 40, 160)
    got = variation.masked(plain, torch.tensor([20]), torch.tensor([7])).reshape(-1, BANDS)
    columns = plain.reshape(-1, BANDS)
    assert torch.allclose(got[:, 20:27], columns[:, 20:27].mean(dim=0).expand(80, 7), atol=1e-6)
    assert torch.equal(got[:, :20], columns[:, :20])
    assert torch.equal(got[:, 27:], columns[:, 27:])


def test_the_same_seed_varies_in_the_same_way_and_leaves_some_crops_alone(draw):
    plain = torch.randn(40, 30, 160) - 1
    voices = torch.randn(40, 4, 30, 160) - 2
    one = variation.varied(plain.clone(), voices, draw)
    other = variation.varied(plain.clone(), voices, Draw(torch.Generator().manual_seed(3)))
    assert torch.equal(one, other)
    assert torch.isfinite(one).all()
    untouched = sum(torch.equal(a, b) for a, b in zip(one, plain, strict=True))
    assert 0 < untouched < 20


@pytest.mark.parametrize("crops", [1, 2])
def test_so_few_crops_that_none_is_due_a_variation_are_no_error(draw, crops):
    plain = torch.randn(crops, 30, 160)
    assert variation.varied(plain, torch.randn(crops, 4, 30, 160), draw).shape == plain.shape
