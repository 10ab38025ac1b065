"""The numbers of a dose response: what pushing along each direction, and along random ones of its size, changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray
from numpy.typing import NDArray

from retinoscope.agents.policy import Policy
from retinoscope.analyses.memory.directions import Pushed, States, random_along
from retinoscope.analyses.memory.memory_components import FittedComponents
from retinoscope.analyses.memory.pushing import Decided, Decisions, divergence, push
from retinoscope.statistics.bootstrap import bootstrap_intervals
from retinoscope.statistics.state_edits import Reading

if TYPE_CHECKING:
    from retinoscope.analyses.memory.dose_response import DoseResponseParameters
    from retinoscope.rollouts import Recording

_RESAMPLES = 2_000
_UNITS = {"divergence": "nats", "steered": "nats", "patched": "nats", "value_change": "return"}


@dataclass(frozen=True)
class Measured:
    """What pushing along one direction changes.

    Attributes:
        data: see `dose_response`, without the dimension `direction`.
        mean: divergence over all doses.
        random_means: (random,) of each random direction.
    """

    data: xarray.Dataset
    mean: float
    random_means: NDArray[np.float64]


def measured_doses(
    policy: Policy,
    states: States,
    along: list[Pushed],
    fitted: FittedComponents,
    rows: NDArray[np.int64],
    chosen: DoseResponseParameters,
    advance: Callable[[int], None],
    entering: NDArray[np.floating] | None = None,
) -> list[Measured]:
    """Push along each direction.

    Args:
        policy: that decides.
        states: its memory, from which directions were taken.
        along: the directions.
        fitted: components of its memory, in whose space random directions are drawn.
        rows: (moment,) decisions that are made again.
        chosen: parameters.
        advance: told how many directions are done.
        entering: (moment, state) of its memory at these; None for what was recorded.
    """
    if entering is None:
        entering = _entering(states.recording, rows)
    bench = _Bench(policy, states, rows, entering, chosen)
    found = []
    for number, each in enumerate(along):
        drawn = [
            random_along(fitted, states, each, np.random.default_rng((chosen.seed, number, draw)))
            for draw in range(chosen.random_directions)
        ]
        found.append(bench.measured(each.reading, drawn))
        advance(1)
    return found


def _entering(recording: Recording, rows: NDArray[np.int64]) -> NDArray[np.floating]:
    name = "state_entering"
    return np.stack([recording.rows(int(row), int(row) + 1, (name,))[name].values[0] for row in rows])


class _Bench:
    """The decisions that are made again, and what they are unedited."""

    def __init__(
        self,
        policy: Policy,
        states: States,
        rows: NDArray[np.int64],
        entering: NDArray[np.floating],
        chosen: DoseResponseParameters,
    ) -> None:
        self._policy, self._states, self._chosen = policy, states, chosen
        self._doses = np.array(chosen.doses, np.float64)
        self._entering = torch.as_tensor(entering, dtype=torch.float32, device=policy.device)
        self._decisions = Decisions(policy, states.recording, rows)
        self._unedited = self._decisions.decide(self._entering)
        ends = np.array([each.stop for each in states.recording.episodes])
        self._episodes = np.searchsorted(ends, rows, side="right")
        picked = np.unique(np.linspace(0, len(rows) - 1, min(chosen.followed, len(rows))).round().astype(np.int64))
        self._picked = picked
        self._followed = Decisions(policy, states.recording, rows[picked], chosen.follow_steps)
        self._plain = self._followed_from(self._entering[picked])
        self._donors = self._donor_states(picked)

    def measured(self, reading: Reading, randoms: list[Reading]) -> Measured:
        doses, outputs = len(self._doses), self._unedited.outputs.shape[1]
        own = self._at_once(reading)
        by_random = [self._at_once(each) for each in randoms]
        data: dict[str, Any] = {}
        dims = {"divergence": ("dose",), "value_change": ("dose",), "change": ("dose", "output")}
        for name, values in own.items():
            about = {"units": _UNITS.get(name, "probability")}
            intervals = self._intervals(values, self._episodes)
            shape = (doses, outputs) if name == "change" else (doses,)
            for part, end in enumerate(("", "_low", "_high")):
                data[name + end] = (dims[name], intervals[:, part].reshape(shape), about)
            means = np.stack([each[name].mean(axis=0) for each in by_random])
            data[f"random_{name}"] = (dims[name], means.mean(axis=0).reshape(shape), about)
        spread = np.stack([each["divergence"].mean(axis=0) for each in by_random])
        data["random_divergence_most"] = ("dose", spread.max(axis=0), {"units": "nats"})
        data |= self._afterwards(reading, randoms)
        names = list(self._policy.output_names())
        found = xarray.Dataset(data, coords={"output": names, "lag": np.arange(self._chosen.follow_steps)})
        return Measured(found, float(own["divergence"].mean()), spread.mean(axis=1))

    def _at_once(self, reading: Reading) -> dict[str, NDArray[np.float64]]:
        """(moment, dose or dose and output) of each measure."""
        count, doses = len(self._entering), len(self._doses)
        edit = push(reading, np.repeat(self._doses, count), self._chosen.do == "clamp", self._policy.device)
        decided = self._decisions.decide(self._entering.repeat(doses, 1), self._states.layer, edit, times=doses)
        before = self._unedited
        apart = divergence(self._policy, before.logits.repeat(doses, 1), decided.logits).reshape(doses, count).T
        change = decided.outputs.reshape(doses, count, -1) - before.outputs
        value = (decided.value.reshape(doses, count) - before.value).T
        return {
            "divergence": apart,
            "value_change": value,
            "change": change.transpose(1, 0, 2).reshape(count, -1),
        }

    def _afterwards(self, reading: Reading, randoms: list[Reading]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        picked = self._entering[self._picked]
        largest = np.full(len(picked), float(self._doses.max()))
        episodes = self._episodes[self._picked]
        for name in ("steered", "patched"):

            def follow(each: Reading, name: str = name) -> NDArray[np.float64]:
                if name == "steered":
                    steps = self._followed_from(picked, push(each, largest, False, self._policy.device))
                else:
                    steps = self._followed_from(self._patched(picked, each))
                return self._apart(steps)

            own, others = follow(reading), np.mean([_means(follow(each)) for each in randoms], axis=0)
            intervals = self._intervals(own, episodes)
            for part, end in enumerate(("", "_low", "_high")):
                found[name + end] = ("lag", intervals[:, part], {"units": "nats"})
            found[f"random_{name}"] = ("lag", others, {"units": "nats"})
        whole = self._apart(self._followed_from(self._donors)) if self._donors is not None else None
        nothing = np.full(self._chosen.follow_steps, np.nan)
        found["patched_whole"] = ("lag", nothing if whole is None else _means(whole), {"units": "nats"})
        return found

    def _followed_from(self, states: torch.Tensor | None, first: Any = None) -> list[Decided]:
        """Decisions on the recorded views from these states on; `first` edits the memory once."""
        found: list[Decided] = []
        if states is None:
            return found
        for lag in range(self._chosen.follow_steps):
            edit = first if lag == 0 else None
            found.append(self._followed.decide(states, self._states.layer, edit, lag))
            states = found[-1].state
        return found

    def _apart(self, steps: list[Decided]) -> NDArray[np.float64]:
        """(moment, lag) divergence from what is decided unedited; NaN behind the end of an episode."""
        found = np.full((len(self._picked), self._chosen.follow_steps), np.nan)
        for lag, (one, other) in enumerate(zip(self._plain, steps, strict=False)):
            found[:, lag] = divergence(self._policy, one.logits, other.logits)
            found[~self._followed.is_there(lag), lag] = np.nan
        return found

    def _donor_states(self, picked: NDArray[np.int64]) -> torch.Tensor | None:
        """(moment, state) that entered a decision of another episode; None where there is but one."""
        random = np.random.default_rng(self._chosen.seed)
        donors = []
        for each in picked:
            others = np.flatnonzero(self._episodes != self._episodes[each])
            if not len(others):
                return None
            donors.append(int(random.choice(others)))
        return self._entering[donors]

    def _patched(self, states: torch.Tensor, reading: Reading) -> torch.Tensor | None:
        """The states with the donors' part along a direction; None where the state does not hold the activity."""
        columns = self._policy.state_columns(self._states.layer)
        if columns is None or self._donors is None:
            return None
        direction, pattern = (
            torch.as_tensor(each, dtype=torch.float32, device=states.device)
            for each in (reading.direction, reading.pattern)
        )
        patched = states.clone()
        size = (self._donors[:, columns] - states[:, columns]) @ direction
        patched[:, columns] += size[:, None] * pattern
        return patched

    def _intervals(self, values: NDArray[np.float64], episodes: NDArray[np.int64]) -> NDArray[np.float64]:
        """(column, 3) mean over moments that are there, and its interval, which resamples episodes as wholes."""
        names, place = np.unique(episodes, return_inverse=True)
        is_there = np.isfinite(values)
        sums, counts = np.zeros((2, len(names), values.shape[1]))
        np.add.at(sums, place, np.where(is_there, values, 0.0))
        np.add.at(counts, place, is_there)
        columns = values.shape[1]
        if len(names) < 2:
            means = _means(values)
            return np.stack([means, np.full(columns, np.nan), np.full(columns, np.nan)], axis=1)
        return bootstrap_intervals(
            np.concatenate([sums, counts], axis=1),
            lambda all_sums: all_sums[:, :columns] / all_sums[:, columns:],
            resamples=_RESAMPLES,
        )


def _means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(column,) over the rows that are there; NaN where none is."""
    is_there = np.isfinite(values)
    counts = is_there.sum(axis=0)
    return np.where(counts > 0, np.where(is_there, values, 0).sum(axis=0) / np.maximum(counts, 1), np.nan)
