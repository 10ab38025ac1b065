"""Does a component matter? The agent plays with one direction of its memory clamped, removed or exchanged."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retinoscope.agents.agent import Agent
from retinoscope.analyses.declaration import AGENT, MEMORY, RECORDING, WORLD, Analysis, Given
from retinoscope.analyses.memory.chosen_moments import Moments, moments_of
from retinoscope.analyses.memory.directions import Pushed, States, pushed_along, states_of
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
    panels_of_effects,
    unedited_means,
)
from retinoscope.analyses.memory.intervention_result import result_of
from retinoscope.analyses.memory.memory_components import FittedComponents
from retinoscope.analyses.memory.pushed_play import PushedAtMoments
from retinoscope.analyses.recorded import require_same
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.progress import progress_bar
from retinoscope.result import Result
from retinoscope.rollouts.intervention import EditedPolicy, editable_layer
from retinoscope.scale.spawning import nothing_to_import_again
from retinoscope.scale.work import executor
from retinoscope.settings import with_settings
from retinoscope.worlds.choosing import WorldLike, world_of

if TYPE_CHECKING:
    from retinoscope.agents.policy import Policy
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

    The edit is made at every decision, or at those at which `when` holds, before anything reads the layer of the memory
    that the components are of, and stays in it; of an LSTM it is made in h, never in c. Every edit plays the same
    episodes: the same worlds, where the world repeats itself, and the same random numbers for the actions. Random
    directions lie in the space of the components and explain as much of the variance of the memory as the component
    they stand beside; they are edited under the same condition. Instead of components other directions may be edited,
    and instead of one edit of each several doses be tried.

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
    moments = None if chosen.when is None else moments_of(chosen.when, where.declaration)
    fit, states, targets = (given or {}).get(FITTED), None, None
    if fit is None or recording is not None or chosen.needs_states:
        with recording_of(agent, where, recording, chosen, progress) as source:
            fit = fit or fitted_components(source, agent=agent, given=given)
            if chosen.needs_states:
                states = states_of(source, editable_layer(agent.policy, fit.parameters.get("layer")))
                along = functools.partial(_along, fitted=fitted_of(fit), states=states)
                targets = None if chosen.directions is None else [along(each) for each in chosen.directions]
                moments = None if moments is None else moments.along(lambda word: along(word).reading)
    _require_same_fit(fit, agent, where.declaration)
    layer = editable_layer(agent.policy, fit.parameters.get("layer"))
    recorded = fit.provenance["seed"] or 0
    seed = recorded + 1 if chosen.episode_seed is None else chosen.episode_seed
    fitted = fitted_of(fit)
    if targets is None or states is None:
        edits = component_edits(fitted, chosen, seed)
    else:
        edits = edits_along(targets, fitted, states, chosen, seed)
    rows = _played(agent.policy.to("cpu"), where, edits, layer, moments, chosen, seed, progress)
    return result_of(rows, edits, agent, where, chosen, seed, fit)


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


def _along(word: str, fitted: FittedComponents, states: States) -> Pushed:
    found = pushed_along(word, fitted, states)
    assert found is not None  # of the network that was recorded every direction is known
    return found


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
    moments: Moments | None,
    chosen: InterventionParameters,
    seed: int,
    progress: bool,
) -> dict[tuple[int, int], dict[str, Any]]:
    """One row per (edit, episode)."""
    # Imported late: evaluation returns Results, and with these come all analyses, this one among them.
    from retinoscope.rollouts.evaluation import play_episodes

    tasks = []
    for number, each in enumerate(edits):
        player, decider = policy, None
        if moments is not None:
            decider = PushedAtMoments(moments, layer, each.edit)
        elif each.edit is not None:
            player = EditedPolicy(policy, each.edit.matrix, each.edit.offset, layer)
        for first in range(0, chosen.episodes, _EPISODES_PER_TASK):
            episodes = list(range(first, min(first + _EPISODES_PER_TASK, chosen.episodes)))
            tasks.append((number, (player, world, episodes, seed, chosen.greedy, decider)))
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
        every decision{% if when %} at which {{ when }}{% endif %}, {% if do == "ablate" %}removed{% elif
        do.startswith("swap") %}exchanged with that of another ({{ do }}){% elif do.startswith("add") %}moved by
        {{ doses | listed if doses else do[4:] }} standard deviations{% elif doses or ":" in do %}held at
        {{ doses | listed if doses else do[6:] }} standard deviations
        from its mean{% else %}held at its mean{% endif %}; and as many without an edit, and with each of
        {{ random_directions }} random directions beside each, which explain as much of the variance of the memory.
        {% if when %}What that changed at once is what the actor would have done there with the edit, against without
        it, averaged over these decisions. {% endif %}All edits share seeds of worlds and actions (from
        {{ episode_seed }}). Differences have {{ interval }}% bootstrap intervals over episodes [@efron1993].
    """,
)
