"""The page of a discovery: how well the head speaks now, motor by motor, pose by pose, and what it cannot do.

It is made of report.json and the pictures in the discovery's folder, so it can be made again without the
head.
"""

from __future__ import annotations

import base64
import html
import json
from pathlib import Path
from typing import Any

from lipwright.errors import LipwrightError
from lipwright.files import write_atomically

REPORT, PAGE = "report.json", "report.html"
MOTORS, CURVES = "motors.png", "curves.png"

COLUMNS = (
    ("front_mm", "error, mm"),
    ("depth_mm", "depth, mm"),
    ("aperture_r", "gap r"),
    ("aperture_range_ratio", "gap range"),
    ("width_r", "width r"),
    ("closure_rate", "closures made"),
    ("false_closures_per_minute", "false closures a minute"),
    ("offset_ms", "offset, ms"),
    ("offset_p95_ms", "95 % within, ms"),
    ("drift_ratio", "drift"),
)

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 62rem; padding: 1rem; color: #222 }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse; display: block; overflow-x: auto }
td, th { padding: .25rem .6rem; text-align: right }
td:first-child, th:first-child { text-align: left } tr:nth-child(even) { background: #f3f5f7 }
img { max-width: 100% } .poses { display: flex; flex-wrap: wrap; gap: .8rem } .poses figure { margin: 0 }
.poses img { width: 9rem; display: block } figcaption { font-size: .85rem }
.bad { color: #b00020 } .lead { font-size: 1.1rem }
"""


def write_page(folder: Path) -> Path:
    """Writes report.html from what lies in the folder. Raises LipwrightError when there is no report yet."""
    try:
        report: dict[str, Any] = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise LipwrightError(
            f"{folder} holds no finished discovery; run `lipwright discover -o {folder}` to its end first."
        ) from None
    page = folder / PAGE
    try:
        write_atomically(page, _page(report, folder).encode())
    except OSError as error:
        raise LipwrightError(f"{page} cannot be written: {error.strerror}.") from error
    return page


def _page(report: dict[str, Any], folder: Path) -> str:
    speech = report["speech"]
    parts = [
        f"<h1>{html.escape(report['head'])} discovered its face</h1>",
        f'<p class="lead">{html.escape(lead(report))}</p>',
        "<h2>Speech that it never learned from, after the servos</h2>",
        _table([("this face model", speech), *report["baselines"].items()]),
        f"<p>{html.escape(report['judged'])} Negative offsets: lips lead. Drift: error after the first 5 s "
        "over that of the first 5 s.</p>",
        _picture(folder / CURVES, "Loss, and speech asked and done"),
        "<h2>Six mouths, before and after</h2>",
        f"<p>Before: {html.escape(report['before'])}. After: what it learned. Errors are of all lip points, "
        "in the picture plane.</p>",
        _poses(report["poses"], folder),
        "<h2>What each motor does</h2>",
        _findings(report["motors"]),
        _picture(folder / MOTORS, "How far each motor moves the face"),
        "<h2>What this head cannot do</h2>",
        "<ul>" + "".join(f"<li>{html.escape(text)}</li>" for text in report["cannot"]) + "</ul>",
        "<h2>What was filmed</h2>",
        f"<p>{html.escape(filmed_line(report))}</p>",
        _picture(folder / "contact_sheet.jpg", "Contact sheet"),
        _picture(folder / "coverage.png", "What each motor was asked"),
    ]
    title = f"Face of {html.escape(report['head'])}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def lead(report: dict[str, Any]) -> str:
    """The outcome in one or two sentences."""
    speech = report["speech"]
    closed = "no closure was asked for"
    if speech["closure_rate"] is not None:
        closed = f"{100 * speech['closure_rate']:.0f} % of {speech['closures']} asked closures are made"
    offset = "" if speech["offset_ms"] is None else f", the lips are {_ahead(speech['offset_ms'])}"
    return (
        f"Lips come to within {speech['front_mm']:.2f} mm (rms) of what speech asks; {closed}{offset}. "
        f"It took {report['wall_s'] / 60:.1f} minutes."
    )


def filmed_line(report: dict[str, Any]) -> str:
    """What was filmed, and what of it was dropped, in a sentence."""
    dropped = report["dropped"]
    words = ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.items())) or "none"
    late = report["camera_delay_ms"]
    return (
        f"{report['frames']} frames in {report['takes']} takes, seen by {report['eyes']}; dropped: {words}. "
        f"Motion was seen {report['onset_ms']:.0f} ms after its command, {late:.0f} of them the camera's."
    )


def _ahead(offset_ms: float) -> str:
    return f"{-offset_ms:.0f} ms ahead" if offset_ms <= 0 else f"{offset_ms:.0f} ms late"


def _table(rows: list[tuple[str, dict[str, Any]]]) -> str:
    head = "".join(f"<th>{title}</th>" for _, title in COLUMNS)
    body = "".join(
        f"<tr><td>{html.escape(name)}</td>"
        + "".join(f"<td>{_shown(scores.get(key))}</td>" for key, _ in COLUMNS)
        + "</tr>"
        for name, scores in rows
    )
    return f"<table><tr><th></th>{head}</tr>{body}</table>"


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _poses(poses: list[dict[str, Any]], folder: Path) -> str:
    figures = []
    for pose in poses:
        images = "".join(
            _image(folder / pose[when], f"{pose['name']}, {when}")
            for when in ("before", "after")
            if pose[when]
        )
        figures.append(
            f"<figure>{images}<figcaption><b>{html.escape(pose['name'])}</b>: "
            f"{_shown(pose['before_mm'])} → {_shown(pose['after_mm'])} mm</figcaption></figure>"
        )
    return f'<div class="poses">{"".join(figures)}</div>'


def _findings(motors: list[dict[str, Any]]) -> str:
    wrong = [motor for motor in motors if motor["state"] != "alive"]
    if not wrong:
        return "<p>All motors do what their names promise.</p>"
    return "<ul>" + "".join(f'<li class="bad">{html.escape(m["sentence"])}</li>' for m in wrong) + "</ul>"


def _picture(path: Path, caption: str) -> str:
    return f"<figure>{_image(path, caption)}<figcaption>{html.escape(caption)}</figcaption></figure>"


def _image(path: Path, caption: str) -> str:
    if not path.is_file():
        return ""
    kind = "png" if path.suffix == ".png" else "jpeg"
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{html.escape(caption)}" src="data:image/{kind};base64,{data}">'
