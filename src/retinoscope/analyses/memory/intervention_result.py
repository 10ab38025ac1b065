"""The Result of an intervention, from what was played."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.memory.intervention_edits import Edit, InterventionParameters
from retinoscope.analyses.memory.intervention_effects import effects_table
from retinoscope.analyses.memory.pushed_play import CHANGE, DIVERGENCE, HELD
from retinoscope.analyses.recorded import event_coordinates, words_attribute
from retinoscope.result import Result, provenance
from retinoscope.settings import stated

if TYPE_CHECKING:
    from retinoscope.agents.policy import ActionHead
    from retinoscope.worlds.world import World


def result_of(
    rows: dict[tuple[int, int], dict[str, Any]],
    edits: list[Edit],
    agent: Agent,
    world: World,
    chosen: InterventionParameters,
    seed: int,
    fit: Result,
) -> Result:
    """The Result.

    Args:
        rows: what `play_episodes` says, by number of the edit and episode.
        edits: in order.
        agent: who played.
        world: where.
        chosen: parameters.
        seed: of the episodes.
        fit: the components that were edited, or in whose space random directions were drawn.
    """
    heads, declared = agent.policy.action_heads, world.declaration

    def table(values: Callable[[dict[str, Any]], Any]) -> np.ndarray:
        return np.array(
            [[values(rows[number, episode]) for episode in range(chosen.episodes)] for number in range(len(edits))]
        )

    by_episode = ("edit", "episode")
    units = {"units": next((each.units for each in declared.events if each.units), "1")}
    clock, dones = declared.clock, table(lambda row: _done(row["actions"], heads))
    data = xarray.Dataset(
        {
            "duration": (by_episode, table(lambda row: row["duration"]), {"units": clock.units}),
            "survived": (by_episode, table(lambda row: row["survived"])),
            "is_terminated": (by_episode, table(lambda row: row["is_terminated"])),
            "episode_return": (by_episode, table(lambda row: row["episode_return"]), {"units": "reward"}),
            "gathered": (by_episode, table(lambda row: row["gathered"]), units),
            "events": ((*by_episode, "event"), table(lambda row: row["events"]), {"units": "1"}),
            "actions": ((*by_episode, "output"), dones, {"units": "share of decisions; means of continuous actions"}),
            "component": ("edit", [each.component for each in edits]),
            "target": ("edit", [each.target for each in edits]),
            "dose": ("edit", [each.dose for each in edits], {"units": "standard deviations"}),
            "is_random": ("edit", [each.is_random for each in edits]),
            "explained": ("edit", [each.explained for each in edits], {"units": "share of variance"}),
        },
        coords={
            "edit": [each.name for each in edits],
            **event_coordinates(declared),
            "output": [f"{head.name} {output}" for head in heads for output in _outputs(head)],
            "is_share": ("output", [head.kind != "gaussian" for head in heads for _ in _outputs(head)]),
        },
    )
    data.attrs |= {
        "event_words": words_attribute(declared),
        "survived": declared.words.survived,
        "terminated": declared.endings.terminated,
        "caption": _caption(agent, world, chosen, seed, fit),
    }
    if chosen.when is not None:
        data = data.merge(_at_once(table, agent)).assign_attrs(when=chosen.when)
    said = fit.parameters | stated(chosen) | {"episode_seed": seed}
    return Result("intervention", data.merge(effects_table(data)), said, provenance(agent=agent, world=world))


def _at_once(table: Callable[[Callable[[dict[str, Any]], Any]], np.ndarray], agent: Agent) -> dict[str, Any]:
    """Of each edit and episode: at how many decisions the condition held, and what pushing them changed there."""
    by_episode, places, first = ("edit", "episode"), [], CHANGE
    for head in agent.policy.action_heads:
        places += list(range(first, first + len(_outputs(head))))
        first += len(head.outputs)

    def mean(row: dict[str, Any]) -> np.ndarray:
        held = row["noted"][:, HELD] > 0
        chosen = row["noted"][held][:, [DIVERGENCE, *places]]
        return chosen.mean(axis=0) if held.any() else np.full(1 + len(places), np.nan)

    means = table(mean)
    change = {"units": "probability; means of continuous actions"}
    return {
        "decisions": (by_episode, table(lambda row: row["decisions"]), {"units": "decisions"}),
        "held": (by_episode, table(lambda row: row["noted"][:, HELD].sum()), {"units": "decisions"}),
        "divergence": (by_episode, means[..., 0], {"units": "nats"}),
        "change": ((*by_episode, "output"), means[..., 1:], change),
    }


def _outputs(head: ActionHead) -> tuple[str, ...]:
    """Of continuous actions their names, without the deviations they are drawn with."""
    return head.outputs[: head.action_size] if head.kind == "gaussian" else head.outputs


def _done(actions: np.ndarray, heads: tuple[ActionHead, ...]) -> np.ndarray:
    """(decision, number) actions of an episode -> (output,) shares of decisions, or means of continuous actions."""
    found, place = [], 0
    for head in heads:
        numbers = actions[:, place : place + head.action_size]
        if head.kind == "gaussian":
            found.append(numbers.mean(axis=0))
        else:
            found.append(np.bincount(numbers[:, 0].astype(np.int64), minlength=len(head.outputs)) / len(actions))
        place += head.action_size
    return np.concatenate(found)


def _caption(agent: Agent, world: World, chosen: InterventionParameters, seed: int, fit: Result) -> str:
    declared, most = world.declaration, world.decisions_at_most
    doses = "" if chosen.doses is None else f" by {', '.join(f'{each:+g}' for each in chosen.doses)} s.d."
    limit = "" if most is None else f", of at most {world.duration(most):.0f} {declared.clock.units}"
    worlds = "the same worlds and random numbers for all"
    if not declared.repeats_itself:
        worlds = "the same random numbers for all, but not the same worlds, for this one does not repeat itself"
    where, at_once = "every decision", ""
    if chosen.when is not None:
        where = f"decisions at which {chosen.when}"
        at_once = (
            " At once: means over the decisions that were pushed, of what the actor would do there pushed against not "
            "pushed."
        )
    return (
        f"{agent.name} in {declared.name}, {chosen.do}{doses} at {where}; {chosen.episodes} episodes of each "
        f"edit{limit}, {worlds} (seed {seed}). Components: "
        f"{fit.parameters['components']} ({fit.parameters['found_by']}). Intervals: 95%, bootstrap over episodes, of "
        f"the difference from the unedited agent. Random: {chosen.random_directions} random directions per component "
        "that explain as much variance; p: share of all random directions that change the measure at least as much."
        f"{at_once}"
    )
