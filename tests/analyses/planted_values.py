"""One value of every analysis that is known without it: computed again here by a few obvious lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from retinoscope.analyses.recorded import numbers_of
from retinoscope.testing import KEPT, Checked
from retinoscope.testing.networks import NAME

PlantedValue = Callable[[Checked], None]
PLANTED: dict[str, PlantedValue] = {}


def planted(name: str) -> Callable[[PlantedValue], PlantedValue]:
    """This is the value of that analysis."""

    def note(check: PlantedValue) -> PlantedValue:
        PLANTED[name] = check
        return check

    return note


def data_of(checked: Checked) -> Any:
    assert checked.result is not None
    return checked.result.data


def rows_of(checked: Checked, *names: str) -> Any:
    return checked.inputs.recording.rows(names=list(names))


def encoder_of(checked: Checked) -> str:
    """The stored layer that is the encoder's output."""
    return str(checked.inputs.recording.layers_of("encoder output")[0])


def maps_in(checked: Checked) -> list[str]:
    """The convolutions of the agent, in order."""
    return [layer.name for layer in checked.inputs.agent.policy.layers if layer.kind == "convolution"]


def require_variables(checked: Checked, rows: np.ndarray | slice) -> None:
    """The quantities of the world, and perhaps its places, are in the Result as they were recorded."""
    data, recording = data_of(checked), checked.inputs.recording
    listed = {each["name"]: each["stored"] for each in json.loads(data.attrs["variables"])}
    numbers = {each.name: each for each in numbers_of(recording)}
    assert set(listed) >= {each.name for each in numbers_of(recording, "quantity")}
    for each in map(numbers.__getitem__, listed):
        expected = each.of(recording.rows(names=[each.column]))[rows]
        np.testing.assert_allclose(data[listed[each.name]].values, expected, rtol=1e-6)


@planted("simulation")
def _(checked: Checked) -> None:
    data, rows = data_of(checked), rows_of(checked, "observation", "events")
    count = data.sizes["time"]
    for name in ("observation", "events") if checked.inputs.recording.world.events else ("observation",):
        np.testing.assert_array_equal(data[name].values, rows[name].values[:count])
    require_variables(checked, slice(0, count))


@planted("receptive_fields")
def _(checked: Checked) -> None:
    """Of the first layer, E[grad f] = E[f'] w: the field is the kernel but for its size."""
    weights = checked.inputs.agent.policy.weights_of("conv1")
    kernels = next(each.detach().numpy() for name, each in weights.items() if name.endswith("weight"))
    fields = data_of(checked)["conv1"].values
    for kernel, field in zip(kernels, fields, strict=True):
        assert np.corrcoef(kernel.transpose(1, 2, 0).ravel(), field.ravel())[0, 1] > 0.999


@planted("natural_fields")
def _(checked: Checked) -> None:
    """What a field predicts of the unit in the middle, picture by picture, goes with its activity as r says."""
    data, policy = data_of(checked), checked.inputs.agent.policy
    views = rows_of(checked, "observation")["observation"].values
    (row, column), height, width = policy.middle_unit("conv1"), *data["conv1"].shape[1:3]
    top, left = policy.receptive_field("conv1").starts(row, column)
    seen = views[:, top : top + height, left : left + width].astype(float)
    activity = maps_of(checked, "conv1", views)[:, :, row, column]
    assert data["conv1"].attrs["pixels_per_block"] == 1
    for field, answers, r in zip(data["conv1"].values, activity.T, data["conv1_r"].values, strict=True):
        if answers.std() > 0:
            assert np.corrcoef((seen * field).sum(axis=(1, 2, 3)), answers)[0, 1] > r - 0.2


