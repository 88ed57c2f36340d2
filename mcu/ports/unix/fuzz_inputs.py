"""Bytes that a host, a broken cable or an enemy may send: what the wire is fuzzed with."""

import binascii

from facewire import cbor_subset, framing
from facewire.constants import (
    BASE_INTERVAL,
    MAX_PAYLOAD_BYTES,
    PROTOCOL_VERSION,
    SCHEMA_HASH,
    TICK_RATES_HZ,
    TICKS_MASK,
)

# Milliseconds ahead of board time: on time, on the edges of late, absurd and half a turn, far off.
_AHEADS = (1, 2000, 0, -1, 2001, -10000, -10001, 1 << 29, (1 << 29) - 1, -(1 << 29), 5000, 1 << 27)
_TIMES = (0, TICKS_MASK, TICKS_MASK + 1, 0xFFFFFFFF)
_SEQUENCES = (0, 1, 31, 32, 0xFFE0, 0xFFFF, 0x10000, 0xFFFFFFFF)
_LENGTHS = (0, 1, 2, 3, 47, 48, 49, 50, 63, 64, 65, 72, 73, 100, 250, 253, 254, 255, 256, 508, 509, 762)
_TEXTS = ("", "shows/a", "shows/../x", "slot/wire.py", "shows", "x" * 33, "shows/b/c", "/", "shows/-")
# By their types; those that bring a head to rest come more often than those that stop it.
_REQUESTS = (3, 3, 4, 4, 5, 6, 6, 6, 6, 6, 7, 8, 8, 20, 20, 21, 21, 21, 22, 23, 25, 26, 27)
_RECENT = 16


