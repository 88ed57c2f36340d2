"""The Facial Action Transformer: the face network as a small transformer, in torch and as an int8 graph.

Every lip code of the window and every last command is a token. The model has no layer norm, which int8 would
pay for; its residual branches start small instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from liplab.export import Graph

Floats = NDArray[np.float32]

CODE_SIZE = 8
CODES_BEFORE, CODES_AHEAD = 4, 3
CODES = CODES_BEFORE + 1 + CODES_AHEAD
COMMANDS_BEFORE = 2  # own last commands that the network sees
WIDTH, HEADS, BLOCKS, HIDDEN = 32, 2, 2, 64
HEAD_WIDTH = WIDTH // HEADS
TOKENS = CODES + COMMANDS_BEFORE
# Small at first: what places and random output weights add to range and noise costs int8 11 dB otherwise.
PLACE_SPREAD = 0.1
OUT_SIZE = 0.1  # of the output weights, against torch's own start
BRANCH_SIZE = 0.5 / BLOCKS**0.5  # of a residual branch's last layer at first, against torch's own start


class _Block(nn.Module):
    """The weights of one block: attention of all tokens to all, then two dense layers, both residual."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH, bias=False)  # softmax would cancel a bias
        self.value = nn.Linear(WIDTH, WIDTH)
        self.mix = nn.Linear(WIDTH, WIDTH)
        self.widen = nn.Linear(WIDTH, HIDDEN)
        self.narrow = nn.Linear(HIDDEN, WIDTH)
        with torch.no_grad():
            for last in (self.mix, self.narrow):
                last.weight.mul_(BRANCH_SIZE)
                last.bias.zero_()


class _Fused(NamedTuple):
    """A block for rows without their shift: what biases before it have added to every row alike.

    `ask` and its bias take a row to one question a head (32, 2 * 32), (64,), to be held against the bare
    rows: query and key in one. `answer` (2 * 32, 32) takes the heads' mixtures of bare rows to the residual:
    value and mix in one. Of the dense layers only the first bias is left.
    """

    ask: torch.Tensor
    ask_bias: torch.Tensor
    answer: torch.Tensor
    widen: torch.Tensor
    widen_bias: torch.Tensor
    narrow: torch.Tensor


