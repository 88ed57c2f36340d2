"""``lipwright say``: speaks a sound file, on a board or on the simulated head."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from lipwright import resources
from lipwright.audio.decode import Sound, open_sound
from lipwright.audio.playback import Player
from lipwright.boards import Board, SerialBoard, Stage, find_port, load_board
from lipwright.face.model import FaceModel
from lipwright.face.profile import HeadProfile, load_profile
from lipwright.files import make_folder, write_report
from lipwright.link.board_link import BoardLink
from lipwright.link.plain_words import troubles
from lipwright.lips.model import LipModel
from lipwright.performance import Floats, Performer, poses_of

# How long before its time stamp a frame is sent. The design asks for 100 to 150 ms: enough for a
# busy Pi to be late without the mouth noticing, little enough to stop quickly.
AHEAD_S = 0.150
# Rest before the first sound, so that a head that was let go is back under power when it speaks:
# the board re-arms after 500 ms of good frames.
RUN_IN_S = 0.8
STANDARD_INPUT = Path("-")
BAR = "{desc} {percentage:3.0f} % |{bar}| {n:.1f} of {total:.1f} s"

EXAMPLES = """examples:
  lipwright say --sim                       the sentence that ships with Lipwright, on the simulated head
  lipwright say clip.wav --sim              any sound or video; writes clip.mp4 and clip.png here
  lipwright say clip.wav --port /dev/ttyACM0   on your head, with the sound from the speakers
  lipwright say clip.wav --sim --json -     the measurements as JSON on standard output
  piper --model en.onnx --output-raw | lipwright say -      whatever a speech engine writes, as it comes
  espeak-ng --stdout "hello" | lipwright say - --sim        the same with a WAV, MP3 or Ogg stream

