"""The networks that have learned nothing, beside which agents are compared."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.agents.redrawn import first_of_run, redrawn
from retinoscope.analyses.compared import Compared, Member
from retinoscope.errors import NotMeasurable

Role = Literal["agent", "untrained", "redrawn"]
"""One that is compared; the network that its training began with; the same network, its weights drawn anew."""


@dataclass(frozen=True)
class Standing:
    """An agent that is compared, or a network that has learned nothing beside it.

    Attributes:
        member: who.
        role: which of these.
    """

    member: Member
    role: Role


@dataclass(frozen=True)
class References:
    """All that stand side by side.

    Attributes:
        standing: members, and behind them the references of each run.
        note: sentences on what is not known, and on trainings that began with the same network; empty if nothing is.
    """

    standing: tuple[Standing, ...]
    note: str


def with_references(compared: Compared, seed: int) -> References:
    """The members, of each run the network before training where it is known, and a draw of its own.

    A member that was never trained is the reference of its run itself.
    """
    standing: list[Standing] = []
    behind: list[Standing] = []
    lacking, undrawn = [], []
    first_networks: dict[str, Policy] = {}
    for number, run in enumerate(compared.runs):
        members = compared.of_run(run)
        untrained = [each for each in members if each.agent.frames_trained == 0]
        standing += [Standing(each, "untrained" if each in untrained else "agent") for each in members]
        last = members[-1]
        if not untrained:
            first = first_of_run(last.agent)
            if first is None:
                lacking.append(run)
            else:
                untrained = [Member(f"{run} untrained", run, first)]
                behind += [Standing(untrained[0], "untrained")]
        if untrained:
            first_networks[run] = untrained[0].agent.policy
        try:
            draw = redrawn(last.agent.policy, int(np.random.SeedSequence([seed, number]).generate_state(1)[0]))
        except NotMeasurable:
            undrawn.append(run)
        else:
            drawn: Agent = dataclasses.replace(last.agent, policy=draw, frames_trained=0)
            behind.append(Standing(Member(f"{run} redrawn", run, drawn), "redrawn"))
    notes = []
    if lacking:
        notes.append(f"The network before training is not known of {', '.join(lacking)}.")
    if undrawn:
        notes.append(f"No weights could be drawn anew for {', '.join(undrawn)}.")
    if same := _began_alike(first_networks):
        notes.append(f"{', '.join(same)} began training with the same weights, up to the size of each layer's.")
    return References((*standing, *behind), " ".join(notes))


def _began_alike(first: dict[str, Policy]) -> list[str]:
    """Runs whose first networks have the same weights but for their size, layer by layer: r above 0.999."""
    found: list[str] = []
    names = list(first)
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            if _is_alike(first[one], first[other]):
                found += [name for name in (one, other) if name not in found]
    return found


def _is_alike(one: Policy, other: Policy) -> bool:
    for layer in one.layers:
        if layer.role in ("value", "policy"):
            continue
        if layer.name not in {each.name for each in other.layers}:
            return False
        weights, others = one.weights_of(layer.name), other.weights_of(layer.name)
        for name, each in weights.items():
            if each.dim() < 2:
                continue
            if name not in others or others[name].shape != each.shape:
                return False
            pair = torch.stack([each.detach().flatten().double(), others[name].detach().flatten().double()]).cpu()
            if not float(torch.corrcoef(pair)[0, 1]) > 0.999:
                return False
    return True
