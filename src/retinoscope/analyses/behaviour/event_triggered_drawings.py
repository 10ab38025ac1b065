"""The numbers of the event-triggered activity: as a table, in a caption, and as curves of every unit."""

from __future__ import annotations

import json

import numpy as np
import xarray

from retinoscope.analyses.drawing import TableDrawing
from retinoscope.analyses.exploring import Panel, Tone, UnitCurve, UnitCurvesPanel, table_panel
from retinoscope.analyses.recorded import a_word
from retinoscope.result import Result

# Sparseness of normal deviates around zero whose negative half is cut off: 1 - 1/pi.
_SPARSENESS_OF_NORMAL = 0.68


def name_of(data: xarray.Dataset, kind: str, events: str) -> str:
    """What events of a kind are called: `rewarded events`; of a kind of its own, `door opened`."""
    return f"{kind} {events}" if data.attrs["kinds_are_sides"] else kind


def claims_caption(result: Result) -> str:
    """What the two claims come to."""
    data, kind = result.data, result.data.attrs["predicted"]
    layer = data.attrs["encoded"] or str(data["layer"].values[-1])
    units_of = f"all units of the maps of {layer}" if data.attrs.get("encoded_is_map", 0) else layer
    event, tested = _words(data)[0], result.parameters["tested_seconds"]
    units = data.attrs["clock_units"]
    number = {str(name): float(data[name]) for name in data if data[name].ndim == 0}
    sentences = []
    if np.isfinite(float(data["rising_before"].sel(kind=kind, layer=layer))):
        before, after, chance = (
            float(data[name].sel(kind=kind, layer=layer))
            for name in ("rising_before", "rising_only_after", "beyond_by_chance")
        )
        sentences.append(
            f"Left: share of units whose mean rises before {a_word(event)}, and only after it (bars: Wilson's 95% "
            f"interval over units). Of {layer}, {before:.0%} rise before {kind} and {after:.0%} only after; by chance "
            f"{chance:.2%} would differ either way."
        )
    if np.isfinite(number.get("before_ratio", np.nan)):
        sentences.append(
            f"In the {tested:g} {units} before any {event} ({number['before_time_share']:.0%} "
            f"of the time), {number['before_ratio']:.2f} times as many units of {layer} are active as at other times "
            f"(95% interval over episodes {number['before_ratio_low']:.2f} to {number['before_ratio_high']:.2f}; "
            f"shuffled {number['before_chance_low']:.2f} to {number['before_chance_high']:.2f}; "
            f"p = {number['before_p']:.2g})."
        )
    if np.isfinite(number["sparseness"]):
        sentences.append(
            f"Active (above zero) are {_percent(number, 'active')} of {units_of} at a time; population sparseness "
            f"(Treves & Rolls) {number['sparseness']:.3f} "
            f"({number['sparseness_low']:.3f} to {number['sparseness_high']:.3f}; "
            f"0 dense, 1 one unit, {_SPARSENESS_OF_NORMAL} for normal deviates)."
        )
    if not data.attrs["encoded"]:
        sentences.append("The encoder's output is not at hand: nothing is said of how sparse it is.")
    sentences.append(
        f"Right: probability that the number is higher at a moment followed by {_followed_by(data)} than at one that "
        "is not (AUC), with 95% bootstrap interval over episodes; grey: 95% with outcomes shuffled within episodes. "
        + (
            "The sign of PC1 is chosen to agree with the critic's value, not with the outcome."
            if data.attrs["has_critic"]
            else "There is no critic to give PC1 a sign, and its largest weight is positive: an AUC below 0.5 says as "
            "much as one above."
        )
    )
    return " ".join(sentences)


def _words(data: xarray.Dataset) -> tuple[str, str]:
    """One event, and several."""
    _, _, event, events = json.loads(data.attrs["event_words"])
    return event, events


