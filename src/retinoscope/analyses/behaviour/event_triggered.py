"""Event-triggered activity: what every unit does around good and around bad events, or around events by name.

And two claims that others made by eye, measured: that neurons mostly become active only before an event, and that the
first principal component predicts good ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydantic
import scipy.stats
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.behaviour.convolutions import channel_means, layers_of, output_maps, sparse_maps
from retinoscope.analyses.behaviour.event_triggered_drawings import claims_caption, event_table, name_of, panels
from retinoscope.analyses.behaviour.event_triggered_measured import Measured, Predictors, episodes_of
from retinoscope.analyses.behaviour.events import Events, Kinds, Pace
from retinoscope.analyses.decisions import LeftOut, left_out
from retinoscope.analyses.declaration import RECORDING, Analysis, Given
from retinoscope.analyses.drawing import Drawing, FigureDrawing
from retinoscope.analyses.recorded import a_word, clock_attributes, require_same, words_attribute
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.before_events import BeforeEvents
from retinoscope.statistics.event_triggered import (
    EventTriggeredAverage,
    EventTriggeredEstimate,
    adjusted_p,
)
from retinoscope.statistics.predictive import PredictionEstimate
from retinoscope.statistics.sparseness import Sparseness

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

_SHARES = ("rising_before", "rising_only_after", "falling_before")


@parameters("event-triggered")
class EventTriggeredParameters:
    """Parameters of `event_triggered`."""

    seconds: float | None = setting(
        None,
        "time shown before and after an event; none for 2 s, or 16 decisions where the world has no time of its own",
        units="s",
        above=0,
    )
    tested_seconds: float | None = setting(
        None,
        "time before and after an event whose mean activity is tested; at most what is shown; none for 1 "
        "s, or 8 decisions",
        units="s",
        above=0,
    )
    isolation_seconds: float | None = setting(
        None,
        "an event that follows another within this time does not count; none for 1 s, or 8 decisions",
        units="s",
        least=0,
    )
    horizons_seconds: tuple[float, ...] | None = setting(
        None,
        "times within which an event of the first kind is predicted; above 0; none for 0.5, 1, 2, 4 s, or "
        "4, 8, 16, 32 decisions",
        units="s",
        fewest=1,
    )
    fewest_events: int = setting(10, "a kind of event that happened less often is left out", least=2)
    level: float = setting(
        0.05,
        "family-wise error rate at which a unit is called event-locked; the family is a layer, both sides",
        above=0,
        below=1,
    )
    shuffles: int = setting(500, "number of arrangements of shuffled events; enough for `level`", least=1)
    resamples: int = setting(200, "number of bootstrap samples over events", least=2)
    layers: tuple[str, ...] | None = setting(
        None,
        "none for those that stand for the network: the ends of the encoder's stages, the encoder's output and the "
        "memory; without the agent, those that are stored",
        fewest=1,
    )
    burn_in_steps: int | None = setting(
        None, "left out at the start of every episode; none for what `burn_in` finds", units="decisions", least=0
    )
    seed: int = setting(0, "seed of everything drawn at random", least=0)

    @pydantic.model_validator(mode="after")
    def _check(self) -> EventTriggeredParameters:
        if self.horizons_seconds and min(self.horizons_seconds) <= 0:
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
    """Measure the activity of every unit around events.

    Kinds are good and bad events, by the sign of their valence, where a world has both; else its most frequent events,
    at most six. An event counts if it follows no other within `isolation_seconds`; rows with a good and a bad one do
    not. Times are counted in decisions where a world has no time of its own. Windows never leave their episode, nor
    reach into the burn-in at its start; events whose windows would are left out. Further events after an event stay in
    its window, as they do for shuffled events.

    Args:
        recording: what the agent saw and computed.
        agent: who was recorded; needed for convolutions, of which the mean over each channel's map is taken.
        given: the Results of `convolutions` and `burn_in`, if they are at hand.
        parameters: see `EventTriggeredParameters`; single ones may be given by name instead.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `EventTriggeredParameters` that replace those of `parameters`.

    Returns:
        A Result over `kind`, `side` (before, after) and `lag` (decisions; 0 is the last observation before the event),
        with, for every layer (here fc): `fc_mean`, `fc_low`, `fc_high` (kind, lag, fc_unit), mean
        over events with 95% bootstrap interval over events; `fc_shuffled_mean`, `fc_shuffled_low`, `fc_shuffled_high`
        (kind, fc_unit), with events shuffled within episodes; `fc_score` (kind, side, fc_unit), in standard deviations
        of shuffled events, and `fc_p`, valid for the whole layer. Shares of units, by (kind, layer) with Wilson's 95%
        intervals `..._low`, `..._high`: `rising_before`, `rising_only_after`, `falling_before`;
        `beyond_by_chance`, their mean share in shuffled events. Of the encoder's output (attribute
        `encoded`; of a map, attribute `encoded_is_map`, all units; NaN where it is neither recorded nor can be computed
        again): `sparseness` and `active` with intervals over episodes, but for a map `lifetime_sparseness`;
        `before_ratio`, how many more of its units are active within `tested_seconds` before an
        event than at other times. `auc` (predictor, horizon) with interval over episodes and band by chance, for events
        of the first kind (attribute `predicted`). A kind with too few events has NaN.

    Raises:
        UserError: a parameter is wrong, or agent and recording do not belong together.
        NotMeasurable: there are no events, or too few.
    """
    chosen = with_settings(parameters or EventTriggeredParameters(), settings)
    if agent is not None:
        require_same(recording, agent)
    layers = layers_of(agent, recording) if chosen.layers is None else chosen.layers
    start = left_out(recording, None, chosen.burn_in_steps, agent=agent, given=given)
    pace, kinds = Pace.of(recording, chosen), Kinds.of(recording)
    _require_long_episodes(recording, pace, start.steps)
    _require_events(recording, _count_events(recording, kinds, pace, start.steps), chosen.fewest_events, pace)
    predictors = Predictors.of(recording, start.steps)
    # Of a map, what is stored nowhere is computed again.
    stored, maps = recording.layers_of("encoder output"), output_maps(agent, recording)
    encoded = next(iter((*stored, *maps)), "")
    sparse = None if stored or encoded not in layers else sparse_maps(recording, agent, encoded, given, progress)
    measured = Measured(layers, kinds, encoded, pace, predictors, chosen, sparse)
    means = channel_means(recording, agent, layers, given, progress)
    with progress_bar("decisions around events", recording.frames, progress) as advance:
        for episode in episodes_of(recording, means, layers, start.steps, predictors.has_critic):
            measured.add(episode)
            advance(episode.rows)
    return _result(recording, measured, start, pace, chosen)


def _count_events(recording: Recording, kinds: Kinds, pace: Pace, burn_in: int) -> dict[str, int]:
    counts = dict.fromkeys(kinds.names, 0)
    for each in recording.episodes:
        start = each.start + burn_in
        if start >= each.stop:
            continue
        events = Events(recording.rows(start, each.stop, ("events",))["events"].values, kinds)
        first, places = pace.window.positions(each.stop - start)
        for kind in kinds.names:
            rows = events.isolated(kind, pace.gap)
            counts[kind] += int(((rows >= first) & (rows < first + places)).sum())
    return counts


def _require_long_episodes(recording: Recording, pace: Pace, burn_in: int) -> None:
    """More decisions of the same would not help where no episode is as long as a window."""
    longest = max(each.stop - each.start for each in recording.episodes)
    _, places = pace.window.positions(longest - burn_in)
    if places:
        return
    start = f", of which the first {burn_in} are left out as the memory's start-up" if burn_in else ""
    side = (longest - burn_in) // 2
    advice = "record longer episodes"
    if side >= 1:
        # Never rounded up to a time that takes one decision more.
        fits = np.floor(side * pace.per_decision * 100 + 1e-6) / 100
        advice = f"with event_triggered.seconds={fits:g} or less a window fits"
    raise NotMeasurable(
        f"{recording.path}: the longest episode has {longest} decisions{start}, and ±{pace.seconds:g} {pace.units} "
        f"around an event take {pace.window.before + pace.window.after}; {advice} "
        "(an event that ends its episode has nothing behind it, and is never counted)"
    )


def _require_events(recording: Recording, counts: dict[str, int], fewest: int, pace: Pace) -> None:
    most = max(counts.values())
    ending = "" if most else _said_of_ending_events(recording, list(counts))
    if ending:
        raise NotMeasurable(
            f"{recording.path}: event-triggered activity needs what lies before and behind an event, and {ending}"
        )
    if most < fewest:
        found = " and ".join(f"{count} {kind}" for kind, count in counts.items())
        more = f"about {-(-recording.frames * fewest // most):,} frames" if most else "many more frames"
        raise NotMeasurable(
            f"{recording.path}: event-triggered activity needs at least {fewest} events of a kind that stand alone, "
            f"with the whole window around them inside their episode; there are {found} in {recording.frames:,} "
            f"frames; record {more}, or give a window shorter than event_triggered.seconds={pace.seconds:g}"
        )


def _said_of_ending_events(recording: Recording, names: list[str]) -> str:
    """That each event is the last of its episode, so that more of the same would not help; empty if one is not."""
    kinds, count = Kinds.of(recording), dict.fromkeys(names, 0)
    for each in recording.episodes:
        happened = Events(recording.rows(each.start, each.stop, ("events",))["events"].values, kinds).happened
        for name in names:
            if happened[name][:-1].any():
                return ""
            count[name] += int(happened[name][-1:].sum())
    found = " and ".join(f"{number} {name}" for name, number in count.items() if number)
    return found and f"each that happened ({found}) is the last of its episode"


def _result(
    recording: Recording, measured: Measured, burn_in: LeftOut, pace: Pace, parameters: EventTriggeredParameters
) -> Result:
    lags, kinds, world = pace.window.lags, measured.kinds.names, recording.world
    variables: dict[str, Any] = {}
    shares: dict[str, np.ndarray] = {}
    for index, name in enumerate(measured.layers):
        averages = {kind: measured.averages[name, kind] for kind in kinds}
        described, of_layer = _describe_layer(name, averages, parameters)
        variables |= described
        for key, values in of_layer.items():
            shares.setdefault(key, np.full((len(kinds), len(measured.layers)), np.nan))[:, index] = values
    variables |= {key: (("kind", "layer"), values, {"units": "1"}) for key, values in shares.items()}
    variables |= _describe_claims(measured, parameters.seed)
    any_layer = measured.layers[0]
    variables["events"] = ("kind", [measured.averages[any_layer, kind].events for kind in kinds])
    variables["left_out"] = ("kind", [measured.averages[any_layer, kind].left_out for kind in kinds])
    data = xarray.Dataset(
        variables,
        coords={
            "kind": list(kinds),
            "side": ["before", "after"],
            "layer": list(measured.layers),
            "lag": ("lag", lags, {"units": "decisions", "long_name": "0: the last observation before the event"}),
            # The event is between lags 0 and 1.
            "seconds": ("lag", (lags - 0.5) * pace.per_decision, {"units": pace.units}),
            "horizon": ("horizon", np.array(pace.horizons) * pace.per_decision, {"units": pace.units}),
        },
        attrs={
            **clock_attributes(world.clock),
            "burn_in_steps": burn_in.steps,
            "event_words": words_attribute(world),
            "kinds_are_sides": int(measured.kinds.are_sides),  # netCDF knows no booleans
            "predicted": kinds[0],
            "encoded": measured.encoded if measured.encoded in measured.layers else "",
            "encoded_is_map": int(measured.is_map),
            "has_critic": int(measured.has_critic),
        },
    )
    data.attrs["caption"] = _caption(data, recording, measured, burn_in, pace, parameters)
    said = stated(parameters) | pace.stated() | {"layers": list(measured.layers), "burn_in_steps": burn_in.steps}
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


def _describe_claims(measured: Measured, seed: int) -> dict[str, Any]:
    """Sparseness of the encoder's output, its activity before events, predictions; NaN where there is too little."""
    sparseness = _sparseness(measured.sparseness, "" if measured.is_map else measured.encoded, seed)
    return sparseness | _before(measured.before) | _predictions(measured)


