"""What interventions changed: differences from the unedited agent with their intervals, as numbers and as a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray

from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.result import Result
from retinoscope.statistics.bootstrap import Interval, bootstrap_interval

UNEDITED = "none"
_INTERVAL = ("", "_low", "_high")


def effects_of(result: Result) -> list[dict[str, Any]]:
    """What each edited component changed, episode by episode against the unedited agent.

    Returns:
        A dictionary for each component: `component`, `explained`, and for each measure (`seconds`, `survived`,
        `healing`, `harmful`, `pickups NAME`, `actions NAME`) a dictionary of `difference` (Interval, 95%, bootstrap
        over episodes), `random` (Interval of the mean over its random directions), and `p`: among all random
        directions of the result, how many changed the measure at least as much, as (C + 1) / (n + 1).
    """
    data = _with_effects(result).data
    measures = [str(each) for each in data["measure"].values]
    found = []
    for place, number in enumerate(data["edited"].values.tolist()):
        entry: dict[str, Any] = {"component": number, "explained": float(data["edited_explained"].values[place])}
        for column, name in enumerate(measures):
            entry[name] = {
                "difference": _interval_at(data, "difference", place, column),
                "random": _interval_at(data, "random_difference", place, column),
                "p": float(data["p"].values[place, column]),
            }
        found.append(entry)
    return found


def unedited_means(result: Result) -> dict[str, Interval]:
    """The same measures of the unedited agent: means per episode with 95% intervals."""
    data = _with_effects(result).data
    return {str(name): _interval_at(data, "unedited", column) for column, name in enumerate(data["measure"].values)}


def effects_table(data: xarray.Dataset) -> xarray.Dataset:
    """All of this from what every edit did in every episode: see `analyses.intervention`.

    A difference is taken episode by episode, for both played the same world with the same random numbers; its
    interval resamples episodes as wholes.
    """
    measured = _measures(data)
    is_random, component = data["is_random"].values, data["component"].values
    reference = data["edit"].values.tolist().index(UNEDITED)
    randoms, edited = np.flatnonzero(is_random), np.flatnonzero(~is_random & (component >= 0))
    own = [randoms[component[randoms] == component[place]] for place in edited]
    found: dict[str, list[list[Interval]]] = {"difference": [], "random_difference": []}
    shares, means = [], []
    for values in measured.values():
        difference = values - values[reference]
        by_random = np.abs(difference[randoms].mean(axis=1))
        exceeding = [int((by_random >= abs(difference[place].mean()) - 1e-12).sum()) for place in edited]
        shares.append([(count + 1) / (len(randoms) + 1) for count in exceeding])
        means.append(bootstrap_interval(values[reference]))
        found["difference"].append([bootstrap_interval(difference[place]) for place in edited])
        found["random_difference"].append([bootstrap_interval(difference[each].mean(axis=0)) for each in own])
    variables: dict[str, Any] = {"p": (("edited", "measure"), np.array(shares).T)}
    for part, end in enumerate(_INTERVAL):
        variables[f"unedited{end}"] = ("measure", [each[part] for each in means])
        for name, rows in found.items():
            variables[name + end] = (("edited", "measure"), np.array([[each[part] for each in row] for row in rows]).T)
    return xarray.Dataset(
        variables | {"edited_explained": ("edited", data["explained"].values[edited])},
        coords={"edited": component[edited], "measure": list(measured)},
    )


def _measures(data: xarray.Dataset) -> dict[str, np.ndarray]:
    """(edit, episode) each."""
    effects, pickups = data["effect"].values, data["pickups"].values.astype(np.float64)
    measured = {
        "seconds": data["seconds"].values,
        "survived": data["survived"].values.astype(np.float64),
        "healing": pickups[..., effects > 0].sum(axis=-1),
        "harmful": pickups[..., effects < 0].sum(axis=-1),
    }
    measured |= {f"pickups {name}": pickups[..., place] for place, name in enumerate(data["class"].values)}
    return measured | {
        f"actions {name}": data["actions"].values[..., k] for k, name in enumerate(data["output"].values)
    }


def _with_effects(result: Result) -> Result:
    """Results of earlier versions hold only what every edit did."""
    if "difference" in result.data:
        return result
    return dataclasses.replace(result, data=result.data.merge(effects_table(result.data)))


def _interval_at(data: xarray.Dataset, name: str, *place: int) -> Interval:
    return Interval(*(float(data[name + end].values[place]) for end in _INTERVAL))


def drawings_of_effects(result: Result) -> list[Drawing]:
    """A figure and a table."""
    from retinoscope import figures

    result = _with_effects(result)
    effects = effects_of(result)
    caption = result.data.attrs["caption"]
    return [
        FigureDrawing(
            "intervention", "Does it matter?", caption, lambda: figures.intervention(result), says_caption=True
        ),
        TableDrawing(
            "intervention", "Differences from the unedited agent", caption, *intervention_table(result, effects)
        ),
    ]


def intervention_table(
    result: Result, effects: list[dict[str, Any]]
) -> tuple[tuple[str, ...], tuple[tuple[str | int | float, ...], ...]]:
    """Columns and rows: a row for the unedited agent, then for each component, and below it its random directions."""
    means = unedited_means(result)
    measures = list(means)
    columns = ("edit", "variance (%)", *(_heading(result, name) for name in measures))
    rows: list[tuple[str | int | float, ...]] = [("none: mean", "", *(_interval(means[name]) for name in measures))]
    for each in effects:
        explained = f"{100 * each['explained']:.1f}"
        changed = tuple(f"{_interval(each[name]['difference'], '+')}, p {each[name]['p']:.2g}" for name in measures)
        by_random = tuple(_interval(each[name]["random"], "+") for name in measures)
        rows += [(f"component {each['component']}: difference", explained, *changed)]
        rows += [(f"random, as component {each['component']}", explained, *by_random)]
    return columns, tuple(rows)


def _heading(result: Result, name: str) -> str:
    kind, _, which = name.partition(" ")
    if kind == "pickups":
        effect = int(result.data["effect"].sel({"class": which}))
        return f"pick-ups of {which} ({effect:+d} health)"
    words: Mapping[str, str] = {
        "seconds": "survival (s)",
        "survived": "survived to the end (share)",
        "healing": "healing pick-ups",
        "harmful": "harmful pick-ups",
    }
    return words.get(name, f"share of {which}")


def _interval(values: tuple[float, float, float], sign: str = "") -> str:
    estimate, low, high = (f"{each:{sign}.3g}" for each in values)
    return f"{estimate} [{low}, {high}]".replace("-", "−")
