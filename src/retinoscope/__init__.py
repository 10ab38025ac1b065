"""Retinoscope looks inside agents that learn to see.

The public face, in the order of a day's work:

    arena = retinoscope.get_arena("digits")                      # images -> a playable arena
    run = retinoscope.train("digits", "runs/digits")             # arena -> a run directory with checkpoints
    agent = retinoscope.load_agent("digits")                     # checkpoint, run or shipped name -> an agent
    result = retinoscope.evaluate(agent)                         # how well it lives
    recording = retinoscope.record(agent, frames=10_000, out="digits.zarr")
    recording = retinoscope.open("digits.zarr")                  # what it saw, did and computed
    fields = retinoscope.analyses.receptive_fields(agent)        # -> Result
    figure = retinoscope.figures.receptive_fields(fields)        # -> Figure
    run = retinoscope.analyze(agent, out="digits-report")        # all of it, into one page

Everything is loaded when it is first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from retinoscope.errors import UserError
from retinoscope.registration import register_environments

if TYPE_CHECKING:
    from retinoscope import analyses, figures
    from retinoscope.agents.agent import Agent
    from retinoscope.agents.load import load_agent, shipped_agents
    from retinoscope.analyses.result import Result, load_result
    from retinoscope.report import analyze, rebuild_report
    from retinoscope.report.watch import watch
    from retinoscope.rollouts import Recording, record
    from retinoscope.rollouts import open_recording as open
    from retinoscope.rollouts.evaluation import evaluate
    from retinoscope.scenarios import Scenario, get_arena, load_scenario, shipped_scenarios
    from retinoscope.training import TrainingConfig, train

__version__ = "0.1.0"

__all__ = [  # noqa: RUF022 - in workflow order
    "UserError",
    "Scenario",
    "shipped_scenarios",
    "load_scenario",
    "get_arena",
    "TrainingConfig",
    "train",
    "Agent",
    "shipped_agents",
    "load_agent",
    "evaluate",
    "watch",
    "Recording",
    "record",
    "open",
    "Result",
    "load_result",
    "analyses",
    "figures",
    "analyze",
    "rebuild_report",
    "__version__",
]

_HOMES = {
    "Scenario": "retinoscope.scenarios",
    "shipped_scenarios": "retinoscope.scenarios",
    "load_scenario": "retinoscope.scenarios",
    "get_arena": "retinoscope.scenarios",
    "TrainingConfig": "retinoscope.training",
    "train": "retinoscope.training",
    "Agent": "retinoscope.agents.agent",
    "shipped_agents": "retinoscope.agents.load",
    "load_agent": "retinoscope.agents.load",
    "evaluate": "retinoscope.rollouts.evaluation",
    "watch": "retinoscope.report.watch",
    "Recording": "retinoscope.rollouts",
    "record": "retinoscope.rollouts",
    "open": "retinoscope.rollouts:open_recording",
    "Result": "retinoscope.analyses.result",
    "load_result": "retinoscope.analyses.result",
    "analyze": "retinoscope.report",
    "rebuild_report": "retinoscope.report",
}


def __getattr__(name: str) -> Any:
    if name in ("analyses", "figures"):
        return importlib.import_module(f"retinoscope.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'retinoscope' has no attribute {name!r}")
    module, _, original = _HOMES[name].partition(":")
    return getattr(importlib.import_module(module), original or name)


def __dir__() -> list[str]:
    return sorted(__all__)


# Importing Gymnasium takes longer than printing a help text may. Imported later, it finds us by its entry point.
if "gymnasium" in sys.modules:
    register_environments()
