"""What is drawn of `representations`."""

from __future__ import annotations

import functools

import numpy as np

from retinoscope.analyses.between_agents.side_by_side import KINDS
from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.result import Result


def drawings(result: Result) -> list[Drawing]:
    """Figures by layer and over training, and a table of which layers find each other."""
    from retinoscope import figures

    data, caption = result.data, str(result.data.attrs["caption"])
    found: list[Drawing] = []
    kinds = {str(each) for each in data["pair_kind"].values}
    if kinds - {"course"}:
        found.append(
            FigureDrawing(
                "representations",
                "Layers of one name, in two networks",
                f"{caption} Each mark is a pair of networks with its interval, the larger one their mean; of each "
                "training the agent trained longest.",
                lambda: figures.representations(result),
            )
        )
        found += [
            FigureDrawing(
                f"representations_by_layer_{kind}",
                f"Every layer against every other, {kind}",
                "Means over pairs of networks of what the figure above shows of layers of one name; rows: the first "
                "network of a pair, columns: the second.",
                functools.partial(figures.representations_by_layer, result, kind),
            )
            for kind in map(str, data["stimuli"].values)
        ]
    if "course" in kinds:
        found.append(
            FigureDrawing(
                "representations_over_training",
                "Checkpoints beside the last of their training",
                f"{caption} Each line is a layer of one training; the first checkpoint, where it is at 0 frames, is "
                "the untrained network.",
                lambda: figures.representations_over_training(result),
            )
        )
    return [*found, _found(result)]


def _found(result: Result) -> TableDrawing:
    """One row for every two networks of one role and different trainings, and for each agent and its first network."""
    data = result.data
    rows = []
    for kind, first, second in zip(
        *(data[f"pair_{name}"].values.tolist() for name in ("kind", "first", "second")), strict=True
    ):
        for stimuli in data["stimuli"].values:
            shares = [
                data["found"].sel(measure=measure, stimuli=stimuli, found_member=one, found_other=other).item()
                for measure in data["measure"].values
                for one, other in ((first, second), (second, first))
            ]
            means = np.reshape(shares, (-1, 2)).mean(axis=1)
            chance = data["found_by_chance"].sel(found_member=first, found_other=second).item()
            rows.append((first, second, KINDS[kind], str(stimuli), *(f"{each:.0%}" for each in means), f"{chance:.0%}"))
    columns = ("network", "beside", "pair", "stimuli", "by CKA", "by RSA", "by angle", "by chance")
    about = "Of how many layers the most similar one of the other network has the same name, in both directions."
    return TableDrawing("representations", "Layers that find each other", about, columns, tuple(rows))
