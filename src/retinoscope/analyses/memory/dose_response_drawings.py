"""What is drawn of a dose response: curves over doses, what comes afterwards, and a table."""

from __future__ import annotations

import numpy as np
import xarray

from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.exploring import COMPONENTS, Panel, UnitCurve, UnitCurvesPanel, by_unit, table_panel
from retinoscope.result import Result

_MOST_OUTPUTS = 18


def drawings_of_doses(result: Result) -> list[Drawing]:
    """Three figures and a table."""
    from retinoscope import figures

    caption = result.data.attrs["caption"]
    return [
        FigureDrawing(
            "dose_response",
            "Pushing the memory: how much else is done",
            caption,
            lambda: figures.dose_response(result),
            True,
        ),
        FigureDrawing(
            "dose_response_outputs",
            "Pushing the memory: what is done",
            caption,
            lambda: figures.dose_response_outputs(result),
            True,
        ),
        FigureDrawing(
            "dose_response_afterwards",
            "Pushed once, and patched: how long it lasts",
            caption,
            lambda: figures.dose_response_afterwards(result),
            True,
        ),
        _table(result),
    ]


def panels_of_doses(result: Result) -> list[Panel]:
    """Curves over doses of components and of units, and the table."""
    data, caption = result.data, result.data.attrs["caption"]
    panels: list[Panel] = []
    for kind, layer in (("component", COMPONENTS), ("unit", str(data.attrs["layer"]))):
        here = data.isel(direction=np.flatnonzero(data["kind"].values == kind))
        if not here.sizes["direction"] or not np.isfinite(here["change"].values).any():
            continue
        numbers = here["number"].values
        if np.isfinite(here["divergence"].values).any():
            curves: tuple[UnitCurve, ...] = (
                _curve("pushed along it", "good", here, "divergence", numbers),
                UnitCurve("random directions", "chance", by_unit(here["random_divergence"].values, numbers)),
            )
            panels.append(_panel(f"dose_response_{kind}", layer, data, caption, curves, "divergence of actions (nats)"))
        outputs = _most_changed(here)
        chosen = here.isel(output=outputs)
        names = [str(each) for each in chosen["output"].values]
        curves = tuple(
            UnitCurve(name, "neutral", by_unit(chosen["change"].values[..., place], numbers))
            for place, name in enumerate(names)
        )
        panels.append(_panel(f"dose_response_{kind}_outputs", layer, data, caption, curves, "change of the output"))
    return [*panels, table_panel(_table(result))]


def _panel(
    name: str, layer: str, data: xarray.Dataset, caption: str, curves: tuple[UnitCurve, ...], y_title: str
) -> UnitCurvesPanel:
    x = np.asarray(data["dose"].values, np.float64)
    order = np.argsort(x, kind="stable")
    sorted_curves = tuple(
        UnitCurve(
            each.name,
            each.tone,
            each.values[:, order],
            None if each.low is None else each.low[:, order],
            None if each.high is None else each.high[:, order],
        )
        for each in curves
    )
    return UnitCurvesPanel(name, "Pushing the memory", caption, layer, x[order], "dose (s.d.)", y_title, sorted_curves)


def _curve(title: str, tone: str, data: xarray.Dataset, name: str, numbers: np.ndarray) -> UnitCurve:
    parts = [by_unit(data[f"{name}{end}"].values, numbers) for end in ("", "_low", "_high")]
    return UnitCurve(title, tone, *parts)  # type: ignore[arg-type]


def _most_changed(data: xarray.Dataset) -> np.ndarray:
    """Outputs that change most, in their order."""
    size = np.nanmax(np.abs(data["change"].values), axis=(0, 1))
    return np.sort(np.argsort(-size, kind="stable")[:_MOST_OUTPUTS])


def _table(result: Result) -> TableDrawing:
    data = result.data
    low, high = int(np.argmin(data["dose"].values)), int(np.argmax(data["dose"].values))
    doses = data["dose"].values
    columns = (
        *("direction", "variance (%)", f"divergence at {doses[low]:+g} s.d. (nats)", f"at {doses[high]:+g} s.d."),
        *("random at the same", "p", f"most changed at {doses[low]:+g} s.d.", f"at {doses[high]:+g} s.d."),
        f"value at {doses[high]:+g} s.d.",
    )
    rows: list[tuple[str | int | float, ...]] = []
    for place in range(data.sizes["direction"]):
        at = data.isel(direction=place)
        rows.append(
            (
                *(str(at["direction"].values), round(100 * float(at["explained"]), 1)),
                *(_interval(at, "divergence", low), _interval(at, "divergence", high)),
                f"{float(at['random_divergence'][high]):.3g}",
                float(f"{float(at['p']):.2g}") if np.isfinite(at["p"]) else "unknown",
                *(_most(at, low), _most(at, high), _interval(at, "value_change", high, "+")),
            )
        )
    return TableDrawing("dose_response", "Pushing the memory", data.attrs["caption"], columns, tuple(rows))


def _interval(at: xarray.Dataset, name: str, dose: int, sign: str = "") -> str:
    estimate, low, high = (float(at[f"{name}{end}"][dose]) for end in ("", "_low", "_high"))
    if not np.isfinite(estimate):
        return "unknown"
    within = f" [{low:{sign}.2g}, {high:{sign}.2g}]" if np.isfinite(low) else ""
    return f"{estimate:{sign}.2g}{within}".replace("-", "−")


def _most(at: xarray.Dataset, dose: int) -> str:
    change = at["change"].values[dose]
    place = int(np.nanargmax(np.abs(change)))
    return f"{at['output'].values[place]} {change[place]:+.2f}".replace("-", "−")
