"""The inner loops in plain Python: what `kernels` is tested against, and what serves where viper is missing.

Positions are 0..65535 over a channel's range. Velocities are in 1/256 position per millisecond, stored with
VELOCITY_BIAS added: viper reads 32-bit memory without sign on 64-bit machines. Every product stays within
32 bits for the arguments that the docstrings allow.
"""

from array import array

SPEED_BIAS = 1 << 20
SUM_BIAS = 1 << 27
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


def aim(
    track: "array[int]",
    before: "array[int]",
    out: "array[int]",
    velocity: "array[int]",
    steps: "array[int]",
    accelerations: "array[int]",
    pulses: bytearray,
    cap: int,
    wish: "array[int]",
    count: int,
) -> None:
    """Chooses how far every channel shall move in this tick to be on the track, within its limits.

    wish and velocity (the last tick's wish) are positions a tick plus SPEED_BIAS; 0 where pulses[i] is 0. No
    wish is over steps[i] or the cap, nor differs from the velocity by more than accelerations[i], unless it
    has to brake; none goes so fast that it could not stop within 0..65535, or before the point where the
    track itself could stop, `before` being where that was a tick ago.
    """
    for i in range(count):
        if pulses[i] == 0:
            wish[i] = SPEED_BIAS
            continue
        speed = velocity[i] - SPEED_BIAS
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
        wish[i] = sign * way + SPEED_BIAS


def part(
    out: "array[int]",
    velocity: "array[int]",
    wish: "array[int]",
    accelerations: "array[int]",
    firsts: bytearray,
    terms: bytearray,
    mosts: "array[int]",
    pairs: int,
) -> int:
    """Lets channels brake that would run into each other; returns how many do.

    Pair k has the terms firsts[k] to firsts[k + 1] - 1: terms[2 * j] is a channel, terms[2 * j + 1] its
    weight plus 128. The sum of weight times position stays at or below mosts[k] - SUM_BIAS, even if all that
    raise it brake from the next tick on, and those that lower it stand still: so braking is always enough.
    """
    braking = 0
    again = True
    while again:
        again = False
        for pair in range(pairs):
            total = 0
            for term in range(firsts[pair], firsts[pair + 1]):
                channel = terms[2 * term]
                weight = terms[2 * term + 1] - 128
                way = wish[channel] - SPEED_BIAS
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
            if total <= mosts[pair] - SUM_BIAS:
                continue
            for term in range(firsts[pair], firsts[pair + 1]):
                channel = terms[2 * term]
                weight = terms[2 * term + 1] - 128
                way = wish[channel] - SPEED_BIAS
                if (weight > 0 and way > 0) or (weight < 0 and way < 0):
                    speed = velocity[channel] - SPEED_BIAS
                    change = accelerations[channel]
                    if speed > change:
                        speed -= change
                    elif speed < -change:
                        speed += change
                    else:
                        speed = 0
                    if way != speed:
                        wish[channel] = speed + SPEED_BIAS
                        braking += 1
                        again = True
    return braking


def move(
    out: "array[int]", velocity: "array[int]", wish: "array[int]", track: "array[int]", count: int
) -> int:
    """Moves every channel as wished, which becomes its velocity; returns how many are not on the track."""
    behind = 0
    for i in range(count):
        out[i] = out[i] + wish[i] - SPEED_BIAS
        velocity[i] = wish[i]
        if out[i] != track[i]:
            behind += 1
    return behind


def registers(
    out: "array[int]",
    ends: "array[int]",
    places: bytearray,
    counts_per_us: int,
    bounds: "array[int]",
    counts: "array[int]",
    data: bytearray,
    pulses: bytearray,
    count: int,
    spans: bytearray,
    chips: int,
) -> int:
    """Writes every channel's PCA9685 registers: a pulse from count 0 on, or none where pulses[i] is 0.

    Returns whether any pulses came on or went off (16) or not (0). spans, of each chip: the first group of
    four pins in which anything has changed, and the one behind the last; 4 and 0 where nothing has.

    ends[2*i] and ends[2*i+1]: pulse widths in us at position 0 and 65535. bounds[2*i] and bounds[2*i+1]: the
    fewest and most counts that lie between them. places[i]: output 0..31, four bytes each in `data`, of which
    the first two, the count at which the pulse begins, stay as they are.
    counts_per_us: PWM counts per us times 16384. counts: what each channel was told last; it is told another
    only when the right width is more than three quarters of a count away, so that a position that trembles
    between two counts does not make a servo hum.
    """
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


def widths(out: "array[int]", ends: "array[int]", pulses: bytearray, told: "array[int]", count: int) -> None:
    """Writes pulse widths in quarters of a microsecond, 0 where pulses[i] is 0.

    told: the widths of the last time; one that would change by less than a microsecond stays, so that a
    position that trembles does not make a servo hum, but never beyond the ends (two for each channel, in us).
    """
    for i in range(count):
        if pulses[i] == 0:
            told[i] = 0
            continue
        first = ends[2 * i]
        last = ends[2 * i + 1]
        width = (first << 2) + (((last - first) * out[i] + 8192) >> 14)
        away = width - told[i]
        if away > 3 or away < -3:
            told[i] = width
        if first > last:
            first, last = last, first
        if told[i] < first << 2:
            told[i] = first << 2
        elif told[i] > last << 2:
            told[i] = last << 2
