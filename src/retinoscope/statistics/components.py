"""Components of a recurrent state: directions in which it varies, found by ICA, PCA or NMF, or its single units.

The state is standardised, x = (h - offset) / scale, and reduced to as many principal components as components are
wanted. ICA rotates these, whitened, until they are as independent as can be: by FastICA (Hyvarinen 1999, IEEE Trans.
Neural Networks 10:626; parallel, logcosh), and where that does not converge by Picard-O (Ablin, Cardoso & Gramfort
2018, IEEE Trans. Signal Processing 66:4040), which optimises the same likelihood with another algorithm.

Components come in the order of the variance of the standardised state that each explains, the largest first. The sign
of a component is such that its long tail is on the high side: its skewness is positive. Where it has no long tail
(absolute skewness below `SYMMETRIC`), the unit that it weighs most has a positive weight.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from picard import picard
from sklearn.decomposition import NMF, FastICA
from sklearn.exceptions import ConvergenceWarning

from retinoscope.errors import UserError

Array = NDArray[np.float64]
Method = Literal["ica", "pca", "nmf", "units"]
METHODS: tuple[Method, ...] = get_args(Method)

FAST_ICA, PICARD = "FastICA", "Picard, as FastICA did not converge"

SYMMETRIC = 0.1
"""Absolute skewness below which a component has no long tail."""

FENCE = 3.0
"""How many interquartile ranges beyond the upper quartile a distance may lie: Tukey's outer fence."""

_FAST_ICA_ITERATIONS, _FAST_ICA_TOLERANCE = 200, 1e-4
_PICARD_ITERATIONS, _PICARD_TOLERANCE = 500, 1e-5
_NMF_ITERATIONS = 1_000
_SMALLEST_EIGENVALUE = 1e-9  # relative to the largest: what is below is rounding


@dataclass(frozen=True)
class Components:
    """A map from the state (unit,) to components, and the pattern of each in the state.

    Attributes:
        method: `ica`, `pca`, `nmf` or `units`.
        offset, scale: (unit,), of the standardisation; for `nmf` the offset is the lowest value.
        unmixing: (component, unit): activation = unmixing @ standardised state. For `nmf`, whose activations are the
            best non-negative weights of the patterns, the least-squares readout.
        mixing: (unit, component): the pattern of each component, in units of the standardised state.
        explained: (component,) share of the variance of the standardised state.
        algorithm: what found them.
        converged: it did.
        eigenvalues: (unit,) of the correlation matrix of the inliers; sum is the number of units. NaN for `units`.
    """

    method: Method
    offset: Array
    scale: Array
    unmixing: Array
    mixing: Array
    explained: Array
    algorithm: str
    converged: bool
    eigenvalues: Array

    @property
    def count(self) -> int:
        """Number of components."""
        return len(self.unmixing)

    def transform(self, activity: NDArray[np.floating]) -> Array:
        """Activations of the components: (..., unit) -> (..., component) float64."""
        standardised = (np.asarray(activity, np.float64) - self.offset) / self.scale
        if self.method != "nmf":
            return standardised @ self.unmixing.T
        rows = np.clip(standardised.reshape(-1, len(self.offset)), 0, None)
        return _non_negative_weights(rows, self.mixing).reshape(*activity.shape[:-1], self.count)

    def directions(self) -> Array:
        """The gradient of each component with respect to the state, (component, unit); for `nmf`, of its readout."""
        return self.unmixing / self.scale

    def patterns(self) -> Array:
        """How the state changes with each component, (component, unit), in units of the state."""
        return (self.mixing * self.scale[:, None]).T

    def project_gradients(self, gradients: NDArray[np.floating]) -> Array:
        """Gradients with respect to the state, as gradients with respect to the components (the chain rule).

        Args:
            gradients: (..., unit), of anything.

        Returns:
            (..., component) float64: how that thing changes when a component grows by one and the others stay.
        """
        return np.asarray(gradients, np.float64) @ self.patterns().T


