"""What an analysis declares of itself, once: everything that lists, runs, sets, draws or tests analyses reads this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retinoscope.analyses.drawing import Drawing
from retinoscope.analyses.exploring import Panel
from retinoscope.result import Result

if TYPE_CHECKING:
    from retinoscope.agents.agent import Agent
    from retinoscope.analyses.compared import Compared
    from retinoscope.rollouts import Recording
    from retinoscope.worlds.declaration import Declaration
    from retinoscope.worlds.world import World

Given = Mapping[str, Result]
"""Results that an analysis builds on, by the name of their analysis. What is missing is computed on the spot."""


@dataclass(frozen=True)
class Group:
    """Analyses that answer the same kind of question; each has a room of its name in `analyses/`.

    Attributes:
        name: `analyze --responses NAME` asks for all of them.
        title: for people.
        also: what the first tool of this kind called it, which `--responses` understands too; empty if it had no name.
    """

    name: str
    title: str
    also: str = ""


GROUPS = (
    Group("behaviour", "Responses during behaviour", also="environment"),
    Group("comparison", "Comparison of checkpoints", also="training"),
    Group("between_agents", "Between agents"),
    Group("early_vision", "Early vision"),
    Group("attribution", "Attribution"),
    Group("images", "Responses to images", also="dataset"),
    Group("memory", "What the memory holds", also="components"),
)
"""All groups, in the order in which they stand on the page."""


@dataclass(frozen=True)
class Inputs:
    """What analyses work on.

    Attributes:
        agent: whose policy is looked into; None where only a recording is at hand.
        recording: what it saw, did and computed in `world`.
        world: what it lives in.
        cache: a folder for what is costly and can be used again by the same run after an interruption; None for none.
        compared: the agents that `retinoscope compare` is about, and what they are shown; None elsewhere.
    """

    agent: Agent | None
    recording: Recording | None
    world: World | None = None
    cache: Path | None = None
    compared: Compared | None = None

    @property
    def declaration(self) -> Declaration | None:
        """What the world declares; None where neither the world nor a recording says."""
        if self.world is not None:
            return self.world.declaration
        return None if self.recording is None else self.recording.world


@dataclass(frozen=True)
class Need:
    """Something without which an analysis cannot be made.

    Attributes:
        name: as `analyze --list` says it, with its article.
        why_not: what is missing in these inputs, as the end of a sentence; None if nothing is.
    """

    name: str
    why_not: Callable[[Inputs], str | None]


def _lacks(attribute: str, words: str) -> Callable[[Inputs], str | None]:
    return lambda inputs: words if getattr(inputs, attribute) is None else None


def _no_memory(inputs: Inputs) -> str | None:
    if inputs.agent is not None:
        return None if inputs.agent.policy.state_size else f"agent {inputs.agent.name!r}: has no memory"
    recording = inputs.recording
    if recording is not None and recording.layers_of("memory"):
        return None
    # Arrays say nothing of what their layers are for: that one looks like a memory is no reason to take it for one.
    unnamed = () if recording is None else recording.layers_of("other")
    if not unnamed:
        return "the recording holds no layer of a memory"
    return (
        f"no layer of the recording is said to be a memory; if {' or '.join(unnamed[:3])} is one, say so: "
        f"ArrayRecording(..., roles={{{unnamed[0]!r}: 'memory'}})"
    )


def _no_convolution(inputs: Inputs) -> str | None:
    layers = () if inputs.agent is None else inputs.agent.policy.layers
    return None if any(each.kind == "convolution" for each in layers) else "the agent has no convolution"


def _no_frames(inputs: Inputs) -> str | None:
    recording = inputs.recording
    if recording is None:
        return "there is no recording"
    return recording.why_no_frames


def _no_value(inputs: Inputs) -> str | None:
    if inputs.agent is not None:
        has_value = bool(inputs.agent.policy.layers_of("value"))
        return None if has_value else f"agent {inputs.agent.name!r}: has no critic, and no value that is a number"
    recording = inputs.recording
    if recording is None or "value" not in recording.columns:
        return "the recording holds no value"
    # A critic that is there gives a number at every decision, and one that is not at none.
    first = recording.rows(0, 1, ("value",))["value"].values
    return "the recorded value is not a number: the agent has no critic" if np.isnan(first).all() else None


def _continuous_actions(inputs: Inputs) -> str | None:
    if inputs.agent is not None:
        kinds = [head.kind for head in inputs.agent.policy.action_heads]
    else:
        recording = inputs.recording
        kinds = list(recording.attributes.get("action_kinds", {}).values()) if recording is not None else []
    return "the actions are continuous, and none of them has a probability" if "gaussian" in kinds else None


def _of_world(says: Callable[[Declaration], str | None]) -> Callable[[Inputs], str | None]:
    """What a world's declaration says, where there is one."""
    return lambda inputs: "the world is not known" if inputs.declaration is None else says(inputs.declaration)


