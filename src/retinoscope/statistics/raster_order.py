"""Orders of units in which neighbours act alike, and whether another half of the data gives the same order.

The time courses of the units are never held: how far two of them are apart follows from their covariance, which is
accumulated block by block. With z-scored time courses of n moments, the unit vectors' inner products are n times their
correlations, so that the principal components of the units are the eigenvectors of the correlation matrix; the
Euclidean distance of raw time courses is n (var_i + var_j - 2 cov_ij + (mean_i - mean_j)^2).
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from retinoscope.errors import UserError
from retinoscope.statistics.covariance import Covariance, CovarianceEstimate, merged
from retinoscope.statistics.embedding import affinities, embed, scaled_initialization

Array = NDArray[np.float64]
Order = Literal["cosine", "euclidean", "rastermap"]
ORDERS: tuple[Order, ...] = ("cosine", "euclidean", "rastermap")

_MOST_COMPONENTS = 50
_MOST_PERPLEXITY = 30.0
_FEWEST_FOR_EMBEDDING = 5  # units; fewer are sorted by their first component
_SHUFFLES = 2_000


@dataclass(frozen=True)
class OrderStability:
    """Whether halves of the data give the same order.

    Attributes:
        correlation: (split,) |Spearman's rho| between the positions of units in the orders of two halves; absolute,
            because an order may as well be read backwards.
        chance: the mean of |rho| between random orders of as many units.
        chance_high: its 95% quantile.
    """

    correlation: Array
    chance: float
    chance_high: float


def unit_order(estimate: CovarianceEstimate, method: Order = "cosine", seed: int = 0) -> NDArray[np.int64]:
    """An order of units in which those that act alike are close.

    Args:
        estimate: mean and covariance of the units.
        method: `cosine`: one-dimensional t-SNE by the cosine distance of z-scored units in the space of their leading
            principal components; `euclidean`: by the Euclidean distance of raw time courses; `rastermap`: Rastermap
            (Stringer et al. 2025, Nature Neuroscience) on the principal components, if it is installed.
        seed: of the embedding.

    Returns:
        (unit,) int64, indices of the units from one end to the other; those that never change come last. The end with
        the larger variance comes first.

    Raises:
        UserError: the method is unknown, or rastermap is not installed.
    """
    if method not in ORDERS:
        raise UserError(f"order {method!r}: unknown; choose from {', '.join(ORDERS)}")
    varies = estimate.covariance.diagonal() > 0
    active, silent = np.flatnonzero(varies), np.flatnonzero(~varies)
    part = CovarianceEstimate(estimate.count, estimate.mean[active], estimate.covariance[np.ix_(active, active)])
    order = active[_order(part, method, seed)] if len(active) > 1 else active
    return np.concatenate([order, silent]).astype(np.int64)


def order_stability(
    groups: Sequence[Covariance], method: Order = "cosine", splits: int = 3, seed: int = 0
) -> OrderStability:
    """The order of one half of the groups against that of the other, for several ways to halve them.

    Args:
        groups: the covariance by group of episodes.
        method: as for `unit_order`.
        splits: how many random halves.
        seed: of halves, embeddings and chance.

    Raises:
        UserError: there are fewer than two groups, or fewer than three units that change in every half.
    """
    filled = [group for group in groups if group.count > 1]
    if len(filled) < 2:
        raise UserError(f"order stability: needs 2 groups of episodes, there are {len(filled)}; record more episodes")
    varies = (merged(filled).finalize().covariance.diagonal() > 0).nonzero()[0]
    if len(varies) < 3:
        raise UserError(f"order stability: needs 3 units that change, there are {len(varies)}")
    random = np.random.default_rng(seed)
    found = []
    for split in range(splits):
        dealt = random.permutation(len(filled))
        halves = dealt[: len(filled) // 2], dealt[len(filled) // 2 :]
        orders = [unit_order(merged(filled[each] for each in half).finalize(), method, seed + split) for half in halves]
        positions = [np.argsort(order)[varies] for order in orders]
        found.append(abs(float(scipy.stats.spearmanr(*positions).statistic)))
    shuffled = np.argsort(random.random((_SHUFFLES, len(varies))), axis=1)
    ranks = np.arange(len(varies)) - (len(varies) - 1) / 2
    by_chance = np.abs(shuffled @ ranks / (ranks @ ranks))
    return OrderStability(np.array(found), float(by_chance.mean()), float(np.quantile(by_chance, 0.95)))


def _order(estimate: CovarianceEstimate, method: Order, seed: int) -> NDArray[np.int64]:
    """Order of units that all change."""
    correlation = estimate.correlation()
    variances, axes = np.linalg.eigh(correlation)
    coordinates = (axes * np.sqrt(np.maximum(variances, 0.0)))[:, ::-1][:, :_MOST_COMPONENTS]
    if len(correlation) < _FEWEST_FOR_EMBEDDING:
        position = coordinates[:, 0]
    elif method == "rastermap":
        position = _rastermap(coordinates)
    else:
        is_cosine = method == "cosine"
        distances = _cosine_distances(coordinates) if is_cosine else _euclidean_distances(estimate)
        start = coordinates[:, :1] if is_cosine else _first_coordinate(distances)
        position = _line(distances, start, seed)
    order = np.argsort(position, kind="stable")
    half = len(order) // 2
    spread = estimate.covariance.diagonal()[order]
    return order if spread[:half].mean() >= spread[-half:].mean() else order[::-1]


def _cosine_distances(coordinates: Array) -> Array:
    unit_length = coordinates / np.linalg.norm(coordinates, axis=1, keepdims=True)
    return np.asarray(np.clip(1 - unit_length @ unit_length.T, 0, 2))


def _euclidean_distances(estimate: CovarianceEstimate) -> Array:
    """Root mean square difference of raw time courses."""
    variance = estimate.covariance.diagonal()
    difference = estimate.mean[:, None] - estimate.mean[None]
    squares = variance[:, None] + variance[None] - 2 * estimate.covariance + difference**2
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))


def _first_coordinate(distances: Array) -> Array:
    """(unit, 1) first principal component of points at these distances (classical scaling)."""
    squares = distances**2
    centred = squares - squares.mean(axis=0) - squares.mean(axis=1)[:, None] + squares.mean()
    return np.asarray(np.linalg.eigh(-centred / 2)[1][:, -1:])


def _line(distances: Array, first_component: Array, seed: int) -> Array:
    """(unit,) positions of a one-dimensional t-SNE."""
    units = len(distances)
    perplexity = min(_MOST_PERPLEXITY, (units - 1) / 3)
    apart = distances + np.diag(np.full(units, np.inf))
    nearest = np.argsort(apart, axis=1, kind="stable")[:, : units - 1].astype(np.int32)
    weights = affinities(nearest, np.take_along_axis(apart, nearest, axis=1), perplexity)
    return embed(weights, scaled_initialization(first_component), seed)[:, 0]


def _rastermap(coordinates: Array) -> Array:
    """(unit,) positions by Rastermap; a library under the GPL, which is only used where the user has installed it."""
    try:
        library = importlib.import_module("rastermap")
    except ModuleNotFoundError:
        raise UserError(
            "order 'rastermap': rastermap is not installed; `pip install 'retinoscope[rastermap]'`, or choose cosine"
        ) from None
    # The coordinates have the inner products of the z-scored time courses, which is all that Rastermap looks at. Up to
    # 150 units are sorted one by one; its own limit for that is 200.
    units, components = coordinates.shape
    model = library.Rastermap(
        n_clusters=None if units <= 150 else 100,
        n_PCs=min(units, components) - 1,
        normalize=False,
        mean_time=False,
        verbose=False,
    )
    model.fit(data=coordinates.astype(np.float32), compute_X_embedding=False)
    position = np.empty(len(coordinates))
    position[np.asarray(model.isort)] = np.arange(len(coordinates))
    return position
