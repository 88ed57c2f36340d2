"""The inner loops in plain Python: what `kernels` is tested against, and what serves where viper is missing.

Positions are 0..65535 over a channel's range. Velocities are in 1/256 position per millisecond, stored with
VELOCITY_BIAS added: viper reads 32-bit memory without sign on 64-bit machines. Every product stays within
32 bits for the arguments that the docstrings allow.
"""

from array import array

VELOCITY_BIAS = 1 << 26


def take(chunk: bytearray, start: int, end: int, frame: bytearray, fill: int, room: int) -> int:
    """Copies chunk[start:end] up to the first zero to frame[fill:room]; what does not fit is skipped.

    Returns where the zero stands, or `end` if there is none.
    """
    while start < end:
        byte = chunk[start]
        if byte == 0:
            return start
        if fill < room:
            frame[fill] = byte
        fill += 1
        start += 1
    return start


def uncobs(frame: bytearray, length: int) -> int:
    """Decodes a COBS frame (without its closing zero) in place; returns the new length, or -1 if it is none.

    The frame holds no zero: `take` ended it at the first.
    """
    if length == 0:
        return -1
    read = 0
    write = 0
    group = 0
    while read < length:
        previous = group
        group = frame[read]
        following = read + group
        if group == 0 or following > length:
            return -1
        if group == 1 and following == length and previous == 255:
            return -1
        read += 1
        while read < following:
            frame[write] = frame[read]
            write += 1
            read += 1
        if group != 255 and read < length:
            frame[write] = 0
            write += 1
    return write


def read_motion(data: bytearray, length: int, header: "array[int]", values: "array[int]") -> int:
    """Decodes a motion frame's CBOR, data[:length]; strict as the rest of the wire.

    Puts type, sequence, time_ms, low and high 16 bits of the mask into header[0:5], positions widened from 12
    to 16 bits into values. Returns how many, or -1 if it is no motion frame. `data` must reach
    8 bytes beyond `length`, `values` hold 32.
    """
    if data[0] == 0x84 and data[1] == 1:
        fields = 2
    elif data[0] == 0x85 and data[1] == 2:
        fields = 3
    else:
        return -1
    header[0] = data[1]
    header[3] = 0
    header[4] = 0
    position = 2
    field = 1
    while field <= fields:
        if position >= length:
            return -1
        high = 0
        low = data[position]
        position += 1
        if low == 24:
            low = data[position]
            position += 1
            if low < 24:
                return -1
        elif low == 25:
            low = data[position] << 8 | data[position + 1]
            position += 2
            if low < 256:
                return -1
        elif low == 26:
            high = data[position] << 8 | data[position + 1]
            low = data[position + 2] << 8 | data[position + 3]
            position += 4
            if high == 0:
                return -1
        elif low > 23:
            return -1
        if field == 1:
            if high != 0:
                return -1
            header[1] = low
        elif field == 2:
            if high > 0x3FFF:
                return -1
            header[2] = high << 16 | low
        else:
            header[3] = low
            header[4] = high
        field += 1
    if position >= length:
        return -1
    size = data[position]
    position += 1
    if size == 0x58:
        size = data[position]
        position += 1
        if size < 24 or size > 48:
            return -1
    elif size >= 0x40 and size < 0x58:
        size -= 0x40
    else:
        return -1
    if position + size != length:
        return -1
    count = 0
    while position < length:
        if position + 1 == length:
            return -1
        value = data[position] | (data[position + 1] & 15) << 8
        values[count] = value << 4 | value >> 8
        count += 1
        if position + 2 == length:
            if data[position + 1] > 15:
                return -1
        else:
            value = data[position + 1] >> 4 | data[position + 2] << 4
            values[count] = value << 4 | value >> 8
            count += 1
        position += 3
    if fields == 2:
        if count == 0:
            return -1
        return count
    expected = 0
    channel = 0
    while channel < 16:
        expected += ((header[3] >> channel) & 1) + ((header[4] >> channel) & 1)
        channel += 1
    if expected != count:
        return -1
    return count


