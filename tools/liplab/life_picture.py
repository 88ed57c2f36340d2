"""Draws how a face lives: a minute of every mood, and how long and how often it does what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from liplab.life_statistics import STEP_S, Lived, blink_times, degrees, saccades, share

matplotlib.use("Agg")
import matplotlib.pyplot as plt

SHOWN_S = 60.0
ROWS = (
    ("gaze, sideways", "#2f5d8a"),
    ("gaze, up and down", "#7aa6cf"),
    ("head, up and down", "#3b8a55"),
    ("lid", "#b03040"),
    ("brow", "#c98a1b"),
)


def draw_life(path: Path, lives: Sequence[Lived], title: str) -> None:
    """Writes the page as PNG; raises OSError where it cannot."""
    figure = plt.figure(figsize=(14, 3.1 * len(lives)), layout="constrained")
    grid = figure.add_gridspec(len(lives), 3, width_ratios=[6, 1, 1])
    for row, lived in enumerate(lives):
        _timeline(figure.add_subplot(grid[row, 0]), lived)
        _histogram(
            figure.add_subplot(grid[row, 1]),
            np.diff([start for start, _, _, _ in blink_times(lived)]) * STEP_S,
            "s between blinks",
            12.0,
        )
        _histogram(
            figure.add_subplot(grid[row, 2]),
            np.array([size for _, _, size in saccades(lived.gaze_deg)]),
            "degrees of saccades",
            25.0,
        )
    figure.suptitle(title)
    try:
        figure.savefig(path, format="png", dpi=90)
    finally:
        plt.close(figure)


def _timeline(axes: Any, lived: Lived) -> None:
    count = min(len(lived.targets), round(SHOWN_S / STEP_S))
    times = np.arange(count) * STEP_S
    curves = (
        lived.gaze_deg[:, 0] / 20,
        lived.gaze_deg[:, 1] / 20,
        degrees(lived.profile, lived.targets, "neck_pitch") / 8,
        share(lived.profile, lived.targets, "lid_left_upper"),
        share(lived.profile, lived.targets, "brow_left_inner"),
    )
    for number, ((name, colour), curve) in enumerate(zip(ROWS, curves, strict=True)):
        axes.plot(times, 0.9 * curve[:count] - 1.5 * number, color=colour, lw=0.9)
        axes.text(-0.5, -1.5 * number, name, color=colour, ha="right", va="center", fontsize=8)
    axes.set_yticks([])
    axes.set_xlim(0, times[-1])
    axes.set_title(lived.mood, loc="left", fontsize=10)
    axes.set_xlabel("s", fontsize=8)
    axes.tick_params(labelsize=7)


def _histogram(axes: Any, values: Any, label: str, most: float) -> None:
    axes.hist(np.minimum(values, most), bins=24, range=(0, most), color="#8898a8")
    axes.set_xlabel(label, fontsize=8)
    axes.set_yticks([])
    axes.tick_params(labelsize=7)
