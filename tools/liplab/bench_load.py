"""How busy the firmware keeps a Raspberry Pi Pico (RP2040, 125 MHz): reasoned from counts, not measured.

callgrind counts the instructions of a tick and of a frame on MicroPython's 32-bit port (count.py in
mcu/ports/unix does them so and so often). Counts are exact, however busy this machine is. Then, of a second:

    load = ticks x (tick + bus)  +  frames x (frame + wakes + bytes)  +  requests  +  memory

- tick, frame, request, wake: instructions x CYCLES_PER_INSTRUCTION x CACHE_MISSES / 125 MHz. The scale comes
  from loops whose time on an RP2040 is known from an emulator: interpolation, PCA9685 packing, COBS, CRC and
  CBOR for 26 channels, each in bytecode, native and viper. Counted here, they take 1.3 to 1.5 cycles an x86
  instruction in bytecode and native. In viper it is 0.7 to 0.9, and 1.65 for COBS: the way into a kernel
  costs x86 much and an RP2040 little, which makes up for loops that are dearer there. So 1.5 serves all. Each
  run checks it on `uncobs`, whose times in the emulator are in EMULATOR_US; the frame there was another one,
  so the check is good to a fifth. A second check is the loop that read standard input there, or one like it.
- The emulator knows no misses of the flash cache (16 kB). A tenth more is an assumption.
- bus: I2C blocks. Transfers and bytes are those of the ticks counted. Nine clocks a byte, address and
  register before the data, and what a transfer needs besides.
- bytes over USB: standard input on a Pico hands out a byte at a time. Counted is the board's own loop on
  standard input here; what it calls in C is another port's, which the check above includes.
- bytes over a UART: the port's read is counted; the interrupt that takes a byte out of the UART's FIFO and
  the copy out of its buffer are UART_BYTE_US, an assumption.
- wakes: once for a frame in one USB packet; over a UART each time that as many bytes have come as the board
  waits for (mcu/uart_port.py).
- requests: a status twice a second and one exchange for the clock, each counted as a status asked for.
- memory: one collection a second on a full heap, and the count of what is free.

Frames are those of a mouth that moves without a pause, as the host encodes them; beside them full frames of a
head that moves all over without a pause, which is the most that a host ever sends.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from facewire import constants as wire
from liplab.driven_process import command, talk
from lipwright.errors import LipwrightError
from lipwright.face.profile import HeadProfile, load_profile
from lipwright.link import messages as m
from lipwright.link.frames import FrameEncoder, board_profile, positions_of

HERTZ = 125e6
# By the interpreter that was counted: 64-bit code needs fewer instructions for the same.
CYCLES_PER_INSTRUCTION = {"micropython32": 1.5, "micropython64": 1.75}
CACHE_MISSES = 1.1
# From the emulator: COBS of a frame of 67 bytes; a byte of standard input, read in bytecode (34 to 45).
COBS_BYTES = 67
EMULATOR_US = {"cobs_viper": 42.0, "cobs_bytecode": 767.0, "stdin_bytecode": 45.0}
CHECKS = {
    "cobs_viper": f"COBS of {COBS_BYTES} bytes in viper",
    "cobs_bytecode": f"COBS of {COBS_BYTES} bytes in bytecode",
    "stdin_bytecode": "a byte of standard input, read in bytecode,",
}

FRAME_HZ = 50
REQUESTS_HZ = 3
UART_BYTE_US = 2.0
# As mcu/uart_port.py, and ten bits a byte.
UART_BAUD = 115_200
UART_GATHER_S = 0.002
MEMORY_US = 4200.0 + 1000.0
BUS_HZ = 400_000
FAST_BUS_HZ = 1_000_000
CLOCKS_PER_BYTE = 9
BURST_BYTES = 2  # address and register
TRANSFER_US = 15.0

TIMES = 48
# As count.py: which parts it does more than once each time, how many bytes it reads at once, the frames
# before what is counted begins, board time when the frames begin, and how far ahead of it they are.
ROUNDS = {"give": 4, "read": 4, "uart": 20, "restore": 20, "uncobs": 20, "uncobs_plain": 20}
CHUNK_BYTES = 64
SETTLE_FRAMES = 16
START_MS = 6000
AHEAD_MS = 120
HEAP_KILOBYTES = 8192  # so much that no collection falls into what is counted
# What to count: (part, kind of frames); each without its start, which is the first one's.
NOTHING = ("nothing", "mouth")
MOVING = ("mouth", "full")
COUNTED = (
    NOTHING,
    ("rest", "mouth"),
    ("settle", "mouth"),
    ("follow", "mouth"),
    ("settle", "full"),
    ("follow", "full"),
    ("wake", "mouth"),
    ("stdin", "mouth"),
    ("stdin_bytecode", "mouth"),
    ("uart", "mouth"),
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
Bus = Mapping[str, Mapping[str, float]]  # of each kind of frames: transfers and bytes of data in a tick


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
            bus = bus_traffic(interpreter, profile)
        except LipwrightError as error:
            problem = problem or str(error)
            continue
        return {
            "instructions_counted_on": interpreter,
            **instructions(counts, profile),
            **load(interpreter, counts, bus, profile),
        }
    return {"instructions_missing": problem}


def count(interpreter: str, profile: HeadProfile) -> dict[tuple[str, str], float]:
    """Instructions of what `COUNTED` names, each done once. Raises LipwrightError if valgrind fails."""
    kinds = frames(profile)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        numbers = pool.map(lambda what: _collect(interpreter, profile, kinds, *what), COUNTED)
        progress = tqdm(numbers, unit="part", desc=f"callgrind, {interpreter}", total=len(COUNTED))
        collected = dict(zip(COUNTED, progress, strict=True))
    start = collected[NOTHING]
    return {
        (part, kind): (number - start) / TIMES / ROUNDS.get(part, 1)
        for (part, kind), number in collected.items()
    }


def bus_traffic(interpreter: str, profile: HeadProfile) -> Bus:
    """Transfers and bytes of data in a tick, of a talking mouth and of a head that moves all over."""
    kinds = frames(profile)
    return {kind: next(talk(interpreter, "count", _asked(profile, kinds, "bus", kind))) for kind in MOVING}


def frames(profile: HeadProfile) -> dict[str, list[bytes]]:
    """Frames on the wire, of each kind SETTLE_FRAMES and TIMES: as a talking mouth needs them, full ones of a
    head that moves all over, ones without a change, and requests for the status."""
    count = len(profile.channels)
    encoder = FrameEncoder(count)
    mouth = profile.indices("mouth")
    found: dict[str, list[bytes]] = {"mouth": [], "full": [], "empty": [], "status": []}
    for number in range(SETTLE_FRAMES + TIMES):
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
    asked = _asked(profile, kinds, part, kind)
    with tempfile.TemporaryDirectory(prefix="lipwright-count-") as flash:
        program, name = command(interpreter, "count", Path(flash), HEAP_KILOBYTES)
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *program],
            input=json.dumps(asked) + "\n" + "a" * CHUNK_BYTES * TIMES,
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


def _asked(
    profile: HeadProfile, kinds: Mapping[str, Sequence[bytes]], part: str, kind: str
) -> dict[str, Any]:
    """The question to count.py."""
    return {
        "part": part,
        "kind": kind,
        "times": TIMES,
        "profile": board_profile(profile).body().hex(),
        "frames": {name: [frame.hex() for frame in some] for name, some in kinds.items()},
    }


def instructions(counts: Counts, profile: HeadProfile) -> dict[str, Any]:
    """The counts under their names."""
    kinds = frames(profile)
    full, empty = (float(np.mean([len(frame) for frame in kinds[kind]])) for kind in ("full", "empty"))
    a_byte = (counts["read", "full"] - counts["read", "empty"]) / (full - empty)
    return {
        "tick_resting_instructions": round(counts["rest", "mouth"]),
        "tick_following_instructions": round(_tick(counts, "mouth")),
        "tick_full_following_instructions": round(_tick(counts, "full")),
        "tick_with_frame_instructions": round(_tick(counts, "mouth") + _frame(counts, "mouth")),
        "frame_instructions": round(_frame(counts, "mouth")),
        "frame_full_instructions": round(_frame(counts, "full")),
        "frame_byte_instructions": round(a_byte, 1),
        "wake_instructions": round(counts["wake", "mouth"]),
        "stdin_byte_instructions": round(counts["stdin", "mouth"] / CHUNK_BYTES),
        "uart_read_instructions": round(counts["uart", "mouth"]),
        "status_instructions": round(_request(counts)),
    }


def load(interpreter: str, counts: Counts, bus: Bus, profile: HeadProfile) -> dict[str, Any]:
    """What an RP2040 needs, over USB and over a UART, and how well the scale holds."""
    kinds = frames(profile)
    tick_hz = board_profile(profile).tick_hz
    figures: dict[str, Any] = {}
    besides_us = REQUESTS_HZ * rp2040_us(interpreter, _request(counts)) + MEMORY_US
    a_wake = rp2040_us(interpreter, counts["wake", "mouth"])
    a_byte = rp2040_us(interpreter, counts["stdin", "mouth"] / CHUNK_BYTES)
    figures["stdin_byte_rp2040_us"] = round(a_byte, 1)
    figures["besides_rp2040_us"] = round(besides_us)
    for kind in MOVING:
        suffix = "" if kind == "mouth" else "_full_frames"
        size = float(np.mean([len(frame) for frame in kinds[kind]]))
        a_tick = rp2040_us(interpreter, _tick(counts, kind))
        a_frame = rp2040_us(interpreter, _frame(counts, kind))
        reads = math.ceil(size / (UART_GATHER_S * UART_BAUD / 10))
        a_read = a_wake + rp2040_us(interpreter, counts["uart", "mouth"])
        bytes_us = {"": a_wake + size * a_byte, "uart_": reads * a_read + size * UART_BYTE_US}
        figures[f"frame_bytes_mean{suffix}"] = round(size, 1)
        figures[f"tick_rp2040_us{suffix}"] = round(a_tick)
        figures[f"frame_rp2040_us{suffix}"] = round(a_frame)
        for name, bus_hz in (("", BUS_HZ), ("1mhz_", FAST_BUS_HZ)):
            a_transfer = bus_us(bus[kind]["transfers"], bus[kind]["bytes"], bus_hz)
            figures[f"bus_{name}rp2040_us{suffix}"] = round(a_transfer)
            for port, a_frames_bytes in bytes_us.items():
                figures[f"frame_bytes_{port}rp2040_us{suffix}"] = round(a_frames_bytes)
                busy_us = tick_hz * (a_tick + a_transfer) + FRAME_HZ * (a_frame + a_frames_bytes) + besides_us
                figures[f"tick_load_rp2040_{port}{name}percent{suffix}"] = round(busy_us / 1e4, 1)
    return {**figures, **scale_check(interpreter, counts, len(kinds["full"][0]) - 1)}


def scale_check(interpreter: str, counts: Counts, frame_bytes: int) -> dict[str, float]:
    """What is known from an emulator beside what follows from counts here; count.py decodes a frame of so
    many bytes, without its zero."""
    per_byte = COBS_BYTES / frame_bytes
    found = {
        "cobs_viper": (counts["uncobs", "full"] - counts["restore", "full"]) * per_byte,
        "cobs_bytecode": (counts["uncobs_plain", "full"] - counts["restore", "full"]) * per_byte,
        "stdin_bytecode": counts["stdin_bytecode", "mouth"] / CHUNK_BYTES,
    }
    figures = {}
    for name, number in found.items():
        figures[f"scale_check_{name}_us"] = round(rp2040_us(interpreter, number) / CACHE_MISSES, 1)
        figures[f"scale_check_{name}_emulator_us"] = EMULATOR_US[name]
    return figures


def rp2040_us(interpreter: str, number: float) -> float:
    """Microseconds that an RP2040 needs for what takes so many instructions here."""
    return number * CYCLES_PER_INSTRUCTION[interpreter] * CACHE_MISSES / HERTZ * 1e6


def bus_us(transfers: float, data_bytes: float, bus_hz: int) -> float:
    """Microseconds that so many transfers take, with so many bytes of data in all."""
    clocks = (BURST_BYTES * transfers + data_bytes) * CLOCKS_PER_BYTE
    return clocks / bus_hz * 1e6 + transfers * TRANSFER_US


def reasoning(figures: Mapping[str, Any]) -> str:
    """How the load came about, in words, with its numbers."""
    scale = CYCLES_PER_INSTRUCTION[figures["instructions_counted_on"]]
    lines = [
        f"RP2040 at {HERTZ / 1e6:.0f} MHz: instructions counted here x {scale} cycles x {CACHE_MISSES} for"
        " misses of the flash cache; reasoned, not measured.",
        f"  a tick that follows frames of a mouth: {figures['tick_following_instructions']:,} instructions,"
        f" {figures['tick_rp2040_us']} us, and the bus {figures['bus_rp2040_us']} us at 400 kHz,"
        f" {figures['bus_1mhz_rp2040_us']} us at 1 MHz",
        f"  a frame: {figures['frame_instructions']:,} instructions, {figures['frame_rp2040_us']} us; its"
        f" {figures['frame_bytes_mean']} bytes {figures['frame_bytes_rp2040_us']} us over USB,"
        f" {figures['frame_bytes_uart_rp2040_us']} us over a UART",
    ]
    lines += [
        f"  scale: {what} takes {figures[f'scale_check_{name}_us']} us by it, and {EMULATOR_US[name]:g} us in"
        " an emulator"
        for name, what in CHECKS.items()
    ]
    return "\n".join(lines)


def _tick(counts: Counts, kind: str) -> float:
    """One tick that follows frames, without reading them."""
    followed = counts["follow", kind] - counts["settle", kind]
    return (followed - counts["read", kind]) / 2


def _frame(counts: Counts, kind: str) -> float:
    return counts["read", kind] - counts["give", kind]


def _request(counts: Counts) -> float:
    return counts["read", "status"] - counts["give", "mouth"]
