"""The components of a recording: found on its windows, judged, and set beside what went on."""

from __future__ import annotations

import re

import numpy as np
import pytest

from retinoscope.analyses.memory.component_quantities import Quantities
from retinoscope.analyses.memory.components import ComponentParameters, components
from retinoscope.analyses.memory.dataset_examples import dataset_examples
from retinoscope.analyses.memory.fitted_components import fitted_components
from retinoscope.analyses.memory.recording_windows import RecordingWindows
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, load_result
from retinoscope.rollouts import ArrayRecording, Recording
from retinoscope.worlds.declaration import Declaration, Picture, Variable
from tests.statistics.test_components import matches, mixed, planted_sources

QUICK = ComponentParameters(runs=3, sweep=(2, 4), sweep_runs=2)


def fit(recording: Recording) -> dict[str, Result]:
    found = fitted_components(recording, components="pca:3", window_steps=6, burn_in_steps=2)
    return {"fitted_components": found}


@pytest.fixture(scope="module")
def of_recording(small_recording: Recording) -> Result:
    return components(small_recording, given=fit(small_recording), parameters=QUICK)


def test_planted_sources_in_anyones_array_are_found_and_called_stable() -> None:
    sources = planted_sources(gaussian=2)
    states = mixed(sources).reshape(400, 10, 9)
    given = {"fitted_components": fitted_components(states, components="ica:6")}
    result = components(states, given=given, runs=6, sweep=(4, 9, 10), sweep_runs=2)
    activations = states.reshape(-1, 9) @ result.data["direction"].values.T
    similarity = matches(activations, sources)
    stable = result.data["is_stable"].values
    assert stable.sum() == 4
    assert (similarity[stable].max(axis=1) > 0.98).all()
    assert (similarity[stable].argmax(axis=1) < 4).all()
    assert result.data["kept"].values.tolist() == [4, 9]
    assert int(result.data["dimensions_above_chance"]) <= 6
    assert "correlation" not in result.data


def test_units_that_hardly_ever_change_are_left_out_and_what_is_left_is_found_as_without_them() -> None:
    random = np.random.default_rng(3)
    states = mixed(planted_sources(), units=8).reshape(40, -1, 8)
    nothing = np.zeros(states.shape[:2])
    outlier, once = nothing.copy(), nothing.copy()
    outlier[7, 3] = 1.0  # the step is one, by this unit alone
    once[11] = random.normal(size=states.shape[1])  # in one sample of forty, which not every draw holds
    activity = np.stack([nothing, outlier, once], axis=2)
    activity = np.concatenate([states, activity], axis=2)
    plain, fit = fitted_components(states, components="ica:4"), fitted_components(activity, components="ica:5")
    assert fit.data["kept"].values.tolist() == [*range(8), 10]
    found = components(activity, given={"fitted_components": fit}, runs=8, sweep=())
    said = found.data.attrs["caption"]
    assert "2 of 11 units never change in the steps that components are found on and are left out (unit 8, 9)" in said
    assert 0 < lacking_of(said) < 8, "some draws of samples lack the one in which a unit changes"
    assert found.data["is_stable"].values.sum() == 4, "what one sample shows is not found again without it"
    assert (found.data["direction"].values[:, 8:10] == 0).all()
    ours, theirs = (each.data["unmixing"] / each.data["scale"] for each in (fit, plain))
    activations = activity[..., fit.data["kept"].values] @ ours.values.T, states @ theirs.values.T
    similarity = matches(*(each.reshape(-1, each.shape[-1]) for each in activations))
    assert (similarity.max(axis=0) > 0.99).all()
    with pytest.raises(NotMeasurable, match=r"1 of 11 units never change \(unit 8\).*leave_out_constant=True"):
        fitted_components(activity, components="ica:4", leave_out_constant=False)


def lacking_of(caption: str) -> int:
    """Of how many estimates the caption says that units have no weight."""
    said = re.search(r"In (\d+) of the 8 estimates units that did not change in what was drawn have no weight", caption)
    return int(said.group(1)) if said else 0


def test_correlations_are_those_of_all_decisions_behind_the_burn_in(
    of_recording: Result, small_recording: Recording
) -> None:
    rows = small_recording.rows(names=["rnn", "value", "health", "action", "object_count"])
    chosen = rows["step"].values >= 2
    lengths = {episode.index: episode.stop - episode.start for episode in small_recording.episodes}
    chosen &= np.array([lengths[each] > 3 for each in rows["episode"].values])
    activations = rows["rnn"].values[chosen].astype(np.float64) @ of_recording.data["direction"].values.T
    beside = {
        "value": rows["value"].values,
        "health": rows["health"].values,
        "turn left": rows["action"].values[:, 0] == 1,
        "objects in view": rows["object_count"].values,
    }
    for name, values in beside.items():
        expected = np.corrcoef(activations.T, values[chosen].astype(np.float64))[:3, 3]
        found = of_recording.data["correlation"].sel(quantity=name).values
        np.testing.assert_allclose(found, expected, atol=1e-5)
    low, high = (of_recording.data[f"correlation_{name}"].values for name in ("low", "high"))
    assert (np.nan_to_num(low) <= np.nan_to_num(high)).all()


