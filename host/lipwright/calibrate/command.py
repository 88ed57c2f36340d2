"""``lipwright calibrate``: ends, rest, direction and speed of every servo, from a terminal or for scripts."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from lipwright.boards import SerialBoard, find_port, find_ports
from lipwright.calibrate.oscillator import NOMINAL_KHZ, Answers, calibrate_oscillator
from lipwright.calibrate.profile_file import ProfileFile, restore
from lipwright.calibrate.servos import Servo, Settings
from lipwright.calibrate.session import Session
from lipwright.calibrate.terminal import calibrate
from lipwright.calibrate.trial_link import TrialLink
from lipwright.errors import LipwrightError
from lipwright.face.profile import HeadProfile, load_profile
from lipwright.link import plain_words
from lipwright.link.board_link import BoardLink
from lipwright.link.frames import board_profile
from lipwright.resources import is_shipped

EXAMPLES = """examples:
  lipwright calibrate -o my_head.toml                      begin with a copy of the reference head
  lipwright calibrate --profile my_head.toml               go on with it
  lipwright calibrate --profile my_head.toml --servo jaw --set max=1900 --set rest=0.1   without a terminal
  lipwright calibrate --profile my_head.toml --check       is it what the board has?
  lipwright calibrate --profile my_head.toml --undo        back to what it was before (my_head.toml.before)
  lipwright calibrate --oscillator                         are pulses as long as they should be?
  lipwright board --sim --link /tmp/head                   a board to try it on, with --port /tmp/head

Nothing moves faster than a creep, and only one servo has pulses. docs/calibrating.md tells the whole story.
exit codes: 0 done, 2 something you can mend (one sentence says what), 130 stopped with Ctrl-C
"""


def add_parser(subparsers: Any) -> None:
    """Adds ``calibrate`` to the command line."""
    parser = subparsers.add_parser(
        "calibrate",
        help="find every servo's ends, rest, direction and speed",
        description="Moves one servo at a time, slowly, while you set its ends, rest, direction and speed. "
        "The profile is saved here and on the board.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--profile", type=Path, help="head profile, a TOML file (default: the reference head)"
    )
    parser.add_argument(
        "-o", "--output", type=Path, help="write a copy there, and leave the profile as it is"
    )
    parser.add_argument("--port", help="the board's serial port (default: the only one connected)")
    parser.add_argument("--servo", help="begin with this servo: its number or name")
    parser.add_argument(
        "--set",
        action="append",
        metavar="KEY=VALUE",
        help="set min, rest, max (us; rest also 0 to 1), inverted (yes, no) or speed of --servo, and save",
    )
    do = parser.add_mutually_exclusive_group()
    do.add_argument("--check", action="store_true", help="say whether the board has this profile, and end")
    do.add_argument("--undo", action="store_true", help="exchange the profile and the version before it")
    do.add_argument("--oscillator", action="store_true", help="measure the servo driver's oscillator")
    parser.add_argument("--at", type=int, default=0, metavar="OUTPUT", help="with --oscillator: which (0)")
    parser.add_argument(
        "--khz",
        type=int,
        default=NOMINAL_KHZ,
        help="with --oscillator: what PCA9685_OSCILLATOR_KHZ in board.py says now (%(default)s)",
    )
    parser.set_defaults(do=do_calibrate)


def do_calibrate(arguments: argparse.Namespace) -> None:
    """Raises LipwrightError with what the user can mend."""
    if arguments.oscillator:
        with contextlib.closing(_board(arguments)) as board:
            calibrate_oscillator(board, arguments.at, arguments.khz, Answers(sys.stdin.fileno()))
    elif arguments.check:
        check(arguments)
    elif arguments.undo:
        if arguments.profile is None or is_shipped(arguments.profile):
            raise LipwrightError("say which profile with --profile; those that ship were never changed.")
        profile = restore(arguments.profile)
        print(f"{arguments.profile} is what it was; the other version is in {arguments.profile}.before")
        give_to_board(profile, arguments.port)
    elif arguments.set:
        set_values(arguments)
    else:
        from_terminal(arguments)


def from_terminal(arguments: argparse.Namespace) -> None:
    """Keys and a screen."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise LipwrightError("calibrating needs a terminal; without one, use --servo NAME --set KEY=VALUE.")
    file = ProfileFile(arguments.profile, arguments.output)
    with contextlib.closing(_board(arguments)) as board:
        session = Session(board, file)
        if arguments.servo is not None:
            session.chosen = session.settings.find(arguments.servo)
        try:
            calibrate(session)
        finally:
            print_unsaved(session)
    print("All servos are limp. The next program, lipwright say for instance, brings them to rest.")


