"""Makes a discovered face model the one that ships: `python tools/ship_face.py DIR`.

DIR is the folder of `lipwright discover --sim -o DIR`, for the reference head or another shipped profile. The
model goes to models/ under the name that the profile has for it, with its card and the picture of its curves.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from liplab.discover.package import MODEL
from liplab.discover.report import COLUMNS, CURVES, REPORT, filmed_line
from lipwright.face.profile import load_profile
from lipwright.resources import models_dir


def main() -> None:
    """Copies the model and writes its card."""
    folder = Path(sys.argv[1])
    report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    shipped = [load_profile(path) for path in sorted(models_dir().glob("*.toml"))]
    profile = next(one for one in shipped if one.name == report["head"])
    target = models_dir() / profile.face_model
    for suffix in (".tflite", ".json"):
        shutil.copyfile((folder / MODEL).with_suffix(suffix), target.with_suffix(suffix))
    shutil.copyfile(folder / CURVES, target.with_suffix(".png"))
    option = "" if profile.path.name == "reference_head.toml" else f" --profile models/{profile.path.name}"
    target.with_suffix(".md").write_text(_card(report, target, profile.lead_ms, option), encoding="utf-8")
    print(f"wrote {target} and its card")


def _card(report: dict[str, Any], model: Path, lead_ms: float, option: str) -> str:
    facts = json.loads(model.with_suffix(".json").read_text(encoding="utf-8"))
    rows = [("this model", report["speech"]), *report["baselines"].items()]
    head = "| | " + " | ".join(title for _, title in COLUMNS) + " |\n|" + "---|" * (len(COLUMNS) + 1)
    table = "\n".join(
        f"| {name} | " + " | ".join(_shown(scores.get(key)) for key, _ in COLUMNS) + " |"
        for name, scores in rows
    )
    poses = "\n".join(
        f"| {pose['name']} | {pose['before_mm']:.2f} | {pose['after_mm']:.2f} |" for pose in report["poses"]
    )
    cannot = "\n".join(f"- {text}" for text in report["cannot"])
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    self_model, int8 = report["self_model_mm"], report["int8"]
    return f"""# Face model of the {report["head"][0].lower() + report["head"][1:]}

The Facial Action Transformer: {facts["codes_before"]} past lip codes, the present one and
{facts["codes_ahead"]} to come, and its own last {facts["commands_before"]} targets are its tokens; the next
targets of {len(facts["channels"])} mouth servos come out, 50 times a second.
Full int8 TFLite, {model.stat().st_size} bytes, sha256 `{digest}`.
Made for frames that are sent {lead_ms:g} ms ahead (`lead_ms` of the profile).

## How it was made

    lipwright discover --sim{option} --seed {facts["seed"]} -o DIR
    python tools/ship_face.py DIR

The simulated head filmed itself, the real firmware in the loop, and learned from the pictures alone
([how](../docs/discovering.md)): {filmed_line(report)}
It took {report["wall_s"] / 60:.1f} minutes on two cores of a PC without a GPU.

The lip codes that it learned to speak are `models/speech_codes.npz`: what the shipped lip model puts out on
8 s of each of its training voices (its card names the sources and their licences). The last fifth of the
stretches was held out.

## How well it does

The int8 model on held-out speech ({report["speech"]["seconds"]:.0f} s), after the servos and soft lips of the
simulated head, against the lip shapes that the codes stand for. Errors are rms distances of 20 lip points, in
the picture plane, and ahead. {report["judged"]}
Drift is the error after the first 5 s of a minute over that of the first 5 s. The baselines learned from the
same babble.

{head}
{table}

- Self-model, held out: {self_model["front"]:.2f} mm rms of a point in the front picture{_second(self_model)}.
- int8 against float: {int8["snr_db"]:.1f} dB SNR of the targets,
  {100 * int8["rms_share_of_range"]:.2f} % of range rms, each on its own output.

| mouth held, as its camera saw it | error before (jaw alone), mm | error after, mm |
|---|---|---|
{poses}

## Limits

It knows one head, in simulation: servo and silicone figures are plausible, not measured. Another head
discovers its own.

{cannot}
"""


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _second(errors: dict[str, Any]) -> str:
    return "" if errors["second"] is None else f", {errors['second']:.2f} mm in the turned one"


if __name__ == "__main__":
    main()
