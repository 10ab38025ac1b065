"""What single units answer to a stimulus, and the gradient of that with respect to the pixels.

What each unit is shown, and which unit of a map answers for its channel, is said by the policy: see
`Policy.stimulus_shape` and `Policy.unit_answers`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from retinoscope.agents.policy import Policy, inference, one_thread
from retinoscope.attribution.checks import why_no_gradient
from retinoscope.errors import NotMeasurable

PARALLEL_ROWS = 128


def unit_activity(
    policy: Policy, layer: str, units: Sequence[int], stimuli: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Activity (count, unit) for stimuli (count, *`Policy.stimulus_shape`), pixel units; a map's units are channels."""
    with inference():
        answers = policy.unit_answers(torch.from_numpy(stimuli).to(policy.device), layer)
        return answers[:, list(units)].float().cpu().numpy()


def gradient_sums(
    policy: Policy, layer: str, units: Sequence[int], stimuli: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Gradient of each unit with respect to the pixels, summed over stimuli.

    All units share one forward pass. The backward passes of as many units as there is room for run as one, so that the
    memory is that of `PARALLEL_ROWS` stimuli or, if there are more, of as many as are given. Networks with something
    in them that torch cannot pass backwards for many units at once are passed once for each.

    Args:
        policy: whose units.
        layer: name of their layer.
        units: their indices; channels, for a map.
        stimuli: (count, *`Policy.stimulus_shape`), pixel units.

    Returns:
        (unit, height, width, channel) float64, activity per pixel unit.

    Raises:
        NotMeasurable: no gradient leads from the layer to the pixels.
    """
    # cuDNN has no backward pass for recurrent layers in evaluation mode.
    with one_thread(), torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        pixels = torch.from_numpy(stimuli).to(policy.device).requires_grad_()
        totals = policy.unit_answers(pixels, layer).sum(dim=0)
        if not totals.requires_grad:
            raise NotMeasurable(f"layer {layer!r}: {why_no_gradient(policy)}; use method 'noise', which needs none")
        rows = torch.eye(len(totals), device=policy.device, dtype=totals.dtype)[list(units)]
        # One array for all: small ones kept beside the large ones that are freed would leave holes in the memory.
        found = np.empty((len(rows), *pixels.shape[1:]))
        place = 0
        for part in rows.split(max(1, PARALLEL_ROWS // len(stimuli))):
            sums = _gradients(totals, pixels, part).sum(dim=1, dtype=torch.float64)
            found[place : place + len(part)] = sums.cpu().numpy()
            place += len(part)
        return found


def _gradients(totals: torch.Tensor, pixels: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """(unit, *pixels.shape) for one-hot rows (unit, all units)."""
    if len(rows) > 1:  # the plain backward pass of one is a tenth faster than a batch of one
        try:
            return _backward(totals, pixels, rows, is_grads_batched=True)
        except RuntimeError:  # a function whose backward pass knows no batches, one of a user's own for example
            pass
    return torch.stack([_backward(totals, pixels, row) for row in rows])


def _backward(totals: torch.Tensor, pixels: torch.Tensor, rows: torch.Tensor, **how: bool) -> torch.Tensor:
    """Zeros where what the units answer does not depend on the pixels."""
    (found,) = torch.autograd.grad(totals, pixels, rows, retain_graph=True, allow_unused=True, **how)
    return pixels.new_zeros(*rows.shape[:-1], *pixels.shape) if found is None else found
