"""How good a lip model is, as a head runs it: on people who were watched, and on the speech of the checks.

Both through the int8 stream, from features. A new model is taken when it is better on people by more than
chance, and no check is worse by more than its tolerance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from liplab.evaluate.measures import Reference, measure, score_clip
from liplab.evaluate.sets import Clip
from liplab.evaluate.table import on_grid
from liplab.improve.packs import Spoken
from liplab.improve.watched import SEEN_COLUMNS, SEEN_PARTS, Watched
from liplab.scores import area_under_curve, correlation, resample
from lipwright.audio.decode import RATE
from lipwright.audio.features import BANDS, SILENCE, STEP_S
from lipwright.lips.model import LipModel

# Of a clip's range: a camera's lips below it are closed. Louder than SPEECH_BELOW_PEAK below a clip's loudest
# step (in log10 of power, 35 dB) is speech. Both as in liplab.evaluate.
CLOSED_SHARE, SPEECH_BELOW_PEAK = 0.05, 3.5
# What the checks measure, and by how much a new model may be worse than the shipped one.
TOLERANCE = 0.01
CHECKED = ("closure_rate", "pucker_rate", "labiodental_rate", "aperture_r", "width_r", "closure_auc")
RANGE = "range_ratio"  # is best at 1, from either side
FALSE_CLOSURES = "false_closures_per_minute"
FALSE_TOLERANCE = 0.05  # of the shipped model's own
RESAMPLES, SEED = 4000, 3
CHANCE = 0.05  # how probable a gain may be without the model's being better
FEWEST_PERSONS = 5  # held out, for persons and not clips to be drawn anew: one person's clips are alike

Track = npt.NDArray[np.float32]
Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ClipResult:
    """What a model does on a clip that was watched.

    Attributes:
        track: Its articulation (m, 5) at the camera's moments.
        r: Pearson's r with what the camera saw, of SEEN_PARTS; 0 where something does not move.
        closed, open: Its apertures where the camera shows closed lips in speech, and other ones.
    """

    clip: Watched
    track: Float
    r: tuple[float, ...]
    closed: Float
    open: Float


@dataclass(frozen=True)
class Verdict:
    """Whether a new model is taken, and what speaks against it, in sentences.

    Attributes:
        gain: What its aperture r gains on people held out: mean, 5th and 95th percentile of resamples.
    """

    refusals: Sequence[str]
    gain: tuple[float, float, float]

    @property
    def accepted(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.refusals


def stream(model: LipModel, features: Track) -> tuple[Float, Track]:
    """What the model streams out for features (n, 160): times (m,) in s from their first step, and
    articulation (m, 5)."""
    state = model.initial_state()
    silence = np.full((model.steps_ahead, features.shape[1]), SILENCE, np.float32)
    steps = np.concatenate([features, silence]).reshape(-1, features.shape[1] // BANDS, BANDS)
    track = np.array([model.step(step, state).articulation for step in steps])
    times = np.array([model.sound_time(step) for step in range(len(steps))])
    inside = times >= 0
    return times[inside], track[inside]


def on_people(model: LipModel, clips: Sequence[Watched], what: str) -> list[ClipResult]:
    """A model's results on clips that were watched; `what` names the model on the bar."""
    return [_on_clip(model, clip) for clip in tqdm(clips, unit="clip", desc=what)]


def _on_clip(model: LipModel, clip: Watched) -> ClipResult:
    times, track = stream(model, clip.features)
    moments = clip.times_s.astype(np.float64)
    got = resample(times, track, moments)
    r = [
        correlation(clip.measures[:, part].astype(np.float64), got[:, column]) or 0.0
        for part, column in enumerate(SEEN_COLUMNS)
    ]
    aperture = clip.measures[:, 0]
    closed = aperture <= aperture.min() + CLOSED_SHARE * np.ptp(aperture)
    level = np.log10((10.0**clip.features).mean(axis=1))
    loud = level > level.max() - SPEECH_BELOW_PEAK
    speech = loud[np.clip(np.rint(moments / STEP_S).astype(int), 0, len(loud) - 1)]
    return ClipResult(clip, got, tuple(r), got[closed & speech, 0], got[~closed & speech, 0])


