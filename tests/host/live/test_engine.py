"""The head's loop on the real firmware, in virtual time: what is spoken, cut off, stopped and lost."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from facewire import constants as wire
from liplab.board import SimulatedBoard
from lipwright import resources
from lipwright.audio.decode import Sound, open_sound
from lipwright.audio.features import STEP_S
from lipwright.errors import LipwrightError
from lipwright.face.life import Life
from lipwright.face.model import FaceModel
from lipwright.face.profile import load_profile
from lipwright.link.board_link import BoardLink
from lipwright.lips.model import LipModel
from lipwright.live.engine import AHEAD_S, Engine
from lipwright.live.speech import Speech
from lipwright.performance import Performer, poses_of

PROFILE = load_profile()
MOUTH = slice(0, 11)
RATE = 48000


class Stage:
    """An engine on a board in virtual time, and what it has sent."""

    def __init__(self, board: SimulatedBoard, alive: bool = False) -> None:
        self.board = board
        life = Life(PROFILE, seed=1)
        life.enabled = alive
        self.engine = Engine(PROFILE, None, RATE, clock=board.clock, life=life)
        self.link = BoardLink(board, PROFILE)
        self.link.connect()
        self.engine.adopt(self.link)
        self.sent: list[tuple[float, np.ndarray]] = []
        self.poses: list[np.ndarray] = []
        self.engine.on_step = lambda pose, step: self.poses.append(pose.targets)
        send = self.link.send

        def noting(targets: np.ndarray, at: float) -> None:
            self.sent.append((at, np.array(targets)))
            send(targets, at)

        self.link.send = noting  # type: ignore[method-assign]

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP_S)):
            self.engine.turn()

    def speak(self, sound: Sound, name: str = "test", live: bool = False) -> Speech:
        speech = self.engine.speak(name, sound.original_rate, live=live)
        for block in sound.original_blocks(4096):
            speech.push(block)
        speech.finish()
        return speech

    def until_over(self, speech: Speech) -> None:
        while not speech.over.is_set():
            self.engine.turn()


@pytest.fixture
def stage() -> Iterator[Stage]:
    with SimulatedBoard(virtual=True) as board:
        stage = Stage(board)
        yield stage
        stage.engine.close()


@pytest.fixture(scope="module")
def sentence() -> Sound:
    return open_sound(resources.shipped_clip())


def test_a_stream_has_the_lips_of_the_file(stage: Stage, sentence: Sound) -> None:
    stage.until_over(stage.speak(sentence))
    performer = Performer(LipModel.load(), FaceModel.load(PROFILE), PROFILE)
    expected = [pose.targets for pose in poses_of(sentence, performer, lambda heard_s: None)]
    assert np.array_equal(stage.poses[: len(expected)], expected)
    status = stage.link.request_status()
    assert sum(status.drops) == 0


def test_lips_move_and_sound_is_heard_within_a_quarter_of_a_second(stage: Stage, sentence: Sound) -> None:
    stage.run(0.5)
    begin = stage.board.clock.now()
    rest = stage.sent[-1][1]
    stage.until_over(stage.speak(sentence))
    moved = next(at for at, targets in stage.sent if at > begin and np.abs(targets - rest).max() > 0.01)
    assert moved - begin <= 0.25
    assert stage.engine.started - begin <= 0.30


def test_every_pose_is_reached_a_servo_lag_before_its_sound_is_heard(stage: Stage, sentence: Sound) -> None:
    stage.run(0.5)
    first = len(stage.sent)
    stage.until_over(stage.speak(sentence))
    performer = Performer(LipModel.load(), FaceModel.load(PROFILE), PROFILE)
    for k, pose in enumerate(poses_of(sentence, performer, lambda heard_s: None)):
        at, targets = stage.sent[first + k]
        assert at == pytest.approx(stage.engine.started + pose.time_s - PROFILE.lead_ms / 1000, abs=1e-6)
        if k > 10:  # the first blend with what was before
            assert targets == pytest.approx(pose.targets, abs=1e-6)


def test_an_interruption_stops_mouth_and_sound_together_within_a_tenth_of_a_second(
    stage: Stage, sentence: Sound
) -> None:
    speech = stage.speak(sentence)
    stage.run(2.0)
    asked = stage.board.clock.now()
    stage.engine.interrupt()
    stage.run(1.0)
    assert speech.over.is_set() and speech.cancelled
    last_spoken = max(
        at for at, targets in stage.sent if any(np.array_equal(targets, p) for p in stage.poses)
    )
    assert last_spoken - asked <= 0.100
    assert stage.engine.timeline.ends_s - asked <= 0.100
    assert stage.sent[-1][1] == pytest.approx(PROFILE.rest_targets(), abs=1e-6)
    assert stage.link.status.state == wire.FOLLOWING


def test_the_newer_of_two_voices_takes_over(stage: Stage, sentence: Sound) -> None:
    first = stage.speak(sentence, "one")
    stage.run(1.0)
    second = stage.speak(sentence, "two")
    stage.run(0.1)
    assert first.cancelled and not second.cancelled
    assert stage.engine.snapshot().speaking == "two"
    stage.until_over(second)
    steps = np.abs(np.diff([targets for _, targets in stage.sent], axis=0)).max(axis=0)
    assert steps.max() < 0.5  # no jump


def test_a_microphone_is_followed_faster_than_speech_that_is_delayed(stage: Stage, sentence: Sound) -> None:
    samples = np.concatenate(list(sentence.original_blocks(4096)))[:, 0]
    assert sentence.original_rate == 16000
    speech = stage.engine.speak("microphone", 16000, live=True)
    ats = []
    for k in range(150):
        captured = stage.board.clock.now()
        speech.push(samples[320 * k : 320 * (k + 1)])
        stage.engine.turn()
        ats.append(stage.sent[-1][0] - captured)
    # The pose of that frame is of the moment 80 ms (the lip model's look-ahead) before the step, which
    # itself began 20 ms before it was captured whole.
    assert np.percentile(ats, 95) + 0.080 + 0.020 <= 0.160


def test_the_head_lives_on_when_nobody_speaks() -> None:
    with SimulatedBoard(virtual=True) as board:
        stage = Stage(board, alive=True)
        stage.run(8.0)
        moved = np.ptp([targets for _, targets in stage.sent], axis=0)
        assert moved[11:].max() > 0.2 and moved[MOUTH].max() < 0.02
        assert stage.link.status.state == wire.FOLLOWING
        stage.engine.close()


def test_a_stop_holds_until_it_is_taken_back(stage: Stage, sentence: Sound) -> None:
    stage.speak(sentence)
    stage.run(1.0)
    stage.engine.stop()
    stage.run(0.5)
    assert stage.link.request_status().state == wire.STOPPED
    assert stage.engine.snapshot().stopped and not stage.engine.snapshot().speaking
    refused = stage.speak(sentence)
    stage.run(0.1)
    assert refused.over.is_set() and not stage.engine.snapshot().speaking
    stage.engine.resume()
    stage.run(6.0)
    assert stage.link.request_status().state == wire.FOLLOWING


def test_jobs_are_done_on_the_link_and_say_what_went_wrong(stage: Stage) -> None:
    asked = stage.engine.call(lambda link: link.info.board)
    stage.run(0.04)
    assert asked.result(0)
    stage.engine._lose_link("gone")
    refused = stage.engine.call(lambda link: link.info.board)
    stage.run(0.04)
    with pytest.raises(LipwrightError, match="no board"):
        refused.result(0)


def test_without_a_board_the_sound_goes_on(stage: Stage, sentence: Sound) -> None:
    stage.engine._lose_link("gone")
    speech = stage.speak(sentence)
    stage.until_over(speech)
    assert stage.engine.timeline.ends_s > stage.engine.started + sentence.duration_s
    assert [entry.kind for entry in stage.engine.journal.since(0)][:2] == ["lost", "speaks"]


def test_a_loop_that_was_held_up_sends_nothing_late(stage: Stage, sentence: Sound) -> None:
    stage.speak(sentence)
    stage.run(1.0)
    clock = stage.board.clock
    clock.sleep_until(clock.now() + 0.3)
    stage.run(2.0)
    status = stage.link.request_status()
    assert status.late == 0
    assert AHEAD_S > 0.06
