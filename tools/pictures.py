"""Makes the pictures of the README: `python tools/pictures.py` writes them to docs/images.

`speaking.png` is the simulated head while it says the sentence that ships, at the moments when its lips did
most; `page.png` is the page that `lipwright say --sim` draws.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from liplab.head.render import render
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


def main() -> None:
    """Performs the sentence in virtual time, then draws."""
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


if __name__ == "__main__":
    main()
