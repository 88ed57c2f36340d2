"""The model card: how a lip model was made, from what, and what `liplab evaluate` measured of it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lipwright.errors import LipwrightError

CURVE_SUFFIX = "_curve.png"
COLUMNS = (
    ("bilabials", 0, ("events", "bilabials")),
    ("closure rate", 2, ("closure_rate",)),
    ("false closures a minute", 1, ("false_closures_per_minute",)),
    ("pucker rate", 2, ("pucker_rate",)),
    ("labiodental rate", 2, ("labiodental_rate",)),
    ("aperture r", 2, ("aperture_r",)),
    ("width r", 2, ("width_r",)),
    ("range ratio", 2, ("range_ratio",)),
    ("closure AUC", 2, ("closure_auc",)),
)

_TEXT = """# Lip model

Sound to lip code and articulation, 50 times a second. A causal convolutional network over log-mel
features ({kernel} taps a block, {blocks} blocks, {channels} channels), gates for closure, tuck and pucker, a
small perceptron to the lip code; full int8 TFLite, {size} bytes, sha256
`{sha256}`. The k-th step describes the sound {lookahead} ms before its own start (k x 20 ms -
{lookahead} ms); with the step itself, {newest} ms of sound after the described moment are heard. The host
keeps the state: see `{name}.json`.

## Made by

    liplab corpus --recordings DIR --teacher models/lip_model_weights.npz
    {train}
    liplab evaluate --before-actuator --card --grid DIR --songs DIR

(`liplab corpus` names the Debian packages of the speech engines that are missing, and says where the
recordings are had; the weights are those of the lip model before, which finds the phones in them.
`liplab train --device cuda` is faster.) Seed
{seed}, {steps} steps of {crops} crops of {crop_s:g} s, drawn from {hours} hours of augmented
speech, on {device}.

- **Lip code.** The code and its articulation decoder (`lip_code.npz`) were learned first, from 20 minutes of
  babbling of the simulated head (`liplab head --babble`), by a variational autoencoder; the decoder is part
  of the network and stayed fixed.
- **What the lips are asked.** The articulation that phones ask for is dominance blending with gestures for
  bilabials, labiodentals and w; its numbers are fitted to measured lips, each with its source, in
  `liplab/speech/articulation.json` (`liplab articulation show` draws them).
- **Losses.** Squared error, and beside it the events that people see, each counted at the step where it is
  reached best: closures, tucks, puckers; false closures; the spread of each movement; in training only, the
  class of the phone that sounds (`liplab/lips/loss.py`).
- **Quantization.** After training, ranges from 64 streams. {quantization}

![Learning curve]({curve})

## Speech that it learned from

Texts are made up by a grammar and by syllables (`liplab/speech/text.py`); some English sentences of flite
and Festival are the prompts of the CC0 recordings. Augmentation: speed 0.85 to 1.18, rooms, coloured
noise, babble, music, fans, hums, filters, narrow bands, gain, clipping, codecs, breaths, silence and
noise without speech; each crop, as it is drawn, other vocal tracts, microphones, others who talk into it,
steady noise, missing bands (`liplab/lips/variation.py`).

{sources}

Never trained on: French, Japanese, Korean, Spanish, Italian, German, Russian, Chinese, Hebrew, Arabic,
and no GRID clip. Licences are those of the voice or recording; what espeak-ng speaks is free of the
engine's own licence.

## Measured

Before any actuator, the int8 model as a stream (`liplab evaluate --before-actuator`; every figure, with
intervals, the curve of closures against false closures and all baselines: `{name}_scores.json`).
Closure: aperture within 1 mm of closed on the reference head, from 40 ms before to 20 ms after the phone.
r: with what the phones ask for, but on GRID with the lips that a camera saw, at lag 0. AUC: how well the
aperture tells closures from other speech. "-human": recordings of people.

{table}

Beside it, on all held-out synthetic speech and on people:

{rivals}

## Bars

{bars}

