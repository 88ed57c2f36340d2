"""The lip code: latent of a small variational autoencoder over lip shapes, with a decoder to articulation.

Lip shapes come from a head that babbled in front of its camera (or in simulation). The articulation
decoder reads aperture, width, rounding, jaw and tuck out of a code; it becomes part of the lip network.
Speech supervises articulation only, so an inverse, articulation to code, is learned beside it: the code
that the babbled shapes had, where they agree, and one that decodes to the wanted articulation everywhere.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from liplab.lips.network import ARTICULATION_OFFSET, ARTICULATION_SCALE, CODE_SIZE, DECODER_HIDDEN
from lipwright.errors import LipwrightError
from lipwright.lips.model import ARTICULATION

SHAPE_MM = 2.0  # lip shapes enter and leave in units of this, about their spread
HIDDEN = 64
STEPS = 5000
BATCH = 512
RATE = 2e-3
DIVERGENCE = 2e-3  # weight of the pull towards a standard normal code
# Codes asked for stay within the babbled ones, which also keeps the int8 steps of a code small.
FARTHEST = 2.5
FAR_WEIGHT = 0.3
# Weights of the articulation's parts in every loss: the eye sees aperture first.
PART_WEIGHTS = np.array([3.0, 1.0, 1.0, 0.7, 0.7], np.float32)
SEED = 0

Float = npt.NDArray[np.float32]


def _perceptron(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs)
    )


class LipCode(nn.Module):
    """Encoder and decoders between lip shapes (n, 60), codes (n, 8) and articulation (n, 5)."""

    def __init__(self, shape_size: int) -> None:
        super().__init__()
        self.register_buffer("mean_mm", torch.zeros(shape_size))
        self.encoder = _perceptron(shape_size, 2 * CODE_SIZE)
        self.shape = _perceptron(CODE_SIZE, shape_size)
        # The same shape of decoder as in the lip network, which takes it over.
        self.decoder = nn.Sequential(
            nn.Linear(CODE_SIZE, DECODER_HIDDEN), nn.ReLU(), nn.Linear(DECODER_HIDDEN, len(ARTICULATION))
        )
        self.inverse = _perceptron(len(ARTICULATION), CODE_SIZE)
        self.register_buffer("scale", torch.from_numpy(ARTICULATION_SCALE), persistent=False)
        self.register_buffer("offset", torch.from_numpy(ARTICULATION_OFFSET), persistent=False)
        self.mean_mm: torch.Tensor
        self.scale: torch.Tensor
        self.offset: torch.Tensor

    def encode(self, lips_mm: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log variance of the code of lip shapes (n, 60) in mm."""
        mean, log_variance = self.encoder((lips_mm - self.mean_mm) / SHAPE_MM).chunk(2, dim=-1)
        return mean, log_variance

    def lips_mm(self, code: torch.Tensor) -> torch.Tensor:
        """Lip shapes (n, 60) in mm of codes."""
        shape: torch.Tensor = self.shape(code) * SHAPE_MM + self.mean_mm
        return shape

    def articulation(self, code: torch.Tensor) -> torch.Tensor:
        """Articulation (n, 5) of codes."""
        articulation: torch.Tensor = self.decoder(code) * self.scale + self.offset
        return articulation

    def code_of(self, articulation: torch.Tensor) -> torch.Tensor:
        """A code (n, 8) of lips with the given articulation (n, 5)."""
        code: torch.Tensor = self.inverse((articulation - self.offset) / self.scale)
        return code


@lru_cache
def part_weights(device: torch.device) -> torch.Tensor:
    """PART_WEIGHTS (5,), brought to a device once: each time waits for it."""
    return torch.from_numpy(PART_WEIGHTS).to(device)


def learn_code(lips_mm: Float, measured: Float, wanted: Float) -> tuple[LipCode, dict[str, float]]:
    """Learn the code and its decoders; deterministic.

    `lips_mm` (n, 60) are babbled lip shapes and `measured` (n, 5) their articulation; `wanted` (m, 5) is what
    speech asks for. Returns the code and its errors on the last tenth of the babbling, which is held out.
    """
    torch.manual_seed(SEED)
    training = int(len(lips_mm) * 0.9)
    lips, articulation = torch.from_numpy(lips_mm), torch.from_numpy(measured)
    speech = torch.from_numpy(wanted)
    code = LipCode(lips.shape[1])
    code.mean_mm.copy_(lips[:training].mean(dim=0))
    weights = torch.from_numpy(PART_WEIGHTS)
    optimizer = torch.optim.Adam(code.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    for _ in range(STEPS):
        rows = torch.randint(training, (BATCH,))
        asked = speech[torch.randint(len(speech), (BATCH,))]
        mean, log_variance = code.encode(lips[rows])
        sampled = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        loss = ((code.lips_mm(sampled) - lips[rows]) ** 2).mean() / SHAPE_MM**2
        loss = loss + (weights * (code.articulation(sampled) - articulation[rows]) ** 2).mean() * 4
        divergence = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum(dim=-1).mean()
        loss = loss + DIVERGENCE * divergence
        loss = loss + 0.1 * ((code.code_of(articulation[rows]) - mean.detach()) ** 2).mean()
        coded = code.code_of(asked)
        loss = loss + (weights * (code.articulation(coded) - asked) ** 2).mean() * 4
        loss = loss + FAR_WEIGHT * torch.relu(coded.abs() - FARTHEST).square().mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    code.eval()
    with torch.no_grad():
        held = code.encode(lips[training:])[0]
        shape_error = (code.lips_mm(held) - lips[training:]).square().mean().sqrt()
        read = (code.articulation(held) - articulation[training:]).square().mean(dim=0).sqrt()
        asked_error = (code.articulation(code.code_of(speech)) - speech).square().mean(dim=0).sqrt()
    errors = {"shape_rmse_mm": float(shape_error)}
    errors |= {f"{name}_rmse": float(value) for name, value in zip(ARTICULATION, read, strict=True)}
    errors |= {
        f"asked_{name}_rmse": float(value) for name, value in zip(ARTICULATION, asked_error, strict=True)
    }
    return code, errors


def save_code(code: LipCode, path: Path) -> None:
    """Write all weights as arrays by name."""
    np.savez(path, **{name: value.detach().numpy() for name, value in code.state_dict().items()})


def load_code(path: Path) -> LipCode:
    """Read what save_code wrote. Raises LipwrightError when there is none."""
    try:
        with np.load(path) as stored:
            weights = {name: torch.from_numpy(stored[name]) for name in stored.files}
    except OSError as error:
        raise LipwrightError(
            f"There is no lip code in {path}; liplab train makes it from babbling."
        ) from error
    code = LipCode(len(weights["mean_mm"]))
    code.load_state_dict(weights)
    return code.eval()