def _followed_by(data: xarray.Dataset) -> str:
    kind, event = data.attrs["predicted"], _words(data)[0]
    return a_word(f"{kind} {event}") if data.attrs["kinds_are_sides"] else f"“{kind}”"


def event_table(result: Result) -> TableDrawing:
    """Shares by layer and kind, then what is predicted."""
    data, units = result.data, result.data.attrs["clock_units"]
    rows: list[tuple[str | float, ...]] = []
    for layer in data["layer"].values:
        for kind in data["kind"].values:
            for share in ("rising_before", "rising_only_after", "falling_before"):
                found = [float(data[f"{share}{end}"].sel(kind=kind, layer=layer)) for end in ("", "_low", "_high")]
                if np.isfinite(found[0]):
                    chance = float(data["beyond_by_chance"].sel(kind=kind, layer=layer))
                    what = f"{layer}: share of units {share.replace('_', ' ')}, {kind}"
                    rows.append((what, *(round(each, 3) for each in found), f"{chance:.4f}"))
    for predictor in data["predictor"].values:
        for horizon in data["horizon"].values:
            at = data.sel(predictor=predictor, horizon=horizon)
            found = [float(at[name]) for name in ("auc", "auc_low", "auc_high")]
            if np.isfinite(found[0]):
                chance_band = f"{float(at['auc_chance_low']):.3f} to {float(at['auc_chance_high']):.3f}"
                what = f"AUC of {predictor} for {data.attrs['predicted']} within {horizon:.2g} {units}"
                rows.append((what, *(round(each, 3) for each in found), chance_band))
    caption = (
        "Shares: Wilson's 95% interval over units; chance: mean share of units beyond the threshold in shuffled "
        "events. AUC: 95% bootstrap interval over episodes; chance: 95% of shuffled outcomes."
    )
    columns = ("measure", "estimate", "95% from", "95% to", "chance")
    title = f"Activity around {_words(data)[1]}, in numbers"
    return TableDrawing("event_triggered", title, caption, columns, tuple(rows))


def panels(result: Result) -> list[Panel]:
    """Of every layer the curves around each kind of event, and grey beside them those around shuffled events."""
    data, units = result.data, result.data.attrs["clock_units"]
    event, events = _words(data)
    caption = f"{data.attrs['caption']} Bands: 95% bootstrap interval over events; grey: 95% of shuffled events."
    found: list[Panel] = [table_panel(event_table(result))]
    for layer in map(str, data["layer"].values):
        curves = [curve for kind in map(str, data["kind"].values) for curve in _curves(data, layer, kind, events)]
        about = (f"event_triggered_{layer}", f"{layer} around {events}", caption, layer)
        seconds = data["seconds"].values
        found.append(UnitCurvesPanel(*about, seconds, f"time from the {event} ({units})", "activity", tuple(curves)))
    return found


def _curves(data: xarray.Dataset, layer: str, kind: str, events: str) -> list[UnitCurve]:
    """None of a kind with too few events."""
    of_kind = data.sel(kind=kind)
    mean, low, high = (of_kind[f"{layer}_{end}"].values.T for end in ("mean", "low", "high"))
    if not np.isfinite(mean).any():
        return []
    shuffled = [
        np.repeat(of_kind[f"{layer}_shuffled_{end}"].values[:, None], mean.shape[1], axis=1)
        for end in ("mean", "low", "high")
    ]
    name = name_of(data, kind, events)
    return [
        UnitCurve(name, _tone(data, kind), mean, low, high),
        UnitCurve(f"{name}, shuffled", "chance", *shuffled),
    ]


def _tone(data: xarray.Dataset, kind: str) -> Tone:
    if not data.attrs["kinds_are_sides"]:
        return "neutral"
    return "good" if kind == json.loads(data.attrs["event_words"])[0] else "bad"


def _percent(number: dict[str, float], name: str) -> str:
    return f"{number[name]:.0%} ({number[f'{name}_low']:.0%} to {number[f'{name}_high']:.0%})"
