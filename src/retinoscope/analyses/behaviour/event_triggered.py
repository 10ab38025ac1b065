"""Event-triggered activity: what every unit does around healing and around harmful pick-ups.

And two claims that others made by eye, measured: that neurons mostly become active only before a pick-up, and that the
first principal component predicts positive changes of health.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pydantic
import scipy.stats
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.behaviour.burn_in import MEMORY
from retinoscope.analyses.behaviour.convolutions import channel_means, layers_of, unit_blocks
from retinoscope.analyses.behaviour.event_triggered_drawings import claims_caption, event_table
from retinoscope.analyses.behaviour.pickup_events import KINDS, Pace, PickUps
from retinoscope.analyses.decisions import LeftOut, left_out
from retinoscope.analyses.declaration import RECORDING, Analysis, Given
from retinoscope.analyses.drawing import Drawing, FigureDrawing
from retinoscope.analyses.recorded import require_same
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.before_events import BeforeEvents
from retinoscope.statistics.covariance import Covariance
from retinoscope.statistics.event_triggered import (
    EventTriggeredAverage,
    EventTriggeredEstimate,
    adjusted_p,
)
from retinoscope.statistics.predictive import Prediction, PredictionEstimate, follows_within
from retinoscope.statistics.principal_components import exact_components
from retinoscope.statistics.sparseness import Sparseness

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

ENCODED = "fc"
"""The layer whose sparseness is measured: what the encoder hands to the memory."""

_BLOCK = 512
_SHARES = ("rising_before", "rising_only_after", "falling_before")


@parameters("event-triggered")
class EventTriggeredParameters:
    """Parameters of `event_triggered`."""

    seconds: float = setting(2.0, "shown before and after a pick-up", units="s", above=0)
    tested_seconds: float = setting(
        1.0, "before and after it, whose mean is tested; at most what is shown", units="s", above=0
    )
    isolation_seconds: float = setting(
        1.0, "a pick-up that follows another within this time is no event of its own", units="s", least=0
    )
    horizons_seconds: tuple[float, ...] = setting(
        (0.5, 1.0, 2.0, 4.0), "in which a healing pick-up is predicted; above 0", units="s", fewest=1
    )
    fewest_events: int = setting(10, "of a kind, below which it is not looked at", least=2)
    level: float = setting(
        0.05,
        "family-wise error rate at which a unit is called event-locked; the family is a layer, both sides",
        above=0,
        below=1,
    )
    shuffles: int = setting(500, "arrangements of shuffled events; enough for `level`", least=1)
    resamples: int = setting(200, "bootstrap samples over events", least=2)
    layers: tuple[str, ...] | None = setting(
        None, "none for all convolutions, fc and rnn; without the agent, those that are stored", fewest=1
    )
    burn_in_steps: int | None = setting(
        None, "left out at the start of every episode; none for what `burn_in` finds", units="decisions", least=0
    )
    seed: int = setting(0, "of everything drawn at random", least=0)

    @pydantic.model_validator(mode="after")
    def _check(self) -> EventTriggeredParameters:
        if self.tested_seconds > self.seconds:
            raise UserError(
                f"event-triggered: tested_seconds is {self.tested_seconds:g}; give at most seconds ({self.seconds:g})"
            )
        if min(self.horizons_seconds) <= 0:
            raise UserError(f"event-triggered: horizons_seconds has {min(self.horizons_seconds):g}; give times above 0")
        if self.shuffles * self.level < 1:
            raise UserError(
                f"event-triggered: {self.shuffles} shuffles cannot show p = {self.level}; give {1 / self.level:.0f} "
                "or more"
            )
        return self


def event_triggered(
    recording: Recording,
    *,
    agent: Agent | None = None,
    given: Given | None = None,
    parameters: EventTriggeredParameters | None = None,
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
        given: the Results of `convolutions` and `burn_in`, if they are at hand.
        parameters: see `EventTriggeredParameters`; single ones may be given by name instead.
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
    chosen = with_settings(parameters or EventTriggeredParameters(), settings)
    if agent is not None:
        require_same(recording, agent)
    layers = layers_of(agent, recording) if chosen.layers is None else chosen.layers
    start = left_out(recording, MEMORY, chosen.burn_in_steps, agent=agent, given=given)
    pace = Pace.of(recording, chosen)
    _require_events(recording, _count_events(recording, pace, start.steps), chosen.fewest_events)
    predictors = _Predictors.of(recording, start.steps)
    measured = _Measured(recording, layers, pace, predictors, chosen)
    means = channel_means(recording, agent, layers, given, progress)
    with progress_bar("decisions around events", recording.frames, progress) as advance:
        for episode in _episodes(recording, means, layers, start.steps):
            measured.add(episode)
            advance(episode.rows)
    return _result(recording, measured, start, pace, chosen)


@dataclass(frozen=True)
class _EpisodeActivity:
    """One episode behind its burn-in: `activity` of each layer (row, unit), `pickups` (row, class), `value` (row,)."""

    number: int
    rows: int
    activity: dict[str, np.ndarray]
    pickups: np.ndarray
    value: np.ndarray


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
    recording: Recording, means: Mapping[str, np.ndarray], layers: tuple[str, ...], burn_in: int
) -> Iterator[_EpisodeActivity]:
    for number, each in enumerate(recording.episodes):
        names = (*layers, "pickups", "value")
        parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
        start = each.start + burn_in
        for block in unit_blocks(recording, layers, means, _BLOCK, ("pickups", "value"), start, each.stop):
            for name in names:
                parts[name].append(block[name].values)
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
    def of(cls, recording: Recording, burn_in: int) -> _Predictors:
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
    recording: Recording, measured: _Measured, burn_in: LeftOut, pace: Pace, parameters: EventTriggeredParameters
) -> Result:
    lags = pace.window.lags
    variables: dict[str, Any] = {}
    shares: dict[str, np.ndarray] = {}
    for index, name in enumerate(measured.layers):
        averages = {kind: measured.averages[name, kind] for kind in KINDS}
        described, of_layer = _describe_layer(name, averages, parameters)
        variables |= described
        for key, values in of_layer.items():
            shares.setdefault(key, np.full((len(KINDS), len(measured.layers)), np.nan))[:, index] = values
    variables |= {key: (("kind", "layer"), values, {"units": "1"}) for key, values in shares.items()}
    variables |= _describe_claims(measured.sparseness, measured.before, measured.predictions, parameters.seed)
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
    data.attrs["caption"] = _caption(data, burn_in.rule, measured.episodes, pace, parameters)
    said = stated(parameters) | {"layers": list(measured.layers), "burn_in_steps": burn_in.steps}
    return Result("event_triggered", data, said, provenance(recording=recording))


def _describe_layer(
    name: str, averages: dict[str, EventTriggeredAverage], parameters: EventTriggeredParameters
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The variables of one layer, and its shares of units by kind."""
    unit = f"{name}_unit"
    dimensions = {
        "mean": ("kind", "lag", unit),
        "low": ("kind", "lag", unit),
        "high": ("kind", "lag", unit),
        "shuffled_mean": ("kind", unit),
        "shuffled_low": ("kind", unit),
        "shuffled_high": ("kind", unit),
        "score": ("kind", "side", unit),
    }
    enough = [average.events >= parameters.fewest_events for average in averages.values()]
    estimates = [average.finalize() if each else None for average, each in zip(averages.values(), enough, strict=True)]
    one = next(each for each in estimates if each is not None)
    variables: dict[str, Any] = {}
    for key, dimension in dimensions.items():
        missing = np.full(getattr(one, key).shape, np.nan)
        values = np.stack([missing if each is None else getattr(each, key) for each in estimates])
        variables[f"{name}_{key}"] = (dimension, values.astype(np.float32), {"units": "activity"})
    variables[f"{name}_score"][2]["units"] = "standard deviations of shuffled events"
    missing = np.full(one.score.shape, np.nan)
    p_values = [missing if each is None else adjusted_p(each.score, each.shuffled_score) for each in estimates]
    variables[f"{name}_p"] = (("kind", "side", unit), np.stack(p_values), {"units": "1"})
    shares = [
        _shares(estimate, p, parameters.level) if estimate else {}
        for estimate, p in zip(estimates, p_values, strict=True)
    ]
    keys = [f"{share}{end}" for share in _SHARES for end in ("", "_low", "_high")] + ["beyond_by_chance"]
    return variables, {key: np.array([each.get(key, np.nan) for each in shares]) for key in keys}


