"""Components: planted sources are found again, in a fixed order and sign; what noise gives is not called stable."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.errors import NotMeasurable, UserError
from retinoscope.statistics.component_stability import component_stability, kept_dimensions, stability_of_each
from retinoscope.statistics.components import FAST_ICA, PICARD, InlierRule, fit_components

STEPS = 4_000


def planted_sources(gaussian: int = 0, seed: int = 0) -> np.ndarray:
    """Independent sources with tails, without, and lopsided; (step, source), the Gaussian ones last."""
    random = np.random.default_rng(seed)
    sources = [
        random.laplace(size=STEPS),
        random.uniform(-1, 1, STEPS),
        random.exponential(size=STEPS),
        np.sign(random.normal(size=STEPS)) + 0.2 * random.normal(size=STEPS),
        *random.normal(size=(gaussian, STEPS)),
    ]
    values = np.stack(sources, axis=1)
    return (values - values.mean(axis=0)) / values.std(axis=0)


def mixed(sources: np.ndarray, units: int = 9, noise: float = 1e-3) -> np.ndarray:
    random = np.random.default_rng(7)
    mixing = random.normal(size=(units, sources.shape[1]))
    return sources @ mixing.T + noise * random.normal(size=(len(sources), units)) + 3.0


def matches(activations: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """(component, source) absolute correlations."""
    count = activations.shape[1]
    return np.abs(np.corrcoef(activations.T, sources.T)[:count, count:])


def test_planted_sources_are_recovered() -> None:
    sources = planted_sources()
    states = mixed(sources)
    found = fit_components(states, "ica", 4)
    assert found.converged and found.algorithm == FAST_ICA
    similarity = matches(found.transform(states), sources)
    assert (similarity.max(axis=1) > 0.98).all()
    assert sorted(similarity.argmax(axis=1)) == [0, 1, 2, 3]
    np.testing.assert_allclose(found.transform(states).std(axis=0), 1, atol=1e-6)


@pytest.mark.parametrize("gaussian", [0, 3])
def test_the_right_number_is_called_stable_and_gaussian_ones_are_not(gaussian: int) -> None:
    sources = planted_sources(gaussian)
    states = mixed(sources)
    found = fit_components(states, "ica", 4 + gaussian)
    judged = component_stability(states, np.arange(STEPS) // 8, found, runs=8)
    nearest = matches(found.transform(states), sources).argmax(axis=1)
    assert judged.is_stable.sum() == 4
    assert (nearest[judged.is_stable] < 4).all() and (nearest[~judged.is_stable] >= 4).all()
    assert judged.index[judged.is_stable].min() > 0.95
    assert judged.chance < 0.9


def test_samples_are_drawn_as_wholes() -> None:
    # One sample holds all that is not Gaussian: where it is not drawn, there is nothing to find.
    states = np.random.default_rng(0).normal(size=(2_000, 3))
    states[:100, 0] = 12
    found = fit_components(states, "ica", 3)
    samples = np.repeat(np.arange(20), 100)
    whole = component_stability(states, samples, found, runs=8)
    single = component_stability(states, np.arange(2_000), found, runs=8)
    assert single.index.max() > 0.9 > whole.index.max()


def test_several_are_judged_as_each_alone_with_what_noise_reaches_of_the_first() -> None:
    states, samples = mixed(planted_sources(gaussian=2)), np.arange(STEPS) // 8
    found = [fit_components(states, "ica", count) for count in (6, 4)]
    first, second = stability_of_each(states, samples, [(found[0], 4), (found[1], 3)], seed=2)
    alone = [component_stability(states, samples, *each, seed=2) for each in ((found[0], 4), (found[1], 3))]
    for one, other in zip((first, second), alone, strict=True):
        assert np.array_equal(one.index, other.index) and np.array_equal(one.within, other.within)
        assert (one.runs, one.not_converged) == (other.runs, other.not_converged)
    assert first.chance == second.chance == alone[0].chance != alone[1].chance


def test_order_and_sign_follow_the_rule_and_not_the_start() -> None:
    states = mixed(planted_sources())
    one, other = (fit_components(states, "ica", 4, seed) for seed in (0, 5))
    np.testing.assert_allclose(one.unmixing, other.unmixing, atol=2e-2)
    assert (np.diff(one.explained) <= 0).all()
    activations = one.transform(states)
    skewness = ((activations - activations.mean(axis=0)) ** 3).mean(axis=0)
    for component in range(4):
        if abs(skewness[component]) > 0.1:
            assert skewness[component] > 0
        else:
            assert one.mixing[np.abs(one.mixing[:, component]).argmax(), component] > 0
    assert fit_components(states, "ica", 4).unmixing.tobytes() == one.unmixing.tobytes()


def test_where_fast_ica_does_not_converge_picard_takes_over_and_it_is_said() -> None:
    states = np.random.default_rng(0).normal(size=(1_000, 6))
    found = fit_components(states, "ica", 6)
    assert found.algorithm == PICARD
    planted = mixed(planted_sources())
    again = fit_components(planted, "ica", 4, skip_fast_ica=True)
    assert (matches(again.transform(planted), planted_sources()).max(axis=1) > 0.98).all()


def test_principal_components_are_those_of_the_correlation_matrix() -> None:
    states = mixed(planted_sources(), noise=0.5) * np.arange(1, 10)
    found = fit_components(states, "pca", 3)
    eigenvalues, vectors = np.linalg.eigh(np.corrcoef(states.T))
    np.testing.assert_allclose(found.explained, eigenvalues[::-1][:3] / 9, rtol=1e-9)
    for component in range(3):
        assert abs(found.unmixing[component] @ vectors[:, ::-1][:, component]) == pytest.approx(1, abs=1e-9)


def test_non_negative_parts_are_recovered() -> None:
    random = np.random.default_rng(0)
    weights = random.exponential(size=(3_000, 3)) * (random.random((3_000, 3)) < 0.4)
    parts = np.zeros((3, 9))
    for part in range(3):
        parts[part, 3 * part : 3 * part + 3] = random.uniform(1, 2, 3)
    states = weights @ parts
    found = fit_components(states, "nmf", 3)
    activations = found.transform(states)
    assert (activations >= 0).all()
    assert (matches(activations, weights).max(axis=1) > 0.98).all()
    np.testing.assert_allclose(activations @ found.mixing.T * found.scale + found.offset, states, atol=0.05)


def test_single_units_are_as_they_are() -> None:
    states = np.random.default_rng(0).normal(size=(50, 4))
    assert np.array_equal(fit_components(states, "units", 1).transform(states), states)


def test_gradients_follow_the_chain_rule() -> None:
    states = mixed(planted_sources())
    found = fit_components(states, "ica", 4)
    weights = np.random.default_rng(1).normal(size=9)

    def outcome(components: np.ndarray) -> float:
        state = found.offset + found.scale * (found.mixing @ components)
        return float(np.sin(weights @ state))

    at = found.transform(states[0])
    state = found.offset + found.scale * (found.mixing @ at)
    gradient = np.cos(weights @ state) * weights
    numeric = [(outcome(at + step) - outcome(at - step)) / 2e-6 for step in 1e-6 * np.eye(4)]
    np.testing.assert_allclose(found.project_gradients(gradient), numeric, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.directions() @ found.patterns().T, np.eye(4), atol=1e-8)


def test_outliers_are_told_by_one_rule_for_every_step() -> None:
    states = np.random.default_rng(0).normal(size=(500, 5))
    states[17] = 40
    rule = InlierRule.of(states)
    assert np.flatnonzero(~rule.is_inlier(states)).tolist() == [17]
    assert rule.is_inlier(states[:17]).all() and not rule.is_inlier(states[17:18])[0]
    distance = np.sqrt((((states - states.mean(0)) / states.std(0)) ** 2).mean(1))
    lower, upper = np.quantile(distance, (0.25, 0.75))
    assert rule.limit == pytest.approx(upper + 3 * (upper - lower))


def test_as_many_dimensions_are_kept_as_there_are_sources() -> None:
    assert kept_dimensions(mixed(planted_sources(), units=12, noise=0.3))[0] == 4
    assert kept_dimensions(np.random.default_rng(0).normal(size=(4_000, 12)))[0] <= 2


@pytest.mark.parametrize(
    ("states", "method", "count", "message"),
    [
        (np.random.default_rng(0).normal(size=(50, 3)), "ica", 4, "3 units; ask for 1 to 3"),
        (np.random.default_rng(0).normal(size=(50, 2))[:, [0, 1, 0]], "ica", 3, "only 2 dimensions"),
        (np.random.default_rng(0).normal(size=(3, 9)), "pca", 5, "only 2 dimensions in 3 steps"),
        (np.random.default_rng(0).normal(size=(50, 3)) * [1, 0, 1], "ica", 2, r"1 of 3 units never change \(unit 1\)"),
        (np.random.default_rng(0).normal(size=(50, 3)), "magic", 2, "'magic'"),
    ],
)
def test_what_cannot_be_is_refused(states: np.ndarray, method: str, count: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        fit_components(states, method, count)  # type: ignore[arg-type]


def test_stability_needs_runs_and_samples() -> None:
    states = mixed(planted_sources())
    found = fit_components(states, "pca", 2)
    with pytest.raises(UserError, match="runs: 1"):
        component_stability(states, np.arange(STEPS), found, runs=1)
    with pytest.raises(NotMeasurable, match="one sample only"):
        component_stability(states, np.zeros(STEPS, int), found)
