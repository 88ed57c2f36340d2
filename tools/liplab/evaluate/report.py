"""Makes the report of `liplab evaluate`; `liplab train` makes the same for the model that it has taught."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from liplab.evaluate import noise
from liplab.evaluate.bars import bars
from liplab.evaluate.baselines import Baselines
from liplab.evaluate.measures import Track
from liplab.evaluate.peers import Peer, PeerError, said_by, write_sounds
from liplab.evaluate.quantized import Weights, compared, float_tracks, signal_to_noise
from liplab.evaluate.sets import Clip, JudgedSet, Voice
from liplab.evaluate.table import Evaluation, drift, fitted_baselines, hearing, model_facts, spread_out
from liplab.lips.measures import predict
from lipwright.face.profile import HeadProfile
from lipwright.lips.model import LipModel

ACTUATOR_S = 60.0  # of every set that the simulated head speaks
PEER_S = 40.0  # of every voice that peers hear


@dataclass(frozen=True)
class Judged:
    """What to judge on, and beside what."""

    voices: Sequence[Voice]
    sets: Sequence[JudgedSet]
    training: Sequence[Clip] = ()  # some training speech: without it no baselines and no noise
    weights: Weights | None = None  # of the network before it was quantized
    peers: Sequence[Peer] = ()
    head: HeadProfile | None = None  # of the simulated head that speaks too


def make_report(path: Path, judged: Judged) -> dict[str, Any]:
    """Every figure about the model at `path`.

    `sets` are after the actuator if the head speaks, and then `before.sets` are straight from the model;
    otherwise `sets` are; `amplitude_jaw.sets` are those of a jaw that the same servos move with the sound's
    level. Baselines, peers, noise, drift and bars are always before the actuator.
    """
    model = LipModel.load(path)
    evaluation = Evaluation(judged.voices, judged.sets)
    hear = hearing(model)
    tracks = evaluation.heard(hear, "lip model")
    scored = evaluation.scored(tracks)
    sets = evaluation.measured(scored)
    report: dict[str, Any] = {
        "model": model_facts(path, model),
        "actuator": "before",
        "sets": sets,
        "voices": evaluation.by_voice(scored),
    }
    baselines = fitted_baselines(judged.voices, judged.training)
    report |= _rivals(evaluation, judged, baselines, tracks)
    if judged.training:
        report["noise"] = evaluation.in_noise(hear, tracks, judged.training)
        report["noise_alone"] = noise.alone(lambda samples: predict(model, samples)[1])
        clips = [clip.samples for voice in judged.voices for clip in voice.clips]
        report["drift"] = drift(model, np.concatenate(clips))
    if judged.weights is not None:
        exact = {voice.name: float_tracks(judged.weights, model, voice.clips) for voice in judged.voices}
        sound = np.concatenate([clip.samples for voice in judged.voices for clip in voice.clips])
        report["int8_against_float"] = compared(
            evaluation, scored, evaluation.scored(exact)
        ) | signal_to_noise(judged.weights, model, sound)
    report["bars"] = bars(report, sets)
    if judged.head is not None:
        from liplab.evaluate.actuator import Actuator  # needs the simulated head

        actuator = Actuator(model, judged.head)
        report |= {
            "actuator": "after",
            "head": judged.head.name,
            "sets": _performed(evaluation, actuator.perform, sets),
            "before": {"sets": sets},
        }
        if baselines is not None:

            def flap(clips: Sequence[Clip]) -> list[Track]:
                return actuator.flap(clips, [baselines.amplitude(clip) for clip in clips])

            report["amplitude_jaw"] = {"sets": _performed(evaluation, flap, sets)}
    return report


def _rivals(
    evaluation: Evaluation,
    judged: Judged,
    baselines: Baselines | None,
    tracks: Mapping[str, Sequence[Track]],
) -> dict[str, Any]:
    report: dict[str, Any] = {}
    if baselines is not None:
        rows = {name: evaluation.heard(hears, name) for name, hears in baselines.tracks.items()}
        rows |= evaluation.control_tracks(baselines.pose, tracks)
        report["baselines"] = {
            name: {"sets": evaluation.measured(evaluation.scored(row))} for name, row in rows.items()
        }
    if judged.peers:
        report |= _peers(evaluation, judged, tracks)
    return report


def _peers(evaluation: Evaluation, judged: Judged, tracks: Mapping[str, Sequence[Track]]) -> dict[str, Any]:
    """Peers on PEER_S of every voice of the sets, some being slow, and the model on the same clips."""
    places: dict[str, list[int]] = {}
    for voice in judged.voices:
        if any(voice in own.voices for own in judged.sets):
            every = [(voice.name, n) for n in range(len(voice.clips))]
            places[voice.name] = [n for _, n in spread_out(every, evaluation.seconds, PEER_S)]
    voices = [
        replace(voice, clips=tuple(voice.clips[n] for n in places[voice.name]))
        for voice in judged.voices
        if voice.name in places
    ]

    def measured(said: Mapping[str, Sequence[Track]]) -> dict[str, Any]:
        scores = {
            name: [evaluation.score((name, n), track) for n, track in zip(places[name], own, strict=True)]
            for name, own in said.items()
        }
        return {
            own.name: evaluation.measure([score for voice in own.voices for score in scores[voice.name]])
            for own in judged.sets
        }

    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="liplab-") as folder:
        sounds = write_sounds(voices, Path(folder))
        for peer in judged.peers:
            print(f"peer {peer.name} {peer.version} ...", file=sys.stderr)
            try:
                rows[peer.name] = {**peer.facts(), "sets": measured(said_by(peer, voices, sounds))}
            except PeerError as error:
                print(f"{peer.name} is left out: {error}", file=sys.stderr)
                rows[peer.name] = {**peer.facts(), "left_out": str(error)}
    own = {name: [tracks[name][n] for n in chosen] for name, chosen in places.items()}
    return {"peers": rows, "beside_peers": measured(own)}


def _performed(
    evaluation: Evaluation,
    perform: Callable[[Sequence[Clip]], Sequence[Track]],
    before: Mapping[str, Any],
) -> dict[str, Any]:
    """Measures of what the lips did on ACTUATOR_S of every set; a clip of several sets is spoken once."""
    places = {
        judged.name: spread_out(
            [(voice.name, n) for voice in judged.voices for n in range(len(voice.clips))],
            evaluation.seconds,
            ACTUATOR_S,
        )
        for judged in evaluation.sets
        if not judged.name.startswith("all")
    }
    wanted = sorted({place for own in places.values() for place in own})
    clips = [evaluation.references[voice][n].clip for voice, n in wanted]
    done = dict(zip(wanted, perform(clips), strict=True))
    scores = {place: evaluation.score(place, track) for place, track in done.items()}
    spoken = {}
    for judged in evaluation.sets:
        voices = {voice.name for voice in judged.voices}
        own = places.get(judged.name) or [place for place in wanted if place[0] in voices]
        facts = {
            name: before[judged.name][name]
            for name in ("voices", "languages", "origin", "split", "engines_trained_on",
                         "speakers_trained_on")
        }  # fmt: skip
        spoken[judged.name] = facts | evaluation.measure([scores[place] for place in own])
    return spoken
