"""From sums around events to the variables and words of a Result."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray

from retinoscope.analyses.behaviour.event_triggered_parameters import KINDS, EventTriggeredParameters, Pace
from retinoscope.errors import UserError
from retinoscope.statistics.before_events import BeforeEvents
from retinoscope.statistics.event_triggered import (
    EventTriggeredAverage,
    EventTriggeredEstimate,
    adjusted_p,
    wilson_interval,
)
from retinoscope.statistics.predictive import Prediction, PredictionEstimate
from retinoscope.statistics.sparseness import Sparseness

_SHARES = ("rising_before", "rising_only_after", "falling_before")


def describe_layer(
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
        shares[f"{name}_low"], shares[f"{name}_high"] = wilson_interval(count, units)
    shuffled = np.abs(np.nan_to_num(estimate.shuffled_score))
    threshold = np.quantile(shuffled.max(axis=(1, 2)), 1 - level)
    shares["beyond_by_chance"] = float((shuffled[:, 0] > threshold).mean())
    return shares


def describe_claims(
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


def event_caption(
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
