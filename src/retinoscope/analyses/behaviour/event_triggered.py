"""Event-triggered activity: what every unit does around healing and around harmful pick-ups.

And two claims that others made by eye, measured: that neurons mostly become active only before a pick-up, and that the
first principal component predicts positive changes of health.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.behaviour.burn_in import MEMORY, BurnIn, choose_burn_in
from retinoscope.analyses.behaviour.event_triggered_parameters import KINDS, EventTriggeredParameters, Pace, PickUps
from retinoscope.analyses.behaviour.event_triggered_summary import describe_claims, describe_layer, event_caption
from retinoscope.analyses.layer_activity import activity_blocks
from retinoscope.analyses.recorded import require_same
from retinoscope.errors import NotMeasurable
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import with_settings
from retinoscope.statistics.before_events import BeforeEvents
from retinoscope.statistics.covariance import Covariance
from retinoscope.statistics.event_triggered import EventTriggeredAverage
from retinoscope.statistics.predictive import Prediction, follows_within
from retinoscope.statistics.principal_components import exact_components
from retinoscope.statistics.sparseness import Sparseness

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

ENCODED = "fc"
"""The layer whose sparseness is measured: what the encoder hands to the memory."""

_BLOCK = 512


def event_triggered(
    recording: Recording,
    agent: Agent | None = None,
    parameters: EventTriggeredParameters | None = None,
    *,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Measure the activity of every unit around pick-ups.

    An event is a pick-up (healing, or harmful) that follows no other within `isolation_seconds`; rows with both kinds
    are none. Windows never leave their episode, nor reach into the burn-in at its start; events whose windows would are
    left out. Further pick-ups after an event stay in its window, as they do for shuffled events.

    Args:
        recording: what the agent saw and computed.
        agent: who was recorded; needed for convolutions, of which the mean over each channel's map is taken.
        parameters: see `EventTriggeredParameters`.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `EventTriggeredParameters` that replace those of `parameters`.

    Returns:
        A Result over `kind` (healing, harmful), `side` (before, after) and `lag` (decisions; 0 is the last observation
        before the pick-up), with, for every layer (here fc): `fc_mean`, `fc_low`, `fc_high` (kind, lag, fc_unit), mean
        over events with 95% bootstrap interval over events; `fc_shuffled_mean`, `fc_shuffled_low`, `fc_shuffled_high`
        (kind, fc_unit), with events shuffled within episodes; `fc_score` (kind, side, fc_unit), in standard deviations
        of shuffled events, and `fc_p`, valid for the whole layer. Shares of units, by (kind, layer) with Wilson's 95%
        intervals `..._low`, `..._high`: `rising_before`, `rising_only_after`, `falling_before`;
        `beyond_by_chance`, their mean share in shuffled events. `sparseness` and `active` of fc with intervals over
        episodes, `lifetime_sparseness` (fc_unit); `before_ratio`, how many more units of fc are active within
        `tested_seconds` before a pick-up than at other times. `auc` (predictor, horizon) with interval over episodes
        and band by chance. A kind with too few events has NaN.

    Raises:
        UserError: a parameter is wrong, or agent and recording do not belong together.
        NotMeasurable: there are too few events.
    """
    settled = with_settings(parameters or EventTriggeredParameters(), settings, "event-triggered")
    if agent is not None:
        require_same(recording, agent)
    layers = _layers(recording, agent, settled.layers)
    burn_in = _burn_in(recording, agent, settled.burn_in_steps)
    pace = Pace.of(recording, settled)
    counts = _count_events(recording, pace, burn_in.steps)
    _require_events(recording, counts, settled.fewest_events)
    predictors = _Predictors.of(recording, burn_in.steps, settled)
    measured = _Measured(recording, layers, pace, predictors, settled)
    with progress_bar("decisions around events", recording.frames, progress) as advance:
        for episode in _episodes(recording, agent, layers, burn_in.steps):
            measured.add(episode)
            advance(episode.rows)
    return _result(recording, measured, burn_in, pace, settled)


@dataclass(frozen=True)
class _EpisodeActivity:
    """One episode behind its burn-in: `activity` of each layer (row, unit), `pickups` (row, class), `value` (row,)."""

    number: int
    rows: int
    activity: dict[str, np.ndarray]
    pickups: np.ndarray
    value: np.ndarray


