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

Integrated gradients are captum's; only the gradients on the path come from here, since a call of captum is for one
target and here all targets share each forward pass. The others are ours: captum's gradient x input knows no baseline;
its guided backpropagation is the plain gradient on ELU; its SmoothGrad draws noise anew for every batch, so that the
map of a frame depends on its company; its occlusion, to the same numbers, runs the network once for every target.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from retinoscope.agents.policy import Policy
from retinoscope.attribution.guided import guided_backprop
from retinoscope.attribution.parameters import AttributionParameters, Method
from retinoscope.attribution.targets import Target, answers_of, layers_of
from retinoscope.errors import UserError


@dataclass(frozen=True)
class Explained:
    """Targets of a policy as a function of windows.

    Attributes:
        policy: which computes them.
        targets: what is explained.
    """

    policy: Policy
    targets: tuple[Target, ...]

    def answers(self, windows: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """(batch, target) for windows (batch, step, height, width, channel) and entering states (batch, state)."""
        for step in range(windows.shape[1] - 1):
            states = self.policy.step(windows[:, step], states).state
        with self.policy.capture(*layers_of(self.targets)) as activity:
            computed = self.policy.step(windows[:, -1], states)
        return answers_of(self.policy, self.targets, computed, activity)


def maps_of(
    method: Method,
    explained: Explained,
    windows: torch.Tensor,
    states: torch.Tensor,
    baselines: torch.Tensor | None,
    parameters: AttributionParameters,
) -> torch.Tensor:
    """Maps (target, *windows.shape) by one method, for as many windows as pass the network at a time.

    Args:
        method: one of `parameters.METHODS`.
        explained: targets of a policy.
        windows: (batch, step, height, width, channel), float, pixel units.
        states: (batch, state), entering the first step.
        baselines: of the shape of `windows`; for the methods `WITH_BASELINE`.
        parameters: of the methods.
    """
    if method == "smoothgrad":
        return _smoothgrad(explained, windows, states, parameters)
    if method == "guided_backprop":
        return _guided(explained, windows, states)
    if method == "gradient" or baselines is None:
        return gradients(explained, windows, states)
    if method == "gradient_x_input":
        return gradients(explained, windows, states) * (windows - baselines)
    if method == "integrated_gradients":
        return _integrated_gradients(explained, windows, states, baselines, parameters.steps)
    return _occlusion(explained, windows, states, baselines, parameters)


def rows_per_window(method: Method, parameters: AttributionParameters) -> int:
    """Copies of a window that pass the network together."""
    return parameters.steps if method == "integrated_gradients" else 1


def gradients(explained: Explained, windows: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
    """df/dx of every target, (target, *windows.shape), from one forward pass."""
    pixels = windows.detach().requires_grad_()
    totals = explained.answers(pixels, states).sum(dim=0)
    last = len(totals) - 1
    return torch.stack(
        [torch.autograd.grad(total, pixels, retain_graph=index < last)[0] for index, total in enumerate(totals)]
    )


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
    """Captum lays out the path, weighs the gradients and multiplies; the gradients of all targets are computed here."""
    # Here, because captum brings matplotlib along, which computing needs nowhere else.
    from captum.attr import IntegratedGradients

    def gradients_by_target(
        forward_fn: Any, inputs: tuple[torch.Tensor], target_ind: Any, additional_forward_args: tuple[torch.Tensor]
    ) -> tuple[torch.Tensor]:
        return (gradients(explained, inputs[0][:, 0], additional_forward_args[0]).movedim(0, 1),)

    captum: Any = IntegratedGradients(explained.answers)
    captum.gradient_func = gradients_by_target
    # The axis of length one is where the targets come to stand.
    found = captum.attribute(windows[:, None], baselines[:, None], additional_forward_args=(states,), n_steps=steps)
    return found.movedim(0, 1).to(windows.dtype)


def _smoothgrad(
    explained: Explained, windows: torch.Tensor, states: torch.Tensor, parameters: AttributionParameters
) -> torch.Tensor:
    """Every window gets the same noise, so that its map does not depend on the others of its batch."""
    generator = torch.Generator().manual_seed(parameters.seed)
    total = torch.zeros((len(explained.targets), *windows.shape), dtype=windows.dtype, device=windows.device)
    for _ in range(parameters.samples):
        noise = torch.randn(windows.shape[1:], generator=generator, dtype=torch.float32)
        noisy = windows + parameters.noise_sigma * noise.to(windows)
        total += gradients(explained, noisy, states)
    return total / parameters.samples


def _occlusion(
    explained: Explained,
    windows: torch.Tensor,
    states: torch.Tensor,
    baselines: torch.Tensor,
    parameters: AttributionParameters,
) -> torch.Tensor:
    """One square of one step at a time; all windows of the batch together."""
    steps, height, width = windows.shape[1:4]
    total = torch.zeros((len(explained.targets), *windows.shape[:-1]), dtype=windows.dtype, device=windows.device)
    covered = torch.zeros((height, width), dtype=windows.dtype, device=windows.device)
    squares = list(itertools.product(_spans(height, parameters), _spans(width, parameters)))
    with torch.no_grad():
        before = explained.answers(windows, states)
        for rows, columns in squares:
            covered[rows, columns] += 1
            for step in range(steps):
                painted = windows.clone()
                painted[:, step, rows, columns] = baselines[:, step, rows, columns]
                change = before - explained.answers(painted, states)
                total[:, :, step, rows, columns] += change.T[:, :, None, None]
    return (total / covered)[..., None].expand(-1, *windows.shape)


def _spans(size: int, parameters: AttributionParameters) -> list[slice]:
    """Where squares begin and end along one side; the last may be cut by the edge."""
    beyond = max(size - parameters.window, 0)
    count = -(-beyond // parameters.stride) + 1
    starts: Sequence[int] = range(0, count * parameters.stride, parameters.stride)
    return [slice(start, min(start + parameters.window, size)) for start in starts]
