"""A larger network that hears what is to come as well: no head can run it, the lip network learns from it.

Phones with their times teach what a speaker should have done. What can be heard of it is another matter: an m
that was mumbled away, an alignment that is off. A network with more room and a whole second of future
settles that better than the small causal one can, and its answers are softer goals than the phones' own.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from liplab.evaluate.quantized import load_weights
from liplab.lips.network import INPUTS, ConvolutionalTrunk, LipNetwork
from lipwright.errors import LipwrightError

CHANNELS = 384
KERNEL = 5  # steps that a block sees, its own in the middle
DILATIONS = (1, 2, 4, 8, 1, 2, 4, 8)  # 1.2 s to either side in all
DROPOUT = 0.1


class TeacherTrunk(nn.Module):
    """Features (batch, steps, 160) to columns (batch, steps, CHANNELS), by convolutions to both sides."""

    def __init__(self) -> None:
        super().__init__()
        self.entry = nn.Linear(INPUTS, CHANNELS)
        self.blocks = nn.ModuleList(
            nn.Conv1d(CHANNELS, CHANNELS, KERNEL, dilation=dilation, padding="same", bias=False)
            for dilation in DILATIONS
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(CHANNELS) for _ in DILATIONS)
        self.dropout = nn.Dropout(DROPOUT)
        self.channels = CHANNELS

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.entry(features)).transpose(1, 2)
        for block, norm in zip(self.blocks, self.norms, strict=True):
            hidden = hidden + self.dropout(torch.relu(norm(block(hidden))))
        return hidden.transpose(1, 2)


def load_teacher(path: Path) -> LipNetwork:
    """The network whose weights `liplab train` left at `path`: a teacher, or a lip model, which hears less.

    Raises LipwrightError.
    """
    weights = load_weights(path)
    for trunk in (TeacherTrunk, ConvolutionalTrunk):
        teacher = LipNetwork(trunk())
        try:
            teacher.load(weights)
        except ValueError:
            continue
        return teacher
    raise LipwrightError(f"{path} holds neither a teacher nor a lip model.")
