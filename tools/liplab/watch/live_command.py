"""`lipwright watch`: learn how people move their lips, from whoever is before the head's camera."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading
from datetime import date
from pathlib import Path
from typing import Any

from liplab.watch import command, consent
from liplab.watch.command import FORGET, LIST
from lipwright.errors import LipwrightError
from lipwright.files import write_report

EXAMPLES = """examples:
  lipwright watch --person anna              camera 0 and the usual microphone, until Ctrl-C
  lipwright watch --camera 2 --microphone USB --minutes 10
  lipwright watch --camera http://pi.local:8080/stream --no-head
  lipwright watch --person anna --tag sung   how they speak: child, whispered, shouted, sung
  lipwright watch list                       what is kept: clip, person, day, video, tags
  lipwright watch forget anna                remove a person, a day (2026-05-01), a tag or a clip

Faces that speak become tracks of lips and sound; no picture and no sound is kept. It asks for consent first,
each time. While it watches, the head looks at whom it watches, and the panel of a service that runs says so
and can end it. Videos are watched with: liplab watch VIDEO

exit codes: 0 ended, by Ctrl-C too, 2 something you can mend (one sentence says what; the rest is kept)
"""


def add_parser(subparsers: Any) -> None:
    """Adds `lipwright watch`."""
    parser = subparsers.add_parser(
        "watch",
        help="learn how people move their lips, from whoever speaks before the camera",
        description="Watches with camera and microphone: follows faces, finds who speaks, puts lips and "
        "sound in step, and keeps tracks of both, nothing else.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="*", metavar="WHAT", help="nothing; or: list; or: forget NAME")
    parser.add_argument(
        "--camera", default="0", help="number, device, stream's address, or a video's file (%(default)s)"
    )
    parser.add_argument(
        "--microphone", metavar="NAME", help="part of its name, or its number (default: the usual)"
    )
    parser.add_argument("--person", metavar="NAME", help="who is before the camera (else it asks)")
    parser.add_argument("--minutes", type=float, metavar="N", help="how long (default: until Ctrl-C)")
    command.add_keeping(parser)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--sim", action="store_true", help="on the simulated head")
    where.add_argument(
        "--port",
        help="on the board at this serial port (default: by the service that runs,"
        " else the only board connected)",
    )
    where.add_argument("--no-head", action="store_true", help="no head shows that it watches")
    parser.add_argument(
        "--profile", type=Path, help="head profile, a TOML file (default: the reference head)"
    )
    parser.add_argument(
        "--keep-video",
        type=Path,
        metavar="FILE",
        help="also keep all pictures and the sound, in this file (.mkv or .mp4)",
    )
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON; - for standard output")
    parser.set_defaults(do=do_watch_live)


def do_watch_live(arguments: argparse.Namespace) -> None:
    """Runs `lipwright watch`, and its list and forget."""
    if arguments.what:
        if arguments.what[0] not in (LIST, FORGET):
            raise LipwrightError(
                "Videos are watched with: liplab watch VIDEO; here there is: list, forget NAME."
            )
        command.do_watch(arguments)
        return
    if arguments.minutes is not None and not arguments.minutes > 0:
        raise LipwrightError("--minutes is more than 0.")
    tags = command.tags_of(arguments)
    # Imported here, so that --help is quick, and a missing extra is said before consent is asked for.
    from liplab.watch.live_run import watch_camera
    from liplab.watch.live_sign import open_sign
    from liplab.watch.run import draw_page
    from liplab.watch.store import Store
    from lipwright.live.listen import device

    store = Store(arguments.store or command.default_folder())
    consent.ask_before_camera(store.folder, arguments.yes, arguments.keep_video)
    person = _person(arguments.person, arguments.yes)
    ended = _ended_by_signals()

    def why_end(lasted_s: float) -> str:
        if ended.is_set():
            return "Ctrl-C"
        over = arguments.minutes is not None and lasted_s >= 60 * arguments.minutes
        return "the minutes are over" if over else ""

    with store.held():
        sign = open_sign(arguments.no_head, arguments.sim, arguments.port, arguments.profile)
        with contextlib.closing(sign):
            sign.tell(f"Watched: {person}")
            print(f"That it watches is shown {sign.where}.", file=sys.stderr)
            account, failure = watch_camera(
                arguments.camera,
                device(arguments.microphone),
                person,
                store,
                sign,
                why_end,
                tags,
                arguments.keep_video,
            )
        try:
            seen: Path | str = draw_page(store)
        except LipwrightError as error:
            failure, seen = failure or error, "not drawn"
    write_report(account.report(store.folder), arguments.json)
    if arguments.keep_video is not None:
        print(f"All pictures and the sound are in {arguments.keep_video}.", file=sys.stderr)
    if arguments.json != "-":
        print(
            f"\n{account.clips} clips of {person} kept, {account.kept_s:.0f} of {account.seconds:.0f} s, at "
            f"{account.rate_hz:.0f} pictures a second. It ended: {account.why.rstrip('.')}."
        )
        print(f"What was seen, as drawings: {seen}")
    if failure is not None:
        raise LipwrightError(f"{failure} What was whole by then is kept.")


def _person(named: str | None, yes: bool) -> str:
    """Who is watched; the day where nobody says. Raises LipwrightError for an empty name."""
    if named is not None and not named.strip():
        raise LipwrightError("The name after --person is empty; give one, or leave --person out.")
    today = date.today().isoformat()
    if named is None and not yes and sys.stdin.isatty():
        print(f"Who is before the camera? [{today}] ", end="", file=sys.stderr, flush=True)
        named = sys.stdin.readline()
    return (named or "").strip() or today


def _ended_by_signals() -> threading.Event:
    """Set by the first Ctrl-C or SIGTERM; a second one breaks off."""
    ended = threading.Event()

    def end(number: int, frame: object) -> None:
        ended.set()
        signal.signal(number, signal.default_int_handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    return ended
