"""Continues training the lip model: half of every batch is what was watched, half the replay pack.

What a camera saw of a clip (aperture, width, jaw) is the goal there; what it cannot see (rounding, tuck, the
tongue) stays as the starting model has it. On the replay pack the phones say what is asked, as they did when
the model was trained first, and the starting model is asked as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from liplab.improve.packs import Spoken
from liplab.improve.watched import SEEN_COLUMNS, SEEN_PARTS, Watched
from liplab.lips.code import LipCode
from liplab.lips.dataset import Streams
from liplab.lips.labels import EVENTS, UNKNOWN, Labels, labels
from liplab.lips.loss import loss, taught_loss
from liplab.lips.network import LOOKAHEAD_STEPS, LipNetwork
from liplab.lips.variation import Draw
from lipwright.audio.features import SILENCE
from lipwright.errors import LipwrightError
from lipwright.lips.model import ARTICULATION

STEPS = 60
WATCHED_CROPS, REPLAY_CROPS = 4, 4
RATE = 2e-4
WARM_UP = 0.1  # share of the steps in which the rate rises
WEIGHT_DECAY = 1e-4
# How far goals go from what the starting model says to what the camera saw. With 1.0 for the width, the width
# r of the checks fell by 0.03: a camera's lips spread otherwise than phones ask.
LEARNED = {"aperture": 1.0, "width": 0.3, "jaw": 1.0}
# Over the starting model's own spread. With 1.0 the aperture's range on the checks shrank by 7 %: what is not
# sure is moved less.
SPREAD = 1.2
# Of the replay pack's two goals, against what was watched: what phones ask, and what the starting model says.
PHONES_WEIGHT, STAY_WEIGHT = 0.5, 6.0
TUCKED = 0.2  # of the starting model's tuck: above it the camera is not asked
# Beside that, of the steps at which the starting model nearly closes or tucks: there a hundredth decides
# whether a viewer sees a p or an f.
DELICATE_WEIGHT = 6.0
NEARLY_CLOSED = 0.15
THREADS = 1  # two are slower than one where another program keeps a core busy
CHECKPOINT_STEPS = 20

Weights = Mapping[str, npt.NDArray[np.float32]]
Array = npt.NDArray[Any]


def replay_streams(spoken: Sequence[Spoken]) -> Streams:
    """The replay pack, with what its phones ask for."""
    asked = []
    for one in spoken:
        unknown = np.full((len(one.features), 5), np.nan, np.float32)
        asked.append(labels(one.phones, unknown if one.lips is None else one.lips))
    return Streams([one.features for one in spoken], asked)


def watched_labels(clips: Sequence[Watched], start: LipNetwork) -> list[Labels]:
    """What the camera saw, on the scale of the starting model, and that model's own for what it did not see.

    A mouth on film and the model differ in how far they open and spread. What is learned is when and in which
    proportion lips move, so each part of a person's lips gets the mean, and SPREAD times the spread, that the
    model gives it on the same speech: the model's working point for closures stays where it is.
    """
    heard = [articulation_of(start, clip.features) for clip in clips]
    scales = _scales(clips, heard)
    made = []
    for clip, own in zip(clips, heard, strict=True):
        gain, offset = scales[clip.person]
        asked = own.copy()
        # A lower lip at the teeth looks to a camera as closed lips do.
        tucked = own[:, ARTICULATION.index("tuck")] > TUCKED
        shares = np.array([LEARNED[part] for part in SEEN_PARTS]) * (clip.seen & ~tucked)[:, None]
        asked[:, SEEN_COLUMNS] += shares * (clip.lips * gain + offset - own[:, SEEN_COLUMNS])
        event = np.zeros((len(own), len(EVENTS)), np.int16)
        event[:, EVENTS.index("closure")] = np.where(tucked, 0, clip.closures)
        phone = np.full(len(own), UNKNOWN, np.int8)
        made.append(Labels(asked.astype(np.float16), phone, event, clip.open & ~tucked, clip.seen))
    return made


def _scales(clips: Sequence[Watched], heard: Sequence[Array]) -> dict[str, tuple[Array, Array]]:
    """By person, gain and offset (3,) from lips as the camera saw them to the model's."""
    scales = {}
    for person in {clip.person for clip in clips}:
        own = [number for number, clip in enumerate(clips) if clip.person == person]
        seen = np.concatenate([clips[number].lips[clips[number].seen] for number in own])
        said = np.concatenate([heard[number][clips[number].seen][:, SEEN_COLUMNS] for number in own])
        gain = SPREAD * said.std(axis=0) / np.maximum(seen.std(axis=0), 1e-2)
        scales[person] = (gain, said.mean(axis=0) - gain * seen.mean(axis=0))
    return scales


