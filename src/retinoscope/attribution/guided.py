"""Guided backpropagation (Springenberg et al. 2015, "Striving for simplicity") for any activation function.

For ReLU, guided backpropagation lets a gradient pass where the unit was active in the forward pass (that is ReLU's
derivative) and where the gradient arriving from above is positive. The rule here is the same for every activation
function *f* with input *x* and arriving gradient *g*:

    guided(g) = f'(x) * max(g, 0)

For ReLU it is guided backpropagation as published, and as captum computes it. For ELU, whose derivative is 1 above zero
and alpha * exp(x) below, and for tanh, with derivative 1 - tanh(x)^2, negative arriving gradients are dropped just the
same, while the derivative grades what ReLU's would switch. captum hooks modules of type nn.ReLU alone, and on a network
of ELUs silently returns the plain gradient.

The gates of recurrent cells are no activation functions of a layer: torch computes them inside of one operation, and
gradients pass through them unchanged. Neither is the softmax of action probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from retinoscope.agents.policy import Policy, one_thread

ACTIVATION_FUNCTIONS: tuple[Callable[..., torch.Tensor], ...] = (
    *(F.relu, F.relu_, torch.relu, torch.relu_, torch.Tensor.relu, torch.Tensor.relu_),
    *(F.elu, F.elu_, F.selu, F.celu, F.leaky_relu, F.leaky_relu_, F.gelu, F.silu, F.softplus),
    *(F.tanh, torch.tanh, torch.tanh_, torch.Tensor.tanh, torch.Tensor.tanh_),
)
"""After which of torch's functions the rule holds; modules (nn.ELU and others) call these."""


class _Guide(TorchFunctionMode):
    """Drops negative gradients that arrive at the output of an activation function."""

    guided = 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in ACTIVATION_FUNCTIONS and isinstance(result, torch.Tensor) and result.requires_grad:
            self.guided += 1
            result.register_hook(lambda gradient: gradient.clamp(min=0))
        return result


@contextmanager
def guided_backprop() -> Iterator[_Guide]:
    """Within the `with` block, what is computed is differentiated by the rule above, then and later.

    Yields:
        An object whose `guided` counts the calls of activation functions that the rule was applied to; zero means that
        a gradient is the plain one.
    """
    with _Guide() as guide:
        yield guide


def has_activation_functions(policy: Policy) -> bool:
    """Whether the rule applies anywhere between the pixels and the outputs of a policy."""
    pixels = torch.zeros(1, *policy.observation_shape, device=policy.device).requires_grad_()
    with one_thread(), torch.enable_grad(), guided_backprop() as guide:
        policy.step(pixels, policy.initial_state(1))
    return guide.guided > 0
