"""Does a component matter? The agent plays with one direction of its memory clamped, removed or exchanged."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.memory.dataset_examples import ExampleParameters, fit_examples, samples_of, settle_examples
from retinoscope.analyses.memory.memory_components import FittedComponents
from retinoscope.analyses.memory.recording_windows import RecordingWindows
from retinoscope.analyses.recorded import require_same
from retinoscope.errors import UserError
from retinoscope.progress import progress_bar
from retinoscope.result import Result
from retinoscope.rollouts.arenas import arena_of
from retinoscope.rollouts.intervention import EditedPolicy
from retinoscope.rollouts.spawning import nothing_to_import_again, process_pool
from retinoscope.scenarios.specification import TICS_PER_SECOND
from retinoscope.settings import with_settings
from retinoscope.statistics.bootstrap import Interval, bootstrap_interval
from retinoscope.statistics.state_edits import Reading, StateEdit, ablate, clamp, random_reading, reading_of, swap

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording
    from retinoscope.scenarios import ArenaArchive, Scenario

UNEDITED = "none"
_EPISODES_PER_TASK = 32  # engines take seconds to start: few tasks, but some for every core


@dataclass(frozen=True)
class InterventionParameters:
    """Parameters of `intervene`.

    Attributes:
        do: `clamp` (held at its mean), `ablate` (removed), or `swap:7` (exchanged with component 7).
        component: its number; None for all of them.
        episodes: of each edit, the same for all: worlds and draws depend on (seed, episode) alone.
        random_directions: per component, of the same variance, edited in the same way.
        frames: recorded to find the components on, if no recording is given.
        greedy: take the likeliest action instead of drawing one.
        seed: of worlds, actions and random directions. The components are found on another seed's recording.
    """

    do: str = "clamp"
    component: int | None = None
    episodes: int = 50
    random_directions: int = 4
    frames: int = 10_000
    greedy: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        self.operation  # noqa: B018 - refuses what is unknown
        if self.episodes < 2:
            raise UserError(f"episodes: {self.episodes} is too few for an interval; use at least 2")
        if self.random_directions < 1:
            raise UserError(f"random directions: {self.random_directions} is too few to compare with; use at least 1")
        if self.seed < 0:
            raise UserError(f"seed: {self.seed} is negative; give 0 or more")

    @property
    def operation(self) -> tuple[str, int | None]:
        """The name of the edit, and the partner of a swap."""
        name, colon, partner = self.do.partition(":")
        if name in ("clamp", "ablate") and not colon:
            return name, None
        if name == "swap" and partner.isdecimal():
            return name, int(partner)
        raise UserError(
            f"do {self.do!r}: unknown; choose clamp, ablate, or swap:7 with the number of another component"
        )


def intervene(
    agent: Agent,
    arena: ArenaArchive | Scenario | str | Path | None = None,
    parameters: InterventionParameters | None = None,
    *,
    recording: Recording | str | Path | None = None,
    examples: ExampleParameters | None = None,
    components: str | None = None,
    workers: int | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Let the agent play with one direction of its memory edited, against itself and against random directions.

    The edit is made at every decision, before actor and critic read the memory, and stays in it. Every edit plays the
    same episodes: the same worlds and the same random numbers for the actions. Random directions lie in the space of
    the components and explain as much of the variance of the memory as the component they stand beside.

    Args:
        agent: who plays; it needs a recurrent core.
        arena: where; None for the arena the agent was trained in.
        parameters: see `InterventionParameters`.
        recording: of the agent in that arena, or its path, to find the components on; None to make one.
        examples: how the components are found, as for `dataset_examples`; they are then the same ones.
        components: `ica:16` or `pca:16`, instead of what `examples` says.
        workers: processes; None for one per core.
        progress: show a progress bar on standard error.
        **settings: fields of `InterventionParameters` that replace those of `parameters`.

    Returns:
        A Result by (edit, episode): `seconds` survived, `survived` (to the time limit), `health_gathered`, `pickups`
        (edit, episode, class), and `actions` (edit, episode, output), the share of decisions. Edits are `none`,
        `component 3`, `random 3.0` and so on, with `component`, `is_random` and `explained` (edit). `effects_of` turns
        it into differences with intervals.

    Raises:
        UserError: a parameter is unknown or out of range, the agent has no recurrent core, or is not that of the
            recording.
    """
    settled = with_settings(parameters or InterventionParameters(), settings, "intervene")
    if not agent.policy.state_size:
        raise UserError(f"agent {agent.name!r}: has no recurrent core; there is nothing to intervene on")
    start = settle_examples(examples, {} if components is None else {"components": components})
    chosen = arena_of(agent, arena)
    with _recorded(agent, chosen, recording, settled, progress) as source:
        samples = samples_of(source, start, agent)
        fitted = fit_examples(samples, start)
    edits = _edits(fitted, settled)
    rows = _played(agent.policy.to("cpu"), chosen, edits, settled, workers, progress)
    burn_in = samples.burn_in if isinstance(samples, RecordingWindows) else 0
    return _to_result(rows, edits, agent, chosen, settled, start, burn_in, fitted)


