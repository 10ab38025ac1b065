"""Slow, obvious re-implementations that share no code with what they judge."""

from __future__ import annotations

import numpy as np
import torch

from retinoscope.agents.policy import Policy


def composed_filters(first: np.ndarray, second: np.ndarray, stride: int) -> np.ndarray:
    """What two linear convolutions without padding do as one, by the definition of convolution.

    (middle, colour, k, k) and (unit, middle, k, k), the first of them strided -> (unit, height, width, colour).
    """
    size = first.shape[2] + stride * (second.shape[2] - 1)
    composed = np.zeros((len(second), size, size, first.shape[1]))
    for unit, middle, i, j in np.ndindex(*second.shape):
        for colour, u, v in np.ndindex(*first.shape[1:]):
            weight = second[unit, middle, i, j] * first[middle, colour, u, v]
            composed[unit, i * stride + u, j * stride + v, colour] += weight
    return composed


def gradient_of_one_unit(
    policy: Policy, layer: str, unit: int, observation: np.ndarray, place: tuple[int, ...] = ()
) -> np.ndarray:
    """Gradient of one unit, of a convolution at `place` (row, column), with respect to one whole observation."""
    pixels = torch.from_numpy(observation[None].astype(np.float32)).requires_grad_()
    with policy.capture(layer) as activity:
        policy.step(pixels, policy.initial_state(1))
    answer = activity[layer][(0, unit, *place)]
    return torch.autograd.grad(answer, pixels)[0][0].double().numpy()


def pixels_that_matter(policy: Policy, layer: str, place: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns whose perturbation, pixel by pixel, moves any unit of a convolution at `place`."""
    height, width, channels = policy.observation_shape
    base = np.random.default_rng(0).normal(80, 20, policy.observation_shape).astype(np.float32)
    perturbed = np.repeat(base[None], height * width, axis=0)
    for number, (row, column) in enumerate(np.ndindex(height, width)):
        perturbed[number, row, column] += 50 * (1 + np.arange(channels))
    with torch.no_grad():
        before = policy.encode(torch.from_numpy(base[None]), until=layer)[:, :, place[0], place[1]]
        after = policy.encode(torch.from_numpy(perturbed), until=layer)[:, :, place[0], place[1]]
    is_moved = ((after - before).abs() > 1e-5).any(dim=1).numpy().reshape(height, width)
    rows, columns = np.flatnonzero(is_moved.any(axis=1)), np.flatnonzero(is_moved.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
