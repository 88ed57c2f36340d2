"""Pictures of a discovery: the contact sheet, what each motor was asked, poses, curves."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from liplab.discover.motors import DEAD, REVERSED, SWAPPED, Motor
from liplab.discover.session import Filmed, Pixels, Session, jpeg
from liplab.discover.shape import width_mm
from lipwright.face.profile import HeadProfile
from lipwright.files import write_atomically

matplotlib.use("Agg")
from matplotlib.figure import Figure

SHEET_COLUMNS, THUMB_WIDTH = 12, 160
MOUTH_SHARE = 0.42  # of a picture's width around the lips that a pose shows
POSE_SIZE = 200
BINS = 25

Floats = NDArray[np.float64]


def contact_sheet(session: Session) -> Path:
    """All pictures that were kept, small, with the take's number; returns the file."""
    thumbs = []
    for path in session.pictures():
        with Image.open(path) as picture:
            height = round(picture.height * THUMB_WIDTH / picture.width)
            thumb = picture.convert("RGB").resize((THUMB_WIDTH, height))
        ImageDraw.Draw(thumb).text((4, 2), path.stem, fill="white")
        thumbs.append(thumb)
    rows = -(-len(thumbs) // SHEET_COLUMNS)
    height = max((thumb.height for thumb in thumbs), default=1)
    sheet = Image.new("RGB", (SHEET_COLUMNS * THUMB_WIDTH, max(rows, 1) * height))
    for k, thumb in enumerate(thumbs):
        sheet.paste(thumb, (k % SHEET_COLUMNS * THUMB_WIDTH, k // SHEET_COLUMNS * height))
    return _save(sheet, session.folder / "contact_sheet.jpg")


def coverage(session: Session, filmed: Sequence[Filmed], profile: HeadProfile) -> Path:
    """How often each motor of the mouth was where, and how fast it went; returns the file."""
    mouth = profile.indices("mouth")
    targets = np.concatenate([one.take.targets[:, mouth] for one in filmed])
    speeds = np.concatenate([np.abs(np.diff(one.take.targets[:, mouth], axis=0)) * 50 for one in filmed])
    figure = Figure(figsize=(10, 1.1 * len(mouth) + 1), layout="constrained")
    axes = figure.subplots(len(mouth), 2, squeeze=False)
    for row, channel in zip(axes, mouth, strict=True):
        k = int(np.flatnonzero(mouth == channel)[0])
        one = profile.channels[channel]
        row[0].hist(targets[:, k], bins=BINS, range=(0, 1), log=True)
        row[0].axvline(one.rest, color="0.4", linewidth=1)
        row[0].set_ylabel(one.name, rotation=0, horizontalalignment="right", fontsize=8)
        row[1].hist(speeds[:, k], bins=BINS, range=(0, one.speed), log=True, color="tab:orange")
        for axis in row:
            axis.tick_params(labelsize=6)
    axes[0, 0].set_title("targets tried (line: rest)", fontsize=9)
    axes[0, 1].set_title("speeds tried, ranges a second, up to the limit", fontsize=9)
    return _save_figure(figure, session.folder / "coverage.png")


def motor_chart(motors: Sequence[Motor]) -> bytes:
    """How far each motor moved the face, by view, as PNG; what is wrong in red."""
    figure = Figure(figsize=(8, 0.32 * len(motors) + 1), layout="constrained")
    axis = figure.subplots()
    views = list(motors[0].moves_mm)
    places = np.arange(len(motors))
    for k, view in enumerate(views):
        wrong = [motor.state in (DEAD, REVERSED, SWAPPED) for motor in motors]
        colours = ["tab:red" if bad else f"C{k}" for bad in wrong]
        sizes = [motor.moves_mm[view] for motor in motors]
        axis.barh(places + 0.38 * k, sizes, 0.36, color=colours, label=f"seen from {view}")
    axis.set_yticks(places, [f"{motor.name} ({motor.state})" for motor in motors], fontsize=8)
    axis.invert_yaxis()
    axis.set_xlabel("mm that a point of the face moved over the motor's whole range")
    axis.legend(frameon=False, fontsize=8)
    return _png(figure)


def curves(losses: Sequence[float], asked: Floats, done: Floats, gap_mm: tuple[Floats, Floats]) -> bytes:
    """The loss over the training, and a stretch of held-out speech, asked and done, as PNG.

    `asked` and `done` are lips (n, 20, 3) in mm, `gap_mm` the gap asked and done (n,), 100 a second.
    """
    figure = Figure(figsize=(10, 7), layout="constrained")
    axes = figure.subplots(3, 1)
    axes[0].semilogy(losses, linewidth=0.7)
    axes[0].set_title("loss of the face model, by step", fontsize=9)
    t = np.arange(len(asked)) / 100
    for label, gap, lips in (("asked", gap_mm[0], asked), ("done by the lips", gap_mm[1], done)):
        axes[1].plot(t, gap, label=label, linewidth=0.9)
        axes[2].plot(t, width_mm(lips), label=label, linewidth=0.9)
    axes[1].axhline(0, color="0.7", linewidth=0.7)
    axes[1].set_title("gap between the lips, mm", fontsize=9)
    axes[2].set_title("width of the mouth from rest, mm", fontsize=9)
    axes[2].set_xlabel("seconds of speech that nobody learned from")
    axes[1].legend(frameon=False, fontsize=8)
    return _png(figure)


def mouth_picture(picture: Pixels, centre: tuple[float, float]) -> bytes:
    """The mouth of a picture, cut out around a place in pixels, as JPEG."""
    side = round(picture.shape[1] * MOUTH_SHARE)
    left = int(np.clip(centre[0] - side / 2, 0, picture.shape[1] - side))
    top = int(np.clip(centre[1] - side / 2, 0, max(picture.shape[0] - side, 0)))
    cut = Image.fromarray(picture[top : top + side, left : left + side]).resize((POSE_SIZE, POSE_SIZE))
    return jpeg(np.asarray(cut), quality=85)


def _save(image: Image.Image, path: Path) -> Path:
    write_atomically(path, jpeg(np.asarray(image)))
    return path


def _png(figure: Figure) -> bytes:
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=90)
    return data.getvalue()


def _save_figure(figure: Figure, path: Path) -> Path:
    write_atomically(path, _png(figure))
    return path
