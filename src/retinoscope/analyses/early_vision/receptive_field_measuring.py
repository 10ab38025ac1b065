"""Showing stimuli to the units of one layer until each is reliable, or until a large network has cost enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from retinoscope.agents.policy import Policy
from retinoscope.analyses.early_vision.receptive_field_parameters import ReceptiveFieldParameters
from retinoscope.attribution.cost import operations
from retinoscope.attribution.gradients import gradient_sums, unit_activity
from retinoscope.progress import progress_bar
from retinoscope.result import Result
from retinoscope.statistics.receptive_fields import MeanGradient, NoiseWeightedAverage, ReceptiveFieldEstimate

# A unit that did not answer to this many stimuli no longer holds up the others; nor is any cut off before.
SILENT_AFTER = 1_000

# What a layer may cost unless its number of stimuli is chosen: half a minute of one core at most, or `SILENT_AFTER`
# stimuli if these cost more. The networks that this package trains stay below it by a factor of five.
BUDGET_OPERATIONS = 3e11

# What several measurements in one analysis may cost, of untrained networks or of the checkpoints of a run: some minutes
# of one core.
BUDGET_OF_ALL = 5e12


class Stimuli(Protocol):
    """Numbered batches of stimuli."""

    def draw(self, batch: int, count: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Stimuli of batch number `batch`: (count, *shape) float32, pixel units."""


class Measured(NamedTuple):
    """Receptive fields of some units of a layer.

    Attributes:
        estimate: of all units; its `stimuli` are the most that any of them was shown.
        shown: (unit,) stimuli that each was shown: fewer than others where it was reliable before them.
        is_reached: every unit that answers is as reliable as it was to be, and any answers.
        is_cut: the network is large, and what was left to do was not done.
    """

    estimate: ReceptiveFieldEstimate
    shown: NDArray[np.int64]
    is_reached: bool
    is_cut: bool


def measured(
    policy: Policy,
    layer: str,
    parameters: ReceptiveFieldParameters,
    stimuli: Stimuli,
    is_bounded: bool,
    progress: bool = False,
) -> Measured:
    """Show batches until every unit that answers is reliable enough.

    In a network so large that all its stimuli would exceed `BUDGET_OPERATIONS`, each unit that is reliable is left out
    of the backward passes that follow, of which every unit needs its own; and the layer ends when that much was spent.

    Args:
        policy: whose units.
        layer: name of their layer.
        parameters: settled ones.
        stimuli: what is shown.
        is_bounded: whether the budget counts; without, only `max_stimuli` does.
        progress: show a progress bar.
    """
    units, shape = np.array((parameters.units or {})[layer]), policy.stimulus_shape(layer)
    most, uses_gradient = parameters.max_stimuli or 0, parameters.method == "gradient"
    mean, sigma = float(parameters.noise_mean or 0), float(parameters.noise_sigma or 0)
    each = _operations(policy, layer, shape) if is_bounded else 0.0
    is_large = most * each * (1 + len(units) * uses_gradient) > BUDGET_OPERATIONS
    gradient = MeanGradient(len(units), shape)
    average = NoiseWeightedAverage(len(units), shape, mean, sigma)
    found = _Found(len(units), shape)
    left, spent, shown, batch = np.arange(len(units)), 0.0, 0, 0
    size = min(parameters.batch_size, most // 2)  # two batches at least, for the halves
    with progress_bar(f"receptive fields of {layer}: stimuli, at most", most, progress) as advance:
        while True:
            count = min(size, most - shown)
            shown_now, wanted = stimuli.draw(batch, count, shape), units[left].tolist()
            if uses_gradient:
                gradient.update(gradient_sums(policy, layer, wanted, shown_now), count, batch)
            else:
                average.update(shown_now, unit_activity(policy, layer, wanted, shown_now), batch)
            shown, batch = shown + count, batch + 1
            spent += count * each * (1 + len(left) * uses_gradient)
            advance(count)
            # Only after an even number of batches are the halves equally large; the last batch may be odd.
            if batch % 2 and shown < most:
                continue
            estimate = (gradient if uses_gradient else average).finalize()
            found.put(left, estimate)
            is_silent = np.isnan(estimate.reliability)
            is_enough = ~is_silent & (estimate.reliability >= parameters.target_reliability)
            is_done = is_enough | (is_silent & (shown >= SILENT_AFTER))
            if shown >= most or is_done.all():
                return found.measured(parameters.target_reliability, False)
            if is_large and shown >= SILENT_AFTER and spent >= BUDGET_OPERATIONS:
                return found.measured(parameters.target_reliability, True)
            if is_large and uses_gradient and is_done.any():
                left, gradient = left[~is_done], gradient.of(np.flatnonzero(~is_done))


class _Found:
    """The latest estimate of every unit."""

    def __init__(self, units: int, shape: tuple[int, ...]) -> None:
        self._fields = np.zeros((units, *shape))
        self._reliability, self._error = np.full(units, np.nan), np.full(units, np.nan)
        self._shown = np.zeros(units, np.int64)

    def put(self, places: NDArray[np.int64], estimate: ReceptiveFieldEstimate) -> None:
        self._fields[places] = estimate.fields
        self._reliability[places], self._error[places] = estimate.reliability, estimate.relative_error
        self._shown[places] = estimate.stimuli

    def measured(self, target: float, is_cut: bool) -> Measured:
        answers = ~np.isnan(self._reliability)
        is_reached = bool(answers.any() and (self._reliability[answers] >= target).all())
        whole = ReceptiveFieldEstimate(self._fields, self._reliability, self._error, int(self._shown.max()))
        return Measured(whole, self._shown, is_reached, is_cut)


def how_many(one: float, wanted: int, fewest: int, budget: float | None = None) -> int:
    """How many measurements that cost `one` are made of the number wanted: what `budget` or `BUDGET_OF_ALL` allows."""
    allowed = BUDGET_OF_ALL if budget is None else budget
    return wanted if one <= 0 else max(min(wanted, fewest), min(wanted, int(allowed / one)))


def operations_of(
    policy: Policy, fields: Result, units: Mapping[str, Sequence[int]] | None = None, most: int | None = None
) -> float:
    """What receptive fields have cost, counted as the budget counts.

    Args:
        policy: whose.
        fields: a Result of `receptive_fields`, by the gradient or by noise.
        units: of which layers, and of these which units, counted; None for all.
        most: stimuli beyond which none would have been shown.
    """
    total = 0.0
    for layer in fields.parameters["layers"] if units is None else units:
        shown, numbers = fields.data[f"{layer}_unit_stimuli"].values, fields.data[f"{layer}_unit"].values
        if units is not None:
            shown = shown[np.isin(numbers, units[layer])]
        shown = shown if most is None else np.minimum(shown, most)
        passes = shown.max() + shown.sum() * (fields.parameters["method"] == "gradient")
        total += float(passes) * _operations(policy, layer, policy.stimulus_shape(layer))
    return total


def _operations(policy: Policy, layer: str, shape: tuple[int, ...]) -> float:
    """What one stimulus costs; a unit's backward pass takes about as much again."""
    stimulus = torch.full((1, *shape), float(policy.grey_level), device=policy.device)
    return operations(lambda: policy.unit_answers(stimulus, layer))
