"""What activity does around events, added up over the episodes of a recording: averages, sparseness, predictions."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray

from retinoscope.analyses.accumulated import accumulated
from retinoscope.analyses.behaviour.convolutions import stored_layers, unit_blocks
from retinoscope.analyses.behaviour.events import Events, Kinds, Pace
from retinoscope.analyses.recorded import has_values
from retinoscope.statistics.before_events import BeforeEvents
from retinoscope.statistics.covariance import Covariance
from retinoscope.statistics.event_triggered import EventTriggeredAverage
from retinoscope.statistics.predictive import Prediction, follows_within
from retinoscope.statistics.principal_components import exact_components
from retinoscope.statistics.sparseness import Sparseness

if TYPE_CHECKING:
    from retinoscope.analyses.behaviour.event_triggered import EventTriggeredParameters
    from retinoscope.rollouts import Recording

CRITIC, CRITIC_COLUMN = "critic's value", "value"
_BLOCK = 512


@dataclass(frozen=True)
class EpisodeActivity:
    """One episode behind its burn-in: `activity` of each layer (row, unit), `events` (row, event), `value` (row,).

    It begins in row `first` of the recording.
    """

    number: int
    first: int
    rows: int
    activity: dict[str, np.ndarray]
    events: np.ndarray
    value: np.ndarray | None


def episodes_of(
    recording: Recording, means: Mapping[str, np.ndarray], layers: tuple[str, ...], burn_in: int, has_critic: bool
) -> Iterator[EpisodeActivity]:
    """All episodes that go on behind the burn-in, one after the other."""
    also = ("events", "value") if has_critic else ("events",)
    for number, each in enumerate(recording.episodes):
        names = (*layers, *also)
        parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
        start = each.start + burn_in
        for block in unit_blocks(recording, layers, means, _BLOCK, also, start, each.stop):
            for name in names:
                parts[name].append(block[name].values)
        if parts["events"]:
            joined = {name: np.concatenate(each) for name, each in parts.items()}
            activity = {name: joined[name] for name in layers}
            yield EpisodeActivity(number, start, len(joined["events"]), activity, joined["events"], joined.get("value"))


@dataclass(frozen=True)
class Predictors:
    """First principal components of the encoder's output and of the memory, and the critic's value, if there is one.

    Attributes:
        axes: (mean, axis) of each layer; the axis points to where the critic's value rises, whatever follows. Without
            a critic its largest weight is positive.
        scale: mean and standard deviation of each predictor.
        has_critic: there are values.
    """

    axes: dict[str, tuple[np.ndarray, np.ndarray]]
    scale: dict[str, tuple[float, float]]
    has_critic: bool

    @classmethod
    def of(cls, recording: Recording, burn_in: int) -> Predictors:
        has_critic = has_values(recording)
        layers = recording.layers_of("encoder output", "memory") or stored_layers(recording)
        sizes = {name: int(recording.attributes["layers"][name]) for name in layers}
        # The value comes last; of zeros it has no covariance with anything.
        sums = accumulated(
            recording,
            (*layers, *((CRITIC_COLUMN,) if has_critic else ())),
            {name: Covariance(size + 1) for name, size in sizes.items()} | {CRITIC_COLUMN: Covariance(1)},
            functools.partial(_add_late, burn_in=burn_in, has_critic=has_critic),
        )
        axes, scale = {}, {}
        value_alone = sums.pop(CRITIC_COLUMN)
        for name, accumulator in sums.items():
            found = accumulator.finalize()
            alone = dataclasses.replace(found, mean=found.mean[:-1], covariance=found.covariance[:-1, :-1])
            components = exact_components(alone)
            axis = components.axes[0] * (-1 if components.axes[0] @ found.covariance[-1, :-1] < 0 else 1)
            axes[name] = (components.mean, axis)
            scale[f"PC1 of {name}"] = (0.0, float(np.sqrt(components.variances[0])))
        if has_critic:
            of_value = value_alone.finalize()
            scale[CRITIC] = (float(of_value.mean[0]), float(np.sqrt(of_value.covariance[0, 0])))
        return cls(axes, scale, has_critic)

    def scores(self, episode: EpisodeActivity) -> Iterator[tuple[str, np.ndarray]]:
        for name, (mean, axis) in self.axes.items():
            if name in episode.activity:
                yield f"PC1 of {name}", (episode.activity[name] - mean) @ axis
        if episode.value is not None:
            yield CRITIC, episode.value


def _add_late(sums: dict[str, Covariance], block: xarray.Dataset, burn_in: int, has_critic: bool) -> None:
    """Add the decisions behind the start-up of each episode: layers with the value, and the value."""
    late = block["step"].values >= burn_in
    value = block[CRITIC_COLUMN].values[late][:, None] if has_critic else np.zeros((int(late.sum()), 1))
    for name, each in sums.items():
        each.update(value if name == CRITIC_COLUMN else np.concatenate([block[name].values[late], value], axis=1))


class Measured:
    """All that is added up over episodes."""

    def __init__(
        self,
        layers: tuple[str, ...],
        kinds: Kinds,
        encoded: str,
        pace: Pace,
        predictors: Predictors,
        parameters: EventTriggeredParameters,
        sparse: np.ndarray | None = None,
    ) -> None:
        """`sparse` (two, time) is what `sparse_maps` says of the encoder's output, if that is a map."""
        self.layers, self.kinds, self.encoded, self._sparse = layers, kinds, encoded, sparse
        self.has_critic = predictors.has_critic
        self.pace, self._scores, self._parameters = pace, predictors.scores, parameters
        self.averages: dict[tuple[str, str], EventTriggeredAverage] = {}
        self.sparseness: Sparseness | None = None
        self.before = BeforeEvents(parameters.shuffles, parameters.seed)
        self.predictors = [name for name in predictors.scale if name == CRITIC or name[len("PC1 of ") :] in layers]
        self.predictions = {
            (name, horizon): Prediction(*predictors.scale[name], parameters.shuffles, parameters.seed)
            for name in self.predictors
            for horizon in pace.horizons
        }
        self.episodes = 0

    @property
    def is_map(self) -> bool:
        """The encoder's output is a map, of which the units are not told apart."""
        return self._sparse is not None

    def add(self, episode: EpisodeActivity) -> None:
        events = Events(episode.events, self.kinds)
        self.episodes += 1
        for name, activity in episode.activity.items():
            for kind in self.kinds.names:
                average = self.averages.setdefault((name, kind), self._average(activity.shape[1]))
                average.update(activity, events.isolated(kind, self.pace.gap), episode.number)
        if self.encoded in episode.activity:
            activity = episode.activity[self.encoded]
            self.sparseness = self.sparseness or Sparseness(activity.shape[1])
            if self._sparse is None:
                self.sparseness.update(activity)
                active = (activity > 0).mean(axis=1)
            else:
                active, sparseness = self._sparse[:, episode.first : episode.first + episode.rows]
                self.sparseness.update_rows(sparseness, active)
            shortly = events.is_shortly_before(episode.rows, self.pace.window.tested)
            self.before.update(active, shortly, episode.number)
        for name, score in self._scores(episode):
            for horizon in self.pace.horizons:
                follows = follows_within(events.happened[self.kinds.names[0]], horizon)
                self.predictions[name, horizon].update(score[: len(follows)], follows, episode.number)

    def _average(self, units: int) -> EventTriggeredAverage:
        chosen = self._parameters
        return EventTriggeredAverage(units, self.pace.window, chosen.shuffles, chosen.resamples, chosen.seed)
