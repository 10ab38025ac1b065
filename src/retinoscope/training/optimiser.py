"""The optimiser: AdamW whose weight decay differs by part of the network, and really reaches it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

from retinoscope.training.levers import Levers

Part = Literal["convolution", "dense", "memory", "head", "undecayed"]
PARTS: tuple[Part, ...] = ("convolution", "dense", "memory", "head", "undecayed")


def parts_of(encoder: nn.Module, memory: nn.Module | None, whole: nn.Module) -> Iterator[tuple[nn.Parameter, Part]]:
    """Every parameter of a network with the part whose decay it has, in the order of `whole.parameters()`.

    Biases and all other parameters with fewer than two axes do not decay; nor does a decoder, which is no part of the
    agent.
    """
    kernels = {id(each.weight) for each in encoder.modules() if isinstance(each, _ConvNd)}
    of_encoder = {id(each) for each in encoder.parameters()}
    of_memory = {id(each) for each in memory.parameters()} if memory is not None else set()
    for name, each in whole.named_parameters():
        if each.ndim < 2 or "decoder" in name.split("."):
            yield each, "undecayed"
        elif id(each) in kernels:
            yield each, "convolution"
        elif id(each) in of_encoder:
            yield each, "dense"
        else:
            yield each, "memory" if id(each) in of_memory else "head"


class PartedAdamW(torch.optim.AdamW):
    """AdamW with one group of parameters for every part that has some; the group's `part` names it.

    `full_weight_decay` of a group is its decay at the start, of which `leave_decay` leaves a share.
    """

    def __init__(
        self,
        parameters: Iterable[tuple[nn.Parameter, Part]],
        levers: Levers,
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        decays = {
            "convolution": levers.convolution_weight_decay,
            "dense": levers.dense_weight_decay,
            "memory": levers.memory_weight_decay,
            "head": levers.head_weight_decay,
            "undecayed": 0.0,
        }
        given = list(parameters)
        self._in_order = [parameter for parameter, _ in given]
        groups = [
            {
                "params": [parameter for parameter, its in given if its == part],
                "weight_decay": decays[part],
                "full_weight_decay": decays[part],
                "part": part,
            }
            for part in PARTS
            if any(its == part for _, its in given)
        ]
        super().__init__(groups, lr=learning_rate, betas=betas, eps=eps)

    def leave_decay(self, share: float) -> None:
        """From now on, every part's weight decay is this share of what it was at the start."""
        for group in self.param_groups:
            group["weight_decay"] = share * group["full_weight_decay"]

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state; the decays stay those of this optimiser.

        Runs of version 0.1 had all parameters in one group, in the order in which they were given here.
        """
        groups, saved_groups = self.state_dict()["param_groups"], state_dict["param_groups"]
        if len(saved_groups) == 1 and len(groups) > 1:
            number = {id(each): index for index, each in enumerate(self._in_order)}
            grouped = [number[id(each)] for group in self.param_groups for each in group["params"]]
            earlier = state_dict["state"]
            state = {new: earlier[old] for new, old in enumerate(grouped) if old in earlier}
            state_dict = {"state": state, "param_groups": [{**saved_groups[0], **group} for group in groups]}
        kept = [{name: group[name] for name in ("weight_decay", "full_weight_decay", "part")} for group in groups]
        super().load_state_dict(state_dict)
        for group, own in zip(self.param_groups, kept, strict=True):
            group.update(own)
