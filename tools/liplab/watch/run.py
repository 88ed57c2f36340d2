"""Watches videos one after the other, portion by portion, into a store."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from liplab.eyes.mesh import MeshTracker
from liplab.watch.faces import MOST_FACES
from liplab.watch.page import page
from liplab.watch.portion import Watched, watch_portion
from liplab.watch.store import PAGE, Store
from liplab.watch.video import PORTION_S, Portion, seconds_of, video_hash
from lipwright.errors import LipwrightError
from lipwright.files import write_atomically
from lipwright.lips.model import LipModel

SUFFIXES = frozenset(
    ".3gp .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts .vob .webm .wmv".split()
)


@dataclass
class Account:
    """What a run did."""

    videos: int = 0
    known: int = 0  # portions that were watched before
    portions: int = 0
    pictures: int = 0
    seconds: float = 0.0
    clips: int = 0
    kept_s: float = 0.0
    refused_s: Counter[str] = field(default_factory=Counter)
    unreadable: dict[str, str] = field(default_factory=dict)  # path -> why
    damaged: dict[str, str] = field(default_factory=dict)

    def add(self, watched: Watched) -> None:
        """Counts a portion."""
        self.portions += 1
        self.pictures += watched.pictures
        self.seconds += watched.seconds
        self.clips += len(watched.clips)
        self.kept_s += sum(clip.seconds for clip in watched.clips)
        for one in watched.refused:
            self.refused_s[one.reason] += one.seconds  # type: ignore[assignment]

    def report(self, store: Path) -> Mapping[str, Any]:
        """The figures as they are written down."""
        return {
            "store": str(store),
            "videos": self.videos,
            "portions": self.portions,
            "portions_known": self.known,
            "pictures": self.pictures,
            "seconds": round(self.seconds, 2),
            "clips": self.clips,
            "kept_s": round(self.kept_s, 2),
            "refused_s": {reason: round(value, 2) for reason, value in self.refused_s.most_common()},
            "unreadable": self.unreadable,
            "damaged": self.damaged,
        }


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


def watch(videos: Sequence[Path], store: Store, person: str | None) -> Account:
    """Watches what is not in the store yet. The store must be held, and consent given.

    Without `person`, a video's people are called by the name of its file. A video that cannot be read is
    noted, and the others are watched.
    """
    account = Account()
    mesh = MeshTracker(MOST_FACES)
    model = LipModel.load()
    try:
        with tqdm(total=len(videos), unit="video", desc="watch") as videos_bar:
            for path in videos:
                try:
                    _watch_one(path, store, person or path.stem, mesh, model, account)
                    account.videos += 1
                except LipwrightError as error:
                    if not path.is_file() or store_failed(error):
                        raise
                    account.unreadable[str(path)] = str(error)
                videos_bar.update()
    finally:
        mesh.close()
    return account


def store_failed(error: LipwrightError) -> bool:
    """Whether an error is the store's: then nothing more can be watched."""
    return str(error).startswith("cannot write")


def draw_page(store: Store) -> Path:
    """Writes the page of what is in the store, and returns where it is."""
    path = store.folder / PAGE
    try:
        write_atomically(path, page(store.entries(), store.records()).encode())
        path.chmod(0o600)
    except OSError as error:
        raise LipwrightError(f"cannot write {path}: {error.strerror}.") from None
    return path


def _watch_one(
    path: Path, store: Store, person: str, mesh: MeshTracker, model: LipModel, account: Account
) -> None:
    seconds = seconds_of(path)
    name = video_hash(path)
    total = None if seconds is None else round(seconds)
    with tqdm(total=total, unit="s", desc=path.name, leave=False, mininterval=0.5) as bar:
        number, last = 0, False
        while not last:
            if store.has(name, number):
                account.known += 1
                last = store.is_last(name, number)
            else:
                watched = watch_portion(
                    Portion(path, number), name, mesh, model, lambda time_s: _move(bar, time_s)
                )
                store.keep(path.name, name, person, number, watched)
                account.add(watched)
                if watched.damage:
                    account.damaged[str(path)] = watched.damage
                last = watched.last
            number += 1
            _move(bar, min(number * PORTION_S, seconds or 0))


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
        }
        for entry in store.entries()
    ]
