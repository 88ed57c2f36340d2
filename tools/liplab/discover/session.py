"""The folder of a discovery: takes as they were filmed, each in a file that is whole or not there.

session.json        what head, which eyes, which seed; counts of frames and why some were dropped
takes/003.npz       one take: targets given, and per view what was seen
pictures/003-*.jpg  a few pictures of it, with what was found drawn in
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from liplab.discover.plan import Take
from liplab.eyes.sight import Missed, Sight
from lipwright.errors import LipwrightError
from lipwright.face.profile import HeadProfile
from lipwright.files import make_folder, write_atomically

FORMAT = 1
FRONT = "front"
SECOND = "second"
PARTS = ("times", "lips", "chin", "anchors", "reasons")  # of a view, in a take's file

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Footage:
    """What one view saw of a take: times (n,) in s since the take's first target; a sight or a miss each."""

    times_s: Floats
    sights: tuple[Sight | Missed, ...]
    pictures: tuple[Pixels, ...] = ()

    @property
    def found(self) -> NDArray[np.bool_]:
        """Which frames (n,) show the face."""
        return np.array([isinstance(sight, Sight) for sight in self.sights], dtype=bool)


@dataclass(frozen=True)
class Filmed:
    """A take and what each view saw of it."""

    take: Take
    views: dict[str, Footage]


