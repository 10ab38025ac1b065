"""Units planted along a line are put back into line, and an order of unrelated units is not stable."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
import scipy.stats

from retinoscope.errors import UserError
from retinoscope.statistics import raster_order
from retinoscope.statistics.covariance import Covariance, merged
from retinoscope.statistics.raster_order import order_stability, unit_order
from tests.planted_activity import chain_activity

UNITS = 30


def groups_of(data: np.ndarray, count: int = 6) -> list[Covariance]:
    groups = [Covariance(data.shape[1]) for _ in range(count)]
    for group, rows in zip(groups, np.array_split(data, count), strict=True):
        group.update(rows)
    return groups


def agreement(order: np.ndarray, place: np.ndarray) -> float:
    return abs(float(scipy.stats.spearmanr(np.argsort(order), place).statistic))


@pytest.mark.parametrize("method", ["cosine", "euclidean"])
def test_a_planted_order_is_recovered(method: raster_order.Method) -> None:
    data, place = chain_activity(3000, UNITS)
    order = unit_order(merged(groups_of(data)).finalize(), method)
    assert sorted(order) == list(range(UNITS))
    assert agreement(order, place) > 0.95


@pytest.mark.parametrize("turned", [False, True])
def test_the_units_that_change_most_come_first(turned: bool) -> None:
    data, place = chain_activity(3000, UNITS)
    strength = 1 + (UNITS - 1 - place if turned else place) / UNITS
    order = unit_order(merged(groups_of(data * strength)).finalize(), "cosine")
    spread = (data * strength).var(axis=0)[order]
    assert spread[: UNITS // 2].mean() > spread[-(UNITS // 2) :].mean()


def test_cosine_does_not_heed_how_strongly_units_act_and_euclidean_does() -> None:
    data, place = chain_activity(3000, UNITS)
    strength = np.random.default_rng(1).permutation(np.geomspace(1, 300, UNITS))
    estimate = merged(groups_of(data * strength)).finalize()
    assert agreement(unit_order(estimate, "cosine"), place) > 0.95
    assert agreement(unit_order(estimate, "euclidean"), place) < 0.92


def test_distances_from_the_covariance_are_those_of_the_time_courses() -> None:
    data, _ = chain_activity(400, 8)
    data = data * np.arange(1, 9) + np.arange(8)
    estimate = merged(groups_of(data)).finalize()
    slow = np.sqrt(((data[:, :, None] - data[:, None]) ** 2).mean(axis=0))
    np.testing.assert_allclose(raster_order._euclidean_distances(estimate), slow, rtol=2e-3)
    scores = scipy.stats.zscore(data)
    coordinates = np.linalg.eigh(estimate.correlation())
    placed = coordinates[1] * np.sqrt(np.maximum(coordinates[0], 0))
    expected = 1 - scores.T @ scores / len(scores)
    np.testing.assert_allclose(raster_order._cosine_distances(placed), expected, atol=1e-9)


def test_a_planted_order_is_stable_and_one_of_unrelated_units_is_not() -> None:
    data, _ = chain_activity(3000, UNITS)
    stable = order_stability(groups_of(data))
    assert stable.correlation.min() > 0.9 > stable.chance_high > stable.chance
    noise = np.random.default_rng(0).normal(size=(3000, UNITS))
    unstable = [order_stability(groups_of(noise[:, chosen])) for chosen in (slice(0, 15), slice(15, 30))]
    found = np.concatenate([each.correlation for each in unstable])
    assert np.median(found) < unstable[0].chance_high
    assert found.min() < 0.3


def test_chance_is_that_of_random_orders() -> None:
    random = np.random.default_rng(0)
    found = order_stability(groups_of(random.normal(size=(300, 10))), splits=1)
    drawn = [abs(scipy.stats.spearmanr(random.permutation(10), np.arange(10)).statistic) for _ in range(1000)]
    assert found.chance == pytest.approx(np.mean(drawn), rel=0.08)
    assert found.chance_high == pytest.approx(np.quantile(drawn, 0.95), rel=0.08)


def test_units_that_never_change_come_last_and_two_or_none_are_no_fault() -> None:
    data, _ = chain_activity(500, 8)
    data[:, [2, 5]] = 1
    assert unit_order(merged(groups_of(data)).finalize())[-2:].tolist() == [2, 5]
    assert unit_order(merged(groups_of(data[:, :3])).finalize()).tolist()[-1] == 2
    assert unit_order(merged(groups_of(np.ones((20, 3)))).finalize()).tolist() == [0, 1, 2]


def test_what_cannot_be_said_is_refused() -> None:
    data, _ = chain_activity(100, 8)
    with pytest.raises(UserError, match="needs 2 groups of episodes, there are 1"):
        order_stability(groups_of(data, 1))
    with pytest.raises(UserError, match="needs 3 units that change, there are 2"):
        order_stability(groups_of(data[:, :2]))
    with pytest.raises(UserError, match="order 'name': unknown; choose from cosine"):
        unit_order(merged(groups_of(data)).finalize(), "name")  # type: ignore[arg-type]


def test_rastermap_is_asked_for_only_when_chosen_and_missed_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    data, _ = chain_activity(100, 8)
    monkeypatch.setitem(sys.modules, "rastermap", None)  # as if it were not installed, whether or not it is
    with pytest.raises(UserError, match=r"rastermap is not installed; `pip install 'retinoscope\[rastermap\]'`"):
        unit_order(merged(groups_of(data)).finalize(), "rastermap")


def test_the_order_that_rastermap_gives_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in with Rastermap's interface: sorts rows of the data it is given by their first column."""
    given: dict[str, object] = {}

    class Rastermap:
        def __init__(self, **settings: object) -> None:
            given.update(settings)

        def fit(self, data: np.ndarray, compute_X_embedding: bool) -> None:
            given["inner products"] = data @ data.T
            self.isort = np.argsort(data[:, 0])

    library = types.ModuleType("rastermap")
    library.Rastermap = Rastermap  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "rastermap", library)
    data, place = chain_activity(1000, UNITS)
    estimate = merged(groups_of(data)).finalize()
    assert agreement(unit_order(estimate, "rastermap"), place) > 0.8
    np.testing.assert_allclose(given["inner products"], estimate.correlation(), atol=1e-5)
    assert given["n_clusters"] is None and given["n_PCs"] == UNITS - 1
