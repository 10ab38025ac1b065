"""Receptive fields beside those of before training, unit by unit and with their sign."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.agents.redrawn import redrawn
from retinoscope.analyses.declaration import Given
from retinoscope.analyses.early_vision.receptive_field_parameters import ReceptiveFieldParameters
from retinoscope.analyses.early_vision.receptive_fields import receptive_fields
from retinoscope.errors import NotMeasurable
from retinoscope.result import Result
from retinoscope.statistics.learned import corrected_correlations


def changes_of_fields(
    agent: Agent, first: Agent, given: Given | None, seed: int, progress: bool
) -> tuple[dict[str, Any], list[str], str]:
    """Correlation of every unit's field with that of the same unit before training.

    Both are estimates. Those before training are measured by the same parameters but on other stimuli, so that errors
    have nothing in common: they lower a correlation, and never raise it. What it would be without them is
    `corrected_correlations` of the two reliabilities.

    Args:
        agent: whose fields.
        first: before training.
        given: with the `receptive_fields` of the agent; without them they are measured.
        seed: of the stimuli, where they are.
        progress: show progress bars.

    Returns:
        Variables of a Result, for each map (here conv1): `conv1_field_correlation` and `conv1_field_corrected`
        (conv1_unit), NaN where a unit never answers; `conv1_field_chance` (end), within which 95% of the correlations
        with fields of an independent initialisation lie, over all pairs of units. The layers. And a sentence for the
        caption, empty where there are no fields.
    """
    try:
        now = (given or {}).get("receptive_fields") or receptive_fields(agent, seed=seed, progress=progress)
        before = receptive_fields(first, parameters=_on_other_stimuli(now, 1), progress=progress)
    except NotMeasurable:
        return {}, [], ""
    other = _of_another_draw(first, _on_other_stimuli(now, 2), seed, progress)
    variables: dict[str, Any] = {}
    compared, lowest = [], 1.0
    one = {"units": "1"}
    for layer in now.parameters["layers"]:
        fields = [_flat(each, layer) for each in (before, now)]
        if fields[0].shape != fields[1].shape:
            continue
        compared.append(layer)
        same = np.diag(_correlations(*fields))
        reliabilities = [each.data[f"{layer}_reliability"].values for each in (before, now)]
        lowest = min([lowest, *(float(each) for one in reliabilities for each in one[np.isfinite(one)])])
        ends = np.full(2, np.nan)
        if other is not None and other.data[layer].shape == before.data[layer].shape:
            independent = _correlations(fields[0], _flat(other, layer))
            if (known := independent[np.isfinite(independent)]).size:
                ends = np.quantile(known, (0.025, 0.975))
        unit = f"{layer}_unit"
        variables |= {
            unit: (unit, now.data[unit].values),
            f"{layer}_field_correlation": (unit, same, one),
            f"{layer}_field_corrected": (unit, corrected_correlations(same, *reliabilities), one),
            f"{layer}_field_chance": ("end", ends, one),
        }
    said = (
        f"Fields: correlation of each unit's with that of the same unit before training, from stimuli of their own; "
        f"errors of measurement lower it (lowest split-half reliability {np.floor(1000 * lowest) / 1000:.3f}). Grey "
        "there: 95% of the correlations with fields of an independent initialisation."
    )
    return variables, compared, said if compared else ""


def _of_another_draw(first: Agent, parameters: ReceptiveFieldParameters, seed: int, progress: bool) -> Result | None:
    """Fields of an independent initialisation; None where the network cannot be drawn anew."""
    try:
        return receptive_fields(redrawn(first.policy, seed), parameters=parameters, progress=progress)
    except NotMeasurable:
        return None


def _on_other_stimuli(now: Result, further: int) -> ReceptiveFieldParameters:
    names = [field.name for field in dataclasses.fields(ReceptiveFieldParameters)]
    same = {name: now.parameters[name] for name in names if name in now.parameters}
    return ReceptiveFieldParameters(**(same | {"seed": int(same.get("seed", 0)) + further}))


def _flat(result: Result, layer: str) -> NDArray[np.float64]:
    fields = result.data[layer].values
    return np.asarray(fields.reshape(len(fields), -1), np.float64)


def _correlations(before: NDArray[np.float64], now: NDArray[np.float64]) -> NDArray[np.float64]:
    """(unit, unit) Pearson's r of every field before with every field now; NaN of fields that do not vary."""
    centred = [each - each.mean(axis=1, keepdims=True) for each in (before, now)]
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in centred)
    return np.asarray(one @ other.T)
