"""``lipwright doctor``: what this machine has for speaking, and what it lacks."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any

from lipwright import __version__
from lipwright.errors import LipwrightError

EXAMPLES = """examples:
  lipwright doctor        one line for each thing; exits 2 if something is missing that every head needs
  lipwright doctor --port /dev/ttyACM0 --profile my_head.toml   also asks the board how it fares
"""


def add_parser(subparsers: Any) -> None:
    """Adds ``doctor`` to the command line."""
    parser = subparsers.add_parser(
        "doctor",
        help="check what this machine has and what it lacks",
        description="Checks what Lipwright needs on this machine, and says how to get what is missing.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", help="ask the board at this serial port (default: the only one connected)")
    parser.add_argument(
        "--profile", help="the profile that the board should have (default: the reference head)"
    )
    parser.set_defaults(do=do_doctor)


def do_doctor(arguments: argparse.Namespace) -> None:
    """Prints the findings; raises LipwrightError if the head cannot speak here."""
    print(f"Lipwright {__version__} on Python {platform.python_version()}, {platform.machine()}")
    needed = [_try("models", _models), _try("head profile", _profile), _try("firmware", _firmware)]
    _try("speaker", _speaker)
    _try("boards", _boards)
    port = _port(arguments.port)
    asked = port is None or _try("board", lambda: _board(port, arguments.profile))
    _try("simulated head", _simulation)
    if not all(needed):
        raise LipwrightError(
            "This installation is not whole; install it again: pip install --force-reinstall lipwright."
        )
    if not asked:
        raise LipwrightError("The board could not be asked; the line above says what to do.")


def _try(what: str, look: Callable[[], str]) -> bool:
    try:
        found, mark = look(), "ok"
    except LipwrightError as error:
        found, mark = str(error), "--"
    print(f"  {mark}  {what}: {found}")
    return mark == "ok"


def _models() -> str:
    import numpy as np

    from lipwright.face.model import FaceModel
    from lipwright.face.profile import load_profile
    from lipwright.lips.model import LipModel

    lips, face = LipModel.load(), FaceModel.load(load_profile())
    frame = lips.step(np.zeros((2, 80), np.float32), lips.initial_state())
    face.step(frame.code, face.initial_state())
    runtime = "tflite-runtime" if find_spec("tflite_runtime") else "ai-edge-litert"
    return f"the lip model and the face model run on {runtime}"


def _profile() -> str:
    from lipwright.face.profile import load_profile

    profile = load_profile()
    return f"{profile.name}, {len(profile.channels)} servos"


def _firmware() -> str:
    from lipwright.resources import firmware_dir

    return str(firmware_dir())


def _speaker() -> str:
    try:
        import sounddevice
    except OSError:
        raise LipwrightError("PortAudio is missing; sudo apt install libportaudio2.") from None
    try:
        return str(sounddevice.query_devices(kind="output")["name"])
    except (sounddevice.PortAudioError, ValueError):
        raise LipwrightError("none is connected; lips move without sound with --mute.") from None


def _boards() -> str:
    from lipwright.boards import described, plugged_in

    ports = plugged_in()
    if not ports:
        raise LipwrightError("none is plugged in.")
    return ", ".join(described(port) for port in ports)


def _port(given: str | None) -> str | None:
    """The board to ask: the one that was named, or the only one."""
    from lipwright.boards import find_ports

    ports = [given] if given else find_ports()
    return ports[0] if len(ports) == 1 else None


def _board(port: str, profile_path: str | None) -> str:
    from contextlib import closing

    from lipwright.boards import SerialBoard
    from lipwright.face.profile import load_profile
    from lipwright.link.board_link import BoardLink
    from lipwright.link.plain_words import board_lines

    profile = load_profile(profile_path)
    with closing(SerialBoard(port)) as board, BoardLink(board, None) as link:
        info = link.connect()
        return "\n        ".join(board_lines(info, link.request_status(), profile))


def _simulation() -> str:
    missing = [name for name in ("mujoco", "OpenGL", "matplotlib", "av") if find_spec(name) is None]
    if missing or not entry_points(group="lipwright.boards", name="sim"):
        raise LipwrightError("not installed; pip install 'lipwright[sim]'.")
    return f"{sys.executable} -m lipwright say --sim"