def _layers(recording: Recording, agent: Agent | None, wanted: tuple[str, ...] | None) -> tuple[str, ...]:
    if wanted is not None:
        return wanted
    convolutions = [each.name for each in agent.policy.layers if each.kind == "convolution"] if agent else []
    return (*convolutions, *recording.attributes["layers"])


def _burn_in(recording: Recording, agent: Agent | None, steps: int | None) -> BurnIn:
    if steps is None:
        return choose_burn_in(recording, policy=agent)
    rule = f"the first {steps} decisions of every episode are left out, as asked for"
    return BurnIn(steps, rule, True, "none", np.nan, np.nan)


def _count_events(recording: Recording, pace: Pace, burn_in: int) -> dict[str, int]:
    effects = np.asarray(recording.attributes["class_effects"])
    counts = dict.fromkeys(KINDS, 0)
    for each in recording.episodes:
        start = each.start + burn_in
        if start >= each.stop:
            continue
        pickups = PickUps(recording.rows(start, each.stop, ("pickups",))["pickups"].values, effects)
        first, places = pace.window.positions(each.stop - start)
        for kind in KINDS:
            rows = pickups.events(kind, pace.gap)
            counts[kind] += int(((rows >= first) & (rows < first + places)).sum())
    return counts


def _require_events(recording: Recording, counts: dict[str, int], fewest: int) -> None:
    most = max(counts.values())
    if most < fewest:
        found = " and ".join(f"{count} {kind}" for kind, count in counts.items())
        more = f"about {-(-recording.frames * fewest // most):,} frames" if most else "many more frames"
        raise NotMeasurable(
            f"{recording.path}: event-triggered activity needs at least {fewest} events of a kind, there are {found} "
            f"in {recording.frames:,} frames; record {more}"
        )


def _episodes(
    recording: Recording, agent: Agent | None, layers: tuple[str, ...], burn_in: int
) -> Iterator[_EpisodeActivity]:
    policy = agent.policy if agent else None
    for number, each in enumerate(recording.episodes):
        start = each.start + burn_in
        parts: dict[str, list[np.ndarray]] = {name: [] for name in (*layers, "pickups", "value")}
        for block in activity_blocks(recording, layers, policy, _BLOCK, ("pickups", "value"), start, each.stop):
            for name in (*layers, "pickups", "value"):
                values = block[name].values
                # Of a map, its mean: one number for each channel.
                parts[name].append(values.mean(axis=(2, 3)) if values.ndim == 4 else values)
        if parts["value"]:
            joined = {name: np.concatenate(each) for name, each in parts.items()}
            activity = {name: joined[name] for name in layers}
            yield _EpisodeActivity(number, len(joined["value"]), activity, joined["pickups"], joined["value"])


@dataclass(frozen=True)
class _Predictors:
    """The first principal component of each stored layer, and the critic's value: from a moment to a number.

    Attributes:
        axes: (mean, axis) of each layer; the axis points to where the critic's value rises, whatever follows.
        scale: mean and standard deviation of each predictor.
    """

    axes: dict[str, tuple[np.ndarray, np.ndarray]]
    scale: dict[str, tuple[float, float]]

    @classmethod
    def of(cls, recording: Recording, burn_in: int, parameters: EventTriggeredParameters) -> _Predictors:
        layers = tuple(name for name in (ENCODED, MEMORY) if name in recording.attributes["layers"])
        sums = {name: Covariance(recording.attributes["layers"][name] + 1) for name in layers}
        value_alone = Covariance(1)
        for block in recording.blocks(2048, (*layers, "value")):
            late = block["step"].values >= burn_in
            value = block["value"].values[late][:, None]
            value_alone.update(value)
            for name in layers:
                sums[name].update(np.concatenate([block[name].values[late], value], axis=1))
        axes, scale = {}, {}
        for name, accumulator in sums.items():
            found = accumulator.finalize()
            alone = dataclasses.replace(found, mean=found.mean[:-1], covariance=found.covariance[:-1, :-1])
            components = exact_components(alone)
            axis = components.axes[0] * (-1 if components.axes[0] @ found.covariance[-1, :-1] < 0 else 1)
            axes[name] = (components.mean, axis)
            scale[f"PC1 of {name}"] = (0.0, float(np.sqrt(components.variances[0])))
        of_value = value_alone.finalize()
        scale["critic's value"] = (float(of_value.mean[0]), float(np.sqrt(of_value.covariance[0, 0])))
        return cls(axes, scale)

    def scores(self, episode: _EpisodeActivity) -> Iterator[tuple[str, np.ndarray]]:
        for name, (mean, axis) in self.axes.items():
            if name in episode.activity:
                yield f"PC1 of {name}", (episode.activity[name] - mean) @ axis
        yield "critic's value", episode.value


