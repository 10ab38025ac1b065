"""Does a component matter? The agent plays with one direction of its memory clamped, removed or exchanged."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.declaration import AGENT, MEMORY, RECORDING, WORLD, Analysis, Given
from retinoscope.analyses.memory.directions import pushed_along, states_of
from retinoscope.analyses.memory.fitted_components import NAME as FITTED
from retinoscope.analyses.memory.fitted_components import fitted_components, fitted_of
from retinoscope.analyses.memory.intervention_edits import (
    Edit,
    InterventionParameters,
    component_edits,
    edits_along,
)
from retinoscope.analyses.memory.intervention_effects import (
    drawings_of_effects,
    effects_of,
    effects_table,
    panels_of_effects,
    unedited_means,
)
from retinoscope.analyses.recorded import event_coordinates, require_same, words_attribute
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.rollouts.intervention import EditedPolicy, editable_layer
from retinoscope.scale.spawning import nothing_to_import_again
from retinoscope.scale.work import executor
from retinoscope.settings import stated, with_settings
from retinoscope.worlds.choosing import WorldLike, world_of

if TYPE_CHECKING:
    from retinoscope.agents.policy import ActionHead, Policy
    from retinoscope.rollouts import Recording
    from retinoscope.worlds.declaration import Declaration
    from retinoscope.worlds.world import World

_EPISODES_PER_TASK = 32  # engines take seconds to start: few tasks, but some for every core


def intervention(
    agent: Agent,
    *,
    world: WorldLike | None = None,
    recording: Recording | str | Path | None = None,
    given: Given | None = None,
    parameters: InterventionParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Let the agent play with one direction of its memory edited, against itself and against random directions.

    The edit is made at every decision, before anything reads the layer of the memory that the components are of, and
    stays in it; of an LSTM it is made in h, never in c. Every edit plays the same episodes: the same worlds, where the
    world repeats itself, and the same random numbers for the actions. Random directions lie in the space of the
    components and explain as much of the variance of the memory as the component they stand beside. Instead of
    components other directions may be edited, and instead of one edit of each several doses be tried.

    Args:
        agent: who plays; it needs a recurrent core.
        world: where; None for the world the agent was trained in.
        recording: of the agent in that world, or its path, to find the components on; None to make one.
        given: the Result of `fitted_components` of such a recording, with parameters of its own; it takes its place.
        parameters: see `InterventionParameters`; single ones may be given by name instead.
        progress: show a progress bar on standard error.
        **settings: fields of `InterventionParameters` that replace those of `parameters`.

    Returns:
        A Result by (edit, episode): `duration` in units of the world's clock, `survived` (see `Words.survived`),
        `is_terminated`, `episode_return`, `gathered` (sum of the valences of what happened), `events` (edit, episode,
        event), and `actions` (edit, episode, output), the share of decisions, or the mean of a continuous action. Edits
        are `none`, `component 3`, `random 3.0` and so on, with doses `component 3 +2` and `random 3.0 +2`, with
        `component` (-1 for other directions), `target` (a number of each direction), `dose`, `is_random` and
        `explained` (edit). What
        each edited component changed, by (edited, measure): `difference` and `random_difference`, each with `_low` and
        `_high`, and `p`; and `unedited` (measure), with `_low` and `_high`: see `effects_of` and `unedited_means`.

    Raises:
        UserError: a parameter is unknown or out of range, recording or components are not those of the agent in that
            world, or the components are of no layer of its memory.
        NotMeasurable: the agent has no recurrent core, or one that is computed out of sight, or as
            `fitted_components`.
    """
    chosen = with_settings(parameters or InterventionParameters(), settings)
    require_memory(agent)
    where = world_of(agent, world)
    fit, states = (given or {}).get(FITTED), None
    if fit is None or recording is not None or chosen.directions is not None:
        with recording_of(agent, where, recording, chosen, progress) as source:
            fit = fit or fitted_components(source, agent=agent, given=given)
            if chosen.directions is not None:
                states = states_of(source, editable_layer(agent.policy, fit.parameters.get("layer")))
                found = [pushed_along(each, fitted_of(fit), states) for each in chosen.directions]
                targets = [each for each in found if each is not None]
    _require_same_fit(fit, agent, where.declaration)
    layer = editable_layer(agent.policy, fit.parameters.get("layer"))
    recorded = fit.provenance["seed"] or 0
    seed = recorded + 1 if chosen.episode_seed is None else chosen.episode_seed
    fitted = fitted_of(fit)
    edits = (
        component_edits(fitted, chosen, seed) if states is None else edits_along(targets, fitted, states, chosen, seed)
    )
    rows = _played(agent.policy.to("cpu"), where, edits, layer, chosen, seed, progress)
    return _to_result(rows, edits, agent, where, chosen, seed, fit)


def require_memory(agent: Agent) -> None:
    """Refuse an agent without a recurrent core, or with one that cannot be edited.

    Raises:
        NotMeasurable: it is such a one.
    """
    if not agent.policy.state_size:
        raise NotMeasurable(f"agent {agent.name!r}: has no recurrent core; there is nothing to intervene on")
    editable_layer(agent.policy)


