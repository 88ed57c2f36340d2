"""Crops of log-mel features as other people, rooms and machines would have made them, anew at every draw.

What needs the sound itself (speed, rooms, codecs) was done to the streams on disk (`liplab.speech.augment`);
here is what can be done to features. All functions take and return features (crops, steps, 160) in log10 of
power, work on the device where the features lie, and leave some crops as they are.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch

from lipwright.audio.features import BANDS, COLUMNS_PER_STEP, SILENCE, mel_centres

# Of crops whose formants are moved without their tempo, as by a vocal tract this much shorter: a cheap way
# to more speakers (vocal tract length perturbation, Jaitly and Hinton 2013).
WARP_SHARE = 0.5
WARP = (0.86, 1.16)
BABBLE_SHARE = 0.3  # of crops that others talk into
BABBLE_VOICES = (1, 4)
BABBLE_DB = (3.0, 25.0)  # speech against them
COLOUR_SHARE = 0.4  # of crops heard by another microphone
COLOUR_DB = 7.0
COLOUR_KNOTS = 6  # places along the bands between which its colour runs in a straight line
HISS_SHARE = 0.3  # of crops with steady noise under them
HISS_DB = (6.0, 40.0)  # speech against it
HISS_SWING_DB = 12.0  # of its own colour
MASK_SHARE = 0.3  # of crops that miss some bands
MASK_BANDS = 16


class Draw(NamedTuple):
    """Random numbers on a device."""

    generator: torch.Generator

    def uniform(self, low: float, high: float, *shape: int) -> torch.Tensor:
        """Numbers from low to high."""
        drawn = torch.rand(*shape, generator=self.generator, device=self.generator.device)
        return low + (high - low) * drawn

    def integers(self, low: int, high: int, *shape: int) -> torch.Tensor:
        """Whole numbers from low to high, both among them."""
        return torch.randint(low, high + 1, shape, generator=self.generator, device=self.generator.device)

    def some(self, share: float, count: int) -> torch.Tensor:
        """Places of this share of `count` things; how many is known without asking the device."""
        order = torch.randperm(count, generator=self.generator, device=self.generator.device)
        return order[: round(share * count)]


def warped(features: torch.Tensor, shorter: torch.Tensor) -> torch.Tensor:
    """Features in which what lay at a frequency lies at `shorter` (crops,) times it."""
    centres = _centres(features.device)
    wanted = (centres / shorter[:, None]).contiguous()
    high = torch.searchsorted(centres, wanted).clamp(1, BANDS - 1)
    low = high - 1
    share = ((wanted - centres[low]) / (centres[high] - centres[low])).clamp(0, 1)[:, None]
    columns = features.reshape(len(features), features.shape[1] * COLUMNS_PER_STEP, BANDS)
    shape = columns.shape
    moved = (1 - share) * columns.gather(2, low[:, None].expand(shape)) + share * columns.gather(
        2, high[:, None].expand(shape)
    )
    return moved.view_as(features)


def talked_into(features: torch.Tensor, voices: torch.Tensor, against_db: torch.Tensor) -> torch.Tensor:
    """Features with others' `voices` (crops, people, steps, 160), all equally loud, added as powers.

    Phases are taken for independent. `against_db` (crops,): the speech's level above theirs together.
    """
    powers = torch.pow(10.0, voices)
    together = (powers / powers.mean(dim=(2, 3), keepdim=True).clamp(min=1e-9)).sum(dim=1)
    return _added(features, together, against_db)


def coloured(features: torch.Tensor, colour_db: torch.Tensor) -> torch.Tensor:
    """Features through a filter whose gains in dB (crops, knots) lie evenly along the bands."""
    gain = _along_bands(colour_db) / 10
    return torch.log10(torch.pow(10.0, features + gain) + 10**SILENCE)


def hissed(
    features: torch.Tensor, colour_db: torch.Tensor, against_db: torch.Tensor, draw: Draw
) -> torch.Tensor:
    """Features with steady noise of its own colour (crops, knots) under them."""
    # The power of noise in a band over a short window spreads like a sum of a few exponentials.
    steady = -torch.log(draw.uniform(1e-4, 1, *features.shape) * draw.uniform(1e-4, 1, *features.shape)) / 2
    return _added(features, steady * torch.pow(10.0, _along_bands(colour_db) / 10), against_db)


def masked(features: torch.Tensor, low: torch.Tensor, width: torch.Tensor) -> torch.Tensor:
    """Features whose bands from `low` on, `width` of them (crops,), hold their mean over the crop."""
    band = torch.arange(BANDS, device=features.device)
    missing = (band >= low[:, None]) & (band < (low + width)[:, None])
    missing = missing.repeat(1, COLUMNS_PER_STEP)[:, None]
    mean = (
        features.reshape(len(features), features.shape[1] * COLUMNS_PER_STEP, BANDS)
        .mean(dim=1)
        .repeat(1, COLUMNS_PER_STEP)
    )
    return torch.where(missing, mean[:, None], features)


def varied(features: torch.Tensor, voices: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Crops varied at random, in place; `voices` (crops, people, steps, 160) may talk into them."""
    count = len(features)
    some = draw.some(WARP_SHARE, count)
    features[some] = warped(features[some], draw.uniform(*WARP, len(some)))
    some = draw.some(COLOUR_SHARE, count)
    features[some] = coloured(features[some], _colour(COLOUR_DB, len(some), draw))
    some = draw.some(BABBLE_SHARE, count)
    speakers = draw.integers(*BABBLE_VOICES, len(some))[:, None, None, None]
    person = torch.arange(voices.shape[1], device=features.device)[:, None, None]
    heard = torch.where(person < speakers, voices[some], -torch.inf)
    features[some] = talked_into(features[some], heard, draw.uniform(*BABBLE_DB, len(some)))
    some = draw.some(HISS_SHARE, count)
    colour = _colour(HISS_SWING_DB, len(some), draw)
    features[some] = hissed(features[some], colour, draw.uniform(*HISS_DB, len(some)), draw)
    some = draw.some(MASK_SHARE, count)
    width = draw.integers(2, MASK_BANDS, len(some))
    features[some] = masked(features[some], draw.integers(0, BANDS - MASK_BANDS, len(some)), width)
    return features


@lru_cache
def _centres(device: torch.device) -> torch.Tensor:
    """The bands' centres in Hz: brought to a device once, since each time waits for it."""
    return torch.tensor(mel_centres(), dtype=torch.float32, device=device)


def _added(features: torch.Tensor, powers: torch.Tensor, against_db: torch.Tensor) -> torch.Tensor:
    own = torch.pow(10.0, features)
    wanted = own.mean(dim=(1, 2)) * torch.pow(10.0, -against_db / 10)
    level = wanted / powers.mean(dim=(1, 2)).clamp(min=1e-9)
    return torch.log10(own + level[:, None, None] * powers)


def _colour(most_db: float, count: int, draw: Draw) -> torch.Tensor:
    return draw.uniform(-most_db, most_db, count, COLOUR_KNOTS)


def _along_bands(knots: torch.Tensor) -> torch.Tensor:
    """Values (crops, knots) as gains (crops, 1, 160) of every band of a step."""
    place = torch.linspace(0, COLOUR_KNOTS - 1, BANDS, device=knots.device)
    low = place.long().clamp(max=COLOUR_KNOTS - 2)
    share = place - low
    return ((1 - share) * knots[:, low] + share * knots[:, low + 1]).repeat(1, COLUMNS_PER_STEP)[:, None]
