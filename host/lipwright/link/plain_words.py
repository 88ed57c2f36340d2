"""What a board says of itself, in words that a maker can act on."""

from __future__ import annotations

from collections.abc import Sequence

from facewire import constants as wire
from lipwright.face.profile import HeadProfile
from lipwright.link.frames import board_profile
from lipwright.link.messages import BoardInfo, BoardStatus

STATES = {
    wire.UNCONFIGURED: "it knows no head profile yet, so it moves nothing",
    wire.STOPPED: "stopped: all servos are limp",
    wire.RELEASED: "released: all servos are limp",
    wire.REARMING: "about to follow again: all servos are still limp",
    wire.EASING: "on its way to rest",
    wire.RESTING: "at rest: the servos hold",
    wire.FOLLOWING: "following what it is told",
    wire.HOLDING: "holding its last pose",
}
# Why the board is in its state; {supply} stands for what was measured.
CAUSES = {
    wire.CAUSE_BOOT: "since it was switched on",
    wire.CAUSE_FRAMES: "since frames came",
    wire.CAUSE_SILENCE: "since nothing more came",
    wire.CAUSE_PARK: "since a program asked for it",
    wire.CAUSE_STOP: "since a program stopped it",
    wire.CAUSE_PROFILE: "since it got a head profile",
    wire.CAUSE_SESSION: "since a program greeted it",
    wire.CAUSE_BUS: "a servo driver does not answer",
    wire.CAUSE_BUTTON: "the stop button has been pressed",
    wire.CAUSE_SUPPLY: "the servos' supply is too low ({supply})",
    wire.CAUSE_SHOW: "since a show began or ended",
}
HELP = {
    wire.CAUSE_BUS: "see to the driver's 3.3 V, its ground, SDA and SCL, and to A0 of the second one",
    wire.CAUSE_BUTTON: "let it go and start again; without a button, its pin must touch nothing",
    wire.CAUSE_SUPPLY: "switch it on, see to its fuse and wires; without a divider, SUPPLY_PIN must be None",
    wire.CAUSE_STOP: "start again",
    wire.CAUSE_SILENCE: "start again; if it happens again, this machine was too busy, or the cable is bad",
}


def state_of(status: BoardStatus) -> str:
    """State and cause, for instance "released: all servos are limp; the stop button has been pressed"."""
    return f"{STATES[status.state]}; {cause_of(status)}"


def cause_of(status: BoardStatus) -> str:
    """Why the board is in its state."""
    return CAUSES.get(status.cause, status.cause_name).format(supply=supply_of(status))


def supply_of(status: BoardStatus) -> str:
    """The servos' supply, for instance "5.02 V"."""
    return f"{status.supply_mv / 1000:.2f} V" if status.supply_mv else "not measured"


def why_limp(status: BoardStatus) -> str:
    """Why servos have no pulses, and what to do."""
    if status.state == wire.UNCONFIGURED:
        return STATES[wire.UNCONFIGURED]
    help_ = HELP.get(status.cause)
    return cause_of(status) + (f": {help_}." if help_ else ".")


def hot_names(status: BoardStatus, profile: HeadProfile) -> list[str]:
    """Servos that rest because they must have become too hot."""
    count = len(profile.channels)
    return [profile.channels[place].name if place < count else f"channel {place}" for place in status.hot]


def troubles(status: BoardStatus, profile: HeadProfile) -> list[str]:
    """Why a head that has just performed did not move, or not all of it; empty if all is well."""
    found = []
    if status.state <= wire.REARMING:
        found.append(f"the servos are limp ({STATES[status.state].partition(':')[0]}): {why_limp(status)}")
        found.append(f"supply: {supply_of(status)}; errors on the servo bus: {status.bus_errors}")
    elif status.bus_errors:
        found.append(f"errors on the servo bus: {status.bus_errors}; {HELP[wire.CAUSE_BUS]}.")
    hot = hot_names(status, profile)
    if hot:
        found.append(
            f"kept at rest to cool down: {', '.join(hot)}; see what they push against, narrow their ranges."
        )
    return found


def profile_of(info: BoardInfo, profile: HeadProfile) -> str:
    """Whether the board drives by this profile, with both checksums."""
    here = board_profile(profile).crc
    if not info.channel_count:
        return f"none; the first program that speaks to it gives it one ({profile.path}: {here:08x})"
    board = f"{info.channel_count} servos, {info.profile_crc:08x}"
    if info.profile_crc == here:
        return f"{board}, the same as {profile.path}"
    return (
        f"{board}, NOT that of {profile.path} ({here:08x}): the next program that is given --profile with"
        " the right file brings it there"
    )


def board_lines(info: BoardInfo, status: BoardStatus, profile: HeadProfile) -> Sequence[str]:
    """All that a board says of itself, a line for each thing."""
    hot = ", ".join(hot_names(status, profile)) or "none"
    return (
        f"{info.board}, firmware {info.firmware_version}, {info.interpreter}, {info.tick_hz} ticks a second",
        f"state: {state_of(status)}",
        f"profile: {profile_of(info, profile)}",
        f"supply: {supply_of(status)}",
        f"too hot: {hot}",
        f"errors on the servo bus: {status.bus_errors}",
    )
