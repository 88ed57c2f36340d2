"""The self-model: what the lips will look like after the commands of the last 100 ms, in three dimensions.

It is learned from pictures alone. A picture from the front shows how far points went to the side and up; one
of a head turned by a known angle shows a mix of to the side and ahead. Both kinds of pictures teach the same
network, so what neither shows alone comes out: how far lips push forward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import trange

from liplab.discover.seen import POINTS, SELF_COMMANDS, Seen

HIDDEN = 160
STEPS, BATCH, RATE = 3000, 512, 3e-3
HELD_OUT_SHARE = 0.1  # of every take, its end
LOST_MM = 3.0  # a point seen farther off than this from what is expected was taken for another

Floats = NDArray[np.float32]


class SelfModel(nn.Module):
    """Commands (..., 6, channels), oldest first, to points (..., 21, 3): mm from rest to the head's left,
    ahead and up, at the moment of the newest command."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(SELF_COMMANDS * channels, HIDDEN),
            nn.SiLU(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.SiLU(),
            nn.Linear(HIDDEN, 3 * POINTS),
        )
        self.register_buffer("scale", torch.ones(3 * POINTS))
        self.scale: torch.Tensor

    def forward(self, commands: torch.Tensor) -> torch.Tensor:
        out = self.layers((commands.flatten(-2) - 0.5) * 4) * self.scale
        return out.unflatten(-1, (POINTS, 3))


@dataclass(frozen=True)
class SelfErrors:
    """Errors on frames that were held out, rms of a point's distance in the picture, mm."""

    front_mm: float
    second_mm: float | None


def seen_from(points: torch.Tensor, yaw_rad: float) -> torch.Tensor:
    """Points (..., 21, 3) as a view sees them (..., 21, 2), turned by the `yaw_rad` of `FaceFrame`."""
    across = np.cos(yaw_rad) * points[..., 0] - np.sin(yaw_rad) * points[..., 1]
    return torch.stack([across, points[..., 2]], dim=-1)


def learn_self_model(
    front: Seen,
    second: Seen | None,
    seed: int,
    model: SelfModel | None = None,
    steps: int = STEPS,
    progress: str | None = "self-model",
) -> tuple[SelfModel, SelfErrors]:
    """Learns what commands do, or goes on with `model`; returns it with its errors on held-out frames."""
    torch.manual_seed(seed)
    views = [_Part(front)] + ([_Part(second)] if second is not None else [])
    if model is None:
        model = SelfModel(front.commands.shape[-1])
        spread = torch.from_numpy(np.maximum(front.points.std(axis=0), 0.2))  # (21, 2)
        model.scale.copy_(
            torch.stack([spread[:, 0], spread.max(dim=1).values, spread[:, 1]], dim=-1).flatten()
        )
    model.train().requires_grad_(True)
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _ in trange(steps, desc=progress, unit="step", leave=False, disable=progress is None):
        loss = torch.zeros(())
        for part in views:
            commands, points = part.draw()
            error = (seen_from(model(commands), part.yaw_rad) - points).norm(dim=-1)
            # Straight beyond LOST_MM: a point that was mistaken for another shall not pull.
            loss = loss + nn.functional.huber_loss(error, torch.zeros_like(error), delta=LOST_MM)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    model.eval().requires_grad_(False)
    errors = [part.error_mm(model) for part in views]
    return model, SelfErrors(errors[0], errors[1] if len(errors) > 1 else None)


class _Part:
    """The frames of one view, those to learn from and those to judge on."""

    def __init__(self, seen: Seen) -> None:
        self.yaw_rad = seen.yaw_rad
        held = np.zeros(len(seen.take), dtype=bool)
        for take in np.unique(seen.take):
            frames = np.flatnonzero(seen.take == take)
            held[frames[int(len(frames) * (1 - HELD_OUT_SHARE)) :]] = True
        commands, points = torch.from_numpy(seen.commands), torch.from_numpy(seen.points)
        self._commands, self._points = commands[~held], points[~held]
        self._held_commands, self._held_points = commands[held], points[held]

    def draw(self) -> tuple[torch.Tensor, torch.Tensor]:
        picked = torch.randint(len(self._commands), (BATCH,))
        return self._commands[picked], self._points[picked]

    def error_mm(self, model: SelfModel) -> float:
        with torch.no_grad():
            error = seen_from(model(self._held_commands), self.yaw_rad) - self._held_points
        return float(error.square().sum(dim=-1).mean().sqrt())


def shapes(model: SelfModel, commands: Sequence[Floats] | Floats) -> Floats:
    """Points (n, 21, 3) in mm that the model expects after commands (n, 6, channels)."""
    with torch.no_grad():
        return np.asarray(model(torch.from_numpy(np.asarray(commands, np.float32))).numpy())