def effects_of(result: Result) -> list[dict[str, Any]]:
    """What each edited component changed, episode by episode against the unedited agent.

    Returns:
        A dictionary for each component: `component`, `explained`, and for each measure (`seconds`, `survived`,
        `healing`, `harmful`, `pickups NAME`, `actions NAME`) a dictionary of `difference` (Interval, 95%, bootstrap
        over episodes), `random` (Interval of the mean over its random directions), and `p`: among all random
        directions of the result, how many changed the measure at least as much, as (C + 1) / (n + 1).
    """
    data = result.data
    measured = _measures(data)
    edits, is_random = data["edit"].values.tolist(), data["is_random"].values
    reference, randoms = edits.index(UNEDITED), np.flatnonzero(is_random)
    found = []
    for place in np.flatnonzero(~is_random & (data["component"].values >= 0)):
        number = int(data["component"].values[place])
        own = [each for each in randoms if data["component"].values[each] == number]
        entry: dict[str, Any] = {"component": number, "explained": float(data["explained"].values[place])}
        for name, values in measured.items():
            difference = values - values[reference]
            by_random = np.abs(difference[randoms].mean(axis=1))
            exceeding = int((by_random >= abs(difference[place].mean()) - 1e-12).sum())
            entry[name] = {
                "difference": bootstrap_interval(difference[place]),
                "random": bootstrap_interval(difference[own].mean(axis=0)),
                "p": (exceeding + 1) / (len(randoms) + 1),
            }
        found.append(entry)
    return found


def unedited_means(result: Result) -> dict[str, Interval]:
    """The same measures of the unedited agent: means per episode with 95% intervals."""
    place = result.data["edit"].values.tolist().index(UNEDITED)
    return {name: bootstrap_interval(values[place]) for name, values in _measures(result.data).items()}


def _measures(data: xarray.Dataset) -> dict[str, np.ndarray]:
    """(edit, episode) each."""
    effects, pickups = data["effect"].values, data["pickups"].values.astype(np.float64)
    measured = {
        "seconds": data["seconds"].values,
        "survived": data["survived"].values.astype(np.float64),
        "healing": pickups[..., effects > 0].sum(axis=-1),
        "harmful": pickups[..., effects < 0].sum(axis=-1),
    }
    measured |= {f"pickups {name}": pickups[..., place] for place, name in enumerate(data["class"].values)}
    return measured | {
        f"actions {name}": data["actions"].values[..., k] for k, name in enumerate(data["output"].values)
    }


@contextmanager
def _recorded(
    agent: Agent,
    arena: ArenaArchive,
    recording: Recording | str | Path | None,
    settled: InterventionParameters,
    progress: bool,
) -> Iterator[Recording]:
    from retinoscope.rollouts import open_recording, record

    if recording is not None:
        source = open_recording(recording) if isinstance(recording, str | Path) else recording
        require_same(source, agent, arena)
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="retinoscope-") as folder:
        # Another seed than that of the episodes, so that no component was found on what is played.
        yield record(
            agent,
            arena,
            frames=settled.frames,
            out=Path(folder) / "recording.zarr",
            seed=settled.seed + 1,
            progress=progress,
        )


@dataclass(frozen=True)
class _Edit:
    name: str
    component: int
    is_random: bool
    explained: float
    edit: StateEdit | None


def _edits(fitted: FittedComponents, settled: InterventionParameters) -> list[_Edit]:
    components = fitted.components
    activations = components.transform(fitted.rows[fitted.inlier_rows])
    deviations = activations.std(axis=0)
    numbers = range(components.count) if settled.component is None else [settled.component]
    operation, partner = settled.operation
    found = [_Edit(UNEDITED, -1, False, 0.0, None)]
    for number in numbers:
        if operation == "swap" and number == partner:
            if settled.component is not None:
                raise UserError(
                    f"do {settled.do!r}: component {number} cannot be exchanged with itself; choose another"
                )
            continue
        own, explained = reading_of(components, number, deviations), float(components.explained[number])
        other = None if partner is None else reading_of(components, partner, deviations)
        found.append(_Edit(f"component {number}", number, False, explained, _edit(operation, own, other, fitted)))
        for draw in range(settled.random_directions):
            random = np.random.default_rng((settled.seed, number, draw))
            drawn = random_reading(components, deviations, explained, random)
            second = (
                None
                if other is None
                else random_reading(components, deviations, float(components.explained[partner]), random)
            )
            edit = _edit(operation, drawn, second, fitted)
            found.append(_Edit(f"random {number}.{draw}", number, True, explained, edit))
    return found


