"""``lipwright show``: records shows, stores them on the board, and has it play them with no host."""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from lipwright.audio.decode import Sound, open_sound
from lipwright.boards import SerialBoard, find_port, load_board
from lipwright.errors import LipwrightError
from lipwright.face.model import FaceModel
from lipwright.face.profile import HeadProfile, load_profile
from lipwright.files import make_folder, write_atomically
from lipwright.link.board_link import BoardLink
from lipwright.link.file_transfer import SHOWS, delete_file, list_files, play_show, store_file
from lipwright.link.frames import board_profile, positions_of
from lipwright.lips.model import LipModel
from lipwright.performance import Performer, poses_of
from lipwright.say import BAR
from lipwright.show_file import Cue, Show, read_show

# Rest before the lips move: room for a cue before the sound, for a sound module that is slow to start.
RUN_IN_MS = 300
CUE_NUMBER = 1
# What a show takes on the board besides its frames: read ahead, and the way to rest.
ROUND_S = 2.0
REPORT_S = 0.1
# Files that name the show to play, and what people call that.
STARTS = {"boot.txt": "at boot", "button.txt": "by the button"}
NAME = re.compile("[a-z0-9_][a-z0-9_-]{0,23}")

EXAMPLES = """examples:
  lipwright show record clip.wav -o hello.show       what `lipwright say clip.wav` would do, as a file
  lipwright show store hello.show --on-boot          on the board; it plays whenever the board gets power
  lipwright show store hello.show --as hi --on-button    under another name; the button plays it
  lipwright show list
  lipwright show play hello --times 3                plays; the head needs no host for it
  lipwright show play hello.show --sim               a file, on the simulated head
  lipwright show delete hello

docs/shows.md: a head, a board, a battery.
exit codes: 0 done, 2 something you can mend (one sentence says what), 130 stopped with Ctrl-C
"""


