"""The same stimuli before several agents: how differently pairs would act, and where they differ most."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from retinoscope.errors import UserError
from retinoscope.figures.page import WIDTH, Size, panel, titled
from retinoscope.figures.pictures import Pictures
from retinoscope.figures.style import framed, require, series, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["same_stimuli", "same_stimuli_apart"]

_WORDS = {
    "agents": "two\ntrainings",
    "untrained": "what they\nbegan with",
    "redrawn": "weights\ndrawn anew",
    "learned": "agent, what it\nbegan with",
    "course": "checkpoint, last\nof its training",
}
_MOST_AGENTS = 4  # of which bars can be told apart


@styled
def same_stimuli(result: Result, *, ax: Axes | None = None, figsize: Size = None) -> Figure | Axes:
    """Draw the distance of the action probabilities of every pair of networks, with intervals and chance.

    Args:
        result: from `analyses.same_stimuli`.
        ax: axes of yours to draw into.
        figsize: inches; None for the usual size.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "same_stimuli")
    axes, drawn = panel(ax, figsize, (5.6, 3.2))
    data = result.data
    kinds = data["pair_kind"].values
    shown = [each for each in _WORDS if (kinds == each).any()]
    stimuli = [str(each) for each in data["stimuli"].values]
    shades = series()
    for index, name in enumerate(stimuli):
        of = data.sel(stimuli=name)
        for place, kind in enumerate(shown):
            pairs = np.flatnonzero((kinds == kind) & np.isfinite(of["distance"].values))
            if not len(pairs):
                continue
            middle = place + (index - (len(stimuli) - 1) / 2) * 0.4
            at = middle + np.linspace(-0.12, 0.12, len(pairs)) if len(pairs) > 1 else np.array([middle])
            found = of.isel(pair=pairs)
            for x, low, high in zip(at, found["distance_low"].values, found["distance_high"].values, strict=True):
                axes.plot([x, x], [low, high], color=shades[index], linewidth=1, alpha=0.6)
            words = name if place == 0 or name not in axes.get_legend_handles_labels()[1] else None
            axes.plot(at, found["distance"].values, "o", color=shades[index], markersize=4, label=words)
            # Behind the marks, and wider: where two agents differ by habit alone, they lie at chance.
            chance: dict[str, Any] = {"color": shade(0.45), "markersize": 13, "markeredgewidth": 1.5, "zorder": 1}
            of_chance = "chance" if index == place == 0 else None
            axes.plot(at, found["distance_by_chance"].values, "_", label=of_chance, **chance)
    axes.set_xticks(range(len(shown)), [f"{_WORDS[each]}\n(n = {int((kinds == each).sum())})" for each in shown])
    axes.set_xlim(-0.5, len(shown) - 0.5)
    ends = [data[f"distance{end}"].values for end in ("", "_high", "_by_chance")]
    largest = float(np.nanmax([0.01, *(np.nanmax(each, initial=0.0) for each in ends)]))
    step = next((each for each in (0.02, 0.05, 0.1) if largest <= 5 * each), 0.2)
    ticks = np.arange(np.ceil(largest / step) + 1) * step
    axes.set_yticks(ticks, [f"{each:.2f}" for each in ticks])
    axes.set_ylim(0, ticks[-1])
    axes.set_ylabel("distance of action\nprobabilities (total variation)")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    return drawn


@styled
def same_stimuli_apart(result: Result, *, count: int = 5, figsize: Size = None) -> Figure:
    """Draw the stimuli at which agents differ most, and the probabilities of their actions there.

    Args:
        result: from `analyses.same_stimuli`.
        count: stimuli drawn, at most.
        figsize: inches; None for the usual size.

    Raises:
        UserError: the result is of another analysis, or `count` is below 1.
    """
    require(result, "same_stimuli")
    if count < 1:
        raise UserError(f"count: {count} stimuli are too few; give at least 1")
    data = result.data
    apart = data["apart"].values
    order = [each for each in np.argsort(-np.nan_to_num(apart, nan=-1.0), kind="stable") if np.isfinite(apart[each])]
    chosen = _apart_in_time(data["kind"].values, order, count)
    runs = dict.fromkeys(
        np.concatenate([data["pair_first"].values, data["pair_second"].values])[
            np.tile(data["pair_kind"].values == "agents", 2)
        ].tolist()
    )
    agents = list(runs)[:_MOST_AGENTS]
    heads = json.loads(data.attrs["heads"])[data["network"].values.tolist().index(agents[0])]
    names = [f"{name} {output}" for name, _, outputs in heads for output in outputs]
    figure = Figure(figsize=figsize or (WIDTH, 0.8 + 1.0 + 0.19 * len(names) + 0.3), layout="constrained")
    panels = figure.subplots(2, len(chosen), squeeze=False, height_ratios=(1.0, 0.19 * len(names) + 0.2))
    pictures, shades = Pictures.of(data), series()
    height = 0.8 / len(agents)
    for column, stimulus in enumerate(chosen):
        upper, lower = panels[:, column]
        upper.imshow(pictures.shown(data["picture"].values[stimulus]), interpolation="nearest")
        framed(upper)
        upper.set_xticks([])
        upper.set_yticks([])
        word = "decision" if str(data["kind"].values[stimulus]) == "frames" else "view"
        upper.set_title(f"{word} {int(data['row'].values[stimulus]):,}\ndistance {apart[stimulus]:.2f}")
        for number, agent in enumerate(agents):
            values = data["probability"].sel(network=agent, output=names).values[stimulus]
            at = np.arange(len(names)) + (number - (len(agents) - 1) / 2) * height
            lower.barh(at, values, height, color=shades[number], label=agent)
        lower.set_ylim(len(names) - 0.5, -0.5)
        lower.set_xlim(0, 1)
        lower.set_xticks([0, 1])
        lower.set_yticks(range(len(names)), names if column == 0 else [])
        if column == len(chosen) // 2:
            lower.set_xlabel("probability of the action")
    handles, labels = panels[1, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    titled(figure, title_of(result, "Where agents differ most"))
    return figure


def _apart_in_time(kind: np.ndarray, order: list[int], count: int) -> list[int]:
    """Those of which no neighbour stands before: of frames that follow each other one shows what all of them do."""
    least = len(kind) // (3 * count)
    first: list[int] = []
    for each in order:
        if not any(kind[each] == kind[other] and abs(each - other) < least for other in first):
            first.append(each)
    return [*first, *(each for each in order if each not in first)][:count]