class FacialActionTransformer(nn.Module):
    """Lip codes (batch, 8, 8) and last commands (batch, 2, n), oldest first, to the next commands (batch, n).

    `channels` is n, the number of servos.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.codes = nn.Linear(CODE_SIZE, WIDTH)
        self.commands = nn.Linear(channels, WIDTH)
        self.places = nn.Parameter(PLACE_SPREAD * torch.randn(TOKENS, WIDTH))
        self.blocks = nn.ModuleList(_Block() for _ in range(BLOCKS))
        self.out = nn.Linear(TOKENS * WIDTH, channels)
        with torch.no_grad():
            self.out.weight.mul_(OUT_SIZE)

    def forward(self, codes: torch.Tensor, commands: torch.Tensor) -> torch.Tensor:
        return self.rollout(codes, commands)[:, 0]

    def rollout(self, codes: torch.Tensor, commands: torch.Tensor, jitter: float = 0.0) -> torch.Tensor:
        """Runs on its own commands over codes (batch, steps + 7, 8), from commands (batch, 2, n).

        Returns commands (batch, steps, n), not clipped; `jitter` is noise on the commands fed back.
        """
        batch, steps = len(codes), codes.shape[1] - CODES + 1
        shift = self.places.new_zeros(WIDTH)
        blocks = []
        for weights in self.blocks:
            assert isinstance(weights, _Block)
            fused, shift = _fuse(weights, shift)
            blocks.append(fused)
        out, out_bias = self.out.weight.T, self.out.bias + self.out.weight @ shift.repeat(TOKENS)
        # All codes become rows at once; the rest depends on the commands before.
        windows = self.codes(codes.transpose(0, 1)).unfold(0, CODES, 1).transpose(2, 3)
        heard = (windows + self.places[:CODES]).contiguous()
        command = self.commands.weight.T
        place = (self.places[CODES:] + self.commands.bias).repeat(batch, 1)
        noise = jitter * torch.randn(steps, batch, self.channels) if jitter else None
        given = []
        for step, rows in enumerate(heard.unbind()):
            done = commands.flatten(0, 1)
            done_rows = torch.addmm(place, done, command).view(batch, COMMANDS_BEFORE, WIDTH)
            rows = torch.cat([rows, done_rows], dim=1)
            for block in blocks:
                flat = rows.view(-1, WIDTH)
                asks = torch.addmm(block.ask_bias, flat, block.ask).view(batch, -1, WIDTH)
                attention = torch.bmm(asks, rows.transpose(1, 2)).softmax(-1)
                flat = torch.addmm(flat, torch.bmm(attention, rows).view(-1, HEADS * WIDTH), block.answer)
                hidden = torch.addmm(block.widen_bias, flat, block.widen).relu_()
                rows = torch.addmm(flat, hidden, block.narrow).view(batch, TOKENS, WIDTH)
            targets = torch.addmm(out_bias, rows.view(batch, -1), out)
            given.append(targets)
            back = nn.functional.hardtanh(targets, 0, 1)  # its gradient is cheaper than clamp's
            if noise is not None:
                back = back + noise[step]
            commands = torch.cat([commands[:, 1:], back[:, None]], dim=1)
        return torch.stack(given, dim=1)

    def graph(self) -> Graph:
        """The network as a graph for int8: inputs "codes" and "commands", output "targets"."""
        weights: dict[str, Floats] = {name: w.detach().numpy() for name, w in self.state_dict().items()}
        graph = Graph("lipwright face model")
        codes = graph.reshape(graph.input("codes", CODES * CODE_SIZE), CODES, CODE_SIZE)
        commands = graph.input("commands", COMMANDS_BEFORE * self.channels)
        commands = graph.reshape(commands, COMMANDS_BEFORE, self.channels)
        heard = graph.dense(codes, weights["codes.weight"], weights["codes.bias"])
        done = graph.dense(commands, weights["commands.weight"], weights["commands.bias"])
        rows = graph.add(graph.stack([heard, done]), graph.constant(weights["places"]))
        for number in range(BLOCKS):
            prefix = f"blocks.{number}."
            block = {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}
            heads = [_head(graph, rows, block, part) for part in _head_parts()]
            mixed = graph.dense(graph.concat(heads), block["mix.weight"], block["mix.bias"])
            rows = graph.add(rows, mixed)
            hidden = graph.dense(rows, block["widen.weight"], block["widen.bias"], relu=True)
            rows = graph.add(rows, graph.dense(hidden, block["narrow.weight"], block["narrow.bias"]))
        flat = graph.reshape(rows, 1, TOKENS * WIDTH)
        graph.output(graph.dense(flat, weights["out.weight"], weights["out.bias"]), "targets")
        return graph


def _head_parts() -> Iterator[slice]:
    """Each head's columns of queries, keys and values."""
    for head in range(HEADS):
        yield slice(head * HEAD_WIDTH, (head + 1) * HEAD_WIDTH)


def _head(graph: Graph, rows: int, block: dict[str, Floats], part: slice) -> int:
    """One attention head over rows (10, 32): a tensor (10, 16)."""
    scale = HEAD_WIDTH**-0.5
    query = graph.dense(rows, scale * block["query.weight"][part], scale * block["query.bias"][part])
    key = graph.dense(rows, block["key.weight"][part], np.zeros(HEAD_WIDTH))
    value = graph.dense(rows, block["value.weight"][part], block["value.bias"][part])
    return graph.matmul(graph.softmax(graph.matmul(query, key, transpose=True)), value)


def _fuse(block: _Block, shift: torch.Tensor) -> tuple[_Fused, torch.Tensor]:
    """A block for rows that lack `shift` (32,), and the shift that the block's result lacks.

    Head h holds Q_h row + b_h against K_h row': so (Q_h row + b_h) K_h can be held against the bare row'
    itself. What that leaves out is the same for every row', and softmax cancels it.
    """
    scale = HEAD_WIDTH**-0.5
    query = scale * block.query.weight.view(HEADS, HEAD_WIDTH, WIDTH)
    key = block.key.weight.view(HEADS, HEAD_WIDTH, WIDTH)
    value = block.value.weight.view(HEADS, HEAD_WIDTH, WIDTH)
    mix = block.mix.weight.view(WIDTH, HEADS, HEAD_WIDTH).permute(1, 2, 0)
    query_bias = scale * block.query.bias.view(HEADS, HEAD_WIDTH, 1)
    ask = (query.transpose(1, 2) @ key).transpose(0, 1).reshape(WIDTH, HEADS * WIDTH)
    ask_bias = (query_bias * key).sum(1).flatten() + shift @ ask
    answer = (value.transpose(1, 2) @ mix).reshape(HEADS * WIDTH, WIDTH)
    shift = shift + shift.repeat(HEADS) @ answer + block.mix.weight @ block.value.bias + block.mix.bias
    widen_bias = block.widen.bias + block.widen.weight @ shift
    fused = _Fused(ask, ask_bias, answer, block.widen.weight.T, widen_bias, block.narrow.weight.T)
    return fused, shift + block.narrow.bias
