"""Slow, obvious attribution, and a network of which it is known where it looks."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import gaussian_filter

from retinoscope.agents.actor_critic import ActorCriticPolicy
from retinoscope.agents.policy import Policy
from tests.synthetic import small_policy

Answer = Callable[[np.ndarray], np.ndarray]


def in_float64(policy: ActorCriticPolicy) -> ActorCriticPolicy:
    return ActorCriticPolicy(copy.deepcopy(policy.network).double(), policy.description)


def lively_policy(**config: object) -> ActorCriticPolicy:
    """Weights large enough to drive units well into the bends of their activation functions."""
    policy = small_policy(**config)
    with torch.no_grad():
        for name, parameter in policy.network.named_parameters():
            if "weight" in name:
                parameter.mul_(2.5)
    return policy


def patch_policy(place: tuple[int, int] = (1, 1), **config: object) -> tuple[ActorCriticPolicy, tuple[slice, slice]]:
    """All that the dense layer gets comes from one position of the last convolution; rows and columns it sees."""
    policy = lively_policy(rnn="none", **config)
    field, (channels, height, width) = policy.receptive_field("conv3"), policy.layer("conv3").shape
    is_there = torch.zeros(channels, height, width)
    is_there[:, place[0], place[1]] = 1
    policy.network.encoder.layers.get_submodule("fc.linear").weight.mul_(is_there.flatten())
    top, left = field.starts(*place)
    return policy, (slice(top, top + field.height), slice(left, left + field.width))


def finite_differences(answer: Answer, observation: np.ndarray, pixels: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """Central differences of a scalar function of (batch, ...) observations, at some flat pixels of one of them."""
    moved = np.repeat(observation[None], 2 * len(pixels), axis=0)
    flat = moved.reshape(len(moved), -1)
    for number, pixel in enumerate(pixels):
        flat[2 * number, pixel] += step
        flat[2 * number + 1, pixel] -= step
    values = answer(moved)
    return (values[::2] - values[1::2]) / (2 * step)


def occluded(answer: Answer, observation: np.ndarray, baseline: np.ndarray, window: int, stride: int) -> np.ndarray:
    """Occlusion by the definition, one window after the other: (height, width)."""
    height, width = observation.shape[:2]
    total, count = np.zeros((height, width)), np.zeros((height, width))
    before = answer(observation[None])[0]
    top = 0
    while True:
        left = 0
        while True:
            painted = observation.copy()
            painted[top : top + window, left : left + window] = baseline[top : top + window, left : left + window]
            total[top : top + window, left : left + window] += before - answer(painted[None])[0]
            count[top : top + window, left : left + window] += 1
            if left + window >= width:
                break
            left += stride
        if top + window >= height:
            break
        top += stride
    return total / count


def perturbed(answer: Answer, observation: np.ndarray, sigma: float, spacing: int, blur: float) -> np.ndarray:
    """Saliency of Greydanus et al. 2018 by its formulas, one disc after the other: (height, width).

    phi = I (1 - M) + A M, where A is the picture blurred and M a Gaussian around (i, j) with peak 1; then half the
    squared change. Between the discs it is bilinear, beyond the last as there.
    """
    height, width, channels = observation.shape
    soft = np.stack([gaussian_filter(observation[..., each], blur) for each in range(channels)], axis=-1)
    y, x = np.mgrid[:height, :width]
    before = answer(observation[None])[0]
    rows, columns = range(0, height, spacing), range(0, width, spacing)
    grid = np.zeros((len(rows), len(columns)))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            mask = np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * sigma**2))[..., None]
            phi = observation * (1 - mask) + soft * mask
            grid[i, j] = 0.5 * (answer(phi[None])[0] - before) ** 2
    between = RegularGridInterpolator((list(rows), list(columns)), grid)
    return between(np.stack([np.minimum(y, rows[-1]), np.minimum(x, columns[-1])], axis=-1))


def guided_by_hand(policy: ActorCriticPolicy, unit: int, observation: np.ndarray, activation: str) -> np.ndarray:
    """Guided backpropagation of a unit of fc, layer by layer, with convolutions written as loops."""
    layers = policy.network.encoder.layers
    pixels = (observation - float(policy.network.pixel_mean)) / float(policy.network.pixel_scale)
    inputs, sums = [np.moveaxis(pixels, -1, 0)], []
    names = [name for name, _ in layers.named_children() if name.startswith("conv")]
    for name in names:
        convolution = layers.get_submodule(f"{name}.convolution")
        sums.append(_convolve(inputs[-1], convolution))
        inputs.append(_activate(sums[-1], activation))
    dense = layers.get_submodule("fc.linear")
    weights, bias = dense.weight.numpy()[unit], float(dense.bias[unit])
    at_unit = weights @ inputs[-1].ravel() + bias
    gradient = (weights * _derivative(np.array(at_unit), activation)).reshape(inputs[-1].shape)
    for number in reversed(range(len(names))):
        convolution = layers.get_submodule(f"{names[number]}.convolution")
        gradient = np.maximum(gradient, 0) * _derivative(sums[number], activation)
        gradient = _convolve_back(gradient, convolution, inputs[number].shape)
    return np.moveaxis(gradient, 0, -1) / float(policy.network.pixel_scale)


def _activate(x: np.ndarray, activation: str) -> np.ndarray:
    if activation == "relu":
        return np.maximum(x, 0)
    return np.where(x > 0, x, np.exp(x) - 1) if activation == "elu" else np.tanh(x)


def _derivative(x: np.ndarray, activation: str) -> np.ndarray:
    if activation == "relu":
        return (x > 0).astype(float)
    return np.where(x > 0, 1.0, np.exp(x)) if activation == "elu" else 1 - np.tanh(x) ** 2


def _convolve(image: np.ndarray, convolution: torch.nn.Conv2d) -> np.ndarray:
    weights, bias, stride = convolution.weight.numpy(), convolution.bias.numpy(), convolution.stride[0]
    size = weights.shape[2]
    rows, columns = ((side - size) // stride + 1 for side in image.shape[1:])
    found = np.zeros((len(weights), rows, columns))
    for row, column in np.ndindex(rows, columns):
        patch = image[:, row * stride : row * stride + size, column * stride : column * stride + size]
        found[:, row, column] = np.tensordot(weights, patch, axes=3) + bias
    return found


def _convolve_back(gradient: np.ndarray, convolution: torch.nn.Conv2d, shape: tuple[int, ...]) -> np.ndarray:
    weights, stride = convolution.weight.numpy(), convolution.stride[0]
    size = weights.shape[2]
    found = np.zeros(shape)
    for row, column in np.ndindex(*gradient.shape[1:]):
        patch = np.tensordot(gradient[:, row, column], weights, axes=1)
        found[:, row * stride : row * stride + size, column * stride : column * stride + size] += patch
    return found


def unrolled_value_gradients(
    policy: ActorCriticPolicy, observations: np.ndarray, state: np.ndarray
) -> list[np.ndarray]:
    """Gradient of the value at the last observation with respect to each, the GRU written out from its equations."""
    network = policy.network
    frames = [torch.from_numpy(each).double()[None].requires_grad_() for each in observations]
    hidden = torch.from_numpy(state).double()[None]
    size = policy.state_size
    for frame in frames:
        features = policy.encode(frame, "fc")
        given = features @ network.rnn.weight_ih_l0.T + network.rnn.bias_ih_l0
        kept = hidden @ network.rnn.weight_hh_l0.T + network.rnn.bias_hh_l0
        reset = torch.sigmoid(given[:, :size] + kept[:, :size])
        update = torch.sigmoid(given[:, size : 2 * size] + kept[:, size : 2 * size])
        new = torch.tanh(given[:, 2 * size :] + reset * kept[:, 2 * size :])
        hidden = (1 - update) * new + update * hidden
    value = (hidden @ network.value.weight.T + network.value.bias)[0, 0]
    return [each[0].numpy() for each in torch.autograd.grad(value, frames)]


def answers(
    policy: Policy, of: Callable[[Policy, torch.Tensor, torch.Tensor], torch.Tensor], state: np.ndarray
) -> Answer:
    """A scalar function of float64 observations (batch, height, width, channel), all with the same entering state."""

    def answer(observations: np.ndarray) -> np.ndarray:
        pixels = torch.from_numpy(observations)
        states = torch.from_numpy(np.repeat(state[None], len(observations), axis=0))
        with torch.no_grad():
            return of(policy, pixels, states).numpy()

    return answer
