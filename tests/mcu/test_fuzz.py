"""Short runs of the fuzzers: all holds on every interpreter, and what is broken on purpose is found."""

from __future__ import annotations

import datetime
import functools
import json
import re
import shutil
from pathlib import Path

import pytest

from liplab import driven_process, firmware_process
from liplab.cli import main
from liplab.driven_process import INTERPRETERS
from liplab.fuzz import EXIT_BROKEN, FUZZERS
from liplab.fuzz_run import Outcome, disagreement, fuzz
from lipwright.errors import LipwrightError
from lipwright.resources import firmware_dir

INPUTS = {"wire": 12_288, "motion": 12_000}
# One set of inputs is always the same, and each day brings another.
SEEDS = (1, int(datetime.date.today().strftime("%Y%m%d")))

MOST_ROUNDS = 50  # most defects show in the first

# What is broken on purpose: fuzzer, module, what stands there, what takes its place, what is then said.
DEFECTS = {
    "a frame longer than its buffer": ("wire", "kernels", "if fill < room", "if fill < room + 90", "beside"),
    "a number not in its shortest form": ("wire", "kernels", "if low < 256:", "if low < 0:", "was decoded"),
    "a time that is too long": ("wire", "kernels", "high > 0x3FFF", "high > 0x7FFF", "was decoded"),
    "spare bits that are not 0": (
        "wire",
        "kernels",
        "data[position + 1] > 15",
        "data[0] > 255",
        "was decoded",
    ),
    "a group of COBS too many": ("wire", "kernels", "previous == 255", "previous == 256", "received, CRC"),
    "a position wrong in its low bit": ("wire", "kernels", "value << 4 |", "value << 4 | 1 |", "decoded as"),
    "an allocation": ("wire", "wire", "self._heard()\n", "self._heard(); bytes(9)\n", "allocated"),
    "a leak": (
        "wire",
        "answers",
        "fields = cbor_subset.loads(payload)",
        "fields = cbor_subset.loads(payload); LEAK.append(payload)",
        "memory grows",
    ),
    "a request that is not answered": ("wire", "wire", "self.send(answer)", "len(answer)", "no answer to"),
    "a frame not counted": ("motion", "head", "self.counters.drops[drop] += 1", "pass", "accounted for"),
    "a step too far": ("motion", "kernels", "limit = steps[i]", "limit = 2 * steps[i]", "its limit"),
    "too much acceleration": (
        "motion",
        "kernels",
        "change = accelerations[i]",
        "change = 1 + accelerations[i]",
        "changed its step",
    ),
    "collisions not looked at": ("motion", "head", "if profile.pairs:", "if not profile:", "the sum of"),
    "a pulse too long": ("motion", "kernels", "= told >> 8", "= (told >> 8) + 1", "a pulse of"),
    "pulses that stay on": ("motion", "pulses", "self.on[i] = 0", "self.on[i] = self.on[i]", "in state"),
    "pulses left behind": ("motion", "pca9685", "self._silence()\n", "len(b'')\n", "not in the profile"),
    "a stop that a profile ends": ("motion", "safety", "self.state != STOPPED:", "True:", "was stopped"),
    "a tick that allocates": ("motion", "motion", "self._moving = False\n", "self._moving = bool([1])\n", ""),
}


@functools.cache
def run(what: str, interpreter: str, seed: int) -> Outcome:
    print(f"seed {seed}")
    try:
        return fuzz(FUZZERS[what], interpreter, INPUTS[what], seed)
    except LipwrightError as error:
        pytest.skip(f"NOT TESTED on {interpreter}: {error}")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_hostile_bytes_break_nothing(interpreter: str, seed: int) -> None:
    outcome = run("wire", interpreter, seed)
    assert not outcome.broken, f"{outcome.broken} (seed {outcome.seed}, input {outcome.broken_input})"
    assert outcome.inputs >= INPUTS["wire"]
    assert outcome.sums["frames"] > INPUTS["wire"] / 10
    assert outcome.sums["answers"] > INPUTS["wire"] / 100


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_hostile_motion_breaks_nothing(interpreter: str, seed: int) -> None:
    outcome = run("motion", interpreter, seed)
    assert not outcome.broken, f"{outcome.broken} (seed {outcome.seed})"
    assert outcome.inputs == INPUTS["motion"]
    assert outcome.sums["ticks_following"] > INPUTS["motion"] / 100


