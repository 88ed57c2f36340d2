"""The end of a discovery: learn from all takes, write the model, judge it beside the simple ways, draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from liplab.discover import pictures
from liplab.discover.asked import POSES, Asked, pose_speech
from liplab.discover.baselines import JAW_ONLY, Inverse
from liplab.discover.discovery import Discovery, Learned, inverted, speak
from liplab.discover.filming import FilmSet
from liplab.discover.judge import (
    Looking,
    Performed,
    Scores,
    heard_s,
    score,
    seen_performance,
    spoken_take,
)
from liplab.discover.motors import ALIVE, DEAD
from liplab.discover.plan import FRAME_S
from liplab.discover.report import CURVES, MOTORS
from liplab.discover.session import FRONT
from liplab.discover.shape import width_mm
from liplab.eyes.sight import Sight
from liplab.scores import RATE_HZ, range_ratio
from lipwright.errors import LipwrightError
from lipwright.face.model import FaceModel
from lipwright.face.profile import HeadProfile
from lipwright.files import write_atomically

JUDGED_S, PERFORMANCES = 60.0, 2
POSE_MARGIN_S = 0.1  # around the moment that a pose is judged at
# What a head cannot do is said where it reaches less than this share of the range that is asked, or misses
# a pose by more than POSE_MM.
REACH_SHARE, POSE_MM = 0.8, 2.5

Floats = NDArray[np.float32]
Say = Callable[[str], None]


def finish(discovery: Discovery, stage: FilmSet, say: Say) -> dict[str, Any]:
    """Learns, writes the model and the pictures into the session's folder; returns the report.

    Raises LipwrightError when the takes are not enough or something cannot be written.
    """
    folder, profile = discovery.session.folder, discovery.profile
    say("learning from all that was filmed")
    learned = discovery.learn()
    assert learned.space is not None
    model = discovery.write(learned, {"seed": discovery.options.seed})
    snr, difference = discovery.quantization(learned, model)
    looking = Looking(learned.frame, discovery.options.eyes_mm, learned.delay.camera_s)
    speech = performances(discovery.held_out)
    baselines = discovery.baselines(learned)
    ways: dict[str, Callable[[Asked], Floats]] = {"": lambda asked: speak(model, profile, asked.codes)}
    ways |= {name: _way(invert, profile) for name, invert in baselines.items()}
    scores: dict[str, Scores] = {}
    shown: list[Performed] = []
    for name, way in tqdm(ways.items(), desc="judging", unit="way", leave=False):
        performed = [stage.performed(way(asked), asked, looking) for asked in speech]
        scores[name] = score(performed, profile.articulation.aperture_mm, _has_depth(performed))
        shown = shown or performed
    own = scores.pop("")
    poses = _poses(discovery, stage, looking, model, baselines[JAW_ONLY])
    filmed = discovery.session.load()
    try:
        pictures.contact_sheet(discovery.session)
        pictures.coverage(discovery.session, filmed, profile)
        write_atomically(folder / MOTORS, pictures.motor_chart(learned.motors))
        some = round(15 * RATE_HZ)
        one = shown[0]
        curve = pictures.curves(
            learned.losses, one.asked_lips[:some], one.lips[:some], (one.asked_gap[:some], one.gap[:some])
        )
        write_atomically(folder / CURVES, curve)
    except OSError as error:
        raise LipwrightError(f"The pictures cannot be written to {folder}: {error.strerror}.") from error
    return {
        "head": profile.name,
        "eyes": discovery.session.state.get("tracker", discovery.session.state["eyes"]),
        "judged": "Judged by where the simulated head's lips were."
        if _has_depth(shown)
        else "Judged by the camera.",
        "error_mm": {"front": own.front_mm, "depth": own.depth_mm},
        "closure_rate": own.closure_rate,
        "drift_ratio": own.drift_ratio,
        "speech": own.as_dict(),
        "baselines": {name: one.as_dict() for name, one in scores.items()},
        "self_model_mm": {
            "front": round(learned.self_errors.front_mm, 3),
            "second": None
            if learned.self_errors.second_mm is None
            else round(learned.self_errors.second_mm, 3),
        },
        "int8": {"snr_db": round(snr, 1), "rms_share_of_range": round(difference, 4)},
        "camera_delay_ms": round(1000 * learned.delay.camera_s, 1),
        "onset_ms": round(1000 * learned.delay.onset_s, 1),
        "yaw_deg": round(float(np.rad2deg(learned.yaw_rad or 0.0)), 1),
        "motors": [
            {"name": m.name, "moves_mm": m.moves_mm, "state": m.state, "sentence": m.sentence()}
            for m in learned.motors
        ],
        "before": "the jaw alone, as far open as is asked",
        "poses": poses,
        "cannot": cannot(learned, own, poses, speech, shown),
        "seconds": {key: discovery.session.state.get(key) for key in ("draft_s", "learn_s")},
    }


def performances(held_out: Sequence[Asked]) -> list[Asked]:
    """Held-out streams joined to performances of a minute."""
    joined: list[Asked] = []
    rows: list[Asked] = []
    for stream in held_out:
        rows.append(stream)
        if sum(map(len, rows)) * FRAME_S >= JUDGED_S:
            joined.append(_joined(rows))
            rows = []
        if len(joined) == PERFORMANCES:
            break
    return joined or [_joined(rows)]


def _joined(streams: Sequence[Asked]) -> Asked:
    steps = round(JUDGED_S / FRAME_S)
    return Asked(
        np.concatenate([stream.codes for stream in streams])[:steps],
        np.concatenate([stream.lips for stream in streams])[:steps],
        np.concatenate([stream.articulation for stream in streams])[:steps],
    )


def _way(invert: Inverse, profile: HeadProfile) -> Callable[[Asked], Floats]:
    return lambda asked: inverted(invert, asked, profile)


def _has_depth(performed: Sequence[Performed]) -> bool:
    return bool(np.any([one.lips[..., 1].any() for one in performed]))


def _poses(
    discovery: Discovery, stage: FilmSet, looking: Looking, model: FaceModel, before: Inverse
) -> list[dict[str, Any]]:
    """Films the key poses, before and after learning; returns their errors and their pictures' names."""
    profile = discovery.profile
    asked, reached = pose_speech(discovery.asker)
    moments = [step * FRAME_S for step in reached]
    found: list[dict[str, Any]] = [{"name": name} for name in POSES]
    ways = {"before": inverted(before, asked, profile), "after": speak(model, profile, asked.codes)}
    for when, targets in ways.items():
        take = spoken_take(targets, profile)
        shown = tuple(heard_s(profile) + looking.camera_s + moment for moment in moments)
        stage.shoot(replace(take, kind="poses", shown_s=shown), FRONT)
        filmed = next(iter(stage.finished(wait=True)))
        performed = seen_performance(filmed, asked, looking, profile)
        footage = filmed.views[FRONT]
        for pose, moment, at, picture in zip(found, moments, shown, footage.pictures, strict=True):
            name = f"pose_{pose['name']}_{when}.jpg"
            sight = footage.sights[int(np.abs(footage.times_s - at).argmin())]
            centre = (
                sight.lips.mean(axis=0) if isinstance(sight, Sight) else np.array(picture.shape[1::-1]) / 2
            )
            _keep(discovery.session.folder / name, pictures.mouth_picture(picture, (centre[0], centre[1])))
            around = slice(
                round((moment - POSE_MARGIN_S) * RATE_HZ), round((moment + POSE_MARGIN_S) * RATE_HZ)
            )
            away = performed.lips[around] - performed.asked_lips[around]
            error = float(np.sqrt((away[..., 0] ** 2 + away[..., 2] ** 2).mean()))
            pose |= {when: name, f"{when}_mm": round(error, 2)}
    return found


