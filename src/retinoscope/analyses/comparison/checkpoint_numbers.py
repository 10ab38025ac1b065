"""What is measured of one checkpoint: behaviour, dimensions, tuning to pick-ups, receptive fields."""

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
from retinoscope.analyses.recorded import seconds_per_decision
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, provenance
from retinoscope.statistics.bootstrap import Interval, bootstrap_interval, ratio_of_sums

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

NUMBERS = {
    "healing": "healing pick-ups per minute",
    "harmful": "harmful pick-ups per minute",
    "deaths": "deaths per minute",
    "participation_fc": "participation ratio of fc, dimensions",
    "participation_rnn": "participation ratio of rnn, dimensions",
    "sparseness": "population sparseness of fc (Treves & Rolls)",
    "rising_before": "share of units of fc that rise before healing",
    "pc1_auc": "AUC of PC1 of fc for healing within 1 s",
}
"""What is measured of every checkpoint, each with its 95% interval."""

ENDS = ("", "_low", "_high")
"""Of the names of a number and of the ends of its interval."""


def measure_checkpoint(agent: Agent, recording: Recording, shuffles: int, seed: int) -> Result:
    """Measure one checkpoint on what it played.

    Args:
        agent: the checkpoint.
        recording: of it.
        shuffles: of the event-triggered activity.
        seed: of everything drawn at random.

    Returns:
        A Result with the numbers of `NUMBERS` (), each with `..._low` and `..._high`, NaN where it cannot be measured;
        and the receptive fields of every convolution under its name, as in `receptive_fields`.
    """
    given = _start_up(agent, recording)
    steps = choose_burn_in(recording, agent=agent, given=given).steps
    found: dict[str, Interval] = dict.fromkeys(NUMBERS, Interval(np.nan, np.nan, np.nan)) | _behaviour(recording)
    for layer in recording.attributes["layers"]:
        if f"participation_{layer}" in NUMBERS:
            try:
                fitted = fit_layers(recording, [layer], burn_in_steps={layer: steps})[layer]
            except UserError:
                continue
            found[f"participation_{layer}"] = Interval(*fitted.participation_ratio)
    found |= _events(agent, recording, given, shuffles, seed)
    variables: dict[str, Any] = {}
    for name, triple in found.items():
        variables |= {f"{name}{end}": ((), value) for end, value in zip(ENDS, triple, strict=True)}
    convolutions = [each.name for each in agent.policy.layers if each.kind == "convolution"]
    if convolutions:
        fields = receptive_fields(agent, layers=tuple(convolutions), seed=seed).data
        variables |= {name: (fields[name].dims, fields[name].values) for name in convolutions}
    data, where = xarray.Dataset(variables), provenance(agent=agent, recording=recording)
    return Result("training_progress_checkpoint", data, {"convolutions": convolutions}, where)


def _start_up(agent: Agent, recording: Recording) -> Given:
    """The burn-in, measured once for all that leave it out; nothing where it cannot be measured."""
    try:
        return {"burn_in": burn_in(recording, agent=agent)}
    except NotMeasurable:
        return {}


def _behaviour(recording: Recording) -> dict[str, Interval]:
    """Pick-ups and deaths per minute, with intervals over episodes."""
    effects = np.asarray(recording.attributes["class_effects"])
    minute = 60 / seconds_per_decision(recording)  # decisions
    table = []
    for each in recording.episodes:
        counts = recording.rows(each.start, each.stop, ("pickups",))["pickups"].values.sum(axis=0)
        healing, harmful = counts[effects > 0].sum(), counts[effects < 0].sum()
        table.append((healing, harmful, float(each.terminated), (each.stop - each.start) / minute))
    values = np.array(table, float)
    found = {}
    for column, name in enumerate(("healing", "harmful", "deaths")):
        pair = values[:, [column, 3]]
        if len(pair) < 2:
            found[name] = Interval(float(pair[0, 0] / pair[0, 1]), np.nan, np.nan)
        else:
            found[name] = bootstrap_interval(pair, ratio_of_sums, resamples=2000)
    return found


def _events(agent: Agent, recording: Recording, given: Given, shuffles: int, seed: int) -> dict[str, Interval]:
    if "fc" not in recording.attributes["layers"]:
        return {}
    settings: dict[str, Any] = {"layers": ("fc",), "shuffles": shuffles, "seed": seed}
    try:
        data = event_triggered(recording, agent=agent, given=given, **settings).data
    except NotMeasurable:
        return {}
    rising = data.sel(kind="healing", layer="fc")
    auc = data.sel(predictor="PC1 of fc").isel(horizon=int(np.abs(data["horizon"].values - 1).argmin()))
    return {
        "sparseness": Interval(*(float(data[f"sparseness{end}"]) for end in ENDS)),
        "rising_before": Interval(*(float(rising[f"rising_before{end}"]) for end in ENDS)),
        "pc1_auc": Interval(*(float(auc[name]) for name in ("auc", "auc_low", "auc_high"))),
    }
