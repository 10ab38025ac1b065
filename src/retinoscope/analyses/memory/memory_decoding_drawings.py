"""What is said and drawn of what is remembered: figures, a table, and the panels of the explorer."""

from __future__ import annotations

import json

import numpy as np

from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.exploring import Panel, UnitCurve, UnitCurvesPanel, UnitNumber, UnitNumbersPanel, table_panel
from retinoscope.result import Result


def drawings(result: Result) -> list[Drawing]:
    """Scores, what the memory adds, and the table."""
    from retinoscope import figures

    caption = str(result.data.attrs["caption"])
    about = "; ".join(f"{each['name']}: {each['about']}" for each in json.loads(result.data.attrs["targets"]))
    scores = f"{caption} Delays with too few samples are left out. Read out: {about}."
    added = (
        f"{caption} Grey band: mean of shifted memories, and as far to either side as their 95th percentile. Rings: "
        "something is added, p at most the level. Half-life: when half of what is above chance at its best is gone."
    )
    return [
        FigureDrawing("memory_decoding", "What layers tell of it", scores, lambda: figures.memory_decoding(result)),
        FigureDrawing(
            "memory_decoding_added",
            "What the memory adds to the present",
            added,
            lambda: figures.memory_decoding_added(result),
        ),
        _table(result),
    ]


def panels(result: Result) -> list[Panel]:
    """What single units of the memory go with, by delay, and the table."""
    data, caption, layer = result.data, str(result.data.attrs["caption"]), str(result.parameters["memory"][0])
    found: list[Panel] = [table_panel(_table(result))]
    numbers = []
    delays = np.asarray(data["delay"].values, np.float64)
    for place, about in enumerate(json.loads(data.attrs["targets"])):
        values = data["correlation"].isel(target=place).values
        if not np.isfinite(values).any():
            continue
        name, title = f"memory_decoding_{place}", f"What units of {layer} go with: {about['name']}"
        ahead = "until then" if about["is_to_come"] else "since"
        curves = (UnitCurve("r of the unit", "neutral", np.asarray(values.T, np.float32)),)
        if len(delays) > 1:
            x_title = f"decisions {ahead}"
            found.append(UnitCurvesPanel(name, title, caption, layer, delays, x_title, "correlation", curves))
        numbers.append(UnitNumber(about["name"], f"r with {about['name']}, at delay {delays[0]:.0f}", "", values[0]))
    if numbers:
        title = f"What units of {layer} remember"
        found.append(UnitNumbersPanel("memory_decoding_units", title, caption, layer, tuple(numbers)))
    return found


def _table(result: Result) -> TableDrawing:
    data = result.data
    columns = (
        "what",
        "samples at the first delay",
        "score of the present",
        "with the memory",
        "added at first [95% interval]",
        "added, untrained [95% interval]",
        "lasts (decisions)",
        "half-life (decisions)",
    )
    rows: list[tuple[str | int | float, ...]] = []
    for target in map(str, data["target"].values):
        one = data.sel(target=target)
        first = one.isel(delay=0)
        score = first["score"].sel(network="agent")
        present = score.sel(source="present") if "present" in data["source"].values else None
        rows.append(
            (
                target,
                int(first["samples"]),
                "–" if present is None else _number(float(present)),
                _number(float(score.sel(source="present and memory"))),
                _interval(first, "agent"),
                _interval(first, "untrained") if "untrained" in data["network"].values else "–",
                "–" if np.isnan(one["lasts"]) else f"{float(one['lasts']):.0f}",
                _half(float(one["half_life"])),
            )
        )
    return TableDrawing("memory_decoding", "What is remembered", data.attrs["caption"], columns, tuple(rows))


def _half(value: float) -> str:
    return "–" if np.isnan(value) else "more than was looked at" if np.isinf(value) else f"{value:.1f}"


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}".replace("-", "−")


def _interval(first: object, network: str) -> str:
    one = first.sel(network=network)  # type: ignore[attr-defined]
    value, low, high = (float(one[name]) for name in ("added", "added_low", "added_high"))
    if np.isnan(value):
        return "–"
    said = f"{value:+.2f}" + ("" if np.isnan(low) else f" [{low:+.2f}, {high:+.2f}]")
    return said.replace("-", "−")