def fit_components(
    rows: NDArray[np.floating], method: Method, count: int, seed: int = 0, skip_fast_ica: bool = False
) -> Components:
    """Find components of states.

    Args:
        rows: (row, unit), finite, outliers included or not.
        method: see `METHODS`.
        count: number of components; for `units` all units are taken.
        seed: of the start of ICA and NMF.
        skip_fast_ica: begin with Picard: FastICA is known not to converge on such data.

    Raises:
        UserError: the method is unknown, units are constant, or there are fewer dimensions than components.
    """
    values = np.asarray(rows, np.float64)
    if method not in METHODS:
        raise UserError(f"components {method!r}: unknown; choose from {', '.join(METHODS)}")
    if method == "units":
        return _units(values.shape[1])
    if not 1 <= count <= values.shape[1]:
        raise UserError(
            f"components {method}:{count}: the activity has {values.shape[1]} units; ask for 1 to {values.shape[1]}"
        )
    refuse_constant_units(values.min(axis=0), values.max(axis=0))
    mean, scale = values.mean(axis=0), values.std(axis=0)
    standardised = (values - mean) / scale
    eigenvalues, axes = principal_axes(standardised)
    rank = int((eigenvalues > _SMALLEST_EIGENVALUE * eigenvalues[0]).sum())
    if count > rank:
        raise UserError(
            f"components {method}:{count}: the activity has only {rank} dimension{'s' if rank > 1 else ''} in "
            f"{len(values):,} steps; ask for fewer components or give more steps"
        )
    if method == "nmf":
        return _factorise(values, count, seed, eigenvalues)
    if method == "pca":
        unmixing, mixing, algorithm, converged = axes[:count], axes[:count].T, "eigenvectors of the correlation", True
    else:
        roots = np.sqrt(eigenvalues[:count])
        rotation, algorithm, converged = _independent_rotation(
            standardised @ axes[:count].T / roots, seed, skip_fast_ica
        )
        unmixing = rotation @ (axes[:count] / roots[:, None])
        mixing = (axes[:count].T * roots) @ rotation.T
    activations = standardised @ unmixing.T
    explained = (mixing**2).sum(axis=0) * activations.var(axis=0) / len(mean)
    order = np.argsort(-explained, kind="stable")
    sign = _signs(activations[:, order], mixing[:, order])
    return Components(
        method,
        mean,
        scale,
        unmixing[order] * sign[:, None],
        mixing[:, order] * sign,
        explained[order],
        algorithm,
        converged,
        eigenvalues,
    )


@dataclass(frozen=True)
class InlierRule:
    """Which steps the components may be found on, one rule for every step of every sample.

    The distance of a step is the root mean square of its standardised units. A step is an inlier unless its distance is
    beyond the upper quartile of all distances by more than `FENCE` times their interquartile range: Tukey's outer
    fence.

    Attributes:
        mean, scale: (unit,), of the standardisation; the scale of constant units is infinite.
        limit: the largest distance of an inlier.
    """

    mean: Array
    scale: Array
    limit: float

    @classmethod
    def of(cls, rows: NDArray[np.floating]) -> InlierRule:
        """The rule that (row, unit) states make."""
        values = np.asarray(rows, np.float64)
        scale = values.std(axis=0)
        rule = cls(values.mean(axis=0), np.where(scale > 0, scale, np.inf), np.inf)
        lower, upper = np.quantile(rule.distance(values), (0.25, 0.75))
        return cls(rule.mean, rule.scale, float(upper + FENCE * (upper - lower)))

    def distance(self, rows: NDArray[np.floating]) -> Array:
        """(..., unit) -> (...)."""
        standardised = (np.asarray(rows, np.float64) - self.mean) / self.scale
        return np.sqrt((standardised**2).mean(axis=-1))

    def is_inlier(self, rows: NDArray[np.floating]) -> NDArray[np.bool_]:
        """(..., unit) -> (...)."""
        return self.distance(rows) <= self.limit


def refuse_constant_units(lowest: NDArray[np.floating], highest: NDArray[np.floating]) -> None:
    """Say which units never change.

    Raises:
        UserError: some do not.
    """
    constant = np.flatnonzero(lowest == highest)
    if len(constant):
        named = ", ".join(map(str, constant[:5])) + (", ..." if len(constant) > 5 else "")
        raise UserError(
            f"{len(constant)} of {len(lowest)} units never change (unit {named}); they have no components: leave them "
            "out, or ask for single units"
        )


