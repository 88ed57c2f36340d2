"""Fuzzes what the firmware does with motion frames; `liplab fuzz motion` starts it.

A head with any profile that is allowed lives through some thousand ticks. Frames come in streams of every
kind, and between them everything that a host, a button, a supply or a cable can do. After each tick all
invariants of fuzz_invariants are looked at, and ticks must not allocate.
"""

import binascii
import gc
import sys
from array import array

import driven
import fuzz_guard
import fuzz_loop
import head
import heat
import micropython
import motion
import pca9685
import pulses
import ring
from clock import idle_until, ticks_add
from firmware import Firmware
from fuzz_invariants import INVARIANTS, Watch
from fuzz_loop import Broken
from fuzz_random import Random
from head_profile import Profile

from facewire import cbor_subset
from facewire.constants import (
    ACCELERATION_MAX,
    BASE_INTERVAL,
    COMPACT_FRAME,
    FOLLOWING,
    FULL_FRAME,
    GROUP_MAX,
    MAX_CHANNELS,
    MAX_COLLISIONS,
    MAX_TERMS,
    PULSE_MAX_US,
    PULSE_MIN_US,
    PWM_HZ_MAX,
    PWM_HZ_MIN,
    RANGE_MIN_US,
    SPEED_MAX,
    SPEED_MIN,
    STOPPED,
    SUM_BIAS,
    TICK_RATES_HZ,
    TICKS_MASK,
    WEIGHT_BIAS,
)

# Anywhere, and shortly before each of the board's clocks wraps: milliseconds, then microseconds.
STARTS_MS = (0, 5_000_000, TICKS_MASK - 3_000, TICKS_MASK - 12_000, 1_073_741 - 4_000, (1 << 29) - 5_000)
AHEADS_MS = (1, 2, 5, 20, 2000, 2001, 0, -1, -10_000, -10_001, 1 << 28, (1 << 29) - 1, -(1 << 29))
LATE_US = (1, 999, 4_999, 9_999, 10_000, 25_000, 200_000, 3_000_000)
ENDS = (0, 65535, 0, 65535, 32768, 1, 65534)
EVENT_EVERY = 300  # ticks, about
STOPPED_FOR = 50
MEASURE_EVERY = 16
MICROPYTHON = sys.implementation.name == "micropython"


class Stream:
    """Sends frames to a head, in one manner after another."""

    def __init__(self, random, board):
        self.frames = 0
        self._random = random
        self._board = board
        self._sequence = 0
        self._last_ms = 0
        self._header = array("i", bytes(4 * 5))
        self._values = array("H", bytes(2 * MAX_CHANNELS))
        self._kept = []  # frames to be sent again
        self._manners = (
            self._steady,
            self._steady,
            self._steady,
            self._crowd,
            self._sparse,
            self._hostile,
            self._again,
            self._silence,
            self._silence,
        )
        self._manner = self._steady
        self._left = 0

    def tick(self):
        """What a host sends between two ticks."""
        if not self._left:
            self._manner = self._random.pick(self._manners)
            self._left = 1 + self._random.below(self._random.pick((10, 100, 250)))
        self._left -= 1
        self._manner()

    def _steady(self):
        """Fifty frames a second, a little ahead; full and compact ones."""
        if self._left & 1:
            now_ms = self._board.now_ms()
            time_ms = now_ms + 100 + self._random.below(40)
            self._sequence = (self._sequence + 1) & 0xFFFF
            if self._sequence % BASE_INTERVAL and self._random.one_in(2):
                self._send_compact(self._sequence, time_ms, self._random.word(), self._random.word())
            else:
                self._send_full(self._sequence, time_ms)

    def _crowd(self):
        """Frames a millisecond or so apart, until the ring is full."""
        self._later(1 + self._random.below(3))
        self._later(1)

    def _sparse(self):
        """Frames up to two seconds apart."""
        if self._random.one_in(40):
            self._later(1 + self._random.below(2000))

    def _later(self, by_ms):
        """A frame after the last one, if that is still to come."""
        now_ms = self._board.now_ms()
        ahead = (self._last_ms - now_ms) & TICKS_MASK
        self._last_ms = (self._last_ms if ahead < 2000 else now_ms) + by_ms
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._send_full(self._sequence, self._last_ms)

    def _hostile(self):
        """Any time, any sequence, any number of channels."""
        random = self._random
        time_ms = self._board.now_ms() + random.pick(AHEADS_MS) if random.below(4) else random.number(32)
        if random.one_in(2):
            self._send_compact(random.word(), time_ms, random.word(), random.word())
        else:
            self._send_full(random.word(), time_ms, 1 + random.below(MAX_CHANNELS))

    def _again(self):
        """What was sent before, once more and in another order."""
        if self._kept:
            header, values, count = self._random.pick(self._kept)
            self._receive(header, values, count)

    def _silence(self):
        """Nothing."""

    def _send_full(self, sequence, time_ms, count=0):
        self._address(FULL_FRAME, sequence, time_ms, 0, 0)
        self._send(count or self._board.channels())

    def _send_compact(self, sequence, time_ms, low, high):
        channels = self._board.channels()
        if self._random.below(16):  # seldom a channel that there is not
            low &= (1 << channels) - 1
            high &= (1 << channels - 16) - 1 if channels > 16 else 0
        self._address(COMPACT_FRAME, sequence, time_ms, low, high)
        count = 0
        for bit in range(16):
            count += (low >> bit & 1) + (high >> bit & 1)
        self._send(count)

    def _address(self, kind, sequence, time_ms, low, high):
        header = self._header
        header[0] = kind
        header[1] = sequence
        header[2] = time_ms & TICKS_MASK
        header[3] = low
        header[4] = high

    @micropython.native
    def _send(self, count):
        random = self._random
        values = self._values
        if random.one_in(3):
            for i in range(count):
                values[i] = random.pick(ENDS)
        elif random.one_in(2):
            for i in range(count):
                values[i] = random.word()
        else:
            for i in range(count):
                value = values[i] + random.below(1024) - 512
                values[i] = 0 if value < 0 else 65535 if value > 65535 else value
        if random.one_in(32):
            frame = (array("i", self._header), array("H", values), count)
            if len(self._kept) < 16:
                self._kept.append(frame)
            else:
                self._kept[random.below(16)] = frame
        self._receive(self._header, values, count)

    def _receive(self, header, values, count):
        self.frames += 1
        self._board.receive(header, values, count)


