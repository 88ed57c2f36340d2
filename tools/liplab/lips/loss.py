"""What the lip network is taught to care about.

The squared error of the articulation alone would make a mouth that is right on average and flat: half
closed where it is not sure. Beside it stand the events that people see. An event counts as a whole, at the
step where it is reached best: whether a stop is a p or a t is often heard only when it bursts, and a
network that is asked to close from the first step of every p closes on every t as well.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from liplab.lips.code import PART_WEIGHTS, LipCode
from liplab.lips.dataset import Batch
from liplab.lips.labels import UNKNOWN
from liplab.lips.network import Heard

CODE_WEIGHT = 0.05  # the code itself: the one that the asked articulation has on babbled lips
SPEED_WEIGHT = 3.0  # of the change from step to step, so that movements stay sharp
# Weights of an event, against a step's squared error, and what its best step must reach.
CLOSURE_WEIGHT = 50.0
CLOSED = -0.03
TUCK_WEIGHT = 8.0
TUCKED = 0.7
PUCKER_WEIGHT = 5.0
# Of every step at which a closure would be a false one: the aperture must be at least AJAR.
OPEN_WEIGHT = 20.0
AJAR = 0.12
# Of the spread of each part over a crop, which must not fall below the asked one's.
SPREAD_WEIGHT = 1.2
# Taught to the trunk only: the odds of each event at each step, and the class of the phone.
ODDS_WEIGHT = 0.15
PHONE_WEIGHT = 0.15
PHONE_SMOOTHING = 0.1  # the times of phones are good to a step or so
PRESSED = -0.03  # asked apertures below this are closures to the gates
TUCKING = 0.5  # asked tucks above this are tucks
PUCKERING = 0.5  # asked rounding and narrowness above this are puckers

APERTURE, WIDTH, ROUNDING, TUCK = 0, 1, 2, 4
CLOSURE_EVENT, TUCK_EVENT, PUCKER_EVENT = 0, 1, 2


def loss(code: LipCode, batch: Batch, heard: Heard) -> torch.Tensor:
    """The training loss of what the network heard in a batch, per step that counts."""
    asked, got, counts = batch.articulation, heard.articulation, batch.counts
    weights = torch.from_numpy(PART_WEIGHTS)
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
    closed = _nearest(batch, CLOSURE_EVENT, -got[..., APERTURE])
    tucked = _nearest(batch, TUCK_EVENT, got[..., TUCK])
    asked = batch.articulation
    # A pucker is as deep as the phone asks for, in width and rounding at the same step.
    short = torch.minimum(got[..., ROUNDING] - asked[..., ROUNDING], asked[..., WIDTH] - got[..., WIDTH])
    puckered = _nearest(batch, PUCKER_EVENT, short)
    return (
        CLOSURE_WEIGHT * torch.relu(-CLOSED - closed).square().sum()
        + TUCK_WEIGHT * torch.relu(TUCKED - tucked).square().sum()
        + PUCKER_WEIGHT * torch.relu(-puckered).square().sum()
    )


def _nearest(batch: Batch, column: int, reached: torch.Tensor) -> torch.Tensor:
    """The most of `reached` (crops, steps) within each event of a kind, (events,)."""
    numbers = torch.where(batch.counts > 0, batch.event[..., column], 0)
    inside = numbers > 0
    _, places = torch.unique(numbers[inside], return_inverse=True)
    count = int(places.max()) + 1 if len(places) else 0
    most = reached.new_full((count,), -torch.inf)
    return most.scatter_reduce(0, places, reached[inside], "amax", include_self=False)


def _spread_error(batch: Batch, got: torch.Tensor) -> torch.Tensor:
    """How much narrower each part moves than asked, in each crop; in units of the whole crop's steps."""
    counts = batch.counts[..., None]
    total = counts.sum(dim=1).clamp(min=1)

    def spread(track: torch.Tensor) -> torch.Tensor:
        mean = (track * counts).sum(dim=1, keepdim=True) / total[:, None]
        variance = ((track - mean).square() * counts).sum(dim=1) / total
        return torch.sqrt(variance + 1e-6)

    narrower = torch.relu(spread(batch.articulation) - spread(got)).square()
    weights = torch.from_numpy(PART_WEIGHTS)
    return SPREAD_WEIGHT * (weights * narrower * total).sum()
