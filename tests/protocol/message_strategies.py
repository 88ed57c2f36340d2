"""Any message that the protocol has, for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from facewire import constants as c
from lipwright.link import messages as m
from lipwright.link.board_profile import BoardChannel, BoardCollision, BoardProfile


def up_to(highest: int) -> st.SearchStrategy[int]:
    """Numbers from 0 on, those at which CBOR's heads grow more often than others."""
    edges = [edge for edge in (0, 23, 24, 255, 256, 65535, 65536, highest) if edge <= highest]
    return st.one_of(st.sampled_from(edges), st.integers(0, highest))


U16, U32, TICKS = up_to(0xFFFF), up_to(0xFFFFFFFF), up_to(c.TICKS_MASK)
ID = st.integers(1, 0xFFFF)
POSITION = up_to(c.POSITION_MAX)
TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=c.MAX_TEXT_BYTES)
FILE = st.from_regex(r"(shows|slot)/[a-z0-9_][a-z0-9._-]{0,15}", fullmatch=True)
PULSE = st.integers(c.PULSE_MIN_US, c.PULSE_MAX_US)


@st.composite
def profiles(draw: st.DrawFn) -> BoardProfile:
    """A head with any wiring that the protocol allows."""
    outputs = draw(st.lists(st.integers(0, c.OUTPUT_MAX), unique=True, min_size=1, max_size=c.MAX_CHANNELS))
    channels = []
    for output in outputs:
        pair = st.lists(PULSE, min_size=2, max_size=2)
        ends = draw(pair.filter(lambda both: abs(both[0] - both[1]) >= c.RANGE_MIN_US))
        speed = draw(st.integers(c.SPEED_MIN, c.SPEED_MAX))
        acceleration, group = draw(st.integers(1, c.ACCELERATION_MAX)), draw(st.integers(0, c.GROUP_MAX))
        channels.append(BoardChannel(output, *ends, draw(POSITION), speed, acceleration, group))
    channel = st.integers(0, len(channels) - 1)
    collisions = []
    for _ in range(draw(st.integers(0, 3))):
        names = draw(st.lists(channel, min_size=1, max_size=c.MAX_TERMS))
        weights = draw(st.lists(st.integers(-127, 127), min_size=len(names), max_size=len(names)))
        # Any rest pose keeps to it: no sum is greater.
        most = draw(st.integers(c.MAX_TERMS * 127 * 65535, c.SUM_BIAS - 1))
        collisions.append(BoardCollision(most, tuple(names), tuple(weights)))
    pwm_hz = draw(st.integers(c.PWM_HZ_MIN, c.PWM_HZ_MAX))
    return BoardProfile(pwm_hz, draw(st.sampled_from(c.TICK_RATES_HZ)), tuple(channels), tuple(collisions))


MOTION: st.SearchStrategy[Any] = st.one_of(
    st.builds(m.FullFrame, U16, TICKS, st.lists(POSITION, min_size=1, max_size=c.MAX_CHANNELS).map(tuple)),
    st.builds(m.CompactFrame, U16, TICKS, st.dictionaries(st.integers(0, c.MAX_CHANNELS - 1), POSITION)),
)
REQUESTS: st.SearchStrategy[Any] = st.one_of(
    st.builds(m.Hello.open, ID, ID),
    st.builds(m.Hello.ask, ID),
    st.builds(m.Sync, ID),
    st.builds(m.ProfileUpload, ID, profiles(), st.booleans()),
    st.builds(m.Park, ID),
    st.builds(m.Stop, ID),
    st.builds(m.StatusRequest, ID),
    st.builds(m.FileBegin, ID, FILE, up_to(0xFFFFFF), U32),
    st.builds(m.FilePart, ID, up_to(0xFFFFFF), st.binary(min_size=1, max_size=c.MAX_PART_BYTES)),
    st.builds(m.FileEnd, ID),
    st.builds(m.FileList, ID, st.sampled_from(["shows", "slot"]), U16),
    st.builds(m.FileDelete, ID, FILE),
    st.builds(m.ShowPlay, ID, st.from_regex(r"[a-z0-9_-]{1,20}", fullmatch=True), up_to(255)),
    st.builds(m.Update, ID, U32),
)
ANSWERS: st.SearchStrategy[Any] = st.one_of(
    st.builds(m.Ack, ID, up_to(255)),
    st.builds(m.Refused, ID, up_to(255), up_to(255), st.one_of(st.just(""), TEXT)),
    st.builds(
        m.BoardInfo,
        ID,
        st.just(c.PROTOCOL_VERSION),
        st.just(c.SCHEMA_HASH),
        U16,
        TEXT,
        TEXT,
        TEXT,
        up_to(c.MAX_CHANNELS),
        st.integers(1, 1000),
        ID,
        U32,
    ),
    st.builds(m.SyncReply, ID, TICKS, up_to(999), TICKS),
    st.builds(
        m.BoardStatus,
        *(U16, U16, TICKS, st.integers(0, len(c.STATE_NAMES) - 1), up_to(255), U16, TICKS, TICKS),
        st.tuples(*[TICKS] * len(c.DROP_NAMES)),
        *(TICKS, TICKS, TICKS, TICKS, TICKS, TICKS, U32),
        *(U16, U32),
    ),
    st.builds(m.FileInfo, ID, U16, st.one_of(st.just(""), FILE), up_to(0xFFFFFF), U32),
)
MESSAGES: st.SearchStrategy[Any] = st.one_of(MOTION, REQUESTS, ANSWERS)
