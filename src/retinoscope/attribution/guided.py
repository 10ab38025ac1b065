"""Guided backpropagation (Springenberg et al. 2015, "Striving for simplicity") for any activation function.

For ReLU, guided backpropagation lets a gradient pass where the unit was active in the forward pass (that is ReLU's
derivative) and where the gradient arriving from above is positive. The rule here is the same for every activation
function *f* with input *x* and arriving gradient *g*:

    guided(g) = f'(x) * max(g, 0)

For ReLU it is guided backpropagation as published, and as captum computes it. For ELU, whose derivative is 1 above zero
and alpha * exp(x) below, and for tanh, with derivative 1 - tanh(x)^2, negative arriving gradients are dropped just the
same, while the derivative grades what ReLU's would switch. captum hooks modules of type nn.ReLU alone, and on a network
of ELUs silently returns the plain gradient.

Activation functions are found wherever they are called, in modules or as functions, by the same list as layers are
(`agents/field_rules.py`). The gates of torch's recurrent cells are none: torch computes them inside of one operation,
and gradients pass through them unchanged; written out by hand, they are found like any other. The softmax of action
probabilities is none either. Of functions that are differentiable only in part, such as a threshold, f' is what torch
takes it to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from retinoscope.agents.field_rules import ACTIVATION_FUNCTIONS
from retinoscope.agents.policy import Policy, one_thread
from retinoscope.agents.tracing import name_of


class _Guide(TorchFunctionMode):
    """Drops negative gradients that arrive at the output of an activation function."""

    guided = 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.requires_grad and _is_activation(name_of(func), args, kwargs):
            self.guided += 1
            result.register_hook(lambda gradient: gradient.clamp(min=0))
        return result


def _is_activation(name: str, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> bool:
    if name == "clamp_min":  # with another limit than that of ReLU it keeps a division from going wrong
        return (args[1] if len(args) > 1 else (kwargs or {}).get("min")) == 0
    return name in ACTIVATION_FUNCTIONS


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
    """Whether the rule applies anywhere between the pixels and the outputs of a policy; never where none lead there."""
    pixels = torch.zeros(1, *policy.observation_shape, device=policy.device).requires_grad_()
    with one_thread(), torch.enable_grad(), guided_backprop() as guide:
        policy.step(pixels, policy.initial_state(1))
    return guide.guided > 0
