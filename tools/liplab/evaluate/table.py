"""The evaluation: every row of the table on every set, as one report.

Rows hear clip by clip; the model through its int8 stream (`lips.measures.predict`), as on the Pi.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from liplab.evaluate import noise, visemes
from liplab.evaluate.baselines import Baselines, controls
from liplab.evaluate.measures import ClipScore, Reference, Track, measure, score_clip
from liplab.evaluate.sets import Clip, JudgedSet, Samples, Voice
from liplab.lips.measures import predict
from liplab.scores import resample
from liplab.speech.corpus import Part, load_part
from lipwright import tflite
from lipwright.lips.model import LipModel

TRAINING_MINUTES = 12.0  # of training speech for the nearest landmark and for babble
DRIFT_S = 600.0  # of streaming without a pause
DRIFT_TAIL_S = 60.0  # at its end, against a stream that begins DRIFT_WARM_UP_S before
DRIFT_WARM_UP_S = 10.0

Hear = Callable[[Clip], Track]
Scored = dict[str, list[ClipScore]]  # by voice


def hearing(model: LipModel) -> Hear:
    """What the streaming model makes of a clip: articulation (m, 5) on the clip's grid."""

    def hear(clip: Clip) -> Track:
        times, track = predict(model, clip.samples)
        return on_grid(clip, times, track)

    return hear


def on_grid(clip: Clip, times_s: np.ndarray[Any, Any], track: np.ndarray[Any, Any]) -> Track:
    """A track (n, parts) at its times (n,) on the clip's grid, ends held."""
    return resample(times_s, track, clip.grid()).astype(np.float32)


class Evaluation:
    """Voices and their references; rows are added, then measured on sets."""

    def __init__(self, voices: Sequence[Voice], sets: Sequence[JudgedSet]) -> None:
        self.voices = voices
        self.sets = sets
        self.references = {
            voice.name: [Reference(clip) for clip in voice.clips]
            for voice in tqdm(voices, unit="voice", desc="phones", leave=False)
        }
        self.classifier = self._classifier()

    def _classifier(self) -> visemes.Classifier | None:
        values, kinds = [], []
        for voice in self.voices:
            if voice.split == "dev":
                for reference in self.references[voice.name]:
                    if reference.asked is not None:
                        values.append(visemes.features(reference.asked, reference.viseme_places))
                        kinds.append(reference.visemes)
        if not values:
            return None
        return visemes.Classifier.taught(np.concatenate(values), np.concatenate(kinds))

    def heard(self, hear: Hear, what: str) -> dict[str, list[Track]]:
        """The tracks of something that hears, by voice."""
        seconds = sum(clip.seconds for voice in self.voices for clip in voice.clips)
        tracks: dict[str, list[Track]] = {}
        with tqdm(total=round(seconds), unit="s", desc=what) as bar:
            done = 0.0
            for voice in self.voices:
                tracks[voice.name] = []
                for clip in voice.clips:
                    tracks[voice.name].append(hear(clip))
                    done += clip.seconds
                    bar.update(round(done) - bar.n)
        return tracks

    def scored(self, tracks: Mapping[str, Sequence[Track]]) -> Scored:
        """Scores of tracks by voice; voices that have none are left out."""
        return {
            name: [
                score_clip(reference, track)
                for reference, track in zip(self.references[name], own, strict=True)
            ]
            for name, own in tracks.items()
        }

    def score(self, place: tuple[str, int], track: Track) -> ClipScore:
        """The score of a track of one clip, a voice's n-th."""
        return score_clip(self.references[place[0]][place[1]], track)

    def measure(self, scores: Sequence[ClipScore]) -> dict[str, Any]:
        """Measures of some scores together."""
        return measure(scores, self.classifier)

    def measured(self, scored: Scored) -> dict[str, Any]:
        """Measures by set."""
        return {
            judged.name: self._facts(judged)
            | self.measure([score for voice in judged.voices for score in scored[voice.name]])
            for judged in self.sets
        }

    def by_voice(self, scored: Scored) -> dict[str, Any]:
        """Measures by voice."""
        return {
            voice.name: self._voice_facts(voice) | self.measure(scored[voice.name]) for voice in self.voices
        }

    def _facts(self, judged: JudgedSet) -> dict[str, Any]:
        return {
            "voices": [voice.name for voice in judged.voices],
            "languages": sorted({voice.language for voice in judged.voices}),
            "origin": judged.voices[0].origin,
            "split": judged.voices[0].split,
            "engines_trained_on": any(voice.engine_trained_on for voice in judged.voices),
            "speakers_trained_on": any(voice.speaker_trained_on for voice in judged.voices),
        }

    def _voice_facts(self, voice: Voice) -> dict[str, Any]:
        return {
            "language": voice.language,
            "origin": voice.origin,
            "split": voice.split,
            "engine_trained_on": voice.engine_trained_on,
            "speaker_trained_on": voice.speaker_trained_on,
            "licence": voice.licence,
        }

    def control_tracks(
        self, pose: Track, spoken: Mapping[str, Sequence[Track]]
    ) -> dict[str, dict[str, list[Track]]]:
        """Tracks of the controls, by control and voice."""
        rows: dict[str, dict[str, list[Track]]] = {}
        for voice in self.voices:
            made = controls(pose, self.references[voice.name], spoken[voice.name])
            for name, tracks in made.items():
                rows.setdefault(name, {})[voice.name] = tracks
        return rows

    def in_noise(self, hear: Hear, clean: Mapping[str, Sequence[Track]], talkers: Sequence[Clip]) -> Any:
        """Closure rate, false closures and r in noise beside those in quiet, on the same clips of each set.

        Judged are the language sets, NOISE_MINUTES of each; "all" is their sum.
        """
        chosen: dict[str, list[tuple[str, int]]] = {}
        for judged in self.sets:
            if judged.name.startswith("all"):
                continue
            places = [(voice.name, n) for voice in judged.voices for n in range(len(voice.clips))]
            chosen[judged.name] = spread_out(places, self.seconds, noise.NOISE_MINUTES * 60)
        wanted = {place for places in chosen.values() for place in places}
        figures: dict[str, Any] = {"snr_db": noise.SNR_DB, "sets": {name: {} for name in chosen}}
        quiet = {(voice, n): score_clip(self.references[voice][n], clean[voice][n]) for voice, n in wanted}
        totals = {"quiet": measure(list(quiet.values()), None)}
        kinds = noise.noises(talkers)
        with tqdm(total=len(kinds) * len(wanted), unit="clip", desc="in noise") as bar:
            for kind, sound in kinds.items():
                loud = {}
                for number, (voice, n) in enumerate(sorted(wanted)):
                    reference = self.references[voice][n]
                    samples = noise.mixed(reference.clip.samples, sound, number)
                    track = hear(Clip(samples, reference.clip.phones))
                    loud[voice, n] = score_clip(reference, track)
                    bar.update()
                totals[kind] = measure(list(loud.values()), None)
                for name, places in chosen.items():
                    figures["sets"][name][kind] = _short(measure([loud[place] for place in places], None))
        for name, places in chosen.items():
            figures["sets"][name]["quiet"] = _short(measure([quiet[place] for place in places], None))
        figures["all"] = {kind: _short(total) for kind, total in totals.items()}
        return figures

    def seconds(self, place: tuple[str, int]) -> float:
        """Length of a voice's n-th clip."""
        return self.references[place[0]][place[1]].clip.seconds


