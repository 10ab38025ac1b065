"""How far components can be trusted: found again from other starts and from resampled data?

After ICASSO (Himberg, Hyvarinen & Esposito 2004, NeuroImage 22:1214): components are estimated many times, each time
from another random start and from samples drawn with replacement, and compared by the absolute correlation of their
activations. The index of a component is the mean similarity within its cluster less the mean similarity to all other
estimates: 1 if it is always found, near 0 if it is nothing but noise. Clusters are not found by linkage, as in the
original, but by matching the components of each run one to one with those of the reference (the assignment of largest
total similarity): every cluster then holds one estimate of every run, and none is stable merely because it is small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from retinoscope.errors import NotMeasurable, UserError
from retinoscope.statistics.components import (
    PICARD,
    Array,
    Components,
    InlierRule,
    Standardised,
    fit_components,
    principal_axes,
)

STABLE = 0.9
"""The index from which on a component may be called stable, if it is also above chance."""

_COMPARED_ROWS = 5_000


@dataclass(frozen=True)
class Stability:
    """What came of many estimates.

    Attributes:
        index: (component,) mean similarity within a cluster less that to all others; NaN for single units.
        within: (component,) mean similarity within the cluster.
        chance: the largest index over components when the same was done with Gaussian noise of as many dimensions and
            rows, in which there is nothing to be found; NaN where that has no meaning.
        is_stable: (component,) the index is at least `STABLE` and above chance.
        runs: number of estimates besides the reference.
        not_converged: how many of them did not converge.
        lacking: how many were made of samples in which a unit never changed, so that it has no weight in them.
    """

    index: Array
    within: Array
    chance: float
    is_stable: NDArray[np.bool_]
    runs: int
    not_converged: int
    lacking: int = 0


def component_stability(
    rows: NDArray[np.floating], samples: NDArray[np.integer], reference: Components, runs: int = 20, seed: int = 0
) -> Stability:
    """Estimate components again and again, and compare them with the reference.

    Args:
        rows: (row, unit).
        samples: (row,) to which sample (or episode) each row belongs. Samples are drawn with replacement as wholes, as
            rows that follow each other are no independent observations.
        reference: the components that are judged.
        runs: number of estimates.
        seed: of starts, resampling and noise.

    Raises:
        UserError: there are fewer than two runs.
        NotMeasurable: there is one sample only.
    """
    return stability_of_each(rows, samples, [(reference, runs)], seed)[0]


def stability_of_each(
    rows: NDArray[np.floating],
    samples: NDArray[np.integer],
    judged: Sequence[tuple[Components, int]],
    seed: int = 0,
) -> list[Stability]:
    """The stability of several sets of components of one method, each with its number of estimates.

    Run by run, all are estimated on the same samples drawn with replacement, which are drawn and standardised once.
    What noise reaches is measured for the first and holds for all.

    Args:
        rows: (row, unit).
        samples: (row,) to which sample (or episode) each row belongs.
        judged: components, and the number of their estimates.
        seed: of starts, resampling and noise.

    Raises:
        UserError, NotMeasurable: as `component_stability`.
    """
    first, most = judged[0]
    if (fewest := min(runs for _, runs in judged)) < 2:
        raise UserError(f"runs: {fewest} are too few to compare; use at least 2")
    if len(np.unique(samples)) < 2:
        raise NotMeasurable("stability: there is one sample only, nothing can be drawn anew; give at least 2")
    if first.method == "units":
        nothing = np.full(first.count, np.nan)
        return [Stability(nothing, nothing, np.nan, np.zeros(first.count, bool), 0, 0) for _ in judged]
    found = _indices(rows, samples, judged, seed)
    chance = np.nan
    if first.method != "nmf":
        noise = np.random.default_rng((seed, 1)).standard_normal((len(rows), first.count))
        # FastICA has nothing to converge to in noise, and would spend all of its iterations on every run.
        nothing_there = fit_components(noise, first.method, first.count, seed, skip_fast_ica=True)
        chance = float(_indices(noise, samples, [(nothing_there, most)], seed)[0][0].max())
    least = max(STABLE, 0.0 if np.isnan(chance) else chance)
    return [
        Stability(index, within, chance, index >= least, runs, not_converged, lacking)
        for (index, within, not_converged, lacking), (_, runs) in zip(found, judged, strict=True)
    ]


def kept_dimensions(rows: NDArray[np.floating], permutations: int = 20, seed: int = 0) -> tuple[int, Array]:
    """How many principal components stand above chance: parallel analysis (Horn 1965, Psychometrika 30:179).

    A principal component counts if its eigenvalue is above the 95th percentile of the eigenvalue of the same number
    when every unit is permuted over rows on its own; counting stops at the first that is not.

    Args:
        rows: (row, unit), no unit constant.
        permutations: number of permuted data sets.
        seed: of the permutations.

    Returns:
        The number, at least 1, and the 95th percentiles, (unit,).
    """
    values = np.asarray(rows, np.float64)
    standardised = (values - values.mean(axis=0)) / values.std(axis=0)
    eigenvalues, _ = principal_axes(standardised)
    random = np.random.default_rng(seed)
    permuted = np.stack([principal_axes(random.permuted(standardised, axis=0))[0] for _ in range(permutations)])
    chance = np.quantile(permuted, 0.95, axis=0)
    below = np.flatnonzero(eigenvalues <= chance)
    return max(1, int(below[0]) if len(below) else len(eigenvalues)), chance


def _indices(
    rows: NDArray[np.floating], samples: NDArray[np.integer], judged: Sequence[tuple[Components, int]], seed: int
) -> list[tuple[Array, Array, int, int]]:
    """Of each: index and similarity within the cluster, (component,); runs that did not converge, or lacked a unit."""
    compared = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _COMPARED_ROWS)).astype(np.intp))
    estimates = [[_normalised(reference.transform(rows[compared]))] for reference, _ in judged]
    not_converged, lacking = [0] * len(judged), [0] * len(judged)
    for run in range(max(runs for _, runs in judged)):
        drawn = rows[_resampled(samples, np.random.default_rng((seed, 0, run)))]
        # A unit that changes in few samples may not change in those that are drawn anew.
        kept = Standardised.of(drawn[InlierRule.of(drawn).is_inlier(drawn)], leave_out_constant=True)
        for place, (reference, runs) in enumerate(judged):
            if run < runs:
                again = fit_components(kept, reference.method, reference.count, run + 1, reference.algorithm == PICARD)
                not_converged[place] += not again.converged
                lacking[place] += bool(np.isinf(kept.scale).any())
                activations = _normalised(again.transform(rows[compared]))
                _, partner = linear_sum_assignment(-np.abs(estimates[place][0].T @ activations))
                estimates[place].append(activations[:, partner])
    found = []
    for several, *counts in zip(estimates, not_converged, lacking, strict=True):
        similarity = _similarities(np.stack(several))
        within = similarity.diagonal()
        others = max(len(similarity) - 1, 1)
        found.append((within - (similarity.sum(axis=1) - within) / others, within, *counts))
    return found


def _similarities(pooled: Array) -> Array:
    """Mean absolute correlation between clusters, and between different members of each on the diagonal.

    (run, row, component) -> (component, component). The original counts the similarity of an estimate to itself, which
    would make few runs look better than many.
    """
    runs, rows, components = pooled.shape
    flat = pooled.transpose(1, 0, 2).reshape(rows, -1)
    every = np.abs(flat.T @ flat).reshape(runs, components, runs, components)
    similarity = every.mean(axis=(0, 2))
    own = np.eye(components, dtype=bool)
    similarity[own] = (runs * similarity[own] - 1) / (runs - 1)
    return np.asarray(similarity)


def _resampled(samples: NDArray[np.integer], random: np.random.Generator) -> NDArray[np.intp]:
    """Rows of as many samples as there are, drawn with replacement."""
    order = np.argsort(samples, kind="stable")
    _, starts = np.unique(samples[order], return_index=True)
    rows_of = np.split(order, starts[1:])
    return np.concatenate([rows_of[each] for each in random.integers(len(rows_of), size=len(rows_of))])


def _normalised(activations: Array) -> Array:
    """(row, component) centred, each of unit length, so that products are correlations."""
    centred = activations - activations.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    return centred / np.where(length > 0, length, 1)
