"""What `lipwright discover` does, from its options to a head that speaks."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from liplab.discover.command import AUTO, NECK, NONE
from liplab.discover.discovery import Discovery, Options
from liplab.discover.filming import FilmSet, RealSet, drawn
from liplab.discover.finish import finish
from liplab.discover.package import install
from liplab.discover.report import PAGE, REPORT, lead, write_page
from liplab.discover.session import FRONT, SECOND, Filmed, Session, counted, jpeg
from liplab.eyes.camera import open_camera
from liplab.eyes.find import open_tracker
from liplab.eyes.mirror import LEFT, RIGHT, split
from liplab.eyes.sight import EXPLAINED, Missed, Pixels, Sight
from lipwright.boards import SerialBoard, find_port
from lipwright.errors import LipwrightError
from lipwright.face.profile import HeadProfile, load_profile
from lipwright.files import write_atomically, write_report
from lipwright.resources import is_shipped

FIRST = 3  # pictures by which the tracker is chosen
PREVIEW, PREVIEW_EVERY_S = "preview.jpg", 1.0
TELL_EVERY_S = 0.25
LEAST_SHARE, MOST_SHARE = 0.1, 10.0


def run(arguments: argparse.Namespace) -> None:
    """Runs the command; raises LipwrightError with what the user can mend."""
    profile = load_profile(arguments.profile)
    folder = arguments.output or Path(f"face-{profile.path.stem}")
    if arguments.report:
        print(f"wrote {write_page(folder)}")
        return
    if not LEAST_SHARE <= arguments.training <= MOST_SHARE:
        raise LipwrightError(f"--training takes {LEAST_SHARE:g} to {MOST_SHARE:g}.")
    began = time.perf_counter()
    torch.set_num_threads(1)  # the networks are small: more threads wait for each other
    with contextlib.ExitStack() as closing:
        eyes, second = _eyes(arguments), arguments.second_view
        facts = {
            "source": "simulated head" if arguments.sim else "board",
            "worn": arguments.worn,
            "eyes": eyes,
            "seed": arguments.seed,
            "second_view": second,
        }
        session = Session(folder, profile, facts)
        options = Options(
            seed=arguments.seed,
            eyes_mm=arguments.eyes_mm,
            neck=second in (AUTO, NECK),
            steps_share=arguments.training,
        )
        discovery = Discovery(session, profile, _poses(profile), options, _say)
        if second == NECK and not discovery.can_turn:
            raise LipwrightError(f'{profile.path} has no channel "neck_yaw"; choose another --second-view.')
        watch = _Watch(folder)
        stage = _stage(arguments, profile, eyes, watch)
        closing.callback(stage.close)
        session.note(tracker=stage.eyes)
        done = session.count
        if done:
            _say(f"going on after the {done} takes that are in {folder}")
        spent = float(session.state.get("spent_s", 0.0))  # by runs that were stopped

        def spend() -> None:
            session.note(spent_s=round(spent + time.perf_counter() - began, 1))

        with _filming(discovery, session, watch, spend) as keep:
            discovery.film(stage, keep)
        report = finish(discovery, stage, _say)
    report["wall_s"] = round(spent + time.perf_counter() - began, 1)
    report["frames"], report["takes"] = session.frames, session.count
    report["dropped"] = session.dropped
    write_report(report, str(folder / REPORT))
    write_page(folder)
    used = profile.path
    if not arguments.no_install:
        used = install(folder, profile, own=not is_shipped(profile.path))
    write_report(report, arguments.json)
    _say(lead(report))
    for motor in report["motors"]:
        if motor["state"] != "alive":
            _say(motor["sentence"])
    _say(f"the report is {folder / PAGE}")
    if not arguments.no_install:
        _say(f"it speaks with the profile {used} from now on")
        _speak(arguments, used)


def _eyes(arguments: argparse.Namespace) -> str:
    return "dots" if arguments.sim and arguments.eyes == AUTO else str(arguments.eyes)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _poses(profile: HeadProfile) -> Any:
    """Mouths to babble with, for a head with the reference head's servos; None for another."""
    from liplab.head.poses import OTHER_POSES, POSES, pose_targets
    from liplab.head.servos import CHANNELS, MOUTH_CHANNELS

    if not set(CHANNELS[:MOUTH_CHANNELS]) <= {channel.name for channel in profile.channels}:
        return None
    return np.array([pose_targets(pose, profile) for pose in (POSES | OTHER_POSES).values()])


