"""An MP4 of the head speaking: the face, the mouth from near, and where in the sound it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

FPS = 25
FACE_SIZE = (576, 576)
MOUTH_SIZE = (512, 320)
TRACE_SIZE = (512, 256)
CURSOR = (200, 40, 40)
# 18 is visually lossless for x264; a face on a plain ground costs about 100 kB a second.
QUALITY = "20"
AUDIO_BIT_RATE = 128_000


def compose(face: Pixels, mouth: Pixels, trace: Image.Image, progress: float) -> Pixels:
    """One film frame: the face on the left, the mouth over the trace on the right.

    ``progress`` 0..1 is where the cursor stands on the trace.
    """
    frame = Image.new("RGB", (FACE_SIZE[0] + MOUTH_SIZE[0], FACE_SIZE[1]))
    frame.paste(Image.fromarray(face), (0, 0))
    frame.paste(Image.fromarray(mouth), (FACE_SIZE[0], 0))
    frame.paste(trace, (FACE_SIZE[0], MOUTH_SIZE[1]))
    x = FACE_SIZE[0] + round(progress * (TRACE_SIZE[0] - 1))
    ImageDraw.Draw(frame).line((x, MOUTH_SIZE[1], x, FACE_SIZE[1]), fill=CURSOR, width=2)
    return np.asarray(frame)


def write_film(
    path: Path, frames: Iterable[Pixels], sound: Floats, rate: int, on_frame: Callable[[], object]
) -> None:
    """Encodes frames at ``FPS`` with mono sound that starts at the first frame.

    The film appears under its name only when it is whole. Raises OSError when the disk is full or the
    folder cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with av.open(str(unfinished), "w", format="mp4") as container:
            video = container.add_stream("libx264", rate=FPS, options={"crf": QUALITY, "preset": "veryfast"})
            video.pix_fmt = "yuv420p"
            video.width, video.height = FACE_SIZE[0] + MOUTH_SIZE[0], FACE_SIZE[1]
            audio = container.add_stream("aac", rate=rate, layout="mono")
            audio.bit_rate = AUDIO_BIT_RATE
            for pixels in frames:
                container.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
                on_frame()
            container.mux(video.encode(None))
            block = av.AudioFrame.from_ndarray(sound[np.newaxis].astype(np.float32), "fltp", "mono")
            block.sample_rate, block.pts, block.time_base = rate, 0, Fraction(1, rate)
            container.mux(audio.encode(block))
            container.mux(audio.encode(None))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