@pytest.mark.parametrize("what", FUZZERS)
@pytest.mark.parametrize("interpreter", INTERPRETERS[:2])
def test_machine_code_comes_to_the_same_end_as_plain_python(interpreter: str, what: str) -> None:
    for seed in SEEDS:
        assert disagreement(run(what, interpreter, seed), run(what, "cpython", seed), seed) == ""


def broken_on_purpose(folder: Path, module: str, old: str, new: str) -> Path:
    """A folder with the firmware's module, in which one thing is different."""
    source = (firmware_dir() / f"{module}.py").read_text()
    assert old in source, f"{module}.py no longer has {old!r}: break another line of it"
    (folder / f"{module}.py").write_text(source.replace(old, new) + "\nLEAK = []\n")
    return folder


@pytest.mark.parametrize("defect", DEFECTS)
def test_what_is_broken_on_purpose_is_found(defect: str, tmp_path: Path) -> None:
    what, module, old, new, said = DEFECTS[defect]
    run(what, "micropython64", 1)  # skips where there is none
    modules = broken_on_purpose(tmp_path, module, old, new)
    outcome = fuzz(FUZZERS[what], "micropython64", MOST_ROUNDS * FUZZERS[what].per_round, 1, modules)
    assert outcome.broken
    assert said in outcome.broken
    assert 1 <= outcome.seed <= MOST_ROUNDS
    again = fuzz(FUZZERS[what], "micropython64", FUZZERS[what].per_round, outcome.seed, modules)
    assert again.broken == outcome.broken, "its seed alone brings it back"
    assert again.broken_input == outcome.broken_input


@pytest.mark.parametrize(
    ("new", "said"),
    [
        pytest.param(
            "if byte == 77:\n            ptr8(0)[0] = 1\n        if byte == 0:", "ended", id="a crash"
        ),
        pytest.param("while byte == 77:\n            pass\n        if byte == 0:", "loop", id="a loop"),
    ],
)
def test_an_input_that_kills_the_interpreter_is_named(
    new: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("wire", "micropython64", 1)
    monkeypatch.setattr(driven_process, "SILENCE_S", 2.0)
    modules = broken_on_purpose(tmp_path, "kernels", "if byte == 0:", new)
    outcome = fuzz(FUZZERS["wire"], "micropython64", 256, 1, modules)
    assert said in outcome.broken
    assert 77 in bytes.fromhex(outcome.broken_input)


def test_an_exception_is_told_with_the_place_where_it_was_raised(tmp_path: Path) -> None:
    modules = broken_on_purpose(
        tmp_path, "answers", "except Refusal as refusal:", "except OSError as refusal:"
    )
    outcome = fuzz(FUZZERS["wire"], "cpython", 4096, 1, modules)
    assert re.search(r"Refusal: .*", outcome.broken)
    assert "answers.py" in outcome.broken
    assert outcome.broken_input


def test_the_command_says_what_broke_and_exits_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    firmware = tmp_path / "firmware"
    shutil.copytree(firmware_dir(), firmware, ignore=shutil.ignore_patterns("__pycache__"))
    broken_on_purpose(firmware, "head", "self.counters.drops[drop] += 1", "pass")
    monkeypatch.setattr(firmware_process, "firmware_dir", lambda: firmware)
    report = tmp_path / "report.json"
    arguments = ["fuzz", "motion", "--ticks", "4000", "--interpreter", "cpython", "--json", str(report)]
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == EXIT_BROKEN
    said = capsys.readouterr().out
    assert "BROKEN" in said and "accounted for" in said and "--seed 1" in said
    figures = json.loads(report.read_text())
    assert not figures["cpython_holds"]
    assert "accounted for" in figures["cpython_broken"]
    assert figures["cpython_broken_seed"] == 1


def test_the_command_says_that_all_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fuzz", "wire", "--inputs", "500", "--interpreter", "cpython"]) == 0
    assert capsys.readouterr().out.startswith("cpython: holds; ")


def test_different_ends_are_found() -> None:
    one, other = Outcome("one", digests=[5, 6, 7]), Outcome("other", digests=[5, 6, 8])
    assert disagreement(one, one, 10) == ""
    assert "seed 12" in disagreement(one, other, 10)
