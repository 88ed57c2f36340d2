"""Clips of people who were never before a camera: their lips are what the lip model says, bent a little."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from liplab.improve.packs import Spoken
from liplab.scores import Phone, resample
from lipwright.audio.decode import RATE, open_sound
from lipwright.audio.features import log_mel

if TYPE_CHECKING:
    from liplab.watch.portion import Clip
    from liplab.watch.store import Store

DATA = Path(__file__).parents[2] / "data"
SENTENCES = ("grid_bbaf2n", "grid_brbk7n")
FILM_HZ = 25
NEED_AV = [
    "test_bench_improve.py",
    "test_improve_command.py",
    "test_judge.py",
    "test_learn.py",
    "test_shelf.py",
    "test_watched.py",
]
collect_ignore = [] if find_spec("av") else NEED_AV
EYES = 0.3  # of the eyes' distance, that lips open at an aperture of 1


@pytest.fixture(scope="session")
def sentences() -> list[np.ndarray]:
    """Log-mel steps (n, 2, 80) of two sentences of two people."""
    sounds = [np.concatenate(list(open_sound(DATA / f"{name}.flac").blocks(RATE))) for name in SENTENCES]
    return [log_mel(sound) for sound in sounds]


@pytest.fixture(scope="session")
def spoken(sentences: list[np.ndarray]) -> list[Spoken]:
    """The same as speech of a pack, with phones that nobody said."""
    phones = [Phone("pamafu"[place % 6], place * 0.12, place * 0.12 + 0.12) for place in range(20)]
    return [Spoken(0, steps.reshape(len(steps), -1), phones) for steps in sentences for _ in range(2)]


@pytest.fixture(scope="session")
def clip(sentences: list[np.ndarray]) -> Callable[..., Clip]:
    """Makes a clip of one of the sentences; `late` lips follow the model by as many steps."""
    from liplab.improve.judge import stream
    from liplab.watch.portion import Clip
    from liplab.watch.sync import Match
    from lipwright.lips.model import LipModel

    heard = [stream(LipModel.load(), steps.reshape(len(steps), -1)) for steps in sentences]

    def make(name: str, sentence: int, late: int = 0, seed: int = 0) -> Clip:
        times, track = heard[sentence]
        random = np.random.default_rng(seed)
        moments = np.arange(0, times[-1], 1 / FILM_HZ)
        lips = resample(times, np.roll(track, late, axis=0), moments)
        lips += random.normal(0, 0.01, lips.shape)
        measures = np.stack([0.004 + EYES * lips[:, 0], 1 + 0.1 * lips[:, 1], 2 + 0.2 * lips[:, 3]], axis=1)
        return Clip(
            name,
            0,
            0.0,
            float(moments[-1]),
            Match(0.0, 0.7, 0.5, ""),
            (sentences[sentence] + random.normal(0, 0.02, sentences[sentence].shape)).astype(np.float16),
            moments.astype(np.float32),
            np.zeros((len(moments), 21, 2), np.float32),
            np.maximum(measures, 0).astype(np.float32),
        )

    return make


@pytest.fixture
def store(tmp_path: Path, fill: Callable[[Path], Store]) -> Store:
    """A store of six persons, as `fill` makes it."""
    return fill(tmp_path / "store")


@pytest.fixture(scope="session")
def fill(clip: Callable[..., Clip]) -> Callable[[Path], Store]:
    """Makes a store of six persons with two clips each, whose lips follow the model by 40 ms; two of them are
    held out."""
    from liplab.watch.store import Store

    return lambda folder: _fill(Store(folder), clip)


def _fill(made: Store, clip: Callable[..., Clip]) -> Store:
    from liplab.watch.portion import Watched

    with made.held():
        for number, person in enumerate(("anna", "ben", "carla", "dino", "emil", "kim")):
            name = hashlib.sha256(person.encode()).hexdigest()
            clips = [clip(f"{name[:11]}{sentence}", sentence, 2, number) for sentence in (0, 1)]
            watched = Watched(clips, [], 100, 6.0, True, "")
            tags = ("whispered",) if number % 2 else ()
            made.keep(f"{person}.mp4", name[16:32], person, 0, watched, tags)
    return made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name in collect_ignore:
        terminalreporter.write_line(f"NOT TESTED without av: improve/{name}")
