"""The head as the service sees it: what there is to see, and what is done to it from whatever side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from facewire import constants as wire
from lipwright import __version__
from lipwright.boards import Board, PicturedBoard
from lipwright.clock import RealClock
from lipwright.errors import LipwrightError
from lipwright.face.expressions import EXPRESSIONS
from lipwright.face.life import Life
from lipwright.face.manners import MANNERS
from lipwright.face.profile import HeadProfile
from lipwright.link import plain_words
from lipwright.link.board_link import BoardLink
from lipwright.live.engine import Engine
from lipwright.service import messages as m
from lipwright.service.calibration import CalibrationRoom
from lipwright.service.pictures import Pictures
from lipwright.service.talking import Talking
from lipwright.service.voices import Voices
from lipwright.service.watched import Watched

SHOWN_DIGITS = 3
NO_BOARD = "no board"
# A job on the board that takes longer has failed: storing a long show on a slow flash takes a minute.
LONGEST_JOB_S = 180.0
# A loop that has not gone round for so long hangs: even a board that is lost is given up sooner.
HUNG_S = 12.0

Result = TypeVar("Result")


class HeadService:
    """What all the doors of the service share.

    Attributes:
        engine: The head's loop.
        talking: Sound on its way to the head.
        voices: The speech engines of this machine.
        room: Where one client at a time calibrates.
        pictures: Of a simulated head.
        watched: Programs that watch people with camera and microphone.
    """

    def __init__(
        self,
        engine: Engine,
        find_board: Callable[[], Board],
        state_folder: Path,
        profile_path: Path | None,
        make_life: Callable[[HeadProfile], Life],
        sound_problem: Callable[[], str] = str,
    ) -> None:
        """`find_board` is the connector's. `profile_path`: the profile that may be calibrated, or None for
        one that ships. `sound_problem` says why nothing is heard."""
        self.engine = engine
        self.talking = Talking(engine)
        self.voices = Voices(state_folder)
        self.room = CalibrationRoom(engine, find_board, state_folder, profile_path, make_life)
        self.pictures = Pictures()
        self.watched = Watched(engine)
        self._sound_problem = sound_problem
        self._jobs = 0

    def watch(self, board: Board) -> None:
        """The board shows pictures, if it can."""
        if isinstance(board, PicturedBoard):
            self.pictures.board = board

    # ---- what there is to see

    def snapshot(self) -> m.Snapshot:
        """How the head is now."""
        engine = self.engine
        seen, profile = engine.snapshot(), engine.profile
        link = engine.link
        status = getattr(link, "status", None)
        troubles: list[str] = []
        hot: tuple[str, ...] = ()
        state, cause, limp, ring, dropped, supply = NO_BOARD, "", True, 0, 0, ""
        if status is not None:
            state = status.state_name
            cause = plain_words.state_of(status)
            limp = status.state <= wire.REARMING
            ring, dropped = status.ring_depth, status.dropped
            supply = plain_words.supply_of(status)
            hot = tuple(plain_words.hot_names(status, profile))
            if not seen.stopped:
                troubles += plain_words.troubles(status, profile)
        calibrating = self.room.busy
        if status is None and not calibrating:
            cause = self._why_no_board()
        if sound := self._sound_problem():
            troubles.append(f"no sound is heard: {sound}")
        return m.Snapshot(
            time_s=round(seen.time_s, 3),
            connected=seen.connected,
            state="calibrating" if calibrating else state,
            cause="a calibration has the board" if calibrating else cause,
            limp=limp,
            stopped=seen.stopped,
            speaking=seen.speaking,
            live=seen.live,
            level_db=round(float(seen.level_db), 1),
            waiting_s=round(seen.waiting_s, 1),
            ahead_ms=seen.ahead_ms,
            ring_depth=ring,
            frames_dropped=dropped,
            supply=supply,
            troubles=tuple(troubles),
            hot=hot,
            targets=tuple(round(float(target), SHOWN_DIGITS) for target in seen.targets),
            mood=engine.life.mood,
            life=engine.life.enabled,
            calibrating=calibrating,
            show=engine.show,
            watching=self.watched.words,
        )

    def state(self) -> m.State:
        """The head, what it can be asked for, and how it is."""
        profile = self.engine.profile
        return m.State(
            version=__version__,
            head=profile.name,
            channels=tuple(m.Channel(c.name, c.group, c.rest) for c in profile.channels),
            expressions=tuple(EXPRESSIONS),
            moods=tuple(MANNERS),
            voices=tuple(self.voices.names()),
            has_picture=self.pictures.board is not None and find_spec("PIL") is not None,
            snapshot=self.snapshot(),
            journal=self.journal(0),
        )

    def journal(self, since: int) -> tuple[m.Entry, ...]:
        """What has happened after an entry."""
        entries = self.engine.journal.since(since)
        return tuple(m.Entry(entry.number, round(entry.at, 3), entry.kind, entry.text) for entry in entries)

    def _why_no_board(self) -> str:
        for entry in reversed(self.engine.journal.since(0)):
            if entry.kind in ("no_board", "lost"):
                return entry.text
        return "the board is being looked for"

    # ---- what is done to it

    def stop(self) -> None:
        """All servos limp at once, whoever has the board."""
        self.room.stop()
        self.engine.stop()

    def express(self, wish: m.Express) -> None:
        """Wears an expression. Raises LipwrightError for a name that there is not."""
        self.engine.life.express(wish.name, wish.strength, wish.duration_s)

    def set_mood(self, wish: m.SetMood) -> None:
        """Behaves so from now on. Raises LipwrightError for a name that there is not."""
        self.engine.life.mood = wish.name

    def set_life(self, wish: m.SetLife) -> None:
        """Lets eyes, lids, brows and neck move by themselves, or not."""
        self.engine.life.enabled = wish.on
        self.engine.journal.tell("life", f"Life is {'on' if wish.on else 'off'}.")

    def is_alive(self) -> bool:
        """Whether the head's loop goes round, or is busy with a job on the board."""
        return self._jobs > 0 or RealClock().now() - self.engine.turned_s < HUNG_S

    async def on_board(self, job: Callable[[BoardLink], Result]) -> Result:
        """Does something on the board, between two frames. Raises LipwrightError."""
        done: Future[Result] = self.engine.call(job)
        self._jobs += 1
        try:
            return await asyncio.wait_for(asyncio.wrap_future(done), LONGEST_JOB_S)
        except asyncio.TimeoutError:
            raise LipwrightError("the board has taken too long: look at it, and try again.") from None
        finally:
            self._jobs -= 1

    def close(self) -> None:
        """Ends what is under way."""
        self.room.close()
        self.talking.close()
        self.pictures.close()