def print_unsaved(session: Session) -> None:
    """What would set what was not saved, so that a cable that came off costs no work."""
    changed = [index for index in range(len(session.settings.servos)) if session.settings.is_changed(index)]
    if changed:
        print("Not saved. Whoever wants it all the same:")
    option = "-o" if session.file.is_new else "--profile"
    for index in changed:
        servo = session.settings.servos[index]
        values = f"--set min={servo.min_us:.0f} --set rest={servo.rest_us:.0f} --set max={servo.max_us:.0f}"
        values += f" --set inverted={'yes' if servo.inverted else 'no'} --set speed={servo.speed:g}"
        print(f"  lipwright calibrate {option} {session.file.path} --servo {servo.name} {values}")
        option = "--profile"


def set_values(arguments: argparse.Namespace) -> None:
    """Without a terminal: sets what was asked, saves, and gives it to a board that is there."""
    if arguments.servo is None:
        raise LipwrightError("say which servo with --servo, a number or a name.")
    file = ProfileFile(arguments.profile, arguments.output)
    settings = Settings.of(file.profile)
    index = settings.find(arguments.servo)
    values = dict(_value(text) for text in arguments.set)
    settings.change(index, with_values(settings.servos[index], values), "--set")
    profile = file.save(settings.servos)
    print(f"saved to {file.path}")
    give_to_board(profile, arguments.port)


def _value(text: str) -> tuple[str, float]:
    """KEY=VALUE as a key and a number; yes is 1, no is 0. Raises LipwrightError."""
    key, _, value = text.partition("=")
    try:
        if key == "inverted":
            return key, ("no", "yes").index(value)
        if key in ("min", "rest", "max", "speed") and isfinite(float(value)):
            return key, float(value)
    except ValueError:
        pass
    raise LipwrightError(
        f"--set {text} is not understood: write min=1100, rest=1500 (or rest=0.5), max=1900, inverted=yes or"
        " speed=8."
    )


def with_values(servo: Servo, values: Mapping[str, float]) -> Servo:
    """A servo with other values: min and max in us, inverted, rest in us or 0 to 1 of the new range, speed.

    Raises CannotDo for what cannot be.
    """
    servo = servo.with_ends(values.get("min"), values.get("max"))
    servo = servo.with_inverted(bool(values.get("inverted", servo.inverted)))
    rest = values.get("rest", servo.rest_us)
    servo = servo.with_rest(servo.pulse_of(rest) if 0 <= rest <= 1 else rest)
    return servo.with_speed(values.get("speed", servo.speed))


def give_to_board(profile: HeadProfile, port: str | None) -> None:
    """Has the board keep a profile, without a move; says so, or that there is none."""
    if port is None and not find_ports():
        print("No board is connected: it gets the profile from the next program that speaks to it.")
        return
    with contextlib.closing(SerialBoard(port or find_port())) as board, TrialLink(board) as link:
        link.connect()
        info = link.keep(board_profile(profile))
        print(f"profile: {plain_words.profile_of(info, profile)}; all servos are limp")


def check(arguments: argparse.Namespace) -> None:
    """Compares the profiles here and on the board. Raises LipwrightError if they differ."""
    profile = load_profile(arguments.profile)
    with contextlib.closing(_board(arguments)) as board, BoardLink(board, None) as link:
        info = link.connect()
        print(f"profile: {plain_words.profile_of(info, profile)}")
        if info.profile_crc != board_profile(profile).crc:
            raise LipwrightError(
                f"{board.name} does not have this profile: `lipwright say --profile {profile.path}` brings it"
                " there, and so does calibrating; or name the file that belongs to this head."
            )


def _board(arguments: argparse.Namespace) -> SerialBoard:
    if arguments.port is None and not find_ports():
        raise LipwrightError(
            "no board is plugged in: connect one, or name its port with --port; `lipwright board --sim --link"
            " /tmp/head` makes one to try it on."
        )
    return SerialBoard(arguments.port or find_port())
