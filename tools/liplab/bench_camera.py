"""``liplab bench camera``: `lipwright watch` in real time on one core, with films in the camera's place.

Videos of people who speak play one after the other, 640 x 480, 30 pictures a second, and their sound goes
into the microphone; then once more with each other's sound. `lipwright watch` runs as a process of its own,
on one core. How late the sound comes is not known here, but has to be the same all the time: offsets are
compared with those that are found in the film as a file.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
from tqdm import tqdm

from liplab.bench import show_figures
from liplab.eyes.sight import Pixels
from liplab.sound_server import SoundServer
from liplab.watch.live_run import ON
from liplab.watch.run import find_videos, watch
from liplab.watch.store import Entry, Store
from liplab.watch.video import Portion, Samples
from liplab.watch.video_file import VideoFile
from lipwright.audio.decode import RATE
from lipwright.errors import LipwrightError

SIZE = (640, 480)
HZ = 30
LEAD_S, WALL_S, GREY = 2.0, 0.6, 130  # of a wall: at the beginning, and between two videos
LONGEST_S = 20.0  # of a video
PATIENCE_S = 60.0  # beyond the film
FILM, SOUND, REPORT = "film.mkv", "sound.wav", "report.json"
STORE, FILE_STORE = "store", "file_store"

EXAMPLES = """examples:
  liplab bench camera ~/grid            a folder of videos of people who speak
  liplab bench camera ~/grid --json -   the figures as JSON on standard output
