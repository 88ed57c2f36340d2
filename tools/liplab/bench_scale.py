"""``liplab bench scale``: what a second worker is worth, and whether workers that die change anything.

A folder of videos is watched by one process, by several, and by several of which one is killed at random
moments, each time into an empty store. The stores are compared file by file.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pickle
import resource
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from liplab.bench import show_figures
from liplab.watch import jobs
from liplab.watch.desk import Desk
from liplab.watch.portion import Watched
from liplab.watch.run import find_videos
from liplab.watch.store import RECORD, Store
from liplab.watch.video import PORTION_S, seconds_of
from liplab.workers import Crew, crew_of, results
from lipwright.errors import LipwrightError

LEAST_PORTIONS = 60  # fewer are over before workers that are killed come back; then videos are repeated
KILLED_FROM, KILLED_TO = 0.03, 0.85  # of the portions: when workers are killed
KILLED_LATER = 1.0  # up to so long after a portion came, in times between two: others are in work then
TRIED_EVERY_S = 0.05  # a worker that is being begun anew cannot be killed
SEED = 5

EXAMPLES = """examples:
  liplab bench scale ~/grid                 one process; two; and two of which one is killed, ten times
  liplab bench scale ~/grid --workers 8     eight, against one
"""


@dataclass
class Run:
    """What a run took: wall and processor time in s, of this process alone too, and what came to it.

    Processor time counts all processes with their start, and what waits for a core beside others is no part.
    """

    start_s: float
    wall_s: float
    processor_s: float
    own_processor_s: float
    portions: int
    seconds: float
    result_bytes: int
    killed: int


def add_parser(subparsers: Any) -> None:
    """Adds ``scale`` to ``liplab bench``."""
    parser = subparsers.add_parser(
        "scale",
        help="speed of several workers, and a run whose workers are killed",
        description="Watches a folder with one process, with several, and with several of which one is "
        "killed at random moments, and compares what is kept. Few videos are repeated.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="of videos")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes (%(default)s)")
    parser.add_argument(
        "--kill",
        type=int,
        default=10,
        metavar="TIMES",
        help="workers killed in one run (%(default)s; 0: none)",
    )
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON; - for standard output")
    parser.set_defaults(do=do_bench_scale)


def do_bench_scale(arguments: argparse.Namespace) -> None:
    """Prints the figures, and writes them where asked."""
    if arguments.workers < 2 or arguments.kill < 0:
        raise LipwrightError("--workers is at least 2, and --kill at least 0.")
    show_figures(
        bench_scale(find_videos([arguments.folder]), arguments.workers, arguments.kill), arguments.json
    )


def bench_scale(
    videos: Sequence[Path], workers: int, kills: int, least_portions: int = LEAST_PORTIONS
) -> dict[str, float]:
    """All figures, flat, with their units in their names.

    Times begin when the workers have loaded what they need and end when everything is written. Raises
    LipwrightError where a video cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="lipwright-") as name:
        folder = Path(name)
        videos = repeated(videos, folder / "videos", least_portions)
        alone, one = _run(videos, folder / "one", 1)
        together, several = _run(videos, folder / "several", workers)
        hours = alone.seconds / 3600
        figures: dict[str, float] = {
            "processors": len(os.sched_getaffinity(0)),
            "workers": workers,
            "videos": len(videos),
            "portions": alone.portions,
            "video_s": round(alone.seconds, 1),
            "start_workers_s": round(together.start_s, 2),
            "wall_one_s": round(alone.wall_s, 2),
            "wall_workers_s": round(together.wall_s, 2),
            "processor_one_s": round(alone.processor_s, 2),
            "processor_workers_s": round(together.processor_s, 2),
            "speed_up": round(alone.wall_s / together.wall_s, 2),
            "portions_per_hour_one": round(alone.portions / alone.wall_s * 3600),
            "portions_per_hour_workers": round(together.portions / together.wall_s * 3600),
            "video_hours_per_hour_one": round(alone.seconds / alone.wall_s, 2),
            "video_hours_per_hour_workers": round(together.seconds / together.wall_s, 2),
            # What does not grow with workers: this process hands out, takes back and writes.
            "writer_processor_ms_per_portion": round(together.own_processor_s / together.portions * 1000, 2),
            "writer_processor_s_per_video_hour": round(together.own_processor_s / hours, 2),
            "read_mb_per_video_hour": round(sum(path.stat().st_size for path in videos) / 1e6 / hours, 1),
            "sent_mb_per_video_hour": round(together.result_bytes / 1e6 / hours, 1),
            "kept_mb_per_video_hour": round(sum(map(len, several.values())) / 1e6 / hours, 1),
            "files": len(one),
            "files_that_differ": differing(one, several),
        }
        if kills:
            shaken, rest = _run(videos, folder / "killed", workers, kills, together)
            figures |= {
                "killed_workers": shaken.killed,
                "killed_wall_s": round(shaken.wall_s, 2),
                "killed_portions": shaken.portions,
                "killed_files_that_differ": differing(one, rest),
            }
    return figures


