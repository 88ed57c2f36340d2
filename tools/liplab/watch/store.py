"""What was watched, on disk: a folder for each portion of a video, written whole or not at all.

A portion's folder holds `record.json` (what the video is called, whose it is and how they speak, when it was
watched, every clip and everything that was refused) and a file of tracks for each clip. It is made beside its
place and moved there, so a run that is killed leaves nothing half; whose folder is there is not watched
again.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from liplab.watch.portion import Clip, Watched
from lipwright.errors import LipwrightError

FORMAT = 1
PORTIONS, RECORD, CONSENT, PAGE, LOCK = "portions", "record.json", "consent.json", "seen.html", ".lock"
IMPROVED_PAGE, CHECKPOINT = "improved.html", "improving.pt"  # of liplab improve
PARTIAL = ".part-"
UNIT_MM = 0.01  # of the lips as they are stored: finer than a camera sees
OWN = 0o700  # for nobody but the owner
SEARCHED_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Entry:
    """A clip in the store."""

    clip: str
    person: str
    day: str  # when it was watched, YYYY-MM-DD
    video: str  # the name of its file
    video_hash: str
    start_s: float
    seconds: float
    offset_ms: float
    r: float
    path: Path
    tags: tuple[str, ...] = ()  # how they speak, as "whispered"; none in records older than tags


@dataclass(frozen=True)
class PackedClip(Clip):
    """A clip whose tracks are the bytes of their file, and no arrays: a worker packs, and one who writes for
    many has less to do."""

    data: bytes = b""


class Tracks(NamedTuple):
    """A clip's tracks, as `liplab.watch.portion.Clip` describes them."""

    mel: NDArray[np.float32]
    times_s: NDArray[np.float32]
    lips_mm: NDArray[np.float32]
    measures: NDArray[np.float32]