def _shares(estimate: EventTriggeredEstimate, p: np.ndarray, level: float) -> dict[str, float]:
    locked, units = p <= level, p.shape[1]
    rises, falls = locked & (estimate.score > 0), locked & (estimate.score < 0)
    found = {
        "rising_before": rises[0],
        "rising_only_after": rises[1] & ~locked[0],
        "falling_before": falls[0],
    }
    shares: dict[str, float] = {}
    for name, which in found.items():
        count = int(which.sum())
        shares[name] = count / units
        interval = scipy.stats.binomtest(count, units).proportion_ci(method="wilson")
        shares[f"{name}_low"], shares[f"{name}_high"] = interval.low, interval.high
    shuffled = np.abs(np.nan_to_num(estimate.shuffled_score))
    threshold = np.quantile(shuffled.max(axis=(1, 2)), 1 - level)
    shares["beyond_by_chance"] = float((shuffled[:, 0] > threshold).mean())
    return shares


def _describe_claims(
    sparseness: Sparseness | None,
    before: BeforeEvents,
    predictions: dict[tuple[str, int], Prediction],
    seed: int,
) -> dict[str, Any]:
    """Sparseness of fc, its activity before pick-ups, and what predicts healing; NaN where there is too little."""
    return _sparseness(sparseness, seed) | _before(before) | _predictions(predictions)


