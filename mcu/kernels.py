"""The inner loops as viper machine code, for 32-bit and 64-bit words.

The same loops as in `kernels_plain`, which says what each does; tests hold the two against each other bit for
bit. Viper has no int of fixed width: nothing here relies on a product wrapping, nor on the sign of a word
read from memory.
"""

import micropython
from micropython import const

_VELOCITY_BIAS = const(1 << 26)


@micropython.viper
def take(chunk: ptr8, start: int, end: int, frame: ptr8, fill: int, room: int) -> int:
    while start < end:
        byte = chunk[start]
        if byte == 0:
            return start
        if fill < room:
            frame[fill] = byte
        fill += 1
        start += 1
    return start


@micropython.viper
def uncobs(frame: ptr8, length: int) -> int:
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


@micropython.viper
def read_motion(data: ptr8, length: int, header: ptr32, values: ptr16) -> int:
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


@micropython.viper
def merge(values: ptr16, header: ptr32, base: ptr16, out: ptr16, offset: int, channels: int) -> int:
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


@micropython.viper
def copy(source: ptr16, source_offset: int, out: ptr16, offset: int, count: int):
    for i in range(count):
        out[offset + i] = source[source_offset + i]


@micropython.viper
def tangents(
    before: ptr16,
    at: ptr16,
    after: ptr16,
    after_offset: int,
    inverse_before: int,
    inverse_after: int,
    inverse_both: int,
    out: ptr32,
    count: int,
):
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
        out[i] = velocity + _VELOCITY_BIAS


@micropython.viper
def hermite(
    start: ptr16,
    goal: ptr16,
    start_velocity: ptr32,
    goal_velocity: ptr32,
    phase: int,
    duration: int,
    out: ptr16,
    count: int,
):
    phase2 = (phase * phase) >> 14
    phase3 = (phase2 * phase) >> 14
    way = 3 * phase2 - 2 * phase3
    from_start = phase3 - 2 * phase2 + phase
    from_goal = phase3 - phase2
    for i in range(count):
        low = start[i]
        high = goal[i]
        tangent = ((start_velocity[i] - _VELOCITY_BIAS) * duration) >> 8
        tangent2 = ((goal_velocity[i] - _VELOCITY_BIAS) * duration) >> 8
        value = low + ((way * (high - low) + from_start * tangent + from_goal * tangent2) >> 14)
        if low > high:
            low, high = high, low
        if value < low:
            value = low
        elif value > high:
            value = high
        out[i] = value


@micropython.viper
def slew(track: ptr16, out: ptr16, steps: ptr16, cap: int, live: int) -> int:
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


@micropython.viper
def registers(
    out: ptr16,
    ends: ptr16,
    places: ptr8,
    counts_per_us: int,
    data: ptr8,
    live: int,
    count: int,
):
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
