"""A page of what was seen: lips as drawings, never as pictures, and what was refused, with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liplab.eyes.sight import CORNER_LEFT, CORNER_RIGHT
from liplab.watch.store import Entry, load
from lipwright.face.profile import load_profile

MOST_CLIPS = 200  # the newest: a page of thousands opens slowly
DRAWINGS = 8  # of a clip, evenly over its time
BOX_MM = (72, 56)
TRACK_SIZE = (320, 48)
UP_MM = 14.0  # of the mouth's middle in its box, from its top

STYLE = """
body { font: 15px system-ui, sans-serif; margin: 2em auto; max-width: 72em; color: #223; background: #fff }
table { border-collapse: collapse; margin: 1em 0 } td, th { text-align: left; padding: .2em 1em .2em 0 }
figure { max-width: 44em; margin: 0 0 1em 0; padding: .6em; border: 1px solid #ccd }
figcaption { font-size: 13px; color: #556 } svg { display: block }
@media (prefers-color-scheme: dark) { body { color: #dde; background: #181a20 } figcaption { color: #99a } }
"""


def page(entries: Sequence[Entry], records: Sequence[dict[str, Any]]) -> str:
    """The page as HTML that needs nothing else."""
    kept_s = sum(entry.seconds for entry in entries)
    seen_s = sum(record["seconds"] for record in records)
    shown = list(entries)[-MOST_CLIPS:]
    figures = "\n".join(_figure(entry) for entry in shown)
    refused: Counter[str] = Counter()
    for record in records:
        for one in record["refused"]:
            refused[one["reason"]] += one["seconds"]
    rows = "\n".join(
        f"<tr><td>{escape(reason)}</td><td>{seconds:.0f} s</td></tr>"
        for reason, seconds in refused.most_common()
    )
    fewer = f" The newest {MOST_CLIPS} are shown." if len(entries) > len(shown) else ""
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>What Lipwright saw</title><style>{STYLE}</style>
<h1>What Lipwright saw</h1>
<p>{len(entries)} clips, {kept_s / 60:.1f} minutes, of {seen_s / 60:.1f} minutes watched.{fewer}
Drawn from the tracks that are kept; there are no pictures. Below each mouth: how far its lips were open.</p>
<table><tr><th>not kept, because</th><th>seconds of faces</th></tr>
{rows}</table>
{_tags(entries)}{figures}
</html>
"""


def _tags(entries: Sequence[Entry]) -> str:
    """What is kept of each way to speak, where any is tagged."""
    clips: Counter[str] = Counter(tag for entry in entries for tag in entry.tags)
    rows = ""
    for tag, number in sorted(clips.items()):
        seconds = sum(entry.seconds for entry in entries if tag in entry.tags)
        rows += f"<tr><td>{escape(tag)}</td><td>{number}</td><td>{seconds:.0f} s</td></tr>\n"
    return f"<table><tr><th>tag</th><th>clips</th><th>kept</th></tr>\n{rows}</table>\n" if rows else ""


def _figure(entry: Entry) -> str:
    tracks = load(entry.path)
    places = np.linspace(0, len(tracks.lips_mm) - 1, DRAWINGS).round().astype(int)
    width, height = BOX_MM
    mouths = "".join(
        f'<g transform="translate({number * width},0)">{_mouth(tracks.lips_mm[place])}</g>'
        for number, place in enumerate(places)
    )
    tags = "".join(f" · {escape(tag)}" for tag in entry.tags)
    caption = (
        f"{escape(entry.person)} · {entry.day} · {escape(entry.video)} at {entry.start_s:.1f} s, "
        f"{entry.seconds:.1f} s{tags} · sound {entry.offset_ms:+.0f} ms, r {entry.r:.2f} · clip {entry.clip}"
    )
    whole = DRAWINGS * width
    return (
        f'<figure><svg viewBox="0 0 {whole} {height}" width="100%">{mouths}</svg>'
        f"{_track(tracks.measures[:, 0])}<figcaption>{caption}</figcaption></figure>"
    )


def _mouth(ways_mm: NDArray[np.float32]) -> str:
    """Lips and chin (21, 2), as ways from rest, drawn on the head's mouth at rest."""
    half = load_profile().articulation.width_neutral_mm / 2
    along = half * np.linspace(-0.8, 0.8, 9)
    rest = np.zeros((21, 2))
    rest[CORNER_RIGHT, 0], rest[CORNER_LEFT, 0] = -half, half
    rest[1:CORNER_LEFT, 0] = rest[CORNER_LEFT + 1 : 20, 0] = along
    rest[20] = (0, -half)
    places = rest + ways_mm
    x, y = places[:, 0] + BOX_MM[0] / 2, UP_MM - places[:, 1]
    ring = [*range(CORNER_LEFT + 1), *range(19, CORNER_LEFT, -1)]
    points = " ".join(f"{x[place]:.1f},{y[place]:.1f}" for place in ring)
    return (
        f'<polygon points="{points}" fill="#8a2b3c" stroke="#d0707f" stroke-width="3"/>'
        f'<circle cx="{x[20]:.1f}" cy="{y[20]:.1f}" r="1.5" fill="#8899aa"/>'
    )


def _track(aperture: NDArray[np.float32]) -> str:
    width, height = TRACK_SIZE
    top = max(float(aperture.max()), 1e-3)
    points = " ".join(
        f"{place * width / max(len(aperture) - 1, 1):.1f},{height - 2 - value / top * (height - 4):.1f}"
        for place, value in enumerate(aperture)
    )
    line = f'<polyline points="{points}" fill="none" stroke="#5b7a99" stroke-width="1.5"/>'
    box = f'viewBox="0 0 {width} {height}" width="100%" height="{height}" preserveAspectRatio="none"'
    return f"<svg {box}>{line}</svg>"
