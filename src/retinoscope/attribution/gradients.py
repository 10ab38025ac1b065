"""What single units answer to a stimulus, and the gradient of that with respect to the pixels.

A unit of a convolution is shown its receptive field alone: a patch, for which the layer has one position. Other units
are shown whole observations, and units after the recurrent core one step from the zero state.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from retinoscope.agents.policy import Policy, inference, one_thread

PARALLEL_ROWS = 128


def stimulus_shape(policy: Policy, layer: str) -> tuple[int, int, int]:
    """(height, width, channel) of what a unit of this layer sees.

    Raises:
        UserError: there is no such layer.
    """
    if policy.layer(layer).kind != "convolution":
        return policy.observation_shape
    field = policy.receptive_field(layer)
    return field.height, field.width, policy.observation_shape[2]


def unit_activity(
    policy: Policy, layer: str, units: Sequence[int], stimuli: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Activity (count, unit) for stimuli (count, height, width, channel) of `stimulus_shape`, pixel units."""
    with inference():
        answers = _answers(policy, layer, torch.from_numpy(stimuli).to(policy.device))
        return answers[:, list(units)].cpu().numpy()


def gradient_sums(
    policy: Policy, layer: str, units: Sequence[int], stimuli: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Gradient of each unit with respect to the pixels, summed over stimuli.

    All units share one forward pass. The backward passes of as many units as there is room for run as one, so that the
    memory is that of `PARALLEL_ROWS` stimuli or, if there are more, of as many as are given.

    Args:
        policy: whose units.
        layer: name of their layer.
        units: their indices; channels, for a convolution.
        stimuli: (count, height, width, channel) of `stimulus_shape`, pixel units.

    Returns:
        (unit, height, width, channel) float64, activity per pixel unit.
    """
    # cuDNN has no backward pass for recurrent layers in evaluation mode.
    with one_thread(), torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        pixels = torch.from_numpy(stimuli).to(policy.device).requires_grad_()
        totals = _answers(policy, layer, pixels).sum(dim=0)
        rows = torch.eye(len(totals), device=policy.device)[list(units)]
        gradients = [
            _gradients(totals, pixels, part).sum(dim=1, dtype=torch.float64)
            for part in rows.split(max(1, PARALLEL_ROWS // len(stimuli)))
        ]
        return torch.cat(gradients).cpu().numpy()


def _gradients(totals: torch.Tensor, pixels: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """(unit, *pixels.shape) for one-hot rows (unit, all units)."""
    if len(rows) == 1:  # the plain backward pass is a tenth faster than a batch of one
        return torch.autograd.grad(totals, pixels, rows[0], retain_graph=True)[0][None]
    return torch.autograd.grad(totals, pixels, rows, retain_graph=True, is_grads_batched=True)[0]


def _answers(policy: Policy, layer: str, stimuli: torch.Tensor) -> torch.Tensor:
    """(count, all units of the layer)."""
    if policy.layer(layer).kind in ("convolution", "dense"):
        return policy.encode(stimuli, until=layer).flatten(1)
    with policy.capture(layer) as activity:
        policy.step(stimuli, policy.initial_state(len(stimuli)))
    return activity[layer]
