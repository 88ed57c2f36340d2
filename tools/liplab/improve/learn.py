"""Continues training the lip model: half of every batch is what was watched, half the replay pack.

What a camera saw of a clip (aperture, width, jaw) is the goal there; what it cannot see (rounding, tuck, the
tongue) stays as the starting model has it. On the replay pack the phones say what is asked, as they did when
the model was trained first, and the starting model is asked as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from liplab.improve.packs import Spoken
from liplab.improve.watched import SEEN_COLUMNS, SEEN_PARTS, Watched
from liplab.lips.code import LipCode
from liplab.lips.dataset import BLIND_STEPS, CROP_STEPS, MOST_EVENTS, Batch
from liplab.lips.labels import EVENTS, UNKNOWN, labels
from liplab.lips.loss import loss, taught_loss
from liplab.lips.network import LOOKAHEAD_STEPS, LipNetwork
from liplab.lips.variation import BABBLE_VOICES, Draw, varied
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


@dataclass(frozen=True)
class Goals:
    """A stretch of speech and what is asked of it, step by step (n)."""

    features: Array  # (n, 160)
    articulation: Array  # (n, 5)
    phone: Array  # (n,) class, or UNKNOWN
    event: Array  # (n, 3) numbers of events, from 1; 0: none
    open: Array  # (n,) whether a closure would be a false one
    counts: Array  # (n,) whether anything is asked


def replay_goals(spoken: Sequence[Spoken]) -> list[Goals]:
    """What the phones of the replay pack ask for."""
    made = []
    for one in spoken:
        unknown = np.full((len(one.features), 5), np.nan, np.float32)
        asked = labels(one.phones, unknown if one.lips is None else one.lips)
        counts = np.ones(len(one.features), bool)
        made.append(Goals(one.features, asked.articulation, asked.phone, asked.event, asked.open, counts))
    return made


def watched_goals(clips: Sequence[Watched], start: LipNetwork) -> list[Goals]:
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
        event = np.zeros((len(own), len(EVENTS)), np.int64)
        event[:, EVENTS.index("closure")] = np.where(tucked, 0, clip.closures)
        phone = np.full(len(own), UNKNOWN)
        made.append(Goals(clip.features, asked, phone, event, clip.open & ~tucked, clip.seen))
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


def crops(goals: Sequence[Goals], size: int, voices: Sequence[Goals], draw: Draw) -> Batch:
    """`size` random crops of CROP_STEPS, varied; `voices` are those who may talk into them.

    What is asked comes LOOKAHEAD_STEPS later than the sound, as the network says it.
    """
    features = np.full((size, CROP_STEPS, 160), SILENCE, np.float32)
    articulation = np.zeros((size, CROP_STEPS, 5), np.float32)
    phone = np.full((size, CROP_STEPS), UNKNOWN, np.int64)
    event = np.zeros((size, CROP_STEPS, len(EVENTS)), np.int64)
    opened = np.zeros((size, CROP_STEPS), np.float32)
    counts = np.zeros((size, CROP_STEPS), np.float32)
    for row, number in enumerate(draw.integers(0, len(goals) - 1, size).tolist()):
        one = goals[number]
        latest = max(0, len(one.features) + LOOKAHEAD_STEPS - CROP_STEPS)
        start = int(draw.integers(0, latest, 1))
        heard = one.features[start : start + CROP_STEPS]
        features[row, : len(heard)] = heard
        asked = np.arange(start, min(start + CROP_STEPS, len(one.features) + LOOKAHEAD_STEPS))
        places = np.clip(asked - LOOKAHEAD_STEPS, 0, None)
        length = len(asked)
        articulation[row, :length] = one.articulation[places]
        phone[row, :length] = one.phone[places]
        event[row, :length] = _numbered(one.event[places])
        opened[row, :length] = one.open[places]
        counts[row, :length] = one.counts[places] & ((start == 0) | (np.arange(length) >= BLIND_STEPS))
    people = BABBLE_VOICES[1]
    others = np.full((size, people, CROP_STEPS, 160), SILENCE, np.float32)
    for place, number in enumerate(draw.integers(0, len(voices) - 1, size * people).tolist()):
        heard = voices[number].features[:CROP_STEPS]
        others[place // people, place % people, : len(heard)] = heard
    plain = torch.from_numpy(features)
    return Batch(
        features=varied(plain.clone(), torch.from_numpy(others), draw),
        plain=plain,
        articulation=torch.from_numpy(articulation),
        phone=torch.from_numpy(phone),
        event=torch.from_numpy(event),
        open=torch.from_numpy(opened),
        counts=torch.from_numpy(counts),
    )


def _numbered(event: Array) -> Array:
    """Numbers of events counted from 1 within a crop."""
    numbers = event.astype(np.int64)
    least = numbers[numbers > 0].min(initial=MOST_EVENTS)
    return np.where(numbers > 0, np.minimum(numbers - least + 1, MOST_EVENTS), 0)


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
    seen, known = watched_goals(clips, first_network), replay_goals(replay)
    run = _run(start, clips, steps, seed)
    first = 0
    if checkpoint is not None and (stored := _stored(checkpoint, run)):
        network.load_state_dict(stored["network"])
        optimizer.load_state_dict(stored["optimizer"])
        schedule.load_state_dict(stored["schedule"])
        draw.generator.set_state(stored["random"])
        first = stored["step"]
    for step in tqdm(range(first, steps), initial=first, total=steps, unit="step", desc="learn"):
        batch = crops(seen, WATCHED_CROPS, known, draw)
        value = loss(code, batch, network(batch.features))
        batch = crops(known, REPLAY_CROPS, known, draw)
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
