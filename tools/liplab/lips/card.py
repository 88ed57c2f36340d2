"""The model card: how the shipped lip model was made, from what, and what was measured."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from liplab.lips import dataset, network, train
from liplab.speech.corpus import VARIANTS, Part

CURVE_SUFFIX = "_curve.png"

_TEXT = """# Lip model

Sound to lip code and articulation, 50 times a second. A causal convolutional network over log-mel
features ({kernel} taps a block, {blocks} blocks, {channels} channels), full int8 TFLite, {size} bytes,
sha256 `{sha256}`. The k-th step describes the sound {lookahead} ms before its own start (k x 20 ms -
{lookahead} ms); with the step itself, {newest} ms of sound after the described moment are heard. The host
keeps the state: see `lip_model.json`.

## Made by

    liplab corpus --recordings DIR
    liplab train

(`liplab corpus` names the Debian packages of the speech engines that are missing, and says which recordings
to clone.) Seed {seed}, {steps} steps of {crops} crops of {crop_s:.0f} s, drawn from {hours:.1f} hours of
augmented speech ({versions} versions of {base_hours:.1f} hours). The lip code and its articulation decoder
(`lip_code.npz`) were learned first, from 20 minutes of babbling of the simulated head (`liplab face
babble`), by a variational autoencoder; the decoder is part of the network and stayed fixed. The
articulation that phones ask for is dominance blending with gestures for bilabials, labiodentals and w,
its numbers set by hand (`liplab/speech/articulation.py`). Losses beside the squared error: missed
closures, false closures, missed puckers, the change from step to step, the code itself.

![Learning curve]({curve})

## Speech that it learned from

Texts are made up by a grammar and by syllables (`liplab/speech/text.py`); half of the English sentences
of flite and Festival are the prompts of the CC0 recordings. Augmentation: speed 0.85 to 1.18, rooms,
coloured noise, babble, hum, filters, narrow bands, gain, clipping, mu-law, silence and noise without
speech.

{sources}

Never trained on: French, Japanese, Korean, Spanish, Italian, German, Russian, Chinese, Hebrew, Arabic,
and no GRID clip. Licences are those of the voice or recording; what espeak-ng speaks is free of the
engine's own licence.

## Measured

Before any actuator, the int8 model as a stream, phones from the engine (`liplab train` writes
it to `lip_model_scores.json`). Closure: aperture within 1 mm of closed on the reference head, from 40 ms
before to 20 ms after the phone. r: Pearson's, against what the phones ask for. "dev" voices were looked
at while choosing how to train; "held_out" ones were not.

{table}

Int8 against float over 60 s of held-out speech: code {code_snr:.1f} dB, articulation
{articulation_snr:.1f} dB; first 10 s {first_snr:.1f} dB, last 10 s {last_snr:.1f} dB.

{grid}

## Limits

- It closes too often where nothing is due (see the table): the price of closing on most of b, p and m. Many
  of these false closures fall on n and ng, which sound like m.
- In silence the mouth rests about 1 mm open, where the phones ask for closed.
- The range of the aperture is narrower than what the phones ask for, most of all on people's voices.
- Voiced and weak v, as in Russian and Hebrew, is mostly taken for a vowel: no tuck.
- The held-out languages are spoken by espeak-ng, an engine that it was trained on: six sentences each, by
  many voices. Two Festival voices (Italian, Russian) were not trained on. espeak-ng reads Japanese and
  unvocalised Hebrew poorly.
- One speaker's recordings in English, none sung, none of children; no music among the noises.
- w and its like are heard {lookahead} ms ahead at most, so their pucker comes later than people's.
"""


def write_card(path: Path, parts: Sequence[Part], figures: dict[str, Any], run: Path) -> None:
    """Write the card, the scores and the learning curve beside the model at `path`."""
    metadata = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    curve = path.with_name(path.stem + CURVE_SUFFIX)
    shutil.copyfile(run / "curve.png", curve)
    scores = path.with_name(path.stem + "_scores.json")
    scores.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    training = metadata["training"]
    snr = defaultdict(lambda: float("nan"), figures["quantization"])
    text = _TEXT.format(
        kernel=len(metadata["state"][0]["taps"]) + 1,
        blocks=len(metadata["state"]),
        channels=network.CHANNELS,
        size=figures["model"]["size_bytes"],
        sha256=metadata["sha256"],
        lookahead=metadata["lookahead_ms"],
        newest=metadata["lookahead_ms"] + metadata["step_ms"],
        seed=training["seed"],
        steps=training["steps"],
        hours=training["hours"],
        crops=train.CROPS,
        crop_s=dataset.CROP_STEPS / 50,
        versions=dataset.VERSIONS,
        base_hours=sum(part.seconds for part in parts if part.split == "train") / 3600,
        curve=curve.name,
        sources=_sources(parts),
        table=_table(figures["sets"]),
        grid=_grid(figures.get("grid")),
        code_snr=snr["code_snr_db"],
        articulation_snr=snr["articulation_snr_db"],
        first_snr=snr["first_window_snr_db"],
        last_snr=snr["last_window_snr_db"],
    )
    path.with_suffix(".md").write_text(text, encoding="utf-8")


def _sources(parts: Sequence[Part]) -> str:
    rows = ["| source | languages | minutes | licence |", "|---|---|---|---|"]
    espeak = [part for part in parts if part.split == "train" and part.engine == "espeak-ng"]
    if espeak:
        languages = ", ".join(part.language for part in espeak)
        minutes = sum(part.seconds for part in espeak) / 60
        rows.append(
            f"| espeak-ng, {len(VARIANTS)} variants | {languages} | {minutes:.0f} | {espeak[0].licence} |"
        )
    rows += [
        f"| {part.engine} {part.voice} | {part.language} | {part.seconds / 60:.0f} | {part.licence} |"
        for part in parts
        if part.split == "train" and part.engine != "espeak-ng"
    ]
    return "\n".join(rows)


def _table(sets: dict[str, Any]) -> str:
    rows = [
        "| set | split | minutes | bilabials | closure rate | false closures a minute | pucker rate "
        "| labiodental rate | aperture r | width r | rounding r | range ratio |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, scores in sets.items():
        r = scores["r"]
        figures = [
            scores["closure_rate"], scores["pucker_rate"], scores["labiodental_rate"],
            r["aperture"], r["width"], r["rounding"], scores["range_ratio"],
        ]  # fmt: skip
        cells = ["-" if figure is None else f"{figure:.2f}" for figure in figures]
        cells.insert(1, f"{scores['false_closures_per_minute']:.1f}")
        rows.append(
            f"| {name} | {scores['split']} | {scores['minutes']:.1f} | {scores['bilabials']} | "
            + " | ".join(cells)
            + " |"
        )
    return "\n".join(rows)


def _grid(scores: dict[str, Any] | None) -> str:
    if scores is None:
        return "People: not measured (give `liplab train --grid` a folder of GRID clips with lip tracks)."
    return (
        f"People (GRID, Cooke et al. 2006, CC BY 4.0; {scores['clips']} clips, about ten English speakers, "
        f"{scores['bilabials']} bilabials, phones aligned): closure rate {scores['closure_rate']:.2f} with "
        f"{scores['false_closures_per_minute']:.0f} false closures a minute; r with the lips that a camera "
        f"saw, at lag 0, mean over clips: aperture {scores['aperture_r']:.2f}, width {scores['width_r']:.2f}."
    )
