"""The corpus on disk: the recipe's parts, each made once and kept until its recipe changes.

A part is one voice. `make_parts` renders the parts that are not on disk yet, so a broken run goes on where
it stopped. Three splits never mix: "train"; "dev", voices that choices of training are judged by; and
"held_out", the languages, voices and speakers that only the final measures see.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from liplab.scores import Phone
from liplab.speech.recipe import Part, recipe
from liplab.speech.render import SEED, VARIANTS, fingerprint, is_missing, render
from liplab.speech.utterance import SAMPLE_RATE, Utterance
from lipwright.errors import LipwrightError

__all__ = ["SEED", "VARIANTS", "Part", "held_parts", "load_part", "make_parts", "part_path", "recipe"]


def make_parts(folder: Path, parts: Sequence[Part], recordings: Path | None) -> list[Part]:
    """Render the parts that `folder` lacks or holds by another recipe; returns those that it then holds.

    The parts returned have their true lengths. `recordings` is the folder with the clones of the recordings;
    without it (or a clone) those parts are left out. Raises LipwrightError when an engine or voice is not
    installed.
    """
    held = []
    folder.mkdir(parents=True, exist_ok=True)
    progress = tqdm(parts, unit="voice", desc="corpus")
    for part in progress:
        progress.set_postfix_str(part.name)
        path = part_path(folder, part)
        if is_missing(part, recordings):
            if not path.exists():
                progress.write(f"{part.name} left out: it is not among the recordings (see --recordings).")
                continue
        elif not _is_current(path, fingerprint(part, recordings)):
            _save(path, list(render(part, recordings)), fingerprint(part, recordings))
        with np.load(path) as stored:
            held.append(replace(part, seconds=float(stored["ends"][-1]) / SAMPLE_RATE))
    partial = folder / "parts.part.json"
    partial.write_text(json.dumps([asdict(part) for part in held], indent=1) + "\n")
    partial.rename(folder / "parts.json")
    return held


def held_parts(folder: Path) -> list[Part]:
    """The parts of a corpus made before. Raises LipwrightError when there is none."""
    try:
        return [Part(**entry) for entry in json.loads((folder / "parts.json").read_text())]
    except OSError as error:
        raise LipwrightError(f"There is no corpus in {folder}; make it with: liplab corpus.") from error


def load_part(folder: Path, part: Part) -> list[Utterance]:
    """The utterances of a part on disk."""
    with np.load(part_path(folder, part)) as stored:
        samples, ends = stored["samples"], stored["ends"]
        utterance, ipa, times = stored["utterance"], stored["ipa"], stored["times"]
        lips, lips_ends = stored["lips"], stored["lips_ends"]
    utterances, start, lips_start = [], 0, 0
    for number, (end, lips_end) in enumerate(zip(ends, lips_ends, strict=True)):
        rows = np.flatnonzero(utterance == number)
        phones = [Phone(str(ipa[row]), float(times[row, 0]), float(times[row, 1])) for row in rows]
        measured = lips[lips_start:lips_end] if lips_end > lips_start else None
        utterances.append(Utterance(samples[start:end].astype(np.float32) / 32768, phones, measured))
        start, lips_start = end, lips_end
    return utterances


def part_path(folder: Path, part: Part) -> Path:
    """Where a part lies in the corpus in `folder`."""
    return folder / "speech" / f"{part.name}.npz"


def _is_current(path: Path, wanted: str) -> bool:
    if not path.exists():
        return False
    with np.load(path) as stored:
        return "fingerprint" in stored and str(stored["fingerprint"]) == wanted


def _save(path: Path, utterances: Sequence[Utterance], made_by: str) -> None:
    """Write a part under another name first, so that a killed run leaves no half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [(number, phone) for number, said in enumerate(utterances) for phone in said.phones]
    samples = np.concatenate([said.samples for said in utterances])
    lips = [np.zeros((0, 5), np.float32) if said.lips is None else said.lips for said in utterances]
    partial = path.with_suffix(".part.npz")
    np.savez(
        partial,
        samples=np.clip(np.rint(samples * 32767), -32768, 32767).astype(np.int16),
        ends=np.cumsum([len(said.samples) for said in utterances]),
        utterance=np.array([number for number, _ in rows]),
        ipa=np.array([phone.ipa for _, phone in rows]),
        times=np.array([[phone.start_s, phone.end_s] for _, phone in rows]),
        lips=np.concatenate(lips),
        lips_ends=np.cumsum([len(measured) for measured in lips]),
        fingerprint=np.array(made_by),
    )
    partial.rename(path)