@planted("channel_statistics")
def _(checked: Checked) -> None:
    views = rows_of(checked, "observation")["observation"].values
    count = checked.result.parameters["decisions"]
    rows = np.unique(np.linspace(0, len(views) - 1, count).round().astype(int))
    maps = maps_of(checked, "conv1", views[rows]).astype(float)
    np.testing.assert_allclose(data_of(checked)["conv1_mean"].values, maps.mean(axis=(0, 2, 3)), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(data_of(checked)["conv1_deviation"].values, maps.std(axis=(0, 2, 3)), rtol=1e-3)


@planted("tuning_to_gratings")
def _(checked: Checked) -> None:
    """A unit of the first layer is driven most by the grating on which its kernel projects most."""
    data, weights = data_of(checked).isel(network=0), checked.inputs.agent.policy.weights_of("conv1")
    kernels = next(each.detach().numpy().astype(float) for name, each in weights.items() if name.endswith("weight"))
    here = data.isel(unit=np.flatnonzero(data["unit_layer"].values == "conv1"))
    row, column = np.mgrid[: kernels.shape[2], : kernels.shape[3]]
    angle, frequency = np.meshgrid(np.radians(data["orientation"].values), data["frequency"].values, indexing="ij")
    across = np.cos(angle)[..., None, None] * column - np.sin(angle)[..., None, None] * row
    waves = np.exp(2j * np.pi * frequency[..., None, None] * across)
    axes = np.array([[1, 1, 1], [1, -1, 0], [-1, -1, 2]]) if data.sizes["axis"] == 3 else np.ones((1, kernels.shape[1]))
    axes = axes / np.linalg.norm(axes, axis=1, keepdims=True)
    for unit, number in enumerate(here["unit_number"].values):
        drive = np.abs(np.einsum("ac,chw,ofhw->aof", axes, kernels[number], waves))
        turned = (here["preferred_orientation"].values[unit] - data["orientation"].values + 90) % 180 - 90
        octaves = np.log2(here["preferred_frequency"].values[unit] / data["frequency"].values)
        place = (here["preferred_axis"].values[unit], np.abs(turned).argmin(), np.abs(octaves).argmin())
        assert drive[place] > 0.9 * drive.max()


@planted("tuning_to_motion")
def _(checked: Checked) -> None:
    """The strongest answer of a memory, its gratings drawn decision by decision."""
    data, policy, asked = data_of(checked), checked.inputs.agent.policy, checked.result.parameters
    (height, width, channels), (cycle,) = policy.observation_shape, asked["cycle_steps"]
    row, column = np.mgrid[:height, :width] - np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None]
    angles = np.radians(np.arange(asked["directions"]) * 360 / asked["directions"])
    frequencies = np.geomspace(1 / max(height, width), asked["highest_frequency"], asked["frequencies"])
    kinds = [(a, f) for a in angles for f in frequencies]
    mean, names = data.attrs["grey_level"], [str(each) for each in data["layer"].values]
    amplitude = min(mean, 255 - mean)
    samples: dict[str, list[np.ndarray]] = {name: [] for name in names}
    state = policy.initial_state(len(kinds) + 1)
    for step in range(-asked["settling_steps"], cycle):
        phase = 2 * np.pi * step / cycle
        waves = [np.cos(2 * np.pi * f * (column * np.cos(a) - row * np.sin(a)) - phase) for a, f in kinds]
        pictures = mean + amplitude * np.stack([*waves, np.zeros_like(waves[0])])[..., None].repeat(channels, -1)
        with torch.no_grad(), policy.capture(*names) as activity:
            state = policy.step(torch.from_numpy(pictures.astype(np.float32)), state).state
        for name in names:
            if step >= 0:
                samples[name].append((activity[name][:-1] - activity[name][-1]).double().numpy())
    for name in names:
        here = data.isel(network=0, unit=np.flatnonzero(data["unit_layer"].values == name))
        strengths = np.sqrt(np.square(samples[name]).mean(axis=0))
        expected = strengths.max(axis=0)[here["unit_number"].values]
        np.testing.assert_allclose(here["strength"].values, expected, rtol=1e-2, atol=1e-5)


@planted("field_structure")
def _(checked: Checked) -> None:
    """Of the first layer, whose field is the kernel: how much of it is one product of colour and space."""
    weights = checked.inputs.agent.policy.weights_of("conv1")
    kernels = next(each.detach().double().numpy() for name, each in weights.items() if name.endswith("weight"))
    data = data_of(checked).sel(network="trained")
    is_first = data["unit_layer"].values == "conv1"
    squared = [np.linalg.svd(each.reshape(len(each), -1), compute_uv=False) ** 2 for each in kernels]
    expected = [each[0] / each.sum() for each in squared]
    np.testing.assert_allclose(data["colour_share"].values[is_first], expected, atol=0.01)
    counted = data["count"].sum("kind_of_field").values + data["silent"].values
    assert counted.tolist() == [(data["unit_layer"].values == each).sum() for each in data["layer"].values]


@planted("burn_in")
def _(checked: Checked) -> None:
    """The planted memory keeps the same share of any difference at every decision."""
    data = data_of(checked)
    agent = checked.inputs.agent
    if agent is not None and agent.name == NAME and checked.result.parameters["method"] == "forgetting":
        distance, steps = data["distance"].values, int(data["steps"])
        np.testing.assert_allclose(distance[1 : steps + 1] / distance[:steps], KEPT, rtol=1e-3)
        assert steps == int(np.argmax(distance <= checked.result.parameters["tolerance"]))