def _edit(operation: str, own: Reading, other: Reading | None, fitted: FittedComponents) -> StateEdit:
    """The edit of the whole state, units that were left out included."""
    if operation == "swap" and other is not None:
        edit = swap(own, other)
    else:
        edit = clamp(own) if operation == "clamp" else ablate(own)
    matrix = np.eye(fitted.units_of_state)
    matrix[np.ix_(fitted.units, fitted.units)] = edit.matrix
    return StateEdit(matrix, fitted.full(edit.offset))


def _played(
    policy: Policy,
    arena: ArenaArchive,
    edits: list[_Edit],
    settled: InterventionParameters,
    workers: int | None,
    progress: bool,
) -> dict[tuple[int, int], dict[str, Any]]:
    """One row per (edit, episode)."""
    # Imported late: evaluation returns Results, and with these come all analyses, this one among them.
    from retinoscope.rollouts.evaluation import play_episodes

    tasks = []
    for number, each in enumerate(edits):
        player = policy if each.edit is None else EditedPolicy(policy, each.edit.matrix, each.edit.offset)
        for first in range(0, settled.episodes, _EPISODES_PER_TASK):
            episodes = list(range(first, min(first + _EPISODES_PER_TASK, settled.episodes)))
            tasks.append((number, (player, arena, episodes, settled.seed, settled.greedy)))
    rows: dict[tuple[int, int], dict[str, Any]] = {}
    count = len(edits) * settled.episodes
    with progress_bar("episodes", count, progress) as advance, process_pool(workers) as pool:
        with nothing_to_import_again():
            futures = [(number, pool.submit(play_episodes, *arguments)) for number, arguments in tasks]
        for number, future in futures:
            for row in future.result():
                rows[number, row["episode"]] = row
                advance(1)
    return rows


def _to_result(
    rows: dict[tuple[int, int], dict[str, Any]],
    edits: list[_Edit],
    agent: Agent,
    arena: ArenaArchive,
    settled: InterventionParameters,
    examples: ExampleParameters,
    burn_in: int,
    fitted: FittedComponents,
) -> Result:
    heads = [len(head.outputs) for head in agent.policy.action_heads]

    def table(key: str) -> np.ndarray:
        return np.array(
            [[rows[number, episode][key] for episode in range(settled.episodes)] for number in range(len(edits))]
        )

    def shares(actions: np.ndarray) -> np.ndarray:
        counts = [np.bincount(actions[:, head], minlength=size) for head, size in enumerate(heads)]
        return np.concatenate(counts) / len(actions)

    actions = np.array(
        [
            [shares(rows[number, episode]["actions"]) for episode in range(settled.episodes)]
            for number in range(len(edits))
        ]
    )
    scenario = arena.scenario
    data = xarray.Dataset(
        {
            "seconds": (("edit", "episode"), table("seconds"), {"units": "s"}),
            "survived": (("edit", "episode"), table("survived")),
            "health_gathered": (("edit", "episode"), table("health_gathered"), {"units": "health"}),
            "pickups": (("edit", "episode", "class"), table("pickups"), {"units": "1"}),
            "actions": (("edit", "episode", "output"), actions, {"units": "share of decisions"}),
            "component": ("edit", [each.component for each in edits]),
            "is_random": ("edit", [each.is_random for each in edits]),
            "explained": ("edit", [each.explained for each in edits], {"units": "share of variance"}),
        },
        coords={
            "edit": [each.name for each in edits],
            "class": list(scenario.class_names),
            "effect": ("class", np.array(scenario.class_effects), {"units": "health"}),
            "output": list(agent.policy.output_names()),
        },
    )
    limit = scenario.episode_tics / TICS_PER_SECOND
    data.attrs["caption"] = (
        f"{agent.name} in {scenario.name}, {settled.do} at every decision; {settled.episodes} episodes of each "
        f"edit, of at "
        f"most {limit:.0f} s, the same worlds and random numbers for all (seed {settled.seed}). Components: "
        f"{examples.components} ({fitted.components.algorithm}). Intervals: 95%, bootstrap over episodes, of "
        f"the difference "
        f"from the unedited agent. Random: {settled.random_directions} random directions per component that explain as "
        "much variance; p: share of all random directions that change the measure at least as much."
    )
    stated = dataclasses.asdict(settled) | {"examples": dataclasses.asdict(examples), "burn_in_steps": burn_in}
    provenance = {
        "agent": agent.name,
        "checkpoint_sha256": agent.checkpoint_sha256,
        "frames_trained": agent.frames_trained,
        "scenario": scenario.name,
        "arena_sha256": arena.sha256,
    }
    return Result("intervention", data, stated, provenance)
