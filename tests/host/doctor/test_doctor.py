"""The command: one line an answer, the same as data, and an exit code that a script can use."""

import json
import subprocess
import sys

import pytest

from lipwright.doctor.findings import MISSING, NOTE, WELL, Finding, Note, NotHere, answer_of, look
from lipwright.errors import LipwrightError


def doctor(*arguments, **keywords):
    return subprocess.run(
        [sys.executable, "-m", "lipwright", "doctor", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        **keywords,
    )


def test_all_is_told_and_written_alike(tmp_path):
    done = doctor("--json", tmp_path / "report.json")
    assert (done.returncode, done.stderr) == (0, "")
    findings = json.loads((tmp_path / "report.json").read_text())["findings"]
    assert findings["models"]["state"] == WELL
    for name in (
        "python",
        "head_profile",
        "firmware",
        "speaker",
        "voices",
        "boards",
        "service",
        "disk",
        "clock",
    ):
        found = findings[name]
        assert f"  {found['state']}  {name.replace('_', ' ')}: {found['words']}\n" in done.stdout
    assert doctor("--json", "-").stdout.startswith("{")


def test_a_profile_that_cannot_be_used_is_missing(tmp_path):
    (tmp_path / "mine.toml").write_text("channels = 3")
    done = doctor("--profile", tmp_path / "mine.toml")
    assert done.returncode == 2
    assert "!!  head profile:" in done.stdout
    assert done.stderr == "lipwright: a head cannot speak here: see head profile above.\n"


def raising(error):
    def question():
        raise error

    return question


@pytest.mark.parametrize(
    ("question", "finding"),
    [
        (lambda: "here", Finding("it", WELL, "here")),
        (raising(Note("mend it")), Finding("it", NOTE, "mend it")),
        (raising(LipwrightError("get it")), Finding("it", MISSING, "get it")),
        (raising(NotHere()), None),
    ],
)
def test_an_answer_is_well_or_a_note_or_missing_or_none(question, finding):
    assert look("it", question) == finding


@pytest.mark.parametrize("command", [("no-such-program",), ("false",)])
def test_a_program_that_cannot_answer_is_not_here(command):
    with pytest.raises(NotHere):
        answer_of(*command)
    assert answer_of("echo", " well ") == "well"
