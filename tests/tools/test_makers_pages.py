"""What the pages for makers say is what the code says: messages, tables, sums, links."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from lipwright.face.profile import load_profile
from lipwright.resources import models_dir

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = ("wiring.md", "parts.md", "power.md", "first-power-on.md", "trouble.md", "calibrating.md")
PROFILES = ("reference_head", "six_servo_mouth", "jaw_skull")
VARIABLE = "…"
COUNTED = ("speaking", "Servos that move")  # figures of the models, which change when these are taught anew

each_page = pytest.mark.parametrize("page", PAGES)


@pytest.fixture(scope="module")
def budget():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "tools")
        yield importlib.import_module("power_budget")


@pytest.fixture(scope="module")
def spoken(budget):
    """What each shipped head draws in the sentence that ships."""
    profiles = [load_profile(models_dir() / f"{name}.toml") for name in PROFILES]
    return [(one, budget.speech(one.channels, budget.speech_pulses(one))) for one in profiles]


def text_of(node):
    """A string of the code, with a dot for everything that is filled in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else VARIABLE for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def strings_of_the_code():
    files = [path for folder in ("host", "tools", "mcu") for path in (ROOT / folder).rglob("*.py")]
    files = [path for path in files if ".venv" not in path.relative_to(ROOT).parts]  # of installed peers
    return [text_of(node) for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]


def test_every_message_that_is_explained_is_one_that_can_come():
    known = [text for text in strings_of_the_code() if text]
    pages = "".join((DOCS / page).read_text(encoding="utf-8") for page in ("trouble.md", "calibrating.md"))
    rows = re.findall(r"^\| (`[^|]+?) \|", pages, re.MULTILINE)
    messages = [span for row in rows for span in re.findall(r"`([^`]+)`", row) if not span.startswith("--")]
    assert len(messages) > 25
    for message in messages:
        pieces = [piece for piece in message.split(VARIABLE) if piece.strip()]
        assert any(all(piece in text for piece in pieces) for text in known), message


@each_page
def test_links_lead_somewhere(page):
    source = (DOCS / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", source):
        path, _, anchor = target.partition("#")
        file = (DOCS / path).resolve() if path else DOCS / page
        assert file.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]
            assert anchor in slugs, target


def test_power_tables_are_what_the_command_prints(budget, spoken):
    page = (DOCS / "power.md").read_text(encoding="utf-8").splitlines()
    for profile, speech in spoken:
        printed = budget.budget_table(profile, speech) + "\n" + budget.feed_table(profile)
        for line in printed.splitlines():
            if not any(line.startswith((word, f"| {word}")) for word in COUNTED):
                assert line in page, f"run: python tools/power_budget.py {profile.path}"


def test_a_head_that_speaks_stays_within_its_supply(budget, spoken):
    for profile, speech in spoken:
        assert 0 < speech.mean_a < speech.peak_a <= budget.supply_a(profile) + 1e-9
        assert 0 < speech.moving_mean < speech.moving_most <= len(profile.channels)


def test_currents_of_a_made_up_movement(budget):
    channels = [channel for channel in load_profile().channels if channel.name == "upper_lip_mid"]
    pulses = [[1500.0], [1500.0], [1520.0], [1540.0], [1520.0], [1520.0]]
    speech = budget.speech(channels, pulses)
    assert speech.moving_most == 1 and speech.moving_mean == pytest.approx(3 / 5)
    assert speech.mean_a == pytest.approx((3 * 0.25 + 2 * 0.01) / 5)
    assert speech.peak_a == 0.7


def test_fuses_bear_what_moves_and_a_servo_that_is_held(budget):
    for name in PROFILES:
        for feed in budget.feeds(load_profile(models_dir() / f"{name}.toml")):
            assert feed.fuse_a >= 1.5 * budget.total(feed.channels, "moving_a")
            assert feed.fuse_a >= max(budget.servo_class(channel).stalled_a for channel in feed.channels)
            assert feed.capacitor_uf >= max(1000, 100 * len(feed.channels))


def test_the_parts_list_adds_up():
    rows = re.findall(r"^\| (.+) \|$", (DOCS / "parts.md").read_text(encoding="utf-8"), re.MULTILINE)
    cells = [row.split(" | ") for row in rows if row.count(" | ") == 3]
    parts, total = cells[1:-1], cells[-1]
    assert total[0] == "**all**" and len(parts) > 10
    for column in (1, 2, 3):
        spans = [[int(n) for n in re.findall(r"\d+", row[column])] for row in parts]
        low, high = sum(span[0] for span in spans), sum(span[-1] for span in spans)
        assert total[column] == f"**{low} to {high}**"
