"""Films of a simulated head that speaks true sentences, for tests that have no video of people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lipwright.audio.decode import RATE, open_sound

DATA = Path(__file__).parents[2] / "data"
SENTENCES = ("grid_bbaf2n", "grid_brbk7n")
FILM_HZ = 25
SIZE = (320, 240)

NEEDS = {
    "av": [
        "test_desk.py",
        "test_faces.py",
        "test_many_workers.py",
        "test_page.py",
        "test_run.py",
        "test_store.py",
        "test_video.py",
        "test_watch_command.py",
        "test_watch_live.py",
    ],
    "cv2": [
        "test_faces.py",
        "test_many_workers.py",
        "test_run.py",
        "test_watch_command.py",
        "test_watch_live.py",
    ],
    "mediapipe": [
        "test_faces.py",
        "test_many_workers.py",
        "test_run.py",
        "test_watch_command.py",
        "test_watch_live.py",
    ],
    "mujoco": [
        "test_faces.py",
        "test_many_workers.py",
        "test_run.py",
        "test_watch_command.py",
        "test_watch_live.py",
    ],
}
MISSING = {name: files for name, files in NEEDS.items() if find_spec(name) is None}
collect_ignore = sorted({file for files in MISSING.values() for file in files})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name, files in MISSING.items():
        terminalreporter.write_line(f"NOT TESTED without {name}: watch/{', '.join(files)}")


@pytest.fixture(scope="session")
def voices() -> list[np.ndarray]:
    """Two sentences of two people, mono at 16 kHz."""
    return [np.concatenate(list(open_sound(DATA / f"{name}.flac").blocks(RATE))) for name in SENTENCES]


@pytest.fixture(scope="session")
def film() -> Callable[..., Path]:
    """Writes pictures (n, h, w, 3) and mono sound as a video; `times_s` (n,) where they come unevenly."""

    def write(
        path: Path,
        pictures: Sequence[np.ndarray] | np.ndarray,
        sound: np.ndarray | None = None,
        hz: float = FILM_HZ,
        times_s: Sequence[float] | None = None,
        codec: str = "mpeg4",
        options: dict[str, str] | None = None,
    ) -> Path:
        import av

        with av.open(str(path), "w") as container:
            video: Any = container.add_stream(
                codec, rate=Fraction(hz).limit_denominator(1000), options=options or {}
            )
            video.height, video.width = pictures[0].shape[:2]
            video.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            video.bit_rate = 4_000_000
            clock = Fraction(1, 1000)
            video.time_base = video.codec_context.time_base = clock
            audio: Any = None if sound is None else container.add_stream("aac", rate=RATE, layout="mono")
            for number, picture in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                at = number / hz if times_s is None else times_s[number]
                frame.pts, frame.time_base = round(at * 1000), clock
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
            if sound is not None:
                for start in range(0, len(sound), 1024):
                    block = av.AudioFrame.from_ndarray(
                        np.ascontiguousarray(sound[start : start + 1024][None]), format="flt", layout="mono"
                    )
                    block.sample_rate, block.pts, block.time_base = RATE, start, Fraction(1, RATE)
                    container.mux(audio.encode(block))
                container.mux(audio.encode(None))
        return path

    return write


@pytest.fixture(scope="session")
def talking(voices: list[np.ndarray]) -> list[np.ndarray]:
    """Pictures (n, 240, 320, 3) of the simulated head that speaks each of the sentences, FILM_HZ a second."""
    from liplab.head.head import Head
    from liplab.head.render import HeadRenderer
    from lipwright.face.model import FaceModel
    from lipwright.face.profile import load_profile
    from lipwright.lips.model import LipModel
    from lipwright.performance import Performer

    profile = load_profile()
    films = []
    with HeadRenderer(SIZE) as renderer:
        for voice in voices:
            performer = Performer(LipModel.load(), FaceModel.load(profile), profile)
            head = Head()
            silence = np.zeros(RATE // 2, np.float32)
            for pose in performer.push(np.concatenate([voice, silence])):
                at_s = pose.time_s + 0.5  # the first poses lie before the sound
                # Servos lag: they are told earlier, as on a head.
                head.set_pulses(profile.pulses_us(pose.targets), max(0.0, at_s - 0.05))
            head.advance(0.5 + len(voice) / RATE)
            times = 0.5 + np.arange(int(len(voice) / RATE * FILM_HZ)) / FILM_HZ
            films.append(np.array([renderer.draw(pose, "front") for pose in head.history.joints_at(times)]))
    return films
