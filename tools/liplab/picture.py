"""The one-page picture of a performance: sound, lips asked and lips measured, closures, film strip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from PIL import Image

from liplab.scores import CLOSED_MM, Closures, Phone, Track, closure_windows

matplotlib.use("Agg")
import matplotlib.pyplot as plt

Pixels = npt.NDArray[np.uint8]

ASKED, ACTUAL, MADE, MISSED, QUIET = "#888888", "#b03040", "#2a9d4a", "#e08a00", "#5b7a99"
STRIP_FRAMES = 12


@dataclass(frozen=True)
class Curves:
    """Everything that is drawn over sound time; millimetres on a grid in seconds."""

    grid_s: Track
    asked_aperture_mm: Track
    aperture_mm: Track
    asked_width_mm: Track
    width_mm: Track
    sound: npt.NDArray[np.float32]
    sound_rate: int
    phones: Sequence[Phone]
    closures: Closures
    """What became of the bilabials among the phones."""


def draw_picture(
    path: Path, curves: Curves, strip: Sequence[tuple[float, Pixels]], title: str, figures: str
) -> None:
    """Writes the page as PNG. ``strip`` holds (sound time, picture of the mouth) pairs."""
    figure = plt.figure(figsize=(13, 8.6), layout="constrained")
    page = figure.add_gridspec(2, 1, height_ratios=[4.6, 1])
    curves_part, strip_part = figure.add_subfigure(page[0]), figure.add_subfigure(page[1])
    sound, aperture, width = curves_part.subplots(3, 1, sharex=True, height_ratios=[0.8, 1.5, 1])
    _draw_sound(sound, curves)
    _draw_aperture(aperture, curves)
    _draw_width(width, curves)
    figure.suptitle(f"{title}\n{figures}", fontsize=11)
    for axes, (at_s, pixels) in zip(strip_part.subplots(1, len(strip)), strip, strict=True):
        axes.imshow(pixels)
        axes.set_title(f"{at_s:.2f} s {_phone_at(curves.phones, at_s)}", fontsize=9)
        axes.axis("off")
    unfinished = path.with_name(f".{path.name}.part")
    try:
        figure.savefig(unfinished, format="png", dpi=110)
        unfinished.replace(path)
    finally:
        plt.close(figure)
        unfinished.unlink(missing_ok=True)


def draw_trace(curves: Curves, size: tuple[int, int]) -> Image.Image:
    """The strip under the film's mouth: sound and aperture over the whole clip, edge to edge."""
    figure = plt.figure(figsize=(size[0] / 100, size[1] / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    top = max(float(curves.asked_aperture_mm.max()), float(curves.aperture_mm.max()), 5.0)
    times = np.arange(len(curves.sound)) / curves.sound_rate
    peak = max(float(np.abs(curves.sound).max(initial=0)), 1e-6)
    axes.plot(times, top * (1.35 + 0.3 * curves.sound / peak), color=QUIET, lw=0.5)
    axes.axhline(0, color="#cccccc", lw=0.8)
    axes.plot(curves.grid_s, curves.asked_aperture_mm, color=ASKED, lw=1.2)
    axes.plot(curves.grid_s, curves.aperture_mm, color=ACTUAL, lw=1.6)
    axes.text(0.01, 0.62, "lips apart: asked", color=ASKED, fontsize=9, transform=axes.transAxes)
    axes.text(0.26, 0.62, "measured", color=ACTUAL, fontsize=9, transform=axes.transAxes)
    axes.set_xlim(0, max(len(curves.sound) / curves.sound_rate, 1e-3))
    axes.set_ylim(-0.12 * top, 1.72 * top)
    figure.canvas.draw()
    picture = Image.frombytes("RGBA", figure.canvas.get_width_height(), bytes(figure.canvas.buffer_rgba()))  # type: ignore[attr-defined]
    plt.close(figure)
    return picture.convert("RGB").resize(size)


def strip_times(curves: Curves) -> list[float]:
    """The moments that the film strip shows: evenly over the sound, every other one at a closure nearby."""
    end = len(curves.sound) / curves.sound_rate
    even = np.linspace(0, end, STRIP_FRAMES + 2)[1:-1]
    middles = [(start + stop) / 2 for start, stop in closure_windows(curves.phones)]
    reach = end / (STRIP_FRAMES + 1)
    times = []
    for index, moment in enumerate(even):
        near = [middle for middle in middles if abs(middle - moment) < reach] if index % 2 else []
        times.append(float(min(near, key=lambda middle: abs(middle - moment), default=moment)))
    return sorted(times)


def _draw_sound(axes: Any, curves: Curves) -> None:
    axes.plot(np.arange(len(curves.sound)) / curves.sound_rate, curves.sound, color=QUIET, lw=0.4)
    axes.set_ylabel("sound")
    axes.set_ylim(-1.05, 1.05)
    axes.set_yticks([])
    for phone in curves.phones:
        if phone.ipa:
            axes.text((phone.start_s + phone.end_s) / 2, 0.8, phone.ipa, ha="center", fontsize=9)
            axes.axvline(phone.start_s, color="#dddddd", lw=0.5, zorder=0)


def _draw_aperture(axes: Any, curves: Curves) -> None:
    for (start, end), made in zip(closure_windows(curves.phones), curves.closures.made, strict=True):
        axes.axvspan(start, end, color=MADE if made else MISSED, alpha=0.22, lw=0)
    axes.axhline(CLOSED_MM, color="#999999", lw=0.6, ls=":")
    axes.plot(curves.grid_s, curves.asked_aperture_mm, color=ASKED, label="asked")
    axes.plot(curves.grid_s, curves.aperture_mm, color=ACTUAL, label="measured on the head")
    axes.set_ylabel("aperture, mm")
    axes.legend(loc="upper right", ncols=2, fontsize=8)
    if curves.closures.made:
        axes.text(
            0.0,
            1.02,
            "green: closure of p, b, m made; orange: missed; below the dotted line: closed to the eye",
            transform=axes.transAxes,
            fontsize=8,
        )


def _draw_width(axes: Any, curves: Curves) -> None:
    axes.plot(curves.grid_s, curves.asked_width_mm, color=ASKED)
    axes.plot(curves.grid_s, curves.width_mm, color=ACTUAL)
    axes.set_ylabel("width, mm")
    axes.set_xlabel("sound time, s")
    axes.set_xlim(curves.grid_s[0], curves.grid_s[-1])


def _phone_at(phones: Sequence[Phone], at_s: float) -> str:
    return next((phone.ipa for phone in phones if phone.start_s <= at_s < phone.end_s), "")
