"""How far weights have come: planted mixtures, rotations and noise, and other ways to compute the same."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from retinoscope.errors import UserError
from retinoscope.statistics.learned import change, corrected_correlations, correlation, share_learned

RANDOM = np.random.default_rng(0)


def independent_of(weights: np.ndarray) -> np.ndarray:
    """Weights as varied as these whose correlation with them is zero exactly."""
    drawn = RANDOM.normal(size=weights.shape)
    centred = weights - weights.mean()
    drawn -= drawn.mean()
    drawn -= centred * (drawn * centred).sum() / (centred**2).sum()
    return np.asarray(drawn * centred.std() / drawn.std())


@pytest.mark.parametrize("r", [0.0, 0.3, 0.9, 0.998])
def test_a_known_mixture_has_its_known_correlation_and_share(r: float) -> None:
    before = RANDOM.normal(size=(16, 75))
    found = change([before], [r * before + np.sqrt(1 - r**2) * independent_of(before)])
    assert found.correlation == pytest.approx(r, abs=1e-12)
    assert float(share_learned(found.correlation)) == pytest.approx(1 - r**2, abs=1e-12)
    assert found.unit_correlations.mean() == pytest.approx(r, abs=0.1)


@pytest.mark.parametrize("factor", [1.0, 0.05, 30.0])
def test_weights_left_alone_or_only_scaled_learned_nothing(factor: float) -> None:
    before = RANDOM.normal(size=(8, 40))
    found = change([before], [factor * before])
    assert float(share_learned(found.correlation)) == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(found.unit_correlations, 1)
    assert found.growth == pytest.approx(factor) and found.overlap == pytest.approx(1)
    np.testing.assert_allclose(found.unit_growths, factor)


def test_of_independent_weights_all_is_learned_but_for_chance() -> None:
    count = 30
    shares = [
        float(share_learned(change([RANDOM.normal(size=(3, 10))], [RANDOM.normal(size=(3, 10))]).correlation))
        for _ in range(2000)
    ]
    assert np.mean(shares) == pytest.approx(1 - 1 / (count - 1), abs=0.004)


def test_units_are_compared_each_for_itself_and_with_their_sign() -> None:
    before = RANDOM.normal(size=(3, 5000))
    after = np.stack([before[0], -2 * before[1], RANDOM.normal(size=5000)])
    found = change([before], [after])
    np.testing.assert_allclose(found.unit_correlations, (1, -1, 0), atol=0.05)
    np.testing.assert_allclose(found.unit_growths, (1, 2, 1), rtol=0.05)


def test_matrices_of_the_same_units_are_joined_unit_by_unit() -> None:
    before = [RANDOM.normal(size=(6, 4)), RANDOM.normal(size=(6, 3)), RANDOM.normal(size=(2, 5))]
    after = [RANDOM.normal(size=each.shape) for each in before]
    found = change(before, after)
    expected = [
        np.corrcoef(
            np.concatenate([before[0][unit], before[1][unit]]), np.concatenate([after[0][unit], after[1][unit]])
        )
        for unit in range(6)
    ] + [np.corrcoef(before[2][unit], after[2][unit]) for unit in range(2)]
    np.testing.assert_allclose(found.unit_correlations, [each[0, 1] for each in expected])
    joined = [np.concatenate([each.ravel() for each in state]) for state in (before, after)]
    assert found.correlation == pytest.approx(np.corrcoef(*joined)[0, 1])


def test_overlap_is_the_mean_squared_cosine_of_principal_angles() -> None:
    before, after = RANDOM.normal(size=(5, 20)), RANDOM.normal(size=(5, 20))
    angles = scipy.linalg.subspace_angles(before.T, after.T)
    assert change([before], [after]).overlap == pytest.approx(float(np.mean(np.cos(angles) ** 2)))


def test_units_that_only_mix_read_the_same() -> None:
    before = RANDOM.normal(size=(5, 20))
    found = change([before], [RANDOM.normal(size=(5, 5)) @ before])
    assert found.overlap == pytest.approx(1) and float(share_learned(found.correlation)) > 0.5


def test_overlap_of_random_subspaces_is_that_by_chance_also_where_units_died() -> None:
    for alive in (6, 2):
        found = []
        for _ in range(400):
            after = RANDOM.normal(size=(6, 24))
            after[alive:] = 0
            found.append(change([RANDOM.normal(size=(6, 24))], [after]))
        assert np.mean([each.overlap for each in found]) == pytest.approx(found[0].overlap_by_chance, rel=0.06)
        assert found[0].overlap_by_chance == pytest.approx(6 / 24)


def test_a_layer_that_reads_all_of_its_input_has_no_overlap_to_speak_of() -> None:
    found = change([RANDOM.normal(size=(6, 6))], [RANDOM.normal(size=(6, 6))])
    assert np.isnan([found.overlap, found.overlap_by_chance]).all() and np.isfinite(found.correlation)


def test_what_does_not_vary_has_no_correlation_and_what_was_zero_no_growth() -> None:
    assert np.isnan(correlation(np.full(9, 0.1, np.float32), RANDOM.normal(size=9)))
    found = change([np.zeros((2, 8))], [RANDOM.normal(size=(2, 8))])
    assert np.isnan([found.correlation, found.growth, *found.unit_growths, *found.unit_correlations]).all()


def test_two_networks_are_not_compared() -> None:
    with pytest.raises(UserError, match="give two states of one network"):
        change([np.ones((2, 3))], [np.ones((3, 2))])


def test_the_correction_gives_what_there_was_before_the_noise() -> None:
    true, noise = 0.6, 0.5
    one = RANDOM.normal(size=100_000)
    other = true * one + np.sqrt(1 - true**2) * RANDOM.normal(size=one.shape)
    seen = [each + noise * RANDOM.normal(size=one.shape) for each in (one, other)]
    r, reliability = correlation(*seen), 1 / (1 + noise**2)
    assert r < 0.5
    found = corrected_correlations(
        np.array([r, 0.9, 0.3, -0.99]), np.array([reliability, 1, 0.2, 0.9]), np.full(4, reliability)
    )
    assert found[0] == pytest.approx(true, abs=0.01)
    assert np.isnan(found[2]) and found[3] == -1
    assert np.isnan(corrected_correlations(np.array([0.5]), np.array([np.nan]), np.array([0.9])))[0]
