"""What is drawn of `same_stimuli`, and what the explorer shows of it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray

from retinoscope.analyses.between_agents.side_by_side import KINDS
from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.exploring import AgentsPanel, Panel, ShownAgent, ShownHead, table_panel
from retinoscope.result import Result

RESPONSES = "response_"
"""Beginning of the names of variables that hold activity."""


def drawings(result: Result) -> list[Drawing]:
    """The distances of pairs and, of each kind of stimuli, those at which agents differ most."""
    from retinoscope import figures

    caption = str(result.data.attrs["caption"])
    found: list[Drawing] = []
    if np.isfinite(result.data["distance"]).any():
        found.append(
            FigureDrawing(
                "same_stimuli",
                "How differently two networks would act",
                f"{caption} Each mark is a pair of networks; grey: chance.",
                lambda: figures.same_stimuli(result),
            )
        )
    if np.isfinite(result.data["apart"]).any():
        found.append(
            FigureDrawing(
                "same_stimuli_apart",
                "Where agents differ most",
                "Of the stimuli of the figure above those at which agents of different trainings differ most, and what "
                "each would do there; of each training the agent trained longest.",
                lambda: figures.same_stimuli_apart(result),
            )
        )
    return [*found, _table(result)]


def panels(result: Result) -> list[Panel]:
    """Any two agents beside each other at any of the stimuli, and the table."""
    return [*_side_by_side(result), table_panel(_table(result))]


def _side_by_side(result: Result) -> list[Panel]:
    from retinoscope.figures.pictures import Pictures

    data = result.data
    heads = json.loads(data.attrs["heads"])
    pictures = Pictures.of(data)
    found: list[Panel] = []
    for kind in map(str, data["stimuli"].values):
        own = data.isel(stimulus=np.flatnonzero(data["kind"].values == kind))
        word, rows = ("decision", own["row"]) if kind == "frames" else ("view", own["row"])
        agents = [_agent(own, place, heads[place]) for place in _last_first(data)]
        if len(agents) > 1:
            found.append(
                AgentsPanel(
                    name=f"same_stimuli_{kind}",
                    title=f"The same {kind}",
                    caption=str(data.attrs["caption"]),
                    pictures=np.stack([pictures.shown(each) for each in own["picture"].values]),
                    names=tuple(f"{word} {row:,}" for row in rows.values.tolist()),
                    agents=tuple(agents),
                    rows=rows.values if kind == "frames" else None,
                )
            )
    return found


def _last_first(data: xarray.Dataset) -> list[int]:
    """Numbers of the networks, the agents of different trainings first: two of these are seen unasked."""
    chosen = data.isel(pair=np.flatnonzero(data["pair_kind"].values == "agents"))
    last = set(chosen["pair_first"].values.tolist()) | set(chosen["pair_second"].values.tolist())
    return sorted(range(data.sizes["network"]), key=lambda place: str(data["network"].values[place]) not in last)


def _agent(own: xarray.Dataset, place: int, heads: list[Any]) -> ShownAgent:
    names = [f"{name} {output}" for name, _, outputs in heads for output in outputs]
    probability = own["probability"].values[:, place]
    of_network = probability[:, [own["output"].values.tolist().index(name) for name in names]]
    value = own["value"].values[:, place]
    responses = {}
    for variable in map(str, own.data_vars):
        if variable.startswith(RESPONSES):
            values = own[variable].values[:, place]
            units = np.isfinite(values).any(axis=0)
            if units.any():
                responses[variable.removeprefix(RESPONSES)] = values[:, : int(np.flatnonzero(units)[-1]) + 1]
    # Probabilities of choices, whatever numbers they are made of.
    shown = tuple(
        ShownHead(name, "gaussian" if kind == "gaussian" else "choice", tuple(outputs)) for name, kind, outputs in heads
    )
    return ShownAgent(
        str(own["network"].values[place]),
        shown,
        of_network if np.isfinite(of_network).any() else None,
        value if np.isfinite(value).any() else None,
        responses,
    )


def _table(result: Result) -> TableDrawing:
    data = result.data
    rows = []
    for number, kind in enumerate(data["pair_kind"].values.tolist()):
        for place, stimuli in enumerate(map(str, data["stimuli"].values)):
            found = [float(data[f"distance{end}"][place, number]) for end in ("", "_low", "_high", "_by_chance")]
            if np.isfinite(found[0]):
                interval = f" [{found[1]:.2f}, {found[2]:.2f}]" if np.isfinite(found[1:3]).all() else ""
                first, second = (str(data[f"pair_{each}"].values[number]) for each in ("first", "second"))
                rows.append((KINDS[kind], first, second, stimuli, f"{found[0]:.2f}{interval}", f"{found[3]:.2f}"))
    columns = ("pair", "first", "second", "stimuli", "distance of action probabilities", "by chance")
    caption = str(data.attrs["caption"])
    return TableDrawing("same_stimuli", "How differently two networks would act", caption, columns, tuple(rows))
