"""Names of layers along an axis: side by side where they have room, else turned, long ones by their ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from retinoscope.figures.page import points, text_width

_LONGEST = 1.0  # inches
_USED = 0.78  # share of a figure's width that its panels have between their labels


def short_name(name: str) -> str:
    """The end of a name that is longer than an inch: there layers of one network differ."""
    short = name
    while text_width(short, points("xtick.labelsize")) > _LONGEST:
        short = f"…{short[2:]}"
    return short


def name_layers(
    axes: Axes, places: Sequence[int] | NDArray[np.integer], names: Sequence[str], is_turned: bool | None = None
) -> float:
    """Write names under an axis.

    Args:
        axes: a panel of a figure; unless it is said whether they are turned, of a grid of panels of one width.
        places: of the names along it.
        names: of layers.
        is_turned: a quarter turn; None for where they would meet else.

    Returns:
        How many inches turned names reach down, 0 for others: so much taller a figure has to be for panels as tall.
    """
    shown = [short_name(name) for name in names]
    longest = max(text_width(f"{name} ", points("xtick.labelsize")) for name in shown)
    if is_turned is None:
        spec, figure = axes.get_subplotspec(), axes.get_figure()
        assert spec is not None and figure is not None
        room = _USED * figure.get_size_inches()[0] / spec.get_gridspec().ncols / len(names)  # type: ignore[union-attr]
        is_turned = longest > room
    axes.set_xticks(places, shown, rotation=90 if is_turned else 0)
    return longest if is_turned else 0.0
