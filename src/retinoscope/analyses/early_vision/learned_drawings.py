"""What is drawn of how much was learned: the figure, and a table of all layers."""

from __future__ import annotations

import numpy as np

from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.early_vision.learned_line import percent, words
from retinoscope.analyses.exploring import Panel, UnitNumber, UnitNumbersPanel, by_unit, table_panel
from retinoscope.result import Result
from retinoscope.statistics.learned import share_learned


def drawings(result: Result) -> list[Drawing]:
    """Of a Result of `learned`."""
    from retinoscope import figures

    data = result.data
    caption = f"{data.attrs['summary']}. {data.attrs['caption']}"
    return [
        FigureDrawing("learned", "How much was learned", caption, lambda: figures.learned(result), says_caption=True),
        _numbers(result),
    ]


def panels(result: Result) -> list[Panel]:
    """Of every layer the share learned by each of its units, as far as these are known; and the table of all layers."""
    data = result.data
    caption = f"{data.attrs['summary']}. {data.attrs['caption']}"
    found: list[Panel] = [table_panel(_numbers(result))]
    for layer in map(str, data["layer"].values):
        numbers = []
        if data[f"{layer}_correlation"].attrs.get("is_by_unit"):  # else its rows are those of gates, or of two layers
            share = share_learned(data[f"{layer}_correlation"].values)
            numbers = [UnitNumber("share_learned", "share of its weights learned, 1 - r²", "", share)]
        if layer in result.parameters["fields_of"]:
            corrected = by_unit(data[f"{layer}_field_corrected"].values, data[f"{layer}_unit"].values)
            title = "correlation of its field with that before training, corrected for their reliability"
            if not numbers or len(corrected) == len(numbers[0].values):
                numbers.append(UnitNumber("field_correlation", title, "", corrected))
        if numbers:
            title = f"How much each unit of {layer} learned"
            found.append(UnitNumbersPanel(f"learned_{layer}", title, caption, layer, tuple(numbers)))
    return found


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
