"""Teaches the lip network: losses, steps, checkpoints, the learning curve.

A run is fixed by its seed and number of steps. Checkpoints hold everything, so a broken run goes on where it
stopped and ends with the same weights.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from liplab.lips.code import PART_WEIGHTS, LipCode
from liplab.lips.dataset import Batch, Streams
from liplab.lips.measures import Scores, score
from liplab.lips.network import LOOKAHEAD_STEPS, LipNetwork
from liplab.speech.corpus import Part, load_part
from liplab.speech.utterance import Utterance
from lipwright.audio.features import STEP_S, log_mel

SEED = 1
STEPS = 6000
CROPS = 14
RATE = 2e-3
WARM_UP = 0.05  # share of the steps in which the rate rises
WEIGHT_DECAY = 1e-4
CHECKPOINT_STEPS = 500
DEV_UTTERANCES = 60  # of each dev voice

# Losses beside the squared error of the articulation.
CODE_WEIGHT = 0.05  # the code itself: the one that the asked articulation has on babbled lips
SPEED_WEIGHT = 3.0  # of the change from step to step, so that movements stay sharp
CLOSURE_WEIGHT = 12.0  # lips that should be pressed and are not
OPEN_WEIGHT = 6.0  # lips that should be open and are closed
PUCKER_WEIGHT = 2.0  # lips that should be round or narrow and are less so
PRESSED = -0.03  # a wanted aperture below this is a closure, and must be predicted at most CLOSED
CLOSED = -0.03
OPEN = 0.15  # a wanted aperture above this must be predicted at least AJAR
AJAR = 0.10
ROUND = 0.75  # wanted rounding and narrowness above this must be predicted at least NEARLY_ROUND
NEARLY_ROUND = 0.75


def loss(code: LipCode, batch: Batch, got_code: torch.Tensor, got: torch.Tensor) -> torch.Tensor:
    """The training loss of predicted codes (crops, steps, 8) and articulation (crops, steps, 5)."""
    asked, counts = batch.articulation, batch.counts
    weights = torch.from_numpy(PART_WEIGHTS)
    error = (weights * (got - asked) ** 2).sum(dim=-1)
    with torch.no_grad():
        asked_code = code.code_of(asked)
    error = error + CODE_WEIGHT * ((got_code - asked_code) ** 2).sum(dim=-1)
    aperture, wanted = got[..., 0], asked[..., 0]
    error = error + CLOSURE_WEIGHT * (wanted < PRESSED) * torch.relu(aperture - CLOSED) ** 2
    error = error + OPEN_WEIGHT * (wanted > OPEN) * torch.relu(AJAR - aperture) ** 2
    rounding, narrow = got[..., 2], -got[..., 1]
    error = error + PUCKER_WEIGHT * (asked[..., 2] > ROUND) * torch.relu(NEARLY_ROUND - rounding) ** 2
    error = error + PUCKER_WEIGHT * (asked[..., 1] < -ROUND) * torch.relu(NEARLY_ROUND - narrow) ** 2
    speed = (weights * (got.diff(dim=1) - asked.diff(dim=1)) ** 2).sum(dim=-1)
    total = (error * counts).sum() + SPEED_WEIGHT * (speed * counts[:, 1:]).sum()
    return total / counts.sum()


def train(
    folder: Path, streams: Streams, code: LipCode, dev: dict[str, list[Utterance]], steps: int = STEPS
) -> LipNetwork:
    """Train, or go on with, the network whose checkpoint lies in `folder`; returns it ready for use.

    Writes checkpoint.pt, curve.json and curve.png there. `dev` are utterances by voice, for the curve only.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    network = LipNetwork()
    network.decoder.load_state_dict(code.decoder.state_dict())
    network.decoder.requires_grad_(False)
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=WARM_UP)
    random = np.random.default_rng(SEED)
    curve: list[dict[str, Any]] = []
    first = 0
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        stored = torch.load(checkpoint, weights_only=False)
        if stored["steps"] == steps:
            network.load_state_dict(stored["network"])
            optimizer.load_state_dict(stored["optimizer"])
            schedule.load_state_dict(stored["schedule"])
            random.bit_generator.state = stored["random"]
            curve, first = stored["curve"], stored["step"]
    progress = tqdm(range(first, steps), initial=first, total=steps, unit="step", desc="train")
    recent: list[float] = []
    for step in progress:
        network.train()
        batch = streams.batch(CROPS, random)
        with torch.autocast("cpu", torch.bfloat16):
            got_code, got = network(batch.features)
        value = loss(code, batch, got_code, got)
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        schedule.step()
        recent.append(value.item())
        if (step + 1) % CHECKPOINT_STEPS == 0 or step + 1 == steps:
            scores = {name: asdict(score_network(network, voices)) for name, voices in dev.items()}
            curve.append({"step": step + 1, "loss": float(np.mean(recent)), "dev": scores})
            progress.write(_line(curve[-1]))
            recent = []
            torch.save(
                {
                    "network": network.state_dict(), "optimizer": optimizer.state_dict(),
                    "schedule": schedule.state_dict(), "random": random.bit_generator.state,
                    "curve": curve, "step": step + 1, "steps": steps,
                },
                checkpoint,
            )  # fmt: skip
            (folder / "curve.json").write_text(json.dumps(curve, indent=1) + "\n")
            draw_curve(curve, folder / "curve.png")
    return network.eval()


