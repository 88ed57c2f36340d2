"""The Facial Action Transformer: its int8 graph is what torch computes, and streams well in the runtime."""

from __future__ import annotations

import time

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from liplab.discover.transformer import (  # noqa: E402  # noqa: E402
    CODE_SIZE,
    CODES,
    COMMANDS_BEFORE,
    TOKENS,
    WIDTH,
    FacialActionTransformer,
)
from liplab.export import Ranges, snr_db  # noqa: E402
from lipwright.tflite import Interpreter  # noqa: E402

CHANNELS = 11
REST = 0.4


def shaken(channels, seed=0):
    """A network whose every weight counts: biases and small starts made large."""
    torch.manual_seed(seed)
    network = FacialActionTransformer(channels)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return network


def smooth_codes(random, streams, steps):
    """Codes (streams, steps + 7, 8) that run in straight lines between random ones, five steps apart."""
    steps += CODES - 1
    corners = random.normal(0, 1, (streams, steps // 5 + 2, CODE_SIZE))
    before, part = np.divmod(np.arange(steps), 5)
    codes = corners[:, before] + (part / 5)[:, None] * (corners[:, before + 1] - corners[:, before])
    return codes.astype(np.float32)


@pytest.fixture(scope="module")
def taught():
    """A network that has learned a little: to follow a mix of its codes, squashed."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    mix = torch.from_numpy(random.normal(0, 0.25, (CODE_SIZE, CHANNELS)).astype(np.float32))
    network = FacialActionTransformer(CHANNELS)
    torch.nn.init.constant_(network.out.bias, REST)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for _ in range(100):
        codes = torch.from_numpy(smooth_codes(random, 32, 16))
        given = network.rollout(codes, torch.full((32, COMMANDS_BEFORE, CHANNELS), REST), 0.004)
        loss = (given - torch.sigmoid(codes[:, 4:-3] @ mix)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 * losses[0]
    return network.eval()


def stream_graph(graph, codes):
    """The float graph on its own commands: those (streams, steps, n), clipped, and all ranges."""
    commands = np.full((len(codes), COMMANDS_BEFORE, CHANNELS), REST, np.float32)
    ranges: Ranges = {}
    given = []
    for step in range(codes.shape[1] - CODES + 1):
        window = codes[:, step : step + CODES].reshape(len(codes), -1)
        tensors = graph.run({"codes": window, "commands": commands.reshape(len(codes), -1)})
        for number, tensor in tensors.items():
            low, high = ranges.get(number, (0.0, 0.0))
            ranges[number] = (min(low, float(tensor.min())), max(high, float(tensor.max())))
        given.append(np.clip(tensors[graph.outputs["targets"]], 0, 1))
        commands = np.concatenate([commands[:, 1:], given[-1][:, None]], axis=1)
    ranges[graph.outputs["targets"]] = (-0.02, 1.02)
    return np.stack(given, axis=1), ranges


@pytest.mark.parametrize("channels", [1, 11, 32])
def test_the_graph_is_what_torch_computes(channels):
    network = shaken(channels)
    codes, commands = torch.randn(20, CODES, CODE_SIZE), torch.rand(20, COMMANDS_BEFORE, channels)
    with torch.no_grad():
        expected = network(codes, commands).numpy()
    graph = network.graph()
    got = graph.run({"codes": codes.flatten(1).numpy(), "commands": commands.flatten(1).numpy()})
    assert expected.std() > 0.1
    np.testing.assert_allclose(got[graph.outputs["targets"]], expected, rtol=1e-5, atol=1e-5)


def test_the_rollout_is_the_network_fed_with_its_own_commands():
    network = shaken(CHANNELS)
    codes = torch.randn(3, CODES + 4, CODE_SIZE)
    commands = torch.rand(3, COMMANDS_BEFORE, CHANNELS)
    with torch.no_grad():
        rolled = network.rollout(codes, commands)
        for step in range(5):
            given = network(codes[:, step : step + CODES], commands)
            np.testing.assert_allclose(rolled[:, step].numpy(), given.numpy(), atol=1e-5)
            commands = torch.cat([commands[:, 1:], given.clamp(0, 1)[:, None]], dim=1)


def test_every_weight_learns_from_a_rollout():
    network = shaken(CHANNELS)
    rolled = network.rollout(torch.randn(8, CODES + 3, CODE_SIZE), torch.rand(8, COMMANDS_BEFORE, CHANNELS))
    rolled.square().mean().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None and bool((weight.grad != 0).any()), name


def test_jitter_moves_what_is_fed_back():
    network = shaken(CHANNELS)
    codes, commands = torch.randn(2, CODES + 1, CODE_SIZE), torch.rand(2, COMMANDS_BEFORE, CHANNELS)
    with torch.no_grad():
        plain, moved = network.rollout(codes, commands), network.rollout(codes, commands, 0.1)
    np.testing.assert_allclose(plain[:, 0].numpy(), moved[:, 0].numpy(), atol=1e-6)
    assert not np.allclose(plain[:, 1].numpy(), moved[:, 1].numpy(), atol=1e-3)


def test_a_fresh_network_stays_near_its_bias():
    torch.manual_seed(1)
    network = FacialActionTransformer(CHANNELS)
    torch.nn.init.constant_(network.out.bias, REST)
    with torch.no_grad():
        given = network(torch.randn(100, CODES, CODE_SIZE), torch.rand(100, COMMANDS_BEFORE, CHANNELS))
    assert float((given - REST).abs().max()) < 0.3
    assert network.out.weight.shape == (CHANNELS, TOKENS * WIDTH)


def test_the_int8_model_streams_as_the_float_one_does(taught):
    random = np.random.default_rng(5)
    graph = taught.graph()
    interpreter = Interpreter(graph.to_int8(stream_graph(graph, smooth_codes(random, 32, 200))[1]))
    codes = smooth_codes(random, 1, 400)
    expected = stream_graph(graph, codes)[0][0]
    heard, done, targets = (
        interpreter.inputs["codes"],
        interpreter.inputs["commands"],
        interpreter.outputs["targets"],
    )
    commands = np.full((COMMANDS_BEFORE, CHANNELS), REST, np.float32)
    given, times = [], []
    for step in range(len(expected)):
        start = time.perf_counter()
        interpreter.set(heard, heard.quantize(codes[0, step : step + CODES]))
        interpreter.set(done, done.quantize(commands))
        interpreter.invoke()
        given.append(np.clip(targets.dequantize(interpreter.get(targets))[0], 0, 1))
        times.append(time.perf_counter() - start)
        commands = np.stack([commands[1], given[-1]])
    assert snr_db(expected, np.array(given)) >= 25
    assert np.median(times) <= 1e-3  # 0.2 ms on a PC's core