@planted("raster")
def _(checked: Checked) -> None:
    name = encoder_of(checked)
    data, activity = data_of(checked), rows_of(checked, name)[name].values.astype(float)
    start, count = checked.result.parameters["window_start"], data.sizes["time"]
    scores = (activity - activity.mean(axis=0)) / np.maximum(activity.std(axis=0, ddof=1), 1e-12)
    expected = scores[start : start + count].T[data[f"{name}_unit"].values]
    np.testing.assert_allclose(data[name].values, expected, atol=1e-4)


@planted("principal_components")
def _(checked: Checked) -> None:
    name = encoder_of(checked)
    variances = np.linalg.eigvalsh(np.cov(rows_of(checked, name)[name].values.astype(float).T))
    found = float(data_of(checked)["participation_ratio"].sel(layer=name))
    np.testing.assert_allclose(found, variances.sum() ** 2 / (variances**2).sum(), rtol=1e-6)


@planted("embedding")
def _(checked: Checked) -> None:
    data = data_of(checked)
    if "value" in data:
        value = rows_of(checked, "value")["value"].values
        np.testing.assert_allclose(data["value"].values, value[data["row"].values], rtol=1e-6)
    require_variables(checked, data["row"].values)


@planted("event_triggered")
def _(checked: Checked) -> None:
    """The encoder's mean output at every lag around events whose window lies within their episode.

    Of the good ones where the world knows good and bad ones, else of the most frequent one.
    """
    layer, world = encoder_of(checked), checked.inputs.recording.world
    data, rows = data_of(checked), rows_of(checked, layer, "events")
    kind = str(data["kind"].values[0])
    names = np.array([each.name for each in world.events])
    happened = (
        rows["events"].values[:, world.valences > 0 if kind == world.words.positive else names == kind].any(axis=1)
    )
    lags, skipped = data["lag"].values, int(data.attrs["burn_in_steps"])
    windows = []
    for episode in checked.inputs.recording.episodes:
        for row in range(episode.start + skipped, episode.stop):
            inside = episode.start + skipped <= row + lags[0] and row + lags[-1] < episode.stop
            if happened[row] and inside:
                windows.append(rows[layer].values[row + lags[0] : row + lags[-1] + 1])
    assert int(data["events"].sel(kind=kind)) == len(windows) > 0
    np.testing.assert_allclose(
        data[f"{layer}_mean"].sel(kind=kind).values, np.mean(windows, axis=0), rtol=1e-4, atol=1e-5
    )


