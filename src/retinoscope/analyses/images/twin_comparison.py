"""An agent beside its supervised twin: do filters correspond, and is the class as decodable?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from retinoscope.agents.actor_critic import ActorCriticPolicy
from retinoscope.agents.agent import Agent
from retinoscope.agents.load import load_agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.early_vision.receptive_fields import receptive_fields
from retinoscope.analyses.images.decoding import DecodingParameters, decoding
from retinoscope.analyses.images.display import agent_of, arena_for
from retinoscope.analyses.images.shown_dataset import Dataset
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result
from retinoscope.scenarios import ArenaArchive
from retinoscope.statistics.filter_matching import match_filters
from retinoscope.stimuli.places import Presentation


@dataclass(frozen=True)
class TwinParameters:
    """Parameters of `twin_comparison`.

    Attributes:
        untrained: networks with random weights whose filters are matched for the chance level.
        permutations: of the labels, in decoding.
        seed: of stimuli, permutations and random weights.
    """

    untrained: int = 20
    permutations: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        if self.untrained < 2:
            raise UserError(f"untrained: {self.untrained} networks make no chance level; give at least 2")


def twin_comparison(
    agent: Agent | Policy,
    twin: Agent | str | Path | None,
    arena: ArenaArchive | None = None,
    dataset: Dataset = None,
    *,
    presentation: Presentation | None = None,
    class_effects: Mapping[str, int] | None = None,
    parameters: TwinParameters | None = None,
    progress: bool = False,
) -> Result:
    """Compare an agent with a network of the same encoder that was trained to name the class.

    Filters are receptive fields of the first convolution, matched one to one by absolute correlation. Chance: filters
    of untrained networks of the same shape, matched to the agent's in the same way.

    Args:
        agent: an agent with one of this package's networks.
        twin: from `train_classifier`, or its file.
        arena: whose view images are shown in; None for the one the agent was trained in.
        dataset: what `load_labelled_images` takes, or its result; None for the images of the arena.
        presentation: how images are shown; None for the defaults.
        class_effects: change of health per class, where the arena does not say.
        parameters: None for the defaults.
        progress: show progress bars.

    Returns:
        A Result with `agent_filter`, `twin_filter` (filter, height, width, colour), the second in the order of its
        partners; `correlation` (filter); `mean_correlation`, mean absolute, and `chance_correlation` (network), the
        same for untrained networks; `correlation_p`; `balanced`, `low`, `high`, `chance` (network_name, layer, task)
        of the layers that both have.

    Raises:
        NotMeasurable: there is no twin.
        UserError: the two do not have the same encoder, or images cannot be shown.
    """
    parameters = parameters or TwinParameters()
    if twin is None:
        raise NotMeasurable("no supervised twin was given; train one with train-classifier, and name it as twin")
    agent, other = agent_of(agent), twin if isinstance(twin, Agent) else load_agent(twin)
    arena = arena_for(agent, arena)
    fields = [_filters(each.policy, parameters.seed) for each in (agent, other)]
    if fields[0].shape[1:] != fields[1].shape[1:] or len(fields[0]) > len(fields[1]):
        raise UserError(
            f"twin {other.name!r}: its first convolution has fields of {fields[1].shape}, the agent's "
            f"{fields[0].shape}; "
            "train a twin with the agent's network"
        )
    partners, correlation = match_filters(*fields)
    observed = float(np.abs(correlation).mean())
    chance = _chance(agent.policy, fields[0], parameters)
    names = [layer.name for layer in agent.policy.layers if layer.kind in ("convolution", "dense")]
    shared = tuple(name for name in names if name in [layer.name for layer in other.policy.layers])
    decode = DecodingParameters(shared, permutations=parameters.permutations, checkpoints=False, seed=parameters.seed)
    found = [
        decoding(
            each,
            arena,
            dataset,
            presentation=presentation,
            class_effects=class_effects,
            parameters=decode,
            progress=progress,
        )
        for each in (agent, other)
    ]
    axes = ("filter", "height", "width", "colour")
    variables: dict[str, Any] = {
        "agent_filter": (axes, fields[0], {"units": "activity per pixel unit"}),
        "twin_filter": (axes, fields[1][partners], {"units": "activity per pixel unit"}),
        "partner": ("filter", partners),
        "correlation": ("filter", correlation, {"units": "1"}),
        "mean_correlation": ((), observed, {"units": "1"}),
        "chance_correlation": ("network", chance, {"units": "1"}),
        "correlation_p": ((), float(((chance >= observed).sum() + 1) / (len(chance) + 1))),
    }
    for name in ("balanced", "low", "high", "chance"):
        values = np.stack([each.data[name].isel(checkpoint=0).values for each in found])
        variables[name] = (("network_name", "layer", "task"), values, {"units": "1"})
    coordinates = {
        "network_name": ["agent", "twin"],
        "layer": found[0].data["layer"].values,
        "task": found[0].data["task"].values,
    }
    data = xarray.Dataset(variables, coords=coordinates)
    data.attrs["caption"] = (
        f"Filters of the first convolution of agent {agent.name} and twin {other.name}, paired by "
        "absolute correlation: mean "
        f"{observed:.2f}; untrained networks paired with the agent in the same way: "
        f"{chance.mean():.2f} (n = {len(chance)}, "
        f"largest {chance.max():.2f}, p = {float(variables['correlation_p'][1]):.3f}). Decoding: "
        f"{found[0].data.attrs['caption']}"
    )
    stated = {
        **asdict(parameters),
        "dataset": found[0].parameters["dataset"],
        "twin": str(other.checkpoint or other.name),
    }
    provenance = found[0].provenance | {"twin_sha256": other.checkpoint_sha256, "twin_training": other.training}
    return Result("twin_comparison", data, stated, provenance)


def _filters(policy: Policy, seed: int) -> np.ndarray:
    """Receptive fields (filter, height, width, colour) of the first convolution."""
    layer = next((each.name for each in policy.layers if each.kind == "convolution"), None)
    if layer is None:
        raise UserError("twin comparison: the network has no convolution whose filters could be compared")
    return np.asarray(receptive_fields(policy, layers=layer, seed=seed).data[layer].values)


def _chance(policy: Policy, filters: np.ndarray, parameters: TwinParameters) -> np.ndarray:
    """Mean absolute correlations of matched filters of untrained networks of the same shape."""
    if not isinstance(policy, ActorCriticPolicy):
        raise UserError("twin comparison: needs one of this package's networks, to draw untrained ones of its shape")
    found = []
    for number in range(parameters.untrained):
        untrained = ActorCriticPolicy.untrained(policy.description, parameters.seed + 1_000 + number)
        found.append(np.abs(match_filters(filters, _filters(untrained, parameters.seed))[1]).mean())
    return np.array(found)
