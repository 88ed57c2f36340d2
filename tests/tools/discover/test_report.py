"""The page of a discovery is one file that needs nothing else, made of the report alone."""

from __future__ import annotations

import html.parser
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from liplab.discover.report import COLUMNS, CURVES, PAGE, REPORT, filmed_line, lead, write_page
from lipwright.errors import LipwrightError

NAME = 'Otto <b>& "Ida"</b>'


def scores(**more: Any) -> dict[str, Any]:
    return {key: 0.5 for key, _ in COLUMNS} | {"closures": 40, "seconds": 60.0} | more


def report() -> dict[str, Any]:
    return {
        "head": NAME,
        "eyes": "dots",
        "judged": "Judged by the camera.",
        "speech": scores(depth_mm=None, offset_ms=-12.0, closure_rate=0.9),
        "baselines": {"jaw <only>": scores(front_mm=2.25)},
        "before": "the jaw alone",
        "poses": [
            {
                "name": "ah",
                "before": "pose_ah_before.jpg",
                "after": "gone.jpg",
                "before_mm": 3,
                "after_mm": 1.25,
            }
        ],
        "motors": [
            {"name": "jaw", "state": "alive", "sentence": "jaw moves.", "moves_mm": {"front": 3}},
            {"name": "lid", "state": "dead", "sentence": "lid & plug.", "moves_mm": {"front": 0}},
        ],
        "cannot": ["It cannot <whistle>."],
        "frames": 1000,
        "takes": 12,
        "dropped": {"too dark": 3},
        "camera_delay_ms": 34.6,
        "onset_ms": 70.2,
        "wall_s": 300.0,
    }


class Page(html.parser.HTMLParser):
    """Tags, links and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "data", "action")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    from PIL import Image

    (tmp_path / REPORT).write_text(json.dumps(report()))
    for name in (CURVES, "pose_ah_before.jpg"):
        Image.fromarray(np.full((8, 8, 3), 90, np.uint8)).save(tmp_path / name)
    return tmp_path


def test_the_page_is_one_file_without_links_to_outside(folder: Path) -> None:
    path = write_page(folder)
    assert path == folder / PAGE
    page = Page(path.read_text(encoding="utf-8"))
    assert len(page.links) == 2 and all(link.startswith("data:image/") for link in page.links)
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert "http" not in path.read_text() and "url(" not in path.read_text()


def test_names_are_text_and_not_tags(folder: Path) -> None:
    page = Page(write_page(folder).read_text(encoding="utf-8"))
    assert f"{NAME} discovered its face" in page.text
    assert page.tags.count("b") == 1  # the name of the pose
    for text in ("jaw <only>", "It cannot <whistle>.", "lid & plug.", "Judged by the camera."):
        assert text in page.text
    assert "jaw moves." not in page.text  # only what is wrong


def test_the_figures_are_on_the_page(folder: Path) -> None:
    page = Page(write_page(folder).read_text(encoding="utf-8"))
    assert lead(report()) in page.text and filmed_line(report()) in page.text
    for figure in ("2.25", "3 → 1.25 mm", "–"):
        assert figure in page.text


def test_sentences_say_the_figures() -> None:
    said = lead(report())
    assert "0.50 mm" in said and "90 % of 40" in said and "12 ms ahead" in said and "5.0 minutes" in said
    late = report()
    late["speech"] |= {"offset_ms": 25.0, "closure_rate": None}
    assert "25 ms late" in lead(late) and "no closure was asked for" in lead(late)
    line = filmed_line(report())
    assert (
        "1000 frames in 12 takes" in line
        and "3 too dark" in line
        and "70 ms" in line
        and "35 of them" in line
    )


def test_healthy_motors_are_told_so(folder: Path) -> None:
    well = report() | {"motors": report()["motors"][:1]}
    (folder / REPORT).write_text(json.dumps(well))
    assert "All motors do what their names promise." in Page(write_page(folder).read_text()).text


@pytest.mark.parametrize("text", [None, "", "{"])
def test_without_a_report_a_sentence_says_what_to_do(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / REPORT).write_text(text)
    with pytest.raises(LipwrightError, match=r"no finished discovery; run `lipwright discover -o "):
        write_page(tmp_path)
    assert not (tmp_path / PAGE).exists()
