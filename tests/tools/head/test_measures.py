"""Articulation measured from lip nodes, in mm and normalised."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from liplab.head.geometry import CORNER_LEFT, LOWER_MIDDLE, REST_OVERLAP, UPPER_MIDDLE
from liplab.head.measures import LIPS_AT_REST_MM, articulation_mm
from lipwright.face.profile import load_profile

SCALE = load_profile().articulation
signed = st.floats(-2, 2)
positive = st.floats(0, 2)


@given(st.tuples(signed, signed, positive, positive, positive))
def test_normalised_and_millimetres_are_inverses(values: tuple[float, ...]) -> None:
    articulation = np.array(values)
    assert np.allclose(SCALE.from_mm(SCALE.to_mm(articulation)), articulation, atol=1e-9)


def test_ends_of_the_scale_are_the_millimetres_of_the_table() -> None:
    assert SCALE.to_mm(np.array([1.0, 1.0, 1.0, 1.0, 1.0])).tolist() == [20.0, 58.1, 8.0, 20.0, 7.0]
    assert SCALE.to_mm(np.array([0.0, -1.0, 0.0, 0.0, 0.0]))[1] == 33.5


def test_rest_measures_zero_but_the_light_touch() -> None:
    aperture, width, *others = articulation_mm(LIPS_AT_REST_MM, 0.0)
    assert np.isclose(aperture, -1000 * REST_OVERLAP)
    assert np.isclose(width, 51.0)
    assert np.allclose(others, 0, atol=1e-9)


def test_each_measure_follows_its_own_movement() -> None:
    lips = LIPS_AT_REST_MM.copy()
    lips[UPPER_MIDDLE, 2] += 3
    assert np.isclose(articulation_mm(lips, 0.0)[0], 3 - 1000 * REST_OVERLAP)
    lips = LIPS_AT_REST_MM.copy()
    lips[1:CORNER_LEFT, 2] -= 1
    assert articulation_mm(lips, 0.0)[0] < -1
    lips = LIPS_AT_REST_MM.copy()
    lips[CORNER_LEFT, 0] -= 4
    assert np.isclose(articulation_mm(lips, 0.0)[1], 47.0)
    lips = LIPS_AT_REST_MM.copy()
    lips[[UPPER_MIDDLE, LOWER_MIDDLE], 1] -= 6
    assert np.isclose(articulation_mm(lips, 0.0)[2], 6.0)
    lips = LIPS_AT_REST_MM.copy()
    lips[LOWER_MIDDLE, 1] += 5
    assert np.allclose(articulation_mm(lips, 0.0)[[2, 4]], [0.0, 5.0])


def test_lips_that_meet_in_the_middle_only_are_open() -> None:
    lips = LIPS_AT_REST_MM.copy()
    lips[UPPER_MIDDLE, 2] -= 1
    lips[UPPER_MIDDLE + 3, 2] += 2
    assert articulation_mm(lips, 0.0)[0] > 1.5


def test_the_aperture_is_what_is_seen_from_the_front() -> None:
    lips = LIPS_AT_REST_MM.copy()
    lips[CORNER_LEFT + 1 :, 1] += 8
    lips[CORNER_LEFT + 1 :, 2] -= 3
    assert np.isclose(articulation_mm(lips, 0.0)[0], 3 - 1000 * REST_OVERLAP)
    lips[CORNER_LEFT + 1 :, 2] += 5
    assert articulation_mm(lips, 0.0)[0] == 0, "passing each other in depth is no press"


def test_a_lower_lip_that_swings_with_the_jaw_is_neither_round_nor_tucked() -> None:
    from liplab.head.geometry import JAW_HINGE

    angle = np.deg2rad(15)
    hinge = 1000 * JAW_HINGE
    lips = LIPS_AT_REST_MM.copy()
    y, z = (lips[LOWER_MIDDLE] - hinge)[1:]
    lips[LOWER_MIDDLE, 1] = hinge[1] + np.cos(angle) * y - np.sin(angle) * z
    lips[LOWER_MIDDLE, 2] = hinge[2] + np.sin(angle) * y + np.cos(angle) * z
    measured = articulation_mm(lips, 15.0)
    assert np.allclose(measured[[2, 4]], 0, atol=1e-6)
    assert measured[0] > 15


def test_measures_take_whole_tracks() -> None:
    track = np.stack([LIPS_AT_REST_MM] * 7)
    assert articulation_mm(track, np.zeros(7)).shape == (7, 5)
