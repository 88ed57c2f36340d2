"""A firmware under test, and the host's end of its wire."""

from __future__ import annotations

from typing import Any

from facewire import constants as c
from lipwright.link.board_profile import BoardChannel, BoardCollision, BoardProfile
from lipwright.link.messages import (
    Ack,
    CompactFrame,
    FullFrame,
    Hello,
    Message,
    ProfileUpload,
    Splitter,
    encode,
)

PERIOD_MS = 10
START_TICKS = 60  # how long one group of servos takes to come on, at 100 ticks a second


def make_profile(
    channels: int = 26,
    speed: int = 10000,
    rest: int = 2048,
    tick_hz: int = 100,
    collisions: tuple[BoardCollision, ...] = (),
    **settings: int,
) -> BoardProfile:
    """A profile with so many channels that are all alike, and follow whatever comes if nothing is said."""
    common = {"pulse_at_0_us": 1000, "pulse_at_1_us": 2000, "rest": rest, "speed": speed}
    common |= {"acceleration": c.ACCELERATION_MAX, "group": 0, **settings}
    servos = tuple(BoardChannel(output=i, **common) for i in range(channels))
    return BoardProfile(50, tick_hz, servos, collisions)


class Chips:
    """The servo drivers' registers, as what goes over the bus leaves them."""

    def __init__(self) -> None:
        self._registers: dict[int, bytearray] = {}

    def take(self, writes: list[list[Any]]) -> None:
        """Writes as the device records them: address, register, hexadecimal digits."""
        for address, register, digits in writes:
            data = bytes.fromhex(digits)
            self._registers.setdefault(address, bytearray(256))[register : register + len(data)] = data

    def counts(self, output: int) -> int:
        """At which of 4096 counts a pulse ends; 4096 where there is none."""
        at = 6 + 4 * (output % 16)
        on_low, on_high, off_low, off_high = self._registers[0x40 + output // 16][at : at + 4]
        assert on_low == on_high == 0
        return off_low | off_high << 8


NO_PULSE = 4096


class Board:
    """A firmware that was just started, and the host's end of its wire."""

    def __init__(self, device: Any, start_ms: int = 0, **settings: object) -> None:
        self.device = device
        self.splitter = Splitter()
        self.sequence = 0
        device("start", start_ms, {"PROFILE_FILE": "profile.bin", **settings})

    def send(self, *messages: Message) -> list[Message]:
        return self.send_bytes(b"".join(encode(message) for message in messages))

    def send_bytes(self, data: bytes) -> list[Message]:
        return self.splitter.feed(bytes.fromhex(self.device("receive", data.hex())))

    def connect(self, profile: BoardProfile, ticks: int = START_TICKS) -> None:
        """Opens a session, gives the profile and waits until the head rests."""
        self.send(Hello.open(1, 1))
        assert self.send(ProfileUpload(2, profile)) == [Ack(2, c.PROFILE)]
        self.run(ticks)
        assert self["state"] == c.RESTING

    def run(self, ticks: int, late_us: int = 0) -> list[list[Any]]:
        """[state, live, out, track] of each tick."""
        told: list[list[Any]] = self.device("run", ticks, late_us)
        return told

    def frame(self, time_ms: int, positions: list[int]) -> None:
        """Sends a full frame for a board time, counting the sequence up."""
        self.send(FullFrame(self.sequence & c.SEQUENCE_MASK, time_ms & c.TICKS_MASK, tuple(positions)))
        self.sequence += 1

    def compact(self, time_ms: int, changes: dict[int, int]) -> None:
        self.send(CompactFrame(self.sequence & c.SEQUENCE_MASK, time_ms & c.TICKS_MASK, changes))
        self.sequence += 1

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.device("state")
        return state

    def __getitem__(self, name: str) -> Any:
        return self.state[name]

    @property
    def now_ms(self) -> int:
        now: int = self["now_ms"]
        return now

    @property
    def drops(self) -> dict[str, int]:
        """Counts by cause, those above zero."""
        return {name: n for name, n in zip(c.DROP_NAMES, self["drops"], strict=True) if n}
