"""Figures of components: what they draw is what the Result holds, and nothing lies over anything else."""

from __future__ import annotations

from itertools import combinations

import matplotlib
import numpy as np
import pytest
import xarray
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from retinoscope.errors import UserError
from retinoscope.figures.components import component_correlates, components
from retinoscope.result import Result


def planted(count: int = 16, kept: tuple[int, ...] = (4, 8, 16, 24, 32), is_recorded: bool = True) -> Result:
    random = np.random.default_rng(0)
    data = xarray.Dataset(
        {
            "stability": ("component", random.uniform(0.2, 1, count)),
            "explained": ("component", np.linspace(0.1, 0.01, count)),
            "stability_chance": ((), 0.4),
            "eigenvalue": ("dimension", np.geomspace(12, 0.1, 64)),
            "eigenvalue_chance": ("dimension", np.linspace(1.2, 0.8, 64)),
            "sweep_explained": ("kept", np.linspace(0.4, 0.9, len(kept))),
            "sweep_stability": ("kept", np.linspace(0.9, 0.6, len(kept))),
            "sweep_stable": ("kept", list(range(len(kept)))),
        },
        coords={"component": np.arange(count), "kept": list(kept)},
        attrs={"caption": "word " * 60, "correlation_caption": "word " * 30},
    )
    data["is_stable"] = data["stability"] > 0.9
    if is_recorded:
        names = ["value", "health", *(f"{number} in view" for number in range(12)), "distance to nearest"]
        values = random.uniform(-0.5, 0.5, (count, len(names)))
        values[:, 3] = np.nan
        data = data.assign_coords(quantity=names)
        data["correlation"] = (("component", "quantity"), values)
        data["correlation_low"] = (("component", "quantity"), values - 0.1)
        data["correlation_high"] = (("component", "quantity"), values + 0.1)
        data["correlation_chance"] = ("component", np.full(count, 0.25))
    return Result("components", data, {"stable_from": 0.9}, {"agent": "planted"})


def assert_nothing_overlaps(figure: Figure) -> list[str]:
    """No two texts touch, none leaves the page, none is smaller than 6 points; the words there are."""
    figure.set_canvas(FigureCanvasAgg(figure))
    figure.canvas.draw()
    texts = [text for text in figure.findobj(matplotlib.text.Text) if text.get_visible() and text.get_text().strip()]
    texts = [text for text in texts if text.get_window_extent().width > 0]
    hidden = set()  # labels of ticks outside of the limits are there, and never drawn
    for axis in (each for axes in figure.axes for each in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        hidden |= {id(tick.label1) for tick in ticks if not low <= tick.get_loc() <= high}
    shown = []
    for text in texts:
        if id(text) in hidden:
            continue
        box = text.get_window_extent()
        shown.append((text, box))
        assert text.get_fontsize() >= 6, text.get_text()
        assert box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1 and box.y0 >= -1 and box.y1 <= figure.bbox.y1 + 1
    for (one, first), (other, second) in combinations(shown, 2):
        assert not first.shrunk(0.95, 0.8).overlaps(second.shrunk(0.95, 0.8)), (one.get_text(), other.get_text())
    return [text.get_text() for text, _ in shown]


@pytest.mark.parametrize("count", [2, 16, 64])
def test_stability_figure_is_legible(count: int) -> None:
    words = assert_nothing_overlaps(components(planted(count)))
    assert "Components of the memory · agent planted" in words


def test_stable_components_are_drawn_apart_from_the_others() -> None:
    result = planted()
    axes = components(result).axes[0]
    stable, others = axes.containers
    index = result.data["stability"].values
    assert sorted(bar.get_height() for bar in stable) == sorted(index[index > 0.9].tolist())
    assert sorted(bar.get_height() for bar in others) == sorted(index[index <= 0.9].tolist())


@pytest.mark.parametrize("count", [2, 16])
def test_correlates_are_drawn_around_zero_and_marked_above_chance(count: int) -> None:
    result = planted(count)
    figure = component_correlates(result)
    assert_nothing_overlaps(figure)
    (image,) = figure.axes[0].images
    low, high = image.get_clim()
    assert low == -high
    np.testing.assert_array_equal(np.ma.filled(image.get_array(), np.nan), result.data["correlation"].values.T)
    values = result.data["correlation"].values
    expected = {tuple(each) for each in np.argwhere((np.abs(values) > 0.25) & (np.abs(values) > 0.1)).tolist()}
    marked = {tuple(each) for each in figure.axes[0].collections[0].get_offsets().astype(int).tolist()}
    assert marked == expected


def test_what_has_no_correlates_is_refused() -> None:
    with pytest.raises(UserError, match="not of a recording"):
        component_correlates(planted(is_recorded=False))
    with pytest.raises(UserError, match="'simulation'"):
        components(Result("simulation", xarray.Dataset()))
