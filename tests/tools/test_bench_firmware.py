"""What the firmware costs: exact counts, a scale that holds, and the load that follows for an RP2040."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from liplab import bench_load
from liplab.bench_code import bench_code, kernel_bytes
from liplab.bench_load import BUS_HZ, COUNTED, EMULATOR_US, FAST_BUS_HZ, bus_us, frames, load
from lipwright.errors import LipwrightError
from lipwright.face.profile import load_profile

# One group of four outputs, and the other chip's sign of life; all outputs of chips with 16 and 10.
BUS = {"mouth": {"transfers": 2.0, "bytes": 17.0}, "full": {"transfers": 2.0, "bytes": 104.0}}
# Bars of the default: 26 channels, 100 ticks and 50 frames a second.
MOST_PERCENT = 60
MOST_PERCENT_1MHZ = 35
MICROPYTHON_HEAP_BYTES = 192 * 1024


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    if shutil.which("valgrind") is None:
        pytest.skip("NOT TESTED: valgrind is not installed")
    return bench_load.bench_load()


def test_the_scale_holds_where_the_cost_on_an_rp2040_is_known(figures: dict[str, Any]) -> None:
    for name in EMULATOR_US:
        found = figures[f"scale_check_{name}_us"]
        assert found == pytest.approx(figures[f"scale_check_{name}_emulator_us"], rel=0.25)


def test_an_rp2040_has_time_to_spare(figures: dict[str, Any]) -> None:
    for port in ("", "uart_"):
        for kind in ("", "_full_frames"):
            assert figures[f"tick_load_rp2040_{port}percent{kind}"] <= MOST_PERCENT
        assert figures[f"tick_load_rp2040_{port}1mhz_percent"] <= MOST_PERCENT_1MHZ
    for name in ("percent", "1mhz_percent"):
        over_usb, over_a_uart = (figures[f"tick_load_rp2040_{port}{name}"] for port in ("", "uart_"))
        assert 0 < over_a_uart < over_usb < figures[f"tick_load_rp2040_{name}_full_frames"]


def test_a_mouth_takes_less_of_the_bus_than_a_whole_head(figures: dict[str, Any]) -> None:
    """The mouth's eleven outputs are in three groups of four; the other chip is told what it knows."""
    least = bus_us(2, 3 * 16 + 1, BUS_HZ)
    assert least <= figures["bus_rp2040_us"] <= 1.1 * least, "and everything again four times a second"
    assert figures["bus_rp2040_us_full_frames"] == round(bus_us(2, 104, BUS_HZ))


def test_what_is_counted_grows_with_the_work(figures: dict[str, Any]) -> None:
    assert 0 < figures["tick_resting_instructions"] < figures["tick_following_instructions"]
    assert figures["tick_following_instructions"] < figures["tick_with_frame_instructions"]
    assert 0 < figures["frame_byte_instructions"] < 1000


def made_up_counts(**changed: float) -> dict[tuple[str, str], float]:
    return {what: changed.get("_".join(what), 1000.0) for what in COUNTED}


def test_the_load_is_the_sum_of_its_parts() -> None:
    profile = load_profile()
    idle = load("micropython32", made_up_counts(), BUS, profile)
    busy = load("micropython32", made_up_counts(follow_mouth=202_000), BUS, profile)
    added_us = 100_000 * 1.5 * 1.1 / 125  # a tick is half of what was added
    assert busy["tick_rp2040_us"] == pytest.approx(added_us, abs=1)
    added = busy["tick_load_rp2040_percent"] - idle["tick_load_rp2040_percent"]
    assert added == pytest.approx(100 * added_us / 1e4, abs=0.11)
    buses = (bus_us(2, 17, BUS_HZ) - bus_us(2, 17, FAST_BUS_HZ)) * 100 / 1e4
    assert idle["tick_load_rp2040_percent"] - idle["tick_load_rp2040_1mhz_percent"] == pytest.approx(
        buses, abs=0.11
    )


def test_the_bus_takes_what_was_measured_for_26_channels() -> None:
    assert bus_us(2, 104, BUS_HZ) == pytest.approx(2470, rel=0.02)
    assert bus_us(2, 104, FAST_BUS_HZ) == pytest.approx(1010, rel=0.02)
    assert bus_us(1, 4, BUS_HZ) < bus_us(1, 64, BUS_HZ) < bus_us(2, 64, BUS_HZ)


def test_frames_are_those_of_a_host() -> None:
    kinds = frames(load_profile())
    assert {len(some) for some in kinds.values()} == {bench_load.SETTLE_FRAMES + bench_load.TIMES}
    assert max(map(len, kinds["mouth"])) <= 57
    assert len(kinds["empty"][1]) < len(kinds["mouth"][1]) < len(kinds["full"][1])


def test_without_valgrind_the_bench_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert "apt install valgrind" in bench_load.bench_load()["instructions_missing"]


def test_a_valgrind_that_does_not_run_micropython_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "valgrind"
    old.write_text("#!/bin/sh\necho 'valgrind: Unrecognised instruction at address 0x1' >&2\nexit 132\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(bench_load, "COUNTED", COUNTED[:1])
    missing = bench_load.bench_load()["instructions_missing"]
    assert "too old" in missing and "3.24" in missing


def test_the_kernels_are_machine_code_on_every_kind_of_board() -> None:
    figures = bench_code()
    if "machine_code_missing" in figures:
        pytest.skip(f"NOT TESTED: {figures['machine_code_missing']}")
    for architecture in ("armv6m", "armv7emsp", "xtensawin"):
        total = figures[f"machine_code_{architecture}_bytes"]
        assert 1000 < total < MICROPYTHON_HEAP_BYTES / 10
        parts = {
            name: size
            for name, size in figures.items()
            if name.startswith(f"machine_code_{architecture}_") and name.count("_") > 3
        }
        assert sum(parts.values()) == total
        assert parts[f"machine_code_{architecture}_hermite_bytes"] > 100
    assert figures["machine_code_armv7emsp_bytes"] < figures["machine_code_armv6m_bytes"]


def test_what_is_no_mpy_file_is_refused() -> None:
    with pytest.raises(LipwrightError, match="version 6"):
        kernel_bytes(b"M\x05\x00\x1f")