class Inputs:
    """Makes one input after the other. Of those that are frames, some are kept to be sent again or mangled.

    channels: how many the board has now; now_ms: its time.
    """

    def __init__(self, random):
        self.channels = 1
        self.now_ms = 0
        self._random = random
        self._sequence = 0
        self._ahead_ms = 0
        self.forget()
        self._kinds = (
            self._noise,
            self._motion,
            self._motion,
            self._hostile_motion,
            self._odd_motion,
            self._request,
            self._wrong_request,
            self._wrong_request,
            self._nested,
            self._mangled_payload,
            self._mangled_payload,
            self._mangled_frame,
            self._mangled_frame,
            self._mangled_frame,
            self._long,
            self._edge_of_cobs,
        )

    def forget(self):
        """Lets go of the frames that were kept: how long they are must not show as memory in use."""
        self._recent = [b"\x01\0"]

    def any(self):
        """One input: a frame or more, or what might be taken for one."""
        return self._random.pick(self._kinds)()

    def motion(self):
        """One that consists of motion frames only, with whatever in them."""
        return self._motion() if self._random.one_in(2) else self._hostile_motion()

    # ---- whole frames

    def _keep(self, frame):
        self._recent[self._random.below(len(self._recent))] = frame
        if len(self._recent) < _RECENT:
            self._recent.append(frame)
        return frame

    def _motion(self):
        """A frame as a host sends it, a little later than the one before."""
        random = self._random
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._ahead_ms = self._ahead_ms + 1 + random.below(30)
        if self._ahead_ms > 1900:
            self._ahead_ms = 1
        time_ms = (self.now_ms + self._ahead_ms) & TICKS_MASK
        if self._sequence % BASE_INTERVAL and random.one_in(2):
            return self._keep(
                wrap(self._compact(self._sequence, time_ms, random.word() % (1 << self.channels)))
            )
        positions = random.bytes(packed(self.channels))
        return self._keep(wrap(full(self._sequence, time_ms, positions, self.channels)))

    def _hostile_motion(self):
        """A frame in the right shape with values that no host would send."""
        random = self._random
        sequence = random.pick(_SEQUENCES) if random.one_in(2) else random.word()
        if random.one_in(4):
            time_ms = random.pick(_TIMES)
        elif random.one_in(2):
            time_ms = random.number(32)
        else:
            time_ms = (self.now_ms + random.pick(_AHEADS)) & TICKS_MASK
        sequence &= 0xFFFF
        time_ms &= TICKS_MASK
        if random.one_in(2):
            return self._keep(wrap(self._compact(sequence, time_ms, random.number(32))))
        count = 1 + random.below(32)
        return self._keep(wrap(full(sequence, time_ms, random.bytes(packed(count)), count)))

    def _odd_motion(self):
        """Nearly a motion frame: one thing about its shape is wrong."""
        random = self._random
        count = 1 + random.below(33)
        positions = even(random.bytes(packed(count)), count)
        numbers = [random.below(32), self.now_ms + 1 + random.below(100)]
        if random.one_in(2):
            numbers.append(random.number(32))
        sizes = [head_size(number) for number in numbers]
        length = len(positions)
        how = random.below(7)
        if how == 0:  # a number longer than it need be
            which = random.below(len(sizes))
            sizes[which] = random.pick([size for size in (1, 2, 4) if size >= sizes[which]])
        elif how == 1:
            numbers[random.below(len(numbers))] = random.pick((0xFFFFFFFF, 0x40000000, 0x10000, 0x3FFFFFFF))
            sizes = [head_size(number) for number in numbers]
        elif how == 2:
            length = random.below(64)
        elif how == 3:
            positions = random.bytes(random.below(60))
            length = len(positions)
        elif how == 4:
            positions += random.bytes(1 + random.below(3))
        body = bytes([0x82 + len(numbers), random.below(4) if how == 5 else len(numbers) - 1])
        for number, size in zip(numbers, sizes):  # noqa: B905 (MicroPython's has no strict)
            body += sized(number, size)
        long_head = length >= 24 or how == 6
        body += (bytes([0x58, length]) if long_head else bytes([0x40 | length])) + positions
        return self._keep(wrap(body))

    def _compact(self, sequence, time_ms, mask):
        count = 0
        for channel in range(32):
            count += mask >> channel & 1
        positions = even(self._random.bytes(packed(count)), count)
        return b"\x85\x02" + uint(sequence) + uint(time_ms) + uint(mask) + string(positions)

    # ---- requests

    def _request(self):
        random = self._random
        kind = random.pick(_REQUESTS)
        message = [kind, 1 + random.below(16384)]
        if kind == 3:
            message += [PROTOCOL_VERSION, SCHEMA_HASH, random.pick((7, 7, 7, 7, 1, 0xFFFF))]
        elif kind == 5:
            message += [any_profile(random, random.one_in(8)), random.below(2)]
        elif kind == 20:
            message += [random.pick(_TEXTS), random.pick((1, 300, 600, 0xFFFFFF, 1 << 24)), random.number(32)]
        elif kind == 21:
            message += [random.pick((0, 0, 300, 600)), random.bytes(random.pick((1, 300, 512, 513)))]
        elif kind == 23:
            message += [random.pick(_TEXTS), random.below(4)]
        elif kind == 25:
            message += [random.pick(_TEXTS)]
        elif kind == 26:
            message += [random.pick(_TEXTS), random.below(3)]
        elif kind == 27:
            message += [random.number(32)]
        return self._keep(wrap(cbor_subset.dumps(message)))

    def _wrong_request(self):
        """A request with elements of any kind and number."""
        random = self._random
        count = random.below(7)
        body = (
            bytes([0x80 | count + 2, random.below(32)])
            if random.one_in(2)
            else bytes([0x82, random.below(32)])
        )
        body += uint(random.pick((0, 1, 0xFFFF, 0x10000, 77)))
        for _ in range(count):
            body += self._anything(0)
        return self._keep(wrap(body))

    def _anything(self, depth):
        """CBOR of any kind, often wrong."""
        random = self._random
        kind = random.below(14)
        if kind < 4:
            return uint(random.number(32))
        if kind == 4:
            return string(random.bytes(random.below(40)))
        if kind == 5:
            text = random.pick(_TEXTS).encode()
            return bytes([0x60 | len(text)]) + text if len(text) < 24 else b"\x78" + bytes([len(text)]) + text
        if kind < 8 and depth < 6:
            count = random.below(5)
            body = bytes([0x80 | count])
            for _ in range(count):
                body += self._anything(depth + 1)
            return body
        if kind == 8:  # a length that lies
            return bytes([random.pick((0x40, 0x60, 0x80)) | 26]) + random.bytes(4)
        if kind == 9:  # longer than need be
            return bytes([random.pick((0, 0x40, 0x80)) | 25, 0, random.below(30)])
        if kind == 10:  # negative numbers, maps, tags, floats, indefinite lengths
            return bytes([random.pick((0x20, 0xA1, 0xC0, 0xE0, 0xF9, 0xFB, 0x5F, 0x9F, 0xFF, 0x1B))])
        return random.bytes(1 + random.below(3))

    def _nested(self):
        """Arrays in arrays, to any depth."""
        random = self._random
        depth = random.pick((3, 4, 5, 6, 20, 100, 500))
        return wrap(bytes([0x84, random.pick((3, 5, 20)), 1]) + b"\x81" * depth + b"\x80")

    # ---- what is damaged

    def _noise(self):
        random = self._random
        data = random.bytes(random.below(80))
        return data + b"\0" if random.one_in(2) else data

    def _mangled_payload(self):
        """A message that is not as it was, in a frame that is whole."""
        random = self._random
        try:
            payload = framing.unwrap(random.pick(self._recent)[:-1])
        except ValueError:
            return self._noise()
        return wrap(self._mangle(payload))

    def _mangled_frame(self):
        return self._mangle(self._random.pick(self._recent))

    def _mangle(self, data):
        random = self._random
        for _ in range(1 + random.below(3)):
            length = len(data)
            how = random.below(9)
            at = random.below(length + 1)
            if how == 0:
                data = data[:at]
            elif how == 1:
                data = data[at:]
            elif how == 2:
                data = data + data[at:]
            elif how == 3:
                data = data[:at] + random.pick(self._recent)[random.below(16) :]
            elif how == 4:
                data = data[:at] + random.bytes(1 + random.below(4)) + data[at:]
            elif how == 5:
                data = data[:at] + b"\0" + data[at:]
            elif at < length:
                changed = data[at] ^ (1 << random.below(8)) if how < 8 else random.pick((0, 1, 254, 255, 13))
                data = data[:at] + bytes([changed]) + data[at + 1 :]
        return data[: 2 * MAX_PAYLOAD_BYTES]

    def _long(self):
        """Frames about as long as may be, and longer; a frame that asks for the REPL."""
        random = self._random
        if random.one_in(64):
            return b"\0\r\x03" + random.bytes(random.below(20))
        length = MAX_PAYLOAD_BYTES - 20 + random.below(40)
        if random.one_in(2):
            return bytes([1 + random.below(255)]) * length + b"\0"
        return wrap(
            bytes([0x83, 5, 1]) + b"\x59" + (length - 6).to_bytes(2, "big") + random.bytes(length - 6)
        )

    def _edge_of_cobs(self):
        """Runs without a zero whose lengths lie around what one group of COBS holds."""
        random = self._random
        length = random.pick(_LENGTHS)
        body = bytes([1 + random.below(255)]) * length
        if random.one_in(4):
            return bytes([255]) + body + bytes([random.pick((1, 2, 255))]) + b"\0"
        if random.one_in(4):  # one full group, and an empty one that does not belong behind it
            return framing.wrap(body[:1] * 250)[:-1] + b"\x01\0"
        return framing.wrap(body) if random.one_in(2) else wrap(b"\x82\x15\x01" + body)


