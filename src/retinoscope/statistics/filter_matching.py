"""Which filters of two networks correspond: the assignment with the largest total correlation (Kuhn 1955)."""

from __future__ import annotations

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from retinoscope.errors import UserError


def match_filters(first: NDArray, second: NDArray) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The partner in `second` of every filter of `first`, one to one, and their correlations.

    A filter and its negative carry the same information, so it is the absolute correlation that is maximised; the
    correlation returned has its sign.

    Args:
        first: (filter, ...).
        second: of the same shape but for the number of filters, of which it has as many at least.

    Returns:
        (filter,) indices into `second`, and (filter,) correlations.

    Raises:
        UserError: the shapes do not fit.
    """
    if first.shape[1:] != second.shape[1:] or len(first) > len(second):
        raise UserError(f"filters: shapes {first.shape} and {second.shape} cannot be matched; give fields of one size")
    correlations = _standardised(first) @ _standardised(second).T
    _, partners = scipy.optimize.linear_sum_assignment(-np.abs(correlations))
    return partners, correlations[np.arange(len(first)), partners]


def _standardised(filters: NDArray) -> NDArray[np.float64]:
    flat = filters.reshape(len(filters), -1).astype(np.float64)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-30))
