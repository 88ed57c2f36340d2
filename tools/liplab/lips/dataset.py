"""What the network learns from: augmented versions of the corpus, as features and articulation on disk."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from liplab.lips.network import LOOKAHEAD_STEPS
from liplab.speech.augment import Stream, streams
from liplab.speech.corpus import SEED, Part, load_part
from lipwright.errors import LipwrightError

VERSIONS = 2  # augmented versions of every part
BABBLE_PARTS = 12
BABBLE_S = 60
# How often a part is drawn, against its length: voices that were recorded from people teach more about
# people.
ENGINE_SHARE = {"recording": 2.5, "flite": 1.5, "festival": 1.0, "espeak-ng": 0.8}
CROP_STEPS = 300
# Steps at a crop's start that do not count: the network looks back over 51, which the crop lacks there.
BLIND_STEPS = 56
MASK_SHARE = 0.3  # of crops that miss some bands
MASK_BANDS = 16


def make_streams(folder: Path, parts: Sequence[Part], versions: int = VERSIONS) -> None:
    """Augment the training parts of a corpus `versions` times; what is on disk already is kept."""
    training = [part for part in parts if part.split == "train"]
    if not training:
        raise LipwrightError(f"The corpus in {folder} has no training speech; make it with: liplab corpus.")
    babble = None
    jobs = [(version, part) for version in range(versions) for part in training]
    for version, part in tqdm(jobs, unit="voice", desc="augment"):
        path = _path(folder, version, part)
        if path.exists():
            continue
        if babble is None:
            babble = _babble(folder, training)
        random = np.random.default_rng([SEED, version, zlib.crc32(part.name.encode())])
        _save(path, streams(load_part(folder, part), babble, random))


def _babble(folder: Path, parts: Sequence[Part]) -> npt.NDArray[np.float32]:
    random = np.random.default_rng(SEED)
    sounds = []
    for number in random.permutation(len(parts))[:BABBLE_PARTS]:
        sound = np.concatenate([utterance.samples for utterance in load_part(folder, parts[number])])
        sounds.append(sound[: BABBLE_S * 16000])
    return np.concatenate(sounds)


def _path(folder: Path, version: int, part: Part) -> Path:
    return folder / "streams" / str(version) / f"{part.name}.npz"


def _save(path: Path, made: Sequence[Stream]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part.npz")
    np.savez(
        partial,
        features=np.concatenate([stream.features for stream in made]),
        articulation=np.concatenate([stream.articulation for stream in made]),
        ends=np.cumsum([len(stream.features) for stream in made]),
    )
    partial.rename(path)


@dataclass
class Batch:
    """Crops of streams for one training step."""

    features: torch.Tensor  # (crops, steps, 160)
    articulation: torch.Tensor  # (crops, steps, 5), delayed by the look-ahead
    counts: torch.Tensor  # (crops, steps): 1 where the loss counts


class Streams:
    """All streams on disk in memory, drawn from at random."""

    def __init__(self, folder: Path, parts: Sequence[Part], versions: int = VERSIONS) -> None:
        self._streams: list[Stream] = []
        shares = []
        for version in range(versions):
            for part in parts:
                path = _path(folder, version, part)
                if part.split != "train" or not path.exists():
                    continue
                with np.load(path) as stored:
                    features, articulation, ends = stored["features"], stored["articulation"], stored["ends"]
                for start, end in zip([0, *ends[:-1]], ends, strict=True):
                    if end - start > CROP_STEPS // 2:
                        self._streams.append(Stream(features[start:end], articulation[start:end]))
                        shares.append((end - start) * ENGINE_SHARE[part.engine])
        if not shares:
            raise LipwrightError(f"There are no augmented streams in {folder}; run: liplab corpus.")
        self._shares = np.asarray(shares) / np.sum(shares)
        self.hours = sum(len(stream.features) for stream in self._streams) / 50 / 3600

    def batch(self, size: int, random: np.random.Generator) -> Batch:
        """`size` random crops."""
        features = np.full((size, CROP_STEPS, 160), -6.0, np.float32)
        articulation = np.zeros((size, CROP_STEPS, 5), np.float32)
        counts = np.zeros((size, CROP_STEPS), np.float32)
        for row, number in enumerate(random.choice(len(self._streams), size, p=self._shares)):
            stream = self._streams[number]
            start = int(random.integers(0, max(1, len(stream.features) - CROP_STEPS // 2)))
            if random.random() < 0.1:
                start = 0
            heard = stream.features[start : start + CROP_STEPS]
            features[row, : len(heard)] = heard
            # Step k describes the moment LOOKAHEAD_STEPS before it.
            places = np.maximum(np.arange(start, start + len(heard)) - LOOKAHEAD_STEPS, 0)
            articulation[row, : len(heard)] = stream.articulation[places]
            counts[row, (0 if start == 0 else BLIND_STEPS) : len(heard)] = 1
            if random.random() < MASK_SHARE:
                _mask(features[row], random)
        return Batch(torch.from_numpy(features), torch.from_numpy(articulation), torch.from_numpy(counts))

    def wanted(self) -> npt.NDArray[np.float32]:
        """Articulation (n, 5) that all the speech asks for, as training data for the lip code."""
        return np.concatenate([stream.articulation for stream in self._streams]).astype(np.float32)

    def recordings(self, count: int, steps: int, random: np.random.Generator) -> npt.NDArray[np.float32]:
        """The starts of `count` streams, (count, steps, 160), to calibrate int8 ranges with."""
        long_enough = [stream.features for stream in self._streams if len(stream.features) >= steps]
        if not long_enough:
            raise LipwrightError(
                "The corpus is too small to calibrate a model with; make more: liplab corpus."
            )
        rows = random.integers(len(long_enough), size=count)
        return np.stack([long_enough[row][:steps] for row in rows]).astype(np.float32)


def _mask(features: npt.NDArray[np.float32], random: np.random.Generator) -> None:
    """Fill some bands, in both columns of each step, with their own mean over the crop."""
    width = int(random.integers(2, MASK_BANDS))
    low = int(random.integers(0, 80 - width))
    columns = features.reshape(-1, 2, 80)
    columns[:, :, low : low + width] = columns[:, :, low : low + width].mean(axis=(0, 1))
