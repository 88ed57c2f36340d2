"""The coarticulation model's numbers, fitted to measured lips.

Non-linear least squares with a robust loss, one part of the articulation at a time (they do not share
numbers). Every number has the hand-set one as its prior, with a spread that says how far data may take it;
phones that were not measured move with their group (close rounded vowels, sibilants, ...). A camera's
units differ from speaker to speaker, so each recording has a gain and an offset of its own, fitted along.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares
from tqdm import tqdm

from liplab.scores import Phone, correlation
from liplab.speech import handset
from liplab.speech.articulation import (
    PRESSED,
    PUCKERED,
    RATE_HZ,
    REST_WEIGHT,
    TUCKED_APERTURE,
    Numbers,
    articulation,
    cores,
    free,
    gestures,
    numbers_of,
    pulls,
)
from liplab.speech.measured import Recording
from lipwright.lips.model import ARTICULATION

Values = npt.NDArray[np.float64]

# Spreads of the priors: of goals in units of the articulation, of the rest as a factor's logarithm.
GOAL_GROUP, GOAL_OWN = 0.2, 0.12
WEIGHT_SPREAD, GESTURE_SPREAD = 0.5, 0.5
# How fast the simulated tract rounds is a rule of the simulation, not a measurement: it counts less.
FADE_SPREAD = {"aperture": 0.5, "width": 0.15, "jaw": 0.5, "rounding": 0.15}
LEAD_SPREAD_S = 0.03
GAIN_SPREAD, OFFSET_SPREAD = 0.25, 0.3
# Of the aperture, a camera's zero is known: what MediaPipe measures between lips that are closed (over the
# distance of the eyes; the least of each GRID clip that has p, b or m is 0.001 to 0.005). So is its gain,
# nearly: the 95th percentile of a speaker's own openings is nearly as open as in speech (GRID's sentences
# are of ɛ, eɪ and aɪ, and hold hardly an ɑ).
CLOSED, OPEN = 0.004, 0.88
APERTURE_GAIN_SPREAD, CLOSED_SPREAD = 0.1, 0.03
# What a measured value may differ by, in units of the articulation. Frames of one phone are no
# independent witnesses, so a frame counts less than a phone.
NOISE = {"aperture": 0.20, "width": 0.35, "jaw": 0.25, "rounding": 0.12}
FRAMES_A_WITNESS = 2.5
STATIC_NOISE = 0.08
CAMERA_PARTS = ("aperture", "width", "jaw")
SOURCE = {"aperture": "GRID", "width": "GRID", "jaw": "GRID", "rounding": "VTL"}
DIFFERENCE = 1e-3  # of an unknown whose slope is taken by differences
SHORTEST_S, LONGEST_S = 0.020, 0.200  # that a fade or a ramp may become
# Of goals. Whatever is no closure stays clearly open: lips 2 mm apart would be seen as closed.
LIMITS = {"aperture": (0.14, 1.0), "width": (-1.0, 1.0), "rounding": (0.0, 1.0), "jaw": (0.0, 1.0)}
LEAST_SPREAD = 0.03  # of a track that is to be correlated
GAP_S = 0.7  # between utterances on one time line
# Which gesture times show in which part.
GESTURES_OF = {"aperture": ("closing_s", "opening_s", "closure_lead_s")}
# Groups whose goal in a part is a gesture's, set by what a head must show.
FIXED = {
    "aperture": ("rest", "unknown", "bilabial", "labiodental"),
    "width": ("rest", "unknown", "bilabial", "glide"),
    "jaw": ("rest", "unknown"),
    "rounding": ("rest", "unknown", "glide"),
}


@dataclass(frozen=True)
class Line:
    """Recordings laid one after the other on one time line."""

    phones: list[Phone]
    times_s: Values
    values: Values
    owner: npt.NDArray[np.intp]  # recording of each value


def line(recordings: Sequence[Recording], part: str) -> Line:
    """One time line of all recordings' phones and measured values of a part, little silence between."""
    phones, times, values, owner, end = [], [], [], [], 0.0
    for number, recording in enumerate(recordings):
        shift = end + GAP_S - float(recording.times_s[0])
        end = shift + float(recording.times_s[-1])
        spoken = [phone for phone in recording.phones if phone.ipa]
        near = (spoken[0].start_s - GAP_S / 2, spoken[-1].end_s + GAP_S / 2)
        for phone in recording.phones:
            start_s, end_s = max(phone.start_s, near[0]), min(phone.end_s, near[1])
            if start_s < end_s:
                phones.append(Phone(phone.ipa, start_s + shift, end_s + shift))
        times.append(recording.times_s + shift)
        values.append(recording.values[part])
        owner.append(np.full(len(times[-1]), number))
    return Line(phones, np.concatenate(times), np.concatenate(values), np.concatenate(owner))


