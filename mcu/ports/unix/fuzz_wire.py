"""Fuzzes what the firmware does with bytes from the wire; `liplab fuzz wire` starts it.

The bytes go through the port, `Wire.poll` and `Answers`, as on a board. Beside it stands a reference made of
the plain kernels and the codec of `facewire`, which says for every input what is to be counted, decoded and
answered. What is looked at besides: no exception comes out, nothing is written outside the buffers, memory
does not grow, and motion frames allocate none.
"""

import binascii
import gc
from array import array

import driven
import fuzz_guard
import fuzz_loop
import head
import heat
import kernels_plain
import motion
import pca9685
import pulses
import ring
import wire
from firmware import Firmware
from fuzz_inputs import Inputs, any_profile, wrap
from fuzz_loop import Broken
from fuzz_random import Random

from facewire import cbor_subset, framing
from facewire.constants import (
    ACK,
    BOARD_INFO,
    FILE_INFO,
    FILE_LIST,
    HELLO,
    MAX_WIRE_BYTES,
    PROFILE,
    PROTOCOL_VERSION,
    REFUSED,
    SCHEMA_HASH,
    STATUS,
    STATUS_REQUEST,
    SYNC,
    SYNC_REPLY,
)

BATCH = 32  # inputs between two ticks
CHECK_BATCHES = 30
SETTLE_TICKS = 120
SILENT_TICKS = 60  # longer than a broken frame is kept, at every rate of ticks
SESSION = 7
STARTS_MS = (0, 123_456, 0x3FFFFFFF - 2000, 0x1FFFFFFF - 1000)
MOTION_BYTES = 72
ANSWERS = {HELLO: BOARD_INFO, SYNC: SYNC_REPLY, STATUS_REQUEST: STATUS, FILE_LIST: FILE_INFO}


class Reference:
    """What is to come of the bytes: counts since the session was opened, decoded frames, answers."""

    def __init__(self):
        self.received = 0
        self.crc_errors = 0
        self.malformed = 0
        self.session = 0
        self.escaped = False
        self.frames = []  # of each motion frame: header, values, how many values
        self.asked = []  # of each request: type and number
        self._begun = b""
        self._data = bytearray(MOTION_BYTES + 8)
        self._header = array("i", bytes(4 * 5))
        self._values = array("H", bytes(2 * 32))

    def feed(self, data):
        """Bytes arrive."""
        parts = (self._begun + data).split(b"\0")
        self._begun = parts.pop()[:MAX_WIRE_BYTES]
        for part in parts:
            if self._asks_for_repl(part):
                return
            if part:
                self._frame(part)
        self._asks_for_repl(self._begun)

    def silence(self):
        """Long enough that a frame which broke off is given up."""
        if self._begun:
            self._begun = b""
            self.crc_errors += 1

    def counts(self):
        """What the board is to have counted."""
        return self.received, self.crc_errors, self.malformed

    def _asks_for_repl(self, part):
        self.escaped = part[:2] == b"\r\x03"
        return self.escaped

    def _frame(self, frame):
        try:
            if len(frame) >= MAX_WIRE_BYTES:
                raise ValueError("too long")
            payload = framing.unwrap(frame)
        except ValueError:
            self.crc_errors += 1
            return
        if len(payload) <= MOTION_BYTES:
            self._data[: len(payload)] = payload
            count = kernels_plain.read_motion(self._data, len(payload), self._header, self._values)
            if count >= 0:
                self.received += 1
                self.frames.append((array("i", self._header), array("H", self._values[:count])))
                return
        try:
            self._request(cbor_subset.loads(payload))
        except ValueError:
            self.malformed += 1

    def _request(self, fields):
        if not isinstance(fields, list) or len(fields) < 2:
            raise ValueError("no message")
        kind, number = fields[:2]
        if not is_number(kind, HELLO, 255) or not is_number(number, 1, 0xFFFF):
            raise ValueError("no request")
        self.asked.append((kind, number))
        if fields[2:4] == [PROTOCOL_VERSION, SCHEMA_HASH] and kind == HELLO and len(fields) == 5:
            session = fields[4]
            if is_number(session, 1, 0xFFFF) and session != self.session:
                self.session = session
                self.received = self.crc_errors = self.malformed = 0


