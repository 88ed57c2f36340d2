"""The cost bench of the lip model: its counts are exact, its estimates ordered."""

import shutil

import numpy as np
import pytest

from liplab import bench_lips
from liplab.export import Graph, calibrate
from lipwright import resources
from lipwright.lips.model import MODEL_NAME


def test_multiply_accumulates_are_the_weights_of_the_dense_layers(tmp_path, monkeypatch):
    graph, random = Graph("small"), np.random.default_rng(1)
    hidden = graph.dense(graph.input("x", 10), random.normal(size=(7, 10)), np.zeros(7), relu=True)
    graph.output(graph.dense(graph.add(hidden, hidden), random.normal(size=(3, 7)), np.zeros(3)), "y")
    model = graph.to_int8(calibrate(graph, [], {"x": random.normal(size=(20, 40, 10))}))
    monkeypatch.setattr("lipwright.tflite.read_model", lambda path: (model, {}))
    assert bench_lips.multiply_accumulates(tmp_path) == 10 * 7 + 7 * 3


def test_the_shipped_model_keeps_its_step_and_size(monkeypatch):
    monkeypatch.setattr(bench_lips, "STEPS", 200)
    path = resources.models_dir() / MODEL_NAME
    figures = bench_lips.time_steps(path)
    assert 0 < figures["step_ms_p50"] <= figures["step_ms_p99"] <= figures["step_ms_max"]
    assert figures["realtime_factor"] > 1  # more would flicker on a busy machine
    assert figures["lookahead_ms"] <= 80
    assert path.stat().st_size <= 600_000
    # Int8 weights are most of the file.
    assert path.stat().st_size / 2 < bench_lips.multiply_accumulates(path) < path.stat().st_size


@pytest.mark.parametrize("board", bench_lips.BOARDS, ids=lambda board: board.key)
def test_an_estimate_has_its_bounds_in_order_and_grows_with_the_work(board):
    small = bench_lips.estimate(board, 1_000_000, 400_000)
    large = bench_lips.estimate(board, 2_000_000, 400_000)
    low, high = f"{board.key}_step_ms_low", f"{board.key}_step_ms_high"
    assert 0 < small[low] < small[high] < large[high]
    assert large[low] == pytest.approx(2 * small[low], rel=0.03)
    assert small[f"{board.key}_load_percent_high"] == pytest.approx(small[high] * 5, rel=0.03)


def test_without_valgrind_the_bench_says_what_to_install(monkeypatch):
    monkeypatch.setattr(bench_lips, "STEPS", 50)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    figures = bench_lips.bench_lips()
    assert "apt install valgrind" in figures["instructions_missing"]
    assert not [key for key in figures if key.startswith("pi_")]


def test_what_callgrind_watches_runs_in_every_part():
    for part in bench_lips.PARTS:
        bench_lips.drive(part, str(resources.models_dir() / MODEL_NAME))