@contextmanager
def recording_of(
    agent: Agent,
    world: World,
    recording: Recording | str | Path | None,
    chosen: InterventionParameters,
    progress: bool = False,
) -> Iterator[Recording]:
    """The recording to find components on, for as long as the `with` block lasts if it has to be made.

    Raises:
        UserError: the recording is not of this agent in this world.
    """
    from retinoscope.rollouts import open_recording, record

    if recording is not None:
        source = open_recording(recording) if isinstance(recording, str | Path) else recording
        require_same(source, agent, world)
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="retinoscope-") as folder:
        out = Path(folder) / "recording.zarr"
        # Another seed than that of the episodes, so that no component was found on what is played.
        seed = 0 if chosen.episode_seed is None else chosen.episode_seed + 1
        yield record(agent, world, frames=chosen.frames, out=out, seed=seed, progress=progress)


def _require_same_fit(fit: Result, agent: Agent, world: Declaration) -> None:
    for kind, key, sha256 in (
        ("agent", "checkpoint_sha256", agent.checkpoint_sha256),
        ("world", "world_sha256", world.sha256),
    ):
        if fit.provenance[key] != sha256:
            raise UserError(
                f"fitted components: were found with another {kind} than {agent.name!r} in {world.name!r}; "
                f"give those of a recording of this {kind}"
            )


def _played(
    policy: Policy,
    world: World,
    edits: list[Edit],
    layer: str,
    chosen: InterventionParameters,
    seed: int,
    progress: bool,
) -> dict[tuple[int, int], dict[str, Any]]:
    """One row per (edit, episode)."""
    # Imported late: evaluation returns Results, and with these come all analyses, this one among them.
    from retinoscope.rollouts.evaluation import play_episodes

    tasks = []
    for number, each in enumerate(edits):
        player = policy if each.edit is None else EditedPolicy(policy, each.edit.matrix, each.edit.offset, layer)
        for first in range(0, chosen.episodes, _EPISODES_PER_TASK):
            episodes = list(range(first, min(first + _EPISODES_PER_TASK, chosen.episodes)))
            tasks.append((number, (player, world, episodes, seed, chosen.greedy)))
    rows: dict[tuple[int, int], dict[str, Any]] = {}
    count = len(edits) * chosen.episodes
    with progress_bar("episodes", count, progress) as advance, executor(chosen.workers) as pool:
        with nothing_to_import_again():
            futures = [(number, pool.submit(play_episodes, *arguments)) for number, arguments in tasks]
        for number, future in futures:
            for row in future.result():
                rows[number, row["episode"]] = row
                advance(1)
    return rows


def _to_result(
    rows: dict[tuple[int, int], dict[str, Any]],
    edits: list[Edit],
    agent: Agent,
    world: World,
    chosen: InterventionParameters,
    seed: int,
    fit: Result,
) -> Result:
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
    said = fit.parameters | stated(chosen) | {"episode_seed": seed}
    return Result("intervention", data.merge(effects_table(data)), said, provenance(agent=agent, world=world))


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
    return (
        f"{agent.name} in {declared.name}, {chosen.do}{doses} at every decision; {chosen.episodes} episodes of each "
        f"edit{limit}, {worlds} (seed {seed}). Components: "
        f"{fit.parameters['components']} ({fit.parameters['found_by']}). Intervals: 95%, bootstrap over episodes, of "
        f"the difference from the unedited agent. Random: {chosen.random_directions} random directions per component "
        "that explain as much variance; p: share of all random directions that change the measure at least as much."
    )


ANALYSIS = Analysis(
    name="intervention",
    title="Does it matter?",
    group="memory",
    summary="What the agent does with a component of its memory clamped, removed or exchanged.",
    run=intervention,
    parameters=InterventionParameters,
    of="agent",
    needs=(AGENT, RECORDING, WORLD, MEMORY),
    builds_on=("fitted_components",),
    draw=drawings_of_effects,
    explore=panels_of_effects,
    is_on_request=True,
    functions=(effects_of, unedited_means),
    rank=50,
    methods="""
        The agent played {{ episodes }} episodes of each edit of its memory, in which its activation along
        {% if directions %}one of the directions {{ directions | listed }}{% else %}a component{% endif %} was, at
        every decision, {% if do == "ablate" %}removed{% elif do.startswith("swap") %}exchanged with that of another
        ({{ do }}){% elif do.startswith("add") %}moved by {{ doses | listed if doses else do[4:] }} standard
        deviations{% elif doses or ":" in do %}held at {{ doses | listed if doses else do[6:] }} standard deviations
        from its mean{% else %}held at its mean{% endif %}; and as many without an edit, and with each of
        {{ random_directions }} random directions beside each, which explain as much of the variance of the memory.
        All edits
        share seeds of worlds and actions (from {{ episode_seed }}). Differences have {{ interval }}% bootstrap
        intervals over episodes [@efron1993].
    """,
)
