"""Crops of streams: what is asked lies where the sound that it describes was heard."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from liplab.lips import dataset  # noqa: E402
from liplab.lips.dataset import CROP_STEPS, Streams, make_streams, stored_streams  # noqa: E402
from liplab.lips.labels import UNKNOWN, labels  # noqa: E402
from liplab.lips.network import LOOKAHEAD_STEPS  # noqa: E402
from liplab.lips.variation import Draw  # noqa: E402
from liplab.scores import Phone  # noqa: E402
from liplab.speech.augment import Stream  # noqa: E402
from liplab.speech.corpus import recipe  # noqa: E402
from lipwright.errors import LipwrightError  # noqa: E402

STEPS = 400
# Not at whole steps, where what is stored in 32 bits could fall to either side.
SAID = [Phone("pan"[number % 3], number * 0.08 + 0.007, number * 0.08 + 0.087) for number in range(100)]


@pytest.fixture
def streams(tmp_path):
    """Two streams whose features tell where in which stream a step lies."""
    part = replace(next(part for part in recipe() if part.name == "espeak-nl"), split="train")
    unmeasured = np.full((STEPS, 5), np.nan, np.float32)
    made = [
        Stream(
            np.repeat(np.arange(STEPS)[:, None] / 512 + first, 160, axis=1).astype(np.float16),
            SAID,
            unmeasured,
        )
        for first in (0, 1)
    ]
    dataset._save(dataset._path(tmp_path, 0, part), made)
    return stored_streams(tmp_path, [part])


def test_what_is_asked_describes_the_sound_of_a_look_ahead_before(streams):
    asked = labels(SAID, np.full((STEPS, 5), np.nan, np.float32))
    batch = streams.batch(8, Draw(torch.Generator().manual_seed(1)))
    for crop in range(8):
        step = (batch.plain[crop, :, 0] % 1 * 512).round().long()
        inside = batch.phone[crop] != UNKNOWN
        places = (step - LOOKAHEAD_STEPS).clamp(min=0)[inside].numpy()
        assert np.allclose(batch.articulation[crop][inside].numpy(), asked.articulation[places], atol=1e-3)
        assert np.array_equal(batch.open[crop][inside].numpy() > 0, asked.open[places])
        assert np.array_equal(batch.event[crop][inside].numpy() > 0, asked.event[places] > 0)


def test_events_of_a_crop_keep_apart_and_count_from_one(streams):
    batch = streams.batch(4, Draw(torch.Generator().manual_seed(7)))
    for crop in batch.event:
        numbers = crop[crop > 0].unique()
        assert numbers[0] == 1
        assert len(numbers) > 20 and numbers[-1] <= dataset.MOST_EVENTS


def test_past_a_streams_end_nothing_counts(streams):
    batch = streams.batch(64, Draw(torch.Generator().manual_seed(3)))
    past = batch.plain[..., 0] < -1
    assert past.any() and not past[:, 0].any()
    assert batch.plain.shape[1] == CROP_STEPS
    for values in (batch.counts, batch.open, batch.event.sum(dim=-1)):
        assert not values[past].any()


def test_a_beginning_counts_from_its_first_step_and_others_from_where_enough_was_heard(streams):
    batch = streams.batch(64, Draw(torch.Generator().manual_seed(4)))
    begins = batch.plain[:, 0, 0] % 1 == 0
    assert begins.any() and not begins.all()
    assert batch.counts[begins, 0].all()
    assert not batch.counts[~begins][:, : dataset.BLIND_STEPS].any()


def test_where_nothing_is_asked_nothing_counts_and_others_talk_into_it(streams):
    asked = labels(SAID, np.full((STEPS, 5), np.nan, np.float32))
    silent = np.arange(STEPS) % 7 == 0
    heard = np.arange(STEPS, dtype=np.float32)[:, None].repeat(160, axis=1) / 512
    batch = Streams([heard], [asked._replace(counts=~silent)]).batch(
        8, Draw(torch.Generator().manual_seed(2)), streams
    )
    for crop in range(8):
        step = (batch.plain[crop, :, 0] * 512).round().long()
        inside = (batch.plain[crop, :, 0] >= 0) & (torch.arange(CROP_STEPS) >= dataset.BLIND_STEPS)
        places = (step - LOOKAHEAD_STEPS).clamp(min=0)[inside].numpy()
        assert np.array_equal(batch.counts[crop][inside].numpy() > 0, ~silent[places])
    assert not torch.equal(batch.features, batch.plain)


def test_a_corpus_without_training_speech_is_refused_with_what_to_do(tmp_path):
    held_out = [part for part in recipe() if part.split == "held_out"]
    with pytest.raises(LipwrightError, match="liplab corpus"):
        make_streams(tmp_path, held_out)