def _sparseness(accumulator: Sparseness | None, layer: str, seed: int) -> dict[str, Any]:
    names = [f"{name}{end}" for name in ("sparseness", "active") for end in ("", "_low", "_high")]
    try:
        found = accumulator.finalize(seed) if accumulator else None
    except UserError:
        found = None
    if found is None:
        return dict.fromkeys(names, ((), np.nan))
    values = [*found.population, *found.active]
    numbers: dict[str, Any] = {name: ((), value) for name, value in zip(names, values, strict=True)}
    if not layer:  # of a map, whose units are not told apart
        return numbers
    lifetime = (f"{layer}_unit", found.lifetime, {"units": "1", "long_name": "lifetime sparseness"})
    return numbers | {"lifetime_sparseness": lifetime}


def _before(accumulator: BeforeEvents) -> dict[str, Any]:
    names = ("before_ratio", "before_ratio_low", "before_ratio_high", "before_chance_low", "before_chance_high")
    try:
        found = accumulator.finalize()
    except UserError:
        return dict.fromkeys((*names, "before_p", "before_time_share"), ((), np.nan))
    values = (*found.ratio, found.chance_low, found.chance_high)
    extra = {"before_p": ((), found.p), "before_time_share": ((), found.time_share)}
    return {name: ((), value) for name, value in zip(names, values, strict=True)} | extra