def _keep(path: Path, data: bytes) -> None:
    try:
        write_atomically(path, data)
    except OSError as error:
        raise LipwrightError(f"{path} cannot be written: {error.strerror}.") from error


def cannot(
    learned: Learned,
    own: Scores,
    poses: Sequence[dict[str, Any]],
    speech: Sequence[Asked],
    performed: Sequence[Performed],
) -> list[str]:
    """What the head cannot do, in sentences."""
    assert learned.space is not None
    found = []
    asked = np.concatenate([one.asked_lips for one in performed])
    done = np.concatenate([one.lips for one in performed])
    gap = own.aperture_range_ratio
    if gap is not None and gap < REACH_SHARE:
        found.append(f"The mouth opens only {100 * gap:.0f} % as far as speech asks.")
    width = range_ratio(width_mm(asked), width_mm(done))
    if width is not None and width < REACH_SHARE:
        found.append(f"It spreads and puckers only {100 * width:.0f} % as far as speech asks.")
    if learned.yaw_rad is None:
        found.append("No view showed how far the lips go forward, so that was not learned.")
    elif done[..., 1].any():
        ahead = range_ratio(asked[..., 1].mean(axis=1), done[..., 1].mean(axis=1))
        if ahead is not None and ahead < REACH_SHARE:
            found.append(f"It pushes its lips forward only {100 * ahead:.0f} % as far as speech asks.")
    for pose in poses:
        if pose["after_mm"] > POSE_MM:
            found.append(f"It misses the mouth “{pose['name']}” by {pose['after_mm']:.1f} mm.")
    lips = np.concatenate([one.lips for one in speech])
    lost = float(np.sqrt(((learned.space.as_head(lips) - lips) ** 2).sum(axis=-1).mean()))
    found.append(
        f"Of what speech asks, {lost:.1f} mm (rms) lie outside the shapes that its lips were seen to make."
    )
    found += [motor.sentence() for motor in learned.motors if motor.state == DEAD]
    if all(motor.state == ALIVE for motor in learned.motors) and len(found) == 1:
        found.insert(0, "Nothing that speech asks in range and width is out of its reach.")
    return found