class Store:
    """The folder that holds what was watched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keeps others from writing meanwhile, and clears away what a killed run left.

        Raises LipwrightError where another run holds it, or the folder cannot be made.
        """
        try:
            (self.folder / PORTIONS).mkdir(mode=OWN, parents=True, exist_ok=True)
            self.folder.chmod(OWN)
            lock = (self.folder / LOCK).open("a")
        except OSError as error:
            raise LipwrightError(f"cannot write to {self.folder}: {error.strerror}.") from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise LipwrightError(
                    f"Another liplab watch works on {self.folder}; wait for its end, or give another --store."
                ) from None
            for left in (self.folder / PORTIONS).glob(PARTIAL + "*"):
                shutil.rmtree(left)
            yield

    def has(self, video_hash: str, number: int) -> bool:
        """Whether a portion was watched already."""
        return self._place(video_hash, number).is_dir()

    def is_last(self, video_hash: str, number: int) -> bool:
        """Whether the video ends in a portion that was watched."""
        return bool(_read(self._place(video_hash, number) / RECORD)["last"])

    def keep(
        self,
        video: str,
        video_hash: str,
        person: str,
        number: int,
        watched: Watched,
        tags: Sequence[str] = (),
    ) -> None:
        """Writes what a portion gave; nothing where it is there already. Raises LipwrightError: disk full."""
        place = self._place(video_hash, number)
        if place.is_dir():
            return
        partial = place.with_name(f"{PARTIAL}{place.name}-{os.getpid()}")
        record = {
            "format": FORMAT,
            "video": video,
            "video_hash": video_hash,
            "person": person,
            "tags": sorted(set(tags)),
            "day": date.today().isoformat(),
            "portion": number,
            "last": watched.last,
            "damage": watched.damage,
            "pictures": watched.pictures,
            "seconds": round(watched.seconds, 3),
            "clips": [_about(clip) for clip in watched.clips],
            "refused": [asdict(one) for one in watched.refused],
        }
        try:
            partial.mkdir(mode=OWN)
            for clip in watched.clips:
                _write(partial / f"{clip.name}.npz", pack(clip).data)
            _write(partial / RECORD, (json.dumps(record, indent=1) + "\n").encode())
            _sync(partial)
            # Two that watch the same portion: the second finds the place taken.
            with contextlib.suppress(FileExistsError):
                partial.rename(place)
            _sync(place.parent)
        except OSError as error:
            if not place.is_dir():
                raise LipwrightError(f"cannot write to {self.folder}: {error.strerror}.") from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def records(self) -> list[dict[str, Any]]:
        """What is known of every portion, by video and place. Raises LipwrightError where one is damaged."""
        return [record for _, record in self._records()]

    def entries(self) -> list[Entry]:
        """Every clip, by day, video and place in it."""
        found = [
            Entry(
                clip["clip"],
                record["person"],
                record["day"],
                record["video"],
                record["video_hash"],
                clip["start_s"],
                clip["seconds"],
                clip["offset_ms"],
                clip["r"],
                folder / f"{clip['clip']}.npz",
                tuple(record.get("tags", ())),
            )
            for folder, record in self._records()
            for clip in record["clips"]
        ]
        return sorted(found, key=lambda entry: (entry.day, entry.video, entry.video_hash, entry.start_s))

    def forget(self, what: str) -> list[str]:
        """Removes all there is of a person, a day (YYYY-MM-DD), a tag or a clip, and says which clips went.

        A video of which nothing stays is forgotten altogether. Raises LipwrightError where there is no such
        thing, or something of it is still found afterwards.
        """
        gone: list[str] = []
        traces: list[str] = []
        found = False
        for folder, record in self._records():
            if what in (record["person"], record["day"], *record.get("tags", ())):
                found = True
                gone += [clip["clip"] for clip in record["clips"]]
                traces += [record["video_hash"]]
                # Away from its place at once: a run that is killed now leaves no half of it.
                leaving = folder.with_name(f"{PARTIAL}{folder.name}-{os.getpid()}")
                folder.rename(leaving)
                shutil.rmtree(leaving)
            elif any(clip["clip"] == what for clip in record["clips"]):
                found = True
                gone.append(what)
                record["clips"] = [clip for clip in record["clips"] if clip["clip"] != what]
                _replace(folder / RECORD, record)
            # Also where a run that forgot it was killed between the two.
            tracks = folder / f"{what}.npz"
            if folder.is_dir() and tracks.parent == folder and tracks.is_file():
                found = True
                tracks.unlink()
        if not found:
            raise LipwrightError(
                f'Nothing is kept of "{what}"; liplab watch list shows all persons, days, tags and clips.'
            )
        for made in (PAGE, IMPROVED_PAGE, CHECKPOINT):  # of them, among others; pages are drawn anew
            for path in self.folder.glob(f"*{made}*"):  # also what a killed run left of it
                path.unlink()
        left = {record["video_hash"] for record in self.records()}
        self._check_gone([*gone, *(trace for trace in traces if trace not in left)])
        return gone

    def _check_gone(self, traces: Sequence[str]) -> None:
        wanted = [trace.encode() for trace in traces]
        for path in self.folder.rglob("*"):
            named = any(trace in str(path.relative_to(self.folder)) for trace in traces)
            if named or (path.is_file() and _holds(path, wanted)):
                raise LipwrightError(f"{path} still holds something that was to be forgotten; remove it.")

    def _place(self, video_hash: str, number: int) -> Path:
        return self.folder / PORTIONS / f"{video_hash}-{number:05d}"

    def _records(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for folder in sorted((self.folder / PORTIONS).glob("[!.]*")):
            yield folder, _read(folder / RECORD)


def load(path: Path) -> Tracks:
    """A clip's tracks. Raises LipwrightError where the file is damaged."""
    try:
        with np.load(path) as stored:
            return Tracks(
                stored["mel"].astype(np.float32),
                stored["times_s"],
                stored["lips"].astype(np.float32) * np.float32(UNIT_MM),
                stored["measures"].astype(np.float32),
            )
    except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
        raise LipwrightError(
            f"{path} is damaged ({error}); run: liplab watch forget {path.stem}, and watch its video again."
        ) from None


def _about(clip: Clip) -> dict[str, Any]:
    return {
        "clip": clip.name,
        "face": clip.face,
        "start_s": clip.start_s,
        "seconds": clip.seconds,
        "offset_ms": round(clip.match.offset_s * 1000, 1),
        "r": clip.match.r,
    }


def pack(clip: Clip) -> PackedClip:
    """A clip as it is kept."""
    if isinstance(clip, PackedClip):
        return clip
    file = io.BytesIO()
    most = np.iinfo(np.int16).max
    lips = np.clip(np.round(clip.lips_mm / UNIT_MM), -most, most).astype(np.int16)
    measures = clip.measures.astype(np.float16)
    np.savez_compressed(file, mel=clip.mel, times_s=clip.times_s, lips=lips, measures=measures)
    none = {name: getattr(clip, name)[:0] for name in ("mel", "times_s", "lips_mm", "measures")}
    return PackedClip(**{**vars(clip), **none}, data=file.getvalue())


def _read(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text())
    except (OSError, ValueError):
        raise LipwrightError(
            f"{path} is damaged; remove its folder {path.parent}, and watch the video again."
        ) from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise LipwrightError(f"{path} was written by another version of Lipwright; give another --store.")
    return record


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _replace(path: Path, record: Mapping[str, Any]) -> None:
    partial = path.with_name(f"{PARTIAL}{path.name}")
    _write(partial, (json.dumps(record, indent=1) + "\n").encode())
    partial.replace(path)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _holds(path: Path, wanted: Sequence[bytes]) -> bool:
    """Whether a file holds any of these bytes; read in pieces that overlap."""
    kept = b""
    longest = max((len(trace) for trace in wanted), default=1)
    with path.open("rb") as file:
        while block := file.read(SEARCHED_AT_ONCE):
            block = kept + block
            if any(trace in block for trace in wanted):
                return True
            kept = block[-longest:]
    return False