class Response(NamedTuple):
    """How a part's track comes about."""

    track: Values  # (n,)
    blended: Values  # (n,), before gestures
    share: Values  # (n, k): what a pull's goal adds to the track
    rows: npt.NDArray[np.intp]  # (k,) of goals


class PartFit:
    """The unknowns of one part, their priors, and what becomes of the numbers."""

    def __init__(
        self,
        numbers: Numbers,
        part: str,
        recordings: Sequence[Recording],
        own_units: bool,
        statics: dict[str, float],
    ) -> None:
        self.numbers, self.part, self.column = numbers, part, ARTICULATION.index(part)
        self.line = line(recordings, part)
        self.own_units, self.statics = own_units, statics
        rows = handset.rows()
        self.row_of = {symbol: number for number, row in enumerate(rows) for symbol in row.symbols}
        counts: Counter[int] = Counter()
        for phone in self.line.phones:
            for symbol in pulls(phone.ipa):
                counts[self.row_of[symbol]] += 1
        self.counts = counts
        seen = {number for number in counts if rows[number].group not in FIXED[part]}
        seen |= {self.row_of[symbol] for symbol in statics}
        self.groups = sorted({rows[number].group for number in seen})
        self.members = [[n for n, row in enumerate(rows) if row.group == group] for group in self.groups]
        self.own = sorted(seen)
        self.gestures = GESTURES_OF.get(part, ())
        self.noise = NOISE[part] * np.sqrt(FRAMES_A_WITNESS)
        self.spreads = np.concatenate(
            [
                np.full(len(self.groups), GOAL_GROUP),
                np.full(len(self.own), GOAL_OWN),
                np.full(len(self.groups), WEIGHT_SPREAD),
                np.full(2, FADE_SPREAD[part]),
                [LEAD_SPREAD_S],
                np.full(len(self.gestures), GESTURE_SPREAD),
            ]
        )
        if own_units:
            self.scale = [self._scale(owner) for owner in range(len(recordings))]
            count = len(recordings)
            gain, offset = (
                (APERTURE_GAIN_SPREAD, CLOSED_SPREAD) if part == "aperture" else (GAIN_SPREAD, OFFSET_SPREAD)
            )
            self.spreads = np.concatenate([self.spreads, np.full(count, gain), np.full(count, offset)])

    def _scale(self, owner: int) -> tuple[float, float]:
        """Offset and gain that give a recording the spread of what the prior asks for."""
        mine = self.line.owner == owner
        seen = self.line.values[mine]
        if self.part == "aperture":
            return CLOSED, float(np.percentile(seen, 95) - CLOSED) / OPEN
        asked = self._response(self.numbers).track[mine]
        gain = np.subtract(*np.percentile(seen, [95, 5])) / max(
            np.subtract(*np.percentile(asked, [95, 5])), 0.1
        )
        return float(np.percentile(seen, 5) - gain * np.percentile(asked, 5)), float(gain)

    def _response(self, numbers: Numbers) -> Response:
        """How the track (n,) of the part comes about; its last steps are linear in the goals."""
        line, column = self.line, self.column
        rows, first, last = cores(line.phones, numbers)
        times = line.times_s[:, None]
        apart = np.maximum(first[:, column] - times, 0) / numbers.fade_before_s[column]
        apart += np.maximum(times - last[:, column], 0) / numbers.fade_after_s[column]
        pull = np.exp(-apart) * numbers.weights[rows, column]
        total = pull.sum(axis=1) + REST_WEIGHT
        rest = numbers.goals[numbers.index[""], column]
        blended = (pull @ numbers.goals[rows, column] + REST_WEIGHT * rest) / total
        left = np.ones(len(blended))
        found = gestures(line.phones, numbers)
        track = blended
        grid = np.arange(line.times_s[0] - 0.1, line.times_s[-1] + 0.1, 1 / RATE_HZ)

        def bend(spans: list[tuple[float, float]], rise: float, fall: float, goal: float) -> None:
            nonlocal left, track
            if spans:
                mine = np.interp(line.times_s, grid, free(grid, spans, rise, fall))
                left, track = left * mine, goal + mine * (track - goal)

        if self.part == "aperture":
            bend(found.labiodentals, numbers.tucking_s, numbers.tucking_s, TUCKED_APERTURE)
            bend(found.bilabials, numbers.closing_s, numbers.opening_s, PRESSED)
            left, track = np.where(track > 0, left, 0), np.maximum(track, 0)  # pressing does not show
        elif self.part == "width":
            bend(found.glides, numbers.rounding_lead_s, numbers.rounding_tail_s, PUCKERED)
        elif self.part == "rounding":
            bend(found.glides, numbers.rounding_lead_s, numbers.rounding_tail_s, 1.0)
        return Response(track, blended, left[:, None] * pull / total[:, None], np.array(rows))

    def result(self, unknowns: Values) -> Numbers:
        """The numbers that the unknowns stand for."""
        steps = unknowns * self.spreads
        at = 0

        def take(count: int) -> Values:
            nonlocal at
            at += count
            taken: Values = steps[at - count : at]
            return taken

        goals, weights = self.numbers.goals.copy(), self.numbers.weights.copy()
        for step, members in zip(take(len(self.groups)), self.members, strict=True):
            goals[members, self.column] += step
        goals[self.own, self.column] += take(len(self.own))
        low, high = LIMITS[self.part]
        touched = sorted({n for members in self.members for n in members} | set(self.own))
        goals[touched, self.column] = np.clip(goals[touched, self.column], low, high)
        for step, members in zip(take(len(self.groups)), self.members, strict=True):
            weights[members, self.column] *= np.exp(step)
        before, after, lead = (
            self.numbers.fade_before_s.copy(),
            self.numbers.fade_after_s.copy(),
            self.numbers.lead_s.copy(),
        )
        for fade, step in zip((before, after), take(2), strict=True):
            fade[self.column] = np.clip(fade[self.column] * np.exp(step), SHORTEST_S, LONGEST_S)
        lead[self.column] += take(1)[0]
        times: dict[str, Any] = {
            name: float(np.clip(getattr(self.numbers, name) * np.exp(step), 0.005, LONGEST_S))
            for name, step in zip(self.gestures, take(len(self.gestures)), strict=True)
        }
        return replace(
            self.numbers,
            goals=goals,
            weights=weights,
            fade_before_s=before,
            fade_after_s=after,
            lead_s=lead,
            **times,
        )

    def residuals(self, unknowns: Values) -> Values:
        """What data and priors miss, in units of their spreads."""
        numbers = self.result(unknowns)
        off = self._robust(self._misses(unknowns, self._response(numbers).track))[0]
        return np.concatenate([off, self._still(numbers), unknowns])

    def _misses(self, unknowns: Values, track: Values) -> Values:
        seen = self.line.values
        if self.own_units:
            gains, offsets = self._units(unknowns)
            seen = (seen - offsets[self.line.owner]) / gains[self.line.owner]
        misses: Values = np.nan_to_num((track - seen) / self.noise)  # what is unknown is NaN
        return misses

    def _units(self, unknowns: Values) -> tuple[Values, Values]:
        """Gain and offset of each recording."""
        count = len(self.scale)
        steps = (unknowns * self.spreads)[-2 * count :]
        base, gain = np.array(self.scale, np.float64).T
        return gain * np.exp(steps[:count]), base + gain * steps[count:]

    @staticmethod
    def _robust(off: Values) -> tuple[Values, Values]:
        """Charbonnier: beyond the noise, a miss counts by its size and not by its square; and the slope."""
        length = np.sqrt(1 + off**2)
        bent = np.sign(off) * np.sqrt(2 * (length - 1))
        return bent, np.where(np.abs(off) > 1e-6, off / (length * np.where(bent == 0, 1, bent)), 1.0)

    def _still(self, numbers: Numbers) -> Values:
        return np.array(
            [
                (numbers.goals[self.row_of[symbol], self.column] - value) / STATIC_NOISE
                for symbol, value in self.statics.items()
            ]
        )

    def slopes(self, unknowns: Values) -> Values:
        """The Jacobian of `residuals`: exact for goals, weights and units, by differences for the rest."""
        numbers = self.result(unknowns)
        response = self._response(numbers)
        misses = self._misses(unknowns, response.track)
        slope = self._robust(misses)[1] * np.isfinite(self.line.values) / self.noise
        rows, column = response.rows, self.column
        by_row = np.zeros((len(misses), len(numbers.goals)))
        np.add.at(by_row.T, rows, response.share.T)
        by_weight = np.zeros_like(by_row)
        offsets = numbers.goals[rows, column][None] - response.blended[:, None]
        np.add.at(by_weight.T, rows, (response.share * offsets).T)
        low, high = LIMITS[self.part]
        within = (numbers.goals[:, column] > low) & (numbers.goals[:, column] < high)
        by_row = by_row * within
        groups = [by_row[:, members].sum(axis=1) for members in self.members]
        weights = [by_weight[:, members].sum(axis=1) for members in self.members]
        columns = groups + [by_row[:, number] for number in self.own] + weights
        first = len(columns)
        for number in range(first, first + 3 + len(self.gestures)):
            moved = unknowns.copy()
            moved[number] += DIFFERENCE
            ahead = self._response(self.result(moved)).track
            columns.append((ahead - response.track) / (DIFFERENCE * self.spreads[number]))
        if self.own_units:
            gains, offsets_now = self._units(unknowns)
            owner, base = self.line.owner, np.array(self.scale).T[1]
            seen = (self.line.values - offsets_now[owner]) / gains[owner]
            mine = owner[:, None] == np.arange(len(gains))
            columns += list((mine * seen[:, None]).T)
            columns += list((mine * (base / gains)[None]).T)
        data = np.nan_to_num(np.array(columns).T) * self.spreads * slope[:, None]
        still = np.zeros((len(self.statics), len(self.spreads)))
        for place, symbol in enumerate(self.statics):
            row = self.row_of[symbol]
            if within[row]:
                still[place, [row in members for members in self.members].index(True)] = 1
                still[place, len(self.groups) + self.own.index(row)] = 1
        still *= self.spreads / STATIC_NOISE
        return np.concatenate([data, still, np.eye(len(self.spreads))])

    def solve(self) -> Numbers:
        """The numbers at the best fit."""
        start = np.zeros(len(self.spreads))
        found = least_squares(self.residuals, start, self.slopes, max_nfev=40, xtol=1e-4, ftol=1e-4)
        return self.result(found.x)


