"""A transformer with a bounded window, to compare the convolutional trunk with at equal cost.

Each step attends to itself and the WINDOW - 1 steps before it, with a learned bias for each distance. Batch
norms stand where transformers have layer norms, since those fold into int8 weights and layer norms do not.
It is trained and measured like the other trunk (`liplab train --trunk attention`) and not exported.
"""

from __future__ import annotations

import torch
from torch import nn

from liplab.lips.network import INPUTS

CHANNELS = 128
LAYERS = 3
HEADS = 4
INNER = 320  # of the perceptron behind each attention
WINDOW = 52  # steps: as far back as the convolutions see


class AttentionTrunk(nn.Module):
    """Features (batch, steps, 160) to hidden columns (batch, steps, CHANNELS)."""

    def __init__(self) -> None:
        super().__init__()
        self.entry = nn.Linear(INPUTS, CHANNELS)
        self.layers = nn.ModuleList(_Layer() for _ in range(LAYERS))
        self.norm = _Norm(CHANNELS)
        self.channels = CHANNELS

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.entry(features)
        for layer in self.layers:
            hidden = layer(hidden)
        result: torch.Tensor = self.norm(hidden)
        return result

    @staticmethod
    def multiplications() -> int:
        """Multiply-accumulates of one streaming step, keys and values of earlier steps kept."""
        attention = 4 * CHANNELS**2 + 2 * WINDOW * CHANNELS
        return INPUTS * CHANNELS + LAYERS * (attention + 2 * CHANNELS * INNER)


class _Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention_norm, self.perceptron_norm = _Norm(CHANNELS), _Norm(CHANNELS)
        self.projections = nn.Linear(CHANNELS, 3 * CHANNELS)
        self.bias = nn.Parameter(torch.zeros(HEADS, WINDOW))
        self.mix = nn.Linear(CHANNELS, CHANNELS)
        self.perceptron = nn.Sequential(nn.Linear(CHANNELS, INNER), nn.ReLU(), nn.Linear(INNER, CHANNELS))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        batch, steps, _ = hidden.shape
        projected = self.projections(self.attention_norm(hidden))
        query, key, value = projected.view(batch, steps, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        back = torch.arange(steps)[:, None] - torch.arange(steps)
        seen = (back >= 0) & (back < WINDOW)
        bias = self.bias[:, back.clamp(0, WINDOW - 1)].masked_fill(~seen, -torch.inf)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        hidden = hidden + self.mix(mixed.transpose(1, 2).flatten(2))
        result: torch.Tensor = hidden + self.perceptron(self.perceptron_norm(hidden))
        return result


class _Norm(nn.BatchNorm1d):
    """Batch norm over columns (batch, steps, channels)."""

    def forward(self, columns: torch.Tensor) -> torch.Tensor:
        return super().forward(columns.flatten(0, 1)).view_as(columns)