def _no_objects(declared: Declaration) -> str | None:
    return None if declared.object_classes else f"world {declared.name!r}: does not list the objects in view"


def _no_valence(declared: Declaration) -> str | None:
    if not declared.events:
        return f"world {declared.name!r}: declares no events"
    is_known = any(each.valence for each in declared.events)
    return None if is_known else f"world {declared.name!r}: does not say which of its events are good or bad"


def _not_emptied(declared: Declaration) -> str | None:
    return None if declared.can_be_emptied else f"world {declared.name!r}: cannot be shown without what is in it"


def _shows_no_images(declared: Declaration) -> str | None:
    return None if declared.can_show_images else f"world {declared.name!r}: has no place where images could be shown"


RECORDING = Need("a recording", _lacks("recording", "there is no recording"))
COMPARED = Need("agents to compare", _lacks("compared", "one agent is no comparison; `retinoscope compare` makes it"))
AGENT = Need("its agent", _lacks("agent", "the agent is not at hand"))
WORLD = Need("its world", _lacks("world", "the world is not at hand"))
MEMORY = Need("a memory", _no_memory)
CONVOLUTION = Need("a convolution", _no_convolution)
FRAMES = Need("recorded frames", _no_frames)
VALUE = Need("a critic", _no_value)
DISCRETE_ACTIONS = Need("actions to choose from", _continuous_actions)
OBJECTS = Need("objects in view", _of_world(_no_objects))
VALENCE = Need("good or bad events", _of_world(_no_valence))
EMPTIED_WORLD = Need("a world that can be emptied", _of_world(_not_emptied))
SHOWS_IMAGES = Need("a world that shows images", _of_world(_shows_no_images))


@dataclass(frozen=True)
class Analysis:
    """One analysis, declared in the module that computes it.

    Attributes:
        name: the same everywhere: module, function, command, manifest, file of the Result.
        title: for people, of its section on the page.
        group: name of its `Group`.
        summary: one sentence: what it shows.
        run: `run(subject, *, parameters=None, progress=False, **settings) -> Result`, and of the further keyword
            arguments `agent`, `recording`, `world`, `given` and `cache` those it has; `analyze` gives it what it takes.
        parameters: its class of parameters, made by `settings.parameters`.
        of: what is analysed, the first argument of `run`.
        needs: what it cannot be made without, `of` included.
        builds_on: names of the analyses whose Results it takes as `given`.
        draw: what is drawn of its Result; it may import `figures` when it is called, never before.
        explore: what the explorer shows of its Result, of what is saved in it alone; None for its figures only.
        is_always_made: quick enough to be part of every run of `analyze`.
        is_on_request: made only where `only` names it, not with its group: it takes long, or needs more than a run has.
        is_shared: only a basis of others: made when one of them is, kept beside them, with no section of its own.
        is_reusable: False if it depends on more than its key knows, so that a saved Result is never used again.
        formerly: names that its Results had in earlier versions.
        refuse: raises `UserError` where inputs (without a recording) and parameters cannot go together, so that a run
            ends in its first second and not minutes later.
        functions: further public functions of its module.
        rank: its place within its group, lower first.
        methods: how it is made, in the sentences of a paper's methods section: a template, see `analyses.methods`.
        bibliography: entries of BibTeX that `methods` cites and `references.bib` does not hold; for other packages.
    """

    name: str
    title: str
    group: str
    summary: str
    run: Callable[..., Result]
    parameters: type[Any]
    of: Literal["recording", "agent", "compared"]
    needs: tuple[Need, ...]
    draw: Callable[[Result], list[Drawing]]
    explore: Callable[[Result], list[Panel]] | None = None
    builds_on: tuple[str, ...] = ()
    is_always_made: bool = False
    is_on_request: bool = False
    is_shared: bool = False
    is_reusable: bool = True
    formerly: tuple[str, ...] = ()
    refuse: Callable[[Inputs, Any], None] | None = None
    functions: tuple[Callable[..., Any], ...] = ()
    rank: int = 100
    methods: str = ""
    bibliography: str = ""

    def why_not(self, inputs: Inputs) -> str | None:
        """Why it cannot be made of these inputs, in one line; None if nothing speaks against it."""
        return next((reason for need in self.needs if (reason := need.why_not(inputs)) is not None), None)
