"""Models written straight from weights: what the real runtime computes is what the float graph computes."""

import numpy as np
import pytest

from liplab.export import Graph, Ranges, calibrate, ranges_of, snr_db, stream_float
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


def test_a_model_tells_the_ranges_that_it_was_quantized_with():
    graph, state = random_graph(4)
    sequences = np.random.default_rng(4).normal(0, 1, (20, 50, 20)).astype(np.float32)
    ranges = calibrate(graph, state, {"features": sequences})
    model = graph.to_int8(ranges)
    told = ranges_of(model, graph)
    assert graph.to_int8(told) == model
    result = graph.outputs["result"]
    step = (ranges[result][1] - ranges[result][0]) / 255
    assert np.allclose(told[result], ranges[result], atol=step)


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
    rows = graph.reshape(source, 2, 2)
    with pytest.raises(ValueError, match="cannot reshape"):
        graph.reshape(source, 3, 2)
    with pytest.raises(ValueError, match="cannot join"):
        graph.stack([source, rows])
    with pytest.raises(ValueError, match="cannot multiply"):
        graph.matmul(rows, source)


ROWS, COLUMNS = 6, 8


def tokens():
    """A graph with one input, in rows of COLUMNS."""
    graph = Graph("test")
    return graph, graph.reshape(graph.input("x", ROWS * COLUMNS), ROWS, COLUMNS)


def run_both(graph, result, seed=0, count=200):
    """A tensor's values by the float graph and by the int8 model, on the same int8 inputs."""
    values = np.random.default_rng(seed).normal(0, 1, (count, ROWS * COLUMNS)).astype(np.float32)
    graph.output(result, "result")
    ranges: Ranges = {
        number: (float(tensor.min()), float(tensor.max()))
        for number, tensor in graph.run({"x": values}).items()
    }
    interpreter = Interpreter(graph.to_int8(ranges))
    source, sink = interpreter.inputs["x"], interpreter.outputs["result"]
    numbers = np.concatenate([source.quantize(row) for row in values])
    got = []
    for row in numbers:
        interpreter.set(source, row[None])
        interpreter.invoke()
        got.append(sink.dequantize(interpreter.get(sink)))
    expected = graph.run({"x": source.dequantize(numbers)})[result]
    return expected.reshape(count, *graph.shapes[result]), np.stack(got).reshape(count, *graph.shapes[result])


def test_a_dense_layer_is_shared_by_rows():
    graph, x = tokens()
    random = np.random.default_rng(1)
    weight, bias = random.normal(0, 1, (5, COLUMNS)), random.normal(0, 1, 5)
    expected, got = run_both(graph, graph.dense(x, weight, bias))
    assert expected.shape == (200, ROWS, 5)
    assert snr_db(expected, got) > 37


def test_reshaping_stacking_and_joining_columns_are_exact():
    graph, x = tokens()
    turned = graph.reshape(x, COLUMNS, ROWS)
    beside = graph.concat([turned, turned])
    below = graph.stack([beside, beside, beside])
    expected, got = run_both(graph, below)
    np.testing.assert_array_equal(expected, got)
    assert expected.shape == (200, 3 * COLUMNS, 2 * ROWS)
    np.testing.assert_array_equal(expected[:, COLUMNS : 2 * COLUMNS, ROWS:], expected[:, :COLUMNS, :ROWS])


def test_a_constant_is_added():
    graph, x = tokens()
    constant = np.random.default_rng(2).normal(0, 2, (ROWS, COLUMNS))
    expected, got = run_both(graph, graph.add(x, graph.constant(constant)))
    assert snr_db(expected, got) > 39


@pytest.mark.parametrize("transpose", [False, True])
def test_two_activations_are_multiplied(transpose):
    graph, x = tokens()
    random = np.random.default_rng(3)
    left = graph.dense(x, random.normal(0, 1, (4, COLUMNS)), np.zeros(4))
    size = 4 if transpose else ROWS
    right = graph.dense(x, random.normal(0, 1, (size, COLUMNS)), np.ones(size))
    if not transpose:
        left = graph.dense(left, random.normal(0, 1, (ROWS, 4)), np.zeros(ROWS))
    result = graph.matmul(left, right, transpose)
    assert graph.shapes[result] == (ROWS, ROWS)
    expected, got = run_both(graph, result)
    assert snr_db(expected, got) > 31


def test_softmax_is_within_two_steps_of_its_fixed_scale():
    graph, x = tokens()
    expected, got = run_both(graph, graph.softmax(x))
    np.testing.assert_allclose(expected.sum(axis=2), 1, atol=1e-5)
    assert np.abs(expected - got).max() <= 2 / 256
    assert snr_db(expected, got) > 38


def test_what_shares_a_scale_with_a_softmax_stays_within_0_and_1():
    graph, x = tokens()
    graph.concat([graph.softmax(x), x])
    ranges = {number: (-1.0, 1.0) for number in range(len(graph.shapes))}
    with pytest.raises(ValueError, match="leaves 0 to 1"):
        graph.to_int8(ranges)


def test_attention_in_int8_follows_float():
    graph, x = tokens()
    random = np.random.default_rng(4)
    parts = [graph.dense(x, random.normal(0, COLUMNS**-0.5, (4, COLUMNS)), np.zeros(4)) for _ in range(3)]
    weights = graph.softmax(graph.matmul(parts[0], parts[1], transpose=True))
    expected, got = run_both(graph, graph.matmul(weights, parts[2]))
    assert snr_db(expected, got) > 30
