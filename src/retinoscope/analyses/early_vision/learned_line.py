"""The one line that says how much an agent learned: on every figure of receptive fields, and first on the page.

It is read off the weights alone, in milliseconds. `learned` measures the same at length, beside what chance gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Layer, Policy
from retinoscope.agents.redrawn import first_of_run
from retinoscope.statistics.learned import correlation, share_learned

NOT_KNOWN = "How much was learned is not known: no checkpoint of before training"
UNTRAINED = "Untrained: the initialisation itself"

WORDS = (
    (0.05, "the initialisation, hardly changed"),
    (0.5, "mostly the initialisation"),
    (0.91, "some of the initialisation is left"),
    (float("inf"), "little of the initialisation is left"),
)
"""What is said of shares below these limits. Of 0.91 and more, weights correlate by 0.3 at most with the first ones."""

_LISTED = 5  # layers that a line names; of more it gives the range


@dataclass(frozen=True)
class LearnedLine:
    """What one line says of an agent.

    Attributes:
        shares: learned by each layer with weights, 0 to 1, by its name in order; None where it is not known.
        convolutions: those of them that are convolutions, or else stages of the encoder, or else all.
        is_untrained: the agent is the checkpoint of before training.
    """

    shares: Mapping[str, float] | None
    convolutions: tuple[str, ...] = ()
    is_untrained: bool = False

    @property
    def text(self) -> str:
        """Of the whole agent: `conv1 6%, conv2 22%, conv3 11% learned: mostly the initialisation`."""
        return self._of(self.convolutions)

    def of_fields(self, layer: str, before: Sequence[str]) -> str:
        """Of the fields of a layer: `22% of the weights learned: mostly the initialisation (conv1 below it: 6%)`.

        Args:
            layer: its name.
            before: layers that are computed before it, in order; through them it sees.
        """
        if self.shares is None or self.is_untrained:
            return self._of(())
        below = [name for name in before if name in self.shares and name != layer]
        if layer not in self.shares:
            return self._of([name for name in below if name in self.convolutions] or below)
        share = self.shares[layer]
        behind = f" (below it {_listed({name: self.shares[name] for name in below})})" if below else ""
        return f"{percent(share)} of the weights of {layer} learned: {words(share)}{behind}"

    def _of(self, names: Sequence[str]) -> str:
        if self.shares is None:
            return NOT_KNOWN
        if self.is_untrained:
            return UNTRAINED
        chosen = {name: self.shares[name] for name in names}
        if not chosen:
            return "Nothing to learn here: no weights"
        groups: dict[str, dict[str, float]] = {}
        if len(chosen) > _LISTED:
            groups[words(float(np.median(list(chosen.values()))))] = chosen
        else:
            for name, share in chosen.items():
                groups.setdefault(words(share), {})[name] = share
        return "; ".join(f"{_listed(each)} learned: {said}" for said, each in groups.items())


def learned_line(agent: Agent | Policy, first: Agent | None = None) -> LearnedLine:
    """Compare the weights of an agent with those of before its training.

    Args:
        agent: a policy alone comes from no run.
        first: the checkpoint of before training; None for that of the agent's run.
    """
    if not isinstance(agent, Agent):
        return LearnedLine(None)
    first = first or first_of_run(agent)
    if first is None:
        return LearnedLine(None)
    before, after = weight_matrices(first.policy), weight_matrices(agent.policy)
    if _shapes(before) != _shapes(after):
        return LearnedLine(None)
    found = {name: correlation(_flat(before[name]), _flat(after[name])) for name in after}
    shares = {name: float(share_learned(r)) for name, r in found.items() if np.isfinite(r)}
    if not shares:
        return LearnedLine(None)
    is_untrained = agent.frames_trained == 0 and max(shares.values()) < 1e-9
    return LearnedLine(shares, _early(agent.policy, shares), is_untrained)


def lines_of_fields(agent: Agent | Policy, layers: Sequence[str]) -> dict[str, str]:
    """What is said on the figure of the fields of each of these layers, by its name."""
    policy = agent.policy if isinstance(agent, Agent) else agent
    line = learned_line(agent)
    order = [layer.name for layer in policy.layers if layer.role not in ("value", "policy")]
    below = {name: order[: order.index(name)] if name in order else order for name in layers}
    return {name: line.of_fields(name, below[name]) for name in layers}


def weight_matrices(policy: Policy) -> dict[str, list[NDArray[Any]]]:
    """The weights of every layer that has some, as matrices (unit, input) float64, in the order of computation.

    Biases and what else has a single axis are left out: before training they are all the same. Actor and critic are one
    layer, `value and policy`, where it is not known what belongs to which.
    """
    found: dict[str, list[NDArray[Any]]] = {}
    owners: dict[frozenset[int], str] = {}
    for layer in policy.layers:
        weights = [each for each in policy.weights_of(layer.name).values() if each.ndim >= 2]
        same = frozenset(map(id, weights))
        if not weights:
            continue
        if same in owners:
            found = {_joint(name, owners[same], layer.name): each for name, each in found.items()}
            owners[same] = f"{owners[same]} and {layer.name}"
            continue
        owners[same] = layer.name
        found[layer.name] = [_matrix(each.detach().cpu().double().numpy(), layer) for each in weights]
    return found


def words(share: float) -> str:
    """What is left of the initialisation where this share was learned, see `WORDS`."""
    return next(said for limit, said in WORDS if share < limit)


def percent(share: float) -> str:
    """A share as people read it: `0.4%`, `17%`; neither nothing nor everything unless it is."""
    if share < 0.0005:
        return "0%" if share < 1e-9 else "less than 0.1%"
    if share < 0.01:
        return f"{100 * share:.1f}%"
    return f"{100 * share:.0f}%" if share < 0.995 else "over 99%"


def _joint(name: str, first: str, second: str) -> str:
    return f"{first} and {second}" if name == first else name


def _matrix(weights: NDArray[Any], layer: Layer) -> NDArray[Any]:
    """(unit, input); of a transposed convolution the units are on the second axis."""
    is_transposed = layer.is_map and weights.shape[0] != layer.shape[0] == weights.shape[1]
    turned = weights.swapaxes(0, 1) if is_transposed else weights
    return turned.reshape(len(turned), -1)


def _early(policy: Policy, shares: Mapping[str, float]) -> tuple[str, ...]:
    kinds = (
        [layer.name for layer in policy.layers if layer.kind == "convolution" and layer.is_map],
        [layer.name for layer in policy.layers_of("encoder stage", "encoder output")],
    )
    chosen = [tuple(name for name in names if name in shares) for names in kinds]
    return chosen[0] or chosen[1] or tuple(shares)


def _shapes(matrices: Mapping[str, list[NDArray[Any]]]) -> dict[str, list[tuple[int, ...]]]:
    return {name: [each.shape for each in weights] for name, weights in matrices.items()}


def _flat(matrices: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate([each.ravel() for each in matrices])


def _listed(shares: Mapping[str, float]) -> str:
    if len(shares) <= _LISTED:
        return ", ".join(f"{name} {percent(share)}" for name, share in shares.items())
    values = sorted(shares.values())
    middle = percent(float(np.median(values)))
    return f"{len(shares)} layers {percent(values[0])} to {percent(values[-1])} (median {middle})"