{limits}"""


def write_card(path: Path, report: Mapping[str, Any], limits: str) -> None:
    """Write the card of the model at `path` (.tflite) beside it, from its metadata and a report on it.

    `limits` is the section that people write: what to expect, and what not. Raises LipwrightError when the
    metadata does not say how the model was trained, or the report is another model's.
    """
    metadata = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    training = metadata.get("training", {})
    if "sources" not in training:
        raise LipwrightError(
            f"{path.with_suffix('.json')} does not say how the model was trained; make it with: liplab train."
        )
    if report["model"]["sha256"] != metadata["sha256"]:
        raise LipwrightError(f"The report is not that of {path}; run: liplab evaluate --model {path} --card.")
    text = _TEXT.format(
        name=path.stem,
        kernel=len(metadata["state"][0]["taps"]) + 1,
        blocks=len(metadata["state"]),
        channels=training["channels"],
        size=report["model"]["size_bytes"],
        sha256=metadata["sha256"],
        lookahead=metadata["lookahead_ms"],
        newest=metadata["lookahead_ms"] + metadata["step_ms"],
        train=_command(training),
        seed=training["seed"],
        steps=_steps(training),
        crops=training["crops"],
        crop_s=training["crop_s"],
        hours=training["augmented_hours"],
        device=training["device"],
        quantization=_quantization(report.get("int8_against_float")),
        curve=path.stem + CURVE_SUFFIX,
        sources=_sources(training["sources"]),
        table=_table("set", report["sets"]),
        rivals=_rivals(report),
        bars="\n".join(f"- {_bar(bar)}" for bar in report["bars"]),
        limits=limits.strip() + "\n",
    )
    path.with_suffix(".md").write_text(text, encoding="utf-8")


def _command(training: Mapping[str, Any]) -> str:
    kept = training.get("kept", 0.0)
    before = " --from models/lip_model_weights.npz" if training.get("steps_before", 0) else ""
    return f"liplab train{before}" + (f" --keep {kept:g}" if kept else "")


def _steps(training: Mapping[str, Any]) -> str:
    before = training.get("steps_before", 0)
    if not before:
        return str(training["steps"])
    kept = training.get("kept", 0.0)
    mean = f" (whose weights weigh {1 - kept:g}, and those they began with {kept:g})" if kept else ""
    return f"{before} and then, from those weights, {training['steps']}{mean}"


def _quantization(figures: Mapping[str, Any] | None) -> str:
    if not figures:
        return "Int8 was not compared with float."
    return (
        f"Int8 against float: largest difference of a measure {figures['largest_difference']:.3f}; code "
        f"{figures['code_snr_db']:.1f} dB, articulation {figures['articulation_snr_db']:.1f} dB."
    )


def _sources(parts: Sequence[Mapping[str, Any]]) -> str:
    rows = ["| source | languages | minutes | licence |", "|---|---|---|---|"]
    engines: defaultdict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for part in parts:
        engines[part["engine"], part["licence"]].append(part)
    for (engine, licence), own in engines.items():
        languages = ", ".join(dict.fromkeys(part["language"] for part in own))
        voices = "" if engine == "espeak-ng" else ": " + ", ".join(part["voice"] for part in own)
        minutes = sum(part["seconds"] for part in own) / 60
        rows.append(f"| {engine}{voices} | {languages} | {minutes:.0f} | {licence} |")
    return "\n".join(rows)


def _table(title: str, rows: Mapping[str, Mapping[str, Any]]) -> str:
    lines = [
        f"| {title} | " + " | ".join(heading for heading, _, _ in COLUMNS) + " |",
        "|---" * (len(COLUMNS) + 1) + "|",
    ]
    for name, figures in rows.items():
        cells = [_cell(figures, keys, digits) for _, digits, keys in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(figures: Mapping[str, Any], keys: Sequence[str], digits: int) -> str:
    value: Any = figures
    for key in keys:
        value = value.get(key) if value is not None else None
    return "-" if value is None else f"{value:.{digits}f}"


def _rivals(report: Mapping[str, Any]) -> str:
    tables = []
    for judged in ("all", "all-human", "grid"):
        rows = {"**the model**": report["sets"].get(judged)}
        for kind in ("baselines", "peers"):
            rows |= {name: row.get("sets", {}).get(judged) for name, row in report.get(kind, {}).items()}
        known = {name: figures for name, figures in rows.items() if figures}
        if known:
            tables.append(_table(judged, known))
    return "\n\n".join(tables)


def _bar(bar: Mapping[str, Any]) -> str:
    return f"{'met' if bar['met'] else '**missed**'}: {bar['name']}, {bar['figure']:g} ({bar['bar']})"
