"""Leading components of layers whose covariance does not fit into memory, from two passes over the data.

A sketch is the product of the covariance C with a tall, thin matrix, accumulated block by block. The first pass
multiplies by random columns; an orthonormal basis Q of the product spans the leading components (Halko, Martinsson &
Tropp 2011, SIAM Review 53:217). The second multiplies by Q, which gives the components by the Nystroem approximation
C Q (Q' C Q)^-1 Q' C (Tropp et al. 2017, NeurIPS), and by further random columns orthogonal to Q, which give what of
||C||^2 lies outside (Hutch++, Meyer et al. 2021, SOSA). The trace of C is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from retinoscope.errors import UserError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SketchEstimate:
    """A covariance, seen through some columns.

    Attributes:
        count: how many observations.
        mean: (unit,) float64.
        variance: (unit,) float64, the diagonal of the covariance, exact.
        columns: (unit, column) what the covariance was multiplied by.
        product: (unit, column) float64, covariance times columns.
    """

    count: int
    mean: Array
    variance: Array
    columns: Array
    product: Array


class CovarianceSketch:
    """Accumulates the product of the covariance with fixed columns; memory is units times columns."""

    def __init__(self, columns: Array) -> None:
        """`columns` (unit, column) float64 are what the covariance is multiplied by."""
        units, _ = columns.shape
        self.count = 0
        self._columns = columns
        self._mean, self._scatter, self._product = np.zeros(units), np.zeros(units), np.zeros(columns.shape)

    def update(self, values: NDArray) -> None:
        """Add a block of (time, unit) numbers."""
        if not len(values):
            return
        block = np.asarray(values, np.float64)
        mean = block.mean(axis=0)
        block = block - mean
        self._join(len(block), mean, np.einsum("tu,tu->u", block, block), block.T @ (block @ self._columns))

    def merge(self, other: CovarianceSketch) -> None:
        """Add what another sketch with the same columns has seen.

        Raises:
            UserError: its columns are others.
        """
        if not np.array_equal(self._columns, other._columns):
            raise UserError("covariance sketch: only sketches with the same columns can be merged")
        self._join(other.count, other._mean, other._scatter, other._product)

    def finalize(self) -> SketchEstimate:
        """The sketch so far.

        Raises:
            UserError: fewer than two observations were added.
        """
        if self.count < 2:
            raise UserError(f"covariance sketch: needs at least 2 observations, there are {self.count}")
        below = self.count - 1
        return SketchEstimate(
            self.count, self._mean.copy(), self._scatter / below, self._columns, self._product / below
        )

    def _join(self, count: int, mean: Array, scatter: Array, product: Array) -> None:
        together = self.count + count
        if not count:
            return
        difference = mean - self._mean
        weight = self.count * count / together
        self._scatter = self._scatter + scatter + weight * difference**2
        self._product += product
        self._product += np.outer(difference, weight * (difference @ self._columns))
        self._mean = self._mean + difference * (count / together)
        self.count = together


@dataclass(frozen=True)
class LeadingComponents:
    """What two passes found.

    Attributes:
        axes: (component, unit) float64, orthonormal, by falling variance.
        variances: (component,) float64.
        error: (component,) float64, bound on the error of each variance: the length of C v - variance v, for the
            approximate axis v within the basis.
        squared_norm: ||C||^2, the sum of all squared variances.
        squared_norm_error: its standard error, from the random columns.
    """

    axes: Array
    variances: Array
    error: Array
    squared_norm: float
    squared_norm_error: float


def random_columns(units: int, columns: int, seed: int) -> Array:
    """(unit, column) standard normal, for the first pass."""
    return np.random.default_rng(seed).standard_normal((units, columns))


def second_columns(first: SketchEstimate, probes: int, seed: int) -> tuple[Array, int]:
    """Columns for the second pass: an orthonormal basis of the first product, then probes orthogonal to it.

    Returns:
        (unit, column) float64, and how many of them are the basis.
    """
    basis, triangle = np.linalg.qr(first.product)
    diagonal = np.abs(triangle.diagonal())
    basis = basis[:, diagonal > 1e-12 * max(diagonal.max(), np.finfo(float).tiny)]
    noise = np.random.default_rng(seed).standard_normal((len(basis), probes))
    noise -= basis @ (basis.T @ noise)
    return np.concatenate([basis, noise], axis=1), basis.shape[1]


def leading_components(second: SketchEstimate, basis_columns: int) -> LeadingComponents:
    """Components from the second pass.

    Args:
        second: the sketch whose columns are those of `second_columns`.
        basis_columns: how many of the columns are the basis.
    """
    if not basis_columns:  # nothing varies
        return LeadingComponents(np.empty((0, len(second.mean))), np.empty(0), np.empty(0), 0.0, 0.0)
    basis, product = second.columns[:, :basis_columns], second.product[:, :basis_columns]
    core = basis.T @ product
    core = (core + core.T) / 2
    inside, rotation = np.linalg.eigh(core)
    residual = product @ rotation - (basis @ rotation) * inside
    error = np.linalg.norm(residual, axis=0)[::-1]
    axes, variances = _nystroem(product, basis)
    probes = (second.product[:, basis_columns:] ** 2).sum(axis=0)
    spread = float(probes.std(ddof=1) / np.sqrt(len(probes))) if len(probes) > 1 else 0.0
    outside = float(probes.mean()) if len(probes) else 0.0
    return LeadingComponents(axes, variances, error, float((product**2).sum()) + outside, spread)


def _nystroem(product: Array, basis: Array) -> tuple[Array, Array]:
    """Axes and variances of C Q (Q' C Q)^-1 Q' C, shifted by a little so that the root exists."""
    shift = np.sqrt(len(product)) * np.finfo(float).eps * max(np.linalg.norm(product, 2), np.finfo(float).tiny)
    shifted = product + shift * basis
    core = basis.T @ shifted
    root = np.linalg.cholesky((core + core.T) / 2)
    factor = scipy.linalg.solve_triangular(root, shifted.T, lower=True).T
    left, singular, _ = np.linalg.svd(factor, full_matrices=False)
    return left.T, np.maximum(singular**2 - shift, 0.0)
