"""What a board says of itself, in words: every state and cause, and what to do."""

from dataclasses import replace

import pytest

from facewire import constants as wire
from lipwright.face.profile import load_profile
from lipwright.link import plain_words
from lipwright.link.frames import board_profile
from lipwright.link.messages import BoardInfo, BoardStatus

PROFILE = load_profile()
STATUS = BoardStatus(
    request=1,
    session=1,
    time_ms=0,
    state=wire.FOLLOWING,
    cause=wire.CAUSE_FRAMES,
    ring_depth=0,
    received=0,
    played=0,
    drops=(0,) * len(wire.DROP_NAMES),
    crc_errors=0,
    malformed=0,
    bus_errors=0,
    worst_jitter_us=0,
    worst_tick_us=0,
    ticks=0,
    free_bytes=0,
    supply_mv=0,
    hot_mask=0,
)
INFO = BoardInfo(1, 2, 3, 1, "0.1.0", "Pico", "MicroPython", 26, 100, 64, board_profile(PROFILE).crc)


@pytest.mark.parametrize("state", range(len(wire.STATE_NAMES)))
@pytest.mark.parametrize("cause", range(len(wire.CAUSE_NAMES)))
def test_every_state_and_cause_has_words_of_its_own(state, cause):
    said = plain_words.state_of(replace(STATUS, state=state, cause=cause))
    assert said.count("; ") == 1 and "{" not in said and "_" not in said
    assert plain_words.cause_of(replace(STATUS, cause=cause)) not in (
        plain_words.cause_of(replace(STATUS, cause=other))
        for other in range(len(wire.CAUSE_NAMES))
        if other != cause
    )


def test_a_cause_that_a_newer_board_may_have_is_named_all_the_same():
    assert "cause 200" in plain_words.state_of(replace(STATUS, cause=200))


def test_a_head_that_did_well_has_no_troubles():
    for state in (wire.FOLLOWING, wire.HOLDING, wire.EASING, wire.RESTING):
        assert plain_words.troubles(replace(STATUS, state=state), PROFILE) == []


STOPPED_BY_BUTTON = {"state": wire.STOPPED, "cause": wire.CAUSE_BUTTON}
NO_DRIVER = {"state": wire.RELEASED, "cause": wire.CAUSE_BUS, "bus_errors": 7}
WEAK = {"state": wire.RELEASED, "cause": wire.CAUSE_SUPPLY, "supply_mv": 4123}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (STOPPED_BY_BUTTON, "limp (stopped): the stop button has been pressed"),
        (NO_DRIVER, "limp (released): a servo driver does not answer: see to"),
        (NO_DRIVER, "errors on the servo bus: 7"),
        (WEAK, "too low (4.12 V): switch it on"),
        ({"state": wire.REARMING, "cause": wire.CAUSE_SILENCE}, "limp"),
        ({"state": wire.UNCONFIGURED, "cause": wire.CAUSE_BOOT}, "knows no head profile yet"),
        ({"bus_errors": 3}, "errors on the servo bus: 3; see to the driver's 3.3 V"),
        ({"hot_mask": 0b101}, "kept at rest to cool down: jaw, upper_lip_left"),
        ({"hot_mask": 1 << 30}, "kept at rest to cool down: channel 30"),
    ],
)
def test_why_nothing_moved(changes, said):
    assert said in "\n".join(plain_words.troubles(replace(STATUS, **changes), PROFILE))


def test_whether_board_and_file_agree():
    crc = f"{INFO.profile_crc:08x}"
    assert plain_words.profile_of(INFO, PROFILE) == f"26 servos, {crc}, the same as {PROFILE.path}"
    other = plain_words.profile_of(replace(INFO, profile_crc=1), PROFILE)
    assert "00000001, NOT that of" in other and crc in other
    assert plain_words.profile_of(replace(INFO, channel_count=0, profile_crc=0), PROFILE).startswith("none")


def test_a_board_says_all_that_a_maker_asks():
    lines = "\n".join(plain_words.board_lines(INFO, replace(STATUS, supply_mv=5040, hot_mask=2), PROFILE))
    for part in ("Pico, firmware 0.1.0", "following", "supply: 5.04 V", "too hot: upper_lip_mid", "bus: 0"):
        assert part in lines
