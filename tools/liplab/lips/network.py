"""The lip network in torch, and the same network as a streaming int8 graph.

A causal convolutional network over 20 ms steps: a dense layer on the step's features, six residual blocks
that look back over growing distances (1 s in all), a dense layer to the lip code, and on the code a
small decoder to articulation. Its look-ahead is a delay: it is trained to describe the sound of
LOOKAHEAD_STEPS steps before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from liplab.export import Graph
from lipwright.audio.features import BANDS, COLUMNS_PER_STEP
from lipwright.lips.model import ARTICULATION

INPUTS = BANDS * COLUMNS_PER_STEP
CHANNELS = 128
KERNEL = 4  # steps that a block sees: its newest column and three earlier ones
DILATIONS = (1, 2, 4, 2, 4, 4)
LOOKAHEAD_STEPS = 3  # 60 ms: more gained nothing on measured lips
CODE_SIZE = 8
DECODER_HIDDEN = 32
# Features are brought to about unit range: log10 power lies between -6 (silence) and 4.
FEATURE_OFFSET = -2.0
FEATURE_SCALE = 2.0
# Articulation leaves the network as (value - offset) / scale, so that each of the five fills the int8 range.
ARTICULATION_OFFSET = np.array([0.4, -0.1, 0.45, 0.4, 0.4], np.float32)
ARTICULATION_SCALE = np.array([0.6, 1.0, 0.6, 0.6, 0.6], np.float32)

Weights = Mapping[str, npt.NDArray[np.float32]]


class LipNetwork(nn.Module):
    """Features (batch, steps, 160) to lip codes (batch, steps, 8) and articulation (batch, steps, 5)."""

    def __init__(self) -> None:
        super().__init__()
        self.entry = nn.Linear(INPUTS, CHANNELS, bias=False)
        self.entry_norm = nn.BatchNorm1d(CHANNELS)
        # Dense layers over a column and its taps, oldest first: on a CPU faster to teach than convolutions.
        self.blocks = nn.ModuleList(nn.Linear(KERNEL * CHANNELS, CHANNELS, bias=False) for _ in DILATIONS)
        self.norms = nn.ModuleList(nn.BatchNorm1d(CHANNELS) for _ in DILATIONS)
        self.code = nn.Linear(CHANNELS, CODE_SIZE)
        self.decoder = nn.Sequential(
            nn.Linear(CODE_SIZE, DECODER_HIDDEN), nn.ReLU(), nn.Linear(DECODER_HIDDEN, len(ARTICULATION))
        )

    def trunk(self, features: torch.Tensor) -> torch.Tensor:
        """Hidden columns (batch, steps, 128)."""
        hidden = self.entry((features - FEATURE_OFFSET) / FEATURE_SCALE)
        hidden = torch.relu(_normalized(self.entry_norm, hidden))
        steps = hidden.shape[1]
        for block, norm, dilation in zip(self.blocks, self.norms, DILATIONS, strict=True):
            past = nn.functional.pad(hidden, (0, 0, (KERNEL - 1) * dilation, 0))
            taps = [past[:, tap * dilation : tap * dilation + steps] for tap in range(KERNEL)]
            hidden = hidden + torch.relu(_normalized(norm, block(torch.cat(taps, dim=-1))))
        return hidden

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        # The trunk may run in bfloat16 (autocast, in training); the ends never do.
        hidden = self.trunk(features).float()
        with torch.autocast("cpu", enabled=False):
            code: torch.Tensor = self.code(hidden)
            return code, self.decode(code)

    def decode(self, code: torch.Tensor) -> torch.Tensor:
        """Articulation (..., 5) in contract units of lip codes (..., 8)."""
        scale = torch.from_numpy(ARTICULATION_SCALE)
        articulation: torch.Tensor = self.decoder(code) * scale + torch.from_numpy(ARTICULATION_OFFSET)
        return articulation

    def weights(self) -> Weights:
        """All parameters and running means as numpy arrays, by name."""
        return {name: value.detach().numpy().astype(np.float32) for name, value in self.state_dict().items()}


def streaming_graph(weights: Weights) -> tuple[Graph, list[dict[str, Any]]]:
    """The network as one streaming step, batch norms folded in, and the state entries of its metadata."""
    graph = Graph("lipwright lip model")
    scale, shift = _norm(weights, "entry_norm")
    entry = weights["entry.weight"] * scale[:, None] / FEATURE_SCALE
    bias = shift - FEATURE_OFFSET * entry.sum(axis=1)
    hidden = graph.dense(graph.input("features", INPUTS), entry, bias, relu=True)
    state: list[dict[str, Any]] = []
    for number, dilation in enumerate(DILATIONS):
        past = graph.input(f"taps_{number}", (KERNEL - 1) * CHANNELS)
        graph.output(hidden, f"column_{number}")
        taps = [dilation * back for back in range(KERNEL - 1, 0, -1)]
        state.append({"output": f"column_{number}", "input": f"taps_{number}", "taps": taps})
        scale, shift = _norm(weights, f"norms.{number}")
        block = weights[f"blocks.{number}.weight"] * scale[:, None]
        hidden = graph.add(hidden, graph.dense(graph.concat([past, hidden]), block, shift, relu=True))
    code = graph.dense(hidden, weights["code.weight"], weights["code.bias"])
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
