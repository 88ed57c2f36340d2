"""How busy the firmware keeps a Raspberry Pi Pico (RP2040, 125 MHz): reasoned from counts, not measured.

callgrind counts the instructions of a tick and of a frame on MicroPython's 32-bit port (count.py in
mcu/ports/unix does them so and so often). Counts are exact, however busy this machine is. Then, of a second:

    load = ticks x (tick + bus)  +  frames x (frame + its bytes)  +  requests  +  memory

- tick, frame, request: instructions x CYCLES_PER_INSTRUCTION x CACHE_MISSES / 125 MHz. The scale comes from
  loops whose time on an RP2040 is known from an emulator: interpolation, PCA9685 packing, COBS, CRC and CBOR
  for 26 channels, each in bytecode, native and viper. Counted here, they take 1.3 to 1.5 cycles an x86
  instruction in bytecode and native. In viper it is 0.7 to 0.9, and 1.65 for COBS: the way into a kernel
  costs x86 much and an RP2040 little, which makes up for loops that are dearer there. So 1.5 serves all. Each
  run checks it on `uncobs`, whose times in the emulator are COBS_US; the frame there was another one, so the
  check is good to a fifth.
- The emulator knows no misses of the flash cache (16 kB). A tenth more is an assumption.
- bus: I2C blocks. Nine clocks a byte, address and register before the data, and what a transfer needs
  besides.
- bytes: standard input on a Pico hands out a byte at a time, 34 to 45 us each; the upper figure.
- requests: a status twice a second and one exchange for the clock, each counted as a status asked for.
- memory: one collection a second on a full heap, and the count of what is free.

Frames are those of a mouth that moves without a pause, as the host encodes them; beside them full frames
only, which is the most that a host ever sends.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from facewire import constants as wire
from liplab.driven_process import command
from lipwright.errors import LipwrightError
from lipwright.face.profile import HeadProfile, load_profile
from lipwright.link import messages as m
from lipwright.link.frames import FrameEncoder, board_profile, positions_of

HERTZ = 125e6
# By the interpreter that was counted: 64-bit code needs fewer instructions for the same.
CYCLES_PER_INSTRUCTION = {"micropython32": 1.5, "micropython64": 1.75}
CACHE_MISSES = 1.1
# From the emulator, of a frame of 67 bytes: in machine code and in bytecode.
COBS_BYTES = 67
COBS_US = {"viper": 42.0, "bytecode": 767.0}

FRAME_HZ = 50
REQUESTS_HZ = 3
STDIN_BYTE_US = 45.0
MEMORY_US = 4200.0 + 1000.0
BUS_HZ = 400_000
FAST_BUS_HZ = 1_000_000
CLOCKS_PER_BYTE = 9
BURST_BYTES = 2  # address and register
TRANSFER_US = 15.0
PINS = 16
REGISTERS = 4

TIMES = 48
# As count.py: board time when the frames begin, and how far ahead of it they are.
START_MS = 6000
AHEAD_MS = 120
HEAP_KILOBYTES = 8192  # so much that no collection falls into what is counted
# What to count: (part, kind of frames); each without its start, which is the first one's.
NOTHING = ("nothing", "mouth")
COUNTED = (
    NOTHING,
    ("rest", "mouth"),
    ("follow", "mouth"),
    ("give", "mouth"),
    ("read", "mouth"),
    ("give", "full"),
    ("read", "full"),
    ("read", "empty"),
    ("read", "status"),
    ("restore", "full"),
    ("uncobs", "full"),
    ("uncobs_plain", "full"),
)
_COLLECTED = re.compile(r"Collected : (\d+)")

Counts = Mapping[tuple[str, str], float]


def bench_load() -> dict[str, Any]:
    """Instructions of each part, and the load of an RP2040 that follows; flat keys.

    Without valgrind, or without one that runs MicroPython, `instructions_missing` says what to do.
    """
    profile = load_profile()
    if shutil.which("valgrind") is None:
        return {"instructions_missing": "install valgrind: sudo apt install valgrind"}
    problem = ""
    for interpreter in CYCLES_PER_INSTRUCTION:
        try:
            counts = count(interpreter, profile)
        except LipwrightError as error:
            problem = problem or str(error)
            continue
        return {
            "instructions_counted_on": interpreter,
            **instructions(counts, profile),
            **load(interpreter, counts, profile),
        }
    return {"instructions_missing": problem}


def count(interpreter: str, profile: HeadProfile) -> dict[tuple[str, str], float]:
    """Instructions of what `COUNTED` names, each done once. Raises LipwrightError if valgrind fails."""
    kinds = frames(profile)
    collected = {
        (part, kind): _collect(interpreter, profile, kinds, part, kind)
        for part, kind in tqdm(COUNTED, unit="part", desc=f"callgrind, {interpreter}")
    }
    start = collected[NOTHING]
    return {what: (number - start) / TIMES for what, number in collected.items()}


def frames(profile: HeadProfile) -> dict[str, list[bytes]]:
    """TIMES frames on the wire, of each kind: as a talking mouth needs them, full ones of a head that moves
    all over, ones without a change, and requests for the status."""
    count = len(profile.channels)
    encoder = FrameEncoder(count)
    mouth = profile.indices("mouth")
    found: dict[str, list[bytes]] = {"mouth": [], "full": [], "empty": [], "status": []}
    for number in range(TIMES):
        time_ms = START_MS + AHEAD_MS + number * 1000 // FRAME_HZ
        targets = profile.rest_targets()
        targets[mouth] = 0.5 + 0.4 * np.sin(0.25 * number + np.arange(len(mouth)))
        positions = positions_of(targets)
        found["mouth"].append(encoder.encode(positions, time_ms, number / FRAME_HZ))
        positions = positions_of(0.5 + 0.4 * np.sin(0.25 * number + np.arange(count)))
        found["full"].append(m.encode(m.FullFrame(number, time_ms, positions)))
        based = number % wire.BASE_INTERVAL
        empty = m.CompactFrame(number, time_ms, {}) if based else m.FullFrame(number, time_ms, positions)
        found["empty"].append(m.encode(empty))
        found["status"].append(m.encode(m.StatusRequest(1 + number)))
    return found


def _collect(
    interpreter: str, profile: HeadProfile, kinds: Mapping[str, Sequence[bytes]], part: str, kind: str
) -> int:
    """Instructions of a process that does the part TIMES times."""
    asked = {
        "part": part,
        "kind": kind,
        "times": TIMES,
        "profile": board_profile(profile).body().hex(),
        "frames": {name: [frame.hex() for frame in some] for name, some in kinds.items()},
    }
    with tempfile.TemporaryDirectory(prefix="lipwright-count-") as flash:
        program, name = command(interpreter, "count", Path(flash), HEAP_KILOBYTES)
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *program],
            input=json.dumps(asked) + "\n",
            capture_output=True,
            text=True,
            cwd=flash,
            check=False,
        )
    match = _COLLECTED.search(done.stderr)
    if done.returncode or match is None:
        if "nrecognised instruction" in done.stderr or "nhandled instruction" in done.stderr:
            raise LipwrightError(
                f"this valgrind is too old to run {name}; version 3.24, from Debian trixie, does."
            )
        raise LipwrightError(f"valgrind could not run {name}: {done.stderr.strip()[-300:]}")
    return int(match[1])


def instructions(counts: Counts, profile: HeadProfile) -> dict[str, Any]:
    """The counts under their names."""
    kinds = frames(profile)
    full, empty = (float(np.mean([len(frame) for frame in kinds[kind]])) for kind in ("full", "empty"))
    a_byte = (counts["read", "full"] - counts["read", "empty"]) / (full - empty)
    return {
        "tick_resting_instructions": round(counts["rest", "mouth"]),
        "tick_following_instructions": round(_tick(counts)),
        "tick_with_frame_instructions": round(_tick(counts) + _frame(counts, "mouth")),
        "frame_instructions": round(_frame(counts, "mouth")),
        "frame_full_instructions": round(_frame(counts, "full")),
        "frame_byte_instructions": round(a_byte, 1),
        "status_instructions": round(_request(counts)),
    }


def load(interpreter: str, counts: Counts, profile: HeadProfile) -> dict[str, Any]:
    """What an RP2040 needs, and how well the scale holds."""
    kinds = frames(profile)
    tick_hz = board_profile(profile).tick_hz
    a_tick = rp2040_us(interpreter, _tick(counts))
    requests = REQUESTS_HZ * rp2040_us(interpreter, _request(counts))
    outputs = [channel.output for channel in profile.channels]
    figures: dict[str, Any] = {"tick_rp2040_us": round(a_tick)}
    sizes = {kind: float(np.mean([len(frame) for frame in kinds[kind]])) for kind in ("mouth", "full")}
    per_frame = {}
    for kind, size in sizes.items():
        per_frame[kind] = rp2040_us(interpreter, _frame(counts, kind)) + size * STDIN_BYTE_US
        figures[f"frame_{kind}_bytes_mean"] = round(size, 1)
        figures[f"frame_{kind}_rp2040_us"] = round(per_frame[kind])
    for name, bus_hz in (("", BUS_HZ), ("1mhz_", FAST_BUS_HZ)):
        bus = bus_us(outputs, bus_hz)
        figures[f"bus_{name}rp2040_us"] = round(bus)
        for suffix, kind in (("", "mouth"), ("_full_frames", "full")):
            busy_us = tick_hz * (a_tick + bus) + FRAME_HZ * per_frame[kind] + requests + MEMORY_US
            figures[f"tick_load_rp2040_{name}percent{suffix}"] = round(busy_us / 1e4, 1)
    decoded = {
        "viper": counts["uncobs", "full"] - counts["restore", "full"],
        "bytecode": counts["uncobs_plain", "full"] - counts["restore", "full"],
    }
    frame_bytes = len(kinds["full"][0]) - 1  # count.py decodes the first, without its zero
    for form, number in decoded.items():
        found = rp2040_us(interpreter, number) / CACHE_MISSES * COBS_BYTES / frame_bytes
        figures[f"scale_check_cobs_{form}_us"] = round(found, 1)
        figures[f"scale_check_cobs_{form}_emulator_us"] = COBS_US[form]
    return figures


def rp2040_us(interpreter: str, number: float) -> float:
    """Microseconds that an RP2040 needs for what takes so many instructions here."""
    return number * CYCLES_PER_INSTRUCTION[interpreter] * CACHE_MISSES / HERTZ * 1e6


def bus_us(outputs: Sequence[int], bus_hz: int) -> float:
    """Microseconds that a tick's bursts take: to each chip from its first pin to the last that is used."""
    chips = {output // PINS for output in outputs}
    total = 0.0
    for chip in chips:
        pins = 1 + max(output % PINS for output in outputs if output // PINS == chip)
        total += (BURST_BYTES + pins * REGISTERS) * CLOCKS_PER_BYTE / bus_hz * 1e6 + TRANSFER_US
    return total


def reasoning(figures: Mapping[str, Any]) -> str:
    """How the load came about, in words, with its numbers."""
    scale = CYCLES_PER_INSTRUCTION[figures["instructions_counted_on"]]
    lines = [
        f"RP2040 at {HERTZ / 1e6:.0f} MHz: instructions counted here x {scale} cycles x {CACHE_MISSES} for"
        " misses of the flash cache; reasoned, not measured.",
        f"  a tick that follows frames: {figures['tick_following_instructions']:,} instructions,"
        f" {figures['tick_rp2040_us']} us, and the bus {figures['bus_rp2040_us']} us at 400 kHz,"
        f" {figures['bus_1mhz_rp2040_us']} us at 1 MHz",
        f"  a frame: {figures['frame_instructions']:,} instructions, and {STDIN_BYTE_US:g} us a byte of"
        f" standard input: {figures['frame_mouth_rp2040_us']} us for"
        f" {figures['frame_mouth_bytes_mean']} bytes",
    ]
    lines += [
        f"  scale: COBS of {COBS_BYTES} bytes in {form} takes {figures[f'scale_check_cobs_{form}_us']} us by"
        f" it, and {COBS_US[form]:g} us in an emulator"
        for form in COBS_US
    ]
    return "\n".join(lines)


def _tick(counts: Counts) -> float:
    """One tick that follows frames, without reading them."""
    return (counts["follow", "mouth"] - counts["read", "mouth"]) / 2


def _frame(counts: Counts, kind: str) -> float:
    return counts["read", kind] - counts["give", kind]


def _request(counts: Counts) -> float:
    return counts["read", "status"] - counts["give", "mouth"]