def _predictions(measured: Measured) -> dict[str, Any]:
    table: dict[tuple[str, int], PredictionEstimate | None] = {}
    for key, prediction in measured.predictions.items():
        try:
            table[key] = prediction.finalize()
        except UserError:
            table[key] = None
    predictors, horizons = measured.predictors, measured.pace.horizons
    variables: dict[str, Any] = {"predictor": ("predictor", np.array(predictors, dtype=str))}
    for field in ("auc", "low", "high", "chance_low", "chance_high", "p", "positives", "negatives"):
        values = [[getattr(table[name, horizon], field, np.nan) for horizon in horizons] for name in predictors]
        found = np.array(values, float).reshape(len(predictors), len(horizons))
        variables[field if field == "auc" else f"auc_{field}"] = (("predictor", "horizon"), found, {"units": "1"})
    return variables


def _caption(
    data: xarray.Dataset,
    recording: Recording,
    measured: Measured,
    burn_in: LeftOut,
    pace: Pace,
    parameters: EventTriggeredParameters,
) -> str:
    """What was counted as an event, how many there are, and how chance is measured."""
    words, kinds, units, counts = recording.world.words, measured.kinds, pace.units, []
    for kind in kinds.names:
        count = int(data["events"].sel(kind=kind))
        few = f" (not shown: fewer than {parameters.fewest_events})" if count < parameters.fewest_events else ""
        counts.append(f"{count:,} {name_of(data, kind, words.events)}{few}")
    listed = f"{', '.join(counts[:-1])} and {counts[-1]}" if counts[1:] else counts[0]
    is_one = "An event counts if it" if words.event == "event" else f"An event is {a_word(words.event)} that"
    said = [
        f"n = {listed} in {measured.episodes} episodes. {is_one} follows no other within "
        f"{pace.isolation_seconds:g} {units}; {int(data['left_out'].sum())} whose window of ±{pace.seconds:g} {units} "
        f"would leave its episode are left out."
    ]
    if not kinds.are_sides:
        said.append(
            "There are not both good and bad events in this world, and each event is a kind of its own"
            + (f"; {kinds.left_out} less frequent ones are not looked at." if kinds.left_out else ".")
        )
    if units != "s":
        said.append("This world has no time of its own: times are numbers of decisions.")
    said.append(
        f"Burn-in: {burn_in.rule}. Chance: {parameters.shuffles} times, all events of each "
        f"episode are shifted together by a random time within it. A unit is event-locked if its mean over the "
        f"{pace.tested_seconds:g} {units} before or after differs from chance at p ≤ {parameters.level:g}, family-wise "
        "over all units of the layer and both sides (maximum statistic)."
    )
    return " ".join(said)