def start() -> Numbers:
    """The numbers set by hand."""
    return numbers_of(handset.content())


def fit(
    camera: Sequence[Recording],
    simulated: Sequence[Recording],
    statics: dict[str, dict[str, float]],
) -> tuple[Numbers, list[PartFit]]:
    """The numbers fitted: aperture, width and jaw to the camera, rounding to the simulated vocal tract."""
    numbers, fits = start(), []
    for part in (*CAMERA_PARTS, "rounding"):
        recordings = simulated if part == "rounding" else camera
        fits.append(PartFit(numbers, part, recordings, part != "rounding", statics.get(part, {})))
        numbers = fits[-1].solve()
    return numbers, fits


def left_out(camera: Sequence[Recording], statics: dict[str, dict[str, float]]) -> list[Numbers]:
    """For each recording, the numbers fitted to all the others (aperture, width and jaw)."""
    results = []
    for number in tqdm(range(len(camera)), unit="speaker", desc="left out"):
        others = [*camera[:number], *camera[number + 1 :]]
        numbers = start()
        for part in CAMERA_PARTS:
            numbers = PartFit(numbers, part, others, True, statics.get(part, {})).solve()
        results.append(numbers)
    return results


def correlations(numbers: Numbers, recording: Recording) -> dict[str, float]:
    """Pearson's r at lag 0 of what the phones ask for with what was measured, by part, where both move."""
    track = articulation(recording.phones, recording.times_s, numbers).astype(np.float64)
    result = {}
    for part, seen in recording.values.items():
        known = np.isfinite(seen)
        asked = track[known, ARTICULATION.index(part)]
        if part == "aperture":
            asked = np.maximum(asked, 0)
        if np.std(asked) > LEAST_SPREAD and (r := correlation(asked, seen[known])) is not None:
            result[part] = r
    return result


