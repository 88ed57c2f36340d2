"""What the network is taught to care about: events before averages."""

import numpy as np
import pytest
import torch

from liplab.lips.code import LipCode
from liplab.lips.dataset import Batch
from liplab.lips.labels import CLASS_COUNT, labels
from liplab.lips.loss import loss, taught_loss
from liplab.lips.network import Heard
from liplab.scores import Phone

STEPS = 60
SAID = [
    Phone("a", 0, 0.4),
    Phone("p", 0.4, 0.5),
    Phone("a", 0.5, 0.8),
    Phone("n", 0.8, 0.9),
    Phone("a", 0.9, 1.2),
]


@pytest.fixture(scope="module")
def code():
    torch.manual_seed(0)
    return LipCode(60).eval()


@pytest.fixture(scope="module")
def batch():
    asked = labels(SAID, np.full((STEPS, 5), np.nan, np.float32))
    arrays = (
        np.zeros((STEPS, 160), np.float32), np.zeros((STEPS, 160), np.float32),
        asked.articulation.astype(np.float32),
        asked.phone.astype(np.int64),
        asked.event.astype(np.int64), asked.open.astype(np.float32), np.ones(STEPS, np.float32),
    )  # fmt: skip
    return Batch(*(torch.from_numpy(array)[None] for array in arrays))


def cost(code, batch, aperture):
    got = batch.articulation.clone()
    got[0, :, 0] = torch.as_tensor(aperture)
    odds, scores = torch.zeros(1, STEPS, 3), torch.zeros(1, STEPS, CLASS_COUNT)
    return loss(code, batch, Heard(code.code_of(batch.articulation), got, odds, scores)).item()


def asked_aperture(batch):
    return batch.articulation[0, :, 0].clone()


def test_a_closure_that_comes_late_costs_much_less_than_one_that_is_missed(code, batch):
    late, missed = asked_aperture(batch), asked_aperture(batch)
    late[18:23] = 0.2  # whether it was a p is heard when it bursts
    late[23:25] = -0.05
    missed[18:26] = 0.2
    missed[26:27] = 0.2
    perfect = cost(code, batch, asked_aperture(batch))
    assert perfect < cost(code, batch, late) < cost(code, batch, missed)
    assert cost(code, batch, missed) - perfect > 1.5 * (cost(code, batch, late) - perfect)


def test_closing_on_an_n_costs_more_than_opening_as_far_too_wide(code, batch):
    asked = asked_aperture(batch)
    shut, wide = asked.clone(), asked.clone()
    shut[40:45] = 0.0
    wide[40:45] = 2 * asked[40:45]
    assert cost(code, batch, shut) > cost(code, batch, wide)


def test_a_flat_mouth_costs_more_than_its_error_alone(code, batch):
    asked = asked_aperture(batch)
    noise = torch.from_numpy(np.random.default_rng(0).normal(0, 1, STEPS).astype(np.float32))
    flat = asked.mean() + 0.7 * (asked - asked.mean())
    lively = asked + noise * (flat - asked).square().mean().sqrt()
    open_step = batch.open[0] > 0
    flat[~open_step] = lively[~open_step] = asked[~open_step]  # closures are another matter
    spread = [cost(code, batch, track) for track in (flat, asked)]
    assert spread[0] > spread[1]


def test_what_a_teacher_heard_costs_nothing_to_say_and_more_the_farther_away(code, batch):
    got = batch.articulation + 0.1
    odds, scores = torch.randn(1, STEPS, 3), torch.randn(1, STEPS, CLASS_COUNT)
    taught = Heard(code.code_of(got), got, odds, scores)
    same = taught_loss(batch, taught, taught).item()
    farther = [
        taught_loss(batch, taught._replace(articulation=got + way), taught).item() for way in (0.1, 0.2)
    ]
    assert same < farther[0] < farther[1]
    assert taught_loss(batch, taught._replace(event_odds=odds + 2), taught).item() > same
    assert taught_loss(batch, taught._replace(phone_scores=-scores), taught).item() > same


def test_steps_that_do_not_count_change_nothing(code, batch):
    blind = batch._replace(counts=torch.cat([torch.zeros(1, 30), torch.ones(1, 30)], dim=1))
    track = asked_aperture(batch)
    changed = track.clone()
    changed[:29] = 0.9
    assert cost(code, blind, changed) == pytest.approx(cost(code, blind, track))
