"""The report as one HTML page that needs nothing else: tables, bars and plots."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from liplab.evaluate.peers import heard_peers
from liplab.evaluate.sets import HELD_OUT
from liplab.evaluate.text import COLUMNS, shown
from lipwright.errors import LipwrightError
from lipwright.files import write_atomically

MODEL_COLOUR, OTHER_COLOUR, MISSED_COLOUR = "#b03040", "#5b7a99", "#e08a00"
MOST_FALSE = 130.0  # a minute, that plots show
COMPARED = (("closure_auc", "closure AUC"), ("pucker_rate", "pucker rate"), ("viseme_f1", "viseme F1"))

Figures = Mapping[str, Any]

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 76em; padding: 0 1em;
  color: #222; }
h1 { font-size: 1.6em; } h2 { font-size: 1.2em; margin-top: 2em; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
th, td { padding: .2em .6em; text-align: right; border-bottom: 1px solid #e4e4e4; white-space: nowrap; }
th:first-child, td:first-child, td.words { text-align: left; }
th { background: #f5f5f5; position: sticky; top: 0; }
tr.model td { font-weight: 600; color: #b03040; }
td small { color: #888; display: block; font-size: 10px; font-weight: 400; }
.met { color: #2a7d3a; } .missed { color: #b35f00; font-weight: 600; }
img { max-width: 100%; } .wide { overflow-x: auto; }
"""


def write_page(report: Figures, path: Path) -> None:
    """Write the page. Raises LipwrightError when the file cannot be written."""
    before = report.get("before", report)["sets"]
    parts = [
        f"<h1>Lip model {html.escape(report['model']['file'])}</h1>",
        f"<p>{report['model']['size_bytes']} bytes, look-ahead {report['model']['lookahead_ms']} ms, "
        f"run by {html.escape(report['model']['runtime'])}, sha256 <code>{report['model']['sha256']}</code>."
        " Below each figure its 95 % interval: Wilson's for rates, resampled clips for the others.</p>",
        "<h2>Bars, before the actuator</h2>",
        _bars(report.get("bars", [])),
        "<h2>Before the actuator: straight from the int8 stream</h2>",
        _table([(name, figures, "") for name, figures in before.items()]),
    ]
    if report["actuator"] == "after":
        jaw = report.get("amplitude_jaw", {"sets": {}})["sets"]
        rows = []
        for name, figures in report["sets"].items():
            rows.append((name, figures, "model"))
            rows += [(f"{name}: a jaw by the level", jaw[name], "")] if name in jaw else []
        heading = f"After the actuator: what the lips of the {html.escape(report['head'])} did"
        parts += [f"<h2>{heading}</h2>", _table(rows)]
    parts += ["<h2>Closure rate against false closures</h2>", _picture(_curves(before, report))]
    rows_by_rival = _rivals(report)
    if rows_by_rival:
        parts += ["<h2>Beside baselines, controls and peers</h2>", _picture(_rival_bars(before, report))]
        for name in before:
            rows = [("the model", before[name], "model")]
            rows += [(rival, sets[name], "") for rival, sets in rows_by_rival.items()]
            parts += [f"<h3>{html.escape(name)}</h3>", _table(rows)]
    left_out = {name: row["left_out"] for name, row in report.get("peers", {}).items() if "left_out" in row}
    parts += [f"<p>{html.escape(name)} is left out: {html.escape(why)}</p>" for name, why in left_out.items()]
    if "noise" in report:
        parts += ["<h2>In noise of 10 dB</h2>", _noise(report["noise"])]
    if "noise_alone" in report:
        parts += ["<h2>Noise without a voice: distance from rest, share of range</h2>",
                  _alone(report["noise_alone"])]  # fmt: skip
    parts += ["<h2>Voices, before the actuator</h2>", _voices(report["voices"])]
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Lip model</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )
    try:
        write_atomically(path, page.encode())
    except OSError as error:
        raise LipwrightError(f"cannot write the page to {path}: {error.strerror}.") from error


def _rivals(report: Figures) -> dict[str, Figures]:
    rows = {name: row["sets"] for name, row in report.get("baselines", {}).items()}
    return rows | heard_peers(report)


def _table(rows: Sequence[tuple[str, Figures, str]]) -> str:
    heads = [*(heading for _, heading, _ in COLUMNS), "offset ms", "bilabials", "puckers", "labiod. n"]
    lines = ["<tr><th></th>", *(f"<th>{head}</th>" for head in heads), "</tr>"]
    for name, figures, kind in rows:
        cells = []
        for key, _, digits in COLUMNS:
            interval = figures["intervals"].get(key)
            small = (
                f"<small>{interval[0]:.{digits}f}&ndash;{interval[1]:.{digits}f}</small>" if interval else ""
            )
            cells.append(f"<td>{shown(figures[key], digits)}{small}</td>")
        lag = figures["offset_ms"]
        cells.append(f"<td>{shown(lag['median'], 0)}<small>p95 {shown(lag['p95'], 0)}</small></td>")
        events = figures["events"]
        cells += [f"<td>{events[key]}</td>" for key in ("bilabials", "puckers", "labiodentals")]
        lines.append(f'<tr class="{kind}"><td>{html.escape(name)}</td>{"".join(cells)}</tr>')
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def _bars(bars: Sequence[Figures]) -> str:
    rows = [
        f"<tr><td>{html.escape(bar['name'])}</td><td>{bar['figure']:g}</td>"
        f'<td class="words">{bar["bar"]}</td>'
        f'<td class="words {"met" if bar["met"] else "missed"}">{"met" if bar["met"] else "missed"}'
        f"<small>{html.escape(', '.join(bar.get('lost', [])))}</small></td></tr>"
        for bar in bars
    ]
    return f"<table><tr><th>bar</th><th>figure</th><th>wanted</th><th></th></tr>{''.join(rows)}</table>"


