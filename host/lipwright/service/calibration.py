"""Calibrating from afar: the session of `lipwright calibrate` in a thread, with a dead man's switch.

The engine lends the board meanwhile. Whoever calibrates has to be heard from all the time; else the servo
goes limp. What the board enforces (a creep, one servo, a narrow range) holds here as on the terminal.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path
from queue import Empty, SimpleQueue

from lipwright.boards import Board
from lipwright.calibrate.mover import FRAME_S
from lipwright.calibrate.profile_file import ProfileFile
from lipwright.calibrate.servos import CannotDo
from lipwright.calibrate.session import LIMP, Session
from lipwright.calibrate.trial import reach
from lipwright.clock import Clock
from lipwright.errors import LipwrightError
from lipwright.face.life import Life
from lipwright.face.profile import HeadProfile
from lipwright.live.engine import Engine
from lipwright.service import messages as m
from lipwright.service.places import OWN_PROFILE

# Limp within a second: this, one step of the session, and the board's answer.
DEAD_MAN_S = 0.7
LEND_S = 5.0
MOST_WISHES = 50

Wish = Callable[[Session], None]


class CalibrationRoom:
    """There is one board, so one client at a time."""

    def __init__(
        self,
        engine: Engine,
        find_board: Callable[[], Board],
        state_folder: Path,
        profile_path: Path | None,
        make_life: Callable[[HeadProfile], Life],
    ) -> None:
        self._engine = engine
        self._find_board = find_board
        self._own = state_folder / OWN_PROFILE
        self._path = profile_path
        self._make_life = make_life
        self._running: CalibrationRun | None = None
        self._lock = threading.Lock()

    @property
    def busy(self) -> bool:
        """Whether a calibration has the board."""
        return self._running is not None

    def enter(self) -> CalibrationRun:
        """Begins a calibration. Raises LipwrightError if there is one, or the profile must not be written."""
        with self._lock:
            if self._running is not None:
                raise LipwrightError("somebody is calibrating already: end that first.")
            run = CalibrationRun(self._engine, self._find_board, self._file(), self._leave)
            self._running = run
        run.start()
        return run

    def stop(self) -> None:
        """The servo limp at once, and the calibration over."""
        run = self._running
        if run is not None:
            run.end()

    def close(self) -> None:
        """Ends what there is, and waits for it."""
        run = self._running
        if run is not None:
            run.end()
            run.join()

    def _file(self) -> ProfileFile:
        if self._path is None:  # one that ships: what is set goes to a copy, which is then used
            if self._own.exists():
                self._path = self._own
            else:
                return ProfileFile(self._engine.profile.path, self._own)
        return ProfileFile(self._path, None)

    def _leave(self, run: CalibrationRun) -> None:
        saved = run.saved
        if saved is not None:
            self._path = saved.path
            self._engine.change_profile(saved, self._make_life(saved))
        self._engine.take_board_back()
        self._engine.journal.tell("calibrated", "The calibration is over.")
        with self._lock:
            self._running = None


class CalibrationRun(threading.Thread):
    """One calibration, from `start` until `end` or the loss of the board.

    Attributes:
        state: How it stands; None until the board has answered.
        failure: What ended it, in words; empty if it was asked to.
        saved: The profile that was saved last.
    """

    def __init__(
        self,
        engine: Engine,
        find_board: Callable[[], Board],
        file: ProfileFile,
        leave: Callable[[CalibrationRun], None],
    ) -> None:
        super().__init__(name="calibration", daemon=True)
        self.state: m.Calibration | None = None
        self.failure = ""
        self.saved: HeadProfile | None = None
        self._engine = engine
        self._find_board = find_board
        self._file = file
        self._before = file.profile
        self._leave = leave
        self._wishes: SimpleQueue[Wish] = SimpleQueue()
        self._ending = threading.Event()
        self._heard = threading.Event()

    def alive(self) -> None:
        """Somebody is there."""
        self._heard.set()

    def wish(self, message: object) -> None:
        """What a message of CALIBRATE_WISHES asks for is done next. It is also a sign of life."""
        self._heard.set()
        if self._wishes.qsize() < MOST_WISHES:
            self._wishes.put(_wish_of(message))

    def end(self) -> None:
        """All servos limp; the board goes back."""
        self._ending.set()

    def run(self) -> None:
        """The thread."""
        try:
            self._engine.journal.tell("calibrates", "A calibration has the board.")
            self._engine.lend_board().result(LEND_S)
            self._calibrate(self._find_board())
        except (LipwrightError, FutureTimeoutError) as error:
            self.failure = str(error) or "the head does not let go of the board: try again."
            self._engine.journal.tell("lost", self.failure)
        finally:
            self._leave(self)

    def _calibrate(self, board: Board) -> None:
        session = Session(board, self._file)
        try:
            session.open()
            session.notice = "all servos are limp: choose one, and give it pulses."
            self._run(session, board.clock)
        except BaseException:
            with contextlib.suppress(LipwrightError):  # the board is lost: it lets go by itself
                session.stop()
            raise
        else:
            session.close()
        finally:
            if self._file.profile is not self._before:
                self.saved = self._file.profile
            session.drop()

    def _run(self, session: Session, clock: Clock) -> None:
        self._heard.set()
        heard_s = clock.now()
        while not self._ending.is_set():
            if self._heard.is_set():
                self._heard.clear()
                heard_s = clock.now()
            elif clock.now() - heard_s > DEAD_MAN_S and session.state != LIMP:
                session.let_go()
                session.notice = f"{session.servo.name} is limp: nothing is heard from the panel."
            session.step()
            self._do_wishes(session)
            self.state = _state_of(session)
            clock.sleep_until(clock.now() + FRAME_S)

    def _do_wishes(self, session: Session) -> None:
        while not self._ending.is_set():
            try:
                wish = self._wishes.get_nowait()
            except Empty:
                return
            try:
                wish(session)
            except CannotDo as error:
                session.notice = str(error)


def _wish_of(message: object) -> Wish:
    """What a message asks a session for."""
    if isinstance(message, m.Choose):
        return lambda session: _choose(session, message.servo)
    if isinstance(message, m.Move):
        return lambda session: session.move(message.by_us)
    if isinstance(message, m.SetSpeed):
        return lambda session: session.set_speed(message.ranges_s)
    if isinstance(message, m.SetHere):
        do = {"minimum": Session.set_minimum, "rest": Session.set_rest, "maximum": Session.set_maximum}
        return do[message.what]
    if isinstance(message, m.ShowMotion):
        show = {"range": Session.show_range, "rest": Session.show_rest, "speed": Session.show_speed}
        return show[message.what]
    plain: dict[type[object], Wish] = {
        m.Alive: lambda session: None,
        m.Power: Session.power,
        m.Limp: Session.let_go,
        m.Reverse: Session.invert,
        m.Halt: Session.halt,
        m.Undo: Session.undo,
        m.Save: Session.save,
    }
    return plain[type(message)]


def _choose(session: Session, servo: int) -> None:
    if servo >= len(session.settings.servos):
        raise CannotDo(f"there is no servo {servo}; the first is 0.")
    session.choose(servo)


def _state_of(session: Session) -> m.Calibration:
    low, high = reach(session.servo)
    settings = session.settings
    return m.Calibration(
        servos=tuple(
            m.ServoSetting(
                name=servo.name,
                min_us=servo.min_us,
                rest_us=round(servo.rest_us, 1),
                max_us=servo.max_us,
                inverted=servo.inverted,
                speed=servo.speed,
                changed=settings.is_changed(place),
            )
            for place, servo in enumerate(settings.servos)
        ),
        chosen=session.chosen,
        state=session.state,
        shows=session.shows,
        at_us=round(session.at_us, 1),
        goal_us=round(session.goal_us, 1),
        low_us=low,
        high_us=high,
        notice=session.notice[:1].upper() + session.notice[1:],
        unsaved=session.unsaved,
        file=str(session.file.path),
    )
