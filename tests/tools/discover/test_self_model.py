"""The self-model learns from two views what neither shows alone; its errors are those of unseen frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from liplab.discover.seen import POINTS, SELF_COMMANDS, Seen
from liplab.discover.self_model import HELD_OUT_SHARE, SelfModel, learn_self_model, seen_from, shapes

YAW_RAD = 0.45
CHANNELS, FRAMES, STEPS = 3, 1500, 220
SIDE, UP, FORWARD = range(3)  # what each channel moves
MM = 8.0


def truth(commands: np.ndarray) -> np.ndarray:
    """Points (n, 21, 3) of a head whose three motors move all lips to the side, up and ahead; 60 ms late."""
    asked = commands[:, -4] - 0.5
    return np.tile((MM * asked[:, None, [SIDE, FORWARD, UP]]), (1, POINTS, 1)).astype(np.float32)


def seen_at(yaw_rad: float, seed: int, noise_mm: float = 0.0, takes: int = 3) -> Seen:
    random = np.random.default_rng(seed)
    commands = random.random((FRAMES, SELF_COMMANDS, CHANNELS)).astype(np.float32)
    points = seen_from(torch.from_numpy(truth(commands)), yaw_rad).numpy()
    points = points + random.normal(0, noise_mm, points.shape).astype(np.float32)
    return Seen(commands, points, np.repeat(np.arange(takes), FRAMES // takes), yaw_rad)


def learned(front: Seen, second: Seen | None):
    return learn_self_model(front, second, seed=0, steps=STEPS, progress=None)


def test_two_views_tell_how_far_lips_go_forward() -> None:
    torch.set_num_threads(1)
    model, errors = learned(seen_at(0.0, 1), seen_at(YAW_RAD, 2))
    assert errors.front_mm < 0.5 and errors.second_mm is not None and errors.second_mm < 0.5
    commands = np.random.default_rng(3).random((200, SELF_COMMANDS, CHANNELS)).astype(np.float32)
    away = shapes(model, commands) - truth(commands)
    assert np.sqrt((away[..., [0, 2]] ** 2).mean()) < 0.4
    assert np.sqrt((away[..., 1] ** 2).mean()) < 0.8  # of a spread of 2.3 mm


def test_one_view_tells_nothing_of_forward_and_has_no_second_error() -> None:
    model, errors = learned(seen_at(0.0, 1), None)
    assert errors.second_mm is None and errors.front_mm < 0.5
    commands = np.random.default_rng(3).random((200, SELF_COMMANDS, CHANNELS)).astype(np.float32)
    forward = shapes(model, commands)[..., 1].mean(axis=1)
    assert np.abs(forward - truth(commands)[:, 0, 1]).mean() > 1.0


def test_errors_are_those_of_frames_that_were_not_learned_from() -> None:
    """What only happens at the end of every take cannot have been learned, and shows in the error."""
    front = seen_at(0.0, 1)
    moved = front.points.copy()
    for take in np.unique(front.take):
        frames = np.flatnonzero(front.take == take)
        moved[frames[len(frames) - int(HELD_OUT_SHARE * len(frames)) :], :, 0] += 2.0
    assert learned(replace(front, points=moved), None)[1].front_mm == pytest.approx(2.0, abs=0.35)


def test_noise_of_the_camera_is_in_the_error_and_not_in_the_model() -> None:
    model, errors = learned(seen_at(0.0, 1, noise_mm=0.6), None)
    assert errors.front_mm == pytest.approx(0.6 * np.sqrt(2), abs=0.25)
    commands = np.random.default_rng(3).random((200, SELF_COMMANDS, CHANNELS)).astype(np.float32)
    away = (shapes(model, commands) - truth(commands))[..., [0, 2]]
    assert np.sqrt((away**2).sum(axis=-1).mean()) < 0.7


def test_learning_goes_on_from_a_model_and_leaves_it_fixed() -> None:
    front = seen_at(0.0, 1)
    model, first = learn_self_model(front, None, seed=0, steps=40, progress=None)
    same, second = learn_self_model(front, None, seed=1, model=model, steps=150, progress=None)
    assert same is model and second.front_mm < first.front_mm
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_views_show_points_as_the_face_frame_counts_its_turn() -> None:
    points = torch.tensor([[[3.0, 2.0, 5.0]] * POINTS])
    assert seen_from(points, 0.0)[0, 0].tolist() == [3, 5]
    turned = seen_from(points, 0.5)[0, 0]
    assert turned[0] == pytest.approx(3 * np.cos(0.5) - 2 * np.sin(0.5), abs=1e-5) and turned[1] == 5
    assert SelfModel(4)(torch.zeros(2, 7, SELF_COMMANDS, 4)).shape == (2, 7, POINTS, 3)
