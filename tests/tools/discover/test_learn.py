"""The face model learns through the self-model: right moments, right limits, and already in a few steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from liplab.discover import learn
from liplab.discover.asked import Asked, Asker
from liplab.discover.learn import BATCH, FRAMES, Cost, Draws, Limits, lead_frames, learn_face
from liplab.discover.plan import FRAME_S, Planner
from liplab.discover.seen import Seen
from liplab.discover.self_model import learn_self_model, shapes
from liplab.discover.shape import gaps_mm
from liplab.discover.transformer import CODES_AHEAD, CODES_BEFORE, COMMANDS_BEFORE
from lipwright.face.profile import Collision, HeadProfile


def ramp(steps: int) -> Asked:
    """A stream in which everything grows by 1 a step."""
    t = np.arange(steps, dtype=np.float32)
    return Asked(
        t[:, None].repeat(8, 1),
        np.broadcast_to(t[:, None, None], (steps, 20, 3)).copy(),
        t[:, None].repeat(5, 1),
    )


@pytest.mark.parametrize("lead", [0.0, 2.0, 2.25, 3.7])
def test_lips_shown_with_a_command_are_those_asked_its_lead_before(
    lead: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learn, "CODE_NOISE", 0.0)
    monkeypatch.setattr(learn, "SOFTEST", 1.0)
    torch.manual_seed(1)
    codes, lips, parts = Draws([ramp(400)], np.zeros(8, np.float32), lead).draw()
    assert codes.shape == (BATCH, FRAMES + CODES_BEFORE + CODES_AHEAD, 8)
    assert lips.shape == (BATCH, FRAMES, 20, 3) and parts.shape == (BATCH, FRAMES, 5)
    now = codes[:, CODES_BEFORE : CODES_BEFORE + FRAMES, 0]  # the code of each command's own moment
    sure = (now > lead + 3) & (now < 400 - 2)  # away from the ends of the stream
    assert sure.float().mean() > 0.8
    for shown in (lips[..., 7, 2], parts[..., 3]):
        assert shown[sure].numpy() == pytest.approx((now - lead)[sure].numpy(), abs=1e-3)


def test_softened_codes_come_with_lips_as_soft(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learn, "CODE_NOISE", 0.0)
    monkeypatch.setattr(learn, "BLUR_MOST", 0.0)
    torch.manual_seed(1)
    codes, lips, _ = Draws([ramp(400)], np.zeros(8, np.float32), 0.0).draw()
    now = codes[:, CODES_BEFORE : CODES_BEFORE + FRAMES, 0]
    assert lips[..., 0, 0].numpy() == pytest.approx(now.numpy(), abs=1e-3)
    steps = (now[:, -1] - now[:, -2]).numpy()
    assert steps.min() < 0.9 and steps.max() <= 1.001 and steps.min() >= learn.SOFTEST - 1e-3


def test_a_head_that_lags_gets_its_commands_earlier(reference: HeadProfile) -> None:
    slow, quick = (lead_frames(replace(reference, lead_ms=ms)) for ms in (80, 40))
    assert slow - quick == pytest.approx(0.04 / FRAME_S)
    assert quick < 0.04 / FRAME_S  # lips shall rather be early


def test_limits_of_a_mouth_among_other_channels(reference: HeadProfile) -> None:
    jaw, lower, eye = (reference.index(name) for name in ("jaw", "lower_lip_mid", "eye_left_pan"))
    collisions = (Collision((eye, lower, jaw), (3.0, 2.0, -4.0), 2.0), Collision((eye,), (1.0,), 1.0))
    shuffled = replace(
        reference,
        channels=(*reference.channels[11:20], *reference.channels[:11], *reference.channels[20:]),
        collisions=tuple(
            Collision(tuple((c + 9) if c < 11 else (c - 11) for c in pair.channels), pair.weights, pair.most)
            for pair in collisions
        ),
    )
    limits = Limits.of(shuffled)
    mouth, rest = shuffled.indices("mouth"), shuffled.rest_targets()
    assert limits.rest.numpy() == pytest.approx(rest[mouth])
    assert limits.most.numpy() == pytest.approx([shuffled.channels[k].speed * FRAME_S for k in mouth])
    assert limits.weights.shape == (1, 11)  # what the mouth has no part in is left out
    targets = np.tile(rest, (500, 1))
    targets[:, mouth] = np.random.default_rng(1).random((500, 11))
    pair = shuffled.collisions[0]
    broken = targets[:, pair.channels] @ np.array(pair.weights) > pair.most
    over = torch.from_numpy(targets[:, mouth]).float() @ limits.weights.T > limits.sums
    assert 0.05 < broken.mean() < 0.95
    assert (over[:, 0].numpy() == broken).all()


def test_a_head_without_collisions_has_limits_too(skull: HeadProfile) -> None:
    limits = Limits.of(skull)
    assert limits.weights.shape == (0, 1) and limits.sums.shape == (0,)


def test_the_gap_is_that_between_facing_points() -> None:
    lips = torch.zeros(20, 3)
    lips[1:10, 2] = torch.arange(9.0)
    lips[11:20, 2] = -1.0
    assert gaps_mm(lips).tolist() == [1 + k for k in range(9)]


@pytest.fixture(scope="module")
def seen(physics, six_servos: HeadProfile) -> tuple[Seen, Seen]:
    """A babble of the six-servo mouth as perfect eyes see it from the front and aside."""
    take = Planner(six_servos, None, 3).babble(30.0)
    return physics(six_servos, take), physics(six_servos, take, yaw_rad=0.5)


def test_a_few_steps_already_speak_better_than_rest(seen: tuple[Seen, Seen], six_servos: HeadProfile) -> None:
    torch.set_num_threads(1)
    model, _ = learn_self_model(*seen, seed=0, steps=200, progress=None)
    asker = Asker(20.0)
    training, held_out = asker.streams()
    lead = lead_frames(six_servos)
    limits, losses = Limits.of(six_servos), []
    network = learn_face(
        Draws(training, asker.rest_code, lead),
        model,
        limits,
        six_servos.articulation.aperture_mm,
        True,
        False,
        seed=0,
        steps=30,
        report=lambda _, loss: losses.append(loss),
        progress=None,
    )
    assert len(losses) == 30 and np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    torch.manual_seed(5)
    codes, lips, parts = Draws(held_out, asker.rest_code, lead).draw()
    with torch.no_grad():
        given = network.rollout(codes, limits.rest.expand(BATCH, COMMANDS_BEFORE, 6))
    assert given.shape == (BATCH, FRAMES, 6)
    rest = limits.rest.expand_as(given)
    cost = Cost(model, limits, six_servos.articulation.aperture_mm, True, False)
    assert cost(given, lips, parts) < 0.6 * cost(rest, lips, parts)
    windows = given.clamp(0, 1).unfold(1, 6, 1).transpose(2, 3).flatten(0, 1).numpy()
    gap = gaps_mm(torch.from_numpy(shapes(model, windows)[:, :20])).amax(dim=-1)
    assert np.corrcoef(gap.numpy(), parts[:, 5:, 0].flatten().numpy())[0, 1] > 0.6


def test_what_breaks_a_limit_costs_more(seen: tuple[Seen, Seen], six_servos: HeadProfile) -> None:
    model, _ = learn_self_model(*seen, seed=0, steps=30, progress=None)
    limits = Limits.of(six_servos)
    unlimited = replace(limits, weights=limits.weights[:0], sums=limits.sums[:0])
    jammed = six_servos.rest_targets()
    lower, upper = six_servos.index("lower_lip"), six_servos.index("upper_lip")
    jammed[lower], jammed[upper] = 1.0, 0.0
    given = torch.from_numpy(jammed).expand(2, 30, 6)
    asked = torch.zeros(2, 30, 20, 3), torch.zeros(2, 30, 5)
    costs = [Cost(model, kept, 20.0, True, False)(given, *asked) for kept in (limits, unlimited)]
    assert costs[0] > costs[1] + 1
    allowed = torch.from_numpy(six_servos.rest_targets()).expand(2, 30, 6)
    costs = [Cost(model, kept, 20.0, True, False)(allowed, *asked) for kept in (limits, unlimited)]
    assert costs[0] == costs[1]
    # Without a view that shows depth, lips that were asked ahead cost nothing.
    ahead = asked[0].clone()
    ahead[..., 1] = 9.0
    blind = Cost(model, limits, 20.0, False, False)
    assert blind(allowed, ahead, asked[1]) == blind(allowed, *asked)
    assert (
        Cost(model, limits, 20.0, True, False)(allowed, ahead, asked[1]) > blind(allowed, ahead, asked[1]) + 5
    )


def test_eyes_that_cannot_see_closed_lips_close_with_the_commands_of_rest(
    seen: tuple[Seen, Seen], six_servos: HeadProfile
) -> None:
    model, _ = learn_self_model(*seen, seed=0, steps=30, progress=None)
    limits = Limits.of(six_servos)
    strained = (limits.rest + 0.1).clamp(0, 1).expand(2, 30, 6)
    lips, parts = torch.zeros(2, 30, 20, 3), torch.zeros(2, 30, 5)
    opened = parts.clone()
    opened[..., 0] = 0.5
    extra = [
        Cost(model, limits, 20.0, True, True)(strained, lips, asked)
        - Cost(model, limits, 20.0, True, False)(strained, lips, asked)
        for asked in (parts, opened)
    ]
    assert extra[0] > 1.0 and extra[1] < 0.1 * extra[0]
