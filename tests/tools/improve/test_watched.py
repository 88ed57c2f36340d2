"""What was watched becomes goals; who is held out stays held out, whoever else comes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from liplab.improve.watched import CLOSED, split, watched
from liplab.watch.store import Store
from lipwright.errors import LipwrightError


def test_lips_lie_on_the_steps_of_the_model(store: Store) -> None:
    clips = watched(store.entries())
    assert len(clips) == 12 and {clip.person for clip in clips} >= {"anna", "kim"}
    for clip in clips:
        steps = len(clip.features)
        assert clip.lips.shape == (steps, 3) and clip.seen.shape == clip.open.shape == (steps,)
        assert np.isfinite(clip.lips).all() and clip.seen.mean() > 0.9
        assert clip.lips[clip.closures > 0, 0].max(initial=0) <= CLOSED
        assert not clip.open[clip.closures > 0].any()
        assert set(clip.closures) == set(range(clip.closures.max() + 1))
    assert clips[2].tags == ("whispered",)


def test_persons_who_are_held_out_stay_so(store: Store) -> None:
    clips = watched(store.entries())
    parted = split(clips)
    assert parted.by_person
    held = {clip.person for clip in parted.held}
    assert held and not held & {clip.person for clip in parted.taught}
    more = [*clips, *(replace(clip, person=f"guest {number}") for number, clip in enumerate(clips))]
    assert held <= {clip.person for clip in split(more).held}
    assert not held & {clip.person for clip in split(more).taught}


def test_of_one_person_clips_are_held_out(store: Store) -> None:
    clips = [replace(clip, person="anna") for clip in watched(store.entries())] * 2
    clips = [replace(clip, name=f"clip {number}") for number, clip in enumerate(clips)]
    parted = split(clips)
    assert not parted.by_person
    assert not {clip.name for clip in parted.held} & {clip.name for clip in parted.taught}
    assert len(parted.held) + len(parted.taught) == len(clips)


def test_too_little_is_said_with_what_to_do(store: Store) -> None:
    with pytest.raises(LipwrightError, match="Watch more videos"):
        split(watched(store.entries())[:4])
    with pytest.raises(LipwrightError, match="Too little"):
        split([])
