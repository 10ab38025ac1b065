"""The figure of interventions draws the differences and intervals it is given."""

from __future__ import annotations

import numpy as np
import pytest
import xarray

from retinoscope.errors import UserError
from retinoscope.figures.intervention import intervention
from retinoscope.result import Result
from tests.figures.test_components import assert_nothing_overlaps

OUTPUTS = ["turn none", "turn left", "turn right", "move none", "move forward", "move backward"]


def planted(count: int) -> tuple[Result, list[dict]]:
    random = np.random.default_rng(0)
    data = xarray.Dataset(coords={"output": OUTPUTS}, attrs={"caption": "word " * 60})
    effects: list[dict] = []
    for component in range(count):
        entry: dict = {"component": component}
        for name in ("seconds", "healing", "harmful", *(f"actions {each}" for each in OUTPUTS)):
            middle = random.normal(size=2)
            entry[name] = {
                "difference": (middle[0], middle[0] - 1, middle[0] + 1),
                "random": (middle[1], middle[1] - 0.5, middle[1] + 0.5),
                "p": 0.5,
            }
        effects.append(entry)
    return Result("intervention", data, {"do": "clamp"}, {"agent": "planted"}), effects


@pytest.mark.parametrize("count", [1, 3, 16])
def test_every_component_has_its_difference_and_its_control(count: int) -> None:
    result, effects = planted(count)
    figure = intervention(result, effects)
    assert_nothing_overlaps(figure)
    assert len(figure.axes) == 9
    panel = figure.axes[1]
    drawn = [line.get_xdata() for line in panel.lines[1:]]
    for place, each in enumerate(effects):
        span_random, point_random, span, point = drawn[4 * place : 4 * place + 4]
        assert (point[0], *span) == each["healing"]["difference"]
        assert (point_random[0], *span_random) == each["healing"]["random"]
        excludes_zero = span[0] > 0 or span[1] < 0
        assert (panel.lines[4 * place + 4].get_markerfacecolor() != "white") == excludes_zero


def test_another_result_is_refused() -> None:
    with pytest.raises(UserError, match="'simulation'"):
        intervention(Result("simulation", xarray.Dataset()), [])
