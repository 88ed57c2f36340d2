"""What the network learns from: augmented versions of the corpus, as features and phones on disk."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from liplab.lips.labels import UNKNOWN, Labels, labels
from liplab.lips.network import LOOKAHEAD_STEPS
from liplab.lips.variation import BABBLE_VOICES, Draw, varied
from liplab.speech.augment import Stream, streams
from liplab.speech.corpus import SEED, Part, load_part, part_path, put_in_place, unfinished_name
from liplab.speech.phone_rows import PhoneRows
from liplab.workers import Crew, results
from lipwright.audio.features import SILENCE
from lipwright.errors import LipwrightError

VERSIONS = 1  # augmented versions of every part; a crop is varied anew each time it is drawn
BABBLE_PARTS = 12
BABBLE_S = 60
# How often a part is drawn, against its length: voices that were recorded from people teach more about
# people, and songs are few.
ENGINE_SHARE = {"recording": 1.5, "flite": 1.5, "singing": 3.0}
CROP_STEPS = 300
# Steps at a crop's start that do not count: the network looks back over 51, which the crop lacks there.
BLIND_STEPS = 56
BEGINNING_SHARE = 0.1  # of crops that are a stream's beginning, where the network has heard nothing yet
MOST_EVENTS = 255  # of a crop: in its 6 s nobody says as many phones


def make_streams(
    folder: Path, parts: Sequence[Part], versions: int = VERSIONS, crew: Crew | None = None
) -> None:
    """Augment the training parts of a corpus `versions` times; what is on disk already is kept.

    A `crew` augments parts at once, each the same as alone; all its machines must see the folder.
    """
    training = tuple(part for part in parts if part.split == "train")
    if not training:
        raise LipwrightError(f"The corpus in {folder} has no training speech; make it with: liplab corpus.")
    wanted = [
        (version, part)
        for version in range(versions)
        for part in training
        if not _is_current(_path(folder, version, part), part_path(folder, part))
    ]
    if crew is not None:  # the longest first: nobody waits for it at the end
        wanted.sort(key=lambda job: -job[1].seconds)
    jobs = iter(wanted)
    augment = partial(_augment, folder, training, uuid4().hex)
    with tqdm(total=len(wanted), unit="voice", desc="augment") as progress:
        for _, failed in results(crew, augment, lambda: next(jobs, None)):
            if failed is not None:
                raise failed
            progress.update()


def _augment(folder: Path, training: tuple[Part, ...], run: str, job: tuple[int, Part]) -> None:
    version, part = job
    random = np.random.default_rng([SEED, version, zlib.crc32(part.name.encode())])
    made = streams(load_part(folder, part), _babble_of_run(folder, training, run), random)
    _save(_path(folder, version, part), made)


@lru_cache(maxsize=1)
def _babble_of_run(folder: Path, training: tuple[Part, ...], run: str) -> npt.NDArray[np.float32]:
    """The babble, read once by each process for a run: between two, the corpus may change."""
    return _babble(folder, training)


def _is_current(path: Path, made_of: Path) -> bool:
    return path.exists() and path.stat().st_mtime >= made_of.stat().st_mtime


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
    unfinished = unfinished_name(path)
    rows = PhoneRows.of([stream.phones for stream in made])
    np.savez(
        unfinished,
        features=np.concatenate([stream.features for stream in made]),
        lips=np.concatenate([stream.lips for stream in made]).astype(np.float16),
        ends=np.cumsum([len(stream.features) for stream in made]),
        stream=rows.stretch,
        ipa=rows.ipa,
        times=rows.times.astype(np.float32),
    )
    put_in_place(unfinished, path)


def _load(path: Path) -> Iterator[Stream]:
    with np.load(path) as stored:
        features, lips, ends = stored["features"], stored["lips"], stored["ends"]
        rows = PhoneRows(stored["stream"], stored["ipa"], stored["times"])
    starts = [0, *ends[:-1]]
    for start, end, phones in zip(starts, ends, rows.phones(len(ends)), strict=True):
        yield Stream(features[start:end], phones, lips[start:end].astype(np.float32))


def _taught(path: Path) -> list[tuple[npt.NDArray[np.float16], Labels]]:
    """Features and labels of the streams in a file that are long enough to draw from."""
    long_enough = (stream for stream in _load(path) if len(stream.features) > CROP_STEPS // 2)
    return [(stream.features, labels(stream.phones, stream.lips)) for stream in long_enough]


class Batch(NamedTuple):
    """Crops of streams for one training step; what is asked is delayed by the look-ahead."""

    features: torch.Tensor  # (crops, steps, 160)
    plain: torch.Tensor  # the same before it was varied
    articulation: torch.Tensor  # (crops, steps, 5)
    phone: torch.Tensor  # (crops, steps) class, or UNKNOWN
    event: torch.Tensor  # (crops, steps, 3) numbers of events, from 1 to MOST_EVENTS in each crop; 0 for none
    open: torch.Tensor  # (crops, steps) 1 where a closure would be a false one
    counts: torch.Tensor  # (crops, steps) 1 where the loss counts


def stored_streams(
    folder: Path, parts: Sequence[Part], versions: int = VERSIONS, device: torch.device | None = None
) -> Streams:
    """All augmented streams of a corpus; LipwrightError: there are none."""
    parts = [part for part in parts if part.split == "train"]
    held = [(_path(folder, version, part), part) for version in range(versions) for part in parts]
    held = [(path, part) for path, part in held if path.exists()]
    features: list[npt.NDArray[np.float16]] = []
    asked: list[Labels] = []
    shares: list[float] = []
    # Processes of their own, not copies of this one: torch's threads would not be among the copies.
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        read = pool.map(_taught, [path for path, _ in held])
        for (_, part), streams in zip(
            held, tqdm(read, total=len(held), unit="voice", desc="load"), strict=True
        ):
            for heard, wanted in streams:
                features.append(heard)
                asked.append(wanted)
                shares.append(len(heard) * ENGINE_SHARE.get(part.engine, 1.0))
    if not shares:
        raise LipwrightError(f"There are no augmented streams in {folder}; run: liplab corpus.")
    return Streams(features, asked, shares, device)


class Streams:
    """Streams of speech, end to end in the memory of a device, drawn from at random."""

    def __init__(
        self,
        features: Sequence[npt.NDArray[np.floating[Any]]],
        asked: Sequence[Labels],
        shares: Sequence[float] | None = None,
        device: torch.device | None = None,
    ) -> None:
        """`features` (steps, 160) of each, what is asked of it, and how often it is drawn against the others
        (None: as it is long)."""
        self.device = device or torch.device("cpu")
        lengths = np.array([len(stream) for stream in features])
        self.hours = float(lengths.sum()) / 50 / 3600
        self._length = self._kept(lengths)
        self._offset = self._kept(np.cumsum(lengths) - lengths)
        self._until = self._kept(np.cumsum(lengths if shares is None else shares, dtype=np.float64))
        self._features = self._kept(np.concatenate(features, dtype=np.float16, casting="same_kind"))
        self._articulation = self._kept(np.concatenate([one.articulation for one in asked]))
        self._phone = self._kept(np.concatenate([one.phone for one in asked]))
        self._event = self._kept(np.concatenate([one.event for one in asked]))
        self._open = self._kept(np.concatenate([one.open for one in asked]))
        self._counts = self._kept(np.concatenate([one.counts for one in asked]))

    def _kept(self, values: npt.NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(values).to(self.device)

    def batch(self, size: int, draw: Draw, voices: Streams | None = None) -> Batch:
        """`size` random crops, varied; `voices` are those who may talk into them (None: the streams'
        own)."""
        rows = self._rows(size, draw)
        start, length, places = self._places(rows, draw)
        step = torch.arange(CROP_STEPS, device=self.device)
        inside = step < (length - start)[:, None]
        features = self._heard(places, inside)
        others = (voices or self)._voices(size, draw)
        # Step k describes the moment LOOKAHEAD_STEPS before it.
        first = self._offset[rows][:, None]
        places = torch.maximum(places - LOOKAHEAD_STEPS, first)
        counts = inside & self._counts[places] & ((step >= BLIND_STEPS) | (start == 0)[:, None])
        event = self._event[places].long() * inside[..., None]
        # Numbers of a stream's phones to numbers of this crop's, since a loss reserves room for each.
        least = torch.where(event > 0, event, torch.iinfo(event.dtype).max).amin(dim=(1, 2), keepdim=True)
        event = torch.where(event > 0, event - least + 1, 0).clamp(max=MOST_EVENTS)
        return Batch(
            varied(features.clone(), others, draw),
            features,
            self._articulation[places].float() * inside[..., None],
            torch.where(inside, self._phone[places].long(), UNKNOWN),
            event,
            (self._open[places] & inside).float(),
            counts.float(),
        )

    def _rows(self, size: int, draw: Draw) -> torch.Tensor:
        # Searched for, since a multinomial waits for the device.
        drawn = draw.uniform(0, 1, size).double() * self._until[-1]
        return torch.searchsorted(self._until, drawn, right=True).clamp(max=len(self._until) - 1)

    def _places(self, rows: torch.Tensor, draw: Draw) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Where crops of streams `rows` start in them, how long those are (n,), and places (n, steps)."""
        length = self._length[rows]
        latest = (length - CROP_STEPS // 2).clamp(min=1)
        start = (draw.uniform(0, 1, len(rows)) * latest).long().clamp(max=latest - 1)
        start = torch.where(draw.uniform(0, 1, len(rows)) < BEGINNING_SHARE, 0, start)
        step = torch.arange(CROP_STEPS, device=self.device)
        within = torch.minimum(start[:, None] + step, length[:, None] - 1)
        return start, length, self._offset[rows][:, None] + within

    def _heard(self, places: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
        return torch.where(inside[..., None], self._features[places].float(), SILENCE)

    def _voices(self, size: int, draw: Draw) -> torch.Tensor:
        """Those who may talk into crops: (size, people, steps, 160)."""
        most = BABBLE_VOICES[1]
        rows = draw.integers(0, len(self._length) - 1, size * most)
        start, length, places = self._places(rows, draw)
        step = torch.arange(CROP_STEPS, device=self.device)
        heard = self._heard(places, step < (length - start)[:, None])
        return heard.view(size, most, CROP_STEPS, -1)

    def wanted(self) -> npt.NDArray[np.float32]:
        """Articulation (n, 5) that all the speech asks for, as training data for the lip code."""
        wanted: npt.NDArray[np.float32] = self._articulation.float().cpu().numpy()
        return wanted

    def recordings(self, count: int, steps: int, random: np.random.Generator) -> npt.NDArray[np.float32]:
        """The starts of `count` streams, (count, steps, 160), to calibrate int8 ranges with."""
        long_enough = torch.nonzero(self._length >= steps)[:, 0].cpu().numpy()
        if not len(long_enough):
            raise LipwrightError(
                "The corpus is too small to calibrate a model with; make more: liplab corpus."
            )
        starts = self._offset[long_enough[random.integers(len(long_enough), size=count)]].tolist()
        return np.stack([self._features[start : start + steps].float().cpu().numpy() for start in starts])
