"""Teaches the face model: commands for asked lips, through the self-model, on its own commands.

Nobody knows right answers in motor commands. The network speaks, running on what it gave before; the
self-model says what the lips would do; how far that is from what was asked goes back through both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import trange

from liplab.discover.asked import Asked
from liplab.discover.plan import FRAME_S
from liplab.discover.seen import SELF_COMMANDS
from liplab.discover.self_model import SelfModel
from liplab.discover.shape import gaps_mm, width_mm
from liplab.discover.transformer import CODES_AHEAD, CODES_BEFORE, COMMANDS_BEFORE, FacialActionTransformer
from lipwright.face.profile import HeadProfile

Floats = NDArray[np.float32]

BATCH, FRAMES, RATE = 48, 44, 2e-3
WARM_UP = 8  # frames of a stretch whose lips still depend on what came before it
EARLY_S = 0.005  # lips shall be this much before the sound: a late mouth is noticed sooner than an early one
# What a square millimetre costs: of a lip point to the side, ahead, up; of the gap between the lips, which
# is what people see first; of the mouth's width.
POINT_WEIGHTS = (1.0, 0.4, 1.0)
GAP, WIDTH = 1.0, 0.3
# Where less than CLOSURE_ASKED is asked (normalised), a gap over CLOSURE_MM anywhere along the mouth costs
# more.
CLOSURE_ASKED, CLOSURE_MM, CLOSURE = 0.05, -0.4, 8.0
# Some eyes see no difference between closed lips and lips a millimetre apart, so that nothing would bring
# these together: there the head shall close with the commands of rest, where lips are known to be closed.
BLURRED_EYES = ("mesh",)
CLOSING_AT_REST, BLURRED_EFFORT = 300.0, 6.0
EFFORT, JERK, OUTSIDE, COLLIDING = 0.3, 12.0, 400.0, 2.0
# Haste costs from this share of a servo's speed on: on voices that it did not learn with, in int8, a face
# model goes somewhat beyond where its price begins.
HURRY_FROM, HURRY = 0.9, 4000.0
CODE_NOISE = 0.05
COMMAND_JITTER = 0.004  # about one step of the int8 model
# A lip model puts out softer codes on voices that it hardly understands: the face shall know both.
BLUR_MOST, SOFTEST = 0.25, 0.7

Report = Callable[[int, float], None]


@dataclass(frozen=True)
class Limits:
    """What commands must keep to: rest (channels,), most change a frame (channels,), colliding pairs as
    weights (pairs, channels) and the most that each may sum up to (pairs,)."""

    rest: torch.Tensor
    most: torch.Tensor
    weights: torch.Tensor
    sums: torch.Tensor

    @staticmethod
    def of(profile: HeadProfile) -> Limits:
        """Those of a profile's mouth."""
        mouth = profile.indices("mouth")
        place = {int(channel): k for k, channel in enumerate(mouth)}
        rest = profile.rest_targets()
        rows, sums = [], []
        for pair in profile.collisions:
            row, most = np.zeros(len(mouth), np.float32), pair.most
            for channel, weight in zip(pair.channels, pair.weights, strict=True):
                if channel in place:
                    row[place[channel]] = weight
                else:  # stays at rest
                    most -= weight * rest[channel]
            size = float(np.linalg.norm(row))
            if size:
                rows.append(row / size)
                sums.append(most / size)
        return Limits(
            torch.from_numpy(rest[mouth]),
            torch.tensor([profile.channels[k].speed * FRAME_S for k in mouth], dtype=torch.float32),
            torch.tensor(np.array(rows, np.float32).reshape(-1, len(mouth))),
            torch.tensor(sums, dtype=torch.float32),
        )


def lead_frames(profile: HeadProfile) -> float:
    """How many frames a command goes out before the sound that it is for, less what the lips shall lead."""
    return (profile.lead_ms / 1000 - EARLY_S) / FRAME_S


