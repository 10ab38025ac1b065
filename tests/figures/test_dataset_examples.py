"""Histograms show what was counted, and the thresholds where they are."""

from __future__ import annotations

import numpy as np
import pytest
import xarray

from retinoscope.analyses.memory.dataset_examples import dataset_examples as measure
from retinoscope.analyses.memory.fitted_components import fitted_components
from retinoscope.errors import UserError
from retinoscope.figures.dataset_examples import dataset_examples, pages
from retinoscope.result import Result
from tests.figures.test_components import assert_nothing_overlaps


@pytest.fixture(scope="module")
def result() -> Result:
    activity = np.random.default_rng(0).gamma(1.2, size=(300, 6, 18))
    activity[:, :, 5] = 1.0
    return measure(activity, given={"fitted_components": fitted_components(activity, components="units")})


def test_histograms_and_thresholds_are_those_of_the_result(result: Result) -> None:
    figure = dataset_examples(result)
    assert len(figure.axes) == 16
    for place, axes in enumerate(figure.axes[:5]):
        one = result.data.isel(component=place, proportion=0)
        everywhere, there = (patch.get_data() for patch in axes.patches[:2])
        counts = one["histogram"].values
        np.testing.assert_allclose(everywhere.values, 100 * counts[0] / counts[0].sum())
        np.testing.assert_allclose(there.values, 100 * counts[1] / counts[1].sum())
        assert sorted(line.get_xdata()[0] for line in axes.lines) == sorted([float(one["low"]), float(one["high"])])


def test_pages_are_legible_and_say_which_cuts_are_poor(result: Result) -> None:
    assert pages(result) == 2
    for page in range(2):
        words = assert_nothing_overlaps(dataset_examples(result, page))
        numbers = {word.removesuffix(" *") for word in words if word.removesuffix(" *").isdigit()}
        assert {str(each) for each in range(16 * page, min(16 * page + 16, 18))} <= numbers
        if page == 0:
            assert "5 *" in words and "constant" in words


def test_what_is_not_there_is_refused(result: Result) -> None:
    with pytest.raises(UserError, match="page 2"):
        dataset_examples(result, 2)
    with pytest.raises(UserError, match="'simulation'"):
        dataset_examples(Result("simulation", xarray.Dataset()))
