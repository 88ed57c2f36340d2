"""`liplab head`: look at the simulated head, pose it, write its model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from tqdm import tqdm

from liplab.head.babble import babble
from liplab.head.bodies import BODIES, REFERENCE_HEAD, Body, body_named
from liplab.head.head import Head
from liplab.head.looks import VIEWS
from liplab.head.poses import OTHER_POSES, POSES, pose_pulses
from liplab.head.render import HeadRenderer
from lipwright.errors import LipwrightError
from lipwright.face.profile import load_profile
from lipwright.resources import models_dir

BABBLE_FRAMES = 60_000  # of 20 ms
SETTLE_S = 0.8  # until every servo stands still
ALL_POSES = POSES | OTHER_POSES
SHEET_VIEWS = ("front", "three_quarter", "mouth", "mouth_side")
CAPTION_HEIGHT = 18

EXAMPLES = """examples:
  liplab head                                      the sheet of key poses as head.png
  liplab head --pose oo --view mouth -o oo.png     one pose from one side
  liplab head --body jaw-skull                     another head: at rest, and each servo at both ends
  liplab head --mjcf head.xml                      the model, to open in any MuJoCo viewer
  liplab head --babble babble.npz                  20 minutes of trying mouths, for liplab train --babble
"""


def add_parser(subparsers: Any) -> None:
    """Adds ``liplab head``."""
    parser = subparsers.add_parser(
        "head",
        help="the simulated heads: show them, pose them, write their models",
        description="Render a simulated head's key poses, and print what its lips measure in each.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("head.png"), help="PNG to write (%(default)s)"
    )
    parser.add_argument(
        "--pose", action="append", choices=list(ALL_POSES), help="only this pose; may be repeated"
    )
    parser.add_argument(
        "--body",
        type=body_named,
        default=REFERENCE_HEAD,
        metavar="NAME",
        help=f"which head: {', '.join(body.name.replace(' ', '-') for body in BODIES)} (default: the first)",
    )
    parser.add_argument("--view", action="append", choices=VIEWS, help="only this view; may be repeated")
    parser.add_argument("--size", type=int, default=320, help="pixels of one picture's side (%(default)s)")
    parser.add_argument(
        "--mjcf", type=Path, metavar="FILE", help="write the MuJoCo model and its texture instead"
    )
    parser.add_argument(
        "--babble",
        type=Path,
        metavar="FILE",
        help="let it babble for 20 minutes instead: what a lip code is learned from",
    )
    parser.set_defaults(do=do_head)


def do_head(arguments: argparse.Namespace) -> None:
    """Runs ``liplab head``."""
    if arguments.mjcf is not None:
        _write_model(arguments.mjcf, arguments.body)
        return
    if arguments.babble is not None:
        _babble(arguments.babble, arguments.body)
        return
    if arguments.size < 16:
        raise LipwrightError("A picture needs at least 16 pixels a side; give a larger --size.")
    body: Body = arguments.body
    shown = _pulses(body, arguments.pose)
    poses = list(shown)
    views = arguments.view or list(SHEET_VIEWS)
    joints = {}
    print(f"{'pose':<24}{'aperture':>9}{'width':>7}{'rounding':>9}{'jaw':>6}{'tuck':>6}   mm, jaw in degrees")
    for name, pulses in shown.items():
        head = Head(body=body)
        head.set_pulses(pulses, 0.0)
        head.advance(SETTLE_S)
        joints[name] = head.snapshot().joints
        aperture, width, rounding, jaw, tuck = head.articulation_mm()
        print(f"{name:<24}{aperture:9.1f}{width:7.1f}{rounding:9.1f}{jaw:6.1f}{tuck:6.1f}")
    rows = []
    with (
        HeadRenderer((arguments.size, arguments.size), body) as renderer,
        tqdm(total=len(poses) * len(views), desc="drawing", unit="picture", leave=False) as bar,
    ):
        for view in views:
            row = []
            for name in poses:
                row.append(renderer.draw(joints[name], view))
                bar.update()
            rows.append(np.hstack(row))
    sheet = _with_captions(np.vstack(rows), poses, arguments.size)
    try:
        sheet.save(arguments.output)
    except (OSError, ValueError) as error:
        raise LipwrightError(f"The picture {arguments.output} cannot be written: {error}.") from error
    print(f"wrote {arguments.output}")


def _pulses(body: Body, poses: list[str] | None) -> dict[str, NDArray[np.float64]]:
    """Pulse widths (servos,) of each pose to show: key poses, or rest and each servo at both ends."""
    if body is REFERENCE_HEAD:
        return {name: pose_pulses(ALL_POSES[name]) for name in poses or POSES}
    if poses is not None:
        raise LipwrightError(f"Only the {REFERENCE_HEAD.name} has key poses; leave --pose out.")
    profile = load_profile(models_dir() / body.profile)
    rest = profile.rest_targets()
    shown = {"rest": profile.pulses_us(rest)}
    for index, channel in enumerate(profile.channels):
        for end in (0.0, 1.0):
            if end != channel.rest:
                targets = rest.copy()
                targets[index] = end
                shown[f"{channel.name} {end:.0f}"] = profile.pulses_us(targets)
    return shown


def _babble(path: Path, body: Body) -> None:
    if body is not REFERENCE_HEAD:
        raise LipwrightError("The lip code is learned from the reference head; leave --body out.")
    try:
        babble(load_profile(), BABBLE_FRAMES, seed=1).save(path)
    except OSError as error:
        raise LipwrightError(f"The babble cannot be written to {path}: {error.strerror}.") from error
    print(f"wrote {path}: {BABBLE_FRAMES} frames")


def _with_captions(pixels: NDArray[np.uint8], names: list[str], size: int) -> Image.Image:
    sheet = Image.new("RGB", (pixels.shape[1], pixels.shape[0] + CAPTION_HEIGHT), "white")
    sheet.paste(Image.fromarray(pixels), (0, CAPTION_HEIGHT))
    draw = ImageDraw.Draw(sheet)
    for column, name in enumerate(names):
        draw.text((column * size + 6, 3), name, fill="black")
    return sheet


def _write_model(path: Path, body: Body) -> None:
    xml, files = body.looks(False)
    try:
        path.write_text(xml, encoding="utf-8")
        for name, content in files.items():
            (path.parent / name).write_bytes(content)
    except OSError as error:
        raise LipwrightError(f"The model cannot be written to {path}: {error.strerror}.") from error
    print(f"wrote {path}" + (f" and, beside it, {', '.join(files)}" if files else ""))
