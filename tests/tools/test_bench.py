"""The figures that the project quotes of wire and firmware."""

from liplab.bench_firmware import bench_firmware
from liplab.bench_wire import bench_wire
from lipwright import resources


def test_speech_keeps_to_the_wire_budget_and_beats_other_encodings():
    figures = bench_wire(resources.shipped_clip())
    assert figures["channels"] == 26
    assert figures["frames"] > 100
    assert figures["bytes_full_frame_max"] <= 64
    assert figures["bytes_frame_max"] <= 64
    assert figures["bytes_frame_mean"] <= 45
    for other in ("json_", "cbor_array_", "five_byte_per_servo_"):
        assert figures["bytes_frame_mean"] < figures[f"{other}bytes_frame_mean"] / 2


def test_neither_a_tick_nor_a_frame_allocates_memory():
    figures = bench_firmware()
    interpreters = [name for name in ("micropython64", "micropython32") if f"{name}_missing" not in figures]
    assert interpreters
    for name in interpreters:
        assert figures[f"{name}_tick_allocated_bytes_max"] == 0
        assert figures[f"{name}_frame_allocated_bytes_max"] == 0
    for name in (*interpreters, "cpython"):
        assert 0 < figures[f"{name}_tick_us_p50"] <= figures[f"{name}_tick_us_p99"] < 10_000
