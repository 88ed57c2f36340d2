"""`liplab watch`: learn how people move their lips, from videos of them that stay on this machine."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import Any

from liplab.watch import consent
from liplab.watch.run import draw_page, find_videos, listing, summary, watch
from liplab.watch.store import Store
from liplab.workers import add_workers, crew_of
from lipwright.errors import LipwrightError
from lipwright.files import write_report

FORGET, LIST = "forget", "list"
TAG = re.compile("[a-z]+(-[a-z]+)*")

EXAMPLES = """examples:
  liplab watch interview.mp4 --person anna   faces that speak become tracks; no picture and no sound is kept
  liplab watch ~/videos                      every video of a folder; goes on where it was stopped
  liplab watch song.mp4 --tag sung           how they speak: child, whispered, shouted, sung
  liplab watch ~/videos --workers 8          eight processes watch; the result is the same
  liplab watch list                          what is kept: clip, person, day, video, tags
  liplab watch forget anna                   remove a person, a day (2026-05-01), a tag or a clip
  liplab bench watch ~/grid                  how well offsets are found and dubbed clips refused
It asks for consent first, once. A video called "list" is given as ./list.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `liplab watch`."""
    parser = subparsers.add_parser(
        "watch",
        help="learn how people move their lips, from videos of them",
        description="Watch videos of people who speak: follow their faces, find whose voice is heard, put "
        "lips and sound in step, and keep tracks of both. What teaches nothing is refused, with the reason.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="+", metavar="VIDEO", help="or a folder; or: list; or: forget NAME")
    parser.add_argument("--person", metavar="NAME", help="whom the videos show (default: the file's name)")
    add_workers(parser)
    add_keeping(parser)
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON; - for standard output")
    parser.set_defaults(do=do_watch)


def add_keeping(parser: argparse.ArgumentParser) -> None:
    """Adds what is asked of whoever keeps tracks of people."""
    parser.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="WORD",
        help="how they speak: child, whispered, shouted, sung, or another word; may be given again",
    )
    add_store(parser)
    parser.add_argument("--yes", action="store_true", help="consent was given: do not ask")


def add_store(parser: argparse.ArgumentParser) -> None:
    """Adds the option that says where tracks lie."""
    parser.add_argument(
        "--store",
        type=Path,
        metavar="DIR",
        help="where tracks are kept (default: ~/.local/share/lipwright/watched)",
    )


def tags_of(arguments: argparse.Namespace) -> list[str]:
    """The tags that were given. Raises LipwrightError for what is none."""
    tags: list[str] = arguments.tag
    for tag in tags:
        if not TAG.fullmatch(tag):
            raise LipwrightError(
                f'"{tag}" is no tag; give a word of small letters and hyphens, as whispered.'
            )
    return tags


def do_watch(arguments: argparse.Namespace) -> None:
    """Runs `liplab watch`, `liplab watch list` and `liplab watch forget`."""
    store = Store(arguments.store or default_folder())
    if arguments.what[0] == FORGET:
        _forget(store, arguments.what[1:], arguments.json)
    elif arguments.what == [LIST]:
        _list(store, arguments.json)
    else:
        _watch(store, arguments)


def default_folder() -> Path:
    """XDG_DATA_HOME (or ~/.local/share) /lipwright/watched."""
    home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(home).expanduser() / "lipwright" / "watched"


def _watch(store: Store, arguments: argparse.Namespace) -> None:
    if arguments.person is not None and not arguments.person.strip():
        raise LipwrightError("The name after --person is empty; give one, or leave --person out.")
    tags = tags_of(arguments)
    videos = find_videos([Path(place).expanduser() for place in arguments.what])
    if arguments.cluster is not None:  # its workers stand in other folders
        videos = [path.absolute() for path in videos]
    consent.ask(store.folder, arguments.yes, arguments.cluster is not None)
    with store.held(), crew_of(arguments.workers, arguments.cluster) as crew:
        account = watch(videos, store, arguments.person, tags, crew)
        seen = draw_page(store)
    write_report(account.report(store.folder), arguments.json)
    if not account.videos:
        raise LipwrightError(" ".join(account.unreadable.values()))
    if arguments.json != "-":
        print(summary(account))
        print(f"What was seen, as drawings: {seen}")


def _forget(store: Store, names: list[str], json: str | None) -> None:
    if not names:
        raise LipwrightError("Say what to forget: a person, a day (2026-05-01), a tag or a clip.")
    if not store.folder.is_dir():
        raise LipwrightError(f"Nothing is kept in {store.folder}.")
    gone: list[str] = []
    with store.held():
        for name in names:
            gone += store.forget(name)
        draw_page(store)
    write_report({"forgotten": gone}, json)
    if json != "-":
        whose = ", ".join(names)
        print(f"{len(gone)} clips of {whose} were removed; nothing of them is left in {store.folder}.")


def _list(store: Store, json: str | None) -> None:
    clips = listing(store)
    write_report({"clips": clips}, json)
    if json == "-":
        return
    if not clips:
        print(f"Nothing is kept in {store.folder}.")
    for clip in clips:
        print(
            f"{clip['clip']}  {clip['day']}  {clip['person']:16}  {clip['seconds']:5.1f} s  "
            f"sound {clip['offset_ms']:+5.0f} ms  r {clip['r']:.2f}  "
            f"{clip['video']} at {clip['start_s']:.1f} s  {' '.join(clip['tags'])}".rstrip()
        )
