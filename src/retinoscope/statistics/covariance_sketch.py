"""Leading components of layers whose covariance does not fit into memory, from one pass over the data.

A sketch is the product of the covariance C with a tall, thin matrix, accumulated block by block. The matrix is made
before the pass, from a sample of the observations: an orthonormal basis Q of the leading components of the sample, and
a few random columns orthogonal to it, the probes. From the product with both come the components, by the Nystroem
approximation C X (X' C X)^+ X' C (Tropp et al. 2017, NeurIPS), in which the probes find what is strong in the data and
was absent from the sample; and from that with the probes alone what of ||C||^2 lies outside of the basis (Hutch++,
Meyer et al. 2021, SOSA). The trace of C is exact.
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
    columns: NDArray[np.floating]
    product: Array


class CovarianceSketch:
    """Accumulates the product of the covariance with fixed columns; memory is units times columns.

    Products within a block are computed in the precision of the columns, sums over blocks in double precision. Numbers
    that are given in single precision should be deviations from an estimate of the mean.
    """

    def __init__(self, columns: NDArray[np.floating]) -> None:
        """`columns` (unit, column) float32 or float64 are what the covariance is multiplied by."""
        units, _ = columns.shape
        self.count = 0
        self._columns = columns
        self._mean, self._scatter, self._product = np.zeros(units), np.zeros(units), np.zeros(columns.shape)

    def update(self, values: NDArray, projected: NDArray | None = None) -> None:
        """Add a block of (time, unit) numbers; `projected` is their product with the columns, if it is at hand."""
        if not len(values):
            return
        block = np.asarray(values, self._columns.dtype)
        mean = block.mean(axis=0, dtype=np.float64)
        block = block - mean.astype(block.dtype)
        inside = block @ self._columns if projected is None else projected
        self._join(len(block), mean, np.einsum("tu,tu->u", block, block), block.T @ inside)

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
    """What one pass found.

    Attributes:
        axes: (component, unit) float64, orthonormal, by falling variance.
        variances: (component,) float64.
        error: (component,) float64, bound on the error of each variance: the length of C v - variance v, for the
            approximate axis v within the basis; NaN for components behind those of the basis.
        squared_norm: ||C||^2, the sum of all squared variances.
        squared_norm_error: its standard error, from the probes.
    """

    axes: Array
    variances: Array
    error: Array
    squared_norm: float
    squared_norm_error: float


def sample_axes(sample: NDArray, most: int) -> NDArray[np.floating]:
    """Orthonormal axes of the leading components of a sample.

    Args:
        sample: (time, unit) float.
        most: how many are wanted; there are fewer if the sample varies along fewer.

    Returns:
        (unit, axis), in the precision of the sample.
    """
    if len(sample) < 2:
        return np.empty((sample.shape[1], 0), sample.dtype)
    deviations = sample - sample.mean(axis=0, dtype=np.float64).astype(sample.dtype)
    # The axes of observations, of which there are fewer than units, lead to those of the units.
    squares, mixing = _leading(deviations @ deviations.T, most, _least_part(sample.dtype))
    axes, _ = np.linalg.qr((deviations.T @ (mixing / np.sqrt(squares)).astype(sample.dtype)).astype(np.float64))
    return np.asarray(axes, sample.dtype)


def sketch_columns(sample: NDArray, most: int, probes: int, seed: int) -> tuple[NDArray[np.floating], int]:
    """Columns of a sketch: an orthonormal basis of a sample's leading components, then probes orthogonal to it.

    Args:
        sample: (time, unit) float.
        most: how many columns the basis has; fewer if the sample varies along fewer. Of a sample of fewer observations
            than that, which tells little, it is filled up with random columns.
        probes: random columns.
        seed: of all that is random.

    Returns:
        (unit, column) in the precision of the sample, and how many of the columns are the basis.
    """
    random = np.random.default_rng(seed)
    count, units = sample.shape
    basis = np.asarray(sample_axes(sample, most), np.float64)
    if count <= min(most, units):
        basis = np.concatenate([basis, random.standard_normal((units, min(most, units) - basis.shape[1]))], axis=1)
        basis, _ = np.linalg.qr(basis)
    noise = random.standard_normal((units, probes))
    for _ in range(2):  # once leaves rounding errors of the order of the noise where the basis spans almost all
        noise -= basis @ (basis.T @ noise)
    return np.concatenate([basis, noise], axis=1).astype(sample.dtype), basis.shape[1]


def leading_components(sketch: SketchEstimate, basis_columns: int) -> LeadingComponents:
    """Components from a sketch.

    Args:
        sketch: its columns are those of `sketch_columns`.
        basis_columns: how many of the columns are the basis.
    """
    part = _least_part(sketch.columns.dtype)
    columns = sketch.columns.astype(np.float64)
    basis, product = columns[:, :basis_columns], sketch.product[:, :basis_columns]
    core = basis.T @ product
    inside, rotation = np.linalg.eigh((core + core.T) / 2)
    residual = product @ rotation - (basis @ rotation) * inside
    # The probes are as long as they have units; at length 1 they stand beside the basis.
    scale = np.ones(columns.shape[1])
    scale[basis_columns:] = 1 / np.sqrt(len(columns))
    axes, variances = _nystroem(sketch.product * scale, columns * scale, part)
    error = np.full(len(variances), np.nan)
    bounds = np.linalg.norm(residual, axis=0)[::-1][: len(error)]
    error[: len(bounds)] = bounds
    probes = (sketch.product[:, basis_columns:] ** 2).sum(axis=0)
    spread = float(probes.std(ddof=1) / np.sqrt(len(probes))) if len(probes) > 1 else 0.0
    outside = float(probes.mean()) if len(probes) else 0.0
    return LeadingComponents(axes, variances, error, float((product**2).sum()) + outside, spread)


def _nystroem(product: Array, columns: Array, part: float) -> tuple[Array, Array]:
    """Axes and variances of C X (X' C X)^+ X' C; what is below `part` of the largest is lost in rounding."""
    inside, rotation = _leading(columns.T @ product, columns.shape[1], part)
    factor = product @ (rotation / np.sqrt(inside))
    variances, mixing = _leading(factor.T @ factor, len(inside), float(np.finfo(float).eps))
    return (factor @ (mixing / np.sqrt(variances))).T, variances


def _leading(matrix: NDArray[np.floating], most: int, part: float) -> tuple[Array, Array]:
    """The largest eigenvalues of a symmetric matrix, falling, above `part` of the largest, and their vectors."""
    size = len(matrix)
    if not size:
        return np.empty(0), np.empty((0, 0))
    symmetric = (np.asarray(matrix, np.float64) + matrix.T) / 2
    values, vectors = scipy.linalg.eigh(symmetric, subset_by_index=(max(0, size - most), size - 1))
    counts = np.flatnonzero(values > part * max(values[-1], np.finfo(float).tiny))[::-1]
    return values[counts], vectors[:, counts]


def _least_part(dtype: np.dtype) -> float:
    """What is a smaller part of the largest variance than this cannot be told from rounding errors."""
    return float(100 * np.finfo(dtype).eps)
