"""Dimensions of planted dynamics, and of a real agent's layers against the whole covariance."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from retinoscope.analyses.behaviour import layer_components
from retinoscope.analyses.behaviour.layer_components import fit_layers
from retinoscope.analyses.behaviour.principal_components import first_component, principal_components
from retinoscope.analyses.layer_activity import activity_blocks
from retinoscope.errors import UserError
from retinoscope.result import load_result
from retinoscope.rollouts import ArrayRecording, Recording
from tests.planted_activity import PlantedActivity, latent_activity
from tests.rollouts.recordings import small_agent

LAYERS = ("pixels", "conv1", "conv2", "conv3", "fc", "rnn")


@pytest.fixture(scope="module")
def measured(small_recording: Recording):
    return principal_components(small_recording, agent=small_agent(), burn_in_steps=3, window_seconds=2.0, map_bins=12)


def activity(recording: Recording, layer: str) -> np.ndarray:
    (block,) = activity_blocks(recording, [layer], small_agent().policy, size=recording.frames)
    return block[layer].values.reshape(recording.frames, -1).astype(np.float64)


def eigenvalues(data: np.ndarray) -> np.ndarray:
    """By way of the smaller of the two matrices that have them."""
    data = data - data.mean(axis=0)
    matrix = data @ data.T if data.shape[0] < data.shape[1] else data.T @ data
    return np.maximum(np.linalg.eigvalsh(matrix)[::-1], 0) / (len(data) - 1)


def test_planted_dimensions_are_found_and_the_start_is_left_out() -> None:
    data = latent_activity(2000, 4, 20)
    start = np.arange(2000) % 100 < 10
    data[start] += 50 * np.random.default_rng(0).normal(size=(start.sum(), 20))
    recording = PlantedActivity({"rnn": data}, 100)
    fit = fit_layers(recording, ["rnn"], burn_in_steps={"rnn": 10})["rnn"]
    assert fit.participation_ratio.low < 4 < fit.participation_ratio.high
    assert fit.participation_ratio.high - fit.participation_ratio.low < 1
    assert fit.components.count == 1800
    with_start = fit_layers(recording, ["rnn"])["rnn"].participation_ratio
    assert with_start.low > 5


def test_every_layer_of_an_agent_has_the_variances_of_its_whole_covariance(small_recording, measured) -> None:
    assert measured.data["layer"].values.tolist() == list(LAYERS)
    assert measured.data["is_exact"].values.tolist() == [False, False, True, True, True, True]
    step = small_recording.rows(names=())["step"].values
    for layer in LAYERS:
        data = activity(small_recording, layer)
        if layer == "rnn":
            data = data[step >= 3]
        truth, at = eigenvalues(data), measured.data.sel(layer=layer)
        shares = truth / truth.sum()
        found = at["variance_share"].values
        count = min(len(shares), 10, data.shape[1])
        np.testing.assert_allclose(found[:count], shares[:count], rtol=5e-3)
        ratio = truth.sum() ** 2 / (truth**2).sum()
        assert float(at["participation_ratio"]) == pytest.approx(ratio, rel=5e-3)
        assert at["participation_ratio_low"] < ratio < at["participation_ratio_high"] < at["participation_ratio_chance"]
        assert (int(at["units"]), int(at["decisions"])) == data.shape[::-1]


def test_first_components_are_compared_with_value_health_and_each_other(small_recording, measured) -> None:
    rows = small_recording.rows(names=("value", "health", "rnn", "fc"))
    kept = rows["step"].values >= 3
    columns = {"value": rows["value"].values, "health": rows["health"].values}
    for layer in ("fc", "rnn"):
        data = rows[layer].values.astype(np.float64)
        chosen = data[kept] if layer == "rnn" else data
        axis = np.linalg.eigh(np.cov(chosen.T))[1][:, -1]
        columns[f"first component of {layer}"] = (data - chosen.mean(axis=0)) @ axis
    for one in ("fc", "rnn"):
        name = f"first component of {one}"
        r = np.corrcoef(columns[name][kept], columns["value"][kept])[0, 1]
        found = measured.data.sel(variable=name, other_variable="value")
        assert float(found["correlation"]) == pytest.approx(abs(r), abs=1e-4)  # its sign is chosen so
        assert found["correlation_low"] < found["correlation"] < found["correlation_high"]
        at = measured.data.sel(scored_layer=one)
        window = slice(measured.parameters["window_start"], measured.parameters["window_start"] + at.sizes["time"])
        truth = columns[name][window] * np.sign(r)
        np.testing.assert_allclose(at["score"].values, truth, atol=1e-3 * np.abs(truth).max())
    np.testing.assert_array_equal(measured.data["health"].values, columns["health"][window])


def test_the_map_counts_every_decision_and_averages_the_value(small_recording, measured) -> None:
    value = small_recording.rows(names=("value",))
    kept = value["value"].values[value["step"].values >= 3].astype(float)
    for layer in ("fc", "rnn"):
        at = measured.data.sel(mapped_layer=layer)
        counts, mean = at["map_count"].values, np.nan_to_num(at["map_value"].values)
        assert counts.sum() == len(kept)
        assert (counts * mean).sum() / counts.sum() == pytest.approx(kept.mean(), rel=1e-6)
        # Moving along the first component raises the value, for its sign was chosen so.
        columns = np.array([(counts * mean)[:, c].sum() for c in range(12)]) / np.maximum(counts.sum(axis=0), 1)
        filled = counts.sum(axis=0) > 0
        assert (
            np.corrcoef(
                np.repeat(np.arange(12)[filled], counts.sum(axis=0)[filled]),
                np.repeat(columns[filled], counts.sum(axis=0)[filled]),
            )[0, 1]
            > 0
        )


def test_the_first_component_is_there_for_other_analyses(small_recording: Recording) -> None:
    found = first_component(small_recording, "fc")
    scores = found.scores(small_recording.rows(names=("fc",))["fc"].values, 1)
    assert scores.shape == (small_recording.frames, 1)
    assert scores.var(ddof=1) == pytest.approx(eigenvalues(activity(small_recording, "fc"))[0])


def test_blocks_of_any_size_give_the_same(small_recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        layer_components, "MOST_EXACT_UNITS", 12
    )  # so that fc (16 units) is sketched and rnn (8) is not
    fits = [fit_layers(small_recording, ["fc", "rnn"], block_size=size) for size in (7, 298)]
    for layer, is_exact in (("fc", False), ("rnn", True)):
        one, other = (fit[layer] for fit in fits)
        assert one.is_exact is is_exact
        np.testing.assert_allclose(one.components.variances, other.components.variances, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(one.participation_ratio, other.participation_ratio, rtol=1e-6)


def test_episodes_that_lie_within_the_start_up_are_left_out_and_nothing_else() -> None:
    """Most blocks lie wholly within the start-up: of 40 episodes, all but two are no longer than that."""
    lengths = [400, *[8] * 38, 300]
    data = latent_activity(sum(lengths), 3, 6)
    columns = {"value": data[:, 0], "health": np.full(len(data), 100.0), "events": np.zeros((len(data), 3), np.uint8)}
    recording = ArrayRecording(
        columns | {"rnn": data.astype(np.float32)},
        layers=["rnn"],
        roles={"rnn": "memory"},
        events={"a": -1, "b": 0, "c": 1},
        episode_lengths=lengths,
        attributes={"checkpoint_sha256": f"{0:064x}"},
    )
    settings = {"burn_in_steps": 8, "block_size": 4, "map_bins": 5}
    result = principal_components(recording, agent=small_agent(), **settings)
    late = np.concatenate([data[8:400], data[-292:]])
    assert int(result.data["decisions"][0]) == int(result.data["map_count"].sum()) == len(late)
    truth = eigenvalues(late)
    np.testing.assert_allclose(result.data["variance_share"].values[0, :3], (truth / truth.sum())[:3], rtol=1e-5)
    r = np.corrcoef((late - late.mean(axis=0)) @ np.linalg.eigh(np.cov(late.T))[1][:, -1], late[:, 0])[0, 1]
    found = result.data["correlation"].sel(variable="first component of rnn", other_variable="value")
    assert float(found) == pytest.approx(abs(r), abs=1e-5)


def test_captions_say_over_what_and_a_saved_result_comes_back(measured, tmp_path) -> None:
    scree, traces = measured.data.attrs["caption_scree"], measured.data.attrs["caption_time"]
    assert "n = 300 decisions" in scree and "Randomised estimate: pixels, conv1" in scree
    assert "In rnn, the first 3 decisions of every episode are left out" in scree
    assert "fc r = 0." in traces and "groups of episodes; 0 by chance" in traces
    loaded = load_result(measured.save(tmp_path / "result.nc"))
    assert loaded.data.equals(measured.data) and loaded.parameters["burn_in_steps"] == 3


def test_a_unit_that_never_changes_is_named_and_nothing_is_not_a_number() -> None:
    data = latent_activity(400, 3, 6)
    data[:, 2] = 1.0
    recording = PlantedActivity({"fc": data}, 50, value=data[:, 0])
    agent = dataclasses.replace(small_agent(), checkpoint_sha256=f"{0:064x}")
    result = principal_components(recording, agent=agent, layers=("fc",))
    assert "Never changed: 1 of fc." in result.data.attrs["caption_scree"]
    assert np.isfinite(result.data["participation_ratio"].values).all()
    assert np.isfinite(result.data["score"].values).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": ("conv9",)}, "layer 'conv9'"),
        ({"layers": ()}, "layers is empty; name at least 1"),
        ({"components": 1}, "components is 1"),
        ({"window_seconds": 0}, "window_seconds is 0"),
        ({"burn_in_steps": -1}, "burn_in_steps is -1; give at least 0"),
        ({"burn_in_steps": 39, "layers": ("rnn",)}, "behind the first 39"),
        ({"component": 3}, "no parameter 'component'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(small_recording, settings, message) -> None:
    with pytest.raises(UserError, match=message) as caught:
        principal_components(small_recording, agent=small_agent(), **settings)
    assert "\n" not in str(caught.value)


def test_too_few_decisions_and_another_agent_are_refused(small_recording) -> None:
    few = PlantedActivity({"fc": np.random.default_rng(0).normal(size=(12, 3))}, 6)
    with pytest.raises(UserError, match="has 12 decisions for the components of fc .* it needs at least 20"):
        fit_layers(few, ["fc"])
    with pytest.raises(UserError, match="another agent: its checkpoint_sha256 is .*, that of agent 'small-1'"):
        principal_components(small_recording, agent=small_agent(seed=1))
