"""Edits of the state do to the components what they say, and nothing to the others."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.statistics.components import fit_components
from retinoscope.statistics.state_edits import ablate, clamp, random_reading, reading_of, swap
from tests.statistics.test_components import mixed, planted_sources


@pytest.fixture(scope="module", params=["ica", "pca"])
def fitted(request: pytest.FixtureRequest):
    states = mixed(planted_sources(), noise=0.3) * np.linspace(0.5, 3, 9)
    components = fit_components(states, request.param, 4)
    return states, components, components.transform(states).std(axis=0)


def test_clamp_holds_one_component_at_its_mean(fitted) -> None:
    states, components, deviations = fitted
    before, edited = components.transform(states), clamp(reading_of(components, 2, deviations)).apply(states)
    after = components.transform(edited)
    np.testing.assert_allclose(after[:, 2], before[:, 2].mean(), atol=1e-8)
    np.testing.assert_allclose(np.delete(after, 2, 1), np.delete(before, 2, 1), atol=1e-8)


def test_ablate_leaves_no_projection_on_the_direction(fitted) -> None:
    states, components, deviations = fitted
    edited = ablate(reading_of(components, 1, deviations)).apply(states)
    np.testing.assert_allclose(edited @ components.directions()[1], 0, atol=1e-8)
    np.testing.assert_allclose(
        np.delete(components.transform(edited), 1, 1), np.delete(components.transform(states), 1, 1), atol=1e-8
    )
    np.testing.assert_allclose(ablate(reading_of(components, 1, deviations)).apply(edited), edited, atol=1e-8)


def test_swap_exchanges_two_components_in_their_own_units(fitted) -> None:
    states, components, deviations = fitted
    edit = swap(reading_of(components, 0, deviations), reading_of(components, 3, deviations))
    before, after = (components.transform(each) / deviations for each in (states, edit.apply(states)))
    np.testing.assert_allclose(after[:, 0], before[:, 3], atol=1e-8)
    np.testing.assert_allclose(after[:, 3], before[:, 0], atol=1e-8)
    np.testing.assert_allclose(after[:, 1:3], before[:, 1:3], atol=1e-8)
    np.testing.assert_allclose(edit.apply(edit.apply(states)), states, atol=1e-7)


@pytest.mark.parametrize("component", [0, 1, 2, 3])
def test_random_directions_have_the_same_variance(fitted, component: int) -> None:
    states, components, deviations = fitted
    explained = float(components.explained[component])
    own = reading_of(components, component, deviations)
    drawn = [random_reading(components, deviations, explained, np.random.default_rng(seed)) for seed in range(4)]
    for each in drawn:
        activation = (states - each.mean) @ each.direction
        assert activation.std() == pytest.approx(1, abs=1e-6)
        moved = (states - clamp(each).apply(states)) / components.scale
        assert moved.var(axis=0).sum() / 9 == pytest.approx(explained, rel=0.02)
        assert each.direction @ each.pattern == pytest.approx(1)
    patterns = np.stack([each.pattern / components.scale for each in [own, *drawn]])
    similarity = np.corrcoef(patterns)
    if components.method == "ica" and component not in (0, 3):  # an end of the spectrum leaves no choice
        assert np.abs(similarity[np.triu_indices(5, 1)]).min() < 0.9


def test_what_cannot_be_edited_is_refused(fitted) -> None:
    states, components, deviations = fitted
    with pytest.raises(UserError, match="component 4"):
        reading_of(components, 4, deviations)
    units = fit_components(states, "units", 1)
    with pytest.raises(UserError, match="components units"):
        reading_of(units, 0, np.ones(9))
