"""Makes the pictures of the README: `python tools/pictures.py` writes them to docs/images.

`speaking.png` is the simulated head while it says the sentence that ships, at the moments when its lips did
most; `page.png` is the page that `lipwright say --sim` draws. `discover_dots.png` shows where dots go that
are painted on a head, `discover_mirror.png` a mirror beside it. With the folder of a discovery,
`python tools/pictures.py DIR`, `discover_poses.png` is six mouths before and after it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from liplab.discover.asked import POSES
from liplab.head.bodies import JAW_SKULL, REFERENCE_HEAD
from liplab.head.head import Head
from liplab.head.render import HeadRenderer, render
from liplab.stage import SimulatedStage
from lipwright import resources
from lipwright.audio.decode import open_sound
from lipwright.face.model import FaceModel
from lipwright.face.profile import load_profile
from lipwright.lips.model import ARTICULATION, LipModel
from lipwright.say import perform

IMAGES = Path(__file__).parents[1] / "docs" / "images"
FACE_SIZE = (420, 420)
# What the lips do most of at each moment: what to call it, the number of the articulation, its sign.
MOMENTS = (
    ("pressed: p b m", "aperture", -1),
    ("open: a", "aperture", 1),
    ("puckered: w u", "rounding", 1),
    ("spread: i e", "width", 1),
    ("tucked: f v", "tuck", 1),
)
LABEL_HEIGHT = 30
DOTS_SIZE, MIRROR_SIZE = (480, 400), (960, 400)


def main() -> None:
    """Performs the sentence in virtual time, then draws."""
    draw_discovery(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    profile = load_profile()
    sound = open_sound(resources.shipped_clip())
    stage = SimulatedStage(profile=profile, virtual=True)
    performance = perform(sound, stage, profile, LipModel.load(), FaceModel.load(profile))
    report = performance.report() | stage.measure(performance)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        _film, page = stage.record(performance, report, Path(folder))
        Image.open(page).convert("P", palette=Image.Palette.ADAPTIVE, colors=128).save(IMAGES / "page.png")
    start = stage.head_time(performance.start_s)
    history = stage.head.history
    spoken = (history.times_s > start + 0.3) & (history.times_s < start + sound.duration_s - 0.3)
    times = []
    for _label, name, sign in MOMENTS:
        track = sign * history.articulation_mm[:, ARTICULATION.index(name)]
        times.append(float(history.times_s[np.argmax(np.where(spoken, track, -np.inf))]))
    strip = Image.new("RGB", (FACE_SIZE[0] * len(times), FACE_SIZE[1] + LABEL_HEIGHT), "white")
    draw, font = ImageDraw.Draw(strip), ImageFont.load_default(size=20)
    for place, face in enumerate(render(history.joints_at(times), "front", FACE_SIZE)):
        left = place * FACE_SIZE[0]
        strip.paste(Image.fromarray(face), (left, 0))
        draw.text(
            (left + FACE_SIZE[0] // 2, FACE_SIZE[1] + LABEL_HEIGHT // 2),
            MOMENTS[place][0],
            fill="black",
            font=font,
            anchor="mm",
        )
    strip.save(IMAGES / "speaking.png", optimize=True)
    stage.close()


def draw_discovery(folder: Path | None) -> None:
    """Dots on two heads, the mirror, and the poses of a discovery."""
    dotted = []
    for body in (REFERENCE_HEAD, JAW_SKULL):
        head, profile = Head(body=body), load_profile(resources.models_dir() / body.profile)
        head.set_pulses(profile.pulses_us(profile.rest_targets()), 0.0)
        head.advance(0.5)
        with HeadRenderer(DOTS_SIZE, body=body, dots=True) as renderer:
            dotted.append(renderer.draw(head.snapshot().joints, "face"))
        if body is REFERENCE_HEAD:
            with HeadRenderer(MIRROR_SIZE, body=body) as renderer:
                _save(renderer.draw(head.snapshot().joints, "mirror"), "discover_mirror.png")
    _save(np.hstack(dotted), "discover_dots.png")
    if folder is not None:
        rows = [
            np.hstack([np.array(Image.open(folder / f"pose_{name}_{when}.jpg")) for name in POSES])
            for when in ("before", "after")
        ]
        _save(np.vstack(rows), "discover_poses.png")


def _save(pixels: NDArray[np.uint8], name: str) -> None:
    picture = Image.fromarray(pixels).convert("P", palette=Image.Palette.ADAPTIVE, colors=192)
    picture.save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    main()