"""

Scene = tuple[list[Pixels], Samples]


def add_parser(subparsers: Any) -> None:
    """Adds ``camera`` to ``liplab bench``."""
    parser = subparsers.add_parser(
        "camera",
        help="lipwright watch on one core: pictures a second, clips kept and refused",
        description=(__doc__ or "").split("\n\n", 1)[1],
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="of videos that show one face that speaks")
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON; - for standard output")
    parser.set_defaults(do=do_bench_camera)


def do_bench_camera(arguments: argparse.Namespace) -> None:
    """Prints the figures, and writes them where asked."""
    videos = find_videos([arguments.folder])
    if len(videos) < 2:
        raise LipwrightError("At least two videos are needed, so that their sounds can be exchanged.")
    with tempfile.TemporaryDirectory(prefix="lipwright-camera-") as name, SoundServer(Path(name)) as server:
        show_figures(bench_camera(videos, Path(name), server), arguments.json)


def bench_camera(videos: list[Path], folder: Path, server: SoundServer) -> dict[str, Any]:
    """All figures, flat, with their units in their names. Raises LipwrightError where watching fails."""
    dubbed_from_s, lasts_s = write_scenes(videos, folder)
    environment = {**os.environ, **server.environment}
    command = [
        sys.executable,
        "-m",
        "lipwright",
        "watch",
        "--camera",
        str(folder / FILM),
        "--no-head",
        "--yes",
    ]
    command += ["--store", str(folder / STORE), "--json", str(folder / REPORT)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
        assert process.stderr is not None
        said: list[str] = []
        for line in process.stderr:
            said.append(line)
            if line.startswith(ON):
                break
        with subprocess.Popen(
            ["paplay", "--latency-msec=40", str(folder / SOUND)], env=environment
        ) as player:
            _wait(process, lasts_s)
            player.terminate()
        said += process.stderr.readlines()
    if process.returncode:
        raise LipwrightError(f"lipwright watch has failed: {''.join(said[-3:]).strip()}")
    report = json.loads((folder / REPORT).read_text())
    entries = Store(folder / STORE).entries()
    true = {round(entry.start_s): entry.offset_ms for entry in entries if entry.start_s < dubbed_from_s}
    filed = _as_file(folder)
    figures: dict[str, Any] = {
        "videos": len(videos),
        "seconds": report["seconds"],
        "pictures": report["pictures"],
        "pictures_missed": report["pictures_missed"],
        "pictures_per_second": report["pictures_per_second"],
        "pictures_per_core_second": report["pictures_per_core_second"],
        "true_kept": len(true),
        "dubbed_kept": len(entries) - len(true),
        "true_kept_of_the_file": sum(entry.start_s < dubbed_from_s for entry in filed),
        "dubbed_kept_of_the_file": sum(entry.start_s >= dubbed_from_s for entry in filed),
    }
    later = [true[at] - entry.offset_ms for entry in filed if (at := round(entry.start_s)) in true]
    if later:
        figures["later_than_in_the_file_ms_p50"] = round(float(np.median(later)), 1)
        figures["from_p50_ms_max"] = round(float(np.abs(np.array(later) - np.median(later)).max()), 1)
    return figures


def _as_file(folder: Path) -> list[Entry]:
    """What watching the film itself keeps."""
    store = Store(folder / FILE_STORE)
    with store.held():
        watch([folder / FILM], store, None)
    return store.entries()


def write_scenes(videos: list[Path], folder: Path) -> tuple[float, float]:
    """Writes the film and its sound; returns when the exchanged sounds begin, and how long it is, in s."""
    pieces: list[Samples] = [np.zeros(round(LEAD_S * RATE), np.float32)]
    wall = np.full((SIZE[1], SIZE[0], 3), GREY, np.uint8)
    dubbed_from_s = 0.0
    with VideoFile(folder / FILM) as film:
        count = 0

        def shoot(pictures: list[Pixels]) -> None:
            nonlocal count
            for pixels in pictures:
                film.picture(count / HZ, pixels)
                count += 1

        shoot([wall] * round(LEAD_S * HZ))
        for shift in tqdm((0, 1), unit="turn", desc="film"):
            dubbed_from_s = count / HZ
            for number, path in enumerate(videos):
                pictures, _ = scene(path)
                shoot([*pictures, *[wall] * round(WALL_S * HZ)])
                sound = scene(videos[(number + shift) % len(videos)])[1]
                whole = np.zeros(round(count / HZ * RATE) - sum(map(len, pieces)), np.float32)
                heard = sound[: round(len(pictures) / HZ * RATE)]
                whole[: len(heard)] = heard
                pieces.append(whole)
        film.sound(0.0, np.concatenate(pieces))
    soundfile.write(folder / SOUND, np.concatenate(pieces), RATE)
    return dubbed_from_s, count / HZ


def scene(path: Path) -> Scene:
    """A video's first pictures, SIZE and HZ, and its sound from the first one on."""
    portion = Portion(path, 0)
    seen = [(picture.time_s, picture.pixels) for picture in _first(portion)]
    if not seen or portion.sound is None:
        raise LipwrightError(f"{path} has no pictures, or no sound; take it out.")
    times = np.array([at for at, _ in seen])
    wanted = np.arange(times[0], times[-1], 1 / HZ)
    pictures = [_fitted(seen[int(np.abs(times - at).argmin())][1]) for at in wanted]
    return pictures, portion.sound[round((times[0] - portion.sound_start_s) * RATE) :]


def _first(portion: Portion) -> Iterator[Any]:
    for picture in portion.pictures():
        if picture.time_s < LONGEST_S:
            yield picture


def _fitted(pixels: Pixels) -> Pixels:
    """A picture in the middle of one of SIZE, as large as it can be."""
    height, width = pixels.shape[:2]
    scale = min(SIZE[0] / width, SIZE[1] / height)
    size = (round(width * scale) // 2 * 2, round(height * scale) // 2 * 2)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    small = frame.reformat(width=size[0], height=size[1]).to_ndarray()
    whole = np.full((SIZE[1], SIZE[0], 3), GREY, np.uint8)
    left, top = (SIZE[0] - size[0]) // 2, (SIZE[1] - size[1]) // 2
    whole[top : top + size[1], left : left + size[0]] = small
    return whole


def _wait(process: subprocess.Popen[str], lasts_s: float) -> None:
    with tqdm(total=round(lasts_s), unit="s", desc="watch") as bar:
        until_s = time.monotonic() + lasts_s + PATIENCE_S
        while process.poll() is None and time.monotonic() < until_s:
            time.sleep(1)
            bar.update(1)
        if process.poll() is None:
            process.terminate()
