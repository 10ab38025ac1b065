"""The methods, each from windows of observations to maps of the same shape.

A window is the observations of consecutive decisions; the targets are what the policy computes at the last of them,
its recurrent core unrolled over the window from a given entering state. A window of one observation is the usual case.

| method                 | map of target f at observation x                                                        |
|------------------------|-----------------------------------------------------------------------------------------|
| `gradient`             | df/dx (Simonyan et al. 2014), signed                                                    |
| `gradient_x_input`     | df/dx * (x - baseline): the change of f to first order if x were the baseline           |
| `guided_backprop`      | Springenberg et al. 2015; the rule for ELU and tanh is in `guided.py`                   |
| `integrated_gradients` | (x - baseline) * mean of df/dx on the way from baseline to x (Sundararajan et al. 2017) |
| `smoothgrad`           | mean of df/dx over noisy copies of x (Smilkov et al. 2017)                              |
| `occlusion`            | f(x) - f(x with a square painted over), mean over the squares that hold a pixel         |
|                        | (Zeiler & Fergus 2014)                                                                  |
| `perturbation`         | half of (f(x) - f(x with a disc blurred)) squared (Greydanus et al. 2018)               |

All targets share each forward pass. Integrated gradients and SmoothGrad are means of gradients at many points. Where
the first layer is known to be affine in the pixels (`Policy.first_preactivation`), these points are mixed behind it,
means are taken of the gradients there, and only the means go back through it: to the same numbers, and that layer, the
largest, is left out of most of the work.

captum, whose integrated gradients and occlusion give the same maps, passes the network once for every target; its
gradient x input knows no baseline; its guided backpropagation is the plain gradient on ELU; its SmoothGrad draws noise
anew for every batch, so that the map of a frame depends on its company.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from retinoscope.agents.policy import Policy
from retinoscope.attribution.checks import why_no_gradient
from retinoscope.attribution.guided import guided_backprop
from retinoscope.attribution.parameters import AttributionMethod, AttributionParameters
from retinoscope.attribution.perturbation import perturbation
from retinoscope.attribution.targets import Target, answers_of, layers_of
from retinoscope.errors import NotMeasurable, UserError


@dataclass(frozen=True)
class Explained:
    """Targets of a policy as functions of windows.

    Attributes:
        policy: which computes them.
        targets: what is explained.
    """

    policy: Policy
    targets: tuple[Target, ...]

    def answers(self, windows: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """(batch, target) for windows (batch, step, height, width, channel) and entering states (batch, state)."""
        return torch.stack(self.each(windows, states), dim=1)

    def each(self, windows: torch.Tensor, states: torch.Tensor) -> list[torch.Tensor]:
        """The same, each target by itself, (batch,), so that its gradient passes nothing of the others."""
        for step in range(windows.shape[1] - 1):
            states = self.policy.step(windows[:, step], states).state
        with self.policy.capture(*layers_of(self.targets)) as activity:
            computed = self.policy.step(windows[:, -1], states)
        return answers_of(self.policy, self.targets, computed, activity)

    def each_from(self, preactivations: torch.Tensor, states: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Each target from what `Policy.first_preactivation` gives on; and the activity of the first layer."""
        first = self.policy.first_activation(preactivations)
        return self.each_behind_first(first, states), first

    def each_behind_first(self, first: torch.Tensor, states: torch.Tensor) -> list[torch.Tensor]:
        """Each target from the activity of the first layer on, of a policy that gives `first_preactivation`."""
        with self.policy.capture(*layers_of(self.targets)) as activity:
            computed = self.policy.step_from_first(first, states)
        return answers_of(self.policy, self.targets, computed, activity)


