"""Packs: a little of the corpus as features and phones, for those who have no corpus.

Two ship. The replay pack is speech that the lip model was trained on; it is mixed into every further
training, so that nothing is forgotten. The checks pack was never trained on; a new model must not be worse on
it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from liplab.scores import Phone
from liplab.speech.phone_rows import PhoneRows
from lipwright import resources
from lipwright.audio.features import BANDS, SILENCE, STEP_S
from lipwright.errors import LipwrightError

FORMAT = 1
REPLAY, CHECKS = "lip_model_replay.npz", "lip_model_checks.npz"
UNIT = 0.06  # of log10 power, that features are stored to: 0.6 dB, far below what moves the model
LIP_PARTS = 5

Features = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Spoken:
    """A stretch of speech.

    Attributes:
        voice: Who says it: its number among the pack's voices.
        features: Log-mel steps (n, 160).
        phones: What is said; times in s from the first step.
        lips: Articulation (n, 5) that was measured, NaN where it was not; None: nowhere.
    """

    voice: int
    features: Features
    phones: Sequence[Phone]
    lips: Features | None = None

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.features) * STEP_S


@dataclass(frozen=True)
class Pack:
    """Speech, and what is known of its voices (name, engine, language, licence, split), by number."""

    voices: Sequence[Mapping[str, Any]]
    spoken: Sequence[Spoken]


def write_pack(path: Path, pack: Pack) -> None:
    """Writes a pack under another name first. Raises OSError where it cannot be written."""
    rows = PhoneRows.of([one.phones for one in pack.spoken])
    with_lips = [number for number, one in enumerate(pack.spoken) if one.lips is not None]
    lips = [one.lips for one in pack.spoken if one.lips is not None]
    partial = path.with_name(f".part-{path.name}")
    np.savez_compressed(
        partial,
        format=FORMAT,
        voices=np.array(json.dumps(list(pack.voices))),
        voice=np.array([one.voice for one in pack.spoken], np.int32),
        ends=np.cumsum([len(one.features) for one in pack.spoken]),
        features=_packed(np.concatenate([one.features for one in pack.spoken])),
        stream=rows.stretch,
        ipa=rows.ipa,
        times=rows.times.astype(np.float32),
        with_lips=np.array(with_lips, np.int32),
        lips=np.concatenate([np.zeros((0, LIP_PARTS), np.float32), *lips]).astype(np.float16),
    )
    partial.replace(path)


def load_pack(name: str) -> Pack:
    """A pack that ships: REPLAY or CHECKS. Raises LipwrightError where it is missing or damaged."""
    path = resources.models_dir() / name
    if not path.is_file():
        raise LipwrightError(
            f"{path} is missing: wheels do not carry what only training needs. Install from a clone of the "
            "repository: pip install -e '.[train,vision]'."
        )
    return read_pack(path)


def read_pack(path: Path) -> Pack:
    """What `write_pack` wrote. Raises LipwrightError for another file."""
    try:
        with np.load(path) as stored:
            if int(stored["format"]) != FORMAT:
                raise ValueError("another version")
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, KeyError, ValueError, EOFError, BadZipFile, zlib.error) as error:
        raise LipwrightError(f"{path} is damaged ({error}); take it anew from the repository.") from None
    ends = arrays["ends"].tolist()
    starts = [0, *ends[:-1]]
    features = _unpacked(arrays["features"])
    phones = PhoneRows(arrays["stream"], arrays["ipa"], arrays["times"]).phones(len(ends))
    lips: dict[int, Features] = {}
    place = 0
    for number in arrays["with_lips"].tolist():
        steps = ends[number] - starts[number]
        lips[number] = arrays["lips"][place : place + steps].astype(np.float32)
        place += steps
    spoken = [
        Spoken(
            int(voice),
            features[starts[number] : ends[number]],
            phones[number],
            lips.get(number),
        )
        for number, voice in enumerate(arrays["voice"])
    ]
    return Pack(json.loads(str(arrays["voices"])), spoken)


def _packed(features: Features) -> Bytes:
    """Features as whole UNITs above silence, each column as its difference from the one before, modulo 256:
    what repeats packs well."""
    whole = np.clip(np.rint((features.reshape(-1, BANDS) - SILENCE) / UNIT), 0, 255).astype(np.uint8)
    return np.diff(whole, axis=0, prepend=np.uint8(0))


def _unpacked(packed: Bytes) -> Features:
    whole = np.cumsum(packed, axis=0, dtype=np.uint8)
    features: Features = whole.astype(np.float32).reshape(len(packed) // 2, -1) * np.float32(UNIT) + SILENCE
    return features
