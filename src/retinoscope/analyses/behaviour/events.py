"""Events: which kinds of them there are, when they happened, and which of them stand alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retinoscope.analyses.recorded import in_units, sides_of
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.statistics.event_triggered import EventWindow, isolated

if TYPE_CHECKING:
    from retinoscope.analyses.behaviour.event_triggered import EventTriggeredParameters
    from retinoscope.rollouts import Recording

MOST_KINDS = 6
"""Events that are looked at one by one."""


@dataclass(frozen=True)
class Kinds:
    """The kinds of events that are told apart.

    Attributes:
        names: of the kinds; the first is the one that is predicted.
        members: (kind, event) bool, which events of the world are of a kind.
        are_sides: the kinds are good and bad ones; else each is an event of its own.
        left_out: how many events of the world are no kind, for others are more frequent.
    """

    names: tuple[str, ...]
    members: NDArray[np.bool_]
    are_sides: bool
    left_out: int = 0

    @classmethod
    def of(cls, recording: Recording) -> Kinds:
        """Good and bad ones where a world has both; else its most frequent events, at most six.

        Raises:
            NotMeasurable: the world declares no events, or the recording does not hold them.
        """
        world = recording.world
        if not world.events or "events" not in recording.columns:
            why = "declares no events" if not world.events else "has events, which this recording does not hold"
            raise NotMeasurable(f"{recording.path}: its world {why}; there is nothing that activity could be tied to")
        sides = np.stack(sides_of(world))
        if sides.any(axis=1).all():
            return cls((world.words.positive, world.words.negative), sides, True)
        counts = recording.rows(names=("events",))["events"].values.sum(axis=0, dtype=np.int64)
        chosen = np.argsort(-counts, kind="stable")[:MOST_KINDS]
        names = tuple(world.events[each].name for each in chosen)
        return cls(names, np.eye(len(counts), dtype=bool)[chosen], False, len(counts) - len(chosen))


@dataclass(frozen=True)
class Pace:
    """The parameters that are times, in decisions of one recording.

    Attributes:
        window: around an event.
        gap: an event that is this many decisions or fewer behind another does not count.
        horizons: in which an event is predicted.
        per_decision: of the clock of the world.
        units: of the clock, `s` or `decisions`.
        seconds, tested_seconds, isolation_seconds, horizons_seconds: as they were given, or as they are where nothing
            was said; in these units.
    """

    window: EventWindow
    gap: int
    horizons: tuple[int, ...]
    per_decision: float
    units: str
    seconds: float
    tested_seconds: float
    isolation_seconds: float
    horizons_seconds: tuple[float, ...]

    @classmethod
    def of(cls, recording: Recording, parameters: EventTriggeredParameters) -> Pace:
        """The whole numbers of decisions nearest to the times.

        Raises:
            UserError: more is to be tested than is shown.
        """
        clock = recording.world.clock
        seconds = in_units(parameters.seconds, clock, 2.0, 16.0)
        # Where only what is shown was chosen, what is tested stays within it.
        tested = min(in_units(None, clock, 1.0, 8.0), seconds)
        if parameters.tested_seconds is not None:
            tested = parameters.tested_seconds
        if tested > seconds:
            raise UserError(f"event-triggered: tested_seconds is {tested:g}; give at most seconds ({seconds:g})")
        isolation = in_units(parameters.isolation_seconds, clock, 1.0, 8.0)
        usual = (0.5, 1.0, 2.0, 4.0) if clock.units == "s" else (4.0, 8.0, 16.0, 32.0)
        ahead = usual if parameters.horizons_seconds is None else parameters.horizons_seconds
        step = clock.per_decision
        side, inner = (max(1, round(each / step)) for each in (seconds, tested))
        horizons = tuple(dict.fromkeys(max(1, round(each / step)) for each in ahead))
        window = EventWindow(side, side, inner)
        return cls(window, round(isolation / step), horizons, step, clock.units, seconds, tested, isolation, ahead)

    def stated(self) -> dict[str, object]:
        """The times, for the parameters of a Result."""
        return {
            "seconds": self.seconds,
            "tested_seconds": self.tested_seconds,
            "isolation_seconds": self.isolation_seconds,
            "horizons_seconds": list(self.horizons_seconds),
        }


class Events:
    """When what happened in one episode.

    Attributes:
        happened: by kind, (row,) bool, whether it happened.
        rows: by kind, the rows with this kind; of good and bad ones those without the other.
        any: rows in which anything happened.
    """

    def __init__(self, counts: np.ndarray, kinds: Kinds) -> None:
        """`counts` (row, event)."""
        of_kind = np.stack([counts[:, members].any(axis=1) for members in kinds.members])
        self.happened = dict(zip(kinds.names, of_kind, strict=True))
        alone = of_kind & (of_kind.sum(axis=0) == 1) if kinds.are_sides else of_kind
        self.rows = {name: np.flatnonzero(each) for name, each in zip(kinds.names, alone, strict=True)}
        self.any = np.flatnonzero(counts.any(axis=1))

    def isolated(self, kind: str, gap: int) -> np.ndarray:
        """Rows of the events of this kind that follow no other within `gap` rows."""
        return isolated(self.rows[kind], self.any, gap)

    def is_shortly_before(self, rows: int, steps: int) -> np.ndarray:
        """(row,) bool: an event of any kind follows within `steps` observations."""
        marked = np.zeros(rows, bool)
        for back in range(steps):
            marked[np.maximum(self.any - back, 0)[self.any - back >= 0]] = True
        return marked
