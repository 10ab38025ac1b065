"""What is drawn of the components of the memory."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.memory.intervention import effects_of, unedited_means
from retinoscope.figures.component_gallery import component_gallery
from retinoscope.figures.components import component_correlates, components
from retinoscope.figures.dataset_examples import dataset_examples, pages
from retinoscope.figures.intervention import intervention
from retinoscope.result import Result

_NAMED = 3  # correlates in the table


def _components(result: Result) -> list[Drawing]:
    caption = result.data.attrs["caption"]
    drawn: list[Drawing] = [
        FigureDrawing("components", "Components of the memory", caption, lambda: components(result), says_caption=True),
    ]
    if "correlation" in result.data:
        said = result.data.attrs["correlation_caption"]
        drawn.append(
            FigureDrawing(
                "component_correlates",
                "What goes with each component",
                said,
                lambda: component_correlates(result),
                says_caption=True,
            )
        )
    drawn.append(_component_table(result))
    return drawn


def _component_table(result: Result) -> TableDrawing:
    data = result.data
    has_correlates = "correlation" in data
    columns: tuple[str, ...] = ("component", "variance explained (%)", "stability index", "stable")
    if has_correlates:
        columns += (f"goes with: the {_NAMED} largest correlations above chance, r [95% interval]", "chance |r|")
    rows = []
    for place, number in enumerate(data["component"].values.tolist()):
        row: tuple[str | int | float, ...] = (
            number,
            f"{100 * float(data['explained'][place]):.1f}",
            f"{float(data['stability'][place]):.2f}",
            "yes" if bool(data["is_stable"][place]) else "no",
        )
        if has_correlates:
            row += (_largest_correlates(result, place), f"{float(data['correlation_chance'][place]):.2f}")
        rows.append(row)
    caption = data.attrs["caption"] + (f" {data.attrs['correlation_caption']}" if has_correlates else "")
    return TableDrawing("components", "Components of the memory", caption, columns, tuple(rows))


def _largest_correlates(result: Result, place: int) -> str:
    one = result.data.isel(component=place)
    values, low, high = (one[f"correlation{suffix}"].values for suffix in ("", "_low", "_high"))
    order = np.argsort(-np.abs(np.nan_to_num(values)), kind="stable")[:_NAMED]
    above = [each for each in order if abs(values[each]) > float(one["correlation_chance"])]
    named = [
        f"{one['quantity'].values[each]} {values[each]:+.2f} [{low[each]:+.2f}, {high[each]:+.2f}]" for each in above
    ]
    return "; ".join(named).replace("-", "−") or "nothing above chance"


def _dataset_examples(result: Result) -> list[Drawing]:
    count = pages(result)
    drawn: list[Drawing] = [
        FigureDrawing(
            "dataset_examples" if count == 1 else f"dataset_examples_{page}",
            "Activation of the components, and the levels of dataset examples",
            result.data.attrs["caption"],
            functools.partial(dataset_examples, result, page),
            says_caption=True,
        )
        for page in range(count)
    ]
    return [*drawn, _threshold_table(result)]


def _threshold_table(result: Result) -> TableDrawing:
    columns = (
        "proportion",
        "component",
        "low, up to",
        "middle",
        "high, from",
        "samples listed at any step: low, middle, high (%)",
        "at the gradient step: low, middle, high (%)",
        "is the proportion a poor cut?",
    )
    rows: list[tuple[str | int | float, ...]] = []
    for share, at in enumerate(result.data["proportion"].values.tolist()):
        for place, number in enumerate(result.data["component"].values.tolist()):
            one = result.data.isel(proportion=share, component=place)
            coverage = [
                ", ".join(
                    f"{100 * float(one['coverage'].sel(scope=scope, level=level)):.1f}"
                    for level in ("low", "middle", "high")
                )
                for scope in ("any_step", "gradient_step")
            ]
            middle = f"{float(one['middle_from']):.3g} to {float(one['middle_to']):.3g}"
            bounds = (f"{float(one['low']):.3g}", middle, f"{float(one['high']):.3g}")
            rows.append((f"{at:g}", number, *bounds, *coverage, str(one["cut"].item()) or "no"))
    return TableDrawing(
        "dataset_examples_thresholds",
        "Thresholds and coverage of the lists of dataset examples",
        f"{result.data.attrs['caption']} The lists themselves: `retinoscope examples`.",
        columns,
        tuple(rows),
    )


def _component_gallery(result: Result) -> list[Drawing]:
    return [
        FigureDrawing(
            f"component_gallery_{number:02d}",
            f"Component {number}: what drives it",
            result.data.attrs["caption"],
            functools.partial(component_gallery, result, number),
            says_caption=True,
        )
        for number in result.data["component"].values.tolist()
    ]


def _intervention(result: Result) -> list[Drawing]:
    effects = effects_of(result)
    caption = result.data.attrs["caption"]
    return [
        FigureDrawing(
            "intervention", "Does it matter?", caption, lambda: intervention(result, effects), says_caption=True
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


DRAWINGS: dict[str, Callable[[Result], list[Drawing]]] = {
    "components": _components,
    "dataset_examples": _dataset_examples,
    "component_gallery": _component_gallery,
    "intervention": _intervention,
}
