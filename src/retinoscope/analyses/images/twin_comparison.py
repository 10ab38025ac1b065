"""An agent beside its supervised twin: do filters correspond, and is the class as decodable?"""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
import xarray

from retinoscope.agents.actor_critic import ActorCriticPolicy
from retinoscope.agents.agent import Agent
from retinoscope.agents.load import load_agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.declaration import AGENT, SHOWS_IMAGES, WORLD, Analysis, Given, Inputs
from retinoscope.analyses.drawing import Drawing, FigureDrawing
from retinoscope.analyses.early_vision.receptive_fields import receptive_fields
from retinoscope.analyses.images.decoding import TASKS, decoding_caption, task_of
from retinoscope.analyses.images.display import PIXELS, agent_of, evoke
from retinoscope.analyses.images.showing import Showing, own_and_handed_on, what_was_shown
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated
from retinoscope.statistics.decoding import decode, fit_reduction
from retinoscope.statistics.filter_matching import match_filters
from retinoscope.stimuli.presentation import AT_A_TIME
from retinoscope.worlds.choosing import WorldLike

Scores = dict[str, np.ndarray]
"""Layer -> (image, component) principal component scores of the images whose views are kept."""


@parameters("twin comparison")
class TwinParameters:
    """Parameters of `twin_comparison`."""

    twin: str | Path | pydantic.InstanceOf[Agent] | None = setting(
        None, "the supervised twin: what `train_classifier` made, or its file"
    )
    untrained: int = setting(
        20, "number of networks with random weights whose filters are matched for the chance level", least=2
    )
    permutations: int = setting(100, "number of permutations of the labels, in decoding", least=1)
    seed: int = setting(0, "seed of stimuli, permutations and random weights", least=0)


