"""One value of every analysis that is known without it: computed again here by a few obvious lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from retinoscope.testing import KEPT, Checked

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


@planted("simulation")
def _(checked: Checked) -> None:
    data, rows = data_of(checked), rows_of(checked, "observation", "pickups", "health")
    count = data.sizes["time"]
    for name in ("observation", "pickups", "health"):
        np.testing.assert_array_equal(data[name].values, rows[name].values[:count])


@planted("receptive_fields")
def _(checked: Checked) -> None:
    """Of the first layer, E[grad f] = E[f'] w: the field is the kernel but for its size."""
    kernels = checked.inputs.agent.policy.network.encoder.layers.conv1.convolution.weight.detach().numpy()
    fields = data_of(checked)["conv1"].values
    for kernel, field in zip(kernels, fields, strict=True):
        assert np.corrcoef(kernel.transpose(1, 2, 0).ravel(), field.ravel())[0, 1] > 0.999


@planted("burn_in")
def _(checked: Checked) -> None:
    """The planted memory keeps the same share of any difference at every decision."""
    data = data_of(checked)
    if checked.result.parameters["method"] == "forgetting":
        distance, steps = data["distance"].values, int(data["steps"])
        np.testing.assert_allclose(distance[1 : steps + 1] / distance[:steps], KEPT, rtol=1e-3)
        assert steps == int(np.argmax(distance <= checked.result.parameters["tolerance"]))


@planted("raster")
def _(checked: Checked) -> None:
    data, activity = data_of(checked), rows_of(checked, "fc")["fc"].values.astype(float)
    start, count = checked.result.parameters["window_start"], data.sizes["time"]
    scores = (activity - activity.mean(axis=0)) / np.maximum(activity.std(axis=0, ddof=1), 1e-12)
    expected = scores[start : start + count].T[data["fc_unit"].values]
    np.testing.assert_allclose(data["fc"].values, expected, atol=1e-4)


@planted("principal_components")
def _(checked: Checked) -> None:
    variances = np.linalg.eigvalsh(np.cov(rows_of(checked, "fc")["fc"].values.astype(float).T))
    found = float(data_of(checked)["participation_ratio"].sel(layer="fc"))
    np.testing.assert_allclose(found, variances.sum() ** 2 / (variances**2).sum(), rtol=1e-6)


@planted("embedding")
def _(checked: Checked) -> None:
    data, rows = data_of(checked), rows_of(checked, "value", "health")
    for name in ("value", "health"):
        np.testing.assert_allclose(data[name].values, rows[name].values[data["row"].values], rtol=1e-6)


@planted("event_triggered")
def _(checked: Checked) -> None:
    """The mean of fc at every lag around healing pick-ups whose window lies within their episode."""
    data, rows = data_of(checked), rows_of(checked, "fc", "pickups")
    lags, skipped = data["lag"].values, int(data.attrs["burn_in_steps"])
    windows = []
    for episode in checked.inputs.recording.episodes:
        for row in range(episode.start + skipped, episode.stop):
            inside = episode.start + skipped <= row + lags[0] and row + lags[-1] < episode.stop
            if rows["pickups"].values[row, 2] and inside:
                windows.append(rows["fc"].values[row + lags[0] : row + lags[-1] + 1])
    assert int(data["events"].sel(kind="healing")) == len(windows) > 0
    np.testing.assert_allclose(data["fc_mean"].sel(kind="healing").values, np.mean(windows, axis=0), rtol=1e-4, atol=1e-5)


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
