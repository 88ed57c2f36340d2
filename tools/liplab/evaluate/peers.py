"""Other people's lip models on the same clips: each runs in its own folder, through its own interface.

A peer is a folder with a peer.toml: name, version, licence, home, and `run`, a command. It is run in the
folder with one argument more, a file JOBS.json: [{"sound": "x.wav", "out": "x.json"}, ...], 16 kHz mono. For
each it writes {"t": [...], "aperture": [...], "width": [...], "rounding": [...], "tuck": [...]}, what it
says mapped to our articulation.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from liplab.evaluate.measures import Track
from liplab.evaluate.sets import Clip, Voice
from liplab.evaluate.table import on_grid
from lipwright.audio.decode import RATE
from lipwright.errors import LipwrightError
from lipwright.lips.model import ARTICULATION

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PARTS = ("aperture", "width", "rounding", "tuck")  # peers have no jaw
LONGEST_S = 3600.0  # that a peer may take


@dataclass(frozen=True)
class Peer:
    """A peer and how it is run."""

    folder: Path
    name: str
    version: str
    licence: str
    home: str
    run: tuple[str, ...]

    def facts(self) -> dict[str, str]:
        """What a report says of it."""
        return {"version": self.version, "licence": self.licence, "home": self.home}


class PeerError(Exception):
    """The peer cannot be run here, or does not answer as agreed."""


def find_peers(folder: Path) -> list[Peer]:
    """The peers in the subfolders of a folder. Raises LipwrightError when there is none."""
    peers = []
    for path in sorted(folder.glob("*/peer.toml")):
        try:
            entry = tomllib.loads(path.read_text(encoding="utf-8"))
            facts = [str(entry[key]) for key in ("name", "version", "licence", "home")]
            peers.append(Peer(path.parent, facts[0], facts[1], facts[2], facts[3], tuple(entry["run"])))
        except (tomllib.TOMLDecodeError, KeyError) as error:
            raise LipwrightError(f"{path} does not describe a peer: {error}.") from error
    if not peers:
        raise LipwrightError(f"There are no peers (folders with a peer.toml) in {folder}.")
    return peers


def heard_peers(report: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The measures, by set, of the peers in a report that were not left out."""
    return {name: row["sets"] for name, row in report.get("peers", {}).items() if "sets" in row}


def write_sounds(voices: Sequence[Voice], folder: Path) -> dict[str, list[Path]]:
    """Writes every clip as a WAV file, for peers to read; their paths by voice."""
    paths: dict[str, list[Path]] = {}
    for number, voice in enumerate(voices):
        paths[voice.name] = [folder / f"{number}_{place}.wav" for place in range(len(voice.clips))]
        for path, clip in zip(paths[voice.name], voice.clips, strict=True):
            soundfile.write(path, clip.samples, RATE, subtype="PCM_16")
    return paths


def said_by(peer: Peer, voices: Sequence[Voice], sounds: dict[str, list[Path]]) -> dict[str, list[Track]]:
    """The peer's tracks on all clips, by voice. Raises PeerError."""
    with tempfile.TemporaryDirectory(prefix="peer-") as folder:
        outs = {
            name: [Path(folder) / f"{path.stem}.json" for path in paths] for name, paths in sounds.items()
        }
        jobs = [
            {"sound": str(sound), "out": str(out)}
            for name, paths in sounds.items()
            for sound, out in zip(paths, outs[name], strict=True)
        ]
        jobs_path = Path(folder) / "JOBS.json"
        jobs_path.write_text(json.dumps(jobs), encoding="utf-8")
        _run(peer, jobs_path)
        return {
            voice.name: [_read(out, clip) for out, clip in zip(outs[voice.name], voice.clips, strict=True)]
            for voice in voices
        }


def _run(peer: Peer, jobs: Path) -> None:
    try:
        done = subprocess.run(
            [*peer.run, str(jobs)], cwd=peer.folder, capture_output=True, text=True, timeout=LONGEST_S
        )
    except subprocess.TimeoutExpired:
        raise PeerError(f"it was not done after {LONGEST_S:.0f} s") from None
    except OSError as error:
        raise PeerError(f"{peer.run[0]}: {error.strerror}") from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise PeerError(f"it ended with exit code {done.returncode} and said: {said[-1][:200]}")


def _read(path: Path, clip: Clip) -> Track:
    try:
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        times = np.asarray(said["t"], np.float64)
        values = np.zeros((len(times), len(ARTICULATION)))
        for name in PARTS:
            values[:, ARTICULATION.index(name)] = np.asarray(said[name], np.float64)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PeerError(f"what it wrote of {path.stem} is not articulation: {error}") from error
    if len(times) < 2 or not np.isfinite(values).all():
        raise PeerError(f"what it wrote of {path.stem} is empty or not finite")
    return on_grid(clip, times, values)
