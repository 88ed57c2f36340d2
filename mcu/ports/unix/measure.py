"""The firmware with a stopwatch: runs as it does, and reports what each tick and each frame read costs.

The stopwatch is the machine's clock, so it tells real durations in virtual time too.
"""

import gc
import time

import firmware as shipped
import simulation


def run():
    """Runs the firmware until the simulation ends."""
    firmware = shipped.Firmware()
    counters = firmware.head.counters
    tick, poll = firmware.head.tick, firmware.wire.poll

    def measured_tick():
        allocated = gc.mem_alloc()
        start = time.ticks_us()
        tick()
        duration = time.ticks_diff(time.ticks_us(), start)
        simulation.report(simulation.MEASURED_TICK, 0, 0, 0, duration, gc.mem_alloc() - allocated)

    def measured_poll():
        received = counters.received
        allocated = gc.mem_alloc()
        start = time.ticks_us()
        poll()
        duration = time.ticks_diff(time.ticks_us(), start)
        if counters.received == received + 1:
            simulation.report(simulation.MEASURED_READ, 0, 0, 0, duration, gc.mem_alloc() - allocated)

    firmware.head.tick, firmware.wire.poll = measured_tick, measured_poll
    gc.collect()
    gc.disable()
    while True:
        firmware.turn()
