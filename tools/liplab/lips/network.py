"""The lip network in torch, and the same network as a streaming int8 graph.

A causal convolutional network over 20 ms steps: a dense layer on the step's features, six residual blocks
that look back over growing distances (1 s in all), three gates that decide for closure, tuck and pucker, a
small perceptron from all that to the lip code, and on the code a decoder to articulation. Its look-ahead
is a delay: it is trained to describe the sound of LOOKAHEAD_STEPS steps before.

In training a further layer names the phone that sounds; it is left out of what ships.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from liplab.export import Graph
from liplab.lips.labels import CLASS_COUNT, EVENTS
from lipwright.audio.features import BANDS, COLUMNS_PER_STEP
from lipwright.lips.model import ARTICULATION

INPUTS = BANDS * COLUMNS_PER_STEP
CHANNELS = 144
KERNEL = 4  # steps that a block sees: its newest column and three earlier ones
DILATIONS = (1, 2, 4, 2, 4, 4)
LOOKAHEAD_STEPS = 4  # 80 ms: the place of a stop is often heard only after it bursts
CODE_SIZE = 8
CODER_HIDDEN = 48
DECODER_HIDDEN = 32
# A gate opens in a straight line while the logarithm of its odds goes from -GATE_ODDS to GATE_ODDS, and
# weighs GATE_WEIGHT in the perceptron behind it, about as much as the columns beside it.
GATE_ODDS = 4.0
GATE_WEIGHT = 4.0
# Features are brought to about unit range: log10 power lies between -6 (silence) and 4.
FEATURE_OFFSET = -2.0
FEATURE_SCALE = 2.0
# Articulation leaves the network as (value - offset) / scale, so that each of the five fills the int8 range.
ARTICULATION_OFFSET = np.array([0.4, -0.1, 0.45, 0.4, 0.4], np.float32)
ARTICULATION_SCALE = np.array([0.6, 1.0, 0.6, 0.6, 0.6], np.float32)

Weights = Mapping[str, npt.NDArray[np.float32]]


class Heard(NamedTuple):
    """What the network makes of features (batch, steps, 160)."""

    code: torch.Tensor  # (batch, steps, 8)
    articulation: torch.Tensor  # (batch, steps, 5)
    event_odds: torch.Tensor  # (batch, steps, 3) logarithms of the odds of closure, tuck and pucker
    phone_scores: torch.Tensor  # (batch, steps, classes), before a softmax


class ConvolutionalTrunk(nn.Module):
    """Features (batch, steps, 160) to hidden columns (batch, steps, CHANNELS), by convolutions backwards."""

    def __init__(self) -> None:
        super().__init__()
        self.entry = nn.Linear(INPUTS, CHANNELS, bias=False)
        self.entry_norm = nn.BatchNorm1d(CHANNELS)
        # Dense layers over a column and its taps, oldest first: on a CPU faster to teach than convolutions.
        self.blocks = nn.ModuleList(nn.Linear(KERNEL * CHANNELS, CHANNELS, bias=False) for _ in DILATIONS)
        self.norms = nn.ModuleList(nn.BatchNorm1d(CHANNELS) for _ in DILATIONS)
        self.channels = CHANNELS

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(_normalized(self.entry_norm, self.entry(features)))
        steps = hidden.shape[1]
        for block, norm, dilation in zip(self.blocks, self.norms, DILATIONS, strict=True):
            past = nn.functional.pad(hidden, (0, 0, (KERNEL - 1) * dilation, 0))
            taps = [past[:, tap * dilation : tap * dilation + steps] for tap in range(KERNEL)]
            hidden = hidden + torch.relu(_normalized(norm, block(torch.cat(taps, dim=-1))))
        return hidden

    @staticmethod
    def multiplications() -> int:
        """Multiply-accumulates of one streaming step."""
        return INPUTS * CHANNELS + len(DILATIONS) * KERNEL * CHANNELS**2


class LipNetwork(nn.Module):
    """A trunk and what is read out of its columns; `forward` gives all of `Heard`."""

    def __init__(self, trunk: nn.Module | None = None) -> None:
        super().__init__()
        self.trunk = trunk or ConvolutionalTrunk()
        channels = cast(int, self.trunk.channels)
        self.events = nn.Linear(channels, len(EVENTS))
        self.phones = nn.Linear(channels, CLASS_COUNT)
        self.coder = nn.Sequential(
            nn.Linear(channels + len(EVENTS), CODER_HIDDEN), nn.ReLU(), nn.Linear(CODER_HIDDEN, CODE_SIZE)
        )
        self.decoder = nn.Sequential(
            nn.Linear(CODE_SIZE, DECODER_HIDDEN), nn.ReLU(), nn.Linear(DECODER_HIDDEN, len(ARTICULATION))
        )
        self.register_buffer("scale", torch.from_numpy(ARTICULATION_SCALE), persistent=False)
        self.register_buffer("offset", torch.from_numpy(ARTICULATION_OFFSET), persistent=False)
        self.scale: torch.Tensor
        self.offset: torch.Tensor

    def forward(self, features: torch.Tensor) -> Heard:
        device = features.device.type
        # On a graphics card the trunk is taught in half precision: twice as fast, and read out in whole.
        with torch.autocast(device, torch.bfloat16, enabled=self.training and device == "cuda"):
            hidden = self.trunk((features - FEATURE_OFFSET) / FEATURE_SCALE).float()
        odds = self.events(hidden)
        code = self.coder(torch.cat([hidden, GATE_WEIGHT * (1 - opened(odds))], dim=-1))
        return Heard(code, self.decode(code), odds, self.phones(hidden))

    def decode(self, code: torch.Tensor) -> torch.Tensor:
        """Articulation (..., 5) in contract units of lip codes (..., 8)."""
        articulation: torch.Tensor = self.decoder(code) * self.scale + self.offset
        return articulation

    def weights(self) -> Weights:
        """All parameters and running means as numpy arrays, by name."""
        return {name: value.cpu().numpy().astype(np.float32) for name, value in self.state_dict().items()}

    def load(self, weights: Weights) -> None:
        """Take over what `weights` gave; names that are not the network's are left alone.

        Raises ValueError when some are missing or have other shapes.
        """
        own = self.state_dict()
        try:
            self.load_state_dict({name: torch.tensor(weights[name]) for name in own})
        except (KeyError, RuntimeError) as error:
            raise ValueError("these are not the weights of such a network") from error


def opened(odds: torch.Tensor) -> torch.Tensor:
    """How far gates are open, 0 to 1, of the logarithms of their odds."""
    return (0.5 + odds / (2 * GATE_ODDS)).clamp(0, 1)


def streaming_graph(weights: Weights) -> tuple[Graph, list[dict[str, Any]]]:
    """The network as one streaming step, batch norms folded in, and the state entries of its metadata."""
    graph = Graph("lipwright lip model")
    scale, shift = _norm(weights, "trunk.entry_norm")
    entry = weights["trunk.entry.weight"] * scale[:, None] / FEATURE_SCALE
    bias = shift - FEATURE_OFFSET * entry.sum(axis=1)
    channels = len(bias)
    hidden = graph.dense(graph.input("features", INPUTS), entry, bias, relu=True)
    state: list[dict[str, Any]] = []
    for number, dilation in enumerate(DILATIONS):
        past = graph.input(f"taps_{number}", (KERNEL - 1) * channels)
        graph.output(hidden, f"column_{number}")
        taps = [dilation * back for back in range(KERNEL - 1, 0, -1)]
        state.append({"output": f"column_{number}", "input": f"taps_{number}", "taps": taps})
        scale, shift = _norm(weights, f"trunk.norms.{number}")
        block = weights[f"trunk.blocks.{number}.weight"] * scale[:, None]
        hidden = graph.add(hidden, graph.dense(graph.concat([past, hidden]), block, shift, relu=True))
    # A clamp made of two ReLUs: x = relu(0.5 + odds / 2 GATE_ODDS), then relu(1 - x).
    lift = weights["events.weight"] / (2 * GATE_ODDS), 0.5 + weights["events.bias"] / (2 * GATE_ODDS)
    closing = GATE_WEIGHT * np.eye(len(EVENTS), dtype=np.float32)
    gates = graph.dense(
        graph.dense(hidden, *lift, relu=True), -closing, np.full(len(EVENTS), GATE_WEIGHT), relu=True
    )
    inner = graph.dense(
        graph.concat([hidden, gates]), weights["coder.0.weight"], weights["coder.0.bias"], relu=True
    )
    code = graph.dense(inner, weights["coder.2.weight"], weights["coder.2.bias"])
    graph.output(code, "code")
    inner = graph.dense(code, weights["decoder.0.weight"], weights["decoder.0.bias"], relu=True)
    graph.output(graph.dense(inner, weights["decoder.2.weight"], weights["decoder.2.bias"]), "articulation")
    return graph, state


def _normalized(norm: nn.Module, columns: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = norm(columns.flatten(0, 1)).view_as(columns)
    return result


def _norm(weights: Weights, name: str) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Batch norm as scale and shift, with torch's default epsilon."""
    scale = weights[f"{name}.weight"] / np.sqrt(weights[f"{name}.running_var"] + np.float32(1e-5))
    return scale, weights[f"{name}.bias"] - weights[f"{name}.running_mean"] * scale
