"""What the lip network is taught to care about.

The squared error of the articulation alone would make a mouth that is right on average and flat: half
closed where it is not sure. Beside it stand the events that people see. An event counts as a whole, at the
step where it is reached best: whether a stop is a p or a t is often heard only when it bursts, and a
network that is asked to close from the first step of every p closes on every t as well.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from liplab.lips.code import LipCode, part_weights
from liplab.lips.dataset import MOST_EVENTS, Batch
from liplab.lips.labels import UNKNOWN
from liplab.lips.network import Heard

CODE_WEIGHT = 0.05  # the code itself: the one that the asked articulation has on babbled lips
SPEED_WEIGHT = 3.0  # of the change from step to step, so that movements stay sharp
# Weights of an event, against a step's squared error, and what its best step must reach.
CLOSURE_WEIGHT = 60.0
CLOSED = -0.03
TUCK_WEIGHT = 14.0
TUCKED = 0.7
PUCKER_WEIGHT = 8.0
# Of every step at which a closure would be a false one: the aperture must be at least AJAR.
OPEN_WEIGHT = 25.0
AJAR = 0.12
# Of the spread of each part over a crop, which must not fall below the asked one's.
SPREAD_WEIGHT = 2.0
# Taught to the trunk only: the odds of each event at each step, and the class of the phone.
ODDS_WEIGHT = 0.15
PHONE_WEIGHT = 0.15
PHONE_SMOOTHING = 0.1  # the times of phones are good to a step or so
PRESSED = -0.03  # asked apertures below this are closures to the gates
TUCKING = 0.5  # asked tucks above this are tucks
PUCKERING = 0.5  # asked rounding and narrowness above this are puckers

# Of a teacher's answers: articulation, odds and phones, each weighed as the phones' own are.
TAUGHT_WEIGHT = 1.0

APERTURE, WIDTH, ROUNDING, TUCK = 0, 1, 2, 4
CLOSURE_EVENT, TUCK_EVENT, PUCKER_EVENT = 0, 1, 2


def loss(code: LipCode, batch: Batch, heard: Heard) -> torch.Tensor:
    """The training loss of what the network heard in a batch, per step that counts."""
    asked, got, counts = batch.articulation, heard.articulation, batch.counts
    weights = part_weights(got.device)
    error = (weights * (got - asked) ** 2).sum(dim=-1)
    with torch.no_grad():
        asked_code = code.code_of(asked)
    error = error + CODE_WEIGHT * ((heard.code - asked_code) ** 2).sum(dim=-1)
    error = error + OPEN_WEIGHT * batch.open * torch.relu(AJAR - got[..., APERTURE]) ** 2
    error = error + ODDS_WEIGHT * _odds_error(asked, heard.event_odds)
    error = error + PHONE_WEIGHT * _phone_error(batch.phone, heard.phone_scores)
    speed = (weights * (got.diff(dim=1) - asked.diff(dim=1)) ** 2).sum(dim=-1)
    total = (error * counts).sum() + SPEED_WEIGHT * (speed * counts[:, 1:]).sum()
    return (total + _events_error(batch, got) + _spread_error(batch, got)) / counts.sum()


def taught_loss(batch: Batch, heard: Heard, taught: Heard) -> torch.Tensor:
    """How far the network stays from what a teacher heard in the same speech, per step that counts."""
    weights = part_weights(batch.counts.device)
    apart = heard.articulation - taught.articulation
    error = (weights * apart**2).sum(dim=-1)
    odds = torch.sigmoid(taught.event_odds)
    error = error + ODDS_WEIGHT * functional.binary_cross_entropy_with_logits(
        heard.event_odds, odds, reduction="none"
    ).sum(dim=-1)
    phones = torch.softmax(taught.phone_scores, dim=-1)
    error = error - PHONE_WEIGHT * (phones * torch.log_softmax(heard.phone_scores, dim=-1)).sum(dim=-1)
    speed = (weights * apart.diff(dim=1) ** 2).sum(dim=-1)
    total = (error * batch.counts).sum() + SPEED_WEIGHT * (speed * batch.counts[:, 1:]).sum()
    return TAUGHT_WEIGHT * total / batch.counts.sum()


def _odds_error(asked: torch.Tensor, odds: torch.Tensor) -> torch.Tensor:
    events = torch.stack(
        [
            asked[..., APERTURE] < PRESSED,
            asked[..., TUCK] > TUCKING,
            (asked[..., ROUNDING] > PUCKERING) & (asked[..., WIDTH] < -PUCKERING),
        ],
        dim=-1,
    )
    return functional.binary_cross_entropy_with_logits(odds, events.float(), reduction="none").sum(dim=-1)


def _phone_error(phone: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    error = functional.cross_entropy(
        scores.flatten(0, 1),
        phone.flatten(),
        ignore_index=UNKNOWN,
        label_smoothing=PHONE_SMOOTHING,
        reduction="none",
    )
    return error.view_as(phone)


def _events_error(batch: Batch, got: torch.Tensor) -> torch.Tensor:
    """How far each event stays from its goal where it comes nearest."""
    asked = batch.articulation
    # A pucker is as deep as the phone asks for, in width and rounding at the same step.
    pucker = torch.minimum(got[..., ROUNDING] - asked[..., ROUNDING], asked[..., WIDTH] - got[..., WIDTH])
    return (
        CLOSURE_WEIGHT * _missed(batch, CLOSURE_EVENT, -got[..., APERTURE], -CLOSED)
        + TUCK_WEIGHT * _missed(batch, TUCK_EVENT, got[..., TUCK], TUCKED)
        + PUCKER_WEIGHT * _missed(batch, PUCKER_EVENT, pucker, 0.0)
    )


def _missed(batch: Batch, column: int, reached: torch.Tensor, goal: float) -> torch.Tensor:
    """Squared distances to the goal of each event of a kind, at its best step, added up."""
    numbers = torch.where(batch.counts > 0, batch.event[..., column], 0)
    most = reached.new_full((len(numbers), MOST_EVENTS + 1), -torch.inf)
    most = most.scatter_reduce(1, numbers, reached, "amax")[:, 1:]  # column 0: steps without an event
    return torch.relu(goal - torch.where(most > -torch.inf, most, goal)).square().sum()


def _spread_error(batch: Batch, got: torch.Tensor) -> torch.Tensor:
    """How much narrower each part moves than asked, in each crop; in units of the whole crop's steps."""
    counts = batch.counts[..., None]
    total = counts.sum(dim=1).clamp(min=1)

    def spread(track: torch.Tensor) -> torch.Tensor:
        mean = (track * counts).sum(dim=1, keepdim=True) / total[:, None]
        variance = ((track - mean).square() * counts).sum(dim=1) / total
        return torch.sqrt(variance + 1e-6)

    narrower = torch.relu(spread(batch.articulation) - spread(got)).square()
    weights = part_weights(got.device)
    return SPREAD_WEIGHT * (weights * narrower * total).sum()