class Bench:
    """One board, its wire, and the reference beside it."""

    def __init__(self, random, tracer):
        fuzz_guard.forget()
        driven.restart(random.pick(STARTS_MS))
        self.tracer = tracer
        self.firmware = Firmware()
        fuzz_guard.built()
        self.counters = self.firmware.head.counters
        self.port = driven.Wire()
        self._wire = self.firmware.wire
        self._wire.port = self.port
        self.reference = Reference()
        self.seen = 0  # frames of the reference that the board has decoded
        self._receive = self.firmware.head.receive
        self.firmware.head.receive = self._decoded

    def _decoded(self, header, values, count):
        """Stands before the head: a motion frame was decoded."""
        frames = self.reference.frames
        if self.seen == len(frames):
            raise Broken("a motion frame was decoded that is none")
        expected = frames[self.seen]
        self.seen += 1
        if count != len(expected[1]) or header != expected[0]:
            raise Broken(f"a motion frame was decoded as {list(header)}, {count}")
        for i in range(count):
            if values[i] != expected[1][i]:
                raise Broken(f"position {i} was decoded as {values[i]}")
        self._receive(header, values, count)

    def expect(self, data):
        """Lets the reference say what is to come of these bytes; returns what is to be counted then."""
        self.reference.feed(data)
        return self.reference.counts()

    def feed(self, data, most, counts):
        """Gives the firmware bytes, at most so many at once. Allocates nothing itself."""
        self.tracer.begin(data)
        self.port.give(data, most)
        while self.port.unread and not self._wire.escaped:
            self._wire.poll()
        counters = self.counters
        if (
            counters.received != counts[0]
            or counters.crc_errors != counts[1]
            or counters.malformed != counts[2]
        ):
            found = (counters.received, counters.crc_errors, counters.malformed)
            raise Broken(f"received, CRC errors, malformed are {found}, and should be {counts}")

    def check(self):
        """What is looked at after some inputs, for it is slow."""
        counters = self.counters
        ended = counters.played + sum(counters.drops) + self.firmware.head.ring.depth
        if counters.received != ended:
            raise Broken(f"{counters.received} frames were received, {ended} are accounted for")
        if self.seen != len(self.reference.frames):
            raise Broken(f"{len(self.reference.frames) - self.seen} motion frames were not decoded")
        if self.firmware.wire.escaped != self.reference.escaped:
            raise Broken("asking for the REPL was misunderstood")
        self._check_answers()
        self.reference.frames.clear()
        self.seen = 0

    def _check_answers(self):
        asked = self.reference.asked
        for sent in self.port.sent:
            answer = cbor_subset.loads(framing.unwrap(sent[:-1]))
            if answer[0] == STATUS and answer[1] == 0:  # by itself
                continue
            if not asked:
                raise Broken(f"an answer that nobody asked for: {answer}")
            kind, number = asked.pop(0)
            right = answer[0] == REFUSED or answer[0] == ANSWERS.get(kind, ACK)
            if not right or answer[1] != number or (answer[0] in (ACK, REFUSED) and answer[2] != kind):
                raise Broken(f"request {number}, type {kind}, was answered by {answer}")
        if asked:
            raise Broken(f"no answer to {asked}")
        self.port.sent.clear()

    def send(self, *messages):
        """Requests that a host sends."""
        for message in messages:
            data = wrap(cbor_subset.dumps(message))
            self.feed(data, 64, self.expect(data))
        self.check()

    def ticks(self, count):
        """So many rounds of the loop; nothing arrives."""
        for _ in range(count):
            self.firmware.turn()

    def digest(self, before):
        """What the board is left with, as a number that every interpreter must agree on."""
        head = self.firmware.head
        now = (self.reference.counts(), list(self.counters.drops), head.ring.depth, list(head.out))
        return binascii.crc32(str(now).encode(), before)


def run_round(seed, inputs, tracer):
    """One board's life: a profile, or none, and then so many inputs."""
    random = Random(seed)
    source = Inputs(random)
    bench = Bench(random, tracer)
    start = ((HELLO, 1, PROTOCOL_VERSION, SCHEMA_HASH, SESSION), (PROFILE, 2, any_profile(random), 0))
    if not random.one_in(16):
        bench.send(*start)
        bench.ticks(SETTLE_TICKS)
    pauses = 1 if random.one_in(32) else 64  # a head that comes to rest does what a busy one refuses
    told = {"inputs": 0, "frames": 0, "answers": 0, "digest": 0}
    batches = used = 0
    while told["inputs"] < inputs:
        profile = bench.firmware.head.profile
        source.channels = profile.count if profile else 1
        source.now_ms = bench.firmware.timebase.now_ms()
        _run_batch(bench, source, random, told)
        bench.ticks(1)
        if random.one_in(pauses):
            bench.ticks(SILENT_TICKS)
            bench.reference.silence()
        batches += 1
        if bench.firmware.wire.escaped:
            bench = Bench(random, tracer)
            bench.send(*start)
        elif batches % CHECK_BATCHES == 0:
            bench.send(*start)
            source.forget()
            used = _check_memory(used)
        told["digest"] = bench.digest(told["digest"])
    fuzz_guard.forget()
    return told


def _run_batch(bench, source, random, told):
    """Some inputs by chance, or of motion frames only, which must not allocate."""
    only_motion = random.one_in(4)
    datas, mosts, counts = [], [], [bench.reference.counts()]
    for _ in range(BATCH):
        data = source.motion() if only_motion else source.any()
        datas.append(data)
        mosts.append(1 + random.below(64))
        counts.append(bench.expect(data))
        if bench.reference.escaped:
            break
    told["frames"] += len(bench.reference.frames)
    told["answers"] += len(bench.reference.asked)
    step = 1 if bench.tracer.strict else len(datas)
    for first in range(0, len(datas), step):
        if only_motion:
            gc.disable()
        before = gc.mem_alloc()
        for i in range(first, first + step):
            bench.feed(datas[i], mosts[i], counts[i + 1])
        allocated = gc.mem_alloc() - before
        gc.enable()
        # Errors may allocate: a frame that began in the batch before may have been none.
        if only_motion and allocated and counts[first + step][1:] == counts[first][1:]:
            raise Broken(f"reading motion frames allocated {allocated} bytes")
        if not fuzz_guard.intact():
            raise Broken("something was written beside a buffer")
    bench.check()
    told["inputs"] += len(datas)
    datas.clear()  # a collection may find the list on the stack


def _check_memory(used):
    """Memory in use must not grow; returns what was in use the first time."""
    now = fuzz_loop.memory()
    if used and now > used + fuzz_loop.SLACK:
        raise Broken(f"memory grows: {now} bytes are in use, {used} were")
    return used or now


def is_number(value, lowest, highest):
    """Whether it is a number within these limits."""
    return isinstance(value, int) and lowest <= value <= highest


def run():
    """Runs the rounds that the parent asks for."""
    fuzz_guard.guard((head, heat, motion, pca9685, pulses, ring, wire))
    fuzz_loop.run(run_round)
