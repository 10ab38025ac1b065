"""Activity around events: means with intervals, and what the same events at shuffled times would give.

Rows are decisions. An event belongs to the row of the last observation before it (lag 0); lag 1 is the first
observation after it. Events are shuffled by shifting all those of an episode by one random number of rows, around the
ring of rows where an event could be: their number and their spacing stay, and so does the correlation of the activity
in time; only what ties one to the other is lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retinoscope.errors import UserError


@dataclass(frozen=True)
class EventWindow:
    """Around an event, in rows.

    Attributes:
        before: rows up to and with the event's own, lags `1 - before` to 0.
        after: rows after it, lags 1 to `after`.
        tested: rows whose mean is tested, on either side: lags `1 - tested` to 0, and 1 to `tested`.
    """

    before: int
    after: int
    tested: int

    def __post_init__(self) -> None:
        if not 1 <= self.tested <= min(self.before, self.after):
            raise UserError(
                f"event window: {self.tested} tested rows do not fit in {self.before} before and {self.after} after"
            )

    @property
    def lags(self) -> np.ndarray:
        """All lags, (lag,) int."""
        return np.arange(1 - self.before, self.after + 1)

    def positions(self, rows: int) -> tuple[int, int]:
        """The first row of a stretch where an event's window fits, and how many such rows there are (0 or more)."""
        return self.before - 1, max(0, rows - self.before - self.after + 1)


def isolated(rows: np.ndarray, others: np.ndarray, gap: int) -> np.ndarray:
    """Those of the `rows` that follow none of the `others` within `gap` rows, (event,) int.

    A row does not follow itself; what happened in the same row counts as one.
    """
    before = np.sort(others)
    last = np.searchsorted(before, rows, side="left") - 1
    since = np.where(last >= 0, rows - before[np.maximum(last, 0)] if len(before) else 0, gap + 1)
    return rows[since > gap]


@dataclass(frozen=True)
class EventTriggeredEstimate:
    """Activity around the events of one kind.

    Attributes:
        events: how many.
        mean, low, high: (lag, unit), mean over events with its 95% bootstrap interval.
        shuffled_mean, shuffled_low, shuffled_high: (unit,), the mean at any lag with shuffled events: mean and 95%.
        score: (2, unit), mean over the tested rows before and after, in standard deviations of shuffled events; NaN
            for a unit that never changes.
        shuffled_score: (shuffle, 2, unit), the same of shuffled events.
    """

    events: int
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    shuffled_mean: np.ndarray
    shuffled_low: np.ndarray
    shuffled_high: np.ndarray
    score: np.ndarray
    shuffled_score: np.ndarray


