"""What is measured of one checkpoint: behaviour, dimensions, tuning to events, receptive fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.behaviour.burn_in import burn_in, choose_burn_in
from retinoscope.analyses.behaviour.event_triggered import event_triggered
from retinoscope.analyses.behaviour.layer_components import fit_layers
from retinoscope.analyses.declaration import Given
from retinoscope.analyses.early_vision.receptive_fields import receptive_fields
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, provenance
from retinoscope.statistics.bootstrap import Interval, bootstrap_interval, ratio_of_sums

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

ENDS = ("", "_low", "_high")
"""Of the names of a number and of the ends of its interval."""

_SOON = {"s": 1.0, "decisions": 8.0}
"""Within which time of the world's clock an event is to be foreseen; of the horizons that there are, the nearest."""


def numbers_measured(recording: Recording) -> dict[str, dict[str, str]]:
    """What is measured of every checkpoint, each with its 95% interval: name -> attributes for people.

    Those of behaviour and of foreseeing events are there as far as the world knows good or bad events, those of layers
    as far as there are layers of these roles.
    """
    world, per = recording.world, rate_of(recording)[1]
    words, found = world.words, {}

    def note(name: str, long_name: str, label: str, axis: str) -> None:
        found[name] = {"long_name": long_name, "label": label, "axis": axis}

    for name, word, is_there in zip(
        ("positive", "negative"),
        (words.positive, words.negative),
        ((world.valences > 0).any(), (world.valences < 0).any()),
        strict=True,
    ):
        if is_there:
            note(name, f"{word} {words.events} {per}", word, per)
    if world.events and not found:
        note("events", f"{words.events} {per}", words.events, per)
    note("terminated", f"{world.endings.terminations} {per}", world.endings.terminations, per)
    for layer in recording.layers_of("encoder output", "memory"):
        title = f"participation ratio of {layer}, dimensions"
        note(f"participation_{layer}", title, layer, "participation ratio,\ndimensions")
    encoder, kind = _encoder(recording), _kind(recording)
    if encoder is not None and kind is not None:
        soon = f"within {_SOON[world.clock.units]:g} {world.clock.units}"
        shares = f"{encoder}: sparseness, share of units"
        note("sparseness", f"population sparseness of {encoder} (Treves & Rolls)", f"sparseness of {encoder}", shares)
        note("rising_before", f"share of units of {encoder} that rise before {kind}", "share rising before", shares)
        note(
            "pc1_auc",
            f"AUC of PC1 of {encoder} for {kind} {soon}",
            f"PC1 of {encoder}",
            f"AUC for {kind}\n{soon}",
        )
    return found


def rate_of(recording: Recording) -> tuple[float, str]:
    """Decisions over which events are counted, and how that is said: a minute, or 100 where the world has no time."""
    clock = recording.world.clock
    return (60 / clock.per_decision, "per minute") if clock.units == "s" else (100.0, "per 100 decisions")


def _encoder(recording: Recording) -> str | None:
    """The layer whose tuning to events is measured."""
    return next(iter(recording.layers_of("encoder output")), None)


def _kind(recording: Recording) -> str | None:
    """The kind of events that are to be foreseen: the good ones, or the only one; None where that is not certain."""
    world = recording.world
    if (world.valences > 0).any() and (world.valences < 0).any():
        return world.words.positive
    return world.events[0].name if len(world.events) == 1 else None


def measure_checkpoint(agent: Agent, recording: Recording, shuffles: int, seed: int, *, fields: bool = True) -> Result:
    """Measure one checkpoint on what it played.

    Args:
        agent: the checkpoint.
        recording: of it.
        shuffles: of the event-triggered activity.
        seed: of everything drawn at random.
        fields: measure receptive fields too.

    Returns:
        A Result with the numbers of `numbers_measured` (), each with `..._low` and `..._high`, NaN where it cannot be
        measured; and, if so asked, the receptive fields of every convolution under its name, as in `receptive_fields`.
    """
    given = _start_up(agent, recording)
    steps = choose_burn_in(recording, agent=agent, given=given).steps
    numbers = numbers_measured(recording)
    found = dict.fromkeys(numbers, Interval(np.nan, np.nan, np.nan)) | _behaviour(recording)
    for layer in recording.layers_of("encoder output", "memory"):
        try:
            fitted = fit_layers(recording, [layer], burn_in_steps={layer: steps})[layer]
        except UserError:
            continue
        found[f"participation_{layer}"] = Interval(*fitted.participation_ratio)
    found |= _events(agent, recording, given, shuffles, seed)
    variables: dict[str, Any] = {}
    for name, about in numbers.items():
        ends = zip(ENDS, found[name], strict=True)
        variables |= {f"{name}{end}": ((), value, about) for end, value in ends}
    maps = [each for each in agent.policy.layers if each.kind == "convolution" and each.is_map]
    convolutions = [each.name for each in maps] if fields else []
    if convolutions:
        measured = receptive_fields(agent, layers=tuple(convolutions), seed=seed).data
        variables |= {name: (measured[name].dims, measured[name].values) for name in convolutions}
    data, where = xarray.Dataset(variables), provenance(agent=agent, recording=recording)
    return Result("training_progress_checkpoint", data, {"convolutions": convolutions}, where)


def _start_up(agent: Agent, recording: Recording) -> Given:
    """The burn-in, measured once for all that leave it out; nothing where it cannot be measured."""
    try:
        return {"burn_in": burn_in(recording, agent=agent)}
    except NotMeasurable:
        return {}


def _behaviour(recording: Recording) -> dict[str, Interval]:
    """Events and ends of episodes per minute, with intervals over episodes."""
    world, (decisions, _) = recording.world, rate_of(recording)
    kinds = {"positive": world.valences > 0, "negative": world.valences < 0, "events": world.valences == 0}
    counted = {name: kinds[name] for name in numbers_measured(recording) if name in kinds}
    table = []
    for each in recording.episodes:
        happened: list[float] = []
        if counted:
            counts = recording.rows(each.start, each.stop, ("events",))["events"].values.sum(axis=0)
            happened = [counts[which].sum() for which in counted.values()]
        table.append((*happened, float(each.terminated), (each.stop - each.start) / decisions))
    values = np.array(table, float)
    found = {}
    for column, name in enumerate((*counted, "terminated")):
        pair = values[:, [column, -1]]
        if len(pair) < 2:
            found[name] = Interval(float(pair[0, 0] / pair[0, 1]), np.nan, np.nan)
        else:
            found[name] = bootstrap_interval(pair, ratio_of_sums, resamples=2000)
    return found


def _events(agent: Agent, recording: Recording, given: Given, shuffles: int, seed: int) -> dict[str, Interval]:
    layer, kind = _encoder(recording), _kind(recording)
    if layer is None or kind is None:
        return {}
    settings: dict[str, Any] = {"layers": (layer,), "shuffles": shuffles, "seed": seed}
    try:
        data = event_triggered(recording, agent=agent, given=given, **settings).data
    except NotMeasurable:
        return {}
    rising = data.sel(kind=kind, layer=layer)
    soon = _SOON[recording.world.clock.units]
    auc = data.sel(predictor=f"PC1 of {layer}").isel(horizon=int(np.abs(data["horizon"].values - soon).argmin()))
    return {
        "sparseness": Interval(*(float(data[f"sparseness{end}"]) for end in ENDS)),
        "rising_before": Interval(*(float(rising[f"rising_before{end}"]) for end in ENDS)),
        "pc1_auc": Interval(*(float(auc[name]) for name in ("auc", "auc_low", "auc_high"))),
    }
