"""The corpus on disk: the recipe's parts, each made once and kept until its recipe changes.

A part is one voice. `make_parts` renders the parts that are not on disk yet, so a broken run goes on where
it stopped. Three splits never mix: "train"; "dev", voices that choices of training are judged by; and
"held_out", the languages, voices and speakers that only the final measures see.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from liplab.speech.phone_rows import PhoneRows
from liplab.speech.recipe import Part, recipe
from liplab.speech.render import SEED, VARIANTS, fingerprint, is_missing, render
from liplab.speech.utterance import SAMPLE_RATE, Utterance
from liplab.workers import Crew, results
from lipwright.errors import LipwrightError

__all__ = ["SEED", "VARIANTS", "Part", "held_parts", "load_part", "make_parts", "part_path", "recipe"]


def make_parts(
    folder: Path,
    parts: Sequence[Part],
    recordings: Path | None,
    crew: Crew | None = None,
    teacher: Path | None = None,
) -> list[Part]:
    """Render the parts that `folder` lacks or holds by another recipe; returns those that it then holds.

    The parts returned have their true lengths. `recordings` is the folder with the clones of the recordings;
    without it (or a clone) those parts are left out; a `teacher`, by its weights, finds the phones of what is
    recorded (see module hear), and without it those that only it could find are left out. A `crew` renders
    parts at once, each the same as alone; all its machines must see both folders under these paths. Raises
    LipwrightError when an engine or voice is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    there, wanted = [], []
    for part in parts:
        path = part_path(folder, part)
        missing = is_missing(part, recordings, teacher)
        if missing and not path.exists():
            tqdm.write(f"{part.name} left out: not among the recordings, or only a teacher can align it.")
            continue
        there.append(part)
        if not missing and not _is_current(path, fingerprint(part, recordings, teacher)):
            wanted.append(part)
    if crew is not None:  # the longest first: nobody waits for it at the end
        wanted.sort(key=lambda part: -part.seconds)
    ordered = iter(wanted)
    with tqdm(total=len(wanted), unit="voice", desc="corpus") as progress:

        def next_part() -> Part | None:
            part = next(ordered, None)
            if part is not None:
                progress.set_postfix_str(part.name)
            return part

        for _, failed in results(crew, partial(_make, folder, recordings, teacher), next_part):
            if failed is not None:
                raise failed
            progress.update()
    held = [replace(part, seconds=_seconds(folder, part)) for part in there]
    unfinished = folder / "parts.part.json"
    unfinished.write_text(json.dumps([asdict(part) for part in held], indent=1) + "\n")
    unfinished.rename(folder / "parts.json")
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
        rows = PhoneRows(stored["utterance"], stored["ipa"], stored["times"])
        lips, lips_ends = stored["lips"], stored["lips_ends"]
    utterances, start, lips_start = [], 0, 0
    for end, lips_end, phones in zip(ends, lips_ends, rows.phones(len(ends)), strict=True):
        measured = lips[lips_start:lips_end] if lips_end > lips_start else None
        utterances.append(Utterance(samples[start:end].astype(np.float32) / 32768, phones, measured))
        start, lips_start = end, lips_end
    return utterances


def part_path(folder: Path, part: Part) -> Path:
    """Where a part lies in the corpus in `folder`."""
    return folder / "speech" / f"{part.name}.npz"


def _make(folder: Path, recordings: Path | None, teacher: Path | None, part: Part) -> None:
    if is_missing(part, recordings, teacher):
        raise LipwrightError(
            f"{socket.gethostname()} has no recordings of {part.name}; all machines must see them at "
            f"{recordings}."
        )
    made_by = fingerprint(part, recordings, teacher)
    said = list(render(part, recordings, teacher))
    if not said:
        raise LipwrightError(f"No recording of {part.name} could be aligned with its words.")
    _save(part_path(folder, part), said, made_by)


def _seconds(folder: Path, part: Part) -> float:
    try:
        with np.load(part_path(folder, part)) as stored:
            return float(stored["ends"][-1]) / SAMPLE_RATE
    except FileNotFoundError:
        raise LipwrightError(
            f"{part.name} was made, but is not in {folder} here; all machines must see this folder under the "
            "same path."
        ) from None


def unfinished_name(path: Path) -> Path:
    """Where a file that is to be whole or not there is written first: nobody else writes there."""
    return path.with_name(f"{path.stem}.{socket.gethostname()}-{os.getpid()}.part{path.suffix}")


def put_in_place(unfinished: Path, path: Path) -> None:
    """Moves a file that is whole to its place, and clears away what others left who began it, and died."""
    # One that was given up for dead and lives may be ahead; its file is the same.
    with contextlib.suppress(FileNotFoundError):
        unfinished.rename(path)
    for left in path.parent.glob(f"{path.stem}.*.part{path.suffix}"):
        left.unlink(missing_ok=True)


def _is_current(path: Path, wanted: str) -> bool:
    if not path.exists():
        return False
    with np.load(path) as stored:
        return "fingerprint" in stored and str(stored["fingerprint"]) == wanted


def _save(path: Path, utterances: Sequence[Utterance], made_by: str) -> None:
    """Write a part under another name first, so that a killed run leaves no half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = PhoneRows.of([said.phones for said in utterances])
    samples = np.concatenate([said.samples for said in utterances])
    lips = [np.zeros((0, 5), np.float32) if said.lips is None else said.lips for said in utterances]
    unfinished = unfinished_name(path)
    np.savez(
        unfinished,
        samples=np.clip(np.rint(samples * 32767), -32768, 32767).astype(np.int16),
        ends=np.cumsum([len(said.samples) for said in utterances]),
        utterance=rows.stretch,
        ipa=rows.ipa,
        times=rows.times,
        lips=np.concatenate(lips),
        lips_ends=np.cumsum([len(measured) for measured in lips]),
        fingerprint=np.array(made_by),
    )
    put_in_place(unfinished, path)
