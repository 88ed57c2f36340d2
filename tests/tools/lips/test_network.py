"""The lip network: its stream equals its whole-clip pass, it looks ahead no further than it says."""

import hashlib
import json

import numpy as np
import pytest
import torch

from liplab.export import stream_float
from liplab.lips.attention import AttentionTrunk
from liplab.lips.code import learn_code, load_code, save_code
from liplab.lips.network import ConvolutionalTrunk, LipNetwork, streaming_graph
from liplab.lips.package import write_model
from lipwright.errors import LipwrightError
from lipwright.lips.model import LipModel


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(3)
    network = LipNetwork()
    network.train()
    for _ in range(3):  # moves the running means away from their start
        network(torch.randn(4, 200, 160) - 2)
    return network.eval()


@pytest.fixture(scope="module")
def sound():
    return (np.random.default_rng(0).normal(-2, 1.2, (24, 150, 160))).astype(np.float32)


def test_the_streaming_graph_equals_the_whole_clip_pass(network, sound):
    graph, state = streaming_graph(network.weights())
    streamed, _ = stream_float(graph, state, {"features": sound[:2]})
    with torch.no_grad():
        code = network(torch.from_numpy(sound[:2])).code.numpy()
    np.testing.assert_allclose(streamed["code"], code, atol=2e-4)


@pytest.mark.parametrize("trunk", [ConvolutionalTrunk, AttentionTrunk])
def test_nothing_is_known_of_later_steps(trunk, sound):
    network = LipNetwork(trunk()).eval()
    changed = sound[:1].copy()
    changed[:, 100:] += 1
    with torch.no_grad():
        before, after = (network(torch.from_numpy(features)).code for features in (sound[:1], changed))
    assert torch.equal(before[:, :100], after[:, :100])
    assert not torch.allclose(before[:, 100:], after[:, 100:])


def test_the_two_trunks_cost_the_same_within_a_tenth():
    costs = ConvolutionalTrunk.multiplications(), AttentionTrunk.multiplications()
    assert max(costs) < 1.1 * min(costs)


def test_the_packaged_int8_model_follows_the_network(network, sound, tmp_path):
    path = tmp_path / "lip_model.tflite"
    metadata = write_model(network.weights(), sound, path, {"training": {"seed": 3}})
    assert metadata["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert json.loads(path.with_suffix(".json").read_text())["training"] == {"seed": 3}
    model = LipModel.load(path)
    state = model.initial_state()
    frames = [model.step(step.reshape(2, 80), state) for step in sound[0]]
    with torch.no_grad():
        heard = network(torch.from_numpy(sound[:1]))
    code, articulation = heard.code[0].numpy(), heard.articulation[0].numpy()
    for expected, got in ((code, [f.code for f in frames]), (articulation, [f.articulation for f in frames])):
        error = np.mean((np.array(got) - expected) ** 2)
        assert 10 * np.log10(np.var(expected) / error) > 24


def test_the_lip_code_is_learned_and_read_back(tmp_path, monkeypatch):
    monkeypatch.setattr("liplab.lips.code.STEPS", 400)
    random = np.random.default_rng(0)
    hidden = random.uniform(0, 1, (3000, 5)).astype(np.float32)
    lips = np.tanh(hidden @ random.normal(0, 1, (5, 60))).astype(np.float32) * 4
    code, errors = learn_code(lips, hidden, hidden[:500])
    assert errors["aperture_rmse"] < 0.12
    assert errors["asked_aperture_rmse"] < 0.12
    save_code(code, tmp_path / "code.npz")
    again = load_code(tmp_path / "code.npz")
    some = torch.from_numpy(hidden[:10])
    assert torch.equal(again.code_of(some), code.code_of(some))
    with pytest.raises(LipwrightError, match="no lip code"):
        load_code(tmp_path / "other.npz")