def maps_of(
    method: AttributionMethod,
    explained: Explained,
    windows: torch.Tensor,
    states: torch.Tensor,
    baselines: torch.Tensor | None,
    parameters: AttributionParameters,
) -> torch.Tensor:
    """Maps (target, *windows.shape) by one method, for as many windows as pass the network at a time.

    Args:
        method: one of `parameters.ATTRIBUTION_METHODS`.
        explained: targets of a policy.
        windows: (batch, step, height, width, channel), float, pixel units.
        states: (batch, state), entering the first step.
        baselines: of the shape of `windows`; for the methods `WITH_BASELINE`.
        parameters: of the methods.

    Raises:
        NotMeasurable: no gradient leads from a target to the pixels.
        UserError: guided backpropagation would be the plain gradient.
    """
    if method == "smoothgrad":
        return _smoothgrad(explained, windows, states, parameters)
    if method == "guided_backprop":
        return _guided(explained, windows, states)
    if method == "perturbation":
        return perturbation(explained, windows, states, parameters)
    if method == "gradient" or baselines is None:
        return gradients(explained, windows, states)
    if method == "gradient_x_input":
        return gradients(explained, windows, states) * (windows - baselines)
    if method == "integrated_gradients":
        return _integrated_gradients(explained, windows, states, baselines, parameters.steps)
    return _occlusion(explained, windows, states, baselines, parameters)


def rows_per_window(method: AttributionMethod, parameters: AttributionParameters) -> int:
    """Copies of a window that pass the network together."""
    return {"integrated_gradients": parameters.steps, "smoothgrad": parameters.samples}.get(method, 1)


