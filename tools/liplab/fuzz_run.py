"""One fuzzer on one interpreter: round after round, and what broke if anything did."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from liplab.driven_process import Died, interpreter_name, talk

# What the program's rounds tell and only adding up makes sense of.
NO_SUMS = ("round", "inputs", "digest")


@dataclass(frozen=True)
class Fuzzer:
    """A program of mcu/ports/unix.

    Attributes:
        program: Its module.
        unit: What one of its inputs is called.
        per_round: Inputs of a round, which has a seed of its own and a board of its own.
    """

    program: str
    unit: str
    per_round: int


@dataclass
class Outcome:
    """What a run came to.

    Attributes:
        interpreter: Its name in words.
        inputs: How many were tried.
        seconds: How long they took.
        digests: What each round came to; the same on every interpreter.
        sums: Further counts of the program, added up.
        broken: What did not hold; empty if all did.
        seed: Of the round in which it broke.
        broken_input: In hexadecimal digits; empty where the seed is all that is needed.
    """

    interpreter: str
    inputs: int = 0
    seconds: float = 0.0
    digests: list[int] = field(default_factory=list)
    sums: dict[str, int] = field(default_factory=dict)
    broken: str = ""
    seed: int = 0
    broken_input: str = ""


def fuzz(fuzzer: Fuzzer, interpreter: str, inputs: int, seed: int, modules: Path | None = None) -> Outcome:
    """Runs as many rounds as the inputs need. Modules in the folder `modules` come before the shipped ones.

    Raises LipwrightError where there is no such interpreter.
    """
    outcome = Outcome(interpreter_name(interpreter))
    per_round = min(inputs, fuzzer.per_round)
    rounds = math.ceil(inputs / per_round)
    asked = {"seed": seed, "rounds": rounds, "inputs": per_round, "traced": False}
    start = time.perf_counter()
    with tqdm(total=inputs, unit=fuzzer.unit, unit_scale=True, desc=interpreter) as bar:
        try:
            for told in talk(interpreter, fuzzer.program, asked, modules):
                if "broken" in told:
                    _take_break(outcome, told)
                    break
                outcome.inputs += told["inputs"]
                outcome.digests.append(told["digest"])
                for name, count in told.items():
                    if name not in NO_SUMS:
                        outcome.sums[name] = outcome.sums.get(name, 0) + count
                bar.update(told["inputs"])
            else:
                if len(outcome.digests) < rounds:
                    raise Died("the interpreter ended early, without a word")
        except Died as death:
            outcome.seed = seed + len(outcome.digests)
            asked |= {"seed": outcome.seed, "rounds": 1, "traced": True}
            _take_death(outcome, death, talk(interpreter, fuzzer.program, asked, modules))
    outcome.seconds = time.perf_counter() - start
    return outcome


def _take_break(outcome: Outcome, told: dict[str, Any]) -> None:
    outcome.broken, outcome.seed, outcome.broken_input = told["broken"], told["seed"], told["input"]


def _take_death(outcome: Outcome, death: Died, again: Iterator[dict[str, Any]]) -> None:
    """Goes through the round that killed the interpreter again, with each input told before it is tried."""
    outcome.broken = str(death)
    try:
        for told in again:
            if "broken" in told:
                _take_break(outcome, told)
            outcome.broken_input = told.get("input", outcome.broken_input)
    except Died:
        pass


def disagreement(one: Outcome, other: Outcome, seed: int) -> str:
    """In words, with the seed, where two interpreters first came to different ends; empty if nowhere."""
    for number, (mine, theirs) in enumerate(zip(one.digests, other.digests, strict=False)):
        if mine != theirs:
            return f"{one.interpreter} and {other.interpreter} disagree in the round of seed {seed + number}"
    return ""
