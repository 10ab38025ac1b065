"""The numbers of the event-triggered activity: as a table, and in a caption."""

from __future__ import annotations

import numpy as np

from retinoscope.analyses.drawing import TableDrawing
from retinoscope.result import Result

# Sparseness of normal deviates around zero whose negative half is cut off: 1 - 1/pi.
_SPARSENESS_OF_NORMAL = 0.68


def claims_caption(result: Result) -> str:
    """What the two claims come to."""
    data = result.data
    number = {str(name): float(data[name]) for name in data if data[name].ndim == 0}
    sentences = []
    if "fc" in data["layer"].values and np.isfinite(float(data["rising_before"].sel(kind="healing", layer="fc"))):
        before, after = (
            float(data[name].sel(kind="healing", layer="fc")) for name in ("rising_before", "rising_only_after")
        )
        chance = float(data["beyond_by_chance"].sel(kind="healing", layer="fc"))
        sentences.append(
            f"Left: share of units whose mean rises before a pick-up, and only after it (bars: Wilson's 95% interval "
            f"over units). Of fc, {before:.0%} rise before healing and {after:.0%} only after; by chance "
            f"{chance:.2%} would differ either way."
        )
    if np.isfinite(number.get("before_ratio", np.nan)):
        sentences.append(
            f"In the {result.parameters['tested_seconds']:g} s before any pick-up ({number['before_time_share']:.0%} "
            f"of the time), {number['before_ratio']:.2f} times as many units of fc are active as at other times (95% "
            f"interval over episodes {number['before_ratio_low']:.2f} to {number['before_ratio_high']:.2f}; shuffled "
            f"{number['before_chance_low']:.2f} to {number['before_chance_high']:.2f}; p = {number['before_p']:.2g})."
        )
    if np.isfinite(number["sparseness"]):
        sentences.append(
            f"Active (above zero) are {_percent(number, 'active')} of fc at a time; population sparseness (Treves & "
            f"Rolls) {number['sparseness']:.3f} ({number['sparseness_low']:.3f} to {number['sparseness_high']:.3f}; 0 "
            f"dense, 1 one unit, {_SPARSENESS_OF_NORMAL} for normal deviates)."
        )
    sentences.append(
        "Right: probability that the number is higher at a moment followed by a healing pick-up than at one that is "
        "not (AUC), with 95% bootstrap interval over episodes; grey: 95% with outcomes shuffled within episodes. The "
        "sign of PC1 is chosen to agree with the critic's value, not with the outcome."
    )
    return " ".join(sentences)


def event_table(result: Result) -> TableDrawing:
    """Shares by layer and kind, then what is predicted."""
    data = result.data
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
                what = f"AUC of {predictor} for healing within {horizon:.2g} s"
                rows.append((what, *(round(each, 3) for each in found), chance_band))
    caption = (
        "Shares: Wilson's 95% interval over units; chance: mean share of units beyond the threshold in shuffled "
        "events. AUC: 95% bootstrap interval over episodes; chance: 95% of shuffled outcomes."
    )
    columns = ("measure", "estimate", "95% from", "95% to", "chance")
    return TableDrawing("event_triggered", "Activity around pick-ups, in numbers", caption, columns, tuple(rows))


def _percent(number: dict[str, float], name: str) -> str:
    return f"{number[name]:.0%} ({number[f'{name}_low']:.0%} to {number[f'{name}_high']:.0%})"
