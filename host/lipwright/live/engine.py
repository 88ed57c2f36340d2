"""The head's own loop: 50 times a second a frame, whether it speaks or not, as long as there is a board.

Sound goes in as a `Speech`; its lips go to the board and its sound to the speakers, which play it as much
later as the models look ahead. Life (eyes, brows, neck) goes on all the time. A board that is lost is looked
for again; meanwhile the sound goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import numpy as np

from facewire import constants as wire
from lipwright.audio.features import STEP_S
from lipwright.clock import Clock, RealClock
from lipwright.errors import LipwrightError
from lipwright.face.life import Life
from lipwright.face.model import FaceModel
from lipwright.face.profile import HeadProfile
from lipwright.face.prosody import SILENCE, Prosody, ProsodyTracker
from lipwright.link import messages as m
from lipwright.link.board_link import BoardLink
from lipwright.link.plain_words import state_of
from lipwright.lips.model import ARTICULATION, LipModel
from lipwright.live.connector import Connector
from lipwright.live.journal import Journal
from lipwright.live.speech import Speech, Step
from lipwright.live.timeline import Timeline
from lipwright.live.voice import Voice
from lipwright.performance import Floats, Pose

# How long before its time a frame is sent. A talk wants to begin and to stop quickly: half of what
# `lipwright say` takes for a file, and still four ticks for a machine that is busy.
AHEAD_S = 0.070
# With a microphone, whose sound nobody delays: one step of the way to a frame must lie before it, and a tick.
LIVE_AHEAD_S = 0.030
# From the pose of a voice that ends, is cut off or gives way to another one to what comes next.
BLEND_S = 0.120
# A loop that was held up for longer than this does not run after what it has missed.
MOST_BEHIND_S = 0.5
# What is sent later than this before its time may come too late: the wire and a tick lie between.
LATEST_S = 0.012
SILENT_DB = -90.0
# The board says twice a second what it does; by then it says that it plays a show it was asked for.
SHOW_BEGINS_S = 1.5
SPEAKING = "speaking"
# States of the board that need no telling.
USUAL_STATES = (wire.EASING, wire.RESTING, wire.FOLLOWING, wire.HOLDING)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Snapshot:
    """What there is to see of a head at one moment."""

    time_s: float
    """Host time of the frame that was sent last."""
    connected: bool
    speaking: str
    """Name of the voice that is heard; empty while there is none."""
    live: bool
    """Whether that is a microphone."""
    level_db: float
    """Of the sound that was taken last, full scale 0."""
    ahead_ms: float
    """How long before its time the last frame was sent."""
    waiting_s: float
    """Sound that waits to be spoken."""
    targets: Floats
    """Shape (channels,), as sent last."""
    articulation: Floats
    """Shape (5,), what the lip model asked for last, in the order of `ARTICULATION`."""
    stopped: bool
    """Whether somebody has stopped the head, until `resume`."""


class Engine:
    """The loop, in a thread of its own between `start` and `close`; its methods serve any thread.

    Attributes:
        profile: The head that is driven.
        life: What moves besides the lips.
        journal: What has happened, for people.
        timeline: What the speakers are to play.
        link: The link to the board while there is one; the loop's own.
        started: Host time at which the last voice's first sample is heard.
        turned_s: Host time at which the loop went round last.
        show: Name of the show that the board plays, so that no frames are sent; empty while it plays none.
        on_step: Called in the loop's thread with every pose of a voice and the sound of its step; none after
            its last sound.
    """

    def __init__(
        self,
        profile: HeadProfile,
        connector: Connector | None,
        speaker_rate: int,
        *,
        clock: Clock | None = None,
        life: Life | None = None,
    ) -> None:
        """Without a connector, `adopt` brings the board. `speaker_rate`: of the sound card, in Hz."""
        self.profile = profile
        self.life = life or Life(profile)
        self.journal = Journal()
        self.timeline = Timeline(speaker_rate)
        self.link: BoardLink | None = None
        self.started = 0.0
        self.turned_s = 0.0
        self.on_step: Callable[[Pose, Step | None], object] | None = None
        self._connector = connector
        self._clock: Clock = clock or RealClock()
        self._lip_model = LipModel.load()
        self._face_model = FaceModel.load(profile)
        self._rest = np.asarray(profile.rest_targets(), np.float32)
        self._pose = self._rest
        self._blend_from = self._rest
        self._blend_left_s = 0.0
        self._articulation = np.zeros(len(ARTICULATION), np.float32)
        self._prosody = ProsodyTracker()
        self._voice: Voice | None = None
        self._coming: Speech | None = None
        self._interrupted = False
        self._mood = self.life.mood
        self._next_s = 0.0
        self._sent_s = 0.0
        self._level_db = SILENT_DB
        self._targets = self._rest
        self._stopped = False
        self._lent = False
        self.show = ""
        self._show_until_s = 0.0
        self._seen: tuple[int, int] | None = None
        self._jobs: SimpleQueue[tuple[Callable[[BoardLink | None], Any], Future[Any]]] = SimpleQueue()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    # ---- for anybody

    def speak(self, name: str, rate: int, channels: int = 1, *, live: bool = False) -> Speech:
        """Begins to speak: push the sound to what is returned. Whoever speaks now falls silent.

        `live`: the sound is that of a microphone; it is not played, and lips follow as fast as they can.
        """
        speech = Speech(name, rate, channels, self.timeline.rate, live)
        with self._lock:
            if self._coming is not None:
                self._coming.cancel()
            self._coming = speech
        return speech

    def interrupt(self) -> None:
        """Stops sound and mouth; the head stays alive."""
        with self._lock:
            if self._coming is not None:
                self._coming.cancel()
                self._coming = None
            self._interrupted = True

    def stop(self) -> None:
        """All servos limp at once, and silence, until `resume`."""
        self.interrupt()
        self._stopped = True
        if self._connector is not None and self.link is None:
            self._connector.pause()  # a board that is found is brought to rest, which moves it

        def stop_board(link: BoardLink | None) -> None:
            if link is not None:
                link.ask(m.Stop, m.Ack)
                link.request_status()

        self._jobs.put((stop_board, Future()))
        self.journal.tell("stopped", "Stopped: all servos are limp.")

    def resume(self) -> None:
        """After `stop`: the head goes to rest, and lives on."""

        def park(link: BoardLink | None) -> None:
            if link is not None:
                link.ask(m.Park, m.Ack)
            self._stopped = False

        self._jobs.put((park, Future()))
        if self._connector is not None and self.link is None and not self._lent:
            self._connector.resume()
        self.journal.tell("resumed", "Goes on after a stop.")

    def call(self, job: Callable[[BoardLink], Result]) -> Future[Result]:
        """Does something on the link between two frames, in the loop's thread.

        The result holds a LipwrightError where there is no board, or the board refuses.
        """

        def on_link(link: BoardLink | None) -> Result:
            if link is None:
                raise LipwrightError("there is no board at the moment: connect it, and try again.")
            return job(link)

        done: Future[Result] = Future()
        self._jobs.put((on_link, done))
        return done

    def lend_board(self) -> Future[None]:
        """Lets go of the board, for a calibration; `take_board_back` ends that."""

        def let_go(link: BoardLink | None) -> None:
            self._lent = True
            self._drop_link()
            if self._connector is not None:
                self._connector.pause()

        done: Future[None] = Future()
        self._jobs.put((let_go, done))
        return done

    def take_board_back(self) -> None:
        """Looks for the board again; after a stop, only from `resume` on."""
        self._lent = False
        if self._connector is not None and not self._stopped:
            self._connector.resume()

    def give_way(self, show: str) -> None:
        """Sends no frames, since the board plays a show; for a job of `call` that has it do so.

        That ends with the show, or when anybody speaks, interrupts or stops.
        """
        self._show_until_s = self._clock.now() + SHOW_BEGINS_S
        self.show = show

    def change_profile(self, profile: HeadProfile, life: Life) -> None:
        """Goes on with the same head, calibrated anew; while the board is lent."""

        def change(link: BoardLink | None) -> None:
            life.enabled, life.mood = self.life.enabled, self.life.mood
            self.profile, self.life = profile, life
            self._face_model = FaceModel.load(profile)
            self._rest = np.asarray(profile.rest_targets(), np.float32)
            if self._connector is not None:
                self._connector.profile = profile

        self._jobs.put((change, Future()))

    def snapshot(self) -> Snapshot:
        """What there is to see."""
        voice = self._voice
        return Snapshot(
            time_s=self._sent_s,
            connected=self.link is not None,
            speaking=voice.speech.name if voice else "",
            live=bool(voice and voice.speech.live),
            level_db=self._level_db,
            ahead_ms=round(1000 * self._ahead_s(), 1),
            waiting_s=voice.speech.waiting_s if voice else 0.0,
            targets=self._targets,
            articulation=self._articulation,
            stopped=self._stopped,
        )

    # ---- beginning and end

    def start(self) -> None:
        """Begins the loop in a thread of its own."""
        if self._connector is not None:
            self._connector.start()
        self._thread = threading.Thread(target=self._run, name="head", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Ends the loop; the link stays open."""
        self._closing = True
        if self._thread is not None:
            self._thread.join()

    def close(self) -> None:
        """Ends the loop and lets go of the board, which eases to rest and releases its servos by itself."""
        self.end()
        if self._connector is not None:
            self._connector.close()
        self._drop_link()

    def adopt(self, link: BoardLink) -> None:
        """Takes a link that is connected and at rest."""
        self.link = link
        self._stopped = False

    def _run(self) -> None:
        while not self._closing:
            self.turn()

    # ---- the loop

    def turn(self) -> None:
        """Waits for the next step, and does it."""
        now = self.turned_s = self._clock.now()
        if now - self._next_s > MOST_BEHIND_S:
            self._next_s = now
        voice = self._voice
        if voice is not None and voice.speech.live:
            # In step with the microphone: no sooner than it, and no later than need be.
            planned = self._next_s
            voice.speech.wait_for_step(planned + STEP_S / 2 - now)
            self._next_s = max(planned - STEP_S / 4, min(self._clock.now(), planned + STEP_S / 2))
        self._clock.sleep_until(self._next_s)
        self._meet_board()
        self._do_jobs()
        self._step(self._next_s)
        self._next_s += STEP_S

    def _step(self, now: float) -> None:
        self._change_voice()
        speech_pose, prosody = self._speak(now)
        pose = self._blended(speech_pose)
        at = now + self._ahead_s()
        targets = self.life.step(at, prosody, pose, self._articulation if self._voice else None)
        self._targets = targets
        self._pose = pose
        if self.link is None:
            return
        try:
            # A frame that would come too late is none; nor may one lie before the last, after a change of
            # what it is sent ahead by.
            silent = self._stopped or self.show
            if not silent and at > max(self._sent_s + STEP_S / 4, self._clock.now() + LATEST_S):
                self.link.send(targets, at)
                self._sent_s = at
            self.link.poll()
            self._watch(self.link)
        except LipwrightError as error:
            self._lose_link(str(error))

    def _ahead_s(self) -> float:
        return LIVE_AHEAD_S if self._voice is not None and self._voice.speech.live else AHEAD_S

    def _speak(self, now: float) -> tuple[Floats, Prosody]:
        """The pose that the voice asks for, rest where there is none, and how the voice sounds."""
        voice = self._voice
        if voice is None:
            self._level_db = SILENT_DB
            return self._rest, SILENCE
        said = voice.step()
        if said is None:
            self._end_voice()
            return self._rest, SILENCE
        pose, step = said
        if not voice.speech.live:
            # The pose of this sound time is reached `lead` before that time is heard.
            heard_s = now + AHEAD_S + self.profile.lead_ms / 1000 + voice.lookahead_s
            begin_s = heard_s - (voice.steps - 1) * STEP_S
            if voice.steps == 1:
                self.started = begin_s
            for number, samples in step.played if step is not None else ():
                self.timeline.put(begin_s + number * STEP_S, samples)
        elif voice.steps == 1:
            self.started = now - STEP_S
        self._articulation = pose.articulation
        if self.on_step is not None:
            self.on_step(pose, step)
        power = 0.0 if step is None else float(np.mean(np.square(step.mono)))
        self._level_db = max(SILENT_DB, 10 * np.log10(power + 1e-12))
        return pose.targets, self._prosody.step(pose.features)

    # ---- voices

    def _change_voice(self) -> None:
        with self._lock:
            interrupted, self._interrupted = self._interrupted, False
            coming = self._coming if self._coming is not None and self._coming.has_begun else None
            if coming is not None:
                self._coming = None
        if coming is not None and self._stopped:
            coming.cancel()
            self.journal.tell("silent", f"Not spoken, since the head is stopped: {coming.name}.")
        if interrupted or coming is not None:
            self.show = ""  # the next frame ends it on the board
        given_up = self._voice is not None and self._voice.speech.cancelled  # its sender has gone
        if self._voice is not None and (interrupted or given_up or coming is not None):
            self._cut_voice()
        if coming is not None and not coming.cancelled:
            self._voice = Voice(coming, self._lip_model, self._face_model, self.profile)
            self._prosody = ProsodyTracker()
            self._mood = self.life.mood if self.life.mood != SPEAKING else self._mood
            self.life.mood = SPEAKING
            self.journal.tell("speaks", f"Speaks: {coming.name}.")

    def _cut_voice(self) -> None:
        voice = self._voice
        assert voice is not None
        voice.speech.cancel()
        # The mouth still follows the frames that are under way; the sound ends with the last of them.
        self.timeline.cut(self._next_s - STEP_S + AHEAD_S)
        voice.speech.over.set()
        self._leave_voice()
        self.journal.tell("interrupted", f"Interrupted: {voice.speech.name}.")

    def _end_voice(self) -> None:
        voice = self._voice
        assert voice is not None
        voice.speech.over.set()
        self._leave_voice()

    def _leave_voice(self) -> None:
        self._voice = None
        self._blend_from = self._pose
        self._blend_left_s = BLEND_S
        if self.life.mood == SPEAKING:  # nobody has asked for another one meanwhile
            self.life.mood = self._mood

    def _blended(self, pose: Floats) -> Floats:
        if self._blend_left_s <= 0:
            return pose
        self._blend_left_s -= STEP_S
        share = np.float32(max(0.0, self._blend_left_s) / BLEND_S)
        share = share * share * (3 - 2 * share)
        blended: Floats = share * self._blend_from + (1 - share) * pose
        return blended

    # ---- the board

    def _meet_board(self) -> None:
        if self.link is None and self._connector is not None:
            found = self._connector.take()
            if found is not None:
                self.adopt(found)
                self.journal.tell("connected", f"Connected to {self._connector.name}.")
            else:
                self._connector.report(self.journal)

    def _lose_link(self, why: str) -> None:
        self._drop_link()
        self.journal.tell("lost", why)
        if self._connector is not None and not self._stopped:
            self._connector.look()

    def _drop_link(self) -> None:
        self.show = ""
        if self.link is not None:
            self.link.__exit__()
            self.link = None

    def _watch(self, link: BoardLink) -> None:
        """Tells when the board gets into another state, but for the common ones of a head that lives."""
        status = link.status
        seen = (status.state, status.cause)
        if seen != self._seen and status.state not in USUAL_STATES:
            self.journal.tell("board", f"The board: {state_of(status)}.")
        self._seen = seen
        if self.show and self._clock.now() > self._show_until_s and status.state != wire.FOLLOWING:
            self.show = ""

    def _do_jobs(self) -> None:
        while True:
            try:
                job, done = self._jobs.get_nowait()
            except Empty:
                return
            try:
                done.set_result(job(self.link))
            except Exception as error:  # whatever is wrong with the job, the head goes on
                done.set_exception(error)
