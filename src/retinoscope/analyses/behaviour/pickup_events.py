"""Pick-ups as events: when what was picked up, and which of them stand alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retinoscope.analyses.recorded import seconds_per_decision
from retinoscope.statistics.event_triggered import EventWindow, isolated

if TYPE_CHECKING:
    from retinoscope.analyses.behaviour.event_triggered import EventTriggeredParameters
    from retinoscope.rollouts import Recording

KINDS = ("healing", "harmful")


@dataclass(frozen=True)
class Pace:
    """The parameters that are times, in decisions of one recording.

    Attributes:
        window: around an event.
        gap: a pick-up this many decisions or fewer after another is no event.
        horizons: in which a pick-up is predicted.
        seconds_per_decision: of the recording.
    """

    window: EventWindow
    gap: int
    horizons: tuple[int, ...]
    seconds_per_decision: float

    @classmethod
    def of(cls, recording: Recording, parameters: EventTriggeredParameters) -> Pace:
        """The whole numbers of decisions nearest to the times."""
        step = seconds_per_decision(recording)
        side, tested = (max(1, round(each / step)) for each in (parameters.seconds, parameters.tested_seconds))
        horizons = tuple(dict.fromkeys(max(1, round(each / step)) for each in parameters.horizons_seconds))
        return cls(EventWindow(side, side, tested), round(parameters.isolation_seconds / step), horizons, step)


class PickUps:
    """When what was picked up in one episode.

    Attributes:
        rows: for each of `KINDS`, rows of the episode with pick-ups of this kind and none of the other.
        any: rows with any pick-up.
    """

    def __init__(self, counts: np.ndarray, effects: np.ndarray) -> None:
        """`counts` (row, class), `effects` (class,) on health."""
        healing, harmful = counts[:, effects > 0].any(axis=1), counts[:, effects < 0].any(axis=1)
        self.happened = {"healing": healing, "harmful": harmful}
        self.rows = {"healing": np.flatnonzero(healing & ~harmful), "harmful": np.flatnonzero(harmful & ~healing)}
        self.any = np.flatnonzero(counts.any(axis=1))

    def events(self, kind: str, gap: int) -> np.ndarray:
        """Rows of the pick-ups of this kind that follow no other within `gap` rows."""
        return isolated(self.rows[kind], self.any, gap)

    def is_shortly_before(self, rows: int, steps: int) -> np.ndarray:
        """(row,) bool: a pick-up of any kind follows within `steps` observations."""
        marked = np.zeros(rows, bool)
        for back in range(steps):
            marked[np.maximum(self.any - back, 0)[self.any - back >= 0]] = True
        return marked
