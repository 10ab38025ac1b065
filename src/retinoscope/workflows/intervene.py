"""`retinoscope intervene`: the analysis, and its files where they are wanted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retinoscope.agents.agent import Agent
from retinoscope.analyses.memory.chosen_moments import moments_of
from retinoscope.analyses.memory.fitted_components import fitted_components
from retinoscope.analyses.memory.intervention import intervention, recording_of, require_memory
from retinoscope.analyses.memory.intervention_edits import InterventionParameters
from retinoscope.errors import UserError
from retinoscope.page.products import write_drawings
from retinoscope.result import Result
from retinoscope.rollouts.intervention import editable_layer
from retinoscope.worlds.choosing import WorldLike, world_of

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording


def intervene(
    agent: Agent,
    world: WorldLike | None = None,
    *,
    component: int | None = None,
    do: str = "clamp",
    directions: str | Iterable[str] | None = None,
    doses: str | Iterable[float] | None = None,
    when: str | None = None,
    recording: Recording | str | Path | None = None,
    components: str = "ica:16",
    layer: str | None = None,
    episodes: int = 50,
    random_directions: int = 4,
    frames: int = 10_000,
    out: str | Path | None = None,
    seed: int = 0,
    greedy: bool = False,
    workers: int | None = None,
    progress: bool = False,
) -> Result:
    """Let the agent play with one direction of its memory clamped, removed or exchanged.

    Args:
        agent: who plays; it needs a recurrent core.
        world: where; None for the world the agent was trained in.
        component: its number; None for all of them, one after the other.
        do: `clamp` (held at its mean; `clamp:2` two standard deviations above it), `add:2` (moved by two of them),
            `ablate` (removed) or `swap:7` (exchanged with component 7).
        directions: edited instead of components: `unit:12`, `decoder:NAME`, `moments:notes.json:1:2` (from the
            moments of the first note of the explorer's to those of the second), `file:vector.npy`, `component:3`.
        doses: of `clamp` and `add`, an edit for each, standard deviations; None for the one that `do` says. Of both
            a text with commas between will do.
        when: edited only at decisions at which this holds: `NUMBER < 50` (a number of the world), `component:3 > 1` (a
            direction, standard deviations from its mean), `after EVENT 0-20` (decisions since then), `in view KIND`,
            `step >= 100`; `not` before any of them, `and` between them. None for every decision.
        recording: of the agent, or its path, to find the components on; None to make one for the while.
        components: `ica:16` or `pca:16`, or another number.
        layer: of the memory, that is edited; None for the first.
        episodes: of each edit; at least 2.
        random_directions: to compare each component with; they explain as much variance.
        frames: recorded if no recording is given.
        out: a directory for intervention.nc, figures/intervention.png and .pdf, and tables/intervention.csv.
        seed: of worlds, actions and random directions.
        greedy: take the likeliest action instead of drawing one.
        workers: processes; None for one per core.
        progress: show progress bars on standard error.

    Returns:
        See `analyses.intervention`.

    Raises:
        UserError: as `analyses.intervention`, or `out` cannot be written.
    """
    folder = None if out is None else Path(out)
    if folder is not None:
        try:
            (folder / "figures").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{out}: cannot be written ({error.strerror}); choose another place") from None
    parameters = InterventionParameters(
        do=do,
        component=component,
        directions=_listed(directions),
        doses=_listed(doses),
        when=when,
        episodes=episodes,
        random_directions=random_directions,
        frames=frames,
        greedy=greedy,
        episode_seed=seed,
        workers=workers,
    )
    require_memory(agent)
    editable_layer(agent.policy, layer)
    where = world_of(agent, world)
    if when is not None:
        moments_of(when, where.declaration)  # before anything is recorded
    with recording_of(agent, where, recording, parameters, progress) as source:
        fit = fitted_components(source, agent=agent, components=components, layer=layer)
        given = {"fitted_components": fit}
        states = source if parameters.needs_states else None
        result = intervention(
            agent, world=where, recording=states, given=given, parameters=parameters, progress=progress
        )
    if folder is not None:
        result.save(folder / "intervention.nc")
        write_drawings(result, folder)
    return result


def _listed(given: Any) -> Any:
    """`unit:1,unit:2` as two of them."""
    if given is None:
        return None
    return tuple(each.strip() for each in given.split(",")) if isinstance(given, str) else tuple(given)
