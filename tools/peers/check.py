#!/usr/bin/env python3
"""Checks that the adapters of the installed peers are fair: closures on p, b and m, no lag that is ours.

Speaks some sentences with flite, whose phones are known to the millisecond, runs each peer over them and
prints what `liplab evaluate` measures in short. r is against what the phones ask for; lag is the shift of the
whole track, to be taken off besides `latency_ms`, that would make the r of the aperture best.

    python tools/peers/check.py                all peers that are installed
    python tools/peers/check.py rhubarb        only this one
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tomllib

from liplab.lips.measures import score
from liplab.scores import RATE_HZ, correlation
from liplab.speech import text
from liplab.speech.articulation import articulation
from liplab.speech.festival import flite_say
from liplab.speech.utterance import SAMPLE_RATE, Utterance
from lipwright.lips.model import ARTICULATION

FOLDER = Path(__file__).parent
VOICES = ("rms", "slt", "awb")
SENTENCES = 5  # a voice
SEED = 3
LAGS = range(-30, 31)  # that are tried, in hundredths of a second

Track = tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]


def speech() -> list[Utterance]:
    """Sentences with their phones."""
    random = np.random.default_rng(SEED)
    return [
        Utterance(*flite_say(text.sentence("en-us", random), voice))
        for voice in VOICES
        for _ in range(SENTENCES)
    ]


def run_peer(folder: Path, utterances: list[Utterance]) -> list[Track]:
    """Times (n,) in seconds and articulation (n, 5) that the peer makes of each utterance; no jaw.

    Raises CalledProcessError when the peer fails.
    """
    with tempfile.TemporaryDirectory() as scratch:
        jobs = []
        for number, utterance in enumerate(utterances):
            sound = Path(scratch) / f"{number}.wav"
            with wave.open(str(sound), "wb") as file:
                file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", "not compressed"))
                file.writeframes(np.clip(utterance.samples * 32767, -32768, 32767).astype("<i2").tobytes())
            jobs.append({"sound": str(sound), "out": str(sound.with_suffix(".json"))})
        list_of_jobs = Path(scratch) / "jobs.json"
        list_of_jobs.write_text(json.dumps(jobs))
        command = tomllib.loads((folder / "peer.toml").read_text(encoding="utf-8"))["run"]
        subprocess.run([*command, str(list_of_jobs)], cwd=folder, check=True, capture_output=True)
        return [_track(json.loads(Path(job["out"]).read_text())) for job in jobs]


def _track(made: dict[str, list[float]]) -> Track:
    still = [0.0] * len(made["t"])
    columns = [made.get(name, still) for name in ARTICULATION]
    return np.array(made["t"]), np.array(columns, np.float32).T


def best_lag_ms(utterances: list[Utterance], tracks: list[Track]) -> float:
    """By how much the apertures come late, all by the same, in ms."""
    asked: list[npt.NDArray[np.float64]] = []
    made: dict[int, list[npt.NDArray[np.float64]]] = {lag: [] for lag in LAGS}
    for utterance, (times, track) in zip(utterances, tracks, strict=True):
        grid = np.arange(0, len(utterance.samples) / SAMPLE_RATE, 1 / RATE_HZ)
        asked.append(articulation(utterance.phones, grid)[:, 0].astype(np.float64))
        for lag in LAGS:
            made[lag].append(np.interp(grid + lag / RATE_HZ, times, track[:, 0]))
    r = {lag: correlation(np.concatenate(asked), np.concatenate(made[lag])) or 0.0 for lag in LAGS}
    return 1000 / RATE_HZ * max(LAGS, key=lambda lag: r[lag])


def main() -> int:
    """Prints a line for each peer; returns the exit code."""
    utterances = speech()
    seconds = sum(len(utterance.samples) for utterance in utterances) / SAMPLE_RATE
    print(f"{len(utterances)} sentences, {seconds:.0f} s")
    for settings in sorted(FOLDER.glob("*/peer.toml")):
        folder = settings.parent
        if sys.argv[1:] and folder.name not in sys.argv[1:]:
            continue
        start = time.perf_counter()
        try:
            tracks = run_peer(folder, utterances)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{folder.name:14} left out: {error} {getattr(error, 'stderr', b'').decode()[-200:]}")
            continue
        spent = time.perf_counter() - start
        made = dict(zip((id(utterance.samples) for utterance in utterances), tracks, strict=True))
        scores = score(utterances, lambda samples, made=made: made[id(samples)])  # type: ignore[misc]
        print(
            f"{folder.name:14} closures {scores.closure_rate:.2f} of {scores.bilabials}, false"
            f" {scores.false_closures_per_minute:5.1f} a minute, pucker {scores.pucker_rate:.2f}, r aperture"
            f" {scores.r['aperture'] or 0:.2f} width {scores.r['width'] or 0:.2f}, range"
            f" {scores.range_ratio or 0:.2f}, lag {best_lag_ms(utterances, tracks):.0f} ms,"
            f" {spent / seconds:.2f} s a second"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
