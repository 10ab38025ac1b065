"""What is drawn of `matched_fields`."""

from __future__ import annotations

import functools

import numpy as np

from retinoscope.analyses.between_agents.side_by_side import KINDS
from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.result import Result


def drawings(result: Result) -> list[Drawing]:
    """How alike pairs are, the fields themselves of one pair of networks, and a table of what was found."""
    from retinoscope import figures

    data, caption = result.data, str(result.data.attrs["caption"])
    kinds = data["pair_kind"].values.tolist()
    learned = "Right: the correlation of a field with that of the same unit before training, median and quartiles."
    found: list[Drawing] = [
        FigureDrawing(
            "matched_fields",
            "Receptive fields, one to one",
            f"{caption} Each line is a pair of networks, its units from the most to the least alike; dotted, in its "
            f"colour: the highest by chance, mean over pairs of the kind. "
            f"{learned}",
            lambda: figures.matched_fields(result),
        )
    ]
    shown = next((kind for kind in ("agents", "course", "learned") if kind in kinds), None)
    if shown is not None:
        pair = kinds.index(shown)
        first, second = (str(data[f"pair_{each}"].values[pair]) for each in ("first", "second"))
        found.append(
            FigureDrawing(
                "matched_fields_shown",
                f"The pairs of {first} and {second} that are most alike",
                f"Above {first}, below its partner in {second}, turned to its sign; r with its sign, and the shift in "
                "pixels (down, right). A star: found, more alike than any by chance.",
                functools.partial(figures.matched_fields_shown, result, pair),
            )
        )
    return [*found, _table(result)]


def _table(result: Result) -> TableDrawing:
    data = result.data
    rows = []
    for layer in result.parameters["layers"]:
        for number, kind in enumerate(data["pair_kind"].values.tolist()):
            r = np.abs(data[f"{layer}_correlation"].values[number])
            if np.isfinite(r).any():
                rows.append(
                    (
                        layer,
                        KINDS[kind],
                        str(data["pair_first"].values[number]),
                        str(data["pair_second"].values[number]),
                        f"{np.nanmedian(r):.2f}",
                        f"{float(data[f'{layer}_chance'][number]):.2f}",
                        f"{float(data[f'{layer}_found'][number]):.0%}",
                    )
                )
    columns = ("layer", "pair", "first", "second", "median |r|", "highest by chance", "found")
    title = "Receptive fields found in both"
    return TableDrawing("matched_fields", title, str(data.attrs["caption"]), columns, tuple(rows))
