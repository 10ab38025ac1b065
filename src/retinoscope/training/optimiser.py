"""The optimiser: AdamW whose weight decay differs by part of the network, and really reaches it."""

from __future__ import annotations

from collections.abc import Iterator
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


def parted_adamw(
    parameters: Iterator[tuple[nn.Parameter, Part]],
    levers: Levers,
    learning_rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> torch.optim.AdamW:
    """AdamW with one group of parameters for every part that has some; the group's `part` names it.

    `full_weight_decay` of a group is its decay at the start, of which `leave_decay` leaves a share.
    """
    decays = {
        "convolution": levers.convolution_weight_decay,
        "dense": levers.dense_weight_decay,
        "memory": levers.memory_weight_decay,
        "head": levers.head_weight_decay,
        "undecayed": 0.0,
    }
    by_part: dict[Part, list[nn.Parameter]] = {part: [] for part in PARTS}
    for parameter, part in parameters:
        by_part[part].append(parameter)
    groups = [
        {"params": given, "weight_decay": decays[part], "full_weight_decay": decays[part], "part": part}
        for part, given in by_part.items()
        if given
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=betas, eps=eps)


def leave_decay(optimiser: torch.optim.Optimizer, share: float) -> None:
    """From now on, every part's weight decay is this share of what it was at the start."""
    for group in optimiser.param_groups:
        group["weight_decay"] = share * group["full_weight_decay"]


def load_state(optimiser: torch.optim.AdamW, saved: dict[str, Any], in_order: list[nn.Parameter]) -> None:
    """Go on from a saved state; the decays stay those of `optimiser`.

    Runs of version 0.1 had all parameters in one group, in the order of `in_order`.
    """
    groups, saved_groups = optimiser.state_dict()["param_groups"], saved["param_groups"]
    if len(saved_groups) == 1 and len(groups) > 1:
        number = {id(each): index for index, each in enumerate(in_order)}
        grouped = [each for group in optimiser.param_groups for each in group["params"]]
        state = {
            new: saved["state"][number[id(each)]]
            for new, each in enumerate(grouped)
            if number[id(each)] in saved["state"]
        }
        saved_groups = [{**saved_groups[0], **group} for group in groups]
        saved = {"state": state, "param_groups": saved_groups}
    kept = [{name: group[name] for name in ("weight_decay", "full_weight_decay", "part")} for group in groups]
    optimiser.load_state_dict(saved)
    for group, own in zip(optimiser.param_groups, kept, strict=True):
        group.update(own)
