"""What cannot be a policy is refused in one line: modules, answers, actions and observations that do not fit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from retinoscope.agents.actions import ActionHead
from retinoscope.errors import UserError
from tests.agents.test_traced_policy import SMALL, Small, pixels_of, policy_of


class Raising(nn.Module):
    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer, self.out = answer, nn.Linear(360, 4)

    def forward(self, pixels: torch.Tensor) -> Any:
        return self.answer(self.out(pixels.flatten(1)))


def batch_mixing(logits: torch.Tensor) -> torch.Tensor:
    return logits - logits.mean(0)


@pytest.mark.parametrize(
    ("answer", "more", "message"),
    [
        (
            lambda logits: 1 / 0,
            {},
            r"the forward pass fails on pixels \(2, 12, 10, 3\): ZeroDivisionError: division by zero",
        ),
        (lambda logits: {"logits": logits}, {}, "step: returned a dict as logits; it must be a tensor of floats"),
        (
            lambda logits: (logits, logits, logits),
            {},
            "returned a tuple of 3; it must return logits, \\(logits, value\\)",
        ),
        (
            lambda logits: logits.argmax(1),
            {},
            r"step: returned a Tensor of \(2,\) as logits; it must be a tensor of floats",
        ),
        (
            lambda logits: (logits, logits),
            {},
            r"step: gave a value of shape \(3, 4\); it must be one number for each row",
        ),
        (lambda logits: logits, {"actions": 5}, "the network gives 4 logits, the actions need 5"),
        (lambda logits: logits, {"actions": {"a": 3, "b": 2}}, r"gives 4 logits, the actions need 3 \+ 2 = 5"),
        (lambda logits: logits, {"actions": "left"}, "actions 'left': are none; give their number or names"),
        (lambda logits: logits, {"actions": ("a", "a")}, "two have the same name"),
        (lambda logits: logits, {"actions": 0}, "actions 0: are none"),
        (lambda logits: logits / 0, {}, "layer 'policy': gives numbers that are not finite"),
        (batch_mixing, {}, "the rows of a batch act on each other"),
        (lambda logits: logits + torch.rand(1), {}, "gives another answer every time it is asked"),
        (lambda logits: logits, {"shape": (4,)}, r"observation_shape \(4,\): is no picture"),
        (lambda logits: logits, {"shape": (4, 84, 84)}, r"has its channels first; give \(84, 84, 4\)"),
        (lambda logits: logits, {"initial_state": 3}, "TypeError"),
        (lambda logits: logits, {"initial_state": "zeros"}, "initial_state: give the number of units, or a function"),
        (lambda logits: logits, {"initial_state": lambda batch: torch.zeros(1, 3)}, "one dimension must be the batch"),
        (lambda logits: logits, {"initial_state": 3, "step": lambda m, x, s: (m(x), s[:, :2])}, "state: has shape"),
        (
            lambda logits: logits,
            {"initial_state": 3, "step": lambda m, x, s: m(x)},
            "it must return \\(logits, state\\)",
        ),
        (lambda logits: logits, {"step": lambda m, x, s: torch.zeros(len(x), 4)}, "uses none of the parameters"),
        (
            lambda logits: logits,
            {"preprocess": lambda pixels: pixels.float() / (255 if pixels.dtype == torch.uint8 else 1)},
            "gives other numbers for float pixels than for uint8",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(answer: Any, more: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        policy_of(Raising(answer), **more)
    assert "\n" not in str(raised.value)


def test_what_is_no_module_or_takes_another_path_later_is_refused() -> None:
    with pytest.raises(UserError, match="agent 'agent': is a function; give a torch.nn.Module"):
        policy_of(lambda pixels: pixels)  # type: ignore[arg-type]

    class Fickle(Small):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return self.out(self.encoded(pixels)) if len(pixels) < 4 else pixels.mean((2, 3)) @ torch.ones(3, 4)

    policy = policy_of(Fickle())
    with (
        pytest.raises(UserError, match="layer 'fc': was not computed as when the agent was loaded"),
        policy.capture("fc"),
    ):
        policy.step(pixels_of(SMALL, 4), policy.initial_state(4))
    with pytest.raises(UserError, match="layer 'fc': is not a convolution"):
        policy.receptive_field("fc")
    with pytest.raises(UserError, match="layer 'policy': is not in the encoder; choose from conv1, conv2, fc"):
        policy.encode(pixels_of(SMALL), until="policy")
    with pytest.raises(UserError, match="layer 'conv1': cannot be edited"), policy.edited("conv1", torch.neg):
        pass


def test_heads_can_be_given_as_they_are() -> None:
    heads = (ActionHead("turn", ("left", "right")), ActionHead("move", ("on", "back")))
    assert policy_of(Small(), actions=heads).action_heads == heads
