"""What a head does before the camera keeps to what its profile says, and shows all that learning needs."""

from __future__ import annotations

import numpy as np
import pytest

from liplab.discover import plan
from liplab.discover.plan import CURRENT, FRAME_S, NECK, REST_S, Planner, Take, flapper
from lipwright.face.profile import HeadProfile

STILL = round(REST_S / FRAME_S)
SEEDS = (0, 1, 2)
KINDS = ("motors", "babble", "speech")


def planner_of(profile: HeadProfile, poses: np.ndarray, seed: int) -> Planner:
    return Planner(profile, poses if len(profile.channels) == poses.shape[1] else None, seed)


def wild_speech(profile: HeadProfile, seed: int) -> np.ndarray:
    """Targets (n, channels) that a bad face model might give: every motor of the mouth jumps about."""
    random = np.random.default_rng(seed)
    spoken = np.tile(profile.rest_targets(), (150, 1))
    mouth = profile.indices("mouth")
    spoken[:, mouth] = np.repeat(random.uniform(-0.1, 1.1, (30, len(mouth))), 5, axis=0)
    return spoken


def take_of(kind: str, profile: HeadProfile, poses: np.ndarray, seed: int) -> Take:
    planner = planner_of(profile, poses, seed)
    if kind == "motors":
        return planner.motors()
    return planner.babble() if kind == "babble" else planner.speech(wild_speech(profile, seed))


def turning_points(take: Take) -> np.ndarray:
    """Rows (k, channels) at which the motion ends or takes another direction."""
    rows = take.targets[np.r_[True, np.abs(np.diff(take.targets, axis=0)).max(axis=1) > 1e-6]]
    ways = np.diff(rows, axis=0)
    ways = ways / np.linalg.norm(ways, axis=1, keepdims=True)
    return rows[1:-1][(ways[1:] * ways[:-1]).sum(axis=1) < 0.999]


@pytest.mark.parametrize("kind", ["claps", *KINDS])
@pytest.mark.parametrize("turned", [False, True])
def test_every_take_stays_in_range_and_begins_and_ends_at_rest(
    profile: HeadProfile, poses: np.ndarray, kind: str, turned: bool
) -> None:
    planner = planner_of(profile, poses, 1)
    if turned and not planner.can_turn:
        pytest.skip("no neck")
    take = planner.claps() if kind == "claps" else take_of(kind, profile, poses, 1)
    take = planner.turned(take) if turned else take
    rest, mouth = profile.rest_targets(), profile.indices("mouth")
    assert take.kind == kind
    assert take.targets.dtype == np.float32
    assert take.targets.min() >= 0 and take.targets.max() <= 1
    assert np.allclose(take.targets[-1], rest) and np.allclose(take.targets[0], rest, atol=0.05)
    first = round(take.still_s / FRAME_S)
    assert np.allclose(take.targets[first : first + STILL, mouth], rest[mouth])
    assert np.ptp(take.targets[first + STILL :, mouth], axis=0).max() > 0.2
    assert take.seconds == pytest.approx(len(take.targets) * FRAME_S)


@pytest.mark.parametrize("kind", KINDS)
def test_no_motor_is_asked_to_be_faster_than_it_may(
    profile: HeadProfile, poses: np.ndarray, kind: str
) -> None:
    most = np.array([channel.speed for channel in profile.channels]) * FRAME_S
    for seed in SEEDS:
        take = take_of(kind, profile, poses, seed)
        planner = planner_of(profile, poses, seed)
        for one in (take, planner.turned(take)) if planner.can_turn else (take,):
            assert (np.abs(np.diff(one.targets, axis=0)) <= most + 1e-5).all()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_collides(profile: HeadProfile, poses: np.ndarray, kind: str) -> None:
    for seed in SEEDS:
        targets = take_of(kind, profile, poses, seed).targets
        for pair in profile.collisions:
            assert (targets[:, pair.channels] @ np.array(pair.weights)).max() <= pair.most + 1e-3


@pytest.mark.parametrize("kind", ["motors", "babble"])
def test_a_small_power_supply_is_enough(profile: HeadProfile, poses: np.ndarray, kind: str) -> None:
    for seed in SEEDS:
        targets = take_of(kind, profile, poses, seed).targets
        assert np.abs(np.diff(targets, axis=0)).sum(axis=1).max() <= CURRENT * FRAME_S + 1e-4


