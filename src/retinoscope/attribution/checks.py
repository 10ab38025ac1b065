"""What would make a map meaningless, found and named before it is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from retinoscope.agents.policy import Policy, one_thread
from retinoscope.errors import UserError

if TYPE_CHECKING:
    from retinoscope.attribution.methods import Explained


def require_finite(explained: Explained, windows: torch.Tensor, states: torch.Tensor, maps: torch.Tensor) -> None:
    """The maps are finite numbers.

    Raises:
        UserError: they are not; says where in the network this first appears.
    """
    # A finite sum says it of all of them, in one pass.
    if not torch.isfinite(maps.sum()) and not torch.isfinite(maps).all():
        raise UserError(
            f"attribution: the network gives what is not a number, first {_first(explained, windows, states)}"
        )


def has_gradient(policy: Policy) -> bool:
    """Whether any gradient leads from what a policy decides to the pixels."""
    # cuDNN has no backward pass for recurrent layers in evaluation mode.
    with one_thread(), torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        pixels = torch.zeros(1, *policy.observation_shape, device=policy.device).requires_grad_()
        logits = policy.step(pixels, policy.initial_state(1)).logits
        if not logits.requires_grad:
            return False
        (found,) = torch.autograd.grad(logits.sum(), pixels, allow_unused=True)
        return found is not None


def why_no_gradient(policy: Policy) -> str:
    """Why gradients do not reach the pixels, as far as the policy says it; the beginning of a sentence."""
    said = next((note for note in policy.notes if note.startswith("gradients do not reach")), "")
    # What the note advises instead is not for everyone who asks.
    return said.partition(";")[0] or (
        "no gradient leads from it to the pixels (what it is computed from is detached, rounded or constant)"
    )


def _first(explained: Explained, windows: torch.Tensor, states: torch.Tensor) -> str:
    policy = explained.policy
    if not torch.isfinite(states).all():
        return "in the recurrent state that enters; give finite states"
    names = [layer.name for layer in policy.layers]
    with torch.no_grad():
        for step in range(windows.shape[1]):
            with policy.capture(*names) as activity:
                states = policy.step(windows[:, step], states).state
            for name in names:
                if not torch.isfinite(activity[name]).all():
                    return f"in layer {name} (order: {', '.join(names)}); check its weights in the checkpoint"
    return "in the backward pass, while all activity is finite; use method 'occlusion'"
