"""Learning: the self-model from babble, then the face network through the self-model, in rollout.

The face network never sees a right answer in motor commands. It runs on its own commands over speech, the
self-model says what the lips would do, and the difference to what was asked comes back through both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import trange

from liplab.face.babble import LEFT, RIGHT, Babble
from liplab.face.networks import (
    CODES_AHEAD,
    CODES_BEFORE,
    COMMANDS_BEFORE,
    SELF_COMMANDS,
    FaceNetwork,
    SelfModel,
)
from liplab.face.speech import SpeechCodes
from liplab.head.servos import MOUTH_CHANNELS

Floats = NDArray[np.float32]

HELD_OUT_SHARE = 0.1  # of the babble, its end
SELF_STEPS, SELF_BATCH, SELF_RATE = 8000, 512, 2e-3
FACE_STEPS, FACE_BATCH, FACE_FRAMES, FACE_RATE = 3000, 64, 48, 2e-3
WARM_UP = 8  # frames of a rollout whose lips still depend on what came before it
# Pulses begin LEAD_FRAMES before the moment that they are for (the profile's lead_ms, less the wait for the
# PWM cycle); at that moment the lips shall show what is asked EARLY_FRAMES later: a late mouth is noticed
# sooner than an early one.
LEAD_FRAMES = 2
EARLY_FRAMES = 0.5
# Weights of the articulation's errors: aperture, width, rounding, jaw, tuck.
PART_WEIGHTS = (4.0, 1.0, 1.5, 0.4, 0.7)
# A closure asked must close: where less than CLOSURE_ASKED is asked, an aperture over CLOSURE_DONE costs
# more.
CLOSURE_ASKED, CLOSURE_DONE, CLOSURE_WEIGHT = 0.05, -0.03, 30.0
EFFORT, JERK, LOPSIDED, OUTSIDE, HURRY = 0.003, 0.15, 0.2, 5.0, 0.3
FRAME_S = 0.02
CODE_NOISE = 0.05
COMMAND_JITTER = 0.004  # about one step of the int8 model

# A lip network puts out softer codes than the speech that it learned from: the face shall know both.
BLUR_MOST, SOFTEST = 0.25, 0.6

Report = Callable[[int, float], None]
Decode = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class SelfErrors:
    """Held-out errors of a self-model: rms of the articulation (5,), normalised, and of the lips in mm."""

    articulation: Floats
    lips_mm: float


def _windows(babble: Babble) -> tuple[torch.Tensor, torch.Tensor]:
    """Windows of commands (n, 6, 11) and what the lips did 20 ms after the newest (n, 65)."""
    commands = torch.from_numpy(babble.commands[:, :MOUTH_CHANNELS])
    lips = np.concatenate([babble.articulation, babble.lips.reshape(len(babble.lips), -1)], axis=1)
    windows = commands.unfold(0, SELF_COMMANDS, 1).transpose(1, 2)[:-1]
    return windows, torch.from_numpy(lips[SELF_COMMANDS:])


def learn_self_model(
    babbles: list[Babble], seed: int, model: SelfModel | None = None, steps: int = SELF_STEPS
) -> tuple[SelfModel, SelfErrors]:
    """Learns what commands do from babble, or goes on with `model`.

    Returns the model and its errors on the last tenth of every babble, which is held out.
    """
    torch.manual_seed(seed)
    parts = [_windows(babble) for babble in babbles]
    cuts = [int(len(windows) * (1 - HELD_OUT_SHARE)) for windows, _ in parts]
    windows = torch.cat([part[0][:cut] for part, cut in zip(parts, cuts, strict=True)])
    lips = torch.cat([part[1][:cut] for part, cut in zip(parts, cuts, strict=True)])
    held_windows = torch.cat([part[0][cut:] for part, cut in zip(parts, cuts, strict=True)])
    held_lips = torch.cat([part[1][cut:] for part, cut in zip(parts, cuts, strict=True)])
    if model is None:
        model = SelfModel()
        model.mean.copy_(lips.mean(0))
        model.spread.copy_(lips.std(0) + 1e-3)
    model.train().requires_grad_(True)
    optimizer = torch.optim.AdamW(model.parameters(), SELF_RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, SELF_RATE, total_steps=steps)
    parts_of = model.spread.clone()
    for _ in trange(steps, desc="self-model", unit="step", leave=False):
        picked = torch.randint(len(windows), (SELF_BATCH,))
        articulation, shape = model(windows[picked])
        error = (torch.cat([articulation, shape], dim=-1) - lips[picked]) / parts_of
        # Five numbers of articulation weigh as much as sixty of shape, aperture double.
        loss = error[:, :5].square().mean() + error[:, 0].square().mean() + error[:, 5:].square().mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    model.eval().requires_grad_(False)
    with torch.no_grad():
        articulation, shape = model(held_windows)
        held = torch.cat([articulation, shape], dim=-1) - held_lips
    rms = held.square().mean(0).sqrt()
    return model, SelfErrors(rms[:5].numpy(), float(held[:, 5:].square().mean().sqrt()))


class _Draws:
    """Random stretches of speech, some softened as a network would put them out."""

    def __init__(self, speech: SpeechCodes, decode: Decode) -> None:
        self._decode = decode
        self._rest = torch.from_numpy(speech.rest_code)
        frames = FACE_FRAMES + CODES_BEFORE + CODES_AHEAD
        self._codes: list[torch.Tensor] = []
        self._starts: list[tuple[int, int]] = []
        for number, codes in enumerate(speech.codes):
            self._codes.append(torch.cat([self._rest.expand(CODES_BEFORE, -1), torch.from_numpy(codes)]))
            last = len(self._codes[-1]) - frames
            self._starts += [(number, start) for start in range(0, last + 1, 4)]

    def draw(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Codes (batch, frames + 7, 8) and what they ask for (batch, frames, 5), EARLY_FRAMES on."""
        picked = [self._starts[int(i)] for i in torch.randint(len(self._starts), (FACE_BATCH,))]
        frames = FACE_FRAMES + CODES_BEFORE + CODES_AHEAD
        codes = self._softened(torch.stack([self._codes[n][start : start + frames] for n, start in picked]))
        with torch.no_grad():
            asked = self._decode(codes[:, CODES_BEFORE : CODES_BEFORE + FACE_FRAMES + 1].flatten(0, 1))
        asked = asked.reshape(len(picked), FACE_FRAMES + 1, -1)
        return codes, (1 - EARLY_FRAMES) * asked[:, :-1] + EARLY_FRAMES * asked[:, 1:]

    def _softened(self, codes: torch.Tensor) -> torch.Tensor:
        """Codes blurred over time and drawn towards rest, each stretch by its own measure."""
        blur = BLUR_MOST * torch.rand(len(codes), 1, 1)
        around = torch.cat([codes[:, :1], codes, codes[:, -1:]], dim=1)
        codes = (1 - 2 * blur) * codes + blur * (around[:, :-2] + around[:, 2:])
        size = 1 - (1 - SOFTEST) * torch.rand(len(codes), 1, 1)
        return self._rest + size * (codes - self._rest)


