"""The components that others build on: found once in a run, and the same again from what was saved of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retinoscope.analyses.declaration import Inputs
from retinoscope.analyses.memory import components as judging
from retinoscope.analyses.memory import memory_components
from retinoscope.analyses.memory.activations import activations_of
from retinoscope.analyses.memory.components import components
from retinoscope.analyses.memory.dataset_examples import dataset_examples
from retinoscope.analyses.memory.fitted_components import ANALYSIS, fit_of, fitted_components, fitted_of
from retinoscope.analyses.memory.samples import ArraySamples
from retinoscope.analyses.registry import select_analyses
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, load_result
from retinoscope.rollouts import Recording
from retinoscope.settings import with_settings
from retinoscope.statistics import component_stability
from retinoscope.workflows.reuse import ResultStore
from retinoscope.workflows.running import run_analyses
from tests.rollouts.recordings import small_agent
from tests.statistics.test_components import mixed, planted_sources


class Count:
    """Stands in for a function and remembers what it was called with."""

    def __init__(self, function: Any) -> None:
        self.function, self.calls = function, []

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.calls.append(arguments)
        return self.function(*arguments, **named)


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> dict[str, Count]:
    """Who has components found, and how often."""
    places = {"fitted": memory_components, "swept": judging, "resampled": component_stability}
    counts = {name: Count(place.fit_components) for name, place in places.items()}
    for name, place in places.items():
        monkeypatch.setattr(place, "fit_components", counts[name])
    return counts


def test_a_run_finds_the_components_of_the_given_number_once(
    small_recording: Recording, fits: dict[str, Count], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    everywhere = Count(activations_of)
    for module in ("dataset_examples", "component_gallery"):
        monkeypatch.setattr(f"retinoscope.analyses.memory.{module}.activations_of", everywhere, raising=False)
    wanted = {
        "fitted_components": {"components": "ica:3", "window_steps": 6, "burn_in_steps": 2},
        "components": {"runs": 3, "sweep": (2, 3, 4), "sweep_runs": 2},
        "component_gallery": {"method": "gradient", "per_level": 1, "frames": 1},
    }
    made = run_all(small_recording, wanted, tmp_path)
    assert [count for _, _, count, *_ in fits["fitted"].calls] == [3]
    assert [count for _, _, count, *_ in fits["swept"].calls] == [2, 4]
    # Three estimates of the given number and two of each other; then the reference and three estimates of noise.
    resampled = [count for _, _, count, *_ in fits["resampled"].calls]
    assert sorted(resampled[:7]) == [2, 2, 3, 3, 3, 4, 4] and resampled[7:] == [3] * 4
    assert len(everywhere.calls) == 1
    assert {made[each].parameters["components"] for each in wanted} == {"ica:3"}


def run_all(recording: Recording, wanted: dict[str, dict[str, Any]], folder: Path) -> dict[str, Result]:
    """All that builds on the components, as a run of `analyze` makes it."""
    analyses = select_analyses(only=["components", "dataset_examples", "component_gallery"])
    parameters = {each.name: with_settings(each.parameters(), wanted.get(each.name, {})) for each in analyses}
    for name in ("new", "cache", "before"):
        (folder / name).mkdir()
    store = ResultStore(folder / "new", folder / "cache", folder / "before")
    inputs = Inputs(small_agent(), recording)
    return {each.analysis.name: each.result for each in run_analyses(analyses, inputs, parameters, store, {})}


@pytest.mark.parametrize("wanted", ["ica:4", "pca:4", "nmf:3", "units"])
def test_components_come_back_from_a_file_without_being_found_again(
    wanted: str, tmp_path: Path, fits: dict[str, Count]
) -> None:
    states = mixed(planted_sources()) * np.array([1, 1, 0, 1, 1, 1, 1, 1, 1])
    states[17] *= 100
    states = states.reshape(400, 10, 9)
    found = fitted_components(states, components=wanted, fit_steps=3_000, seed=3)
    loaded = load_result(found.save(tmp_path / "fit.nc"))
    expected, fitted = fitted_of(found), fit_of(states, given={"fitted_components": loaded}).fitted
    assert len(fits["fitted"].calls) == 1
    assert np.array_equal(fitted.transform(states), expected.transform(states))
    patterns = [each.full(each.components.patterns()) for each in (fitted, expected)]
    assert np.array_equal(*patterns)
    assert np.array_equal(fitted.units, [0, 1, *range(3, 9)] if wanted != "units" else range(9))
    inside = expected.inliers.is_inlier(states[..., expected.units])
    assert np.array_equal(fitted.inliers.is_inlier(states[..., expected.units]), inside) and not inside.all()
    for name in ("drawn", "outliers", "steps", "how_many", "units_of_state"):
        assert getattr(fitted, name) == getattr(expected, name)
    assert (fitted.drawn, fitted.steps, fitted.units_of_state) == (3_000, 4_000, 9)
    assert found.parameters["components"] == wanted and found.parameters["seed"] == 3


def test_deviations_are_those_of_the_steps_that_components_were_found_on() -> None:
    states = mixed(planted_sources(), noise=0.5)
    states[17] = 400
    fitted = fitted_of(fitted_components(states.reshape(400, 10, 9), components="pca:3"))
    inside = fitted.inliers.is_inlier(states)
    assert not inside[17] and fitted.outliers == (~inside).sum()
    np.testing.assert_allclose(fitted.deviations, fitted.transform(states[inside]).std(axis=0), rtol=1e-9)
    assert (fitted.deviations < 0.9 * fitted.transform(states).std(axis=0)).any()


def test_as_many_as_there_are_dimensions_unless_a_number_is_given() -> None:
    random = np.random.default_rng(0)
    few = random.normal(size=(200, 5, 6))
    assert fitted_components(few).parameters["components"] == "ica:6"
    doubled = np.concatenate([few, few[..., :2]], axis=-1)
    assert fitted_components(doubled).parameters["components"] == "ica:6"
    many = random.normal(size=(200, 5, 20))
    assert fitted_components(many, fit_steps=500).parameters["components"] == "ica:16"
    with pytest.raises(NotMeasurable, match="only 6 dimensions"):
        fitted_components(doubled, components="ica:7")


def test_without_what_is_given_the_components_are_found_on_the_spot(small_recording: Recording) -> None:
    found = dataset_examples(small_recording, agent=small_agent())
    fit = fitted_components(small_recording, agent=small_agent())
    same = dataset_examples(small_recording, given={"fitted_components": fit})
    assert np.array_equal(found.data["listed"].values, same.data["listed"].values)
    assert found.parameters == same.parameters and found.parameters["components"] == "ica:8"


def test_the_burn_in_is_that_of_the_result_that_is_given(small_recording: Recording) -> None:
    from retinoscope.analyses.behaviour.burn_in import burn_in

    measured = burn_in(small_recording, agent=small_agent())
    shifted = Result(
        "burn_in", measured.data.assign(steps=measured.data["steps"] + 3), measured.parameters, measured.provenance
    )
    one, other = (fitted_components(small_recording, given={"burn_in": each}) for each in (measured, shifted))
    assert other.parameters["burn_in_steps"] == one.parameters["burn_in_steps"] + 3
    assert one.provenance["agent"] == "small-0"


def test_more_components_than_units_are_refused_before_anything_is_recorded() -> None:
    chosen = ANALYSIS.parameters(components="ica:9")
    assert ANALYSIS.refuse is not None
    with pytest.raises(UserError, match="ica:9 of a memory of 8 units"):
        ANALYSIS.refuse(Inputs(small_agent(), None), chosen)
    ANALYSIS.refuse(Inputs(small_agent(), None), ANALYSIS.parameters())


def test_what_cannot_be_judged_is_no_fault_of_the_user(small_recording: Recording) -> None:
    with pytest.raises(NotMeasurable, match="and a window takes 500"):
        fitted_components(small_recording, window_steps=500, burn_in_steps=0)
    one_sample = np.random.default_rng(0).normal(size=(1, 50, 3))
    with pytest.raises(NotMeasurable, match="one sample only"):
        components(ArraySamples(one_sample))