def _line(entry: dict[str, Any]) -> str:
    voices = "; ".join(
        f"{name} closures {dev['closure_rate']:.2f}, false {dev['false_closures_per_minute']:.0f}/min, "
        f"pucker {dev['pucker_rate']:.2f}, aperture r {dev['r']['aperture']:.2f}"
        for name, dev in entry["dev"].items()
    )
    return f"step {entry['step']}: loss {entry['loss']:.4f}; {voices}"


def score_network(network: LipNetwork, utterances: Sequence[Utterance]) -> Scores:
    """The measures of the float network on utterances."""
    network.eval()

    def predictor(
        samples: npt.NDArray[np.float32],
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
        padded = np.concatenate([samples, np.zeros((LOOKAHEAD_STEPS + 1) * 320, np.float32)])
        features = log_mel(padded).reshape(1, -1, 160)
        with torch.no_grad():
            track = network(torch.from_numpy(features))[1][0].numpy()
        return (np.arange(len(track)) - LOOKAHEAD_STEPS) * STEP_S, track

    return score(utterances, predictor)


def dev_utterances(folder: Path, parts: Sequence[Part], split: str = "dev") -> dict[str, list[Utterance]]:
    """Some utterances of each voice of a split, by the voice's part."""
    return {part.name: load_part(folder, part)[:DEV_UTTERANCES] for part in parts if part.split == split}


def draw_curve(curve: Sequence[dict[str, Any]], path: Path) -> None:
    """The learning curve as a picture: loss, and the dev voices' closures, false closures and correlation."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots(2, 2).ravel()
    steps = [entry["step"] for entry in curve]
    axes[0].semilogy(steps, [entry["loss"] for entry in curve])
    axes[0].set_title("training loss")
    panels = (
        ("closure_rate", "closure rate"),
        ("false_closures_per_minute", "false closures a minute"),
        ("r", "aperture r with the phones' targets"),
    )
    for axis, (key, title) in zip(axes[1:], panels, strict=True):
        for voice in curve[0]["dev"]:
            values = [entry["dev"][voice][key] for entry in curve]
            axis.plot(steps, [value["aperture"] if key == "r" else value for value in values], label=voice)
        axis.set_title(title)
        axis.grid(alpha=0.3)
    if curve[0]["dev"]:
        axes[1].legend(frameon=False)
    for axis in axes[2:]:
        axis.set_xlabel("step")
    figure.savefig(path, dpi=110)
