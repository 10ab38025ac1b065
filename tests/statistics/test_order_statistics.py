"""Order statistics of streams are those of sorting, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.statistics.order_statistics import order_statistics


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["gaussian", "ties", "tiny", "huge", "constant"])
def test_equals_sorting(dtype: type, kind: str) -> None:
    random = np.random.default_rng(3)
    values = {
        "gaussian": random.normal(size=(1_000, 5)),
        "ties": random.integers(-2, 3, (1_000, 5)),
        "tiny": random.normal(size=(1_000, 5)) * 1e-40,
        "huge": random.normal(size=(1_000, 5)) * 5e37,
        "constant": np.full((1_000, 5), -1.25),
    }[kind].astype(dtype)
    values[::7] = 0.0
    values[::11] = -0.0
    ranks = [0, 1, 99, 500, 998, 999]

    def blocks():
        return iter(np.array_split(values, 7))

    found = order_statistics(blocks, ranks, 5)
    assert found.dtype == dtype
    assert np.array_equal(found, np.sort(values, axis=0)[ranks])
    assert not np.signbit(found[found == 0]).any()


def test_many_variables_are_taken_in_turn() -> None:
    values = np.random.default_rng(0).normal(size=(50, 200)).astype(np.float32)
    found = order_statistics(lambda: [values], [3, 20, 40], 200)
    assert np.array_equal(found, np.sort(values, axis=0)[[3, 20, 40]])


@pytest.mark.parametrize(("ranks", "message"), [([10], "place 10"), ([-1], "place -1")])
def test_places_outside_are_refused(ranks: list[int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        order_statistics(lambda: [np.zeros((10, 2), np.float32)], ranks, 2)


def test_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="no values"):
        order_statistics(lambda: [], [0], 2)
