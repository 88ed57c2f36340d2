"""What the network learns from: augmented versions of the corpus, as features and phones on disk."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from liplab.lips.labels import EVENTS, UNKNOWN, Labels, labels
from liplab.lips.network import LOOKAHEAD_STEPS
from liplab.scores import Phone
from liplab.speech.augment import Stream, streams
from liplab.speech.corpus import SEED, Part, load_part, part_path
from lipwright.audio.features import BANDS, SILENCE, mel_centres
from lipwright.errors import LipwrightError

VERSIONS = 1  # augmented versions of every part; a crop is varied anew each time it is drawn
BABBLE_PARTS = 12
BABBLE_S = 60
# How often a part is drawn, against its length: voices that were recorded from people teach more about
# people.
ENGINE_SHARE = {"recording": 2.0, "flite": 1.5}
CROP_STEPS = 300
# Steps at a crop's start that do not count: the network looks back over 51, which the crop lacks there.
BLIND_STEPS = 56
MASK_SHARE = 0.3  # of crops that miss some bands
MASK_BANDS = 16
# Of crops whose formants are moved without their tempo, as by a vocal tract this much shorter: a cheap way
# to more speakers (vocal tract length perturbation, Jaitly and Hinton 2013).
WARP_SHARE = 0.5
WARP = (0.86, 1.16)
BABBLE_SHARE = 0.2  # of crops that others talk into
BABBLE_VOICES = (1, 5)
BABBLE_DB = (3.0, 25.0)  # speech against them
MOST_EVENTS = 1 << 15  # of a stream: their numbers are 16-bit
_CENTRES_HZ = mel_centres()


def make_streams(folder: Path, parts: Sequence[Part], versions: int = VERSIONS) -> None:
    """Augment the training parts of a corpus `versions` times; what is on disk already is kept."""
    training = [part for part in parts if part.split == "train"]
    if not training:
        raise LipwrightError(f"The corpus in {folder} has no training speech; make it with: liplab corpus.")
    babble = None
    jobs = [(version, part) for version in range(versions) for part in training]
    for version, part in tqdm(jobs, unit="voice", desc="augment"):
        path = _path(folder, version, part)
        if path.exists() and path.stat().st_mtime >= part_path(folder, part).stat().st_mtime:
            continue
        if babble is None:
            babble = _babble(folder, training)
        random = np.random.default_rng([SEED, version, zlib.crc32(part.name.encode())])
        _save(path, streams(load_part(folder, part), babble, random))


def _babble(folder: Path, parts: Sequence[Part]) -> npt.NDArray[np.float32]:
    """Some speech of BABBLE_PARTS voices, by their names, so that it changes little when voices are added."""
    sounds = []
    for part in sorted(parts, key=lambda part: zlib.crc32(part.name.encode()))[:BABBLE_PARTS]:
        sound = np.concatenate([utterance.samples for utterance in load_part(folder, part)])
        sounds.append(sound[: BABBLE_S * 16000])
    return np.concatenate(sounds)


def _path(folder: Path, version: int, part: Part) -> Path:
    return folder / "streams" / str(version) / f"{part.name}.npz"


def _save(path: Path, made: Sequence[Stream]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part.npz")
    rows = [(number, phone) for number, stream in enumerate(made) for phone in stream.phones]
    np.savez(
        partial,
        features=np.concatenate([stream.features for stream in made]),
        lips=np.concatenate([stream.lips for stream in made]).astype(np.float16),
        ends=np.cumsum([len(stream.features) for stream in made]),
        stream=np.array([number for number, _ in rows], np.int32),
        ipa=np.array([phone.ipa for _, phone in rows]),
        times=np.array([[phone.start_s, phone.end_s] for _, phone in rows], np.float32).reshape(-1, 2),
    )
    partial.rename(path)


def _load(path: Path) -> Iterator[Stream]:
    with np.load(path) as stored:
        features, lips, ends = stored["features"], stored["lips"], stored["ends"]
        rows = np.searchsorted(stored["stream"], np.arange(len(ends) + 1))
        ipa, times = stored["ipa"].tolist(), stored["times"].tolist()
    for number, end in enumerate(ends):
        start = ends[number - 1] if number else 0
        said = range(rows[number], rows[number + 1])
        phones = [Phone(ipa[row], *times[row]) for row in said]
        yield Stream(features[start:end], phones, lips[start:end].astype(np.float32))


class Batch(NamedTuple):
    """Crops of streams for one training step; what is asked is delayed by the look-ahead."""

    features: torch.Tensor  # (crops, steps, 160)
    articulation: torch.Tensor  # (crops, steps, 5)
    phone: torch.Tensor  # (crops, steps) class, or UNKNOWN
    event: torch.Tensor  # (crops, steps, 3) numbers of events, unique within the batch; 0 for none
    open: torch.Tensor  # (crops, steps) 1 where a closure would be a false one
    counts: torch.Tensor  # (crops, steps) 1 where the loss counts


class Streams:
    """All streams on disk in memory, drawn from at random."""

    def __init__(self, folder: Path, parts: Sequence[Part], versions: int = VERSIONS) -> None:
        self._features: list[npt.NDArray[np.float16]] = []
        self._labels: list[Labels] = []
        shares = []
        for version, part in tqdm(
            [(version, part) for version in range(versions) for part in parts], unit="voice", desc="load"
        ):
            path = _path(folder, version, part)
            if part.split != "train" or not path.exists():
                continue
            for stream in _load(path):
                if len(stream.features) > CROP_STEPS // 2:
                    self._features.append(stream.features)
                    self._labels.append(labels(stream.phones, stream.lips))
                    shares.append(len(stream.features) * ENGINE_SHARE.get(part.engine, 1.0))
        if not shares:
            raise LipwrightError(f"There are no augmented streams in {folder}; run: liplab corpus.")
        self._shares = np.asarray(shares) / np.sum(shares)
        self.hours = sum(map(len, self._features)) / 50 / 3600

    def batch(self, size: int, random: np.random.Generator) -> Batch:
        """`size` random crops."""
        features = np.full((size, CROP_STEPS, 160), SILENCE, np.float32)
        articulation = np.zeros((size, CROP_STEPS, 5), np.float32)
        phone = np.full((size, CROP_STEPS), UNKNOWN, np.int64)
        event = np.zeros((size, CROP_STEPS, len(EVENTS)), np.int64)
        opened = np.zeros((size, CROP_STEPS), np.float32)
        counts = np.zeros((size, CROP_STEPS), np.float32)
        for row, number in enumerate(random.choice(len(self._features), size, p=self._shares)):
            stream, asked = self._features[number], self._labels[number]
            start = int(random.integers(0, max(1, len(stream) - CROP_STEPS // 2)))
            if random.random() < 0.1:
                start = 0
            heard = stream[start : start + CROP_STEPS]
            length = len(heard)
            features[row, :length] = heard
            # Step k describes the moment LOOKAHEAD_STEPS before it.
            places = np.maximum(np.arange(start, start + length) - LOOKAHEAD_STEPS, 0)
            articulation[row, :length] = asked.articulation[places]
            phone[row, :length] = asked.phone[places]
            event[row, :length] = asked.event[places]
            opened[row, :length] = asked.open[places]
            counts[row, (0 if start == 0 else BLIND_STEPS) : length] = 1
            if random.random() < WARP_SHARE:
                features[row] = warped(features[row], random.uniform(*WARP))
            if random.random() < BABBLE_SHARE:
                others = random.integers(len(self._features), size=random.integers(*BABBLE_VOICES))
                features[row] = talked_into(features[row], [self._features[one] for one in others], random)
            if random.random() < MASK_SHARE:
                _mask(features[row], random)
        event[event > 0] += np.broadcast_to(MOST_EVENTS * np.arange(size)[:, None, None], event.shape)[
            event > 0
        ]
        arrays = (features, articulation, phone, event, opened, counts)
        return Batch(*map(torch.from_numpy, arrays))

    def wanted(self) -> npt.NDArray[np.float32]:
        """Articulation (n, 5) that all the speech asks for, as training data for the lip code."""
        return np.concatenate([asked.articulation for asked in self._labels]).astype(np.float32)

    def recordings(self, count: int, steps: int, random: np.random.Generator) -> npt.NDArray[np.float32]:
        """The starts of `count` streams, (count, steps, 160), to calibrate int8 ranges with."""
        long_enough = [stream for stream in self._features if len(stream) >= steps]
        if not long_enough:
            raise LipwrightError(
                "The corpus is too small to calibrate a model with; make more: liplab corpus."
            )
        rows = random.integers(len(long_enough), size=count)
        return np.stack([long_enough[row][:steps] for row in rows]).astype(np.float32)


def warped(features: npt.NDArray[np.float32], shorter: float) -> npt.NDArray[np.float32]:
    """Features (steps, 160) in which what lay at a frequency lies at `shorter` times it."""
    place = np.interp(_CENTRES_HZ / shorter, _CENTRES_HZ, np.arange(BANDS))
    low = np.minimum(place.astype(np.intp), BANDS - 2)
    share = (place - low).astype(np.float32)
    columns = features.reshape(-1, BANDS)
    moved: npt.NDArray[np.float32] = (1 - share) * columns[:, low] + share * columns[:, low + 1]
    return moved.reshape(features.shape)


def talked_into(
    features: npt.NDArray[np.float32],
    others: Sequence[npt.NDArray[np.float16]],
    random: np.random.Generator,
) -> npt.NDArray[np.float32]:
    """Features (steps, 160) with other streams added as powers, as if their phases were independent."""
    voices = np.zeros_like(features)
    for other in others:
        start = int(random.integers(max(1, len(other) - len(features))))
        power = 10.0 ** other[start : start + len(features)].astype(np.float32)
        voices[: len(power)] += power / power.mean()
    own = 10.0**features
    level = own.mean() * 10 ** (-random.uniform(*BABBLE_DB) / 10) / max(float(voices.mean()), 1e-9)
    return np.asarray(np.log10(own + level * voices), np.float32)


def _mask(features: npt.NDArray[np.float32], random: np.random.Generator) -> None:
    """Fill some bands, in both columns of each step, with their own mean over the crop."""
    width = int(random.integers(2, MASK_BANDS))
    low = int(random.integers(0, 80 - width))
    columns = features.reshape(-1, 2, 80)
    columns[:, :, low : low + width] = columns[:, :, low : low + width].mean(axis=(0, 1))