class Draws:
    """Random stretches of speech, some softened as a lip model would put them out."""

    def __init__(self, streams: Sequence[Asked], rest_code: Floats, lead: float) -> None:
        """`lead`: commands go out this many frames before the moment that they are for."""
        self._rest = torch.from_numpy(rest_code)
        self._lead = lead
        self._whole = int(np.ceil(lead))
        self._length = FRAMES + CODES_BEFORE + CODES_AHEAD
        self._codes, self._lips, self._parts, self._starts = [], [], [], []
        for number, stream in enumerate(streams):
            self._codes.append(torch.from_numpy(_led_in(stream.codes, rest_code)))
            self._lips.append(torch.from_numpy(_led_in(stream.lips, stream.lips[0] * 0)))
            self._parts.append(torch.from_numpy(_led_in(stream.articulation, stream.articulation[0])))
            last = len(self._codes[-1]) - self._length
            self._starts += [(number, start) for start in range(0, last + 1, 4)]

    def draw(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Codes (batch, frames + 7, 8), and what the lips shall show at the moment of each command: points
        (batch, frames, 20, 3) in mm and articulation (batch, frames, 5)."""
        picked = [self._starts[int(i)] for i in torch.randint(len(self._starts), (BATCH,))]
        codes = torch.stack([self._codes[n][start : start + self._length] for n, start in picked])
        blur = BLUR_MOST * torch.rand(len(codes), 1, 1)
        size = 1 - (1 - SOFTEST) * torch.rand(len(codes), 1, 1)
        blurred = self._rest + size * (_blurred(codes, blur) - self._rest)
        lips, parts = (self._shown(tracks, picked, blur, size) for tracks in (self._lips, self._parts))
        return blurred + CODE_NOISE * torch.randn_like(codes), lips.reshape(*lips.shape[:2], 20, 3), parts

    def _shown(
        self,
        tracks: Sequence[torch.Tensor],
        picked: Sequence[tuple[int, int]],
        blur: torch.Tensor,
        size: torch.Tensor,
    ) -> torch.Tensor:
        """Tracks (batch, frames, k) at the moments of the commands, softened as the codes are."""
        rows = []
        for number, start in picked:
            first = start + CODES_BEFORE - self._whole
            track = tracks[number].flatten(1)
            index = torch.arange(first - 1, first + FRAMES + 2).clamp(0, len(track) - 1)
            rows.append(track[index])
        moved = _blurred(torch.stack(rows), blur)[:, 1:-1]
        part = self._whole - self._lead
        moved = (1 - part) * moved[:, :-1] + part * moved[:, 1:]
        rest = tracks[0].flatten(1)[0]
        return rest + size * (moved - rest)


def _led_in(track: Floats, before: Floats) -> Floats:
    return np.concatenate([np.tile(before[None], (CODES_BEFORE, *[1] * before.ndim)), track]).astype(
        np.float32
    )


def _blurred(tracks: torch.Tensor, blur: torch.Tensor) -> torch.Tensor:
    around = torch.cat([tracks[:, :1], tracks, tracks[:, -1:]], dim=1)
    return (1 - 2 * blur) * tracks + blur * (around[:, :-2] + around[:, 2:])


def learn_face(
    draws: Draws,
    self_model: SelfModel,
    limits: Limits,
    aperture_mm: float,
    depth_known: bool,
    blurred: bool,
    seed: int,
    steps: int,
    report: Report | None = None,
    progress: str | None = "face model",
) -> FacialActionTransformer:
    """Learns commands through the self-model.

    `aperture_mm` is a normalised aperture of 1; without `depth_known` lips are not asked to go ahead, since
    no picture showed what does that. `blurred`: eyes that do not see whether lips are quite closed.
    """
    torch.manual_seed(seed)
    channels = len(limits.rest)
    network = FacialActionTransformer(channels)
    with torch.no_grad():
        network.out.bias.copy_(limits.rest)
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    cost = Cost(self_model, limits, aperture_mm, depth_known, blurred)
    for step in trange(steps, desc=progress, unit="step", leave=False, disable=progress is None):
        codes, lips, parts = draws.draw()
        before = limits.rest.expand(len(codes), COMMANDS_BEFORE, channels)
        given = network.rollout(codes, before, COMMAND_JITTER)
        loss = cost(given, lips, parts)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if report is not None:
            report(step, float(loss.detach()))
    return network.eval()


class Cost:
    """What commands cost: lips that are not where they were asked, gaps, effort, haste, broken limits."""

    def __init__(
        self, self_model: SelfModel, limits: Limits, aperture_mm: float, depth_known: bool, blurred: bool
    ) -> None:
        self._self_model = self_model
        self._limits = limits
        self._aperture_mm = aperture_mm
        side, ahead, up = POINT_WEIGHTS
        self._weights = torch.tensor([side, ahead if depth_known else 0.0, up])
        self._effort = BLURRED_EFFORT if blurred else EFFORT
        self._closing_at_rest = CLOSING_AT_REST if blurred else 0.0

    def __call__(self, given: torch.Tensor, lips: torch.Tensor, parts: torch.Tensor) -> torch.Tensor:
        """Mean cost of commands (batch, frames, channels) for lips (batch, frames, 20, 3) and articulation
        (batch, frames, 5) asked at the same moments."""
        limits = self._limits
        windows = given.clamp(0, 1).unfold(1, SELF_COMMANDS, 1).transpose(2, 3)[:, WARM_UP:]
        first = SELF_COMMANDS - 1 + WARM_UP
        shown, wanted, asked = self._self_model(windows)[..., :20, :], lips[:, first:], parts[:, first:]
        loss = ((shown - wanted).square() * self._weights).sum(dim=-1).mean()
        gaps = gaps_mm(shown)
        loss = loss + GAP * (gaps.amax(dim=-1) - asked[..., 0] * self._aperture_mm).square().mean()
        closing = (asked[..., :1] < CLOSURE_ASKED).float()
        loss = loss + CLOSURE * (closing * torch.relu(gaps - CLOSURE_MM).square()).mean()
        loss = loss + WIDTH * (width_mm(shown) - width_mm(wanted)).square().mean()
        moved = given[:, 1:] - given[:, :-1]
        strain = (given - limits.rest).square()
        loss = loss + self._effort * strain.mean()
        if self._closing_at_rest:
            loss = loss + self._closing_at_rest * ((parts[..., :1] < CLOSURE_ASKED).float() * strain).mean()
        loss = loss + JERK * (moved[:, 1:] - moved[:, :-1]).square().mean()
        loss = loss + OUTSIDE * (torch.relu(-given) + torch.relu(given - 1)).square().mean()
        loss = loss + HURRY * torch.relu(moved.abs() - HURRY_FROM * limits.most).square().mean()
        if len(limits.sums):
            over = torch.relu(given @ limits.weights.T - limits.sums)
            loss = loss + COLLIDING * OUTSIDE * over.square().mean()
        return loss
