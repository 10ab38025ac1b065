"""Indices of tuning, of tables of answers whose indices are known."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.statistics.contrast_response import contrast_response
from retinoscope.statistics.grating_tuning import (
    grating_tuning,
    modulation_of,
    selectivity_of,
    shuffled_selectivity,
)

ORIENTATIONS = np.arange(36) * 5.0
FREQUENCIES = np.geomspace(0.02, 0.5, 30)
PHASES = np.arange(64) * 360 / 64


def table(width: float = 20.0, octaves: float = 0.7, phase: float = 40.0, sign: float = 1.0) -> np.ndarray:
    """(1, 1, orientation, frequency, phase): Gaussian around 62 degrees and 0.1 cycles per pixel."""
    turn = (ORIENTATIONS - 62 + 90) % 180 - 90
    curve = np.exp(-(turn**2) / (2 * width**2))
    along = np.exp(-(np.log2(FREQUENCIES / 0.1) ** 2) / (2 * octaves**2))
    wave = np.maximum(np.cos(np.radians(PHASES - phase)), 0)
    return sign * (curve[:, None, None] * along[:, None] * wave)[None, None]


def tuned(answers: np.ndarray):
    return grating_tuning(answers, ORIENTATIONS, FREQUENCIES, np.zeros(len(answers)))


@pytest.mark.parametrize("sign", [1.0, -1.0, 3.0])
def test_a_planted_table_gives_its_numbers_whatever_its_sign(sign):
    found = tuned(table(sign=sign))
    half = np.sqrt(2 * np.log(2))
    assert found.preferred_orientation[0] == pytest.approx(62, abs=0.3)
    assert found.preferred_frequency[0] == pytest.approx(0.1, rel=0.01)
    assert found.orientation_half_width[0] == pytest.approx(20 * half, abs=0.4)
    assert found.bandwidth[0] == pytest.approx(2 * 0.7 * half, abs=0.03)
    assert found.low_cut[0] == pytest.approx(0.1 * 2 ** (-0.7 * half), rel=0.02)
    assert found.preferred_phase[0] == pytest.approx(40 if sign > 0 else 220, abs=1e-6)
    assert found.modulation[0] == pytest.approx(np.pi / 2, abs=0.01)
    assert found.linearity[0] == pytest.approx(0.5, abs=0.01)
    assert np.sign(found.mean_response[0]) == np.sign(sign)


def test_a_phase_is_counted_the_other_way_where_the_preferred_orientation_passes_180_degrees():
    """The grating that drives it most is that of 0 degrees, the stripes that it prefers stand at 178."""
    answers = np.roll(table(), -12, axis=2)  # around 2 degrees
    forward, backward = tuned(answers), tuned(np.roll(answers[:, :, ::-1], 1, axis=2))
    assert forward.preferred_orientation[0] == pytest.approx(2, abs=0.3)
    assert backward.preferred_orientation[0] == pytest.approx(178, abs=0.3)
    assert forward.preferred_phase[0] == pytest.approx(40) and backward.preferred_phase[0] == pytest.approx(320)


@pytest.mark.parametrize(
    ("wave", "modulation"),
    [
        (np.cos, np.pi / 2),  # linear
        (lambda turn: np.maximum(np.cos(turn), 0), np.pi / 2),
        (lambda turn: -np.maximum(np.cos(turn), 0), np.pi / 2),
        (lambda turn: 1 + 0 * turn, 0),
        (lambda turn: -1 + 0 * turn, 0),
        (lambda turn: np.cos(turn) ** 2, 0),  # twice the frequency
        (lambda turn: 2 + np.cos(turn), 0.5),
        (lambda turn: -2 - np.cos(turn), 0.5),
        (lambda turn: 1.0 * (turn == 0), 2),
    ],
)
def test_modulation_is_that_of_the_rectified_answer(wave, modulation):
    found = modulation_of(wave(np.radians(PHASES))[None])
    assert found[0] == pytest.approx(modulation, abs=0.01)


def test_selectivity_is_1_minus_circular_variance():
    flat, single = np.ones(36), np.eye(36)[7]
    mixed = np.cos(np.radians(2 * (ORIENTATIONS - 30))) + 1  # |sum| / sum is 1/2
    np.testing.assert_allclose(selectivity_of(np.stack([flat, single, mixed]), ORIENTATIONS), [0, 1, 0.5], atol=1e-12)


def test_the_classic_selectivity_compares_with_the_orthogonal():
    answers = np.ones((1, 1, 36, 30, 64))
    answers[0, 0, 4, 10] = 3.0
    found = tuned(answers)
    assert found.classic_selectivity[0] == pytest.approx(0.5)
    # 1 is below half of 3: by linear interpolation, 3/4 of a step away.
    assert found.orientation_half_width[0] == pytest.approx(0.75 * 5)


def test_what_does_not_fall_to_half_has_no_width():
    turn = np.cos(np.radians(2 * (ORIENTATIONS - 62)))
    answers = np.broadcast_to((4 + turn)[None, None, :, None, None], (1, 1, 36, 30, 64)).copy()
    found = tuned(answers)
    assert np.isnan([found.orientation_half_width[0], found.low_cut[0], found.high_cut[0], found.bandwidth[0]]).all()
    assert found.preferred_orientation[0] == pytest.approx(62, abs=0.5)


def test_low_pass_units_have_a_high_cut_alone():
    along = np.exp(-((FREQUENCIES / 0.1) ** 2))
    found = tuned(np.broadcast_to(along[None, None, None, :, None], (1, 1, 36, 30, 64)).copy())
    assert np.isnan(found.low_cut[0]) and np.isnan(found.bandwidth[0])
    # Half of the answer at the lowest frequency shown.
    expected = 0.1 * np.sqrt(np.log(2) + 0.2**2)
    assert found.high_cut[0] == pytest.approx(expected, rel=0.01)
    assert found.preferred_frequency[0] == pytest.approx(0.02)


def test_silent_units_are_nan_and_do_not_disturb_others():
    answers = np.concatenate([table(), 0 * table(), 1e-9 * table()])
    found = grating_tuning(answers, ORIENTATIONS, FREQUENCIES, np.array([1e-6, 1e-6, 1e-6]))
    assert found.axis.tolist() == [0, -1, -1]
    for each in (found.selectivity, found.modulation, found.strength, found.preferred_frequency, found.bandwidth):
        assert np.isfinite(each[0]) and np.isnan(each[1:]).all()
    np.testing.assert_allclose(found.selectivity[0], tuned(table()).selectivity[0])


def test_the_axis_that_drives_a_unit_most_is_the_one_it_is_measured_along():
    answers = np.concatenate([0.3 * np.roll(table(), 9, axis=2), table(), 0.5 * table()], axis=1)
    found = tuned(answers)
    assert found.axis[0] == 1 and found.preferred_orientation[0] == pytest.approx(62, abs=0.3)
    np.testing.assert_allclose(found.axis_strength[0] / found.axis_strength[0, 1], [0.3, 1, 0.5])


def test_shuffled_answers_have_the_selectivity_of_an_obvious_reimplementation():
    random = np.random.default_rng(5)
    answers = random.standard_normal((2, 6, 4))
    orientations = np.arange(6) * 30.0
    found = shuffled_selectivity(answers, orientations, shuffles=500, seed=0)
    for unit in range(2):
        values = []
        for _ in range(500):
            mixed = random.permutation(answers[unit].ravel()).reshape(6, 4)
            strength = np.sqrt((mixed**2).mean(axis=1))
            total = sum(s * np.exp(2j * np.radians(o)) for s, o in zip(strength, orientations, strict=True))
            values.append(abs(total) / strength.sum())
        assert found[unit] == pytest.approx(np.quantile(values, 0.95), rel=0.12)


def test_the_contrast_response_is_that_which_was_planted():
    contrasts = np.geomspace(0.03, 0.9, 8)
    planted = [(1.0, 0.2), (2.0, 0.3), (3.3, 0.1), (1.4, 0.7)]
    curves = [7 * contrasts**n / (contrasts**n + half**n) for n, half in planted]
    found = contrast_response(contrasts, np.array([*curves, contrasts, np.sqrt(contrasts), 0 * contrasts]))
    np.testing.assert_allclose(found.exponent[:4], [n for n, _ in planted], rtol=0.01)
    np.testing.assert_allclose(found.half_saturation[:4], [half for _, half in planted], rtol=0.01)
    np.testing.assert_allclose(found.exponent[4:6], [1, 0.5], rtol=0.02)
    assert np.isnan(found.half_saturation[4:]).all() and np.isnan(found.exponent[6])
    assert (found.explained[:6] > 0.9999).all()


def test_a_half_saturation_beyond_the_contrasts_shown_is_not_known():
    contrasts = np.geomspace(0.03, 0.9, 8)
    found = contrast_response(contrasts, np.array([contrasts**2 / (contrasts**2 + half**2) for half in (0.8, 1.5)]))
    assert found.half_saturation[0] == pytest.approx(0.8, rel=0.01) and np.isnan(found.half_saturation[1])
    np.testing.assert_allclose(found.exponent, 2, rtol=0.01)