def merge(
    values: "array[int]",
    header: "array[int]",
    base: "array[int]",
    out: "array[int]",
    offset: int,
    channels: int,
) -> int:
    """Writes out[offset:offset+channels]: the values where the header's mask has a bit, else the base.

    Returns 0, or -1 if the mask names a channel that is not there.
    """
    channel = 0
    value = 0
    while channel < 32:
        if channel < 16:
            bit = (header[3] >> channel) & 1
        else:
            bit = (header[4] >> (channel - 16)) & 1
        if channel < channels:
            if bit != 0:
                out[offset + channel] = values[value]
                value += 1
            else:
                out[offset + channel] = base[channel]
        elif bit != 0:
            return -1
        channel += 1
    return 0


def copy(source: "array[int]", source_offset: int, out: "array[int]", offset: int, count: int) -> None:
    """Copies `count` positions."""
    for i in range(count):
        out[offset + i] = source[source_offset + i]


def tangents(
    before: "array[int]",
    at: "array[int]",
    after: "array[int]",
    after_offset: int,
    inverse_before: int,
    inverse_after: int,
    inverse_both: int,
    out: "array[int]",
    count: int,
) -> None:
    """Velocities with which to pass the positions `at`, on the way from `before` to `after`.

    The inverses are 16384 // milliseconds of the way to `at`, from it, and of both. Where the way turns, the
    velocity is 0; elsewhere it is the secant's, at most twice either side's: then no cubic between two frames
    leaves their range (Fritsch and Carlson 1980 prove it up to three times).
    """
    for i in range(count):
        here = at[i]
        then = after[after_offset + i]
        come = ((here - before[i]) * inverse_before) >> 5  # twice the slope
        go = ((then - here) * inverse_after) >> 5
        velocity = ((then - before[i]) * inverse_both) >> 6
        if come > 0 and go > 0:
            if velocity > come:
                velocity = come
            if velocity > go:
                velocity = go
        elif come < 0 and go < 0:
            if velocity < come:
                velocity = come
            if velocity < go:
                velocity = go
        else:
            velocity = 0
        out[i] = velocity + VELOCITY_BIAS


def hermite(
    start: "array[int]",
    goal: "array[int]",
    start_velocity: "array[int]",
    goal_velocity: "array[int]",
    phase: int,
    duration: int,
    out: "array[int]",
    count: int,
) -> None:
    """Cubic Hermite interpolation at `phase` (0..16384) of a segment of `duration` ms.

    Velocities times duration must stay within twice the way. Never leaves the range from start to goal.
    """
    phase2 = (phase * phase) >> 14
    phase3 = (phase2 * phase) >> 14
    way = 3 * phase2 - 2 * phase3
    from_start = phase3 - 2 * phase2 + phase
    from_goal = phase3 - phase2
    for i in range(count):
        low = start[i]
        high = goal[i]
        tangent = ((start_velocity[i] - VELOCITY_BIAS) * duration) >> 8
        tangent2 = ((goal_velocity[i] - VELOCITY_BIAS) * duration) >> 8
        value = low + ((way * (high - low) + from_start * tangent + from_goal * tangent2) >> 14)
        if low > high:
            low, high = high, low
        if value < low:
            value = low
        elif value > high:
            value = high
        out[i] = value


def slew(track: "array[int]", out: "array[int]", steps: "array[int]", cap: int, live: int) -> int:
    """Moves out[:live] towards the track, by at most its step and the cap; returns how many are not there."""
    behind = 0
    for i in range(live):
        step = steps[i]
        if step > cap:
            step = cap
        way = track[i] - out[i]
        if way > step:
            way = step
            behind += 1
        elif way < -step:
            way = -step
            behind += 1
        out[i] = out[i] + way
    return behind


def registers(
    out: "array[int]",
    ends: "array[int]",
    places: bytearray,
    counts_per_us: int,
    data: bytearray,
    live: int,
    count: int,
) -> None:
    """Writes every channel's PCA9685 registers: a pulse from count 0 on for the live ones, none for others.

    ends[2*i] and ends[2*i+1]: pulse widths in us at position 0 and 65535, so that no pulse can leave them.
    places[i]: output 0..31, four bytes each in `data`. counts_per_us: PWM counts per us times 16384.
    """
    for i in range(count):
        at = places[i] << 2
        data[at] = 0
        data[at + 1] = 0
        if i < live:
            first = ends[2 * i]
            pulse = first + (((ends[2 * i + 1] - first) * out[i] + 32768) >> 16)
            pulse = (pulse * counts_per_us + 8192) >> 14
            data[at + 2] = pulse & 255
            data[at + 3] = pulse >> 8
        else:
            data[at + 2] = 0
            data[at + 3] = 16