def _draw(result: Result) -> list[Drawing]:
    from retinoscope import figures
    from retinoscope.figures.words import words_of

    name, data = "event_triggered", result.data
    caption, words = data.attrs["caption"], words_of(data)
    is_map = data.attrs.get("encoded_is_map", 0)  # Results of before have none
    shown = (not is_map and data.attrs["encoded"]) or str(data["layer"].values[-1])
    first = name_of(data, str(data["kind"].values[0]), words.events)
    units = (
        f"{caption} Lines: mean over events; bands: 95% bootstrap interval over events; grey: 95% of shuffled events."
    )
    every = (
        f"{caption} Colour: mean over events, in standard deviations of its shuffled mean; units sorted by their mean "
        f"before the {words.event}. Ticks at the left edge of a panel mark units that are event-locked before the "
        f"{words.event}, at the right edge after it."
    )
    return [
        FigureDrawing(name, f"All units around {words.events}", every, lambda: figures.event_triggered(result)),
        FigureDrawing(
            f"{name}_units",
            f"Units of {shown} most tied to {first}",
            units,
            lambda: figures.event_triggered_units(result, shown),
        ),
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
    title="Activity around events",
    group="behaviour",
    summary="What every unit does around good and around bad events, or events by name, against shuffled events.",
    run=event_triggered,
    parameters=EventTriggeredParameters,
    of="recording",
    needs=(RECORDING,),
    builds_on=("convolutions", "burn_in"),
    draw=_draw,
    explore=panels,
    rank=30,
    methods="""
        The activity of all units of {{ layers | listed }} (of a convolution, the mean of each channel) was
        averaged around events ({% for kind in labels.kind %}{{ found.events[loop.index0] }} {{ kind }}{{ "" if
        loop.last else ", " }}{% endfor %}), from {{ seconds }} {{ words.clock_units }} before to {{ seconds }}
        {{ words.clock_units }} after them. An event counts if it follows no other within {{ isolation_seconds
        }} {{ words.clock_units }}; kinds with fewer than {{ fewest_events }} are left out{% if burn_in_steps
        %}, and so are the first {{ burn_in_steps }} decisions of every episode{% endif %}. Means have {{
        interval }}% bootstrap intervals over events ({{ resamples }} samples) [@efron1993]. For chance, the
        events of an episode were shifted together by a random number of decisions around it, {{ shuffles }}
        times, which keeps their spacing and the correlation of the activity in time. A unit counts as locked to
        events if its mean within {{ tested_seconds }} {{ words.clock_units }} before or after them lies beyond
        that of shuffled events at a family-wise error rate of {{ level }}; the family are all units of a layer
        and both sides, and it is judged by the maximum over them [@westfall1993]. Shares of units have Wilson's
        {{ interval }}% intervals [@wilson1927]. {% if "encoded" in words %}The sparseness of {{ words.encoded
        }} is that of Treves and Rolls [@treves1991; @vinje2000].{% endif %} {% if "predicted" in words %}How
        well {{ labels.predictor | listed }} tell whether an event ({{ words.predicted }}) follows within {{
        horizons_seconds | listed }} {{ words.clock_units }} is given as the area under the ROC curve.{% endif
        %} (Seed {{ seed }}.)
    """,
)