def articulation_of(network: LipNetwork, features: Array) -> Array:
    """What the network says of features (n, 160): articulation (n, 5) at the steps' own moments."""
    silence = np.full((LOOKAHEAD_STEPS, features.shape[1]), SILENCE, np.float32)
    heard = torch.from_numpy(np.concatenate([features, silence]).astype(np.float32))[None]
    with torch.no_grad():
        articulation: Array = network(heard).articulation[0, LOOKAHEAD_STEPS:].numpy()
    return articulation


def learn(
    start: Weights,
    code: LipCode,
    clips: Sequence[Watched],
    replay: Sequence[Spoken],
    checkpoint: Path | None,
    steps: int,
    seed: int,
) -> Weights:
    """The weights after `steps` more, on clips that were watched and the replay pack.

    A run that was stopped goes on from `checkpoint`, which holds weights and what the optimizer keeps, and
    nothing of what was watched; it is removed at the end. None: none is written.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(THREADS)
    first_network, network = _network(start), _network(start)
    network.decoder.requires_grad_(False)  # heads know this decoder
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=WARM_UP)
    draw = Draw(torch.Generator().manual_seed(seed))
    seen = Streams([clip.features for clip in clips], watched_labels(clips, first_network))
    known = replay_streams(replay)
    run = _run(start, clips, steps, seed)
    first = 0
    if checkpoint is not None and (stored := _stored(checkpoint, run)):
        network.load_state_dict(stored["network"])
        optimizer.load_state_dict(stored["optimizer"])
        schedule.load_state_dict(stored["schedule"])
        draw.generator.set_state(stored["random"])
        first = stored["step"]
    for step in tqdm(range(first, steps), initial=first, total=steps, unit="step", desc="learn"):
        batch = seen.batch(WATCHED_CROPS, draw, known)
        value = loss(code, batch, network(batch.features))
        batch = known.batch(REPLAY_CROPS, draw)
        with torch.no_grad():
            before = first_network(batch.features)
        heard = network(batch.features)
        value = value + PHONES_WEIGHT * loss(code, batch, heard)
        value = value + STAY_WEIGHT * taught_loss(batch, heard, before)
        delicate = batch._replace(counts=batch.counts * _delicate(before.articulation))
        value = value + DELICATE_WEIGHT * taught_loss(delicate, heard, before)
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        schedule.step()
        if checkpoint is not None and (step + 1) % CHECKPOINT_STEPS == 0:
            _store(checkpoint, run, step + 1, network, optimizer, schedule, draw)
    return network.weights()


def _delicate(articulation: torch.Tensor) -> torch.Tensor:
    """1 at steps (crops, steps) whose articulation is nearly that of a closure or a tuck, else 0."""
    aperture, tuck = (articulation[..., ARTICULATION.index(part)] for part in ("aperture", "tuck"))
    return ((aperture < NEARLY_CLOSED) | (tuck > TUCKED)).float()


def blended(start: Weights, learned: Weights, share: float) -> Weights:
    """Weights that lie `share` of the way from those at the start to those learned."""
    return {name: start[name] + np.float32(share) * (value - start[name]) for name, value in learned.items()}


def _network(weights: Weights) -> LipNetwork:
    """In use, not in training: means and spreads of its norms stay those of the whole corpus."""
    network = LipNetwork()
    network.load(weights)
    return network.eval()


def _run(start: Weights, clips: Sequence[Watched], steps: int, seed: int) -> str:
    """What a run depends on, as a hash: it says nothing about who was watched."""
    digest = hashlib.sha256(f"{steps} {seed} ".encode())
    for name in sorted(start):
        digest.update(np.ascontiguousarray(start[name]).tobytes())
    digest.update(" ".join(sorted(clip.name for clip in clips)).encode())
    return digest.hexdigest()


def _stored(checkpoint: Path, run: str) -> dict[str, Any] | None:
    """A checkpoint of this very run; None: there is none, or it is damaged or another's."""
    try:
        stored: dict[str, Any] = torch.load(checkpoint, weights_only=True)
        return stored if stored["run"] == run else None
    except Exception:  # torch raises whatever a damaged file leads it to
        return None


def _store(
    checkpoint: Path, run: str, step: int, network: LipNetwork, optimizer: Any, schedule: Any, draw: Draw
) -> None:
    stored = {
        "run": run, "step": step, "network": network.state_dict(), "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict(), "random": draw.generator.get_state(),
    }  # fmt: skip
    partial = checkpoint.with_name(f".part-{checkpoint.name}")
    try:
        torch.save(stored, partial)
        partial.chmod(0o600)
        partial.replace(checkpoint)
    except (OSError, RuntimeError) as error:  # torch says a full disk in its own way
        raise LipwrightError(f"cannot write to {checkpoint.parent}: {error}.") from None
