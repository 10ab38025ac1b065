"""The numbers of all checkpoints as a table."""

from __future__ import annotations

import numpy as np

from retinoscope.analyses.drawing import TableDrawing
from retinoscope.result import Result


def progress_table(result: Result) -> TableDrawing:
    """One row per number, one column per checkpoint, with 95% intervals."""
    data = result.data
    frames = [int(each) for each in data["frames_trained"].values]
    rows: list[tuple[str, ...]] = []
    for name in (str(each) for each in data if f"{each}_low" in data):
        cells = []
        for index in range(len(frames)):
            middle, low, high = (float(data[f"{name}{end}"][index]) for end in ("", "_low", "_high"))
            interval = f" [{low:.3g}, {high:.3g}]" if np.isfinite([low, high]).all() else ""
            cells.append(f"{middle:.3g}{interval}" if np.isfinite(middle) else "not measurable")
        rows.append((str(data[name].attrs["long_name"]), *cells))
    for layer in result.parameters["convolutions"]:
        cosines = data[f"{layer}_with_last"].values
        medians = [float(np.nanmedian(each)) if np.isfinite(each).any() else np.nan for each in cosines]
        chance = f" (by chance {float(data[f'{layer}_by_chance']):.2f})"
        label = f"{layer}: cosine of receptive fields with the last, median over filters{chance}"
        rows.append((label, *(f"{each:.3f}" for each in medians)))
    columns = ("measure", *(f"{each:,} frames" for each in frames))
    title = "Checkpoint by checkpoint, in numbers"
    return TableDrawing("training_progress", title, str(data.attrs["caption"]), columns, tuple(rows))