def spread_out(places: Sequence[Any], seconds: Callable[[Any], float], most_s: float) -> list[Any]:
    """Places evenly over the list, until together they last `most_s`."""
    total = sum(seconds(place) for place in places)
    step = max(1.0, total / most_s)
    count = max(1, int(len(places) / step))
    return [places[int(number * len(places) / count)] for number in range(count)]


def _short(figures: Mapping[str, Any]) -> dict[str, Any]:
    names = ("closure_rate", "false_closures_per_minute", "pucker_rate", "aperture_r", "range_ratio")
    return {name: figures[name] for name in names} | {"bilabials": figures["events"]["bilabials"]}


def training_clips(folder: Path, parts: Sequence[Part]) -> list[Clip]:
    """TRAINING_MINUTES of training speech, the same share of every voice."""
    training = [part for part in parts if part.split == "train"]
    clips = []
    for part in tqdm(training, unit="voice", desc="training speech", leave=False):
        left = TRAINING_MINUTES * 60 / len(training)
        for samples, phones, _ in load_part(folder, part):
            if left <= 0:
                break
            clips.append(Clip(samples, phones))
            left -= clips[-1].seconds
    return clips


def drift(model: LipModel, sound: Samples) -> dict[str, float]:
    """What streaming for DRIFT_S changes: the last minute against a stream that began shortly before it.

    A model whose memory is bounded gives the same bits: `largest_difference` is then 0.
    """
    rate = 16000
    sound = np.resize(sound, round(DRIFT_S * rate))
    long_times, long = predict(model, sound)
    start = round((DRIFT_S - DRIFT_TAIL_S - DRIFT_WARM_UP_S) * rate)
    _short_times, short = predict(model, sound[start:])
    count = round(DRIFT_TAIL_S / (long_times[1] - long_times[0]))
    # The first column of the short stream's features lacks the sound before it; the warm-up covers that.
    difference = np.abs(long[-count:] - short[-count:])
    return {"seconds": DRIFT_S, "largest_difference": float(difference.max())}


def model_facts(path: Path, model: LipModel) -> dict[str, Any]:
    """Size, look-ahead and identity of the model at `path`."""
    return {
        "file": path.name,
        "size_bytes": path.stat().st_size,
        "lookahead_ms": model.lookahead_ms,
        "runtime": tflite.runtime(),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def fitted_baselines(voices: Sequence[Voice], training: Sequence[Clip]) -> Baselines | None:
    """The baselines that hear, fitted on the dev voices; None where there are none, or no training speech."""
    dev = [clip for voice in voices if voice.split == "dev" for clip in voice.clips if clip.phones]
    return Baselines(dev, training) if dev and training else None