def _stage(arguments: argparse.Namespace, profile: HeadProfile, eyes: str, watch: _Watch) -> FilmSet:
    second = arguments.second_view
    if arguments.sim:
        from liplab.discover.simulated_set import SimulatedSet
        from liplab.head.bodies import AS_BUILT, WORN

        wear = AS_BUILT
        if arguments.worn:
            names = {channel.name for channel in profile.channels}
            if not set(WORN.servos) <= names:
                raise LipwrightError("--worn is for the reference head: it wears servos that others lack.")
            wear = WORN
        views = {AUTO: None, NECK: None, NONE: None, LEFT: "mirror", RIGHT: "mirror"}
        return SimulatedSet(profile, eyes, wear, views.get(second, "camera"))
    board = SerialBoard(arguments.port or find_port())
    with contextlib.ExitStack() as opened:
        front = open_camera(arguments.camera, board.clock)
        opened.callback(front.close)
        cameras = {FRONT: front}
        if second in (LEFT, RIGHT):
            cameras[FRONT], cameras[SECOND] = split(front, second)
        elif second not in (AUTO, NECK, NONE):
            cameras[SECOND] = open_camera(second, board.clock)
            opened.callback(cameras[SECOND].close)
        trackers = {}
        for view, camera in cameras.items():
            first = [frame.pixels for _ in range(FIRST) if (frame := camera.read()) is not None]
            trackers[view] = open_tracker(eyes, first)
        stage = RealSet(board, profile, cameras, trackers, watch.look)
        opened.pop_all()
    return stage


class _Watch:
    """Shows what the cameras see while they film: in words beside the bar, and as a picture once a second."""

    def __init__(self, folder: Path) -> None:
        self.tell: Callable[[str], object] | None = None  # takes the words, from the cameras' threads
        self._path = folder / PREVIEW
        self._told_s = self._last_s = 0.0
        self._seen = self._missed = 0

    def look(self, view: str, sight: Sight | Missed, pixels: Pixels | None) -> None:
        """Called with every picture of a real camera."""
        if isinstance(sight, Missed):
            self._missed += 1
            text = EXPLAINED.get(sight.reason, sight.reason)
        else:
            self._seen += 1
            open_px = float(np.max(sight.lips[11:20, 1] - sight.lips[1:10, 1]))
            text = f"lips {open_px:.0f} pixels apart"
        now = time.monotonic()
        if self.tell is not None and now - self._told_s > TELL_EVERY_S:
            self._told_s = now
            self.tell(f"{view}: {text}; {self._missed} of {self._seen + self._missed} pictures missed")
        if pixels is not None and now - self._last_s > PREVIEW_EVERY_S:
            self._last_s = now
            self.show(pixels, sight)

    def show(self, pixels: Pixels, sight: Sight | Missed) -> None:
        """Puts a picture where a viewer can follow it."""
        with contextlib.suppress(OSError):  # a picture less is no reason to stop
            write_atomically(self._path, jpeg(drawn(pixels, sight)))


@contextlib.contextmanager
def _filming(
    discovery: Discovery, session: Session, watch: _Watch, spend: Callable[[], None]
) -> Iterator[Any]:
    """A bar over all takes, and what to do with each that is done."""
    total = len(discovery.schedule())
    with tqdm(total=total, initial=session.count, desc="filming", unit="take", file=sys.stderr) as bar:
        watch.tell = bar.set_postfix_str

        def keep(filmed: Filmed) -> None:
            for footage in filmed.views.values():
                if footage.pictures:
                    watch.show(footage.pictures[len(footage.pictures) // 2], Missed(""))
            spend()
            dropped = counted(session.dropped, {})
            bar.set_postfix_str(f"{filmed.take.kind}; {session.frames} frames, dropped: {dropped or 'none'}")
            bar.update()

        yield keep


def _speak(arguments: argparse.Namespace, profile: Path) -> None:
    """The shipped sentence, spoken by the head that has just learned to."""
    from lipwright.cli import main

    words = ["say", "--profile", str(profile)]
    if arguments.sim:
        words += ["--sim", "--virtual-time", "-o", str(profile.parent)]
    elif arguments.port:
        words += ["--port", arguments.port]
    main(words)
