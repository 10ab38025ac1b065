"""Cascading randomisation of a network's parameters (Adebayo et al. 2018, "Sanity checks for saliency maps").

Layers lose what they learned one after the other, from the outputs down to the pixels. A map that hardly changes
meanwhile shows the picture and not the network.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import nn

from retinoscope.agents.policy import Policy
from retinoscope.errors import UserError


def stages(policy: Policy) -> tuple[str, ...]:
    """Names of the stages of the cascade, in order: the outputs together, then each layer below."""
    groups = _groups(policy)
    return tuple(groups)


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
        UserError: the policy holds no network of torch modules.
    """
    generator = torch.Generator().manual_seed(seed)
    randomised = copy.deepcopy(policy)
    for stage, names in _groups(randomised).items():
        parameters = _parameters(randomised)
        with torch.no_grad():
            for name in names:
                tensor = parameters[name]
                noise = torch.randn(tensor.shape, generator=generator, dtype=torch.float32)
                tensor.copy_(noise.to(tensor) * tensor.square().mean().sqrt())
        yield stage, copy.deepcopy(randomised)


def _groups(policy: Policy) -> dict[str, list[str]]:
    """Names of parameters by stage, from the top down."""
    parameters = _parameters(policy)
    layers = [layer.name for layer in policy.layers]
    outputs = [layer.name for layer in policy.layers if layer.kind in ("value", "policy")]
    groups: dict[str, list[str]] = {}
    for name in parameters:
        owner = next((part for part in name.split(".") if part in layers), name.rpartition(".")[0])
        groups.setdefault(" and ".join(outputs) if owner in outputs else owner, []).append(name)
    below = [name for name in groups if name not in layers]
    order = [*below, *(name for name in reversed(layers) if name in groups)]
    return {name: groups[name] for name in order}


def _parameters(policy: Policy) -> dict[str, nn.Parameter]:
    networks = {name: value for name, value in vars(policy).items() if isinstance(value, nn.Module)}
    found = {f"{name}.{key}": value for name, module in networks.items() for key, value in module.named_parameters()}
    if not found:
        raise UserError(
            f"attribution checks: {type(policy).__name__} holds no network of torch modules, so that its parameters "
            "cannot be randomised"
        )
    return found