def principal_axes(standardised: Array) -> tuple[Array, Array]:
    """Eigenvalues of the covariance of (row, unit), largest first, and the axes that belong to them, (axis, unit)."""
    centred = standardised - standardised.mean(axis=0)
    eigenvalues, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    return np.clip(eigenvalues[::-1], 0, None), vectors.T[::-1]


def _independent_rotation(whitened: Array, seed: int, skip_fast_ica: bool) -> tuple[Array, str, bool]:
    """Rotation (component, dimension) to independent components, what found it, and whether that converged."""
    if whitened.shape[1] == 1:
        return np.ones((1, 1)), FAST_ICA, True
    if not skip_fast_ica:
        fast = FastICA(whiten=False, max_iter=_FAST_ICA_ITERATIONS, tol=_FAST_ICA_TOLERANCE, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                return _orthogonal(fast.fit(whitened).components_), FAST_ICA, True
            except ConvergenceWarning:
                pass
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        _, rotation, _ = picard(
            whitened.T,
            whiten=False,
            centering=False,
            max_iter=_PICARD_ITERATIONS,
            tol=_PICARD_TOLERANCE,
            random_state=seed,
        )
    converged = not any("did not converge" in str(each.message) for each in said)
    return _orthogonal(rotation), PICARD, converged


def _orthogonal(rotation: Array) -> Array:
    """The nearest orthogonal matrix: rounding leaves a rotation slightly off."""
    left, _, right = np.linalg.svd(rotation)
    return left @ right


def _signs(activations: Array, mixing: Array) -> Array:
    """+1 or -1 for each component, by the rule in the module's text."""
    deviations = activations - activations.mean(axis=0)
    skewness = (deviations**3).mean(axis=0) / (deviations**2).mean(axis=0) ** 1.5
    heaviest = mixing[np.abs(mixing).argmax(axis=0), np.arange(mixing.shape[1])]
    return np.where(np.where(np.abs(skewness) < SYMMETRIC, heaviest, skewness) < 0, -1.0, 1.0)


def _factorise(values: Array, count: int, seed: int, eigenvalues: Array) -> Components:
    """Non-negative parts of what each unit has above its lowest value, scaled by its standard deviation."""
    offset, scale = values.min(axis=0), values.std(axis=0)
    rows = (values - offset) / scale
    model = NMF(count, init="nndsvda", max_iter=_NMF_ITERATIONS, tol=1e-4, random_state=seed)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        weights = model.fit_transform(rows)
    converged = not any(issubclass(each.category, ConvergenceWarning) for each in said)
    size = np.maximum(weights.std(axis=0), np.finfo(float).tiny)
    patterns = model.components_ * size[:, None]
    explained = (patterns**2).sum(axis=1) / len(offset)
    order = np.argsort(-explained, kind="stable")
    mixing = patterns[order].T
    return Components(
        "nmf",
        offset,
        scale,
        np.linalg.pinv(mixing),
        mixing,
        explained[order],
        "coordinate descent from NNDSVDa",
        converged,
        eigenvalues,
    )


def _non_negative_weights(rows: Array, mixing: Array) -> Array:
    """Argmin over w >= 0 of |row - mixing @ w|, by coordinate descent: (row, unit) -> (row, component)."""
    gram, products = mixing.T @ mixing, rows @ mixing
    weights = np.clip(rows @ np.linalg.pinv(mixing).T, 0, None)
    for _ in range(_NMF_ITERATIONS):
        largest = 0.0
        for component in range(mixing.shape[1]):
            slope = products[:, component] - weights @ gram[:, component]
            moved = np.maximum(weights[:, component] + slope / gram[component, component], 0)
            largest = max(largest, float(np.abs(moved - weights[:, component]).max(initial=0)))
            weights[:, component] = moved
        if largest < 1e-6:
            break
    return weights


def _units(units: int) -> Components:
    """The units themselves, in their own order, sign and scale."""
    identity, ones = np.eye(units), np.ones(units)
    nothing = np.full(units, np.nan)
    return Components(
        "units", np.zeros(units), ones, identity, identity, nothing, "the units as they are", True, nothing
    )