class Bench:
    """One head under test: its firmware, the watch, and what else can happen to it."""

    def __init__(self, random, tracer):
        fuzz_guard.forget()
        driven.restart(random.pick(STARTS_MS))
        self.firmware = Firmware()
        fuzz_guard.built()
        self.watch = Watch(self.firmware.head)
        self.tracer = tracer
        self.digest = 0
        self.following = 0
        self.profiles = 0
        self._random = random
        self._session = 0
        self._undo = None
        self._events = (
            self._park,
            self._park,
            self._park,
            self._stop,
            self._greet,
            self._configure,
            self._unplug,
            self._press,
            self._starve,
            self._overheat,
        )
        self._tick = self.firmware.head.tick
        self.firmware.head.tick = self._measured_tick
        self.firmware.wire.port = driven.Wire()
        if random.below(8):
            self._greet()
        if random.below(8):
            self._configure()

    def now_ms(self):
        """Board time."""
        return self.firmware.timebase.now_ms()

    def channels(self):
        """How many channels the head has, or might have."""
        return self.watch.count or 1

    def receive(self, header, values, count):
        """A frame arrives."""
        self.tracer.begin(bytes(memoryview(header)) + bytes(memoryview(values)[:count]))
        self.watch.received += 1
        self.firmware.head.receive(header, values, count)

    def tick(self):
        """One round of the loop, now and then a late one, and then what must hold."""
        random = self._random
        if random.one_in(64):
            idle_until(ticks_add(self.firmware.timebase.tick_us, random.pick(LATE_US)))
        self.firmware.turn()
        watch = self.watch
        watch.look()
        for invariant in INVARIANTS:
            wrong = invariant(watch)
            if wrong:
                raise Broken(wrong)
        self.digest = binascii.crc32(bytes(memoryview(watch.told)), self.digest)
        if self.firmware.head.safety.state == FOLLOWING:
            self.following += 1
        if self.tracer.strict and not fuzz_guard.intact():
            raise Broken("something was written beside a buffer")

    def _measured_tick(self):
        if not MICROPYTHON or not driven.plugged_in or self.firmware.head.counters.ticks % MEASURE_EVERY:
            return self._tick()
        gc.disable()
        before = gc.mem_alloc()
        self._tick()
        allocated = gc.mem_alloc() - before
        gc.enable()
        if allocated:
            raise Broken(f"a tick allocated {allocated} bytes")

    def perhaps_an_event(self):
        """What happens besides frames."""
        state = self.firmware.head.safety.state
        if state == STOPPED and self._random.one_in(STOPPED_FOR):
            self._random.pick((self._park, self._park, self._configure, self._greet))()
        elif self._random.one_in(EVENT_EVERY):
            if self._undo:
                self._undo(False)
                self._undo = None
            else:
                self._random.pick(self._events)()

    def _park(self):
        if self.firmware.head.profile and not self.firmware.head.safety.pressed:
            self.firmware.head.park()
            self.watch.stopped = False

    def _stop(self):
        self.firmware.head.stop()
        self.watch.stopped = self.profiles > 0

    def _greet(self):
        self._session += 1
        self.firmware.head.open_session(self._session)
        self.watch.received = 0
        if not self.firmware.head.safety.pressed:
            self.watch.stopped = False

    def _configure(self):
        body = any_profile(self._random)
        self.firmware.head.configure(Profile(body), False)
        self.watch.configure(body)
        self.profiles += 1

    def _unplug(self):
        driven.unplug(True)
        self._undo = driven.unplug

    def _press(self):
        self.firmware.head.press(True)
        self.watch.stopped = self.profiles > 0
        self._undo = self.firmware.head.press

    def _starve(self):
        self._undo = self._set_low
        self._set_low(True)

    def _overheat(self):
        """A servo has got too hot, for as long as until the model looks at it again."""
        heat = self.firmware.head.heat
        channel = self._random.below(self.channels())
        if not heat.hot[channel]:
            heat.hot[channel] = 1
            heat.hot_count += 1

    def _set_low(self, low):
        self.firmware.head.supply.low = low


