"""What an agent's network is like without what it learned: before its training, and as other draws would have been.

Whatever a network shows that has learned nothing is no evidence about an agent. There are two such networks: the one
that training began with, where its run kept it (`first_of_run`), and independent draws of the same network
(`redrawn`).
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable

import torch
from torch import nn

from retinoscope.agents.actor_critic import ActorCriticNetwork, ActorCriticPolicy
from retinoscope.agents.agent import Agent
from retinoscope.agents.load import load_agent
from retinoscope.agents.networks import scale_convolutions
from retinoscope.agents.policy import Policy
from retinoscope.agents.sample_factory_run import list_checkpoints
from retinoscope.agents.siblings import run_directory, shipped_with
from retinoscope.errors import NotMeasurable, UserError, said

_OF_TWINS = ["class"]  # the head of a network that was trained to name classes


def redrawn(policy: Policy, seed: int) -> Policy:
    """The same network with all weights drawn anew, by the law by which they were before training.

    A network of this package, with an encoder of it or of the user's own: as Sample Factory does it, kernels and
    matrices orthogonal with gain 1 (Saxe, McClelland & Ganguli 2014, "Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks"), biases zero, the recurrent layer by torch's own law; a supervised twin
    wholly by torch's own, its critic left silent. Of all these the kernels are then multiplied by `initial_scale`. Any
    other module: by the `reset_parameters` of every part, inner parts first, so that a method of the whole has the last
    word. That is torch's own law unless the module says another, even where its owner began training with some other.

    What belongs to the outputs alone, without such a method, such as the deviations of continuous actions, stays. So do
    the constants by which pixels and values are normalised; a batch normalisation forgets what it has averaged.

    Args:
        policy: stays as it is.
        seed: of the draws; the same seed gives the same weights on every device.

    Raises:
        NotMeasurable: some part has parameters, and nothing says how to draw them.
    """
    found = copy.deepcopy(policy.to("cpu"))
    module = getattr(found, "network" if isinstance(found, ActorCriticPolicy) else "module", None)
    if not isinstance(module, nn.Module):
        raise NotMeasurable(f"{type(policy).__name__}: is no network whose weights could be drawn anew")
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        if isinstance(module, ActorCriticNetwork):
            _draw_ours(module, is_twin=[head.name for head in found.action_heads] == _OF_TWINS)
        else:
            _draw_any(module, found)
    return found.to(policy.device)


def first_of_run(agent: Agent) -> Agent | None:
    """The checkpoint of before training of the run (or of the shipped agent) that an agent comes from.

    It computes where the agent does, and lives in the same world.

    Returns:
        The checkpoint at 0 frames; the agent itself if it is one that was never trained; None where it is not known:
        the agent comes from no run, or its run did not keep that checkpoint, or it cannot be read.
    """
    shipped, run = shipped_with(agent), run_directory(agent)
    if shipped:
        first = min(shipped.values(), key=lambda each: each.frames_trained or 0)
        return _beside(first, agent) if first.frames_trained == 0 else None
    if run is None:
        return agent if agent.frames_trained == 0 else None
    try:
        kept = list_checkpoints(run)[0]
        return None if kept.frames else _beside(load_agent(kept.path, device=agent.policy.device), agent)
    except UserError:
        return None


def _beside(first: Agent, agent: Agent) -> Agent:
    return dataclasses.replace(first, world=agent.world)


def _draw_ours(network: ActorCriticNetwork, is_twin: bool) -> None:
    """Those of this package, with an encoder of it or of the user's own."""
    _reset_all(network, lambda parameter: False)
    if is_twin:
        nn.init.zeros_(network.value.weight)
        nn.init.zeros_(network.value.bias)
    else:
        for part in network.modules():
            if isinstance(getattr(part, "bias", None), nn.Parameter):
                nn.init.zeros_(part.bias)  # type: ignore[arg-type]
            if type(part) in (nn.Conv2d, nn.Linear):  # of these classes alone Sample Factory draws the weights
                nn.init.orthogonal_(part.weight)  # type: ignore[arg-type]
    scale_convolutions(network.encoder, network.initial_scale)


def _draw_any(module: nn.Module, policy: Policy) -> None:
    inner = [each.name for each in policy.layers if each.role not in ("value", "policy")]
    below = {id(parameter) for name in inner for parameter in policy.weights_of(name).values()}
    _reset_all(module, lambda parameter: id(parameter) not in below)


def _reset_all(module: nn.Module, may_stay: Callable[[nn.Parameter], bool]) -> None:
    """Reset every part, inner ones first.

    Args:
        module: whose.
        may_stay: whether a parameter that no method draws may.

    Raises:
        NotMeasurable: some parameter is drawn by none and may not stay.
    """
    parts = list(module.named_modules())
    drawing = {id(part): _method_of(part) for _, part in parts}
    drawn = {id(each) for _, part in parts if drawing[id(part)] for each in part.parameters()}
    for name, part in parts:
        for parameter in part.parameters(recurse=False):
            if id(parameter) not in drawn and not may_stay(parameter):
                where = f"module {name!r}" if name else "the module"
                raise NotMeasurable(
                    f"{where} ({type(part).__name__}): has parameters and no reset_parameters(), so that they cannot "
                    "be drawn anew; give it that method"
                )
    for name, part in reversed(parts):
        method = drawing[id(part)]
        if method is not None:
            try:
                method()
            except Exception as error:  # whatever a user's own method does
                raise NotMeasurable(f"module {name!r}: its reset_parameters() fails ({said(error)})") from error


def _method_of(part: nn.Module) -> Callable[[], object] | None:
    """How a part draws its parameters; torch's attention alone keeps the method to itself."""
    method = getattr(part, "reset_parameters", None) or getattr(part, "_reset_parameters", None)
    return method if callable(method) else None
