"""How long a recurrent state remembers that it was reset: by forgetting (two starts, same input), and by settling."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from retinoscope.errors import UserError

FEWEST_EPISODES = 8
"""With fewer, the mean over episodes says nothing about a transient in it."""


class BurnInEstimate(NamedTuple):
    """A time after a reset, and the curve it was read from.

    Attributes:
        steps: decisions to leave out at the start of an episode.
        low, high: its 95% bootstrap interval; NaN where there is none.
        settled: whether the curve came within the threshold at all.
        curve: (step,) what is compared with the threshold.
        typical: (step,) its median over windows, or its mean by chance.
        threshold: within which the start counts as forgotten.
    """

    steps: int
    low: float
    high: float
    settled: bool
    curve: np.ndarray
    typical: np.ndarray
    threshold: float


def first_step_within(curve: np.ndarray, threshold: float, hold: int) -> int | None:
    """The first step from which on the curve is within the threshold for `hold` steps (or to its end).

    Args:
        curve: (step,).
        threshold: the largest value within.
        hold: consecutive steps that it has to stay there; at the end of the curve half of them suffice.

    Returns:
        None if there is no such step.
    """
    within = np.append(curve <= threshold, False)
    ends = np.flatnonzero(~within)
    next_end = ends[np.searchsorted(ends, np.arange(len(curve)))]
    lengths = next_end - np.arange(len(curve))
    reaches_end = next_end == len(curve)
    found = np.flatnonzero((lengths >= hold) | (reaches_end & (lengths >= max(1, hold // 2))))
    return int(found[0]) if len(found) else None


def forgetting(
    distances: np.ndarray,
    tolerance: float = 0.05,
    share: float = 0.95,
    hold: int = 16,
    resamples: int = 1000,
    seed: int = 0,
) -> BurnInEstimate:
    """When do two states with different starts and the same input agree?

    Args:
        distances: (window, step) distance between the two states at every step after the reset of one of them, relative
            to the distance of unrelated states.
        tolerance: the distance that counts as none.
        share: of the windows that has to be within it.
        hold: steps for which it has to stay so.
        resamples: bootstrap samples, over windows.
        seed: of the resampling.

    Raises:
        UserError: there are fewer than two windows.
    """
    windows, steps = distances.shape
    if windows < 2:
        raise UserError(f"burn-in: needs at least 2 windows to compare starts in, there are {windows}; record more")
    curve = np.quantile(distances, share, axis=0)
    found = first_step_within(curve, tolerance, hold)
    random = np.random.default_rng(seed)
    times = []
    for _ in range(resamples):
        resampled = np.quantile(distances[random.integers(windows, size=windows)], share, axis=0)
        time = first_step_within(resampled, tolerance, hold)
        times.append(steps if time is None else time)
    low, high = np.quantile(times, (0.025, 0.975), method="closest_observation")
    return BurnInEstimate(
        steps if found is None else found,
        float(low),
        float(high),
        found is not None,
        curve,
        np.median(distances, axis=0),
        tolerance,
    )


def settling(
    states: list[np.ndarray],
    horizon: int,
    width: int = 16,
    level: float = 0.99,
    replicates: int = 500,
    seed: int = 0,
) -> BurnInEstimate:
    """When is the mean over episodes no longer told from what it is late in the episodes?

    At every step, the squared deviation of the mean over episodes from the late mean is taken in units of the late
    variance, averaged over units and over `width` steps; the curve is its root. By chance it has the distribution that
    it has for stretches of
    the late part, each episode's from a random moment of its own. The burn-in is the first step whose average is not
    above the `level` quantile of that.

    Args:
        states: for each episode (step, unit), from its start; those with fewer than `horizon + width` steps are left
            out of account.
        horizon: from this step on, episodes are taken to be stationary; the longest burn-in.
        width: steps that are averaged.
        level: of the chance distribution.
        replicates: stretches drawn for it.
        seed: of the draws.

    Raises:
        UserError: fewer than `FEWEST_EPISODES` episodes are long enough.
    """
    long_enough = [each.astype(np.float64) for each in states if len(each) >= horizon + width]
    count = len(long_enough)
    if count < FEWEST_EPISODES:
        raise UserError(
            f"burn-in: needs at least {FEWEST_EPISODES} episodes of {horizon + width} decisions or more, there are "
            f"{count}; record more or give the agent"
        )
    late = np.concatenate([each[horizon:] for each in long_enough])
    mean, deviation = late.mean(axis=0), late.std(axis=0)
    changing = deviation > 0
    # Where no unit ever changes there is nothing to remember.
    if not changing.any():
        return BurnInEstimate(0, np.nan, np.nan, True, np.zeros(horizon), np.zeros(horizon), 0.0)
    scaled = [(each[:, changing] - mean[changing]) / deviation[changing] for each in long_enough]
    random = np.random.default_rng(seed)
    by_chance = np.empty(replicates)
    for replicate in range(replicates):
        starts = [horizon + random.integers(len(each) - horizon - width + 1) for each in scaled]
        total = sum(each[start : start + width] for each, start in zip(scaled, starts, strict=True))
        by_chance[replicate] = ((total / count) ** 2).mean()
    average = sum(each[: horizon + width] for each in scaled) / count
    squares = (average**2).mean(axis=1)
    curve = np.convolve(squares, np.full(width, 1 / width), mode="valid")[:horizon]
    threshold = float(np.quantile(by_chance, level))
    within = np.flatnonzero(curve <= threshold)
    steps = int(within[0]) if len(within) else horizon
    typical = np.full(horizon, np.sqrt(by_chance.mean()))
    return BurnInEstimate(steps, np.nan, np.nan, len(within) > 0, np.sqrt(curve), typical, float(np.sqrt(threshold)))
