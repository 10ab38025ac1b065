"""What is drawn of fixed points: the plane of the memory, time constants, what the points stand for, and a table."""

from __future__ import annotations

import numpy as np
import xarray

from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.exploring import Panel, PointsPanel, table_panel
from retinoscope.result import Result


def drawings_of_points(result: Result) -> list[Drawing]:
    """Three figures and a table."""
    from retinoscope import figures

    caption = result.data.attrs["caption"]
    return [
        FigureDrawing(
            "fixed_points", "Where the memory stands still", caption, lambda: figures.fixed_points(result), True
        ),
        FigureDrawing(
            "fixed_points_spectra",
            "How fast deviations die out",
            caption,
            lambda: figures.fixed_points_spectra(result),
            True,
        ),
        _table(result),
    ]


def panels_of_points(result: Result) -> list[Panel]:
    """The table; and the recorded states of the agent's memory in the plane of its first components."""
    data, caption = result.data, result.data.attrs["caption"]
    places = data["trajectory"].values[0, :, :, :2].reshape(-1, 2)
    share = data["variance_share"].values[0, :2].sum()
    plane = PointsPanel(
        "fixed_points_plane",
        "Memory in its first two components",
        caption,
        str(data.attrs["layer"]),
        data["trajectory_row"].values.ravel(),
        places,
        f"{share:.0%} of the variance of the state of the memory",
    )
    return [plane, table_panel(_table(result))]


def said_outputs(data: xarray.Dataset, point: int) -> str:
    """The likeliest outputs at a point, with their probabilities."""
    values = data["outputs"].values
    order = np.argsort(-values[point], kind="stable")[:2]
    return ", ".join(f"{data.coords['output'].values[each]} {values[point, each]:.2f}" for each in order)


def _table(result: Result) -> TableDrawing:
    data = result.data
    columns = (
        *("network", "input", "point", "kind", "starting states (%)", "speed", "largest eigenvalue (size)"),
        *("slowest time constant (decisions)", "unstable directions", "distance to nearest state"),
        *("outputs", "value", "row", "further nearest rows"),
    )
    rows = []
    for point in range(data.sizes["point"]):
        at = data.isel(point=point)
        size = float(np.hypot(at["eigenvalue_real"].values[0], at["eigenvalue_imaginary"].values[0]))
        near = at["nearest_row"].values
        value = float(at["value"])
        rows.append(
            (
                *(str(at["point_network"].values), str(at["point_input"].values), point, str(at["kind"].values)),
                *(round(100 * float(at["starts"]), 1), float(f"{float(at['speed']):.2g}"), round(size, 4)),
                *(round(float(at["time_constant"].values[0]), 1), int(at["unstable_directions"])),
                *(round(float(at["distance"]), 3), said_outputs(data, point)),
                round(value, 2) if np.isfinite(value) else "unknown",
                *(int(near[0]), " ".join(str(each) for each in near[1:] if each >= 0)),
            )
        )
    return TableDrawing("fixed_points", "Fixed and slow points", result.data.attrs["caption"], columns, tuple(rows))
