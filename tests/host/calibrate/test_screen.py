"""The screen: it fits, marks what matters, and is what docs/calibrating.md shows."""

import os
import re
from pathlib import Path

import pytest

from lipwright.calibrate.screen import HELP, KEYS, bar, session_lines
from lipwright.calibrate.servos import Servo

from .rig import own_profile, rig

PAGE = Path(__file__).parents[3] / "docs" / "calibrating.md"
SERVO = Servo("jaw", 7, 1000.0, 1250.0, 2000.0, False, 8.0, None)


def shown(made, rows=24, columns=80, asks=""):
    return session_lines(made.session, asks, os.terminal_size((columns, rows)))


def test_keys_and_help_fit_a_small_terminal():
    assert max(map(len, (*KEYS, *HELP))) <= 80
    assert len(HELP) <= 24


@pytest.mark.parametrize(("rows", "columns"), [(24, 80), (12, 50), (60, 200), (8, 30)])
def test_the_screen_fits_and_the_chosen_servo_is_on_it(rows, columns, tmp_path):
    with rig(own_profile(tmp_path)) as made:
        made.session.notice = "a long story " * 40
        for index in (0, 12, 25):
            made.session.choose(index)
            lines = shown(made, rows, columns)
            assert len(lines) <= max(rows, 10)
            marked = [line for line in lines if line.startswith(">")]
            assert len(marked) == 1 and marked[0].split()[1:3] == [
                str(index + 1),
                made.session.servo.name[:18],
            ]


def test_the_bar_has_range_rest_place_and_goal():
    drawn = bar(SERVO, 1500.0, 1900.0, 80)
    assert drawn.startswith("  800 [") and drawn.endswith("] 2200")
    cells = re.search(r"\[(.*)\]", drawn)[1]
    assert [cells.index(sign) / len(cells) for sign in "=R#:"] == pytest.approx(
        [200 / 1400, 450 / 1400, 700 / 1400, 1100 / 1400], abs=0.02
    )
    assert cells[0] == cells[-1] == "."


@pytest.mark.parametrize("at", [400.0, 2600.0, 800.0, 2200.0])
def test_the_bar_holds_what_is_beyond_the_range_too(at):
    assert "#" in bar(SERVO, at, at, 80)


def test_what_is_not_saved_is_marked_and_a_question_takes_the_place_of_the_keys(tmp_path):
    with rig(own_profile(tmp_path)) as made:
        assert shown(made)[0].endswith(" saved") and "not" not in shown(made)[0]
        made.session.set_speed(3.0)
        lines = shown(made, asks="really?")
        assert lines[0].endswith("not saved")
        assert [line[0] for line in lines if "changed" in line] == [">"]
        assert lines[-1] == "really?" and KEYS[0] not in lines


def test_the_page_shows_the_screen_as_it_is(tmp_path):
    with rig(own_profile(tmp_path, "six_servo_mouth")) as made:
        made.session.board_name = "the board on /dev/ttyACM0"
        made.on("lower_lip")
        made.go(1475.0)
        made.session.set_rest()
        made.go(1595.0)
        made.session.set_maximum()
        page = PAGE.read_text(encoding="utf-8")
        assert "```\n" + "\n".join(line.rstrip() for line in shown(made)) + "\n```" in page
    for key in re.findall(r"^  (\S.*?)  +", "\n".join(HELP[2:]), re.MULTILINE):
        for one in key.replace("Shift+arrow", "Shift").replace(",", "").split():
            assert f"`{one}`" in page or one in ("5", "up", "down", "left", "right", "Shift", "Space"), one
