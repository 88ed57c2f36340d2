"""What else could turn asked lips into commands: the simple ways that the face model is held against.

Each learns from the same takes and gives targets for the same speech.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import trange

from liplab.discover.asked import Asked
from liplab.discover.plan import flapping
from liplab.discover.transformer import (
    CODE_SIZE,
    CODES_AHEAD,
    CODES_BEFORE,
    COMMANDS_BEFORE,
    FacialActionTransformer,
)
from lipwright.face.profile import HeadProfile

NEAREST, LINEAR, ONE_STEP, JAW_ONLY = (
    "nearest landmarks",
    "linear inverse",
    "one-step transformer",
    "jaw only",
)
RIDGE = 1e-2
ONE_STEP_STEPS, BATCH, RATE = 1000, 256, 2e-3
CHUNK = 256  # frames that the search for the nearest looks at once

Floats = NDArray[np.float32]
Inverse = Callable[[Asked], Floats]  # targets (n, mouth channels) for a stream, each for its own moment


def inverses(profile: HeadProfile, commands: Floats, seen: Floats, seed: int) -> dict[str, Inverse]:
    """All baselines, which all know of the servos' lag.

    `commands` (n, channels) are what was tried, frame after frame, and `seen` (n, 20, 2) where the front
    camera saw the lips at the moment that each was for, in mm from rest.
    """
    return {
        NEAREST: nearest(commands, seen),
        LINEAR: linear(commands, seen),
        ONE_STEP: one_step(profile, commands, seen, seed),
        JAW_ONLY: jaw_only(profile),
    }


def as_seen(asked: Asked) -> Floats:
    """Asked lips as a front camera would see them, flat (n, 40)."""
    return asked.lips[..., [0, 2]].reshape(len(asked), -1)


def nearest(commands: Floats, seen: Floats) -> Inverse:
    """The command whose lips were nearest to the asked ones."""
    known = torch.from_numpy(seen.reshape(len(seen), -1))

    def invert(asked: Asked) -> Floats:
        wanted = torch.from_numpy(as_seen(asked))
        found = [
            torch.cdist(wanted[k : k + CHUNK], known).argmin(dim=1) for k in range(0, len(wanted), CHUNK)
        ]
        return commands[torch.cat(found).numpy()]

    return invert


def linear(commands: Floats, seen: Floats) -> Inverse:
    """Ridge regression from lips to commands."""
    features = np.concatenate([seen.reshape(len(seen), -1), np.ones((len(seen), 1))], axis=1)
    gram = features.T @ features + RIDGE * len(features) * np.eye(features.shape[1])
    weights = np.linalg.solve(gram, features.T @ commands)

    def invert(asked: Asked) -> Floats:
        wanted = np.concatenate([as_seen(asked), np.ones((len(asked), 1))], axis=1)
        return np.clip(wanted @ weights, 0, 1).astype(np.float32)

    return invert


def jaw_only(profile: HeadProfile) -> Inverse:
    """The jaw, or the mouth's first motor, as far open as is asked; all else at rest."""
    mouth = profile.indices("mouth")
    return lambda asked: flapping(profile, asked.articulation[:, 0])[:, mouth]


def one_step(profile: HeadProfile, commands: Floats, seen: Floats, seed: int) -> Inverse:
    """The same transformer, taught one step at a time on the babble's own commands, as a plain inverse is.

    It sees the principal components of lips instead of lip codes: babbled lips have no code of speech.
    """
    torch.manual_seed(seed)
    flat = seen.reshape(len(seen), -1)
    components = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)[2][:CODE_SIZE].T
    size = (flat @ components).std(axis=0)
    latents = torch.from_numpy((flat @ components / size).astype(np.float32))
    network = FacialActionTransformer(commands.shape[1])
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=ONE_STEP_STEPS)
    given = torch.from_numpy(commands)
    last = len(commands) - CODES_AHEAD - 1
    for _ in trange(ONE_STEP_STEPS, desc=ONE_STEP, unit="step", leave=False):
        now = torch.randint(CODES_BEFORE + COMMANDS_BEFORE, last, (BATCH,))
        window = latents[now[:, None] + torch.arange(-CODES_BEFORE, CODES_AHEAD + 1)]
        before = given[now[:, None] + torch.arange(-COMMANDS_BEFORE, 0)]
        loss = nn.functional.mse_loss(network(window, before), given[now])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    network.eval()
    rest = torch.from_numpy(profile.rest_targets()[profile.indices("mouth")])

    def invert(asked: Asked) -> Floats:
        with torch.no_grad():
            codes = torch.from_numpy((as_seen(asked) @ components / size).astype(np.float32))
            padded = torch.cat([codes[:1].repeat(CODES_BEFORE, 1), codes, codes[-1:].repeat(CODES_AHEAD, 1)])
            targets = network.rollout(padded[None], rest.expand(1, COMMANDS_BEFORE, -1))[0]
        return np.asarray(targets.clamp(0, 1).numpy())

    return invert
