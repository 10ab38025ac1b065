"""t-SNE finds planted clusters from exact neighbours, and the same again for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.statistics.embedding import (
    affinities,
    embed,
    fewest_points,
    initial_embedding,
    nearest_neighbours,
)
from retinoscope.statistics.embedding_quality import neighbours_kept

PERPLEXITY = 10.0


def clusters(count: int = 5, each: int = 40, units: int = 20) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    label = random.permutation(np.repeat(np.arange(count), each))
    return random.normal(size=(count, units))[label] * 3 + random.normal(size=(len(label), units)), label


def embedded(points: np.ndarray, seed: int = 0) -> np.ndarray:
    weights = affinities(*nearest_neighbours(points, 30), PERPLEXITY)
    return embed(weights, initial_embedding(points), seed)


def test_neighbours_are_those_of_all_distances() -> None:
    random = np.random.default_rng(0)
    for units in (2, 12):
        points = random.normal(size=(90, units)).astype(np.float32) + 1000
        distances = np.linalg.norm(points[:, None].astype(float) - points[None], axis=2)
        np.fill_diagonal(distances, np.inf)
        done: list[float] = []
        found, far = nearest_neighbours(points, 7, jobs=2, advance=done.append)
        np.testing.assert_array_equal(found, np.argsort(distances, axis=1)[:, :7])
        np.testing.assert_allclose(far, np.sort(distances, axis=1)[:, :7], rtol=1e-6)
        assert sum(done) == 90


def test_no_point_is_its_own_neighbour_even_among_points_in_the_same_place() -> None:
    found, far = nearest_neighbours(np.zeros((30, 4)), 5)
    assert not (found == np.arange(30)[:, None]).any()
    assert not far.any()
    with pytest.raises(UserError, match="5 points have no 5 others"):
        nearest_neighbours(np.zeros((5, 2)), 5)


def test_planted_clusters_are_kept_together_and_apart() -> None:
    points, label = clusters()
    places = embedded(points)
    neighbours, _ = nearest_neighbours(places, 10)
    assert (label[neighbours] == label[:, None]).mean() > 0.99
    assert neighbours_kept(nearest_neighbours(points, 10)[0], neighbours).mean() > 0.3


def test_the_seed_decides_everything() -> None:
    points = clusters()[0][:100]
    first = embedded(points)
    assert np.array_equal(first, embedded(points))
    assert not np.array_equal(first, embedded(points, seed=1))


def test_affinities_are_symmetric_and_of_the_perplexity() -> None:
    points, _ = clusters()
    weights = affinities(*nearest_neighbours(points, 30), PERPLEXITY).toarray()
    np.testing.assert_allclose(weights, weights.T, atol=1e-15)
    assert weights.sum() == pytest.approx(1)
    # Each point's own distribution over its neighbours has the entropy of `PERPLEXITY` equal ones: the symmetric sum of
    # two such, averaged over points, has at least that and less than all neighbours.
    rows = weights / weights.sum(axis=1, keepdims=True)
    entropy = -(rows * np.log(np.where(rows > 0, rows, 1))).sum(axis=1)
    assert PERPLEXITY < np.exp(entropy).mean() < 30
    with pytest.raises(UserError, match="perplexity 12 needs 36 neighbours of every point, there are 30"):
        affinities(*nearest_neighbours(points, 30), 12.0)


def test_it_starts_from_the_principal_components() -> None:
    points, _ = clusters()
    centred = points - points.mean(axis=0)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    start = initial_embedding(points)
    assert start[:, 0].std() == pytest.approx(1e-4)
    truth = (left * singular)[:, :2]
    truth *= 1e-4 / truth[:, 0].std()
    np.testing.assert_allclose(np.abs(start), np.abs(truth), atol=1e-10)
    assert initial_embedding(points[:, :1]).shape == (200, 2)


def test_fewest_points_are_enough_and_fewer_are_not() -> None:
    points, _ = clusters()
    fewest = fewest_points(PERPLEXITY)
    neighbours = nearest_neighbours(points[:fewest], 30)
    assert affinities(*neighbours, PERPLEXITY).shape == (fewest, fewest)
    with pytest.raises(UserError, match="no 30 others"):
        nearest_neighbours(points[: fewest - 2], 30)


@pytest.mark.parametrize(("most_exactly", "threads"), [(1_000, 4), (100, 1)])
def test_the_grid_is_computed_by_one_thread(most_exactly: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import openTSNE

    asked: list[int] = []
    real = openTSNE.TSNEEmbedding

    def embedding(*given: object, n_jobs: int, **named: object) -> object:
        asked.append(n_jobs)
        return real(*given, n_jobs=1, **named)

    monkeypatch.setattr(openTSNE, "TSNEEmbedding", embedding)
    monkeypatch.setattr("retinoscope.statistics.embedding._MOST_EXACTLY", most_exactly)
    for phase in ("EARLY_ITERATIONS", "ITERATIONS"):
        monkeypatch.setattr(f"retinoscope.statistics.embedding.{phase}", 10)
    points, _ = clusters()
    embed(affinities(*nearest_neighbours(points, 30), PERPLEXITY), initial_embedding(points), jobs=4)
    assert asked == [threads]
