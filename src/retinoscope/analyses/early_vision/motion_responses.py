"""What units answer to gratings that drift.

A layer of the encoder computes from one observation, its frames stacked, so that each decision of a drifting grating
can be shown on its own. What lies behind a memory is shown the whole sequence.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from retinoscope.agents.policy import Layer, Policy, inference
from retinoscope.analyses.early_vision.grating_responses import (
    ROUNDING,
    Units,
    activity_of,
    answers_of,
    of_middle,
    passes_of,
)
from retinoscope.analyses.early_vision.motion_parameters import MotionDesign, is_behind
from retinoscope.attribution.cost import operations
from retinoscope.statistics.motion_tuning import MotionTuning, motion_tuning
from retinoscope.stimuli.gratings import Gratings

Array = NDArray[np.float64]
Answers = dict[str, Array]
"""By layer, activity minus that at the grey screen: (grating, sample, unit), samples of one cycle."""


def measure(
    policy: Policy,
    layers: Sequence[Layer],
    units: Units,
    design: MotionDesign,
    settling: int,
    batch_size: int,
    advance: Callable[[float], None],
) -> Iterator[tuple[str, MotionTuning]]:
    """Name and tuning of each layer. `advance` is told how many observations were shown."""
    for together, show in _shows(policy, layers, units, design, settling, batch_size, advance):
        by_rate = [show(rate) for rate in range(len(design.cycle_steps))]
        at_rest = show(None)
        for layer in together:
            drifting = [each[layer.name][0] for each in by_rate]
            still, level = at_rest[layer.name]
            largest = max(np.abs(each).max(initial=0) for each in (*drifting, still))
            shape = (len(design.directions), len(design.frequencies), len(level))
            table = np.stack([_strengths(each).reshape(shape) for each in drifting])
            yield (
                layer.name,
                motion_tuning(
                    table.transpose(3, 0, 1, 2),
                    _strengths(still).max(axis=0),
                    design.directions,
                    design.frequencies,
                    design.rates,
                    ROUNDING * np.maximum(largest, np.abs(level)),
                ),
            )


def _strengths(answers: Array) -> Array:
    """(grating, unit), root-mean-square over the samples of a cycle."""
    return np.sqrt(np.square(answers).mean(axis=1))


Show = Callable[[int | None], Mapping[str, tuple[Array, Array]]]
"""Of a rate by its number, None for stripes that stand still: by layer, answers (grating, sample, unit) and (unit,)
activity at the grey screen."""


def _shows(
    policy: Policy,
    layers: Sequence[Layer],
    units: Units,
    design: MotionDesign,
    settling: int,
    batch_size: int,
    advance: Callable[[float], None],
) -> Iterator[tuple[list[Layer], Show]]:
    """Layers that are shown the same, and how."""
    for together in passes_of(policy, [each for each in layers if not is_behind(each)]):

        def one_by_one(rate: int | None, together: list[Layer] = together) -> Mapping[str, tuple[Array, Array]]:
            level = activity_of(policy, together, units, design.grey(), 1, lambda _: None)
            shown = design.still() if rate is None else design.drifting(rate, np.arange(design.cycle_steps[rate]))
            activity = activity_of(policy, together, units, shown, batch_size, advance)
            return {
                name: (_by_grating(each - level[name], rate, design), level[name][0]) for name, each in activity.items()
            }

        yield together, one_by_one
    behind = [each for each in layers if is_behind(each)]
    waited = settling if policy.state_size else 0

    def in_sequence(rate: int | None) -> Mapping[str, tuple[Array, Array]]:
        steps = 1 if rate is None else design.cycle_steps[rate]
        greys = _sequence(policy, behind, units, [design.grey()] * (waited + steps), steps, 1, lambda _: None)
        times = np.arange(-waited, steps)
        shown = [design.still() if rate is None else design.drifting(rate, time[None]) for time in times]
        found = _sequence(policy, behind, units, shown, steps, batch_size, advance)
        return {
            name: (_by_grating(_last_axis_first(each - greys[name]), rate, design), greys[name][-1, 0])
            for name, each in found.items()
        }

    if behind:
        yield behind, in_sequence


def _by_grating(answers: Array, rate: int | None, design: MotionDesign) -> Array:
    """(direction and frequency, sample, unit) of (grating, unit), whose last axis are the samples."""
    directions = len(design.directions) // (2 if rate is None else 1)
    return answers.reshape(directions * len(design.frequencies), -1, answers.shape[-1])


def _last_axis_first(answers: Array) -> Array:
    """(step, grating, unit) as (grating and step, unit)."""
    return answers.transpose(1, 0, 2).reshape(-1, answers.shape[-1])


def _sequence(
    policy: Policy,
    layers: Sequence[Layer],
    units: Units,
    shown: Sequence[Gratings],
    kept: int,
    batch_size: int,
    advance: Callable[[float], None],
) -> Answers:
    """(step, grating, unit) activity of each layer at the last steps of a sequence, from the start of an episode.

    Args:
        policy: the agent.
        layers: which, in whole pictures.
        units: of each by name.
        shown: the gratings at each step, in the same order at all.
        kept: how many steps, counted from the end.
        batch_size: gratings at a time.
        advance: is told how many observations were shown.
    """
    count, shape = len(shown[0]), policy.observation_shape
    found: Answers = {each.name: np.empty((kept, count, len(units[each.name]))) for each in layers}
    with inference():
        for first in range(0, count, batch_size):
            last = min(first + batch_size, count)
            state = policy.initial_state(last - first)
            for number, gratings in enumerate(shown):
                pictures = torch.from_numpy(gratings.draw(first, last, shape)).to(policy.device)
                with policy.capture(*found) as activity:
                    state = policy.step(pictures, state).state
                if (place := number - len(shown) + kept) >= 0:
                    for layer in layers:
                        of_units = of_middle(policy, layer, activity[layer.name])[
                            :, torch.from_numpy(units[layer.name])
                        ]
                        found[layer.name][place, first:last] = of_units.float().cpu().numpy()
                advance(last - first)
    return found


def observations_of(layers: Sequence[Layer], policy: Policy, design: MotionDesign, settling: int) -> tuple[int, int]:
    """How many observations the encoder is shown, each of its passes counted, and how many make up the sequences.

    Args:
        layers: that are measured.
        policy: whose.
        design: the gratings.
        settling: decisions before answers of a memory count.
    """
    passes = passes_of(policy, [each for each in layers if not is_behind(each)])
    gratings, still = len(design.directions) * len(design.frequencies), len(design.still())
    waited = settling if policy.state_size else 0
    alone = still + sum(gratings * steps for steps in design.cycle_steps)
    following = still * (waited + 1) + sum(gratings * (waited + steps) for steps in design.cycle_steps)
    return alone * len(passes), following if any(map(is_behind, layers)) else 0


def motion_operations_of(policy: Policy, layers: Sequence[Layer], design: MotionDesign, settling: int) -> float:
    """What measuring a network costs, in multiplications and additions.

    Args:
        policy: of the network.
        layers: that are measured.
        design: the gratings.
        settling: decisions before answers of a memory count.
    """
    alone, following = observations_of(layers, policy, design, settling)
    passes = passes_of(policy, [each for each in layers if not is_behind(each)])
    total = 0.0
    for together in passes:
        picture = torch.full((1, *policy.stimulus_shape(together[0].name)), design.mean, device=policy.device)
        total += alone / len(passes) * operations(functools.partial(answers_of, policy, together, picture))
    if following:
        picture = torch.full((1, *policy.observation_shape), design.mean, device=policy.device)
        total += following * operations(lambda: policy.step(picture, policy.initial_state(1)))
    return total
