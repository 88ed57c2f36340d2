"""What must hold after every tick, whatever the host has sent.

A further property is a further function at the end, and its name in INVARIANTS. It gets the watch, and
returns what is wrong in words, or None. What the limits are is worked out anew here, from the bytes of the
profile, and what the servos get is read from the registers of their drivers.
"""

from array import array

import driven
import micropython
from micropython import const

from facewire import cbor_subset
from facewire.constants import (
    HOLDING,
    MAX_CHANNELS,
    REARMING,
    STOPPED,
    SUM_BIAS,
    WEIGHT_BIAS,
)

OSCILLATOR_MHZ = const(25)
PRESCALE = const(0xFE)
HOLD_MS = const(150)
_FULL = const(65535)
_NONE = const(0)  # no pulse


class Watch:
    """A board's limits, and what it told its servos in the last ticks.

    told, before, older: positions 0..65535 of each channel in this tick, the last and the one before that.
    counts: of each channel the pulse in counts of its driver, 0 where there is none. lit: for how many ticks
    in a row each has had pulses, up to 3. lowest, highest: counts in a pulse's range. steps, changes: how far
    a position may move in a tick, and how much that may differ from the tick before.
    """

    def __init__(self, head):
        self.head = head
        self.count = 0
        self.tick_hz = 100
        self.prescale = 0
        self.outputs = bytearray(MAX_CHANNELS)
        self.unused = []  # outputs that the profile does not name
        self.ends = array("H", bytes(4 * MAX_CHANNELS))
        self.lowest = array("H", bytes(2 * MAX_CHANNELS))
        self.highest = array("H", bytes(2 * MAX_CHANNELS))
        self.steps = array("i", bytes(4 * MAX_CHANNELS))
        self.changes = array("i", bytes(4 * MAX_CHANNELS))
        self.collisions = []  # pairs: what a sum may be at most, and its terms as pairs of channel and weight
        self.told = array("H", bytes(2 * MAX_CHANNELS))
        self.before = array("H", bytes(2 * MAX_CHANNELS))
        self.older = array("H", bytes(2 * MAX_CHANNELS))
        self.counts = array("H", bytes(2 * MAX_CHANNELS))
        self.lit = bytearray(MAX_CHANNELS)
        self.held = 0  # ticks that the head has been holding
        self.stopped = False  # by the host or the button, and nothing has taken it back
        self.received = 0  # frames that were sent in this session

    def configure(self, body):
        """Takes the limits of a profile, from its bytes."""
        pwm_hz, self.tick_hz, channels, collisions = cbor_subset.loads(body)
        self.count = len(channels)
        self.prescale = (OSCILLATOR_MHZ * 1000000 + 2048 * pwm_hz) // (4096 * pwm_hz) - 1
        step = self.prescale + 1
        for i in range(self.count):
            output, at_0, at_1, _, speed, acceleration, _ = channels[i]
            self.outputs[i] = output
            self.ends[2 * i], self.ends[2 * i + 1] = at_0, at_1
            # A quarter of a count for how the firmware rounds the frequency.
            self.lowest[i] = (4 * OSCILLATOR_MHZ * min(at_0, at_1) - step + 4 * step - 1) // (4 * step)
            self.highest[i] = (4 * OSCILLATOR_MHZ * max(at_0, at_1) + step) // (4 * step)
            self.steps[i] = min(_FULL, max(1, speed * _FULL // (100 * self.tick_hz)))
            self.changes[i] = min(_FULL, max(1, acceleration * _FULL // (self.tick_hz * self.tick_hz)))
            self.lit[i] = 0
        used = [channel[0] for channel in channels]
        self.unused = [output for output in range(MAX_CHANNELS) if output not in used]
        self.collisions = []
        for collision in collisions:
            terms = [(collision[k], collision[k + 1] - WEIGHT_BIAS) for k in range(1, len(collision), 2)]
            self.collisions.append((collision[0] - SUM_BIAS, terms))

    @micropython.native
    def look(self):
        """Takes in what the tick that has just run told the servos."""
        told = self.older
        self.older = self.before
        self.before = self.told
        self.told = told
        out = self.head.out
        counts = self.counts
        lit = self.lit
        outputs = self.outputs
        for i in range(self.count):
            told[i] = out[i]
            output = outputs[i]
            chip = driven.registers[output >> 4]
            at = 6 + 4 * (output & 15)
            high = chip[at + 3]
            if high & 16:
                counts[i] = _NONE
                lit[i] = 0
            else:
                counts[i] = (chip[at + 2] | high << 8) - (chip[at] | chip[at + 1] << 8)
                if lit[i] < 3:
                    lit[i] += 1
        self.held = self.held + 1 if self.head.safety.state == HOLDING else 0


@micropython.native
def pulses_stay_in_their_range(watch):
    counts, lowest, highest = watch.counts, watch.lowest, watch.highest
    for i in range(watch.count):
        count = counts[i]
        if count and (count < lowest[i] or count > highest[i]):
            return f"channel {i} has a pulse of {count} counts, beyond {lowest[i]} to {highest[i]}"


@micropython.native
def pulses_are_what_was_told(watch):
    """Within one and a quarter counts: rounding, and the hysteresis against trembling."""
    counts, ends, told = watch.counts, watch.ends, watch.told
    step = watch.prescale + 1
    for i in range(watch.count):
        count = counts[i]
        if count:
            first = ends[2 * i]
            right_us16 = (first << 4) + ((ends[2 * i + 1] - first) * told[i] >> 12)
            away = count * step * 16 - right_us16 * OSCILLATOR_MHZ
            if away > 20 * step or away < -20 * step:
                return f"channel {i} is told {told[i]} and has a pulse of {count} counts"


def drivers_have_the_right_frequency(watch):
    for i in range(watch.count):
        if watch.lit[i] == 1:
            prescale = driven.registers[watch.outputs[i] >> 4][PRESCALE]
            if prescale != watch.prescale:
                return f"a chip counts with {prescale} instead of {watch.prescale}"


@micropython.native
def speed_is_never_exceeded(watch):
    told, before, steps, lit = watch.told, watch.before, watch.steps, watch.lit
    for i in range(watch.count):
        if lit[i] > 1:
            way = told[i] - before[i]
            if way > steps[i] or way < -steps[i]:
                return f"channel {i} moved by {way} in a tick, and {steps[i]} is its limit"


@micropython.native
def acceleration_is_never_exceeded(watch):
    told, before, older, changes, lit = watch.told, watch.before, watch.older, watch.changes, watch.lit
    for i in range(watch.count):
        if lit[i] > 2:
            change = told[i] - 2 * before[i] + older[i]
            if change > changes[i] or change < -changes[i]:
                return f"channel {i} changed its step by {change}, and {changes[i]} is its limit"


def collision_pairs_are_never_crossed(watch):
    if watch.head.safety.state <= REARMING:  # without pulses, nobody is told where to be
        return
    for most, terms in watch.collisions:
        total = 0
        for channel, weight in terms:
            total += weight * watch.told[channel]
        if total > most:
            return f"the sum of {terms} is {total}, and {most} is its limit"


def no_pulses_where_there_must_be_none(watch):
    if watch.head.safety.state <= REARMING:
        for i in range(watch.count):
            if watch.counts[i]:
                return f"channel {i} has a pulse in state {watch.head.safety.state}"


@micropython.native
def no_pulses_where_no_servo_is(watch):
    for output in watch.unused:
        if not driven.registers[output >> 4][9 + 4 * (output & 15)] & 16:
            return f"output {output} has a pulse, and is not in the profile"


def a_stop_lasts(watch):
    state = watch.head.safety.state
    if watch.stopped and state != STOPPED:
        return f"the head was stopped, and is in state {state}"


def holding_ends(watch):
    most = HOLD_MS * watch.tick_hz // 1000 + 2
    if watch.held > most:
        return f"the head has been holding for {watch.held} ticks"


def frames_are_accounted_for(watch):
    counters = watch.head.counters
    ended = counters.played + watch.head.ring.depth
    for drops in counters.drops:
        ended += drops
    if counters.received != ended or counters.received != watch.received:
        return f"{watch.received} frames were sent, {counters.received} received, {ended} accounted for"


INVARIANTS = (
    pulses_stay_in_their_range,
    pulses_are_what_was_told,
    drivers_have_the_right_frequency,
    speed_is_never_exceeded,
    acceleration_is_never_exceeded,
    collision_pairs_are_never_crossed,
    no_pulses_where_there_must_be_none,
    no_pulses_where_no_servo_is,
    a_stop_lasts,
    holding_ends,
    frames_are_accounted_for,
)
