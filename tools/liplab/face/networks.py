"""The two networks that teaching a face needs, in torch, and the face network as an int8 graph.

The self-model knows what commands do to the lips; the face network finds commands for wanted lips. Both are
small perceptrons over windows: the servos' lag and the lips' softness are over after 120 ms.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from liplab.export import Graph
from liplab.head.geometry import LIP_NODE_NAMES
from liplab.head.servos import MOUTH_CHANNELS
from lipwright.lips.model import ARTICULATION

Floats = NDArray[np.float32]

SELF_COMMANDS = 6  # last commands that the self-model sees
SELF_HIDDEN = 192
CODES_BEFORE, CODES_AHEAD = 4, 3
CODES = CODES_BEFORE + 1 + CODES_AHEAD
COMMANDS_BEFORE = 2  # own last commands that the face network sees
CODE_SIZE = 8
CODE_HIDDEN, COMMAND_HIDDEN, HIDDEN = 96, 32, 96
LIP_SHAPE = 3 * len(LIP_NODE_NAMES)


class SelfModel(nn.Module):
    """Commands (..., 6, 11), oldest first, to the lips 20 ms after the newest was given.

    Returns articulation (..., 5), normalised, and lip shape (..., 60) in mm.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(SELF_COMMANDS * MOUTH_CHANNELS, SELF_HIDDEN),
            nn.SiLU(),
            nn.Linear(SELF_HIDDEN, SELF_HIDDEN),
            nn.SiLU(),
            nn.Linear(SELF_HIDDEN, len(ARTICULATION) + LIP_SHAPE),
        )
        self.register_buffer("mean", torch.zeros(len(ARTICULATION) + LIP_SHAPE))
        self.register_buffer("spread", torch.ones(len(ARTICULATION) + LIP_SHAPE))
        self.mean: torch.Tensor
        self.spread: torch.Tensor

    def forward(self, commands: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        out = self.layers((commands.flatten(-2) - 0.5) * 4) * self.spread + self.mean
        return out[..., : len(ARTICULATION)], out[..., len(ARTICULATION) :]


class FaceNetwork(nn.Module):
    """Lip codes (batch, 8, 8) and last commands (batch, 2, 11), oldest first, to the next commands (batch,
    11)."""

    def __init__(self) -> None:
        super().__init__()
        self.codes = nn.Linear(CODES * CODE_SIZE, CODE_HIDDEN)
        self.commands = nn.Linear(COMMANDS_BEFORE * MOUTH_CHANNELS, COMMAND_HIDDEN)
        self.middle = nn.Linear(CODE_HIDDEN + COMMAND_HIDDEN, HIDDEN)
        self.out = nn.Linear(HIDDEN, MOUTH_CHANNELS)

    def forward(self, codes: torch.Tensor, commands: torch.Tensor) -> torch.Tensor:
        both = torch.cat([self.codes(codes.flatten(1)), self.commands(commands.flatten(1))], dim=-1)
        targets: torch.Tensor = self.out(torch.relu(self.middle(torch.relu(both))))
        return targets

    def rollout(self, codes: torch.Tensor, commands: torch.Tensor, jitter: float = 0.0) -> torch.Tensor:
        """Runs on its own commands over codes (batch, steps + 7, 8), from commands (batch, 2, 11).

        Returns commands (batch, steps, 11), not clipped; `jitter` is noise on the commands fed back.
        """
        given = []
        for step in range(codes.shape[1] - CODES + 1):
            targets = self(codes[:, step : step + CODES], commands)
            given.append(targets)
            back = targets.clamp(0, 1) + jitter * torch.randn_like(targets)
            commands = torch.cat([commands[:, 1:], back[:, None]], dim=1)
        return torch.stack(given, dim=1)

    def graph(self) -> Graph:
        """The network as a graph for int8: inputs "codes" and "commands", output "targets"."""
        weights: dict[str, Floats] = {name: w.detach().numpy() for name, w in self.state_dict().items()}
        graph = Graph("lipwright face model")
        codes = graph.input("codes", CODES * CODE_SIZE)
        commands = graph.input("commands", COMMANDS_BEFORE * MOUTH_CHANNELS)
        heard = graph.dense(codes, weights["codes.weight"], weights["codes.bias"], relu=True)
        done = graph.dense(commands, weights["commands.weight"], weights["commands.bias"], relu=True)
        both = graph.concat([heard, done])
        middle = graph.dense(both, weights["middle.weight"], weights["middle.bias"], relu=True)
        graph.output(graph.dense(middle, weights["out.weight"], weights["out.bias"]), "targets")
        return graph