def _noise(noise: Figures) -> str:
    kinds = list(noise["all"])
    head = "".join(f"<th>{kind}: closure</th><th>false/min</th><th>apert. r</th>" for kind in kinds)
    rows = []
    for name, figures in [*noise["sets"].items(), ("all", noise["all"])]:
        cells = "".join(
            f"<td>{shown(figures[kind]['closure_rate'], 2)}</td>"
            f"<td>{shown(figures[kind]['false_closures_per_minute'], 1)}</td>"
            f"<td>{shown(figures[kind]['aperture_r'], 2)}</td>"
            for kind in kinds
        )
        rows.append(f"<tr><td>{html.escape(name)}</td>{cells}</tr>")
    return f'<div class="wide"><table><tr><th></th>{head}</tr>{"".join(rows)}</table></div>'


def _alone(alone: Figures) -> str:
    names = ("aperture", "width", "rounding", "furthest")
    rows = [
        f"<tr><td>{kind}</td>" + "".join(f"<td>{figures[name]:.2f}</td>" for name in names) + "</tr>"
        for kind, figures in alone.items()
    ]
    head = "".join(f"<th>{name}</th>" for name in names)
    return f"<table><tr><th></th>{head}</tr>{''.join(rows)}</table>"


def _voices(voices: Figures) -> str:
    heads = "language", "kind", "split", "engine trained on", "speaker trained on", "licence"
    lines = ["<tr><th></th>", *(f"<th>{head}</th>" for head in heads)]
    lines += [*(f"<th>{heading}</th>" for _, heading, _ in COLUMNS), "</tr>"]
    for name, figures in voices.items():
        facts = [figures["language"], figures["origin"], figures["split"]]
        facts += ["yes" if figures[key] else "no" for key in ("engine_trained_on", "speaker_trained_on")]
        facts.append(figures["licence"])
        cells = "".join(f'<td class="words">{html.escape(fact)}</td>' for fact in facts)
        cells += "".join(f"<td>{shown(figures[key], digits)}</td>" for key, _, digits in COLUMNS)
        lines.append(f"<tr><td>{html.escape(name)}</td>{cells}</tr>")
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def _curves(sets: Figures, report: Figures) -> Any:
    """The curve of every set, its working point, and in the sum also the rivals' curves."""
    from matplotlib.figure import Figure

    drawn = [name for name, figures in sets.items() if "closure_curve" in figures]
    columns = 4
    rows = max(1, -(-len(drawn) // columns))
    figure = Figure(figsize=(13, 2.7 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for axis in axes[len(drawn) :]:
        axis.axis("off")
    for axis, name in zip(axes, drawn, strict=False):
        for rival, own in _rivals(report).items():
            curve = own[name].get("closure_curve")
            if curve and rival not in ("still", "shifted_1"):
                axis.plot(curve["false_closures_per_minute"], curve["closure_rate"], color="#bbbbbb", lw=0.8)
        curve = sets[name]["closure_curve"]
        axis.plot(curve["false_closures_per_minute"], curve["closure_rate"], color=MODEL_COLOUR)
        axis.plot(sets[name]["false_closures_per_minute"], sets[name]["closure_rate"], "o",
                  color=MODEL_COLOUR)  # fmt: skip
        axis.set_title(f"{name} ({sets[name]['events']['bilabials']} bilabials)", fontsize=10)
        axis.set_xlim(0, MOST_FALSE)
        axis.set_ylim(0, 1.02)
        axis.grid(alpha=0.3)
    figure.supxlabel("false closures a minute (dot: aperture of 1 mm; grey: baselines and peers)", fontsize=9)
    figure.supylabel("closure rate", fontsize=9)
    return figure


def _rival_bars(sets: Figures, report: Figures) -> Any:
    """Closure AUC, pucker rate and viseme F1 of every row, over the sets of the held-out languages."""
    from matplotlib.figure import Figure

    chosen = [name for name in HELD_OUT if name in sets] or list(sets)
    rows = {"the model": sets, **_rivals(report)}
    figure = Figure(figsize=(13, 0.28 * len(rows) + 1.4), layout="constrained")
    for axis, (key, title) in zip(figure.subplots(1, 3, sharey=True), COMPARED, strict=True):
        for place, (name, own) in enumerate(rows.items()):
            values = [own[judged][key] for judged in chosen if own[judged][key] is not None]
            if values:
                colour = MODEL_COLOUR if name == "the model" else OTHER_COLOUR
                axis.barh(place, sum(values) / len(values), color=colour, alpha=0.75)
                axis.plot(values, [place] * len(values), ".", color="#333333", ms=3)
        axis.set_title(f"{title}: mean and languages", fontsize=10)
        axis.set_yticks(range(len(rows)), list(rows), fontsize=9)
        axis.set_xlim(0, 1)
        axis.grid(alpha=0.3, axis="x")
    figure.axes[0].invert_yaxis()
    return figure


def _picture(figure: Any) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}">'
