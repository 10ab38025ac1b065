"""What is drawn of how much was learned: the figure, and a table of all layers."""

from __future__ import annotations

import numpy as np

from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.early_vision.learned_line import percent, words
from retinoscope.result import Result


def drawings(result: Result) -> list[Drawing]:
    """Of a Result of `learned`."""
    from retinoscope import figures

    data = result.data
    caption = f"{data.attrs['summary']}. {data.attrs['caption']}"
    return [
        FigureDrawing("learned", "How much was learned", caption, lambda: figures.learned(result), says_caption=True),
        _numbers(result),
    ]


def _numbers(result: Result) -> TableDrawing:
    """A row for each layer of the agent itself."""
    data, fields = result.data, result.parameters["fields_of"]
    now = data.isel(checkpoint=int(data.attrs["this"]))
    rows = []
    for name in map(str, data["layer"].values):
        of = now.sel(layer=name)
        share, low, high = (
            float(of[each]) for each in ("share_learned", "untrained_correlation_low", "untrained_correlation_high")
        )
        chance = f" (untrained {low:.2f} to {high:.2f})" if np.isfinite(low) else ""
        overlap, by_chance = float(of["subspace_overlap"]), float(of["subspace_overlap_by_chance"])
        corrected = data[f"{name}_field_corrected"].values if name in fields else np.full(1, np.nan)
        rows.append(
            (
                name,
                f"{percent(share)}: {words(share)}" if np.isfinite(share) else "not measurable",
                f"{float(of['correlation']):.3f}{chance}",
                f"{float(of['norm_growth']):.2f}",
                f"{overlap:.2f} (by chance {by_chance:.2f})" if np.isfinite(overlap) else "reads all of its input",
                f"{np.nanmedian(corrected):.3f}" if np.isfinite(corrected).any() else "",
            )
        )
    columns = (
        "layer",
        "learned",
        "correlation of weights with those before training",
        "norm relative to before",
        "overlap of what it reads",
        "correlation of fields, median over units, corrected for their reliability",
    )
    return TableDrawing("learned", "How much was learned, in numbers", str(data.attrs["caption"]), columns, tuple(rows))
