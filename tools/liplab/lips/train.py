"""Teaches the lip network: steps, checkpoints, the learning curve.

A run is fixed by its seed, its plan and the kind of device. Checkpoints hold everything, so a broken run goes
on where it stopped and ends with the same weights.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from tqdm import tqdm

from liplab.lips.code import LipCode
from liplab.lips.dataset import Streams
from liplab.lips.loss import loss, taught_loss
from liplab.lips.measures import Scores, score
from liplab.lips.network import LOOKAHEAD_STEPS, ConvolutionalTrunk, LipNetwork, Weights
from liplab.lips.variation import Draw
from liplab.speech.corpus import Part, load_part
from liplab.speech.utterance import Utterance
from lipwright.audio.features import STEP_S, log_mel

SEED = 1
STEPS = 12000
CROPS = 14
RATE = 2e-3
ONWARD_RATE = 1e-3  # of a training that goes on from another's weights
WARM_UP = 0.05  # share of the steps in which the rate rises
WEIGHT_DECAY = 1e-4
CHECKPOINTS = 12  # of a run
DEV_UTTERANCES = 60  # of each dev voice
# What ships is a running mean of the weights over about this many steps: it hears a little better.
MEAN_STEPS = 500


@dataclass(frozen=True)
class Plan:
    """How to train: `steps` of `crops` crops.

    `start` are the weights to begin with, of a network with the same trunk and lip code; `teacher` is a
    trained network whose answers are goals beside the phones' own.
    """

    steps: int = STEPS
    crops: int = CROPS
    trunk: Callable[[], nn.Module] = ConvolutionalTrunk
    start: Weights | None = None
    teacher: LipNetwork | None = None


def train(
    folder: Path, streams: Streams, code: LipCode, dev: dict[str, list[Utterance]], plan: Plan
) -> LipNetwork:
    """Train, or go on with, the network whose checkpoint lies in `folder`; returns it ready for use.

    It is trained on the device of the streams. Writes checkpoint.pt, curve.json and curve.png in the folder.
    `dev` are utterances by voice, for the curve only.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    network = LipNetwork(plan.trunk())
    if plan.start is not None:
        network.load(plan.start)
    network.decoder.load_state_dict(code.decoder.state_dict())
    network.decoder.requires_grad_(False)
    network.to(streams.device)
    code = code.to(streams.device)
    teacher = None if plan.teacher is None else plan.teacher.to(streams.device).eval()
    averaged = copy.deepcopy(network)
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    rate = RATE if plan.start is None else ONWARD_RATE
    on_card = streams.device.type == "cuda"
    optimizer = torch.optim.AdamW(learned, rate, weight_decay=WEIGHT_DECAY, fused=on_card)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=plan.steps, pct_start=WARM_UP)
    draw = Draw(torch.Generator(streams.device).manual_seed(SEED))
    curve: list[dict[str, Any]] = []
    first = 0
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        stored = torch.load(checkpoint, weights_only=False, map_location=streams.device)
        if (stored["steps"], stored["crops"]) == (plan.steps, plan.crops):
            network.load_state_dict(stored["network"])
            averaged.load_state_dict(stored["mean"])
            optimizer.load_state_dict(stored["optimizer"])
            schedule.load_state_dict(stored["schedule"])
            draw.generator.set_state(stored["random"].cpu())
            curve, first = stored["curve"], stored["step"]
    progress = tqdm(range(first, plan.steps), initial=first, total=plan.steps, unit="step", desc="train")
    recent = torch.zeros((), device=streams.device)
    since = first
    for step in progress:
        network.train()
        batch = streams.batch(plan.crops, draw)
        heard = network(batch.features)
        value = loss(code, batch, heard)
        if teacher is not None:
            with torch.no_grad():
                taught = teacher(batch.plain)
            value = value + taught_loss(batch, heard, taught)
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        schedule.step()
        _follow(averaged, network)
        recent += value.detach()  # not fetched at each step: the device works ahead meanwhile
        if (step + 1) % max(1, plan.steps // CHECKPOINTS) == 0 or step + 1 == plan.steps:
            scores = {name: asdict(score_network(averaged, voices)) for name, voices in dev.items()}
            curve.append({"step": step + 1, "loss": recent.item() / (step + 1 - since), "dev": scores})
            progress.write(_line(curve[-1]))
            since = step + 1
            recent.zero_()
            partial = checkpoint.with_suffix(".part.pt")
            torch.save(
                {
                    "network": network.state_dict(), "mean": averaged.state_dict(),
                    "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict(),
                    "random": draw.generator.get_state(), "curve": curve,
                    "step": step + 1, "steps": plan.steps, "crops": plan.crops,
                },
                partial,
            )  # fmt: skip
            partial.replace(checkpoint)  # a run that is killed keeps the checkpoint before
            (folder / "curve.json").write_text(json.dumps(curve, indent=1) + "\n")
            draw_curve(curve, folder / "curve.png")
    return averaged.eval()


@torch.no_grad()
def _follow(mean: LipNetwork, network: LipNetwork) -> None:
    """Brings the running mean of the weights one step on; what counts steps is no mean, and copied."""
    for kept, current in zip(mean.state_dict().values(), network.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(current, 1 / MEAN_STEPS)
        else:
            kept.copy_(current)


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
            heard = network(torch.from_numpy(features).to(network.scale.device))
            track = heard.articulation[0].cpu().numpy()
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
