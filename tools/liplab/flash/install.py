"""Puts the firmware on a board over its cable: into the slot that does not run, and then on trial.

Whatever breaks off before the new firmware has answered a greeting leaves the board with its old one.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tqdm import tqdm

from liplab.flash.build import LOADER, Image, board_name, build, loader
from liplab.flash.greeting import greet
from liplab.flash.ports import Port
from liplab.flash.prompt import ConnectionLost, FlashFull, Prompt
from liplab.flash.targets import Target
from lipwright.errors import LipwrightError
from lipwright.link.messages import BoardInfo

SLOTS = ("a", "b")
BAR = "{desc}: {percentage:3.0f}% {bar} {n_fmt}/{total_fmt} [{elapsed}]"
# How our loader begins, in every version: what begins in another way is a program of the user's.
LOADER_MARK = '"""What MicroPython runs when the board gets power'
KEPT_PROGRAM = "main_before.py"


def install(port: Port, settings: Path | None = None, wanted: Target | None = None) -> BoardInfo:
    """Puts the firmware on the board and waits until it answers; tells on stderr what happens.

    `settings` is a board.py of the user's; `wanted` refuses any other kind of board. Returns what the new
    firmware says of itself. Raises LipwrightError that says what to do.
    """
    with Prompt(port) as prompt:
        interpreter = prompt.interpreter()
        say(f"found: {interpreter.words}, on {port.path}")
        target = interpreter.target()
        if wanted is not None and target is not wanted:
            raise LipwrightError(
                f"the board on {port.path} is a {target.title}, not a {wanted.title}: choose another port, "
                f"or the environment {target.key}."
            )
        good = prompt.read("slot").strip()
        check_settings(target, settings, prompt.board_name(f"/{good}") if good else "")
        image = build(target, interpreter.architecture, settings)
        _put(prompt, image, good)
        prompt.restart()
    say("restarting the board")
    info = greet(port)
    if info is None or not info.firmware_version.endswith(image.build):
        raise LipwrightError(_why_not(port, info))
    say(f"the board speaks: {info.board}, firmware {info.firmware_version}, {info.interpreter}")
    return info


def check_settings(target: Target, settings: Path | None, name: str) -> None:
    """Raises LipwrightError where shipped settings would replace those of the user's that a board goes by."""
    if settings is None and name not in ("", board_name(target.settings)):
        raise LipwrightError(
            f"the board has settings of yours ({name}): give their file with --settings, or "
            f"{target.settings} to go back to the shipped ones."
        )


def _put(prompt: Prompt, image: Image, good: str) -> None:
    """Sees that the board starts this firmware next: as the good one if it is that already, else on trial."""
    slot = SLOTS[1] if good == SLOTS[0] else SLOTS[0]
    for name in ("trial", "tried", "failed"):  # what was on trial is of no interest any more
        prompt.remove(name)
    try:
        if good in SLOTS and prompt.sums(f"/{good}") == image.sums:
            say("the board has this firmware already")
            _put_loader(prompt)
        else:
            _fill(prompt, image, f"/{slot}")
            _put_loader(prompt)
            _write_whole(prompt, "trial", slot.encode())
    except ConnectionLost as error:
        kept = "It still has its old firmware." if good else "It has no firmware yet."
        raise ConnectionLost(f"{error} {kept}") from None
    except FlashFull:
        prompt.remove(f"/{slot}")  # the firmware that runs may need the room
        raise


def _fill(prompt: Prompt, image: Image, folder: str) -> None:
    """Puts the image into a slot's folder: what is not there yet, so that a copy that broke off goes on."""
    there = prompt.sums(folder)
    for name in there.keys() - image.files.keys():
        prompt.remove(f"{folder}/{name}")
    missing = {name: data for name, data in image.files.items() if there.get(name) != image.sums[name]}
    _copy(prompt, missing, folder)
    there = prompt.sums(folder)
    damaged = [name for name, sums in image.sums.items() if there.get(name) != sums]
    if damaged:
        raise LipwrightError(
            f"{damaged[0]} did not arrive as it was sent, and the board keeps its old firmware: try another "
            "cable or another USB port."
        )


def _copy(prompt: Prompt, files: dict[str, bytes], folder: str) -> None:
    for path in sorted({folder, *(f"{folder}/{name}".rpartition("/")[0] for name in files)}):
        prompt.make_folder(path)
    total = sum(map(len, files.values()))
    with tqdm(total=total, desc="copying", unit="B", unit_scale=True, leave=False, bar_format=BAR) as bar:
        for name, data in files.items():
            prompt.write(f"{folder}/{name}", data, bar.update)


def _put_loader(prompt: Prompt) -> None:
    ours, there = loader(), prompt.read(LOADER)
    if there.encode() == ours:
        return
    if there and not there.startswith(LOADER_MARK):
        prompt.rename(LOADER, KEPT_PROGRAM)
        say(f"the program that was on the board is now called {KEPT_PROGRAM}")
    _write_whole(prompt, LOADER, ours)


def _write_whole(prompt: Prompt, path: str, data: bytes) -> None:
    """Writes a file so that it is there whole or not at all."""
    prompt.write(f"{path}.new", data)
    prompt.rename(f"{path}.new", path)


def _why_not(port: Port, info: BoardInfo | None) -> str:
    """What to tell if another firmware than the new one answers, or none."""
    with Prompt(port) as prompt:
        reason = prompt.read("failed").strip().splitlines()
        prompt.restart()
    said = f" ({reason[-1]})" if reason else ""
    if info is None:
        return f"the firmware is on the board and does not answer{said}: run `lipwright flash` once more."
    return (
        f"the new firmware does not run{said}; the board is back with its old one, {info.firmware_version}."
    )


def say(line: str) -> None:
    """Tells the user what happens."""
    print(line, file=sys.stderr)