def test_quantities_say_what_was_in_view(small_recording: Recording) -> None:
    quantities = Quantities(small_recording)
    names, found = quantities.names, quantities.of(5, 60)
    classes = small_recording.world.object_classes
    for row, objects in enumerate(small_recording.objects(5, 60)):
        for index, name in enumerate(classes):
            seen = sum(each["class_index"] == index for each in objects)
            assert found[row, names.index(f"{name} in view")] == seen
        if objects:
            assert found[row, names.index("distance to nearest")] == pytest.approx(
                min(each["distance"] for each in objects)
            )
    actions = small_recording.rows(5, 60, ["action"])["action"].values
    assert np.array_equal(found[:, names.index("move backward")], actions[:, 1] == 2)


def test_every_variable_is_a_quantity_and_an_angle_is_two() -> None:
    random = np.random.default_rng(0)
    arrays = {
        "rnn": random.normal(size=(40, 3)),
        "place": random.normal(size=(40, 2)),
        "facing": random.uniform(0, 360, 40),
        "level": np.arange(40.0),
        "action": random.normal(size=(40, 2)).astype(np.float32),
    }
    variables = (
        Variable("place", labels=("row", "column"), kind="place"),
        Variable("facing", "degrees", kind="heading"),
        Variable("level"),
        Variable("not recorded"),
    )
    world = Declaration("planted", "", "", Picture(0, 0, 0), (), variables=variables)
    quantities = Quantities(ArrayRecording(arrays, world=world, roles={"rnn": "memory"}))
    assert quantities.names == [
        *("place row", "place column", "sine of facing", "cosine of facing", "level", "action 0", "action 1")
    ]
    radians = np.radians(arrays["facing"])
    expected = [*arrays["place"].T, np.sin(radians), np.cos(radians), arrays["level"], *arrays["action"].T]
    np.testing.assert_allclose(quantities.of(3, 30), np.stack(expected, 1)[3:30], rtol=1e-6)


def test_patterns_and_directions_belong_together_and_are_saved(of_recording: Result, tmp_path) -> None:
    data = load_result(of_recording.save(tmp_path / "components.nc")).data
    np.testing.assert_allclose(data["direction"].values @ data["pattern"].values.T, np.eye(3), atol=1e-6)
    assert data.sizes["unit"] == 8
    assert of_recording.parameters["found_by"] and of_recording.parameters["burn_in_steps"] == 2
    assert "episodes drawn with replacement" in data.attrs["caption"]


def test_the_same_windows_and_components_as_of_the_lists(of_recording: Result, small_recording: Recording) -> None:
    lists = dataset_examples(small_recording, given=fit(small_recording))
    windows = RecordingWindows(small_recording, 6, burn_in=2)
    states = windows.activity(0, windows.count).reshape(-1, 8).astype(np.float64)
    activations = states @ of_recording.data["direction"].values.T
    spread = activations.std(axis=0)
    np.testing.assert_allclose(spread, lists.data["standard_deviation"].values[0], rtol=1e-4)


def test_a_recording_of_arrays_shows_what_goes_with_the_quantities_that_it_has() -> None:
    sources = planted_sources()
    states = mixed(sources)
    arrays = {"rnn": states, "value": 2 * sources[:, 2] + 1}
    given: dict[str, Result] = {}
    for names, quantities in ((("rnn",), []), (("rnn", "value"), ["value"])):
        recording = ArrayRecording({name: arrays[name] for name in names}, episode_lengths=[1_000] * 4)
        given["fitted_components"] = fitted_components(recording, components="ica:4", burn_in_steps=0)
        found = components(recording, given=given, parameters=QUICK).data
        assert ("correlation" in found) == bool(quantities)
        assert not quantities or found["quantity"].values.tolist() == quantities
    place = matches(states @ found["direction"].values.T, sources)[:, 2].argmax()
    assert abs(float(found["correlation"][place, 0])) > 0.98 > 0.1 > float(found["correlation_chance"][place])


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"runs": 1}, "runs is 1"), ({"sweep_runs": 0}, "sweep_runs is 0"), ({"sweep": (0, 4)}, "sweep 0")],
)
def test_parameters_that_make_no_sense_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        ComponentParameters(**settings)
