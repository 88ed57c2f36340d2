"""One space for the lips of people and of this head: a variational autoencoder over lip shapes of both.

Both share the latent and the reading of gap and width from it; each has a decoder of its own, for one that
both share draws what the head was never seen to do. So a shape that speech asks for can be drawn as this head
would make it, and what is lost on the way is what the head cannot do.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import trange

from liplab.discover.shape import gaps_mm, width_mm

SIZE = 8  # of the latent, as of the lip code
HIDDEN = 64
SHAPE_MM = 2.0  # shapes enter and leave in units of this, about their spread
STEPS, BATCH, RATE = 2500, 512, 2e-3
DIVERGENCE = 2e-3  # weight of the pull towards a standard normal latent
READING = 1.0  # weight of gap and width, which must be read alike for both

Floats = NDArray[np.float32]


def _perceptron(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, outputs)
    )


class LipSpace(nn.Module):
    """Encoder and decoders between lip shapes (n, 20, 3) in mm from rest and latents (n, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = _perceptron(60, 2 * SIZE)
        self.decoders = nn.ModuleList([_perceptron(SIZE, 60) for _ in range(2)])  # people's, the head's
        self.reading = nn.Linear(SIZE, 2)

    def encode(self, lips: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log variance (n, 8) of the latent."""
        mean, log_variance = self.encoder(lips.flatten(1) / SHAPE_MM).chunk(2, dim=-1)
        return mean, log_variance

    def decode(self, latent: torch.Tensor, head: bool) -> torch.Tensor:
        """Lips (n, 20, 3) of a latent, as this head makes them or as people do."""
        shape: torch.Tensor = self.decoders[int(head)](latent) * SHAPE_MM
        return shape.reshape(-1, 20, 3)

    def as_head(self, lips: Floats) -> Floats:
        """Shapes (n, 20, 3) asked of people's lips, drawn as this head makes them."""
        with torch.no_grad():
            return np.asarray(self.decode(self.encode(torch.from_numpy(lips))[0], True).numpy())


def learn_lip_space(head: Floats, people: Floats, seed: int, progress: str | None = "lip space") -> LipSpace:
    """Learns from shapes that this head made, and shapes that speech asks for, both (n, 20, 3) in mm."""
    torch.manual_seed(seed)
    space = LipSpace()
    sources = [(torch.from_numpy(head), True), (torch.from_numpy(people), False)]
    optimizer = torch.optim.Adam(space.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    for _ in trange(STEPS, desc=progress, unit="step", leave=False, disable=progress is None):
        loss = torch.zeros(())
        for shapes, is_head in sources:
            lips = shapes[torch.randint(len(shapes), (BATCH,))]
            mean, log_variance = space.encode(lips)
            latent = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
            loss = loss + ((space.decode(latent, is_head) - lips) / SHAPE_MM).square().mean()
            loss = loss + READING * (space.reading(latent) - _measures(lips) / SHAPE_MM).square().mean()
            divergence = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum(dim=-1).mean()
            loss = loss + DIVERGENCE * divergence
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return space.eval().requires_grad_(False)


def _measures(lips: torch.Tensor) -> torch.Tensor:
    """Widest gap and width (n, 2) in mm, what every face has."""
    return torch.stack([gaps_mm(lips).amax(dim=-1), width_mm(lips)], dim=-1)
