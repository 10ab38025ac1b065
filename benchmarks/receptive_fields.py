"""Receptive fields of conv3: the older way against this package's, in the time to reach the same error.

The older way (`spike_triggered_average` of the system this one follows) shows every filter 25,000 full-size noise
images of its own, runs the whole network up to the layer, takes the unit in the middle and averages the images by its
activity. Everything it is granted here it may not have had: normalised pixels, batches of 250, our normalisation by the
stimulus variance (so that no sign is wrong), and an error taken within the unit's true receptive field only.

Our way is the public call, all filters at once. It is given 2, 4, 8, ... stimuli until its largest error over filters
is no larger than the smallest of the older way's; the time of that call counts. Errors are lengths of differences from
a mean gradient over many stimuli of another seed, relative to that field's length. Time is that of the processor, so
that other work on the machine does not count; wall time is printed beside it.

Usage: python benchmarks/receptive_fields.py [AGENT]     (a shipped agent or run directory; default: untrained network)
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import torch

from retinoscope.agents.actor_critic import ActorCriticPolicy, NetworkDescription
from retinoscope.agents.load import load_agent
from retinoscope.agents.networks import NetworkConfig
from retinoscope.agents.policy import ActionHead, Policy, inference
from retinoscope.analyses.early_vision.receptive_fields import receptive_fields
from retinoscope.scenarios.specification import ACTION_HEADS
from retinoscope.stimuli.white_noise import WhiteNoise, noise_level

Value = TypeVar("Value")

LAYER = "conv3"
GOAL = 5_000
OLDER_IMAGES, OLDER_BATCH = 25_000, 250
# Filters that the older way is really run for, all of their images each; their mean time stands for the others'.
OLDER_FILTERS = 2
REFERENCE_STIMULI = 8_192
# Our call is so short that it is repeated; the median counts.
REPEATS = 15


@dataclass(frozen=True)
class Seconds:
    """Processor and wall time."""

    processor: float
    wall: float


def main() -> None:
    torch.set_num_threads(1)
    policy, name = _policy(sys.argv[1:])
    filters = policy.layer(LAYER).shape[0]
    mean, sigma = noise_level(policy.grey_level)
    print(
        f"network: {name}; {LAYER}, {filters} filters; white noise of mean {mean:.4g} and sigma {sigma:.4g} pixel units"
    )

    reference = receptive_fields(
        policy, layers=LAYER, seed=1_000, target_reliability=1.0, max_stimuli=REFERENCE_STIMULI
    ).data
    truth, truth_error = reference[LAYER].values, float(reference[f"{LAYER}_error"].max())
    print(
        f"reference: mean gradient over {REFERENCE_STIMULI:,} patches, its own largest expected error {truth_error:.2%}"
    )

    chosen = np.linspace(0, filters - 1, min(OLDER_FILTERS, filters)).astype(int)
    runs = [_timed(partial(older_way, policy, int(unit), WhiteNoise(mean, sigma, seed=int(unit)))) for unit in chosen]
    older_errors = np.array(
        [_errors(field[None], truth[unit][None])[0] for unit, (field, _) in zip(chosen, runs, strict=True)]
    )
    older = _scaled([seconds for _, seconds in runs], filters)
    print(
        f"older way: {OLDER_IMAGES:,} images of {'x'.join(map(str, policy.observation_shape))} per filter; "
        f"error by filter {_listed(older_errors)}\n"
        f"  measured in full for {len(chosen)} filters, {older.processor / filters:.2f} s each (wall "
        f"{older.wall / filters:.2f} s); times {filters} filters, extrapolated: "
        f"{older.processor:.1f} s (wall {older.wall:.1f} s)"
    )

    # Every one of our filters has to be better than the best of the older way's.
    stimuli, fields, ours = _our_way(policy, truth, target=float(older_errors.min()))
    our_errors = _errors(fields, truth)
    print(
        f"this way: {stimuli} patches for all {filters} filters; error largest {our_errors.max():.1%}, median "
        f"{np.median(our_errors):.1%}\n"
        f"  {1e3 * ours.processor:.2f} ms (wall {1e3 * ours.wall:.2f} ms), median of {REPEATS} calls"
    )
    ratio = older.processor / ours.processor
    print(
        f"ratio: {ratio:,.0f} times less processor time (wall {older.wall / ours.wall:,.0f}); goal {GOAL:,}: "
        f"{'reached' if ratio >= GOAL else 'NOT reached'}\n"
        f"  had the older way shared its images among all filters: {ratio / filters:,.0f}"
    )
    default, seconds = _timed(lambda: receptive_fields(policy, layers=LAYER).data)
    print(
        f"with default parameters: {int(default[f'{LAYER}_stimuli'])} patches, error largest "
        f"{_errors(default[LAYER].values, truth).max():.1%}, {seconds.processor:.2f} s: "
        f"{older.processor / seconds.processor:,.0f} times less, to a far smaller error"
    )


def older_way(policy: Policy, unit: int, noise: WhiteNoise) -> np.ndarray:
    """Noise-weighted average of a filter's middle unit over full-size images: (height, width, channel) of its patch."""
    field = policy.receptive_field(LAYER)
    row, column = (size // 2 for size in policy.layer(LAYER).shape[1:])
    products = np.zeros(policy.observation_shape)
    images, activity = np.zeros(policy.observation_shape), 0.0
    with inference():
        for batch in range(OLDER_IMAGES // OLDER_BATCH):
            shown = noise.draw(batch, OLDER_BATCH, policy.observation_shape)
            answers = policy.encode(torch.from_numpy(shown), until=LAYER)[:, unit, row, column].numpy()
            shown -= noise.mean
            products += np.tensordot(answers, shown, axes=1)
            images += shown.sum(axis=0)
            activity += float(answers.sum())
    average = (products - activity / OLDER_IMAGES * images) / OLDER_IMAGES / noise.sigma**2
    top, left = field.starts(row, column)
    return average[top : top + field.height, left : left + field.width]


def _our_way(policy: Policy, truth: np.ndarray, target: float) -> tuple[int, np.ndarray, Seconds]:
    """The fewest stimuli, doubling, with which all filters are within `target`; their fields, and the call's time."""
    stimuli = 1
    while True:
        stimuli *= 2
        run = [_timed(partial(_our_fields, policy, stimuli)) for _ in range(REPEATS)]
        fields = run[-1][0]
        if _errors(fields, truth).max() <= target:
            processor, wall = (
                float(np.median([getattr(each, what) for _, each in run])) for what in ("processor", "wall")
            )
            return stimuli, fields, Seconds(processor, wall)
        if stimuli >= REFERENCE_STIMULI:
            raise SystemExit(f"the error {target:.1%} was not reached with {stimuli} stimuli")


def _our_fields(policy: Policy, stimuli: int) -> np.ndarray:
    result = receptive_fields(policy, layers=LAYER, target_reliability=1.0, max_stimuli=stimuli)
    return np.asarray(result.data[LAYER].values)


def _policy(arguments: list[str]) -> tuple[Policy, str]:
    if arguments:
        agent = load_agent(arguments[0])
        return agent.policy, agent.name
    heads = tuple(ActionHead(name, outputs) for name, outputs in ACTION_HEADS.items())
    policy = ActorCriticPolicy.untrained(NetworkDescription(NetworkConfig(), (60, 80, 3), heads))
    policy.network.pixel_mean.fill_(51.0)  # what training in the digits arena normalises by
    policy.network.pixel_scale.fill_(44.0)
    return policy, "untrained lindsey"


def _errors(fields: np.ndarray, truth: np.ndarray) -> np.ndarray:
    difference, length = (np.linalg.norm(each.reshape(len(each), -1), axis=1) for each in (fields - truth, truth))
    return np.asarray(difference / length)


def _timed(call: Callable[[], Value]) -> tuple[Value, Seconds]:
    processor, wall = time.process_time(), time.perf_counter()
    value = call()
    return value, Seconds(time.process_time() - processor, time.perf_counter() - wall)


def _scaled(measured: list[Seconds], filters: int) -> Seconds:
    share = filters / len(measured)
    return Seconds(*(share * math.fsum(getattr(each, what) for each in measured) for what in ("processor", "wall")))


def _listed(errors: np.ndarray) -> str:
    return ", ".join(f"{error:.1%}" for error in errors)


if __name__ == "__main__":
    main()
