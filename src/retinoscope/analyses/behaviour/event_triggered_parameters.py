"""Parameters of the event-triggered activity, and what counts as an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retinoscope.errors import UserError
from retinoscope.statistics.event_triggered import EventWindow, isolated

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

KINDS = ("healing", "harmful")


@dataclass(frozen=True)
class EventTriggeredParameters:
    """Parameters of `event_triggered`.

    Attributes:
        seconds: shown before and after a pick-up.
        tested_seconds: before and after it, whose mean is tested.
        isolation_seconds: a pick-up that follows another within this time is no event of its own.
        horizons_seconds: in which a healing pick-up is predicted.
        fewest_events: of a kind, below which it is not looked at.
        level: family-wise error rate at which a unit is called event-locked; the family is a layer, both sides.
        shuffles: arrangements of shuffled events.
        resamples: bootstrap samples over events.
        layers: None for all convolutions, fc and rnn; without the agent, those that are stored.
        burn_in_steps: left out at the start of every episode; None to choose it from the data, see `burn_in`.
        seed: of everything drawn at random.
    """

    seconds: float = 2.0
    tested_seconds: float = 1.0
    isolation_seconds: float = 1.0
    horizons_seconds: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    fewest_events: int = 10
    level: float = 0.05
    shuffles: int = 500
    resamples: int = 200
    layers: tuple[str, ...] | None = None
    burn_in_steps: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.tested_seconds <= self.seconds:
            raise UserError(
                f"event-triggered: tested_seconds is {self.tested_seconds:g}; give a number above 0, at most seconds "
                f"({self.seconds:g})"
            )
        if self.isolation_seconds < 0 or not self.horizons_seconds or min(self.horizons_seconds) <= 0:
            raise UserError("event-triggered: isolation_seconds must not be negative, and horizons_seconds be above 0")
        if not 0 < self.level < 1:
            raise UserError(f"event-triggered: level is {self.level}; give a number between 0 and 1")
        if self.shuffles * self.level < 1:
            raise UserError(
                f"event-triggered: {self.shuffles} shuffles cannot show p = {self.level}; give {1 / self.level:.0f} "
                "or more"
            )
        for name, least in (("fewest_events", 2), ("resamples", 2), ("seed", 0)):
            if getattr(self, name) < least:
                raise UserError(f"event-triggered: {name} is {getattr(self, name)}; give {least} or more")
        if self.burn_in_steps is not None and self.burn_in_steps < 0:
            raise UserError(f"event-triggered: burn_in_steps is {self.burn_in_steps}; give 0 or more")


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
        step = recording.attributes["frame_skip"] / recording.attributes["tics_per_second"]
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
