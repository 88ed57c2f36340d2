"""The simulated head as a place to perform: the board, the head it moves, and eyes that watch it.

This is what ``lipwright say --sim`` runs on (entry point ``lipwright.boards``, name ``sim``).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from tqdm import tqdm

from liplab import film, picture
from liplab.board import SimulatedBoard
from liplab.head.bodies import body_for
from liplab.head.head import Head
from liplab.head.render import HeadRenderer, render
from liplab.scores import RATE_HZ, Track, closures, correlation, offset, range_ratio, resample
from liplab.speech.align import phones_for
from lipwright.audio.decode import Sound
from lipwright.errors import LipwrightError
from lipwright.face.profile import HeadProfile
from lipwright.lips.model import ARTICULATION
from lipwright.say import Performance

# A film of more would take hours to render and gigabytes to keep.
MOST_MINUTES = 10.0
APERTURE, WIDTH = ARTICULATION.index("aperture"), ARTICULATION.index("width")
STRIP_SIZE = (220, 150)
# Drawn a few times a second beside everything else.
PICTURE_SIZE, PICTURE_QUALITY = (400, 400), 82


class SimulatedStage(SimulatedBoard):
    """A simulated board with the simulated head on it, and the measures of what the lips did."""

    def __init__(
        self,
        *,
        profile: HeadProfile,
        virtual: bool = False,
        transcript: str | None = None,
        remembers: bool = True,
    ) -> None:
        """``transcript`` is what the clip says (English), to judge closures by. A head that does not remember
        can be drawn as it is, but not be measured.

        Raises LipwrightError if no simulated head has the profile's channels.
        """
        self.head = Head(profile.articulation, body_for(profile), remembers=remembers)
        self.profile = profile
        self._transcript = transcript
        self._curves: picture.Curves | None = None
        self._renderer: HeadRenderer | None = None
        outputs = [channel.output for channel in profile.channels]
        super().__init__(virtual=virtual, head=self.head, outputs=outputs)

    def check_sound(self, sound: Sound) -> None:
        """Raises LipwrightError for a clip that is too long to simulate and film."""
        if sound.duration_s > MOST_MINUTES * 60:
            raise LipwrightError(
                f"{sound.path} is {sound.duration_s / 60:.0f} minutes long; the simulated head performs "
                f"at most {MOST_MINUTES:.0f}: cut it, or speak it on a board with --port"
            )

    def measure(self, performance: Performance) -> dict[str, Any]:
        """The lips' part of the report: after the actuator, against what the lip model asked for."""
        self.settle()
        curves = self._measured(performance)
        self._curves = curves
        asked, actual = curves.asked_aperture_mm, curves.aperture_mm
        scale = self.profile.articulation.aperture_mm
        lag = offset(asked / scale, actual / scale)
        closed = curves.closures
        return {
            "offset_ms": {"median": _rounded(lag.median_ms, 1), "p95": _rounded(lag.p95_ms, 1)},
            "aperture": {
                "r": _rounded(correlation(asked, actual), 4),
                "range_ratio": _rounded(range_ratio(asked, actual), 3),
            },
            "width": {
                "r": _rounded(correlation(curves.asked_width_mm, curves.width_mm), 4),
                "range_ratio": _rounded(range_ratio(curves.asked_width_mm, curves.width_mm), 3),
            },
            "closure": {
                "rate": _rounded(closed.rate, 3),
                "events": closed.events,
                "false_per_minute": _rounded(closed.false_per_minute, 2),
            },
            # In virtual time the report must not depend on the machine.
            "realtime_factor": None
            if self.virtual
            else round(performance.sound.duration_s / performance.wall_s, 3),
        }

    def record(self, performance: Performance, report: dict[str, Any], folder: Path) -> list[Path]:
        """Renders the film and draws the picture into ``folder``, after `measure`; returns both paths."""
        curves = self._curves
        assert curves is not None, "measure() comes first"
        stem = performance.sound.path.stem
        paths = [folder / f"{stem}.mp4", folder / f"{stem}.png"]
        start = self.head_time(performance.start_s)
        try:
            self._record_film(paths[0], curves, start)
            times = picture.strip_times(curves)
            joints = self.head.history.joints_at([start + t for t in times])
            mouths = render(joints, "mouth", STRIP_SIZE, self.head.body)
            picture.draw_picture(
                paths[1], curves, list(zip(times, mouths, strict=True)), report["clip"], _figures(report)
            )
        except OSError as error:
            raise LipwrightError(f"cannot write {error.filename or folder}: {error.strerror}") from error
        return paths

    def jpeg(self) -> bytes:
        """A JPEG of the head as it is now. Always to be called from the same thread, as OpenGL asks."""
        if self._renderer is None:
            self._renderer = HeadRenderer(PICTURE_SIZE, self.head.body)
        pixels = self._renderer.draw(self.head.snapshot().joints, "front")
        data = io.BytesIO()
        Image.fromarray(pixels).save(data, "JPEG", quality=PICTURE_QUALITY)
        return data.getvalue()

    def close(self) -> None:
        """Ends the firmware, lets go of the port, and draws no more."""
        super().close()
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _measured(self, performance: Performance) -> picture.Curves:
        scales = self.profile.articulation
        seen = self.head.history
        grid = np.arange(0.0, performance.sound.duration_s + 0.2, 1 / RATE_HZ)
        asked = np.array(performance.asked.articulation, np.float64).reshape(-1, len(ARTICULATION))
        asked_mm = scales.to_mm(asked)
        seen_s = np.asarray(seen.times_s) - self.head_time(performance.start_s)

        def track(times_s: npt.ArrayLike, values: Track) -> Track:
            return resample(np.asarray(times_s, np.float64), values, grid)

        phones = phones_for(performance.sound.path, self._transcript) or []
        aperture = track(seen_s, seen.articulation_mm[:, APERTURE])
        return picture.Curves(
            grid_s=grid,
            asked_aperture_mm=track(performance.asked.times_s, asked_mm[:, APERTURE]),
            aperture_mm=aperture,
            asked_width_mm=track(performance.asked.times_s, asked_mm[:, WIDTH]),
            width_mm=track(seen_s, seen.articulation_mm[:, WIDTH]),
            sound=np.concatenate(list(performance.sound.blocks(16000)) or [np.zeros(0, np.float32)]),
            sound_rate=performance.sound.rate,
            phones=phones,
            closures=closures(grid, aperture, phones),
        )

    def _record_film(self, path: Path, curves: picture.Curves, start: float) -> None:
        duration = len(curves.sound) / curves.sound_rate
        moments = np.arange(0.0, max(curves.grid_s[-1], 1 / film.FPS), 1 / film.FPS)
        trace = picture.draw_trace(curves, film.TRACE_SIZE)

        def frames() -> Iterator[npt.NDArray[np.uint8]]:
            joints = self.head.history.joints_at([start + t for t in moments])
            faces = render(joints, "front", film.FACE_SIZE, self.head.body)
            mouths = render(joints, "mouth", film.MOUTH_SIZE, self.head.body)
            for moment, face, mouth in zip(moments, faces, mouths, strict=True):
                yield film.compose(face, mouth, trace, min(moment / max(duration, 1e-6), 1.0))

        with tqdm(total=len(moments), unit="frame", desc="filming", leave=False) as bar:
            film.write_film(path, frames(), curves.sound, curves.sound_rate, bar.update)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _figures(report: dict[str, Any]) -> str:
    closure = report["closure"]
    made = (
        "closures not judged (no phone times)"
        if closure["rate"] is None
        else (f"closures made {closure['rate']:.0%} of {closure['events']}")
    )
    return (
        f"r {report['aperture']['r']}, offset {report['offset_ms']['median']} ms (negative: lips lead), "
        f"{made}; {report['firmware']['interpreter']}"
    )