def any_profile(random):
    """The CBOR of a head profile that is right, on the edges of what is."""
    count = 1 + random.below(random.pick((2, 12, 32)))
    groups = random.pick((1, 1, GROUP_MAX + 1))
    outputs = list(range(32 if count > 16 or random.one_in(2) else 16))
    rests = []
    channels = []
    for _ in range(count):
        ends = [_between(random, PULSE_MIN_US, PULSE_MAX_US), 0]
        while not ends[1] or abs(ends[0] - ends[1]) < RANGE_MIN_US:
            ends[1] = _between(random, PULSE_MIN_US, PULSE_MAX_US)
        rests.append(random.pick((0, 4095, random.below(4096), random.below(4096))))
        speed = _scaled(random, SPEED_MIN, SPEED_MAX, 1000)
        acceleration = _scaled(random, 1, ACCELERATION_MAX, 10000)
        output = outputs.pop(random.below(len(outputs)))
        channels.append([output] + ends + [rests[-1], speed, acceleration, random.below(groups)])
    collisions = []
    for _ in range(random.below(MAX_COLLISIONS + 1) if random.one_in(2) else 0):
        collision = [0]
        total = 0
        for _ in range(1 + random.below(MAX_TERMS)):
            channel = random.below(count)
            weight = random.below(255) - 127
            total += weight * (rests[channel] << 4 | rests[channel] >> 8)
            collision += [channel, weight + WEIGHT_BIAS]
        slack = random.pick((0, 1, random.word(), random.number(32) >> 8))
        collision[0] = min(2 * SUM_BIAS - 1, total + SUM_BIAS + slack)
        collisions.append(collision)
    pwm_hz = _between(random, PWM_HZ_MIN, PWM_HZ_MAX)
    return cbor_subset.dumps([pwm_hz, random.pick(TICK_RATES_HZ), channels, collisions])


def _between(random, lowest, highest):
    """A number within these limits; often one of them."""
    return random.pick((lowest, highest)) if random.one_in(8) else lowest + random.below(highest + 1 - lowest)


def _scaled(random, lowest, highest, usual):
    """The same; up to what is usual, or anything, small numbers as often as great ones."""
    if random.one_in(8):
        return random.pick((lowest, highest))
    return max(lowest, min(highest, random.number(16) if random.one_in(2) else random.below(usual)))


def run_round(seed, ticks, tracer):
    """One head's life."""
    random = Random(seed)
    bench = Bench(random, tracer)
    stream = Stream(random, bench)
    for _ in range(ticks):
        stream.tick()
        bench.perhaps_an_event()
        bench.tick()
    if not fuzz_guard.intact():
        raise Broken("something was written beside a buffer")
    fuzz_guard.forget()
    return {
        "inputs": ticks,
        "digest": bench.digest,
        "frames": stream.frames,
        "profiles": bench.profiles,
        "ticks_following": bench.following,
    }


def run():
    """Runs the rounds that the parent asks for."""
    fuzz_guard.guard((head, heat, motion, pca9685, pulses, ring))
    fuzz_loop.run(run_round)
