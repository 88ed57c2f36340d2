"""Sound goes in at any pace and comes out 20 ms at a time, for lips and speakers at once."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from lipwright.live.speech import MOST_LATE_S, MOST_WAITING_S, Speech

TONE = np.sin(np.arange(16000) * 2 * np.pi * 440 / 16000).astype(np.float32)


def taken(speech: Speech) -> tuple[np.ndarray, np.ndarray]:
    steps = []
    while (step := speech.take()) is not None:
        steps.append(step)
    return np.concatenate([s.mono for s in steps]), np.concatenate(
        [part for s in steps for _, part in s.played]
    )


@pytest.mark.parametrize("pieces", [1, 7, 333])
def test_the_lips_hear_the_same_however_the_sound_is_cut(pieces: int) -> None:
    speech = Speech("tone", 16000, 1, 48000)
    for piece in np.array_split(TONE, pieces):
        speech.push(piece)
    speech.finish()
    mono, played = taken(speech)
    assert np.array_equal(mono, TONE)
    assert played.shape == (48000, 2)


def test_what_is_played_is_in_step_with_what_the_lips_hear() -> None:
    speech = Speech("click", 44100, 2, 48000)
    click = np.zeros((44100, 2), np.float32)
    click[22050] = 1.0
    speech.push(click)
    speech.finish()
    mono, played = taken(speech)
    assert np.argmax(np.abs(mono)) / 16000 == pytest.approx(0.5, abs=0.0005)
    assert np.argmax(np.abs(played[:, 0])) / 48000 == pytest.approx(0.5, abs=0.0005)


def test_a_sender_that_is_late_makes_a_gap_and_loses_nothing() -> None:
    speech = Speech("slow", 16000, 1, 16000)
    speech.push(TONE[:320])
    assert not speech.take().is_gap
    gap = speech.take()
    assert gap.is_gap and not gap.mono.any() and not gap.played
    speech.push(TONE[320:640])
    after = speech.take()
    assert np.array_equal(after.mono, TONE[320:640])
    assert [number for number, _ in after.played] == [2]  # the gap was step 1
    assert speech.gaps == 1


def test_of_a_microphone_late_sound_is_dropped_and_never_raced_after() -> None:
    speech = Speech("microphone", 16000, 1, 16000, live=True)
    speech.push(TONE)
    step = speech.take()
    behind_s = speech.waiting_s + 0.020
    assert behind_s <= MOST_LATE_S + 0.021
    assert speech.dropped_s == pytest.approx(1.0 - behind_s, abs=0.001)
    assert np.array_equal(step.mono, TONE[-round(behind_s * 16000) :][:320])


def test_it_begins_with_enough_to_go_on_with_or_at_the_end_of_a_short_sound() -> None:
    speech = Speech("word", 16000, 1, 16000)
    speech.push(TONE[:320])
    assert not speech.has_begun
    speech.finish()
    assert speech.has_begun


def test_a_fast_sender_is_held_up_until_there_is_room() -> None:
    speech = Speech("fast", 16000, 1, 16000)
    while speech.has_room:
        speech.push(TONE)
    assert speech.waiting_s >= MOST_WAITING_S
    assert not speech.wait_for_room(0.01)
    waited = threading.Thread(target=speech.wait_for_room)
    waited.start()
    for _ in range(60):
        speech.take()
    waited.join(2)
    assert not waited.is_alive()


def test_a_sender_that_was_cancelled_is_neither_held_up_nor_heard() -> None:
    speech = Speech("gone", 16000, 1, 16000)
    speech.push(TONE)
    speech.cancel()
    before = speech.waiting_s
    speech.push(TONE)
    assert speech.waiting_s == before
    assert speech.wait_for_room(0) and speech.over.is_set()
