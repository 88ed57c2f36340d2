"""Watches videos portion by portion into a store."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from liplab.watch import jobs
from liplab.watch.desk import Account, Desk
from liplab.watch.jobs import Look, Looked, Watch
from liplab.watch.page import page
from liplab.watch.portion import Watched
from liplab.watch.store import PAGE, Store
from liplab.watch.video import PORTION_S
from liplab.workers import Crew, results
from lipwright.errors import LipwrightError
from lipwright.files import write_atomically

SUFFIXES = frozenset(
    ".3gp .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts .vob .webm .wmv".split()
)


def find_videos(places: Sequence[Path]) -> list[Path]:
    """Files as given, and the videos in folders and their folders. Raises LipwrightError for none."""
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            inside = sorted(
                Path(folder) / name
                for folder, _, names in os.walk(place)
                for name in names
                if Path(name).suffix.lower() in SUFFIXES
            )
            if not inside:
                raise LipwrightError(f"There are no videos in the folder {place}; name another.")
            found += inside
        elif place.exists():
            found.append(place)
        else:
            raise LipwrightError(f"There is no video or folder {place}; check the path.")
    return list(dict.fromkeys(found))


def watch(
    videos: Sequence[Path],
    store: Store,
    person: str | None,
    tags: Sequence[str] = (),
    crew: Crew | None = None,
) -> Account:
    """Watches what is not in the store yet. The store must be held, and consent given.

    Without `person`, a video's people are called by the name of its file; `tags` say how they speak. A video
    that cannot be read is noted, and the others are watched. With a `crew` its workers watch; what is written
    is the same.
    """
    with tqdm(total=len(videos), unit="video", desc="watch") as bar:
        desk = Desk(videos, store, person, tags, bar.update)
        try:
            do: Callable[[Any], Looked | Watched] = _do_here
            if crew is None:
                jobs.tools()  # what they lack is said at once
            else:
                do = partial(jobs.do_elsewhere, jobs.shipped_hash())
            portions = 0
            for job, result in results(crew, do, desk.next_job):
                desk.take(job, result)
                portions += isinstance(result, Watched)
                bar.set_postfix_str(f"{portions} portions", refresh=False)
        finally:
            jobs.put_away()
    return desk.account()


def draw_page(store: Store) -> Path:
    """Writes the page of what is in the store, and returns where it is."""
    path = store.folder / PAGE
    try:
        write_atomically(path, page(store.entries(), store.records()).encode())
        path.chmod(0o600)
    except OSError as error:
        raise LipwrightError(f"cannot write {path}: {error.strerror}.") from None
    return path


def _do_here(job: Look | Watch) -> Looked | Watched:
    if isinstance(job, Look):
        return jobs.look(job)
    seconds = job.looked.seconds
    with tqdm(
        total=None if seconds is None else round(seconds),
        initial=round(job.number * PORTION_S),
        unit="s",
        desc=job.path.name,
        leave=False,
        mininterval=0.5,
    ) as bar:
        return jobs.watch(job, lambda time_s: _move(bar, time_s))


def _move(bar: Any, time_s: float) -> None:
    bar.update(max(0, round(time_s) - bar.n))


def summary(account: Account) -> str:
    """What a run did, in words."""
    lines = [
        f"{account.clips} clips kept, {account.kept_s / 60:.1f} of {account.seconds / 60:.1f} minutes, from "
        f"{account.videos} videos."
    ]
    if account.known:
        lines.append(f"{account.known} portions had been watched before.")
    if account.refused_s:
        lines.append("Not kept, in seconds of faces:")
        lines += [f"  {value:8.1f}  {reason}" for reason, value in account.refused_s.most_common()]
    lines += [f"Damaged: {path}: {why}; the rest was watched." for path, why in account.damaged.items()]
    lines += [f"Left out: {why}" for why in account.unreadable.values()]
    return "\n".join(lines)


def listing(store: Store) -> list[dict[str, Any]]:
    """Every clip in the store, as it is written down."""
    return [
        {
            "clip": entry.clip,
            "person": entry.person,
            "day": entry.day,
            "video": entry.video,
            "start_s": entry.start_s,
            "seconds": entry.seconds,
            "offset_ms": entry.offset_ms,
            "r": entry.r,
            "tags": list(entry.tags),
        }
        for entry in store.entries()
    ]