exit codes: 0 spoken, 2 something you can mend (one sentence says what), 130 stopped with Ctrl-C
"""


@dataclass
class Asked:
    """What the lip model asked for, moment by moment: the reference that the lips are judged against."""

    times_s: list[float]
    articulation: list[Floats]
    """One (5,) vector per time, in the order of ``lipwright.lips.model.ARTICULATION``."""


@dataclass
class Performance:
    """What was performed: everything that a report, a picture or a film of it needs."""

    sound: Sound
    asked: Asked
    start_s: float
    """Host time at which the first sample sounds."""
    link: BoardLink
    profile: HeadProfile
    wall_s: float
    """Wall-clock seconds that the performance took."""

    def report(self) -> dict[str, Any]:
        """The part of the report that every board can give; names as in docs/architecture.md."""
        status, info = self.link.status, self.link.info
        count = self.link.frames_sent
        return {
            "clip": self.sound.path.name,
            "duration_s": round(self.sound.duration_s, 3),
            "profile": self.profile.name,
            "channels": len(self.profile.channels),
            "firmware": {
                "interpreter": info.interpreter,
                "version": info.firmware_version,
                "board": info.board,
                "tick_hz": info.tick_hz,
                "worst_tick_jitter_us": status.worst_jitter_us,
            },
            "frames": {
                "sent": self.link.frames_sent,
                "played": status.played,
                "dropped": status.dropped,
                "late": status.late,
                "crc_errors": status.crc_errors,
            },
            "wire": {
                "bytes_mean": round(self.link.frame_bytes / count, 2) if count else None,
                "bytes_max": self.link.longest_frame_bytes or None,
            },
        }


def add_parser(subparsers: Any) -> None:
    """Adds ``say`` to the command line."""
    parser = subparsers.add_parser(
        "say",
        help="speak a sound file with the head",
        description="Speaks a sound file: any WAV, FLAC, OGG or MP3, or a video's sound. "
        "With no file, Lipwright says a sentence of its own; with - it speaks what comes on standard input, "
        "through the running service (`lipwright serve`) if there is one.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "clip", nargs="?", type=Path, help="the sound or video file; - for standard input, as it comes"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--sim", action="store_true", help="on the simulated head; makes a film and a picture")
    where.add_argument("--port", help="on the board at this serial port (default: the only one connected)")
    parser.add_argument(
        "--profile", type=Path, help="head profile, a TOML file (default: the reference head)"
    )
    parser.add_argument(
        "--json", metavar="FILE", help="write the measurements as JSON; - for standard output"
    )
    parser.add_argument(
        "--mute", action="store_true", help="on a board: move the lips without playing the sound"
    )
    sim = parser.add_argument_group("on the simulated head")
    sim.add_argument(
        "-o", "--output", type=Path, default=Path(), help="folder for film and picture (default: here)"
    )
    sim.add_argument("--no-film", action="store_true", help="measure only: no film and no picture")
    sim.add_argument(
        "--virtual-time",
        action="store_true",
        help="let the simulation set the clock: faster than the sound, and the same to the bit each time",
    )
    sim.add_argument("--transcript", help="what is said (English), to judge the closures by")
    raw = parser.add_argument_group("samples without a header on standard input")
    raw.add_argument("--rate", type=int, default=22050, help="samples a second (default: 22050, as piper's)")
    raw.add_argument("--channels", type=int, default=1, help="how many, one after the other (default: 1)")
    raw.add_argument("--format", default="s16le", help="s16le (default), s32le, f32le or u8")
    parser.set_defaults(do=do_say)


def do_say(arguments: argparse.Namespace) -> None:
    """Speaks, then reports; raises LipwrightError with what the user can mend."""
    if arguments.clip == STANDARD_INPUT:
        from lipwright.live.say_stream import say_stream  # imports this module

        say_stream(arguments)
        return
    sound = open_sound(arguments.clip or resources.shipped_clip())
    profile = load_profile(arguments.profile)
    lip_model, face_model = LipModel.load(), FaceModel.load(profile)
    board, stage = open_board(arguments, profile)
    if stage is not None:
        stage.check_sound(sound)
    with contextlib.closing(board), contextlib.ExitStack() as closing:
        player = None
        if stage is None and not arguments.mute:
            player = closing.enter_context(contextlib.closing(Player(sound, board.clock)))
        performance = perform(sound, board, profile, lip_model, face_model, player)
        tell(performance, stage, arguments)


def open_board(arguments: argparse.Namespace, profile: HeadProfile) -> tuple[Board, Stage | None]:
    """The board that the arguments name, and once more if it also watches its head."""
    if arguments.sim:
        board: Board = load_board(
            "sim", profile=profile, virtual=arguments.virtual_time, transcript=arguments.transcript
        )
    else:
        board = SerialBoard(arguments.port or find_port())
    stage = board if isinstance(board, Stage) else None
    if stage is not None and not arguments.no_film:
        make_folder(arguments.output)
    if arguments.json not in (None, "-"):
        make_folder(Path(arguments.json).parent)
    return board, stage


def tell(performance: Performance, stage: Stage | None, arguments: argparse.Namespace) -> None:
    """Measures, films and reports what was performed, while the board is still open."""
    report = performance.report()
    if stage is not None:
        report |= stage.measure(performance)
        if not arguments.no_film:
            for written in stage.record(performance, report, arguments.output):
                print(f"wrote {written}", file=sys.stderr)
    print(summary(report, performance), file=sys.stderr)
    write_report(report, arguments.json)


def perform(
    sound: Sound,
    board: Board,
    profile: HeadProfile,
    lip_model: LipModel,
    face_model: FaceModel,
    player: Player | None = None,
) -> Performance:
    """Streams the sound through the models to the board, each frame ``AHEAD_S`` before its time."""
    clock = board.clock
    performer = Performer(lip_model, face_model, profile)
    lead_s = profile.lead_ms / 1000
    asked = Asked([], [])
    began = time.perf_counter()
    with BoardLink(board, profile) as link:
        link.connect()
        # The first pose lies one look-ahead before the sound, and must itself be sent ahead.
        start_s = clock.now() + RUN_IN_S + performer.lookahead_s + lead_s + AHEAD_S
        rest_until = start_s - performer.lookahead_s - lead_s
        rest = np.asarray(profile.rest_targets(), np.float32)
        at = clock.now() + AHEAD_S
        while at < rest_until - performer.step_s / 2:
            clock.sleep_until(at - AHEAD_S)
            link.send(rest, at)
            link.poll()
            at += performer.step_s
        if player is not None:
            player.start(at=start_s)
        total_s = round(sound.duration_s, 2)
        with tqdm(total=total_s, desc="speaking", leave=False, bar_format=BAR) as bar:
            for pose in poses_of(sound, performer, lambda heard_s: bar.update(heard_s - bar.n)):
                asked.times_s.append(pose.asked_s)
                asked.articulation.append(pose.articulation)
                at = start_s + pose.time_s - lead_s
                clock.sleep_until(at - AHEAD_S)
                link.send(pose.targets, at)
                link.poll()
        link.finish()
        if player is not None:
            player.finish()
    return Performance(sound, asked, start_s, link, profile, time.perf_counter() - began)


def summary(report: dict[str, Any], performance: Performance) -> str:
    """The report in a few lines for people."""
    frames, firmware = report["frames"], report["firmware"]
    lines = [
        f"{report['clip']}: {report['duration_s']:.1f} s spoken in {performance.wall_s:.1f} s "
        f"by {firmware['interpreter']}, {report['channels']} channels at {firmware['tick_hz']} Hz",
        f"frames: {frames['sent']} sent, {frames['played']} played, {frames['dropped']} dropped, "
        f"{frames['late']} late, {frames['crc_errors']} broken on the wire; "
        f"{report['wire']['bytes_mean']} bytes each",
    ]
    if "aperture" in report:
        aperture, offset, closure = report["aperture"], report["offset_ms"], report["closure"]
        made = "not judged (nobody said what is said: --transcript)"
        if closure["rate"] is not None:
            made = f"{round(closure['rate'] * closure['events'])} of {closure['events']} made"
        lines.append(
            f"lips against what was asked: r {_shown(aperture['r'])}, "
            f"offset {_shown(offset['median'])} ms (negative: lips lead), closures {made}"
        )
    lines += troubles(performance.link.status, performance.profile)
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    return "not measurable" if value is None else f"{value:g}"
