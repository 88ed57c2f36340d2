"""``liplab fuzz ...``: the firmware under millions of hostile inputs, on every interpreter that runs here.

What becomes of an input is looked at inside the interpreter (fuzz_wire.py and fuzz_motion.py in
mcu/ports/unix): a pipe for each would be a hundred times slower. The same seed makes the same inputs
everywhere, and every interpreter must come to the same end, so that machine code on 32 and on 64 bits is
compared with plain Python.
"""

from __future__ import annotations

import argparse
from typing import Any

from liplab.driven_process import INTERPRETERS
from liplab.fuzz_run import Fuzzer, Outcome, disagreement, fuzz
from lipwright.errors import LipwrightError
from lipwright.files import write_report

EXIT_BROKEN = 1
INPUTS = 1_000_000
TICKS = 500_000

FUZZERS = {
    "wire": Fuzzer("fuzz_wire", "input", 4096),
    "motion": Fuzzer("fuzz_motion", "tick", 2000),
}

EXAMPLES = """examples:
  liplab fuzz wire                                     a million inputs on each interpreter
  liplab fuzz wire --inputs 20000000 --json wire.json  a long run; some 20 minutes an interpreter
  liplab fuzz motion --ticks 10000000                  a day of motion
  liplab fuzz wire --interpreter micropython32 --seed 7 --inputs 4096
                                                       the round of seed 7 once more, after it broke

exit codes: 0 all properties hold, 1 one does not (its seed and its input are printed)
"""
WIRE = """Sends frames, requests, damaged and made-up bytes to the firmware. No exception may come out,
nothing may be written outside a buffer, memory must not grow, motion frames must allocate none, and what is
counted, decoded and answered must be what the reference says."""
MOTION = """Sends frames of every kind to heads with every kind of profile: late, early, reordered, twice,
over the wrap of the clock, with silence, parks, stops, new sessions and profiles between. No pulse may leave
its range, no channel may be faster than its limits at any tick, and every frame must be accounted for."""


def add_parser(subparsers: Any) -> None:
    """Adds ``fuzz`` with ``wire`` and ``motion`` to the command line."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "fuzz",
        help="try to break the firmware with hostile bytes and frames",
        description="Tries to break the firmware with hostile bytes and frames.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parser.add_subparsers(title="what to fuzz", metavar="WHAT", required=True)
    for name, what, number, description in (
        ("wire", "inputs", INPUTS, WIRE),
        ("motion", "ticks", TICKS, MOTION),
    ):
        kind: argparse.ArgumentParser = kinds.add_parser(
            name,
            help=f"by so many {what}",
            description=description,
            epilog=EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        kind.add_argument(
            f"--{what}", dest="inputs", type=_count, default=number, help=f"how many (default: {number:,})"
        )
        kind.add_argument("--seed", type=int, default=1, help="of the first round (default: 1)")
        kind.add_argument(
            "--interpreter",
            choices=("all", *INTERPRETERS),
            default="all",
            help="what runs the firmware (default: all)",
        )
        kind.add_argument("--json", metavar="FILE", help="write the figures as JSON; - for standard output")
        kind.set_defaults(do=do_fuzz, what=name)


def do_fuzz(arguments: argparse.Namespace) -> None:
    """Runs the fuzzer on each interpreter, prints a line for each; exits with 1 when something broke."""
    fuzzer = FUZZERS[arguments.what]
    chosen = INTERPRETERS if arguments.interpreter == "all" else (arguments.interpreter,)
    figures: dict[str, Any] = {"seed": arguments.seed}
    outcomes: list[Outcome] = []
    for interpreter in chosen:
        try:
            outcome = fuzz(fuzzer, interpreter, arguments.inputs, arguments.seed)
        except LipwrightError as error:
            if len(chosen) == 1:
                raise
            figures[f"{interpreter}_missing"] = str(error)
            _say(arguments, f"{interpreter}: {error}")
            continue
        if outcomes and not outcome.broken:
            outcome.broken = disagreement(outcomes[0], outcome, arguments.seed)
        outcomes.append(outcome)
        figures |= figures_of(interpreter, fuzzer, outcome)
        _say(arguments, line_of(interpreter, fuzzer, outcome))
        if outcome.broken:
            _say(arguments, how_to_repeat(arguments.what, interpreter, fuzzer, outcome))
    write_report(figures, arguments.json)
    if any(outcome.broken for outcome in outcomes):
        raise SystemExit(EXIT_BROKEN)


def figures_of(interpreter: str, fuzzer: Fuzzer, outcome: Outcome) -> dict[str, Any]:
    """What a run came to, as flat figures."""
    figures: dict[str, Any] = {
        f"{interpreter}_{fuzzer.unit}s": outcome.inputs,
        f"{interpreter}_{fuzzer.unit}s_per_second": round(outcome.inputs / outcome.seconds),
        **{f"{interpreter}_{name}": count for name, count in outcome.sums.items()},
        f"{interpreter}_holds": not outcome.broken,
    }
    if outcome.broken:
        figures[f"{interpreter}_broken"] = outcome.broken
        figures[f"{interpreter}_broken_seed"] = outcome.seed
        figures[f"{interpreter}_broken_input"] = outcome.broken_input
    return figures


def line_of(interpreter: str, fuzzer: Fuzzer, outcome: Outcome) -> str:
    """What a run came to, in one line."""
    sums = "".join(f", {count:,} {name.replace('_', ' ')}" for name, count in outcome.sums.items())
    rate = outcome.inputs / outcome.seconds
    verdict = "BROKEN" if outcome.broken else "holds"
    return (
        f"{interpreter}: {verdict}; {outcome.inputs:,} {fuzzer.unit}s, {rate:,.0f} a second{sums}"
        f" ({outcome.interpreter})"
    )


def how_to_repeat(what: str, interpreter: str, fuzzer: Fuzzer, outcome: Outcome) -> str:
    """What broke, and how to see it again."""
    lines = [f"  {outcome.broken}"]
    if outcome.seed:
        lines.append(
            f"  seed {outcome.seed}; again: liplab fuzz {what} --interpreter {interpreter}"
            f" --seed {outcome.seed} --{fuzzer.unit}s {fuzzer.per_round}"
        )
    if outcome.broken_input:
        lines.append(f"  input: {outcome.broken_input}")
    return "\n".join(lines)


def _say(arguments: argparse.Namespace, text: str) -> None:
    if arguments.json != "-":
        print(text)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("is at least 1")
    return number