def people_measures(results: Sequence[ClipResult]) -> dict[str, Any]:
    """Measures over clips: mean r of what a camera sees, and how well a low aperture tells closed lips."""
    r = np.mean([result.r for result in results], axis=0)
    closed = np.concatenate([result.closed for result in results])
    others = np.concatenate([result.open for result in results])
    return {
        "clips": len(results),
        "persons": len({result.clip.person for result in results}),
        "seconds": round(sum(result.clip.seconds for result in results), 1),
        **{f"{part}_r": float(value) for part, value in zip(SEEN_PARTS, r, strict=True)},
        "closure_auc": area_under_curve(-closed, -others),
    }


def by_tag(results: Sequence[ClipResult]) -> dict[str, dict[str, Any]]:
    """The same for all clips, and for those of each tag."""
    groups: defaultdict[str, list[ClipResult]] = defaultdict(list)
    for result in results:
        for tag in ("all", *result.clip.tags):
            groups[tag].append(result)
    return {tag: people_measures(own) for tag, own in groups.items()}


def check(model: LipModel, spoken: Sequence[Spoken], what: str) -> dict[str, Any]:
    """A model's measures on speech with phones, as `liplab evaluate` defines them."""
    scores = []
    with tqdm(total=round(sum(one.seconds for one in spoken)), unit="s", desc=what) as bar:
        done = 0.0
        for one in spoken:
            # Measures of phones ask of the sound only how long it is.
            clip = Clip(np.zeros(round(one.seconds * RATE), np.float32), one.phones)
            scores.append(score_clip(Reference(clip), on_grid(clip, *stream(model, one.features))))
            done += one.seconds
            bar.update(round(done) - bar.n)
    figures = measure(scores, None)
    return {name: figures[name] for name in (*CHECKED, RANGE, FALSE_CLOSURES, "events", "minutes")}


def gain(before: Sequence[ClipResult], after: Sequence[ClipResult]) -> tuple[float, float, float]:
    """How much the aperture r gains, clip by clip: mean, and its bounds at CHANCE by a paired bootstrap.

    Persons are drawn with all their clips, where there are FEWEST_PERSONS; else clips are.
    """
    gains = np.array([new.r[0] - old.r[0] for old, new in zip(before, after, strict=True)])
    persons = [result.clip.person for result in after]
    if len(set(persons)) >= FEWEST_PERSONS:
        groups = [gains[[person == one for person in persons]] for one in sorted(set(persons))]
    else:
        groups = [gains[place : place + 1] for place in range(len(gains))]
    sums, counts = np.array([own.sum() for own in groups]), np.array([len(own) for own in groups])
    random = np.random.default_rng(SEED)
    drawn = random.integers(len(groups), size=(RESAMPLES, len(groups)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [CHANCE, 1 - CHANCE])
    return float(gains.mean()), float(low), float(high)


def losses(shipped: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, float]:
    """By how much each check is worse than the shipped model's, as shares of what is tolerated.

    Above 1 is too much. Checks that nothing was measured for are left out.
    """
    found = {
        name: (shipped[name] - new[name]) / TOLERANCE
        for name in CHECKED
        if shipped[name] is not None and new[name] is not None
    }
    if shipped[RANGE] is not None:
        found[RANGE] = (abs(1 - new[RANGE]) - abs(1 - shipped[RANGE])) / TOLERANCE
    if shipped[FALSE_CLOSURES] is not None:
        more = new[FALSE_CLOSURES] - shipped[FALSE_CLOSURES]
        found[FALSE_CLOSURES] = more / max(FALSE_TOLERANCE * shipped[FALSE_CLOSURES], 1e-9)
    return found


def verdict(
    before: Sequence[ClipResult],
    after: Sequence[ClipResult],
    shipped: Mapping[str, Any],
    new: Mapping[str, Any],
) -> Verdict:
    """Whether a new model is taken: results on people of the model in use and of the new one, checks of the
    shipped model and of the new one."""
    gained = gain(before, after)
    refusals = []
    if gained[1] <= 0:
        refusals.append(
            f"On people held out its aperture r gains {gained[0]:+.3f}, which may be chance "
            f"(5th percentile {gained[1]:+.3f})."
        )
    refusals += [
        f"{name} is worse on speech that ships for checks: {new[name]:.3f}, with the shipped model "
        f"{shipped[name]:.3f}."
        for name, share in losses(shipped, new).items()
        if share > 1
    ]
    return Verdict(refusals, gained)