def any_profile(random, spoiled=False):
    """The CBOR of a head profile that is right, or nearly so."""
    count = 1 + random.below(random.pick((2, 8, 32)))
    first = random.below(33 - count)
    channels = []
    for i in range(count):
        low = 400 + random.below(2000)
        high = min(2600, low + 20 + random.below(1000))
        ends = [low, high] if random.one_in(2) else [high, low]
        speed = random.pick((5, 20, 100, 500, 10000))
        channel = [first + i] + ends + [random.below(4096), speed, 1 + random.below(16384), random.below(8)]
        channels.append(channel)
    fields = [40 + random.below(294), random.pick(TICK_RATES_HZ), channels, []]
    if spoiled:
        random.pick(channels)[random.below(7)] = random.below(16384)
    return cbor_subset.dumps(fields)


def full(sequence, time_ms, positions, count):
    """The CBOR of a full frame."""
    return b"\x84\x01" + uint(sequence) + uint(time_ms) + string(even(positions, count))


def packed(count):
    """Bytes that so many positions take."""
    return (3 * count + 1) // 2


def even(positions, count):
    """The same with the spare bits of an odd last position cleared."""
    return positions[:-1] + bytes([positions[-1] & 15]) if count % 2 else positions


def uint(number):
    """A number as CBOR, in its shortest form."""
    return sized(number, head_size(number))


def head_size(number):
    """How many bytes the head of this number has behind its first."""
    return 0 if number < 24 else 1 if number < 0x100 else 2 if number < 0x10000 else 4


def sized(number, size):
    """A number as CBOR with so many bytes behind the first."""
    return bytes([number]) if not size else bytes([24 + size // 2]) + number.to_bytes(size, "big")


def string(data):
    """Bytes as CBOR."""
    return (bytes([0x40 | len(data)]) if len(data) < 24 else bytes([0x58, len(data)])) + data


def wrap(payload):
    """As framing.wrap; the quick way for what fits one group of COBS."""
    if len(payload) > 240:
        return framing.wrap(payload)
    parts = (payload + binascii.crc32(payload).to_bytes(4, "little")).split(b"\0")
    return b"".join([bytes([len(part) + 1]) + part for part in parts]) + b"\0"
