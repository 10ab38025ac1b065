"""Showing gratings to one network and measuring the tuning of its units, layer by layer."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from retinoscope.agents.policy import Layer, Policy, inference
from retinoscope.analyses.early_vision.grating_parameters import Design
from retinoscope.attribution.cost import operations
from retinoscope.statistics.contrast_response import ContrastResponse, contrast_response
from retinoscope.statistics.grating_tuning import GratingTuning, grating_tuning, shuffled_selectivity
from retinoscope.stimuli.gratings import Gratings

Array = NDArray[np.float64]
Units = dict[str, NDArray[np.int64]]

ROUNDING = 1e-5
"""An answer smaller than this, relative to the largest of its layer and to the unit's own activity, is none: that much
the last digits of float32 differ."""


class Measured(NamedTuple):
    """What was measured of a layer.

    Attributes:
        tuning: of every unit.
        contrast: likewise.
        contrast_curve: (unit, contrast) strengths of the answer to the preferred grating.
        chance: (unit,) selectivity of shuffled answers, 95th percentile.
        grey: (unit,) activity at the grey screen.
    """

    tuning: GratingTuning
    contrast: ContrastResponse
    contrast_curve: Array
    chance: Array
    grey: Array


def measure(
    policy: Policy,
    layers: Sequence[Layer],
    units: Units,
    design: Design,
    shuffles: int,
    seed: int,
    batch_size: int,
    advance: Callable[[float], None],
) -> Iterator[tuple[str, Measured]]:
    """Name and tuning of each layer, in order of `passes_of`. `advance` is told how many gratings were shown."""
    table, grey = design.table(), design.grey()
    for together in passes_of(policy, layers):
        at_grey = activity_of(policy, together, units, grey, 1, lambda _: None)
        activity = activity_of(policy, together, units, table, batch_size, advance)
        for layer in together:
            level = at_grey[layer.name][0]
            answers = (activity.pop(layer.name) - level).T.reshape(-1, *design.shape)
            silent_below = ROUNDING * np.maximum(np.abs(answers).max(initial=0), np.abs(level))
            tuning = grating_tuning(answers, design.orientations, design.frequencies, silent_below)
            at_best = answers[np.arange(len(answers)), tuning.axis, :, tuning.frequency]
            chance = shuffled_selectivity(at_best, design.orientations, shuffles, seed)
            curve = _contrast_curve(policy, layer, units, design, tuning, level, batch_size)
            yield (
                layer.name,
                Measured(
                    tuning,
                    contrast_response(design.contrasts, curve),
                    curve,
                    np.where(np.isnan(tuning.strength), np.nan, chance),
                    level,
                ),
            )


def operations_of(policy: Policy, layers: Sequence[Layer], found: Mapping[str, Measured], design: Design) -> float:
    """What measuring a network has cost, in multiplications and additions.

    Args:
        policy: of the network.
        layers: that were measured.
        found: of each by name.
        design: the gratings.
    """
    table, series = int(np.prod(design.shape)), len(design.contrasts) * len(design.phases)
    total = 0.0
    for together in passes_of(policy, layers):
        shape = (1, *policy.stimulus_shape(together[0].name))
        picture = torch.full(shape, design.mean, device=policy.device)
        total += table * operations(functools.partial(answers_of, policy, together, picture))
        for layer in together:
            preferred = len(np.unique(_preferred(found[layer.name].tuning), axis=0))
            each = operations(functools.partial(policy.unit_answers, picture, layer.name))
            total += preferred * series * each
    return total


def passes_of(policy: Policy, layers: Sequence[Layer]) -> list[list[Layer]]:
    """Layers that are shown whole pictures share one pass; a map whose fields are patches has its own, smaller one."""
    whole = [each for each in layers if policy.stimulus_shape(each.name) == policy.observation_shape]
    return [[each] for each in layers if each not in whole] + ([whole] if whole else [])


def activity_of(
    policy: Policy,
    layers: Sequence[Layer],
    units: Units,
    gratings: Gratings,
    batch_size: int,
    advance: Callable[[float], None],
) -> dict[str, Array]:
    """(grating, unit) of each layer. Units behind the memory answer one step from the start of an episode."""
    shape = policy.stimulus_shape(layers[0].name)
    found: dict[str, list[NDArray[np.float32]]] = {each.name: [] for each in layers}
    with inference():
        for first in range(0, len(gratings), batch_size):
            last = min(first + batch_size, len(gratings))
            pictures = torch.from_numpy(gratings.draw(first, last, shape)).to(policy.device)
            for name, answers in answers_of(policy, layers, pictures).items():
                found[name].append(answers[:, torch.from_numpy(units[name])].float().cpu().numpy())
            advance(last - first)
    return {name: np.concatenate(parts).astype(np.float64) for name, parts in found.items()}


def answers_of(policy: Policy, layers: Sequence[Layer], pictures: torch.Tensor) -> dict[str, torch.Tensor]:
    """What units answer to pictures on their own, (picture, unit) by layer; of a map the middle one of each channel."""
    if len(layers) == 1:
        return {layers[0].name: policy.unit_answers(pictures, layers[0].name)}
    with policy.capture(*(each.name for each in layers)) as activity:
        policy.step(pictures, policy.initial_state(len(pictures)))
    return {each.name: of_middle(policy, each, activity[each.name]) for each in layers}


def of_middle(policy: Policy, layer: Layer, activity: torch.Tensor) -> torch.Tensor:
    """(picture, unit) of the activity of a layer; of a map the middle one of each channel."""
    if not layer.is_map:
        return activity
    row, column = policy.middle_unit(layer.name)
    return activity[:, :, row, column]


def _preferred(tuning: GratingTuning) -> NDArray[np.int64]:
    """(answering unit, 3) numbers of axis, orientation and frequency of the grating that drives each unit most."""
    return np.stack([tuning.axis, tuning.orientation, tuning.frequency], axis=1)[tuning.axis >= 0]


def _contrast_curve(
    policy: Policy,
    layer: Layer,
    units: Units,
    design: Design,
    tuning: GratingTuning,
    level: Array,
    batch_size: int,
) -> Array:
    """(unit, contrast) strength of the answer to the grating that drives each unit most; NaN for silent ones."""
    answering = np.flatnonzero(tuning.axis >= 0)
    curves = np.full((len(tuning.axis), len(design.contrasts)), np.nan)
    chosen, own = np.unique(_preferred(tuning), axis=0, return_inverse=True)
    per_grating = len(design.contrasts) * len(design.phases)
    # A few gratings at a time, for each of which only the units that prefer it are kept.
    at_once = max(1, batch_size // per_grating)
    for first in range(0, len(chosen), at_once):
        part = chosen[first : first + at_once]
        shown = activity_of(policy, [layer], units, design.contrast_series(part), batch_size, lambda _: None)
        answers = (shown[layer.name] - level).reshape(len(part), len(design.contrasts), -1, len(level))
        strengths = np.sqrt(np.square(answers).mean(axis=2))
        for number in range(len(part)):
            theirs = answering[own.ravel() == first + number]
            curves[theirs] = strengths[number][:, theirs].T
    return curves
