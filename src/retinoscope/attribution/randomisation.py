"""Cascading randomisation of a network's parameters (Adebayo et al. 2018, "Sanity checks for saliency maps").

Layers lose what they learned one after the other, from the outputs down to the pixels. A map that hardly changes
meanwhile shows the picture and not the network. In a deep network the maps of one size lose it together.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator

import torch
from torch import nn

from retinoscope.agents.policy import Policy
from retinoscope.errors import UserError

_MOST_STAGES_OF_MAPS = 8


def stages(policy: Policy) -> tuple[str, ...]:
    """Names of the stages of the cascade, in order: the outputs together, then each layer below.

    A stage of several layers has the name of the first of them to be computed.

    Raises:
        UserError: no layer of the policy is known to have parameters.
    """
    return tuple(_groups(policy))


def first_judged(policy: Policy) -> int:
    """Index of the stage at which the last layer above the maps falls; the last stage if there are no maps.

    With only its outputs randomised a network still computes the same features: stages before are no evidence.
    """
    maps = {layer.name for layer in policy.layers if layer.is_map}
    above = [number for number, name in enumerate(stages(policy)) if name not in maps]
    return above[-1] if above else 0


def cascade(policy: Policy, seed: int = 0) -> Iterator[tuple[str, Policy]]:
    """Copies of a policy in which ever more layers are randomised, each keeping what those before it lost.

    Weights and biases are drawn from a normal distribution with mean zero and the root mean square of the trained
    tensor, so that activity stays of its size.

    Args:
        policy: stays as it is.
        seed: of the draws.

    Yields:
        (stage, policy): name of the layer randomised last, and the policy.

    Raises:
        UserError: no layer of the policy is known to have parameters.
    """
    generator = torch.Generator().manual_seed(seed)
    randomised = copy.deepcopy(policy)
    for stage, parameters in _groups(randomised).items():
        with torch.no_grad():
            for tensor in parameters:
                noise = torch.randn(tensor.shape, generator=generator, dtype=torch.float32)
                tensor.copy_(noise.to(tensor) * tensor.square().mean().sqrt())
        yield stage, copy.deepcopy(randomised)


def _groups(policy: Policy) -> dict[str, list[nn.Parameter]]:
    """Parameters by stage, from the top down; one of several layers goes with the highest."""
    outputs = policy.layers_of("value", "policy")
    above = [layer for layer in policy.layers if layer not in outputs and not layer.is_map]
    maps = [layer for layer in policy.layers if layer.is_map and policy.weights_of(layer.name)]
    below = [[layer] for layer in maps]
    if len(maps) > _MOST_STAGES_OF_MAPS:
        below = [list(same) for _, same in itertools.groupby(maps, key=lambda layer: layer.shape[1:])]
    order = [list(outputs), *([layer] for layer in reversed(above)), *reversed(below)]
    seen: set[int] = set()
    groups: dict[str, list[nn.Parameter]] = {}
    for number, layers in enumerate(order):
        found = [each for layer in layers for each in policy.weights_of(layer.name).values()]
        fresh = [each for each in {id(each): each for each in found}.values() if id(each) not in seen]
        seen |= {id(each) for each in fresh}
        if fresh:
            groups[layers[0].name if number else " and ".join(layer.name for layer in layers)] = fresh
    if not groups:
        raise UserError(
            f"attribution checks: no layer of {type(policy).__name__} is known to have parameters, so that none can be "
            "randomised"
        )
    return groups