def twin_comparison(
    agent: Agent | Policy,
    *,
    world: WorldLike | None = None,
    given: Given | None = None,
    parameters: TwinParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Compare an agent with a network of the same encoder that was trained to name the class.

    Filters are receptive fields of the first convolution, matched one to one by absolute correlation. Chance: filters
    of untrained networks of the same shape, matched to the agent's in the same way. Classes are read out of the images
    whose views `shown_images` keeps, of both networks.

    Args:
        agent: an agent with one of this package's networks.
        world: whose view the images are shown in; None for the one the agent was trained in.
        given: the Result of `shown_images`, if it is at hand; else images are shown here.
        parameters: see `TwinParameters`; single ones may be given by name instead.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `TwinParameters` that replace those of `parameters`, and of
            `ShownImagesParameters` (dataset, presentation, class_effects, ...) where images are shown here.

    Returns:
        A Result with `agent_filter`, `twin_filter` (filter, height, width, colour), the second in the order of its
        partners; `correlation` (filter); `mean_correlation`, mean absolute, and `chance_correlation` (network), the
        same for untrained networks; `correlation_p`; `balanced`, `low`, `high`, `chance` (network_name, layer, task)
        of the layers that both have.

    Raises:
        NotMeasurable: no twin is named.
        UserError: the two do not have the same encoder, or images cannot be shown.
    """
    chosen, handed_on = own_and_handed_on(parameters or TwinParameters(), settings)
    if chosen.twin is None:
        raise NotMeasurable("no supervised twin was given; train one with train-classifier, and name it as twin")
    agent, other = agent_of(agent), _loaded(chosen.twin)
    if other.policy.observation_shape != agent.policy.observation_shape:
        raise UserError(
            f"twin {other.name!r}: sees {other.policy.observation_shape}, the agent {agent.policy.observation_shape}; "
            "train a twin with the agent's view"
        )
    fields = [_filters(each.policy, chosen.seed) for each in (agent, other)]
    if fields[0].shape[1:] != fields[1].shape[1:] or len(fields[0]) > len(fields[1]):
        raise UserError(
            f"twin {other.name!r}: its first convolution has fields of {fields[1].shape}, the agent's "
            f"{fields[0].shape}; train a twin with the agent's network"
        )
    names = [layer.name for layer in agent.policy.layers_of("encoder stage", "encoder output")]
    shared = tuple(name for name in names if name in [layer.name for layer in other.policy.layers])
    needed = {"images": 0, "layers": shared or (PIXELS,), "checkpoints": False, "seed": chosen.seed}
    shown = what_was_shown(agent, world, given, handed_on, needed, progress)
    shown.require_both_parts(shown.kept, "shown_images.held_out_per_class")
    partners, correlation = match_filters(*fields)
    observed = float(np.abs(correlation).mean())
    chance = _chance(agent.policy, fields[0], chosen)
    layers = (PIXELS, *(name for name in shared if name in shown.layers))
    agent_scores = {layer: shown.scores(layer, shown.own)[shown.kept] for layer in layers}
    twin_scores = _scores_of_twin(other.policy, shown, layers[1:]) | {PIXELS: agent_scores[PIXELS]}
    found = [_decoded(shown, each, layers, chosen) for each in (agent_scores, twin_scores)]
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
    for number, name in enumerate(_NUMBERS):
        values = np.stack([each[..., number] for each in found])
        variables[name] = (("network_name", "layer", "task"), values, {"units": "1"})
    coordinates = {"network_name": ["agent", "twin"], "layer": list(layers), "task": list(TASKS)}
    data = xarray.Dataset(variables, coords=coordinates)
    test = int(shown.is_test[shown.kept].sum())
    data.attrs["caption"] = (
        f"Filters of the first convolution of agent {agent.name} and twin {other.name}, paired by absolute "
        f"correlation: mean {observed:.2f}; untrained networks paired with the agent in the same way: "
        f"{chance.mean():.2f} (n = {len(chance)}, largest {chance.max():.2f}, "
        f"p = {float(variables['correlation_p'][1]):.3f}). Decoding: "
        f"{decoding_caption(shown, len(shown.kept) - test, test, chosen.permutations)}"
    )
    twin = str(other.checkpoint or other.name)
    said = {**stated(dataclasses.replace(chosen, twin=twin)), "dataset": shown.name}
    came_from = provenance(
        agent=agent,
        world=shown.world,
        dataset=shown.name,
        twin_sha256=other.checkpoint_sha256,
        twin_training=other.training,
    )
    return Result("twin_comparison", data, said, came_from)


_NUMBERS = ("balanced", "low", "high", "chance")


def _loaded(twin: Agent | str | Path) -> Agent:
    return twin if isinstance(twin, Agent) else load_agent(twin)


def _scores_of_twin(twin: Policy, shown: Showing, layers: tuple[str, ...]) -> Scores:
    """Of the views that the agent saw; reduced as the agent's are, by the same images."""
    kept, fitted = shown.kept, np.isin(shown.kept, shown.fitted)
    views = shown.views(kept, "images")
    found: Scores = {}
    activity = evoke(twin, views[fitted], layers).activity
    reductions = {layer: fit_reduction(activity[layer], shown.components) for layer in layers}
    for layer, reduction in reductions.items():
        found[layer] = np.empty((len(kept), len(reduction.axes)), np.float32)
        found[layer][fitted] = reduction.scores(activity.pop(layer))
    others = np.flatnonzero(~fitted)
    for start in range(0, len(others), AT_A_TIME):
        rows = others[start : start + AT_A_TIME]
        activity = evoke(twin, views[rows], layers).activity
        for layer, reduction in reductions.items():
            found[layer][rows] = reduction.scores(activity[layer])
    return found


def _decoded(shown: Showing, scores: Scores, layers: tuple[str, ...], chosen: TwinParameters) -> np.ndarray:
    """(layer, task, one of `_NUMBERS`), NaN where there is nothing to tell apart."""
    found = np.full((len(layers), len(TASKS), len(_NUMBERS)), np.nan)
    for column, task in enumerate(TASKS):
        if (of_task := task_of(shown, task)) is None:
            continue
        labels_of = np.full(len(shown.labels), -1)
        labels_of[of_task[0]] = of_task[1]
        labels, is_test = labels_of[shown.kept], shown.is_test[shown.kept]
        rows = labels >= 0
        for row, layer in enumerate(layers):
            each = decode(scores[layer][rows], labels[rows], is_test[rows], chosen.permutations, chosen.seed)
            found[row, column] = each.balanced, each.interval.low, each.interval.high, each.permuted_balanced.mean()
    return found


def _filters(policy: Policy, seed: int) -> np.ndarray:
    """Receptive fields (filter, height, width, colour) of the first convolution."""
    layer = next((each.name for each in policy.layers if each.kind == "convolution"), None)
    if layer is None:
        raise UserError("twin comparison: the network has no convolution whose filters could be compared")
    return np.asarray(receptive_fields(policy, layers=(layer,), seed=seed).data[layer].values)


def _chance(policy: Policy, filters: np.ndarray, chosen: TwinParameters) -> np.ndarray:
    """Mean absolute correlations of matched filters of untrained networks of the same shape."""
    if not isinstance(policy, ActorCriticPolicy):
        raise UserError("twin comparison: needs one of this package's networks, to draw untrained ones of its shape")
    found = []
    for number in range(chosen.untrained):
        untrained = ActorCriticPolicy.untrained(policy.description, chosen.seed + 1_000 + number)
        found.append(np.abs(match_filters(filters, _filters(untrained, chosen.seed))[1]).mean())
    return np.array(found)


def _refuse(inputs: Inputs, parameters: TwinParameters) -> None:
    """A file that is no agent is refused before anything is recorded."""
    if parameters.twin is not None:
        _loaded(parameters.twin)


def _draw(result: Result) -> list[Drawing]:
    from retinoscope.figures.twin_comparison import twin_comparison as figure_of

    caption = result.data.attrs["caption"]
    draw = functools.partial(figure_of, result)
    return [FigureDrawing("twin_comparison", "Agent and supervised twin", caption, draw, says_caption=True)]


ANALYSIS = Analysis(
    name="twin_comparison",
    title="Agent and supervised twin",
    group="images",
    summary="Whether an agent and a network trained to name the class have the same filters and the same codes.",
    run=twin_comparison,
    parameters=TwinParameters,
    of="agent",
    needs=(AGENT, WORLD, SHOWS_IMAGES),
    builds_on=("shown_images",),
    draw=_draw,
    refuse=_refuse,
    rank=70,
    methods="""
        The agent was compared with a network of the same encoder that was trained to name the class of images
        of {{ dataset }}. Receptive fields of the first convolution were paired one to one by their absolute
        correlation [@kuhn1955]; chance is that of {{ untrained }} networks with random weights. Classes were
        read out of both networks by Fisher's linear discriminant [@hastie2009], against {{ permutations }}
        permutations of the labels (seed {{ seed }}).
    """,
)