def add_parser(subparsers: Any) -> None:
    """Adds ``show`` to the command line."""
    parser = subparsers.add_parser(
        "show",
        help="record shows, and have the board play them with no host",
        description="A show is a performance as a file. The board keeps shows on its flash and plays them at "
        "boot, by its button or when it is told to, with no host at all.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    record = _add(commands, "record", "make a show of a sound or video file", do_record)
    record.add_argument("clip", type=Path, help="the sound or video file")
    record.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the show's file")
    record.add_argument(
        "--profile", type=Path, help="head profile, a TOML file (default: the reference head)"
    )
    record.add_argument(
        "--cue-ahead",
        type=int,
        default=0,
        metavar="MS",
        help="how long before the sound its cue is, for a sound module that takes so long to start (0)",
    )

    store = _add(commands, "store", "bring a show to the board", do_store)
    store.add_argument("show", type=Path, help="the show's file")
    store.add_argument("--as", dest="name", help="what the board calls it (default: as the file)")
    store.add_argument("--on-boot", action="store_true", help="play it whenever the board gets power")
    store.add_argument("--on-button", action="store_true", help="play it when the button is pressed")
    _add_port(store)

    _add_port(_add(commands, "list", "say which shows the board has", do_list))

    play = _add(commands, "play", "have the board play a show; it goes on with no host", do_play)
    play.add_argument("name", help="what the board calls it; with --sim, the show's file")
    play.add_argument("--times", type=int, default=1, help="how often, 0 for again and again (1)")
    where = play.add_mutually_exclusive_group()
    where.add_argument("--sim", action="store_true", help="on the simulated head, faster than real time")
    _add_port(where)
    play.add_argument(
        "--profile", type=Path, help="with --sim: head profile, a TOML file (default: the reference head)"
    )

    delete = _add(commands, "delete", "remove a show from the board", do_delete)
    delete.add_argument("name", help="what the board calls it")
    _add_port(delete)


def do_record(arguments: argparse.Namespace) -> None:
    """Writes a show; raises LipwrightError with what the user can mend."""
    sound = open_sound(arguments.clip)
    profile = load_profile(arguments.profile)
    make_folder(arguments.output.parent)
    data = record(sound, profile, arguments.cue_ahead).encode()
    try:
        write_atomically(arguments.output, data)
    except OSError as error:
        raise LipwrightError(f"cannot write the show to {arguments.output}: {error.strerror}.") from error
    print(f"wrote {arguments.output}: {sound.duration_s:.1f} s, {_size(len(data))}", file=sys.stderr)


def do_store(arguments: argparse.Namespace) -> None:
    """Brings a show to the board."""
    show, data = read_show(arguments.show)
    name = checked(arguments.name or arguments.show.stem)
    with _link(arguments.port) as link:
        if link.info.profile_crc != show.profile_crc:
            raise LipwrightError(
                f"{arguments.show} was made for another head than the board has: record it with this head's"
                " --profile, or bring the board the right one with `lipwright say --profile`."
            )
        with tqdm(total=len(data), desc="storing", unit="B", unit_scale=True, leave=False) as bar:
            store_file(link, f"{SHOWS}/{name}", data, bar.update)
        wanted = {"boot.txt": arguments.on_boot, "button.txt": arguments.on_button}
        starts = [start for start in STARTS if wanted[start]]
        for start in starts:
            store_file(link, f"{SHOWS}/{start}", name.encode())
    said = " and ".join(STARTS[start] for start in starts)
    print(
        f"stored {name}: {show.duration_ms / 1000:.1f} s, {_size(len(data))}{said and '; plays '}{said}",
        file=sys.stderr,
    )


def do_list(arguments: argparse.Namespace) -> None:
    """Prints a line for each show on the board."""
    with _link(arguments.port, asks_only=True) as link:
        shows = shows_on(link)
    if not shows:
        print("no shows on the board", file=sys.stderr)
    for name, (size, starts) in shows.items():
        print(f"{name:24} {_size(size):>9}  {', '.join(STARTS[start] for start in starts)}".rstrip())


def do_play(arguments: argparse.Namespace) -> None:
    """Has a board play a show, or plays it on the simulated head."""
    if not 0 <= arguments.times <= 255:
        raise LipwrightError("--times is 1 to 255, or 0 for again and again.")
    if arguments.sim:
        rehearse(Path(arguments.name), load_profile(arguments.profile), arguments.times)
        return
    name = checked(arguments.name)
    with _link(arguments.port) as link:
        must_have(name, shows_on(link))
        play_show(link, name, arguments.times)
    print(f"the board plays {name}; it needs this machine no more", file=sys.stderr)


def do_delete(arguments: argparse.Namespace) -> None:
    """Removes a show from the board, and what says when it plays."""
    name = checked(arguments.name)
    with _link(arguments.port) as link:
        shows = shows_on(link)
        must_have(name, shows)
        for file in (*shows[name][1], name):
            delete_file(link, f"{SHOWS}/{file}")
    print(f"deleted {name}", file=sys.stderr)


def record(sound: Sound, profile: HeadProfile, cue_ahead_ms: int, progress: bool = True) -> Show:
    """The show of a sound: the frames that `lipwright say` sends, and a cue so long before the sound begins.

    `progress` draws a bar on the terminal. Raises LipwrightError for a cue that would have to come before the
    show.
    """
    performer = Performer(LipModel.load(), FaceModel.load(profile), profile)
    step_ms = round(1000 * performer.step_s)
    rest = positions_of(profile.rest_targets())
    positions = [rest] * (RUN_IN_MS // step_ms)
    sound_ms = RUN_IN_MS + round(1000 * performer.lookahead_s + profile.lead_ms)
    if not 0 <= cue_ahead_ms <= sound_ms:
        raise LipwrightError(f"--cue-ahead is 0 to {sound_ms} ms.")
    total_s = round(sound.duration_s, 2)
    with tqdm(total=total_s, desc="recording", leave=False, bar_format=BAR, disable=not progress) as bar:
        for pose in poses_of(sound, performer, lambda heard_s: bar.update(heard_s - bar.n)):
            positions.append(positions_of(pose.targets))
    times = np.arange(len(positions), dtype=np.int64) * step_ms
    cue = Cue(sound_ms - cue_ahead_ms, CUE_NUMBER)
    return Show(board_profile(profile).crc, times, np.array(positions, np.int64), (cue,))


def rehearse(path: Path, profile: HeadProfile, times: int) -> None:
    """Plays a show's file from the flash of the simulated head, and prints what became of it."""
    show, data = read_show(path)
    if times == 0:
        raise LipwrightError("the simulated head does not play for ever: give --times 1 to 255.")
    if show.profile_crc != board_profile(profile).crc:
        raise LipwrightError(f"{path} was made for another head: give its profile with --profile.")
    frames, round_s = len(show.times_ms), show.duration_ms / 1000 + ROUND_S
    board = load_board("sim", profile=profile, virtual=True)
    with contextlib.closing(board), BoardLink(board, profile) as link:
        link.connect()
        store_file(link, f"{SHOWS}/show", data)
        play_show(link, "show", times)
        with tqdm(total=times * round_s, desc="playing", leave=False, bar_format=BAR) as bar:
            for _ in np.arange(0, times * round_s, REPORT_S):
                board.clock.sleep_until(board.clock.now() + REPORT_S)
                link.poll()
                bar.update(REPORT_S)
        status = link.request_status()
    print(
        f"{path.name}: {status.played} of {times * frames} frames played, {status.dropped} dropped; then "
        f"{status.state_name}",
        file=sys.stderr,
    )


def _add(commands: Any, name: str, line: str, do: Any) -> argparse.ArgumentParser:
    examples = [line for line in EXAMPLES.splitlines() if f" show {name}" in line]
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=line,
        description=line[0].upper() + line[1:] + ".",
        epilog="examples:\n" + "\n".join(examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(do=do)
    return parser


def _add_port(parser: Any) -> None:
    parser.add_argument("--port", help="the board's serial port (default: the only one connected)")


@contextlib.contextmanager
def _link(port: str | None, asks_only: bool = False) -> Iterator[BoardLink]:
    """A link to the board as it is: it keeps its profile. A show that plays there ends, unless the link
    `asks_only`."""
    board = SerialBoard(port or find_port())
    with contextlib.closing(board), BoardLink(board, None, asks_only=asks_only) as link:
        link.connect()
        yield link


def shows_on(link: BoardLink) -> dict[str, tuple[int, list[str]]]:
    """The shows on the board: size in bytes, and which files say that it plays."""
    files = {info.name.partition("/")[2]: info for info in list_files(link)}
    return {
        name: (
            info.size,
            [start for start in STARTS if start in files and files[start].crc == zlib.crc32(name.encode())],
        )
        for name, info in files.items()
        if NAME.fullmatch(name)
    }


def must_have(name: str, shows: dict[str, tuple[int, list[str]]]) -> None:
    """Raises LipwrightError, which lists those that there are, for a name that `shows_on` has not found."""
    if name not in shows:
        have = f"it has {', '.join(shows)}" if shows else "it has none"
        raise LipwrightError(f"the board has no show {name}: {have}.")


def checked(name: str) -> str:
    """A name that the board takes for a show. Raises LipwrightError for any other."""
    if not NAME.fullmatch(name):
        raise LipwrightError(
            f"{name!r} is no name for a show: 1 to 24 small letters, digits, _ and - (give one with --as)."
        )
    return name


def _size(count: int) -> str:
    return f"{count / 1000:.1f} kB"
