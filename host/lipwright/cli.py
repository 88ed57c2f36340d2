"""The command line ``lipwright ...``: lean to start, one clear sentence an error, exit codes for scripts."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from lipwright import __version__
from lipwright.errors import LipwrightError

EXIT_MENDABLE = 2  # also what argparse exits with
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells do
COMMANDS_GROUP = "lipwright.commands"

Commands = Mapping[str, tuple[str, str]]  # name: (one line of help, "module:function that adds the parser")

COMMANDS: Commands = {
    "say": ("speak a sound file with the head", "lipwright.say:add_parser"),
    "listen": ("let the lips follow a microphone, or what plays here", "lipwright.live.listen:add_parser"),
    "show": ("record shows, and have the board play them with no host", "lipwright.show:add_parser"),
    "calibrate": (
        "find every servo's ends, rest, direction and speed",
        "lipwright.calibrate.command:add_parser",
    ),
    "serve": (
        "let the head live: sound, panel and programs, until it is ended",
        "lipwright.service.serve:add_parser",
    ),
    "install": (
        "have the head speak from power-on, as a service of the system",
        "lipwright.service.install:add_install_parser",
    ),
    "uninstall": ("take the service away", "lipwright.service.install:add_uninstall_parser"),
    "doctor": ("check what this machine has and what it lacks", "lipwright.doctor.command:add_parser"),
}

# What brings a module that a command found missing.
EXTRAS = {
    "mujoco": "sim",
    "OpenGL": "sim",
    "PIL": "sim",
    "matplotlib": "sim",
    "av": "sim",
    "torch": "train",
    "tensorflow": "train",
    "scipy": "train",
    "mediapipe": "vision",
    "cv2": "vision",
    "pocketsphinx": "sim",
    "threadpoolctl": "sim",
    "distributed": "scale",
    "paho": "mqtt",
}

EXAMPLES = """examples:
  lipwright say --sim               speak a sentence on the simulated head; makes a film and a picture
  lipwright say clip.wav --sim      the same with a sound or video of yours
  lipwright say clip.wav            on the head that is plugged in
  lipwright COMMAND --help          what a command does and can be told, with examples

exit codes: 0 done, 2 something you can mend (one sentence says what), 130 stopped with Ctrl-C
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="lipwright",
        description="Makes a robot head speak with its lips: sound in, servo motion out, live.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"lipwright {__version__}")
    commands = dict(COMMANDS)
    for entry in sorted(entry_points(group=COMMANDS_GROUP), key=lambda entry: entry.name):
        commands |= entry.load()
    add_commands(parser, commands)
    return run(parser, sys.argv[1:] if arguments is None else arguments)


class LazyCommands(argparse._SubParsersAction):  # type: ignore[type-arg]
    """Subcommands whose modules are imported when they are chosen, so that --help is quick on a small Pi."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.targets: dict[str, str] = {}

    def add(self, name: str, line: str, target: str) -> None:
        """Lists a command; ``target`` is "module:function", the function adds the parser to this action."""
        self.add_parser(name, help=line)
        self.targets[name] = target

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Fills in the chosen command's parser and hands it the arguments that follow."""
        name = values[0]
        if name in self.targets:
            module, function = self.targets[name].split(":")
            del self._name_parser_map[name]
            getattr(import_module(module), function)(self)
        super().__call__(parser, namespace, values, option_string)


def add_commands(parser: argparse.ArgumentParser, commands: Commands) -> None:
    """Gives a parser subcommands, each loaded when it is chosen."""
    action = parser.add_subparsers(action=LazyCommands, title="commands", metavar="COMMAND", required=True)
    assert isinstance(action, LazyCommands)
    for name, (line, target) in commands.items():
        action.add(name, line, target)


def run(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Parses and runs; turns errors that the user can mend into one sentence and an exit code."""
    try:
        parsed = parser.parse_args(arguments)
        parsed.do(parsed)
        sys.stdout.flush()
    except LipwrightError as error:
        return _mendable(parser, str(error))
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        return _mendable(
            parser,
            f"this needs {error.name}, which is not installed; run: pip install 'lipwright[{extra}]'",
        )
    except KeyboardInterrupt:
        print(f"\n{parser.prog}: stopped", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has gone; a second failure at interpreter exit would print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _mendable(parser: argparse.ArgumentParser, sentence: str) -> int:
    print(f"{parser.prog}: {sentence}", file=sys.stderr)
    return EXIT_MENDABLE