@pytest.mark.parametrize("kind", ["claps", *KINDS])
def test_only_the_mouth_moves_and_the_neck_when_turned(
    profile: HeadProfile, poses: np.ndarray, kind: str
) -> None:
    planner = planner_of(profile, poses, 3)
    take = planner.claps() if kind == "claps" else take_of(kind, profile, poses, 3)
    others = np.setdiff1d(np.arange(len(profile.channels)), profile.indices("mouth"))
    rest = profile.rest_targets()
    assert (take.targets[:, others] == rest[others]).all()
    if not planner.can_turn:
        with pytest.raises(KeyError):
            planner.turned(take)
        return
    neck = profile.index(NECK)
    turned = planner.turned(take)
    others = np.setdiff1d(others, [neck])
    assert (turned.targets[:, others] == rest[others]).all()
    first = round(turned.still_s / FRAME_S)
    while_seen = turned.targets[first : first + len(take.targets)]
    assert np.ptp(while_seen[:, neck]) == 0 and abs(while_seen[0, neck] - rest[neck]) > 0.2
    mouth = profile.indices("mouth")
    assert (while_seen[:, mouth] == take.targets[:, mouth]).all()


def test_the_same_seed_plans_the_same_and_another_one_does_not(
    profile: HeadProfile, poses: np.ndarray
) -> None:
    for kind in ("babble", "speech"):
        first, again = (take_of(kind, profile, poses, 4).targets for _ in range(2))
        assert np.array_equal(first, again)
    first, other = (planner_of(profile, poses, seed).babble().targets for seed in (4, 5))
    assert first.shape != other.shape or not np.allclose(first, other)


def test_every_motor_moves_alone_to_both_of_its_ends(profile: HeadProfile) -> None:
    targets, rest = Planner(profile, None, 0).motors().targets, profile.rest_targets()
    moved = np.abs(targets - rest) > 1e-3
    for channel in profile.indices("mouth"):
        # What would run into it gives way.
        partners = {c for pair in profile.collisions if channel in pair.channels for c in pair.channels}
        others = np.setdiff1d(np.arange(len(rest)), [channel, *partners])
        alone = targets[moved[:, channel] & ~moved[:, others].any(axis=1), channel]
        assert alone.max() > 0.9 or rest[channel] > 0.9
        assert alone.min() < 0.1 or rest[channel] < 0.1


def test_babble_has_resets_and_all_of_every_range(profile: HeadProfile, poses: np.ndarray) -> None:
    take = planner_of(profile, poses, 6).babble(120.0)
    assert take.seconds == pytest.approx(120.0, abs=5.0)
    points = turning_points(take)
    at_rest = np.abs(points - profile.rest_targets()).max(axis=1) < 1e-6
    assert 0.02 < at_rest[1:-1].mean() < 0.5
    mouth = profile.indices("mouth")
    assert np.ptp(take.targets[:, mouth], axis=0).min() > 0.7


@pytest.mark.parametrize("known", [True, False], ids=["poses", "noise"])
def test_babble_has_lopsided_mouths_and_their_mirror_images(
    reference: HeadProfile, poses: np.ndarray, known: bool
) -> None:
    names = [channel.name for channel in reference.channels]
    mouth = reference.indices("mouth")
    left = [k for k in mouth if names[k].endswith("_left")]
    right = [names.index(names[k].replace("_left", "_right")) for k in left]
    points = turning_points(Planner(reference, poses if known else None, 7).babble(180.0))
    lopsided = np.abs(points[:, left] - points[:, right]).max(axis=1) > 0.3
    assert lopsided.mean() > 0.03
    middle = np.setdiff1d(mouth, [*left, *right])
    mirrored = points.copy()
    mirrored[:, left], mirrored[:, right] = points[:, right], points[:, left]
    pairs = np.abs(points[1:] - mirrored[:-1]).max(axis=1) < 0.05
    assert (pairs & lopsided[:-1]).sum() >= 3
    assert np.ptp(points[:, middle], axis=0).min() > 0.5


def test_claps_are_steps_of_one_motor(profile: HeadProfile) -> None:
    planner = Planner(profile, None, 1)
    take = planner.claps()
    rest = profile.rest_targets()
    channel = flapper(planner.profile)
    assert channel in profile.indices("mouth")
    others = np.setdiff1d(np.arange(len(rest)), [channel])
    assert (take.targets[:, others] == rest[others]).all()
    steps = np.diff(take.targets[:, channel])
    sizes = np.abs(steps[steps != 0])
    assert len(sizes) == 2 * plan.CLAPS
    assert sizes.min() == pytest.approx(sizes.max()) and sizes.min() > 0.3
    # Not in one rhythm, which a camera's own could fall in with.
    assert len(set(np.diff(np.flatnonzero(steps)))) > 2


def test_speech_without_nudges_is_what_was_spoken_where_that_is_allowed(reference: HeadProfile) -> None:
    spoken = np.tile(reference.rest_targets(), (100, 1))
    spoken[:, 0] += 0.3 * np.sin(np.arange(100) / 12) ** 2
    plain = Planner(reference, None, 1).speech(spoken, nudge=False).targets
    nudged = Planner(reference, None, 1).speech(spoken).targets
    start = next(k for k in range(len(plain)) if np.allclose(plain[k : k + 100], spoken, atol=1e-6))
    assert start >= STILL
    mouth = reference.indices("mouth")
    assert len(set(np.round(np.ptp(nudged[:, mouth], axis=0), 4))) == len(mouth)
