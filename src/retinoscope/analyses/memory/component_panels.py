"""What the explorer shows of the components of the memory: numbers, lists of examples, and what moved them."""

from __future__ import annotations

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.analyses.drawing import TableDrawing
from retinoscope.analyses.exploring import (
    COMPONENTS,
    ExampleList,
    ExamplesPanel,
    Panel,
    SaliencyPanel,
    SaliencyTarget,
    UnitNumber,
    UnitNumbersPanel,
    table_panel,
)
from retinoscope.result import Result


def component_panels(result: Result, table: TableDrawing) -> list[Panel]:
    """Of a Result of `components`: how far each can be trusted, and what goes with it."""
    data, caption = result.data, str(result.data.attrs["caption"])
    numbers = (
        UnitNumber("explained", "variance explained", "%", 100 * data["explained"].values),
        UnitNumber("stability", "stability index", "", data["stability"].values),
    )
    found: list[Panel] = [
        table_panel(table),
        UnitNumbersPanel("components_stability", "How far components can be trusted", caption, COMPONENTS, numbers),
    ]
    if "correlation" in data:
        quantities = [str(each) for each in data["quantity"].values]
        correlates = (
            UnitNumber("chance", "r by chance, at most", "", data["correlation_chance"].values),
            *(
                UnitNumber(f"r {name}", f"r with {name}", "", data["correlation"].sel(quantity=name).values)
                for name in quantities
            ),
        )
        said, title = str(data.attrs["correlation_caption"]), "What goes with each component"
        found.append(UnitNumbersPanel("component_correlates", title, said, COMPONENTS, correlates))
    return found


def example_panels(result: Result, table: TableDrawing) -> list[Panel]:
    """Of a Result of `dataset_examples`: the lists. Samples of arrays follow each other, moment by moment."""
    data, steps = result.data, int(result.parameters["steps"])
    shares = data["proportion"].values.tolist()
    is_recording = "first_row" in data.coords
    samples = data["first_row"].values if is_recording else np.arange(data.sizes["sample"]) * steps
    names = () if is_recording else tuple(str(each) for each in data["sample"].values)
    lists = tuple(
        ExampleList(
            str(scope),
            f"{level}" if len(shares) == 1 else f"{level}, proportion {share:g}",
            data["listed"].sel(scope=scope, level=level).values[number],
        )
        for number, share in enumerate(shares)
        for scope in data["scope"].values
        for level in data["level"].values
    )
    panel = ExamplesPanel(
        "dataset_examples",
        "Dataset examples",
        str(data.attrs["caption"]),
        COMPONENTS,
        steps,
        int(result.parameters["gradient_step"]),
        samples,
        names,
        lists,
    )
    return [panel, table_panel(table)]


def gallery_panels(result: Result) -> list[Panel]:
    """Of a Result of `component_gallery`: which pixels moved each component at the moments of its samples."""
    data = result.data
    if "attribution" not in data or "first_row" not in data:  # arrays, or Results of before
        return []
    targets = [
        target
        for number in data["component"].values.tolist()
        if (target := _moved(data.sel(component=number), number, int(result.parameters["gradient_step"]))) is not None
    ]
    caption = (
        f"{data.attrs['caption']} At moments before the gradient step of a sample: how they moved the component then. "
        "These maps were not put to the randomisation of parameters."
    )
    title = "What moves the components"
    return [SaliencyPanel("component_gallery", title, caption, tuple(targets))] if targets else []


def _moved(of_component: xarray.Dataset, number: int, step: int) -> SaliencyTarget | None:
    """The maps of all samples, by moment; where two samples share one, that of the nearer gradient step counts."""
    shown = of_component["shown"].values
    first, maps = of_component["first_row"].values, of_component["attribution"].values
    nearest: dict[int, tuple[int, NDArray[np.floating]]] = {}
    for place in np.argwhere(first >= 0):
        for number_shown in np.flatnonzero(shown <= step):
            row, away = int(first[tuple(place)] + shown[number_shown]), int(step - shown[number_shown])
            if row not in nearest or away < nearest[row][0]:
                nearest[row] = (away, maps[(*place, number_shown)])
    if not nearest:
        return None
    rows = np.array(sorted(nearest))
    found = np.stack([nearest[row][1] for row in rows.tolist()])
    place = int(of_component["place_of_component"])
    scale = _scale(found)
    name = f"component {number}"
    return SaliencyTarget(name, name, rows, found, scale, COMPONENTS, place)


def _scale(maps: NDArray[np.floating]) -> float:
    """All but one in a thousand of the pixels that are not zero stay within it."""
    sizes = np.abs(maps[maps != 0])
    return float(np.quantile(sizes, 0.999)) if sizes.size else 0.0
