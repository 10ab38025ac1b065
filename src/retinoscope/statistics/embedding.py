"""t-SNE embeddings (van der Maaten & Hinton 2008) with the defaults that were found to be sound.

Initialised by the first two principal components and optimised at a learning rate of n / exaggeration, so that global
structure is neither random nor lost (Kobak & Berens 2019, Nature Communications 10:5416; Belkina et al. 2019).
Neighbours are exact and computed here, because the same neighbours say how far the embedding can be trusted.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from retinoscope.errors import UserError

NEIGHBOURS_PER_PERPLEXITY = 3
EARLY_ITERATIONS, EARLY_EXAGGERATION, EARLY_MOMENTUM = 250, 12.0, 0.5
ITERATIONS, MOMENTUM = 500, 0.8
_BLOCK = 4096  # points whose neighbours are looked for between two steps of a progress bar


_MOST_EXACTLY = 5_000  # points up to which a tree is faster than the grid of the FFT


def fewest_points(perplexity: float) -> int:
    """How many points t-SNE needs at this perplexity."""
    return int(NEIGHBOURS_PER_PERPLEXITY * perplexity) + 2


def nearest_neighbours(
    points: NDArray, count: int, jobs: int = 1, advance: Callable[[float], None] | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """The exact nearest neighbours of every point among the others, by Euclidean distance.

    Args:
        points: (point, unit).
        count: of neighbours.
        jobs: threads.
        advance: told how many points are done.

    Returns:
        (point, count) int32 indices and float64 distances, nearest first.

    Raises:
        UserError: there are not more than `count` points.
    """
    if len(points) <= count:
        raise UserError(f"neighbours: {len(points)} points have no {count} others each; use more points")
    from sklearn.neighbors import NearestNeighbors
    from threadpoolctl import threadpool_limits

    # Centred, so that squares lose fewer digits.
    table = np.asarray(points, np.float64)
    table = table - table.mean(axis=0)
    # A tree pays in the plane and not in many dimensions.
    algorithm = "kd_tree" if table.shape[1] <= 3 else "brute"
    search = NearestNeighbors(n_neighbors=count + 1, algorithm=algorithm).fit(table)
    indices = np.empty((len(table), count), np.int32)
    distances = np.empty((len(table), count))
    with threadpool_limits(jobs):
        for first in range(0, len(table), _BLOCK):
            rows = np.arange(first, min(first + _BLOCK, len(table)))
            far, found = search.kneighbors(table[rows])
            # Itself goes to the end and is cut off; so is the farthest, where more than `count` are in the same place.
            order = np.argsort(found == rows[:, None], axis=1, kind="stable")[:, :count]
            indices[rows] = np.take_along_axis(found, order, axis=1)
            distances[rows] = np.take_along_axis(far, order, axis=1)
            if advance is not None:
                advance(len(rows))
    return indices, distances


def affinities(
    neighbours: NDArray[np.int32], distances: NDArray[np.float64], perplexity: float, jobs: int = 1
) -> scipy.sparse.csr_matrix:
    """Symmetric t-SNE affinities from exact neighbours: sparse (point, point), adding up to 1.

    Raises:
        UserError: there are fewer neighbours than three times the perplexity.
    """
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    wanted = int(NEIGHBOURS_PER_PERPLEXITY * perplexity)
    if neighbours.shape[1] < wanted:
        raise UserError(
            f"affinities: perplexity {perplexity:g} needs {wanted} neighbours of every point, there are "
            f"{neighbours.shape[1]}"
        )
    index = PrecomputedNeighbors(np.ascontiguousarray(neighbours), np.ascontiguousarray(distances))
    return PerplexityBasedNN(perplexity=perplexity, knn_index=index, n_jobs=jobs).P.tocsr()


def initial_embedding(points: NDArray, dimensions: int = 2) -> NDArray[np.float64]:
    """The first principal components, scaled to a standard deviation of 1e-4; signs as in `principal_components`."""
    centred = np.asarray(points, np.float64)
    centred = centred - centred.mean(axis=0)
    axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :dimensions].T
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    scores = centred @ (axes * np.where(largest < 0, -1.0, 1.0)).T
    return scaled_initialization(np.pad(scores, ((0, 0), (0, dimensions - scores.shape[1]))))


def scaled_initialization(scores: NDArray) -> NDArray[np.float64]:
    """(point, dimension) start of an embedding, its first dimension scaled to a standard deviation of 1e-4."""
    scores = np.asarray(scores, np.float64)
    spread = float(scores[:, 0].std())
    return np.ascontiguousarray(scores * (1e-4 / spread if spread > 0 else 1.0))


def embed(
    weights: scipy.sparse.csr_matrix,
    initialization: NDArray[np.float64],
    seed: int = 0,
    jobs: int = 1,
    advance: Callable[[float], None] | None = None,
) -> NDArray[np.float64]:
    """Optimise an embedding.

    Args:
        weights: from `affinities`.
        initialization: (point, dimension) float64, one or two dimensions.
        seed: of what breaks ties between points that start at the same place.
        jobs: threads; only one is used for more than 5,000 points.
        advance: told how many iterations are done.

    Returns:
        (point, dimension) float64.
    """
    import openTSNE
    from openTSNE.affinity import PrecomputedAffinities

    start = initialization + np.random.default_rng(seed).normal(0, 1e-6, initialization.shape)

    def after(iterations: int) -> Callable[[int, float, NDArray], None]:
        return lambda _number, _error, _embedding: advance(iterations) if advance is not None else None

    every = 50
    by_grid = len(start) > _MOST_EXACTLY
    embedding = openTSNE.TSNEEmbedding(
        start,
        PrecomputedAffinities(weights, normalize=False),
        negative_gradient_method="fft" if by_grid else "bh",
        # The Fourier transforms are not shared out, only what is an eighth of the work; for it the other threads would
        # wait actively all the time, and on a busy machine everything for them: 11 times as long on two busy cores.
        n_jobs=1 if by_grid else jobs,
        random_state=seed,
        callbacks=after(every),
        callbacks_every_iters=every,
    )
    embedding.optimize(EARLY_ITERATIONS, exaggeration=EARLY_EXAGGERATION, momentum=EARLY_MOMENTUM, inplace=True)
    embedding.optimize(ITERATIONS, exaggeration=1.0, momentum=MOMENTUM, inplace=True)
    return np.asarray(embedding, np.float64)