class EventTriggeredAverage:
    """Adds up activity around events, episode by episode; memory does not grow with their number.

    The interval is from a Poisson bootstrap over events (Hanley & MacGibbon 2006): each resample gives every event a
    weight of its own, drawn as the event comes.
    """

    def __init__(self, units: int, window: EventWindow, shuffles: int = 500, resamples: int = 200, seed: int = 0):
        self._window, self._seed = window, seed
        lags = len(window.lags)
        self._sums = np.zeros((lags, units))
        self._resampled, self._weights = np.zeros((resamples, lags, units)), np.zeros(resamples)
        self._tested = np.zeros((2, units))
        self._shuffled = np.zeros((shuffles, 3, units))  # at one lag; mean before; mean after
        self._lowest, self._highest = np.full(units, np.inf), np.full(units, -np.inf)
        self.events = self.left_out = 0

    def update(self, activity: np.ndarray, events: np.ndarray, stream: int) -> None:
        """Add an episode.

        Args:
            activity: (row, unit), consecutive rows of one episode.
            events: rows with an event; one whose window leaves the episode is left out and counted in `left_out`.
            stream: number of the episode; its shuffles and resamples depend on it and the seed alone.
        """
        first, places = self._window.positions(len(activity))
        at = np.asarray(events, np.int64) - first
        fits = (at >= 0) & (at < places)
        self.left_out += int((~fits).sum())
        at = at[fits]
        self._lowest = np.minimum(self._lowest, activity.min(axis=0, initial=np.inf))
        self._highest = np.maximum(self._highest, activity.max(axis=0, initial=-np.inf))
        if not len(at):
            return
        values = activity.astype(np.float64)
        random = np.random.default_rng([self._seed, stream])
        self.events += len(at)
        around = values[at[:, None] + np.arange(len(self._window.lags))]
        weights = random.poisson(size=(len(self._weights), len(at))).astype(np.float64)
        self._sums += around.sum(axis=0)
        self._resampled += np.tensordot(weights, around, axes=1)
        self._weights += weights.sum(axis=1)
        shifts = random.integers(places, size=len(self._shuffled))
        for number, series in enumerate(self._series(values, first, places)):
            if number:
                self._tested[number - 1] += series[at].sum(axis=0)
            for place in at:
                self._shuffled[:, number] += series[(place + shifts) % places]

    def merge(self, other: EventTriggeredAverage) -> None:
        """Add what another accumulator has seen of other episodes."""
        for name in ("_sums", "_resampled", "_weights", "_tested", "_shuffled", "events", "left_out"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self._lowest = np.minimum(self._lowest, other._lowest)
        self._highest = np.maximum(self._highest, other._highest)

    def finalize(self) -> EventTriggeredEstimate:
        """The estimate so far.

        Raises:
            UserError: there was no event.
        """
        if not self.events:
            raise UserError("event-triggered activity: there was no event whose window fits in its episode")
        resampled = self._resampled / np.maximum(self._weights, 1)[:, None, None]
        low, high = np.quantile(resampled, (0.025, 0.975), axis=0)
        shuffled = self._shuffled / self.events
        shuffled_low, shuffled_high = np.quantile(shuffled[:, 0], (0.025, 0.975), axis=0)
        # The observed events are one arrangement more that shuffling could have given.
        tested = self._tested / self.events
        pool = np.concatenate([tested[None], shuffled[:, 1:]])
        deviation = np.where(self._lowest < self._highest, pool.std(axis=0, ddof=1), np.nan)
        deviation[deviation == 0] = np.nan
        return EventTriggeredEstimate(
            self.events,
            self._sums / self.events,
            low,
            high,
            shuffled[:, 0].mean(axis=0),
            shuffled_low,
            shuffled_high,
            (tested - pool.mean(axis=0)) / deviation,
            (shuffled[:, 1:] - pool.mean(axis=0)) / deviation,
        )

    def _series(self, values: np.ndarray, first: int, places: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For every place of an event: the activity there, and its means over the tested rows before and after."""
        tested = self._window.tested
        sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
        rows = np.arange(first, first + places)
        before = (sums[rows + 1] - sums[rows + 1 - tested]) / tested
        after = (sums[rows + 1 + tested] - sums[rows + 1]) / tested
        return values[rows], before, after


def adjusted_p(score: np.ndarray, shuffled: np.ndarray) -> np.ndarray:
    """Two-sided p values that hold for all units and both sides of the event together (max statistic).

    The probability that shuffled events give *any* unit of the family a score as far from zero on either side
    (Westfall & Young 1993; (c + 1) / (n + 1)). Calling units event-locked where it is at most 0.05 calls any unit of a
    family without event-locked units so in 5% of data sets.

    Args:
        score: (side, unit); NaN for units that never change, which get p = 1.
        shuffled: (shuffle, side, unit).
    """
    if not np.isfinite(score).any():
        return np.ones_like(score)
    largest = np.nanmax(np.abs(shuffled), axis=(1, 2))
    exceeded = (largest[:, None, None] >= np.abs(score)[None] - 1e-9).sum(axis=0)
    return np.where(np.isfinite(score), (exceeded + 1) / (len(largest) + 1), 1.0)