def repeated(videos: Sequence[Path], folder: Path, least_portions: int) -> list[Path]:
    """Copies of videos in a folder, again and again until they are enough; no two of the same content.

    A copy ends in as many zeros as its number says, which players of video skip.
    """
    folder.mkdir()
    copies: list[Path] = []
    portions = 0
    for number in range(least_portions):
        for place, path in enumerate(videos):
            if portions >= least_portions and number:
                break
            copy = folder / f"{number:03d}-{place:05d}-{path.name}"
            shutil.copyfile(path, copy)
            with copy.open("ab") as file:
                file.write(bytes(number))
            copies.append(copy)
            portions += ceil((seconds_of(path) or 1) / PORTION_S)
    return copies


def differing(one: dict[str, bytes], other: dict[str, bytes]) -> int:
    """How many files are in one store only, or not alike."""
    return sum(one.get(name) != other.get(name) for name in one.keys() | other.keys())


def contents(store: Path) -> dict[str, bytes]:
    """Every file of a store by its name in it, without the day on which it was written."""
    found = {str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*") if path.is_file()}
    for name, data in found.items():
        if Path(name).name == RECORD:
            found[name] = json.dumps({**json.loads(data), "day": ""}).encode()
    return found


def _run(
    videos: Sequence[Path], folder: Path, workers: int, kills: int = 0, like: Run | None = None
) -> tuple[Run, dict[str, bytes]]:
    """A run into an empty store, and what is in it then. Workers are killed at moments of a run as `like`."""
    store = Store(folder)
    desk = Desk(videos, store, None)
    came = size = 0
    busy_before = _processor_s()
    with store.held():
        asked_s = time.perf_counter()
        with crew_of(workers, None) as crew, _killer(crew, kills, like) as (told, killed):
            if crew is None:
                jobs.load()
            else:
                crew.client.run(jobs.load)
            begun_s, own = time.perf_counter(), time.process_time()
            loaded_s = begun_s - asked_s
            title = f"{workers} workers" + (", killed" if kills else "")
            with tqdm(total=len(videos), unit="portion", desc=title) as bar:
                do = partial(jobs.do_elsewhere, jobs.shipped_hash())
                for job, result in results(crew, do, desk.next_job):
                    desk.take(job, result)
                    if isinstance(result, Watched):
                        came += 1
                        size += len(pickle.dumps(result))
                        told(came)
                        bar.update()
            wall, own = time.perf_counter() - begun_s, time.process_time() - own
        jobs.put_away()
    account = desk.account()
    for why in account.unreadable.values():
        raise LipwrightError(why)
    busy = _processor_s() - busy_before
    return Run(loaded_s, wall, busy, own, account.portions, account.seconds, size, len(killed)), contents(
        folder
    )


def _processor_s() -> float:
    """Processor time of this process and of those of its children that have ended."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both)


@contextlib.contextmanager
def _killer(crew: Crew | None, kills: int, like: Run | None) -> Iterator[tuple[Any, list[int]]]:
    """Kills a worker so many times; it must be told how many portions came. Gives the numbers of the dead."""
    random = np.random.default_rng(SEED)
    portions, wall_s = (like.portions, like.wall_s) if like else (1, 0.0)
    moments = sorted(np.floor(random.uniform(KILLED_FROM, KILLED_TO, kills) * portions))
    later = random.uniform(0, KILLED_LATER * wall_s / portions, kills)
    came, over, killed = threading.Semaphore(0), threading.Event(), list[int]()

    def kill() -> None:
        for wait_s in later:
            came.acquire()
            time.sleep(wait_s)
            while not over.is_set():
                assert crew is not None
                living = [process for process in crew.processes() if process not in killed]
                if living:
                    victim = int(random.choice(living))
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(victim, signal.SIGKILL)
                        killed.append(victim)
                        break
                time.sleep(TRIED_EVERY_S)

    def told(done: int) -> None:
        while moments and done >= moments[0]:
            moments.pop(0)
            came.release()

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    try:
        yield told, killed
    finally:
        over.set()
        for _ in range(kills):
            came.release()
        thread.join()