def learn_face(
    speech: SpeechCodes,
    decode: Decode,
    self_model: SelfModel,
    rest: Floats,
    speeds: Floats,
    seed: int,
    network: FaceNetwork | None = None,
    steps: int = FACE_STEPS,
    report: Report | None = None,
) -> FaceNetwork:
    """Learns commands for asked articulation through the self-model, or goes on with `network`.

    `decode` reads the articulation (n, 5) out of lip codes (n, 8). `rest` (11,) are the rest targets,
    `speeds` (11,) the profile's limits in ranges per second.
    """
    torch.manual_seed(seed)
    draws = _Draws(speech, decode)
    rest_targets = torch.from_numpy(rest)
    most = torch.from_numpy(speeds) * FRAME_S
    if network is None:
        network = FaceNetwork()
        with torch.no_grad():
            network.out.bias.copy_(rest_targets)
    optimizer = torch.optim.Adam(network.parameters(), FACE_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, FACE_RATE, total_steps=steps)
    for step in trange(steps, desc="face model", unit="step", leave=False):
        codes, asked = draws.draw()
        codes = codes + CODE_NOISE * torch.randn_like(codes)
        before = rest_targets.expand(len(codes), COMMANDS_BEFORE, MOUTH_CHANNELS)
        given = network.rollout(codes, before, COMMAND_JITTER)
        loss = _loss(given, asked, self_model, rest_targets, most)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if report is not None:
            report(step, float(loss.detach()))
    return network.eval()


def _loss(
    given: torch.Tensor, asked: torch.Tensor, self_model: SelfModel, rest: torch.Tensor, most: torch.Tensor
) -> torch.Tensor:
    """What a rollout's commands (batch, frames, 11) cost for the articulation asked (batch, frames, 5)."""
    windows = given.clamp(0, 1).unfold(1, SELF_COMMANDS, 1).transpose(2, 3)
    done, _ = self_model(windows)
    # done[:, i] is 20 ms after command i + SELF_COMMANDS - 1, and shall be what command
    # i + SELF_COMMANDS - LEAD_FRAMES was for.
    done = done[:, WARM_UP:]
    first = SELF_COMMANDS - LEAD_FRAMES + WARM_UP
    wanted = asked[:, first : first + done.shape[1]]
    loss = ((done - wanted).square() * torch.tensor(PART_WEIGHTS)).mean()
    closing = (wanted[..., 0] < CLOSURE_ASKED).float()
    loss = loss + CLOSURE_WEIGHT * (closing * torch.relu(done[..., 0] - CLOSURE_DONE).square()).mean()
    moved = given[:, 1:] - given[:, :-1]
    loss = loss + EFFORT * (given - rest).square().mean()
    loss = loss + JERK * (moved[:, 1:] - moved[:, :-1]).square().mean()
    loss = loss + LOPSIDED * (given[..., LEFT] - given[..., RIGHT]).square().mean()
    loss = loss + OUTSIDE * (torch.relu(-given) + torch.relu(given - 1)).square().mean()
    return loss + HURRY * torch.relu(moved.abs() - most).square().mean()