class Session:
    """The takes of one discovery, on disk."""

    def __init__(self, folder: Path, profile: HeadProfile, facts: dict[str, Any]) -> None:
        """Opens a folder or begins one. `facts` (eyes, seed, ...) and the profile's channels must be those
        that it was begun with.

        Raises LipwrightError when they are not, or the folder cannot be used.
        """
        self.folder = folder
        self._index = folder / "session.json"
        facts = {"format": FORMAT, "head": profile.name, "channels": _digest(profile), **facts}
        for inner in (folder, folder / "takes", folder / "pictures"):
            make_folder(inner)
        self.state = self._read() if self._index.exists() else {}
        if self.state.get("takes"):
            changed = [key for key, value in facts.items() if self.state.get(key) != value]
            if changed:
                raise LipwrightError(
                    f"{folder} was begun with another {' and '.join(changed)}; give the same options to go "
                    "on with it, or choose another folder."
                )
        else:
            self.state |= {**facts, "takes": []}
            self._write(self.state)

    @property
    def count(self) -> int:
        """Takes that are there."""
        return len(self.state["takes"])

    @property
    def dropped(self) -> dict[str, int]:
        """Frames that were dropped, by reason."""
        counts: Counter[str] = Counter()
        for entry in self.state["takes"]:
            counts.update(entry["dropped"])
        return dict(counts)

    @property
    def frames(self) -> int:
        """Frames that were filmed, in all views."""
        return sum(entry["frames"] for entry in self.state["takes"])

    def note(self, **facts: Any) -> None:
        """Keeps something that was found out, under its name."""
        self._write(self.state | facts)

    def save(self, filmed: Filmed) -> None:
        """Adds a take. Raises LipwrightError when the disk is full; what was there before stays."""
        number = self.count
        arrays: dict[str, Any] = {
            "targets": filmed.take.targets,
            "kind": filmed.take.kind,
            "still_s": filmed.take.still_s,
        }
        dropped: Counter[str] = Counter()
        for view, footage in filmed.views.items():
            arrays |= {f"{view}_{name}": values for name, values in _packed(footage).items()}
            dropped.update(sight.reason for sight in footage.sights if isinstance(sight, Missed))
        packed = io.BytesIO()
        np.savez_compressed(packed, **arrays)
        self._put(self.folder / "takes" / f"{number:03}.npz", packed.getvalue())
        for view, footage in filmed.views.items():
            for k, picture in enumerate(footage.pictures):
                self._put(self.folder / "pictures" / f"{number:03}-{view}-{k}.jpg", jpeg(picture))
        entry = {
            "kind": filmed.take.kind,
            "views": sorted(filmed.views),
            "seconds": round(filmed.take.seconds, 2),
            "frames": sum(len(footage.sights) for footage in filmed.views.values()),
            "dropped": dict(dropped),
        }
        self._write({**self.state, "takes": [*self.state["takes"], entry]})

    def load(self) -> list[Filmed]:
        """All takes, in the order that they were filmed. Raises LipwrightError when one cannot be read."""
        return [self._load(number) for number in range(self.count)]

    def pictures(self) -> list[Path]:
        """Files of all pictures, in order."""
        return sorted((self.folder / "pictures").glob("*.jpg"))

    def _load(self, number: int) -> Filmed:
        path = self.folder / "takes" / f"{number:03}.npz"
        try:
            with np.load(path) as stored:
                views = {name.removesuffix("_times") for name in stored.files if name.endswith("_times")}
                return Filmed(
                    Take(str(stored["kind"]), stored["targets"], float(stored["still_s"])),
                    {
                        view: _unpacked({name: stored[f"{view}_{name}"] for name in PARTS})
                        for view in sorted(views)
                    },
                )
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            raise LipwrightError(
                f"The take {path} cannot be read ({error}); remove {self.folder} and film anew."
            ) from error

    def _read(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads(self._index.read_text(encoding="utf-8"))
            return state
        except (OSError, ValueError) as error:
            raise LipwrightError(
                f"{self._index} cannot be read ({error}); choose another folder, or remove this one."
            ) from error

    def _write(self, state: dict[str, Any]) -> None:
        self._put(self._index, (json.dumps(state, indent=1) + "\n").encode())
        self.state = state  # not before it is on disk

    def _put(self, path: Path, data: bytes) -> None:
        try:
            write_atomically(path, data)
        except OSError as error:
            raise LipwrightError(
                f"{path} cannot be written: {error.strerror}. Nothing is lost: mend that, and run the same "
                f"command again; it goes on after the {self.count} takes that are there."
            ) from error


def _packed(footage: Footage) -> dict[str, NDArray[Any]]:
    seen = [sight for sight in footage.sights if isinstance(sight, Sight)]
    anchors = len(seen[0].anchors) if seen else 0
    blank = Sight(np.full((20, 2), np.nan), np.full(2, np.nan), np.full((anchors, 2), np.nan))
    rows = [sight if isinstance(sight, Sight) else blank for sight in footage.sights]
    return {
        "times": footage.times_s,
        "lips": np.array([row.lips for row in rows], np.float32).reshape(-1, 20, 2),
        "chin": np.array([row.chin for row in rows], np.float32).reshape(-1, 2),
        "anchors": np.array([row.anchors for row in rows], np.float32).reshape(len(rows), anchors, 2),
        "reasons": np.array([sight.reason if isinstance(sight, Missed) else "" for sight in footage.sights]),
    }


def _unpacked(arrays: dict[str, NDArray[Any]]) -> Footage:
    sights: list[Sight | Missed] = []
    for lips, chin, anchors, reason in zip(
        arrays["lips"], arrays["chin"], arrays["anchors"], arrays["reasons"], strict=True
    ):
        sights.append(
            Missed(str(reason))
            if reason
            else Sight(lips.astype(np.float64), chin.astype(np.float64), anchors.astype(np.float64))
        )
    return Footage(arrays["times"], tuple(sights))


def _digest(profile: HeadProfile) -> str:
    return hashlib.sha256(repr(profile.channels).encode()).hexdigest()[:16]


def jpeg(picture: Pixels, quality: int = 80) -> bytes:
    """A picture (h, w, 3) as a JPEG file's bytes."""
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "JPEG", quality=quality)
    return data.getvalue()


def counted(dropped: dict[str, int], explained: dict[str, str]) -> str:
    """Dropped frames in words, most frequent first: "12 too dark, 3 two faces"."""
    parts: Sequence[tuple[str, int]] = sorted(dropped.items(), key=lambda item: -item[1])
    return ", ".join(f"{count} {explained.get(reason, reason)}" for reason, count in parts)