def _sparseness(accumulator: Sparseness | None, seed: int) -> dict[str, Any]:
    names = [f"{name}{end}" for name in ("sparseness", "active") for end in ("", "_low", "_high")]
    try:
        found = accumulator.finalize(seed) if accumulator else None
    except UserError:
        found = None
    if found is None:
        return dict.fromkeys(names, ((), np.nan))
    values = [*found.population, *found.active]
    lifetime = ("fc_unit", found.lifetime, {"units": "1", "long_name": "lifetime sparseness"})
    return {name: ((), value) for name, value in zip(names, values, strict=True)} | {"lifetime_sparseness": lifetime}


def _before(accumulator: BeforeEvents) -> dict[str, Any]:
    names = ("before_ratio", "before_ratio_low", "before_ratio_high", "before_chance_low", "before_chance_high")
    try:
        found = accumulator.finalize()
    except UserError:
        return dict.fromkeys((*names, "before_p", "before_time_share"), ((), np.nan))
    values = (*found.ratio, found.chance_low, found.chance_high)
    extra = {"before_p": ((), found.p), "before_time_share": ((), found.time_share)}
    return {name: ((), value) for name, value in zip(names, values, strict=True)} | extra


def _predictions(predictions: dict[tuple[str, int], Prediction]) -> dict[str, Any]:
    predictors = list(dict.fromkeys(name for name, _ in predictions))
    horizons = list(dict.fromkeys(horizon for _, horizon in predictions))
    table: dict[tuple[str, int], PredictionEstimate | None] = {}
    for key, prediction in predictions.items():
        try:
            table[key] = prediction.finalize()
        except UserError:
            table[key] = None
    variables: dict[str, Any] = {"predictor": ("predictor", predictors)}
    for field in ("auc", "low", "high", "chance_low", "chance_high", "p", "positives", "negatives"):
        values = [[getattr(table[name, horizon], field, np.nan) for horizon in horizons] for name in predictors]
        name = field if field == "auc" else f"auc_{field}"
        variables[name] = (("predictor", "horizon"), np.array(values, float), {"units": "1"})
    return variables


def _caption(
    data: xarray.Dataset, burn_in_rule: str, episodes: int, pace: Pace, parameters: EventTriggeredParameters
) -> str:
    """What was counted as an event, how many there are, and how chance is measured."""
    counts = []
    for kind in KINDS:
        count = int(data["events"].sel(kind=kind))
        few = f" (not shown: fewer than {parameters.fewest_events})" if count < parameters.fewest_events else ""
        counts.append(f"{count:,} {kind} pick-ups{few}")
    left_out = int(data["left_out"].sum())
    return (
        f"n = {' and '.join(counts)} in {episodes} episodes. An event is a pick-up that follows no other within "
        f"{parameters.isolation_seconds:g} s; {left_out} whose window of ±{parameters.seconds:g} s would leave its "
        f"episode are left out. Burn-in: {burn_in_rule}. Chance: {parameters.shuffles} times, all events of each "
        f"episode are shifted together by a random time within it. A unit is event-locked if its mean over the "
        f"{parameters.tested_seconds:g} s before or after differs from chance at p ≤ {parameters.level:g}, family-wise "
        "over all units of the layer and both sides (maximum statistic)."
    )


def _draw(result: Result) -> list[Drawing]:
    from retinoscope import figures

    name, caption = "event_triggered", result.data.attrs["caption"]
    shown = "fc" if "fc_mean" in result.data else str(result.data["layer"].values[-1])
    of_units = f"Units of {shown} most tied to healing pick-ups"
    units = (
        f"{caption} Lines: mean over events; bands: 95% bootstrap interval over events; grey: 95% of shuffled events."
    )
    every = (
        f"{caption} Colour: mean over events, in standard deviations of its shuffled mean; units sorted by their mean "
        "before the pick-up. Ticks at the left edge of a panel mark units that are event-locked before the pick-up, at "
        "the right edge after it."
    )
    return [
        FigureDrawing(name, "All units around pick-ups", every, lambda: figures.event_triggered(result)),
        FigureDrawing(f"{name}_units", of_units, units, lambda: figures.event_triggered_units(result, shown)),
        FigureDrawing(
            f"{name}_claims",
            "Two claims, measured",
            claims_caption(result),
            lambda: figures.event_triggered_claims(result),
        ),
        event_table(result),
    ]


ANALYSIS = Analysis(
    name="event_triggered",
    title="Activity around pick-ups",
    group="behaviour",
    summary="What every unit does around healing and around harmful pick-ups, against shuffled pick-ups.",
    run=event_triggered,
    parameters=EventTriggeredParameters,
    of="recording",
    needs=(RECORDING,),
    builds_on=("convolutions", "burn_in"),
    draw=_draw,
    rank=30,
)