def content(fits: Sequence[PartFit], numbers: Numbers) -> dict[str, Any]:
    """What articulation.json holds: the numbers, each with its source and how many phones it rests on."""
    written: dict[str, Any] = handset.content()
    rows = handset.rows()

    def put(place: dict[str, Any], key: str, value: float, source: str) -> None:
        place[key] = [round(float(value), 4), source]

    for fitted in fits:
        part, column, source = fitted.part, fitted.column, SOURCE[fitted.part]
        phones = sum(1 for phone in fitted.line.phones if phone.ipa)
        shapes = {fitted.row_of[symbol] for symbol in fitted.statics}
        for group, members in zip(fitted.groups, fitted.members, strict=True):
            total = sum(fitted.counts[number] for number in members)
            for number in members:
                if number in shapes:
                    how = f"measured (VTL shape, {source} {fitted.counts[number]})"
                elif number in fitted.own:
                    how = f"measured ({source}, {fitted.counts[number]})"
                else:
                    how = f"by likeness ({source}, {group}, {total})"
                put(written["phones"][number]["goal"], part, numbers.goals[number, column], how)
                put(
                    written["phones"][number]["weight"],
                    part,
                    numbers.weights[number, column],
                    f"measured ({source}, {group}, {total})",
                )
        how = f"measured ({source}, {phones})"
        put(written["fade_before_s"], part, numbers.fade_before_s[column], how)
        put(written["fade_after_s"], part, numbers.fade_after_s[column], how)
        put(written["lead_s"], part, numbers.lead_s[column], how)
        for name in fitted.gestures:
            put(written["gestures"], name, getattr(numbers, name), how)
    for number, row in enumerate(written["phones"]):
        row["group"] = rows[number].group
    return written
