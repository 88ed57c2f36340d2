"""The inner loops as viper machine code, for 32-bit and 64-bit words.

The same loops as in `kernels_plain`, which says what each does; tests hold the two against each other bit for
bit. Viper has no int of fixed width: nothing here relies on a product wrapping, nor on the sign of a word
read from memory.
"""

import micropython
from micropython import const

_SPEED_BIAS = const(1 << 20)
_SUM_BIAS = const(1 << 27)
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
def aim(
    track: ptr16,
    before: ptr16,
    out: ptr16,
    velocity: ptr32,
    steps: ptr16,
    accelerations: ptr16,
    pulses: ptr8,
    cap: int,
    wish: ptr32,
    count: int,
):
    for i in range(count):
        if pulses[i] == 0:
            wish[i] = _SPEED_BIAS
            continue
        speed = velocity[i] - _SPEED_BIAS
        change = accelerations[i]
        limit = steps[i]
        if limit > cap:
            limit = cap
        goal = track[i]
        ahead = goal - out[i]
        way = ahead
        if way > limit:
            way = limit
        elif way < -limit:
            way = -limit
        if way > speed + change:
            way = speed + change
        elif way < speed - change:
            way = speed - change
        # As going up: where it goes down, all is mirrored.
        sign = 1
        room = 65535 - out[i]
        if way < 0:
            sign = -1
            way = -way
            speed = -speed
            ahead = -ahead
            room = out[i]
        drift = sign * (goal - before[i])
        if drift > limit:
            drift = limit
        if drift > change:  # how far it comes while it brakes: drift - change, drift - 2 * change, ...
            brakes = drift // change
            ahead += brakes * drift - ((change * brakes * (brakes + 1)) >> 1)
        if room > ahead:
            room = ahead
        stop = way
        if way > change:
            brakes = way // change
            stop += brakes * way - ((change * brakes * (brakes + 1)) >> 1)
        if stop > room:
            low = speed - change
            if low < 0:
                low = 0
            while way - low > 1:
                middle = (low + way) >> 1
                stop = middle
                if middle > change:
                    brakes = middle // change
                    stop += brakes * middle - ((change * brakes * (brakes + 1)) >> 1)
                if stop > room:
                    way = middle
                else:
                    low = middle
            way = low
        wish[i] = sign * way + _SPEED_BIAS


@micropython.viper
def part(
    out: ptr16,
    velocity: ptr32,
    wish: ptr32,
    accelerations: ptr16,
    firsts: ptr8,
    terms: ptr8,
    mosts: ptr32,
    pairs: int,
) -> int:
    braking = 0
    again = 1
    while again != 0:
        again = 0
        for pair in range(pairs):
            end = firsts[pair + 1]
            total = 0
            term = firsts[pair]
            while term < end:
                channel = terms[2 * term]
                weight = terms[2 * term + 1] - 128
                way = wish[channel] - _SPEED_BIAS
                at = out[channel] + way
                change = accelerations[channel]
                if weight > 0 and way > change:
                    brakes = way // change
                    at += brakes * way - ((change * brakes * (brakes + 1)) >> 1)
                elif weight < 0 and way < -change:
                    way = -way
                    brakes = way // change
                    at -= brakes * way - ((change * brakes * (brakes + 1)) >> 1)
                total += weight * at
                term += 1
            if total > mosts[pair] - _SUM_BIAS:
                term = firsts[pair]
                while term < end:
                    channel = terms[2 * term]
                    weight = terms[2 * term + 1] - 128
                    way = wish[channel] - _SPEED_BIAS
                    if (weight > 0 and way > 0) or (weight < 0 and way < 0):
                        speed = velocity[channel] - _SPEED_BIAS
                        change = accelerations[channel]
                        if speed > change:
                            speed -= change
                        elif speed < -change:
                            speed += change
                        else:
                            speed = 0
                        if way != speed:
                            wish[channel] = speed + _SPEED_BIAS
                            braking += 1
                            again = 1
                    term += 1
    return braking


@micropython.viper
def move(out: ptr16, velocity: ptr32, wish: ptr32, track: ptr16, count: int) -> int:
    behind = 0
    for i in range(count):
        out[i] = out[i] + wish[i] - _SPEED_BIAS
        velocity[i] = wish[i]
        if out[i] != track[i]:
            behind += 1
    return behind


@micropython.viper
def registers(
    out: ptr16,
    ends: ptr16,
    places: ptr8,
    counts_per_us: int,
    bounds: ptr16,
    counts: ptr16,
    data: ptr8,
    pulses: ptr8,
    count: int,
    spans: ptr8,
    chips: int,
) -> int:
    for chip in range(chips):
        spans[2 * chip] = 4
        spans[2 * chip + 1] = 0
    switched = 0
    for i in range(count):
        low = 0
        high = 16
        if pulses[i] != 0:
            first = ends[2 * i]
            quarters = (first << 2) + (((ends[2 * i + 1] - first) * out[i] + 8192) >> 14)
            sixteenths = (quarters * counts_per_us + 2048) >> 12
            told = counts[i]
            away = sixteenths - (told << 4)
            if away > 12 or away < -12:
                told = (sixteenths + 8) >> 4
            if told < bounds[2 * i]:
                told = bounds[2 * i]
            elif told > bounds[2 * i + 1]:
                told = bounds[2 * i + 1]
            counts[i] = told
            low = told & 255
            high = told >> 8
        place = places[i]
        at = (place << 2) + 2
        if data[at] != low or data[at + 1] != high:
            switched |= (data[at + 1] ^ high) & 16
            data[at] = low
            data[at + 1] = high
            span = (place >> 4) << 1
            group = (place & 15) >> 2
            if spans[span] > group:
                spans[span] = group
            if spans[span + 1] <= group:
                spans[span + 1] = group + 1
    return switched


@micropython.viper
def widths(out: ptr16, ends: ptr16, pulses: ptr8, told: ptr16, count: int):
    for i in range(count):
        if pulses[i] == 0:
            told[i] = 0
        else:
            first = ends[2 * i]
            last = ends[2 * i + 1]
            width = (first << 2) + (((last - first) * out[i] + 8192) >> 14)
            before = told[i]
            away = width - before
            if away <= 3 and away >= -3:
                width = before
            if first > last:
                first, last = last, first
            if width < first << 2:
                width = first << 2
            elif width > last << 2:
                width = last << 2
            told[i] = width
