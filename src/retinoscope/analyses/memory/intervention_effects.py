"""What interventions changed: differences from the unedited agent with their intervals, as numbers and as a table."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray

from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.exploring import Panel, table_panel
from retinoscope.result import Result
from retinoscope.statistics.bootstrap import Interval, bootstrap_interval, ratio_of_sums
from retinoscope.worlds.declaration import Words

UNEDITED = "none"
HELD, AT_ONCE = "held", "at once"
_INTERVAL = ("", "_low", "_high")


def effects_of(result: Result) -> list[dict[str, Any]]:
    """What each edited component changed, episode by episode against the unedited agent.

    Returns:
        A dictionary for each edit: `component`, `explained`, `edit` (its name), `dose`, and for each measure a
        dictionary of `difference` (Interval, 95%, bootstrap over episodes), `random` (Interval of the mean over its
        random directions), and `p`: among all random directions of the result at the same dose, how many changed the
        measure at least as much, as (C + 1) / (n + 1). Measures have the names of `retinoscope.summarise`: `duration`,
        how the episode ended (`survived`, or `is_terminated` where the world has no word for that), `episode_return`,
        the good and the bad events under the world's adjectives for them, `events NAME`; and `actions NAME`. Where it
        was pushed at chosen moments, also `held`, the share of decisions that are such; and, as means over these, `at
        once`, the divergence of what the actor would do pushed from what it would do unpushed (nats), and `at once
        NAME`, the change of each output's probability.
    """
    data = _with_effects(result).data
    measures = [str(each) for each in data["measure"].values]
    found = []
    for place, number in enumerate(data["edited"].values.tolist()):
        entry: dict[str, Any] = {"component": number, "explained": float(data["edited_explained"].values[place])}
        entry |= {"edit": str(data["edited_name"].values[place]), "dose": float(data["edited_dose"].values[place])}
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
    measures = _measures(data)
    is_random, component = data["is_random"].values, data["component"].values
    # Earlier versions knew components alone, and one edit of each.
    target = data["target"].values if "target" in data else component
    dose = data["dose"].values if "dose" in data else np.zeros(len(component))
    reference = data["edit"].values.tolist().index(UNEDITED)
    randoms, edited = np.flatnonzero(is_random), np.flatnonzero(~is_random & (target >= 0))
    alike = [randoms[dose[randoms] == dose[place]] for place in edited]
    own = [each[target[each] == target[place]] for each, place in zip(alike, edited, strict=True)]
    found: dict[str, list[list[Interval]]] = {"difference": [], "random_difference": []}
    shares, means = [], []
    for measure in measures.values():
        values, weights = measure.values, measure.weights
        difference = values - values[reference] if weights is None else values
        sizes = np.abs(_means(difference, weights))
        shares.append([_share_as_large(sizes[place], sizes[each]) for place, each in zip(edited, alike, strict=True)])
        means.append(_interval_of(values, weights, [reference]))
        found["difference"].append([_interval_of(difference, weights, [place]) for place in edited])
        found["random_difference"].append([_interval_of(difference, weights, each) for each in own])
    variables: dict[str, Any] = {"p": (("edited", "measure"), np.array(shares).T)}
    for part, end in enumerate(_INTERVAL):
        variables[f"unedited{end}"] = ("measure", [each[part] for each in means])
        for name, rows in found.items():
            variables[name + end] = (("edited", "measure"), np.array([[each[part] for each in row] for row in rows]).T)
    return xarray.Dataset(
        variables | {"edited_explained": ("edited", data["explained"].values[edited])},
        coords={
            "edited": component[edited],
            "edited_name": ("edited", data["edit"].values[edited].astype(str)),
            "edited_target": ("edited", target[edited]),
            "edited_dose": ("edited", dose[edited], {"units": "standard deviations"}),
            "measure": list(measures),
            "title": ("measure", [each.title for each in measures.values()]),
            "panel": ("measure", [each.panel for each in measures.values()]),
        },
    )


class _Measure(NamedTuple):
    """Something that may differ.

    Attributes:
        values: (edit, episode).
        title: for a table.
        panel: title of its panel in the figure; empty for none.
        weights: (edit, episode) of each episode in means; None for all alike. With weights the values are differences
            from the unedited agent already.
    """

    values: np.ndarray
    title: str
    panel: str
    weights: np.ndarray | None = None


def _means(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """(edit,) over episodes; NaN where all weights are 0."""
    if weights is None:
        return np.asarray(values.mean(axis=1))
    with np.errstate(invalid="ignore"):
        return np.asarray((values * weights).sum(axis=1) / weights.sum(axis=1))


def _interval_of(values: np.ndarray, weights: np.ndarray | None, edits: Sequence[int] | np.ndarray) -> Interval:
    """Of the mean over some edits, resampling episodes as wholes."""
    values = values[edits]
    if weights is None:
        return bootstrap_interval(values.mean(axis=0))
    weights = weights[edits]
    return bootstrap_interval(np.stack([(values * weights).sum(axis=0), weights.sum(axis=0)], axis=1), ratio_of_sums)


def _share_as_large(size: float, others: np.ndarray) -> float:
    """(C + 1) / (n + 1), of those others that are known; NaN if the size is not."""
    if np.isnan(size):
        return float("nan")
    return float((int((others >= size - 1e-12).sum()) + 1) / (int(np.isfinite(others).sum()) + 1))


def _measures(data: xarray.Dataset) -> dict[str, _Measure]:
    """All of them, by name."""
    positive, negative, _, events = json.loads(data.attrs["event_words"])
    valences, counts = data["event_valence"].values, data["events"].values.astype(np.float64)
    kinds = {
        kind: counts[..., chosen].sum(axis=-1)
        for kind, chosen in ((positive, valences > 0), (negative, valences < 0))
        if chosen.any()
    }
    units, survived = data["duration"].attrs["units"], data.attrs["survived"]
    how_long = f"{'survival' if survived else 'length of the episode'} ({units})"
    found = {"duration": _Measure(data["duration"].values, how_long, how_long)}
    if survived:
        found["survived"] = _Measure(data["survived"].values * 1.0, f"{survived} to the end (share)", "")
    else:
        ended = f"{data.attrs['terminated']} (share)"
        found["is_terminated"] = _Measure(data["is_terminated"].values * 1.0, ended, "")
    if "episode_return" in data:
        # The figure says it where it says more than what was good and bad.
        says_more = sum(bool(each.any()) for each in kinds.values()) < 2
        found["episode_return"] = _Measure(data["episode_return"].values, "return", "return" if says_more else "")
    for kind, values in kinds.items():
        found[kind] = _Measure(values, f"{kind} {events}", f"{kind} {events} per episode" if values.any() else "")
    for place, name in enumerate(data["event"].values):
        found[f"events {name}"] = _Measure(counts[..., place], _title_of_event(data, place, events), "")
    for place, name in enumerate(data["output"].values):
        is_share = "is_share" not in data.coords or bool(data["is_share"].values[place])
        says = f"{'share' if is_share else 'mean'} of {name}"
        # Of an episode that is pushed at moments the figure says what changes at these, see below.
        found[f"actions {name}"] = _Measure(data["actions"].values[..., place], says, "" if "held" in data else says)
    return found | (_at_once(data) if "held" in data else {})


def _at_once(data: xarray.Dataset) -> dict[str, _Measure]:
    """How often the condition held, and what pushing changed at these decisions: means over all of them."""
    held = data["held"].values
    said = "pushed (share of decisions)"
    found = {HELD: _Measure(held / data["decisions"].values, said, said)}
    apart = np.where(held > 0, data["divergence"].values, 0.0)
    if np.isfinite(apart).all():  # else of Q-values, of which the best alone is done
        found[AT_ONCE] = _Measure(apart, "at once: divergence (nats)", "at once: divergence (nats)", held)
    for place, name in enumerate(data["output"].values):
        says = f"at once: {name}"
        change = np.where(held > 0, data["change"].values[..., place], 0.0)
        found[f"{AT_ONCE} {name}"] = _Measure(change, says, says, held)
    return found


def _title_of_event(data: xarray.Dataset, place: int, events: str) -> str:
    name, valence = data["event"].values[place], float(data["event_valence"].values[place])
    # Events without a word of their own do not go with a name: "events of reward".
    title = f"{events}: {name}" if events == Words().events else f"{events} of {name}"
    if not np.isfinite(valence):
        return title
    units = data["event_valence"].attrs.get("units", "")
    return f"{title} ({valence:+g}{units and f' {units}'})"


def _with_effects(result: Result) -> Result:
    """Results of earlier versions hold what every edit did, and maybe other words for what it changed."""
    if "panel" in result.data.coords and "edited_name" in result.data.coords:
        return result
    played = result.data.drop_dims([each for each in ("edited", "measure") if each in result.data.dims])
    return dataclasses.replace(result, data=played.merge(effects_table(played)))


def _interval_at(data: xarray.Dataset, name: str, *place: int) -> Interval:
    return Interval(*(float(data[name + end].values[place]) for end in _INTERVAL))


def drawings_of_effects(result: Result) -> list[Drawing]:
    """A figure and a table."""
    from retinoscope import figures

    result = _with_effects(result)
    effects = effects_of(result)
    caption = result.data.attrs["caption"]
    has_doses = len(np.unique(result.data["edited_dose"].values)) > 1
    draw = figures.intervention_doses if has_doses else figures.intervention
    return [
        FigureDrawing("intervention", "Does it matter?", caption, lambda: draw(result), says_caption=True),
        _table(result, effects),
    ]


def panels_of_effects(result: Result) -> list[Panel]:
    """The table, in the explorer."""
    result = _with_effects(result)
    return [table_panel(_table(result, effects_of(result)))]


def _table(result: Result, effects: list[dict[str, Any]]) -> TableDrawing:
    title = "Differences from the unedited agent"
    return TableDrawing("intervention", title, result.data.attrs["caption"], *intervention_table(result, effects))


def intervention_table(
    result: Result, effects: list[dict[str, Any]]
) -> tuple[tuple[str, ...], tuple[tuple[str | int | float, ...], ...]]:
    """Columns and rows: a row for the unedited agent, then for each component, and below it its random directions."""
    means = unedited_means(result)
    measures = list(means)
    columns = ("edit", "variance (%)", *_with_effects(result).data["title"].values.tolist())
    rows: list[tuple[str | int | float, ...]] = [("none: mean", "", *(_interval(means[name]) for name in measures))]
    for each in effects:
        explained = f"{100 * each['explained']:.1f}"
        changed = tuple(_with_p(each[name]) for name in measures)
        by_random = tuple(_interval(each[name]["random"], "+") for name in measures)
        rows += [(f"{each['edit']}: difference", explained, *changed)]
        rows += [(f"random, as {each['edit']}", explained, *by_random)]
    return columns, tuple(rows)


def _with_p(effect: dict[str, Any]) -> str:
    difference = _interval(effect["difference"], "+")
    return difference if np.isnan(effect["p"]) else f"{difference}, p {effect['p']:.2g}"


def _interval(values: tuple[float, float, float], sign: str = "") -> str:
    if np.isnan(values[0]):
        return "–"
    estimate, low, high = (f"{each:{sign}.3g}" for each in values)
    return f"{estimate} [{low}, {high}]".replace("-", "−")
