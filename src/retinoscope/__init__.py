"""Retinoscope looks inside agents that learn to see.

The public face, in the order of a day's work:

    arena = retinoscope.get_arena("digits")                      # images -> a playable arena
    run = retinoscope.train("digits", "runs/digits")             # arena -> a run directory with checkpoints
    done = retinoscope.sweep("plan.yaml", "sweeps/seeds")        # many of them, from a plan
    agent = retinoscope.load_agent("digits")                     # checkpoint, run or shipped name -> an agent
    world = retinoscope.gymnasium_world(make)                    # anyone's environment -> a world
    agent = retinoscope.from_module(module, world=world)         # anyone's network -> an agent
    result = retinoscope.evaluate(agent)                         # how well it lives
    report = retinoscope.check(agent)                            # is it the agent that its owner means?
    recording = retinoscope.record(agent, frames=10_000, out="digits.zarr")
    recording = retinoscope.join("parts.zarr")                   # of parts that were recorded elsewhere
    recording = retinoscope.open("digits.zarr")                  # what it saw, did and computed
    fields = retinoscope.analyses.receptive_fields(agent)        # -> Result
    figure = retinoscope.figures.receptive_fields(fields)        # -> Figure
    run = retinoscope.analyze(agent, out="digits-report")        # all of it, into one page
    found = retinoscope.compare("digits", "apples", out="both")  # several agents, on the same stimuli
    explored = retinoscope.explore("digits.zarr")                # moments and units, linked, in a browser
    notes = retinoscope.load_notes("notes.json")                 # what was noted there

Everything is loaded when it is first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from retinoscope.errors import UserError
from retinoscope.registration import register_environments

if TYPE_CHECKING:
    from retinoscope import analyses, attribution, figures, worlds
    from retinoscope.agents.agent import Agent
    from retinoscope.agents.from_module import from_module
    from retinoscope.agents.load import load_agent, shipped_agents
    from retinoscope.agents.random_agent import random_agent
    from retinoscope.agents.sb3 import from_sb3
    from retinoscope.exports import export, from_minari
    from retinoscope.notes import load_notes
    from retinoscope.result import Result, load_result
    from retinoscope.rollouts import Recording, join, record, with_frames
    from retinoscope.rollouts import open_recording as open
    from retinoscope.rollouts.evaluation import evaluate
    from retinoscope.scenarios import Scenario, get_arena, load_scenario, new_scenario, shipped_scenarios
    from retinoscope.sweeps.sweep import sweep, sweep_status
    from retinoscope.training import TrainingConfig, train
    from retinoscope.training.classifier import train_classifier
    from retinoscope.workflows import analyze, rebuild_report
    from retinoscope.workflows.check import check
    from retinoscope.workflows.compare import compare
    from retinoscope.workflows.examples import examples
    from retinoscope.workflows.explore import explore
    from retinoscope.workflows.intervene import intervene
    from retinoscope.workflows.watch import watch
    from retinoscope.worlds.doom.play import play
    from retinoscope.worlds.from_gymnasium import gymnasium_world
    from retinoscope.worlds.world import World

    __version__: str

__all__ = [  # noqa: RUF022 - in workflow order
    "UserError",
    "Scenario",
    "shipped_scenarios",
    "new_scenario",
    "load_scenario",
    "get_arena",
    "World",
    "worlds",
    "gymnasium_world",
    "TrainingConfig",
    "train",
    "train_classifier",
    "sweep",
    "sweep_status",
    "Agent",
    "shipped_agents",
    "load_agent",
    "from_module",
    "from_sb3",
    "random_agent",
    "check",
    "evaluate",
    "watch",
    "play",
    "Recording",
    "record",
    "join",
    "with_frames",
    "open",
    "export",
    "from_minari",
    "Result",
    "load_result",
    "analyses",
    "attribution",
    "figures",
    "analyze",
    "compare",
    "examples",
    "intervene",
    "rebuild_report",
    "explore",
    "load_notes",
    "__version__",
]

_HOMES = {
    "Scenario": "retinoscope.scenarios",
    "shipped_scenarios": "retinoscope.scenarios",
    "load_scenario": "retinoscope.scenarios",
    "get_arena": "retinoscope.scenarios",
    "new_scenario": "retinoscope.scenarios",
    "World": "retinoscope.worlds.world",
    "gymnasium_world": "retinoscope.worlds.from_gymnasium",
    "TrainingConfig": "retinoscope.training",
    "train": "retinoscope.training",
    "train_classifier": "retinoscope.training.classifier",
    "sweep": "retinoscope.sweeps.sweep",
    "sweep_status": "retinoscope.sweeps.sweep",
    "Agent": "retinoscope.agents.agent",
    "shipped_agents": "retinoscope.agents.load",
    "load_agent": "retinoscope.agents.load",
    "from_module": "retinoscope.agents.from_module",
    "from_sb3": "retinoscope.agents.sb3",
    "random_agent": "retinoscope.agents.random_agent",
    "check": "retinoscope.workflows.check",
    "evaluate": "retinoscope.rollouts.evaluation",
    "watch": "retinoscope.workflows.watch",
    "play": "retinoscope.worlds.doom.play",
    "Recording": "retinoscope.rollouts",
    "record": "retinoscope.rollouts",
    "join": "retinoscope.rollouts",
    "with_frames": "retinoscope.rollouts",
    "open": "retinoscope.rollouts:open_recording",
    "export": "retinoscope.exports",
    "from_minari": "retinoscope.exports",
    "Result": "retinoscope.result",
    "load_result": "retinoscope.result",
    "analyze": "retinoscope.workflows",
    "compare": "retinoscope.workflows.compare",
    "examples": "retinoscope.workflows.examples",
    "intervene": "retinoscope.workflows.intervene",
    "rebuild_report": "retinoscope.workflows",
    "explore": "retinoscope.workflows.explore",
    "load_notes": "retinoscope.notes",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name in ("analyses", "attribution", "figures", "worlds"):
        return importlib.import_module(f"retinoscope.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'retinoscope' has no attribute {name!r}")
    module, _, original = _HOMES[name].partition(":")
    return getattr(importlib.import_module(module), original or name)


def _version() -> str:
    """Of the installed package, which has it from the tag of the repository; empty where none is installed."""
    from importlib import metadata

    try:
        return metadata.version("retinoscope")
    except metadata.PackageNotFoundError:
        return ""


def __dir__() -> list[str]:
    return sorted(__all__)


# Importing Gymnasium takes longer than printing a help text may. Imported later, it finds us by its entry point.
if "gymnasium" in sys.modules:
    register_environments()
