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

from retinoscope.errors import NotMeasurable, UserError

Array = NDArray[np.float64]
ComponentMethod = Literal["ica", "pca", "nmf", "units"]
COMPONENT_METHODS: tuple[ComponentMethod, ...] = get_args(ComponentMethod)

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

    method: ComponentMethod
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


@dataclass(frozen=True)
class Standardised:
    """States made ready for components to be found on them, whatever their number.

    Attributes:
        rows: (row, unit) as they are.
        mean, scale: (unit,) of them; the scale of a unit that is left out because it is constant is infinite.
        values: (row, unit), (rows - mean) / scale.
        eigenvalues: (unit,) of the covariance of the values, largest first.
        axes: (axis, unit) that belong to them.
    """

    rows: Array
    mean: Array
    scale: Array
    values: Array
    eigenvalues: Array
    axes: Array

    @classmethod
    def of(cls, rows: NDArray[np.floating], leave_out_constant: bool = False) -> Standardised:
        """Of (row, unit) states, finite, outliers included or not.

        Args:
            rows: the states.
            leave_out_constant: a unit that is constant has values of zero, and no weight in any component.

        Raises:
            NotMeasurable: units are constant.
        """
        values = np.asarray(rows, np.float64)
        lowest, highest = values.min(axis=0), values.max(axis=0)
        if not leave_out_constant:
            refuse_constant_units(lowest, highest)
        mean, scale = values.mean(axis=0), np.where(lowest < highest, values.std(axis=0), np.inf)
        standardised = (values - mean) / scale
        return cls(values, mean, scale, standardised, *principal_axes(standardised))

    @property
    def dimensions(self) -> int:
        """In how many dimensions the states vary; fewer than units if some of these are sums of others."""
        return int((self.eigenvalues > _SMALLEST_EIGENVALUE * self.eigenvalues[0]).sum())


def fit_components(
    rows: NDArray[np.floating] | Standardised,
    method: ComponentMethod,
    count: int,
    seed: int = 0,
    skip_fast_ica: bool = False,
) -> Components:
    """Find components of states.

    Args:
        rows: (row, unit), finite, outliers included or not; or the same `Standardised`, where several are to be found.
        method: see `COMPONENT_METHODS`.
        count: number of components; for `units` all units are taken.
        seed: of the start of ICA and NMF.
        skip_fast_ica: begin with Picard: FastICA is known not to converge on such data.

    Raises:
        UserError: the method is unknown, or there are fewer units than components.
        NotMeasurable: units are constant, or there are fewer dimensions than components.
    """
    if method not in COMPONENT_METHODS:
        raise UserError(f"components {method!r}: unknown; choose from {', '.join(COMPONENT_METHODS)}")
    units = (rows.rows if isinstance(rows, Standardised) else rows).shape[1]
    if method == "units":
        return _units(units)
    if not 1 <= count <= units:
        raise UserError(f"components {method}:{count}: the activity has {units} units; ask for 1 to {units}")
    states = rows if isinstance(rows, Standardised) else Standardised.of(rows)
    if count > states.dimensions:
        raise NotMeasurable(
            f"components {method}:{count}: the activity has only {states.dimensions} "
            f"dimension{'s' if states.dimensions > 1 else ''} in {len(states.rows):,} steps; ask for fewer components "
            "or give more steps"
        )
    if method == "nmf":
        return _factorise(states, count, seed)
    axes, algorithm, converged = states.axes[:count], "eigenvectors of the correlation", True
    if method == "pca":
        unmixing, mixing = axes, axes.T
    else:
        roots = np.sqrt(states.eigenvalues[:count])
        rotation, algorithm, converged = _independent_rotation(states.values @ axes.T / roots, seed, skip_fast_ica)
        unmixing = rotation @ (axes / roots[:, None])
        mixing = (axes.T * roots) @ rotation.T
    activations = states.values @ unmixing.T
    explained = (mixing**2).sum(axis=0) * activations.var(axis=0) / units
    order = np.argsort(-explained, kind="stable")
    sign = _signs(activations[:, order], mixing[:, order])
    return Components(
        method,
        states.mean,
        states.scale,
        unmixing[order] * sign[:, None],
        mixing[:, order] * sign,
        explained[order],
        algorithm,
        converged,
        states.eigenvalues,
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
        NotMeasurable: some do not.
    """
    constant = np.flatnonzero(lowest == highest)
    if len(constant):
        raise NotMeasurable(
            f"{len(constant)} of {len(lowest)} units never change ({named_units(constant)}); they have no components: "
            "leave them out (leave_out_constant=True, --leave-out-constant), or ask for components 'units'"
        )


def named_units(numbers: NDArray[np.integer]) -> str:
    """`unit 3, 5`, the first few of them."""
    return f"unit {', '.join(map(str, numbers[:5].tolist()))}{', ...' if len(numbers) > 5 else ''}"


def principal_axes(standardised: Array) -> tuple[Array, Array]:
    """Eigenvalues of the covariance of (row, unit), largest first, and the axes that belong to them, (axis, unit)."""
    centred = standardised - standardised.mean(axis=0)
    eigenvalues, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    return np.clip(eigenvalues[::-1], 0, None), np.ascontiguousarray(vectors.T[::-1])


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
    squares = deviations * deviations  # a third power by numpy takes many times as long as two products
    skewness = (squares * deviations).mean(axis=0) / squares.mean(axis=0) ** 1.5
    heaviest = mixing[np.abs(mixing).argmax(axis=0), np.arange(mixing.shape[1])]
    return np.where(np.where(np.abs(skewness) < SYMMETRIC, heaviest, skewness) < 0, -1.0, 1.0)


def _factorise(states: Standardised, count: int, seed: int) -> Components:
    """Non-negative parts of what each unit has above its lowest value, scaled by its standard deviation."""
    offset, scale = states.rows.min(axis=0), states.scale
    rows = (states.rows - offset) / scale
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
        states.eigenvalues,
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
