"""A plain sentence where a proportion cuts a distribution badly."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from retinoscope.statistics.dataset_examples import Thresholds

ONE_SIDED = 0.95
"""Share of the steps in one half of the range of values from which on a distribution is one-sided."""

UNLIKE = 0.5
"""A threshold nearer to the median than this share of the mean distance of what it lets in, lets in unlike steps."""

TIED = 1.5
"""A level that holds more than this many times the steps it was to hold consists of ties."""


def describe_cut(
    proportion: float,
    skewness: float,
    thresholds: Thresholds,
    place: int,
    taken: Mapping[str, NDArray[np.float64]],
    counts: NDArray[np.int64],
) -> str:
    """One or two sentences, or nothing if the proportion is a reasonable cut.

    Args:
        proportion: of the steps.
        skewness: of the component; NaN if it is constant.
        thresholds: of all components.
        place: of the component among them.
        taken: for each level, `high share` of the steps it holds and `high mean` of their values, (component,).
        counts: (bin,) histogram over its range.
    """
    if np.isnan(skewness):
        return "The activation never changes: every sample is in every list."
    said = _ties(proportion, place, taken) or _unlike(proportion, thresholds, place, taken)
    return " ".join(each for each in (said, _one_sided(counts)) if each)


def _ties(proportion: float, place: int, taken: Mapping[str, NDArray[np.float64]]) -> str:
    shares = {level: float(taken[f"{level} share"][place]) for level in ("high", "middle", "low")}
    tied = [level for level, share in shares.items() if share > TIED * proportion and share - proportion > 0.01]
    if not tied:
        return ""
    held = " and ".join(f"{level} holds {shares[level]:.0%}" for level in tied)
    return f"Many steps share one value: instead of {proportion:.4g} of the steps, {held}."


def _unlike(proportion: float, thresholds: Thresholds, place: int, taken: Mapping[str, NDArray[np.float64]]) -> str:
    median = float(thresholds.median[place])
    for level, threshold in (("high", thresholds.high[place]), ("low", thresholds.low[place])):
        reach = abs(float(taken[f"{level} mean"][place]) - median)
        edge = abs(float(threshold) - median)
        if reach > 0 and edge < UNLIKE * reach:
            return (
                f"The {level} list mixes ordinary steps with extreme ones: its threshold is {edge / reach:.0%} as far "
                f"from the median as its steps are on average; use a proportion below {proportion:.4g}."
            )
    return ""


def _one_sided(counts: NDArray[np.int64]) -> str:
    middle = len(counts) // 2
    for side, opposite, held in (("lower", "low", counts[:middle]), ("upper", "high", counts[middle:])):
        share = held.sum() / counts.sum()
        if share >= ONE_SIDED:
            return (
                f"{min(100 * share, 99.9):.3g}% of the steps lie in the {side} half of the range: steps that "
                f"are {opposite} are "
                "ordinary ones."
            )
    return ""
