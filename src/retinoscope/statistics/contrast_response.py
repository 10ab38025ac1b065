"""How activity grows with contrast: the hyperbolic ratio of Naka & Rushton (1966, Journal of Physiology 185:536)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_EXPONENTS = (0.2, 8.0)
_REFINEMENTS = 6  # each narrows the grid to a quarter around its best point
_POINTS = 33


class ContrastResponse(NamedTuple):
    """R(c) = Rmax c^n / (c^n + c50^n), fitted by least squares.

    Attributes:
        exponent: (unit,) n, how steeply the response begins; 1 for a linear unit.
        half_saturation: (unit,) c50, in the units of the contrasts; NaN where it lies above the highest contrast
            shown: the response does not saturate there, and what lies beyond is not known.
        explained: (unit,) share of the squared response that the fit explains, R^2 around the mean.
    """

    exponent: Array
    half_saturation: Array
    explained: Array


def contrast_response(contrasts: Array, responses: Array) -> ContrastResponse:
    """Fit every unit.

    Rmax follows from n and c50 in closed form. These are searched on a grid that is narrowed around its best point; the
    same numbers give the same answer, without a start to be guessed.

    Args:
        contrasts: (contrast,) above 0, at least 3, rising.
        responses: (unit, contrast), none below 0; 0 at no contrast is understood.

    Returns:
        NaN for a unit whose responses are NaN or all 0.
    """
    found = [_fitted(contrasts, each) if np.isfinite(each).all() and each.any() else _NOTHING for each in responses]
    columns = np.array(found, dtype=np.float64).reshape(-1, 3).T
    return ContrastResponse(*columns)


_NOTHING = (np.nan, np.nan, np.nan)


def _fitted(contrasts: Array, response: Array) -> tuple[float, float, float]:
    highest = float(contrasts[-1])
    relative, scaled = contrasts / highest, response / response.max()
    low = np.array([np.log(_EXPONENTS[0]), np.log(relative[0] / 4)])
    high = np.array(
        [np.log(_EXPONENTS[1]), np.log(1e6)]
    )  # far above all that was shown the response is a power of contrast
    best, width = (low + high) / 2, high - low
    for _ in range(_REFINEMENTS):
        begin, end = np.maximum(best - width / 2, low), np.minimum(best + width / 2, high)
        n, half = (np.exp(np.linspace(*ends, _POINTS)) for ends in zip(begin, end, strict=True))
        powers = relative ** n[:, None, None]
        shape = powers / (powers + half[None, :, None] ** n[:, None, None])
        gain = (shape * scaled).sum(-1) / np.square(shape).sum(-1)
        error = np.square(gain[..., None] * shape - scaled).sum(-1)
        row, column = np.unravel_index(int(error.argmin()), error.shape)
        best, width = np.log([n[row], half[column]]), width / 4
    exponent, half_saturation = np.exp(best)
    spread = np.square(scaled - scaled.mean()).sum()
    explained = 1 - error[row, column] / spread if spread else np.nan
    return float(exponent), float(half_saturation * highest) if half_saturation <= 1 else np.nan, float(explained)
