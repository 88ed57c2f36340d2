"""Runs firmware modules under any interpreter for a test at the other end of a pipe.

One JSON array a line in, [name, arguments...]; one object a line out, {"value": ...} or {"error": ...}.
Bytes travel as hexadecimal text, in CBOR values as {"hex": text}.
"""

import binascii
import gc
import json
import sys
from array import array

import board
import clock
import kernels_plain
import machine
import micropython  # noqa: F401  (on CPython: gives `gc` what MicroPython has)
import serial_port
from firmware import Firmware
from motion import Motion
from ring import Ring

from facewire import cbor_subset, framing

firmware = None


def to_hex(data):
    return binascii.hexlify(data).decode()


def to_json(value):
    if isinstance(value, bytes):
        return {"hex": to_hex(value)}
    if isinstance(value, list):
        return [to_json(item) for item in value]
    return value


def from_json(value):
    if isinstance(value, dict):
        return binascii.unhexlify(value["hex"])
    if isinstance(value, list):
        return [from_json(item) for item in value]
    return value


def loads(text):
    return to_json(cbor_subset.loads(binascii.unhexlify(text)))


def dumps(value):
    return to_hex(cbor_subset.dumps(from_json(value)))


def wrap(text):
    return to_hex(framing.wrap(binascii.unhexlify(text)))


def unwrap(text):
    return to_hex(framing.unwrap(binascii.unhexlify(text)))


def kernel(name, arguments):
    """One inner loop in its plain and, on MicroPython, its viper form, on the same input.

    An argument is a number or [type code, numbers]. Returns for each form the result and what the arrays
    hold then.
    """
    forms = [kernels_plain]
    if sys.implementation.name == "micropython":
        import kernels

        forms.append(kernels)
    results = []
    for form in forms:
        given = []
        for argument in arguments:
            if isinstance(argument, int):
                given.append(argument)
            elif argument[0] == "B":
                given.append(bytearray(argument[1]))
            else:
                given.append(array(argument[0], argument[1]))
        value = getattr(form, name)(*given)
        results.append([value, [list(item) for item in given if not isinstance(item, int)]])
    return results


def start(now_ms, settings):
    """A board that has just got power, with these in place of some of board.py's settings."""
    global firmware
    clock.set_ms(now_ms)
    machine.plugged_in = True
    machine.recording = False
    machine.writes = []
    serial_port.incoming = bytearray()
    serial_port.outgoing = bytearray()
    for name in settings:
        setattr(board, name, settings[name])
    firmware = None
    gc.collect()
    firmware = Firmware()


def receive(text):
    """Bytes from the host, read at once; returns what the board says to them."""
    sent()
    serial_port.incoming.extend(binascii.unhexlify(text))
    while serial_port.incoming and not firmware.wire.escaped:
        firmware.wire.poll()
    return sent()


def sent():
    """What the board has said since last asked."""
    data = to_hex(serial_port.outgoing)
    serial_port.outgoing = bytearray()
    return data


def run(ticks, late_us=0):
    """Rounds of the loop, each at its tick's time plus a delay.

    Returns for each: state, channels with pulses, what every channel was told, and its track.
    """
    head = firmware.head
    told = []
    for _ in range(ticks):
        clock.advance(clock.ticks_diff(firmware.timebase.tick_us, clock.ticks_us()) + late_us)
        firmware.turn()
        count = head.motion.count
        out = list(head.out[:count])
        told.append([head.safety.state, head.pulses.live, out, list(head.motion.track[:count])])
    return told


def follow(start_ms, at, frames, lead_ms, duration_ms):
    """The motion alone, asked every millisecond; frames [ms from start, positions] come `lead_ms` ahead.

    Returns the track at each millisecond.
    """
    ring = Ring()
    motion = Motion(ring)
    motion.count = len(at)
    motion.hold(array("H", at))
    told = []
    coming = 0
    for passed in range(duration_ms):
        while coming < len(frames) and frames[coming][0] - lead_ms <= passed:
            offset = ring.free_offset()
            for i, position in enumerate(frames[coming][1]):
                ring.positions[offset + i] = position
            ring.commit(clock.ticks_add(start_ms, frames[coming][0]))
            coming += 1
        motion.follow(clock.ticks_add(start_ms, passed))
        told.append(list(motion.track[: motion.count]))
    return told


def set_machine(name, value):
    """Sets a pin's levels or the supply, as the machine has them."""
    if name == "levels":
        value = {int(pin): value[pin] for pin in value}
    setattr(machine, name, value)


def level(pin):
    """What a pin's level is."""
    return machine.levels.get(pin, 1)


def pwm():
    """Pulse widths in ns by pin, of the pins that are servos'."""
    return machine.pwm_told


def pass_time(duration_us):
    clock.advance(duration_us)


def state():
    head = firmware.head
    counters = head.counters
    return {
        "state": head.safety.state,
        "cause": head.safety.cause,
        "live": head.pulses.live,
        "ring_depth": head.ring.depth,
        "received": counters.received,
        "played": counters.played,
        "drops": list(counters.drops),
        "crc_errors": counters.crc_errors,
        "malformed": counters.malformed,
        "bus_errors": counters.bus_errors,
        "ticks": counters.ticks,
        "now_ms": firmware.timebase.now_ms(),
        "escaped": firmware.wire.escaped,
    }


def newest_frame():
    """Positions of the frame that came into the ring last."""
    ring = firmware.head.ring
    offset = ring.offset(ring.depth - 1)
    return list(ring.positions[offset : offset + firmware.head.motion.count])


def bus(recording, plugged_in):
    """Switches the recording of bus writes, and the chips, on or off; returns the writes recorded so far."""
    machine.plugged_in = plugged_in
    machine.recording = recording
    writes = [[address, register, to_hex(data)] for address, register, data in machine.writes]
    machine.writes = []
    return writes


def allocated(frames, ticks):
    """Bytes allocated by reading these frames, and by so many ticks after them."""
    head = firmware.head
    wire = firmware.wire
    timebase = firmware.timebase
    reading = 0
    ticking = 0
    gc.collect()
    gc.disable()
    for frame in frames:
        serial_port.incoming = bytearray(binascii.unhexlify(frame))
        count = wire.port.readinto(wire.chunk)
        before = gc.mem_alloc()
        wire.read(count)
        reading += gc.mem_alloc() - before
    for _ in range(ticks):
        clock.advance(clock.ticks_diff(timebase.tick_us, clock.ticks_us()))
        before = gc.mem_alloc()
        late_us = timebase.lateness_us()
        head.tick()
        head.counters.add_tick(late_us, timebase.lateness_us() - late_us)
        timebase.advance()
        wire.tick(timebase.period_ms)
        ticking += gc.mem_alloc() - before
        firmware.show_player.turn()
    gc.enable()
    return [reading, ticking]


COMMANDS = {
    "loads": loads,
    "dumps": dumps,
    "wrap": wrap,
    "unwrap": unwrap,
    "kernel": kernel,
    "start": start,
    "receive": receive,
    "sent": sent,
    "run": run,
    "follow": follow,
    "pass_time": pass_time,
    "pwm": pwm,
    "set_machine": set_machine,
    "level": level,
    "state": state,
    "newest_frame": newest_frame,
    "bus": bus,
    "allocated": allocated,
}


def serve():
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        request = json.loads(line)
        try:
            answer = {"value": COMMANDS[request[0]](*request[1:])}
        except ValueError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer))
        if hasattr(sys.stdout, "flush"):
            sys.stdout.flush()


serve()
