"""Models written straight from weights: what the real runtime computes is what the float graph computes."""

import numpy as np
import pytest

from liplab.export import Graph, calibrate, snr_db, stream_float
from lipwright.tflite import Interpreter, StreamingGraph


def random_graph(seed, channels=32, taps=(4, 2, 1)):
    random = np.random.default_rng(seed)

    def weight(outputs, inputs):
        # Rows of very different size: per-channel scales must be in use for this to work.
        rows = np.exp(random.normal(0, 1.0, (outputs, 1))) if outputs == channels else 1.0
        return random.normal(0, inputs**-0.5, (outputs, inputs)) * rows

    graph = Graph("test")
    column = graph.dense(
        graph.input("features", 20), weight(channels, 20), random.normal(0, 0.1, channels), relu=True
    )
    past = graph.input("past", channels * len(taps))
    graph.output(column, "column")
    mixed = graph.dense(
        graph.concat([past, column]),
        weight(channels, channels * (len(taps) + 1)),
        np.zeros(channels),
        relu=True,
    )
    graph.output(graph.dense(graph.add(column, mixed), weight(6, channels), random.normal(0, 1, 6)), "result")
    return graph, [{"output": "column", "input": "past", "taps": list(taps)}]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_int8_stream_follows_the_float_stream(seed):
    graph, state = random_graph(seed)
    sequences = np.random.default_rng(seed + 10).normal(0, 1, (24, 200, 20)).astype(np.float32)
    model = graph.to_int8(calibrate(graph, state, {"features": sequences}))
    expected = stream_float(graph, state, {"features": sequences[:1]})[0]["result"][0]
    runtime = StreamingGraph(model, state)
    stream = runtime.initial_state()
    got = np.array([runtime.step({"features": step}, stream)["result"] for step in sequences[0]])
    assert snr_db(expected, got) > 22


def test_a_column_and_its_taps_share_a_scale():
    graph, state = random_graph(3)
    sequences = np.random.default_rng(3).normal(0, 1, (20, 50, 20)).astype(np.float32)
    interpreter = Interpreter(graph.to_int8(calibrate(graph, state, {"features": sequences})))
    column, past = interpreter.outputs["column"], interpreter.inputs["past"]
    assert (column.scale, column.zero_point) == (past.scale, past.zero_point)


def test_the_float_stream_looks_back_as_far_as_the_taps_say():
    graph = Graph("delay")
    column = graph.dense(graph.input("features", 1), np.eye(1), np.zeros(1))
    past = graph.input("past", 2)
    graph.output(column, "column")
    graph.output(
        graph.dense(graph.concat([past, column]), np.array([[100.0, 10.0, 1.0]]), np.zeros(1)), "result"
    )
    state = [{"output": "column", "input": "past", "taps": [3, 1]}]
    steps = np.arange(1.0, 6.0).reshape(1, 5, 1)
    result = stream_float(graph, state, {"features": steps})[0]["result"][0, :, 0]
    np.testing.assert_allclose(result, [1, 12, 23, 134, 245])


def test_weights_that_do_not_fit_are_refused():
    graph = Graph("test")
    source = graph.input("features", 4)
    with pytest.raises(ValueError, match="does not fit"):
        graph.dense(source, np.zeros((3, 5)), np.zeros(3))
    with pytest.raises(ValueError, match="cannot add"):
        graph.add(source, graph.input("other", 5))
