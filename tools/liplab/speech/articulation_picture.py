"""The picture of `liplab articulation show`: what phones ask for, and lips measured beside lips modelled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from liplab.speech.articulation import Numbers, articulation
from liplab.speech.measured import Recording
from lipwright.lips.model import ARTICULATION

matplotlib.use("Agg")
import matplotlib.pyplot as plt

CLIPS = 4
COLOURS = {"measured": "#2a9d4a", "by likeness": "#e08a00", "set": "#888888"}
SHOWN = ("aperture", "width", "rounding", "jaw")


def draw(path: Path, content: dict[str, Any], numbers: Numbers, recordings: Sequence[Recording]) -> None:
    """Writes the picture as PNG."""
    figure = plt.figure(figsize=(17, 18), layout="constrained")
    page = figure.add_gridspec(2, 1, height_ratios=[1.4, 1])
    targets, clips = figure.add_subfigure(page[0]), figure.add_subfigure(page[1])
    for axes, part in zip(targets.subplots(len(SHOWN), 1), SHOWN, strict=True):
        _draw_targets(axes, content["phones"], part)
    shown = recordings[:CLIPS]
    for rows, recording in zip(clips.subplots(len(shown), 2, squeeze=False), shown, strict=True):
        for axes, part in zip(rows, ("aperture", "width"), strict=True):
            _draw_tracks(axes, recording, numbers, part)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _draw_targets(axes: Any, phones: Sequence[dict[str, Any]], part: str) -> None:
    for place, row in enumerate(phones):
        value, source = row["goal"][part]
        colour = COLOURS[source.split(" (")[0]]
        weight = row["weight"][part][0]
        axes.bar(place, value, color=colour, alpha=0.35 + 0.65 * min(weight, 1.0), width=0.8)
    names = ["".join(row["symbols"])[:6] or "rest" for row in phones]
    axes.set_xticks(range(len(names)), names, rotation=60, fontsize=9)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_ylabel(part)
    axes.axhline(0, color="#444444", lw=0.6)
    if part == SHOWN[0]:
        for name, colour in COLOURS.items():
            axes.bar(0, 0, color=colour, label=name)
        axes.set_title("What phones ask for (pale: with little weight)")
        axes.legend(loc="upper right", ncols=3, fontsize=9)


def _draw_tracks(axes: Any, recording: Recording, numbers: Numbers, part: str) -> None:
    asked = articulation(recording.phones, recording.times_s, numbers)[:, ARTICULATION.index(part)]
    seen = recording.values[part]
    # A camera's units are the speaker's own; here they are brought to the model's by a straight line.
    slope, height = np.polyfit(seen, asked, 1)
    axes.plot(recording.times_s, height + slope * seen, "k.-", lw=1, label="measured")
    axes.plot(recording.times_s, asked, color="#b03040", label="modelled")
    r = np.corrcoef(seen, asked)[0, 1]
    axes.set_title(f"{recording.name}, {part}: r {r:.2f}", fontsize=10)
    for phone in recording.phones:
        if phone.ipa:
            axes.axvline(phone.start_s, color="#dddddd", lw=0.5, zorder=0)
            axes.text((phone.start_s + phone.end_s) / 2, axes.get_ylim()[1], phone.ipa, ha="center", va="top")
    axes.legend(loc="lower right", fontsize=8)