def gradients(explained: Explained, windows: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
    """df/dx of every target, (target, *windows.shape), from one forward pass."""
    pixels = windows.detach().requires_grad_()
    answers = explained.each(pixels, states)
    return torch.stack(
        [
            _gradient(explained.policy, answer, pixels, target)
            for answer, target in zip(answers, explained.targets, strict=True)
        ]
    )


def _gradient(policy: Policy, answer: torch.Tensor, inputs: torch.Tensor, target: Target) -> torch.Tensor:
    """Of the shape of the inputs; rows do not act on each other's answers.

    Raises:
        NotMeasurable: none leads there.
    """
    found = None
    if answer.requires_grad:
        (found,) = torch.autograd.grad(answer.sum(), inputs, retain_graph=True, allow_unused=True)
    if found is None:
        raise NotMeasurable(
            f"target {target.name!r}: {why_no_gradient(policy)}; use method 'occlusion', which needs none, or another "
            "target"
        )
    return found


def _guided(explained: Explained, windows: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
    with guided_backprop() as guide:
        maps = gradients(explained, windows, states)
    if not guide.guided:
        raise UserError(
            "method 'guided_backprop': no activation function lies between the pixels and the target, so that it would "
            "be the plain gradient; use method 'gradient'"
        )
    return maps


def _integrated_gradients(
    explained: Explained, windows: torch.Tensor, states: torch.Tensor, baselines: torch.Tensor, steps: int
) -> torch.Tensor:
    nodes, weights = (torch.from_numpy(each).to(windows) for each in np.polynomial.legendre.leggauss(steps))
    # Of the interval from 0 to 1, at whose ends are the baseline and the observation.
    way, weights = _for_copies((nodes + 1) / 2, windows), weights / 2
    away = windows - baselines
    at, below = _preactivations(explained.policy, windows), _preactivations(explained.policy, baselines)
    if at is None or below is None:
        return _mean_gradients(explained, baselines + way * away, states, weights) * away
    between = below + _for_copies(way.flatten(), at) * (at - below)
    return _mean_gradients_behind_first(explained, between, states, weights) * away


def _smoothgrad(
    explained: Explained, windows: torch.Tensor, states: torch.Tensor, parameters: AttributionParameters
) -> torch.Tensor:
    """Every window gets the same noise, so that its map does not depend on the others of its batch."""
    generator = torch.Generator().manual_seed(parameters.seed)
    noise = torch.stack(
        [torch.randn(windows.shape[1:], generator=generator, dtype=torch.float32) for _ in range(parameters.samples)]
    )
    noise = parameters.noise_sigma * noise.to(windows)
    weights = torch.full((parameters.samples,), 1 / parameters.samples).to(windows)
    at, moved = (_preactivations(explained.policy, each) for each in (windows, noise))
    still = _preactivations(explained.policy, torch.zeros_like(noise[:1]))
    if at is None or moved is None or still is None:
        return _mean_gradients(explained, windows + noise[:, None], states, weights)
    return _mean_gradients_behind_first(explained, at + (moved - still)[:, None], states, weights)


def _for_copies(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """(copy,) -> (copy, 1, ...), to be multiplied with something like this for every copy."""
    return values.reshape(-1, *[1] * like.ndim)


def _preactivations(policy: Policy, windows: torch.Tensor) -> torch.Tensor | None:
    """Of windows of one step, (batch, ...); None for longer ones, or if the policy gives none."""
    with torch.no_grad():
        return policy.first_preactivation(windows[:, 0]) if windows.shape[1] == 1 else None


def _mean_gradients(
    explained: Explained, copies: torch.Tensor, states: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Sum of df/dx over (copy, *windows.shape) copies of windows times (copy,) weights: (target, *windows.shape)."""
    found = gradients(explained, copies.flatten(0, 1), states.repeat(len(copies), 1))
    return torch.tensordot(found.unflatten(1, copies.shape[:2]).movedim(1, -1), weights, dims=1)


def _mean_gradients_behind_first(
    explained: Explained, copies: torch.Tensor, states: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """The same for (copy, batch, ...) copies of what `Policy.first_preactivation` gives."""
    entering = copies.flatten(0, 1).requires_grad_()
    answers, leaving = explained.each_from(entering, states.repeat(len(copies), 1))
    # The activation function's slope is that of every target; with the weights in it, a product and a sum are left.
    (slope,) = torch.autograd.grad(leaving.sum(), entering, retain_graph=True)
    slope = slope.unflatten(0, copies.shape[:2]) * _for_copies(weights, copies[0])
    means = []
    for answer, target in zip(answers, explained.targets, strict=True):
        found = _gradient(explained.policy, answer, leaving, target)
        gradient, mean = found.unflatten(0, copies.shape[:2]), torch.zeros_like(slope[0])
        for one, weighted_slope in zip(gradient, slope, strict=True):
            mean.addcmul_(one, weighted_slope)
        means.append(mean)
    # Whatever the pixels, for the first layer is affine in them.
    pixels = copies.new_zeros(len(means) * copies.shape[1], *explained.policy.observation_shape).requires_grad_()
    first = explained.policy.first_preactivation(pixels)
    assert first is not None  # it was there for the copies
    (found,) = torch.autograd.grad(first, pixels, torch.cat(means))
    return found.unflatten(0, (len(means), copies.shape[1]))[:, :, None]


def _occlusion(
    explained: Explained,
    windows: torch.Tensor,
    states: torch.Tensor,
    baselines: torch.Tensor,
    parameters: AttributionParameters,
) -> torch.Tensor:
    """As many painted windows at a time as pass the network together, each with one square of one step."""
    height, width = windows.shape[2:4]
    total = torch.zeros((len(explained.targets), *windows.shape[:-1]), dtype=windows.dtype, device=windows.device)
    covered = torch.zeros((height, width), dtype=windows.dtype, device=windows.device)
    differs = (windows != baselines).any(dim=-1)
    wanted = []
    for rows, columns in itertools.product(_spans(height, parameters), _spans(width, parameters)):
        covered[rows, columns] += 1
        # A square that looks the same painted over changes nothing.
        there = differs[:, :, rows, columns].any(dim=3).any(dim=2)
        wanted += [(window, step, rows, columns) for window, step in there.nonzero().tolist()]
    with torch.no_grad():
        before = explained.answers(windows, states)
        for start in range(0, len(wanted), parameters.batch_size):
            squares = wanted[start : start + parameters.batch_size]
            which = [window for window, *_ in squares]
            painted = windows[which]
            for one, (window, step, rows, columns) in zip(painted, squares, strict=True):
                one[step, rows, columns] = baselines[window, step, rows, columns]
            changes = before[which] - explained.answers(painted, states[which])
            for change, (window, step, rows, columns) in zip(changes, squares, strict=True):
                total[:, window, step, rows, columns] += change[:, None, None]
    return (total / covered)[..., None].expand(-1, *windows.shape)


def _spans(size: int, parameters: AttributionParameters) -> list[slice]:
    """Where squares begin and end along one side; the last may be cut by the edge."""
    beyond = max(size - parameters.window, 0)
    count = -(-beyond // parameters.stride) + 1
    starts: Sequence[int] = range(0, count * parameters.stride, parameters.stride)
    return [slice(start, min(start + parameters.window, size)) for start in starts]