@planted("activation_movies")
def _(checked: Checked) -> None:
    data, views = data_of(checked), rows_of(checked, "observation")["observation"].values
    maps = maps_of(checked, "conv1", views[: checked.result.parameters["frames"]])
    np.testing.assert_allclose(data["conv1_highest"].values, maps.max(axis=(0, 2, 3)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(data["conv1_lowest"].values, maps.min(axis=(0, 2, 3)), rtol=1e-4, atol=1e-5)


def maps_of(checked: Checked, layer: str, views: np.ndarray) -> np.ndarray:
    """(time, channel, row, column) of a convolution."""
    policy = checked.inputs.agent.policy
    with torch.no_grad(), policy.capture(layer) as found:
        policy.step(torch.from_numpy(views), policy.initial_state(len(views)))
    return found[layer].numpy()


@planted("convolutions")
def _(checked: Checked) -> None:
    views = rows_of(checked, "observation")["observation"].values
    expected = maps_of(checked, "conv2", views).mean(axis=(2, 3))
    np.testing.assert_allclose(data_of(checked)["conv2_mean"].values, expected, rtol=1e-4, atol=1e-5)


@planted("episode_attribution")
def _(checked: Checked) -> None:
    """What is explained is what was recorded."""
    data, said = data_of(checked), checked.result.parameters
    episode = checked.inputs.recording.episodes[said["episode"]]
    rows = slice(episode.start + said["start"], episode.start + said["stop"])
    recorded = rows_of(checked, "value", "logits")
    expected = {"value": recorded["value"].values, "mean": recorded["logits"].values[:, 0]}
    for target in map(str, data["target"].values[:1]):  # without a critic the first action, if actions are continuous
        found = data["answer"].sel(target=target).values
        np.testing.assert_allclose(found, expected[target.partition(":")[0]][rows], rtol=1e-4, atol=1e-5)
    seen = rows_of(checked, "observation")["observation"].values[data["row"].values]
    np.testing.assert_array_equal(data["observation"].values, seen)


@planted("attribution_checks")
def _(checked: Checked) -> None:
    """With all pixels deleted, or none inserted, no order differs from another."""
    data = data_of(checked)
    assert float(data["fraction"][0]) == 0 and float(data["fraction"][-1]) == 1
    for curve, end in (("deletion", -1), ("insertion", 0)):
        values = data[curve].isel(fraction=end).values
        np.testing.assert_allclose(values, np.broadcast_to(values[:1], values.shape), rtol=1e-5, atol=1e-6)


@planted("shown_images")
def _(checked: Checked) -> None:
    data, policy = data_of(checked), checked.inputs.agent.policy
    views = torch.from_numpy(data["observation"].values)
    with torch.no_grad(), policy.capture("rnn") as activity:
        step = policy.step(views, policy.initial_state(len(views)))
    expected = policy.probabilities(step.logits).numpy()
    found = data["probability"].isel(checkpoint=-1).values[data["kept"].values]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(data["value"].values, step.value.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(data["rnn_activity"].values, activity["rnn"].numpy(), rtol=1e-4, atol=1e-5)


@planted("dataset_presentation")
def _(checked: Checked) -> None:
    data = data_of(checked)
    np.testing.assert_allclose(
        data["median"].values, np.nanmedian(data["relative_distance"].values, axis=-1), rtol=1e-5
    )


@planted("dataset_embedding")
def _(checked: Checked) -> None:
    data = data_of(checked)
    shares = np.bincount(data["label"].values) / data.sizes["image"]
    np.testing.assert_allclose(float(data["same_class_chance"]), (shares**2).sum())


@planted("decoding")
def _(checked: Checked) -> None:
    """Balanced accuracy is the mean over classes of the share of their held-out images that is named rightly."""
    data = data_of(checked)
    for layer in data["layer"].values:
        confusion = data["confusion"].isel(checkpoint=0).sel(layer=layer).values
        expected = (confusion.diagonal() / confusion.sum(axis=1)).mean()
        np.testing.assert_allclose(float(data["balanced"].isel(checkpoint=0).sel(layer=layer, task="class")), expected)


@planted("action_given_stimulus")
def _(checked: Checked) -> None:
    data = data_of(checked)
    walking = data["mean_probability"].sel(action="forward") - data["mean_probability"].sel(action="backward")
    heals = data["effect"].values > 0
    expected = walking.values[:, heals].mean(axis=1) - walking.values[:, ~heals].mean(axis=1)
    np.testing.assert_allclose(data["contrast"].values, expected, atol=1e-6)


@planted("recurrent_response")
def _(checked: Checked) -> None:
    data = data_of(checked)
    centred = data["response"].values - data["response"].values.mean(axis=0)
    _, _, axes = np.linalg.svd(centred.astype(float), full_matrices=False)
    np.testing.assert_allclose(np.abs(data["score"].values), np.abs(centred @ axes[:2].T), atol=1e-4)


@planted("dataset_attribution")
def _(checked: Checked) -> None:
    """Images of 20 pixels' height cover no more than their square of the view."""
    height, width = data_of(checked)["observation"].shape[1:3]
    area = data_of(checked)["area"].values
    assert (area > 0).all() and (area <= 20 * 20 / (height * width)).all()


@planted("fitted_components")
def _(checked: Checked) -> None:
    data = data_of(checked)
    np.testing.assert_allclose(data["unmixing"].values @ data["mixing"].values, np.eye(3), atol=1e-5)


@planted("components")
def _(checked: Checked) -> None:
    """How the state changes with a component, seen along its own direction, is one, and along another's nothing."""
    data = data_of(checked)
    np.testing.assert_allclose(data["direction"].values @ data["pattern"].values.T, np.eye(3), atol=1e-4)


@planted("dataset_examples")
def _(checked: Checked) -> None:
    data, steps = data_of(checked), checked.result.parameters["steps"]
    counted = data["histogram"].sel(when="all_steps").sum("bin").values
    np.testing.assert_array_equal(counted, data.sizes["sample"] * steps)
    np.testing.assert_allclose(data["coverage"].values, data["listed"].values.mean(axis=-1))
    any_step, at_one = (data["listed"].sel(scope=scope).values for scope in ("any_step", "gradient_step"))
    assert (any_step | ~at_one).all(), "what is listed at one step is listed at any"


@planted("component_gallery")
def _(checked: Checked) -> None:
    """The last frame that is shown of a sample was seen, and the value is the activation there."""
    data, seen = data_of(checked), rows_of(checked, "observation")["observation"].values
    step = checked.result.parameters["gradient_step"]
    np.testing.assert_allclose(data["value"].values, data["activation"].values[..., step])
    assert int(data["shown"][-1]) <= step
    for shown, frame in zip(data["shown"].values, data["frames"].values[0, 0, 0], strict=True):
        np.testing.assert_array_equal(seen[int(data["first_row"].values[0, 0, 0]) + shown], frame)


@planted("intervention")
def _(checked: Checked) -> None:
    """In every episode each head has one action at a time, and what is gathered is what the events bring."""
    data = data_of(checked)
    np.testing.assert_allclose(
        data["actions"].sum("output").values, len(checked.inputs.agent.policy.action_heads), rtol=1e-5
    )
    expected = (data["events"] * data["event_valence"]).sum("event").values
    np.testing.assert_allclose(data["gathered"].values, expected)


@planted("fixed_points")
def _(checked: Checked) -> None:
    """At every point the whole agent, shown that view, hands its state on as it is; the planted memory keeps `KEPT`."""
    data, agent = data_of(checked), checked.inputs.agent
    views, rows = rows_of(checked, "observation")["observation"].values, data["view_row"].values
    held = data["held"].values.tolist()
    for point in range(data.sizes["point"]):
        of_agent = str(data["point_network"].values[point]) == "trained"
        row = int(rows[held.index(str(data["point_input"].values[point]))])
        if of_agent and agent.name == NAME:
            np.testing.assert_allclose(data["eigenvalue_real"].values[point], KEPT, atol=1e-4)
            np.testing.assert_allclose(data["time_constant"].values[point], -1 / np.log(KEPT), rtol=1e-3)
        if of_agent and row >= 0 and str(data["kind"].values[point]) != "slow":
            state = torch.tensor(data["state"].values[point])[None]
            with torch.no_grad():
                leaving = agent.policy.step(torch.from_numpy(views[row])[None], state).state
            np.testing.assert_allclose(leaving, state, atol=1e-4)


@planted("tuning")
def _(checked: Checked) -> None:
    """Rates are means over the decisions of a bin, of the agent and along its frames; nobody else is asked."""
    data = data_of(checked)
    components = data.isel(unit=np.flatnonzero(data["unit_layer"].values == "components"))
    if components.sizes["unit"] and "untrained" in data["network"].values:
        has_own = np.isfinite(components["p"].sel(network="untrained").values).any()
        assert has_own != ("No components of the untrained network" in data.attrs["caption"])
    listed = json.loads(data.attrs["variables"])
    burn_in, rows = checked.result.parameters["burn_in_steps"], rows_of(checked)
    kept = rows["step"].values >= burn_in
    layer = str(data["unit_layer"].values[0])
    values = rows_of(checked, layer)[layer].values[kept].astype(float)
    of_layer = data.isel(unit=np.flatnonzero(data["unit_layer"].values == layer)).sel(network="agent")
    for about in listed:
        occupancy = data[f"{about['stored']}_occupancy"].values
        rates = of_layer[f"{about['stored']}_rate"].values
        assert occupancy.sum() <= kept.sum()
        if occupancy.sum() == kept.sum() and np.isfinite(rates).all():
            np.testing.assert_allclose(
                (rates * occupancy).sum(axis=tuple(range(1, rates.ndim))), values.sum(axis=0), rtol=1e-4, atol=1e-3
            )


@planted("dose_response")
def _(checked: Checked) -> None:
    """Held at no dose, at the mean or by adding nothing: small; and never more is done than at the largest doses."""
    data = data_of(checked)
    outputs = data["change"].values
    heads = [len(head.outputs) for head in checked.inputs.agent.policy.action_heads]
    for part in np.split(outputs, np.cumsum(heads)[:-1], axis=-1):
        np.testing.assert_allclose(part.sum(axis=-1), 0, atol=1e-5)
    doses, divergence = data["dose"].values, data["divergence"].values
    assert (divergence[:, np.abs(doses).argmax()] >= divergence[:, np.abs(doses).argmin()] - 1e-6).all()


@planted("memory_decoding")
def _(checked: Checked) -> None:
    """An action to come has a sample for every row that is so far from the end of its episode, at most 60."""
    data, parameters = data_of(checked), checked.result.parameters
    lengths = [each.stop - each.start - parameters["burn_in_steps"] for each in checked.inputs.recording.episodes]
    named = [name for name in data["target"].values if str(name).startswith("action")]
    for name in named:
        for delay in data["delay"].values.tolist():
            expected = min(sum(max(0, length - delay) for length in lengths), parameters["samples"])
            assert int(data["samples"].sel(target=name, delay=delay)) <= expected
    assert named
    shown = data["score"].sel(network="agent").values
    assert np.isfinite(shown).any() and np.nanmax(shown) <= 1
