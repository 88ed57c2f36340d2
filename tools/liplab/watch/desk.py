"""Which portion of which video is watched next, and what becomes of what comes back.

Portions of a video may be watched in any order, at once and elsewhere. They are written here alone, in the
order in which they lie in their video, so the store is at every moment one that a run without helpers would
have made, and goes on from there.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

from liplab.watch.jobs import Look, Looked, UnableError, Watch
from liplab.watch.portion import Watched
from liplab.watch.store import Store
from liplab.watch.video import PORTION_S
from lipwright.errors import LipwrightError


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

    def join(self, other: Account) -> None:
        """Counts what another account counted."""
        for name, value in vars(other).items():
            if isinstance(value, dict):
                for key, what in value.items():
                    mine = getattr(self, name)
                    mine[key] = mine[key] + what if isinstance(value, Counter) else what
            else:
                setattr(self, name, getattr(self, name) + value)

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


@dataclass
class _Video:
    """A video in work: `number` is the portion to be written next, `asked` the one to be asked for next."""

    path: Path
    account: Account = field(default_factory=Account)
    looked: Looked | None = None
    number: int = 0
    asked: int = 0
    came: dict[int, Watched | LipwrightError] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The hash of its content; it must have been looked at."""
        assert self.looked is not None
        return self.looked.video_hash

    @property
    def portions(self) -> int:
        """How many it says that it has; 0 where it does not say."""
        assert self.looked is not None
        return ceil((self.looked.seconds or 0) / PORTION_S)


class Desk:
    """Hands jobs out and writes what comes back into a store, which must be held."""

    def __init__(
        self,
        videos: Sequence[Path],
        store: Store,
        person: str | None,
        tags: Sequence[str] = (),
        over: Callable[[], object] = lambda: None,
    ) -> None:
        """`over` hears of every video that is done with. For `person` and `tags` see `watch`."""
        self._store, self._person, self._tags, self._over = store, person, tags, over
        self._videos = {path: _Video(path) for path in videos}
        self._not_looked = deque(self._videos.values())
        self._not_begun = deque(self._videos.values())
        self._begun: dict[Path, _Video] = {}
        self._same: dict[str, deque[_Video]] = {}  # by hash of those begun: others of the same content

    def account(self) -> Account:
        """What was done so far."""
        whole = Account()
        for video in self._videos.values():
            whole.join(video.account)
        return whole

    def next_job(self) -> Look | Watch | None:
        """What is to be done next; None: nothing, until more has come back."""
        for video in self._begun.values():
            while self._store.has(video.name, video.asked):
                video.asked += 1
            # Where a video ends is known when its last portion was watched. It may be shorter than it says,
            # and then some are watched for nothing; or longer, and then one is watched after the other.
            if video.asked < video.portions or video.asked == video.number:
                video.asked += 1
                assert video.looked is not None
                return Watch(video.path, video.asked - 1, video.looked)
        return Look(self._not_looked.popleft().path) if self._not_looked else None

    def take(self, job: Look | Watch, result: Looked | Watched | LipwrightError) -> None:
        """Takes what came of a job. Raises LipwrightError where nothing more can be done: disk full."""
        if isinstance(result, UnableError) or (isinstance(result, LipwrightError) and not job.path.is_file()):
            raise result
        video = self._videos[job.path]
        if isinstance(job, Watch):
            if job.path in self._begun:
                assert not isinstance(result, Looked)
                video.came[job.number] = result
                self._go_on(video)
            return
        if isinstance(result, LipwrightError):
            video.account.unreadable[str(video.path)] = str(result)
            self._over()
        else:
            assert isinstance(result, Looked)
            video.looked = result
        # Videos begin in the order in which they were given: it decides whose name a copy's clips have.
        while self._not_begun:
            first = self._not_begun[0]
            if first.looked is None and not first.account.unreadable:
                break
            self._not_begun.popleft()
            if first.looked is None:
                continue
            if first.name in self._same:
                self._same[first.name].append(first)
            else:
                self._same[first.name] = deque()
                self._begun[first.path] = first
                self._go_on(first)

    def _go_on(self, video: _Video) -> None:
        """Writes what can be written of a video, and, at its end, of those that are copies of it."""
        copies = self._same[video.name]
        while self._write(video):
            del self._begun[video.path]
            self._over()
            if not copies:
                del self._same[video.name]
                break
            video = copies.popleft()
            self._begun[video.path] = video

    def _write(self, video: _Video) -> bool:
        """Writes what can be written of a video; True: it is done with."""
        last = False
        while not last:
            if self._store.has(video.name, video.number):
                video.account.known += 1
                last = self._store.is_last(video.name, video.number)
            elif video.number in video.came:
                watched = video.came.pop(video.number)
                if isinstance(watched, LipwrightError):
                    video.account.unreadable[str(video.path)] = str(watched)
                    return True
                self._keep(video, watched)
                last = watched.last
            else:
                return False
            video.number += 1
            video.asked = max(video.asked, video.number)
        video.account.videos += 1
        return True

    def _keep(self, video: _Video, watched: Watched) -> None:
        person = self._person or video.path.stem
        self._store.keep(video.path.name, video.name, person, video.number, watched, self._tags)
        video.account.add(watched)
        if watched.damage:
            video.account.damaged[str(video.path)] = watched.damage
