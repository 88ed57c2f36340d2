"""The command line ``liplab ...``: the bench on a PC, for making, teaching and measuring."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from lipwright import __version__
from lipwright.cli import Commands, add_commands, run

COMMANDS: Commands = {
    "head": ("the simulated heads: show them, pose them, let them babble", "liplab.head.command:add_parser"),
    "life": ("blinks, gaze, nods and expressions, beside what people do", "liplab.life_command:add_parser"),
    "corpus": ("make the speech that the lip model learns from", "liplab.speech.command:add_parser"),
    "articulation": (
        "fit what phones ask of the lips to measured lips",
        "liplab.speech.articulation_command:add_parser",
    ),
    "train": ("teach the lip model and export it", "liplab.lips.command:add_parser"),
    "evaluate": ("judge a lip model on speech that it never heard", "liplab.evaluate.command:add_parser"),
    "watch": ("learn how people move their lips, from videos of them", "liplab.watch.command:add_parser"),
    "improve": ("let the lip model learn from who was watched", "liplab.improve.command:add_parser"),
    "predict": ("write the articulation that the lip model hears", "liplab.lips.predict:add_parser"),
    "fuzz": ("try to break the firmware with hostile bytes and frames", "liplab.fuzz:add_parser"),
    "bench": ("measure the wire, the firmware and the line", "liplab.bench:add_parser"),
}

EXAMPLES = """examples:
  liplab predict clip.wav -o lips.npz    the articulation of a sound, with no head in between
  liplab evaluate --before-actuator      how well the lip model hears, beside baselines
  liplab bench wire                      what a frame costs on the wire, beside other encodings
  liplab COMMAND --help                  what a command does and can be told, with examples
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="liplab",
        description="The bench beside a Lipwright head: corpora, teaching, the simulated head, measurements.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"liplab {__version__}")
    add_commands(parser, COMMANDS)
    return run(parser, sys.argv[1:] if arguments is None else arguments)