class _Measured:
    """All that is added up over episodes."""

    def __init__(
        self,
        recording: Recording,
        layers: tuple[str, ...],
        pace: Pace,
        predictors: _Predictors,
        parameters: EventTriggeredParameters,
    ) -> None:
        self.layers, self._pace, self._predictors = layers, pace, predictors
        self._parameters = parameters
        self._effects = np.asarray(recording.attributes["class_effects"])
        self.averages: dict[tuple[str, str], EventTriggeredAverage] = {}
        self.sparseness: Sparseness | None = None
        self.before = BeforeEvents(parameters.shuffles, parameters.seed)
        names = [name for name in predictors.scale if name == "critic's value" or name[len("PC1 of ") :] in layers]
        self.predictions = {
            (name, horizon): Prediction(*predictors.scale[name], parameters.shuffles, parameters.seed)
            for name in names
            for horizon in pace.horizons
        }
        self.episodes = 0

    def add(self, episode: _EpisodeActivity) -> None:
        pickups = PickUps(episode.pickups, self._effects)
        self.episodes += 1
        for name, activity in episode.activity.items():
            for kind in KINDS:
                average = self.averages.setdefault((name, kind), self._average(activity.shape[1]))
                average.update(activity, pickups.events(kind, self._pace.gap), episode.number)
        if ENCODED in episode.activity:
            activity = episode.activity[ENCODED]
            self.sparseness = self.sparseness or Sparseness(activity.shape[1])
            self.sparseness.update(activity)
            shortly = pickups.is_shortly_before(episode.rows, self._pace.window.tested)
            self.before.update((activity > 0).mean(axis=1), shortly, episode.number)
        for name, score in self._predictors.scores(episode):
            for horizon in self._pace.horizons:
                follows = follows_within(pickups.happened["healing"], horizon)
                self.predictions[name, horizon].update(score[: len(follows)], follows, episode.number)

    def _average(self, units: int) -> EventTriggeredAverage:
        chosen = self._parameters
        return EventTriggeredAverage(units, self._pace.window, chosen.shuffles, chosen.resamples, chosen.seed)


def _result(
    recording: Recording, measured: _Measured, burn_in: BurnIn, pace: Pace, parameters: EventTriggeredParameters
) -> Result:
    lags = pace.window.lags
    variables: dict[str, Any] = {}
    shares: dict[str, np.ndarray] = {}
    for index, name in enumerate(measured.layers):
        averages = {kind: measured.averages[name, kind] for kind in KINDS}
        described, of_layer = describe_layer(name, averages, parameters)
        variables |= described
        for key, values in of_layer.items():
            shares.setdefault(key, np.full((len(KINDS), len(measured.layers)), np.nan))[:, index] = values
    variables |= {key: (("kind", "layer"), values, {"units": "1"}) for key, values in shares.items()}
    variables |= describe_claims(measured.sparseness, measured.before, measured.predictions, parameters.seed)
    any_layer = measured.layers[0]
    variables["events"] = ("kind", [measured.averages[any_layer, kind].events for kind in KINDS])
    variables["left_out"] = ("kind", [measured.averages[any_layer, kind].left_out for kind in KINDS])
    data = xarray.Dataset(
        variables,
        coords={
            "kind": list(KINDS),
            "side": ["before", "after"],
            "layer": list(measured.layers),
            "lag": ("lag", lags, {"units": "decisions", "long_name": "0: the last observation before the pick-up"}),
            # The pick-up is between lags 0 and 1.
            "seconds": ("lag", (lags - 0.5) * pace.seconds_per_decision, {"units": "s"}),
            "horizon": ("horizon", np.array(pace.horizons) * pace.seconds_per_decision, {"units": "s"}),
        },
        attrs={"seconds_per_decision": pace.seconds_per_decision, "burn_in_steps": burn_in.steps},
    )
    data.attrs["caption"] = event_caption(data, burn_in.rule, measured.episodes, pace, parameters)
    stated = dataclasses.asdict(parameters) | {"layers": list(measured.layers), "burn_in_steps": burn_in.steps}
    return Result("event_triggered", data, stated, provenance(recording=recording))
