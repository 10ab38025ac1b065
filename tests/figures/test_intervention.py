"""The figure of interventions draws the differences and intervals of the Result."""

from __future__ import annotations

import numpy as np
import pytest
import xarray
from matplotlib.colors import to_hex

from retinoscope.errors import UserError
from retinoscope.figures.intervention import intervention
from retinoscope.figures.style import colour
from retinoscope.result import Result
from tests.figures.test_components import assert_nothing_overlaps

OUTPUTS = ["turn none", "turn left", "turn right", "move none", "move forward", "move backward"]
PANELS = {
    "duration": "survival (s)",
    "survived": "",
    "episode_return": "",
    "healing": "healing pick-ups per episode",
    "harmful": "harmful pick-ups per episode",
    **{f"actions {each}": f"share of {each}" for each in OUTPUTS},
}
MEASURES = list(PANELS)


def planted(count: int) -> Result:
    random = np.random.default_rng(0)
    dimensions, shape = ("edited", "measure"), (count, len(MEASURES))
    variables = {}
    for name, reach in (("difference", 1.0), ("random_difference", 0.5)):
        middle = random.normal(size=shape)
        variables |= {
            name: (dimensions, middle),
            f"{name}_low": (dimensions, middle - reach),
            f"{name}_high": (dimensions, middle + reach),
        }
    coordinates = {"edited": np.arange(count) + 3, "measure": MEASURES, "output": OUTPUTS}
    coordinates["panel"] = ("measure", list(PANELS.values()))
    data = xarray.Dataset(variables, coordinates, {"caption": "word " * 60})
    return Result("intervention", data, {"do": "clamp"}, {"agent": "planted"})


@pytest.mark.parametrize("count", [1, 3, 16])
def test_every_component_has_its_difference_and_its_control(count: int) -> None:
    result = planted(count)
    figure = intervention(result)
    words = assert_nothing_overlaps(figure)
    assert "Does it matter? clamp · agent planted" in words
    assert len(figure.axes) == 9
    panel = figure.axes[1]
    assert panel.get_title("left") == "healing pick-ups per episode"
    data = result.data.sel(measure="healing")
    spans, points = panel.collections[::2], panel.collections[1::2]
    for name, span, point in zip(("random_difference", "difference"), spans, points, strict=True):
        estimate, low, high = (data[f"{name}{end}"].values for end in ("", "_low", "_high"))
        np.testing.assert_allclose(np.asarray(point.get_offsets())[:, 0], estimate)
        ends = [(segment[0, 0], segment[1, 0]) for segment in span.get_segments()]
        np.testing.assert_allclose(ends, np.stack([low, high], axis=1))
        filled = [to_hex(face) != "#ffffff" for face in np.broadcast_to(point.get_facecolors(), (count, 4))]
        assert filled == ((low > 0) | (high < 0)).tolist()
    assert to_hex(spans[1].get_color()[0]) == colour("positive")
    # The component and its random directions lie close together, apart from the next component.
    rows = [np.asarray(point.get_offsets())[:, 1] for point in points]
    np.testing.assert_allclose(rows[0] - rows[1], 0.36)
    assert [label.get_text() for label in panel.get_yticklabels()] == [str(3 + each) for each in range(count)]
    low, high = panel.get_ylim()
    assert low > high  # the first component above


def test_other_results_and_those_without_differences_are_refused() -> None:
    with pytest.raises(UserError, match="'simulation'"):
        intervention(Result("simulation", xarray.Dataset()))
    with pytest.raises(UserError, match="holds no differences"):
        intervention(Result("intervention", xarray.Dataset()))
