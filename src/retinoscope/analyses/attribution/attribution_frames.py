"""Frames of a recording for attribution, and the processes that share the work on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.declaration import Inputs
from retinoscope.analyses.recorded import require_same
from retinoscope.attribution.baselines import blur_sigma, blurred
from retinoscope.attribution.measures import Frames
from retinoscope.attribution.targets import parse_target
from retinoscope.errors import NotMeasurable
from retinoscope.progress import progress_bar
from retinoscope.scale.work import each_of

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording
    from retinoscope.worlds.choosing import WorldLike
    from retinoscope.worlds.world import World

_BLOCK = 1024  # rows
SMALLEST_OBJECT = 4.0  # pixels in view
Work = tuple[Callable[[Any], Any], Any]
"""A function of a module, and the one argument that it gets."""

Baseline = Literal["emptied", "blurred", "grey"]
BASELINES = (
    "what a view is compared with: the same view of the emptied world, the same view blurred, or an even picture of "
    "the grey level that normalisation brings to zero; none for emptied, or blurred where the world cannot be emptied"
)
"""What a parameter of this type means."""

_EMPTIED = "the same view of the arena without stimuli"


class Compared(NamedTuple):
    """Frames, and what they are compared with.

    Attributes:
        frames: as asked for; with another baseline than the emptied world, no objects are known.
        baseline: what the backgrounds are, within a sentence.
        why: a sentence that says why they are not the emptied world, where that was not chosen; empty otherwise.
    """

    frames: Frames
    baseline: str
    why: str

    @property
    def is_emptied(self) -> bool:
        """The backgrounds are views of the emptied world."""
        return self.baseline == _EMPTIED


def refuse_targets(inputs: Inputs, chosen: Any) -> None:
    """Parameters whose `targets` the agent does not have are refused before anything is recorded.

    Raises:
        UserError: there is no such target.
    """
    if inputs.agent is not None:
        for each in chosen.targets or ():
            parse_target(inputs.agent.policy, each)


def frames_of(
    recording: Recording, agent: Agent, world: WorldLike | None, rows: Sequence[int], baseline: Baseline | None
) -> Compared:
    """These rows, with what they are compared with and, in the emptied world, the masks of the objects in view.

    Args:
        recording: made by the agent.
        agent: whose views they are.
        world: where it was made; None for the agent's own, if that is where.
        rows: in increasing order.
        baseline: see `BASELINES`.

    Raises:
        UserError: the recording was made in another world.
        NotMeasurable: the emptied world is asked for and cannot be shown; or the recording lacks what entered the
            agent's memory.
    """
    wanted = np.asarray(rows, np.int64)
    columns = _rows(recording, wanted, ("observation", *_state_names(recording, agent)))
    seen = columns["observation"]
    states = columns.get("state_entering", np.zeros((len(wanted), 0), np.float32))
    why = ""
    if baseline in (None, "emptied"):
        try:
            return Compared(_emptied(recording, _world(recording, agent, world), wanted, seen, states), _EMPTIED, "")
        except NotMeasurable as error:
            if baseline is not None:
                raise
            # What the message advises instead was done.
            why = f"The emptied world was not to be had: {str(error).partition(';')[0]}."
    nothing = (np.zeros((0, *seen.shape[1:3]), bool),) * len(wanted)
    if baseline == "grey":
        level = round(agent.policy.grey_level)
        behind, said = np.full_like(seen, level), f"an even picture of grey level {level}"
    else:
        behind, said = blurred(seen), f"the same view, blurred (Gaussian, σ {blur_sigma(*seen.shape[1:3]):.3g} pixels)"
    return Compared(Frames(wanted, seen, states, behind, nothing, (np.zeros(0, np.int64),) * len(wanted)), said, why)


def _state_names(recording: Recording, agent: Agent) -> tuple[str, ...]:
    if not agent.policy.state_size:
        return ()
    if "state_entering" not in recording.columns:
        raise NotMeasurable(
            f"{recording.path}: does not hold what entered the memory of agent {agent.name!r} (state_entering), "
            "without which its decisions cannot be made again; record with retinoscope"
        )
    return ("state_entering",)


def _world(recording: Recording, agent: Agent, world: WorldLike | None) -> World:
    """Where the recording was made.

    Raises:
        UserError: it was made in another world than is given.
        NotMeasurable: it is not at hand.
    """
    lived_in = (agent.world or agent.scenario) if world is None else world
    if lived_in is not None:
        # Here, because looking at a Result needs no world.
        from retinoscope.worlds.choosing import world_of

        found = world_of(agent, lived_in)
        if world is not None:
            require_same(recording, world=found)
        if found.declaration.sha256 == recording.attributes["world_sha256"]:
            return found
    raise NotMeasurable("the world of the recording is not at hand")


def _emptied(
    recording: Recording,
    world: World,
    wanted: NDArray[np.int64],
    seen: NDArray[Any],
    states: NDArray[np.float32],
) -> Frames:
    views = list(world.views_again(recording, wanted.tolist()))
    return Frames(
        rows=wanted,
        observations=seen,
        states=states,
        backgrounds=np.stack([view.background for view in views]),
        masks=tuple(view.masks[_is_seen(view.masks)] > 0 for view in views),
        objects=tuple(np.flatnonzero(_is_seen(view.masks)) for view in views),
    )


def _rows(recording: Recording, wanted: NDArray[np.int64], names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """These columns of rows in increasing order, read a block at a time."""
    parts = []
    for start in range(int(wanted[0]), int(wanted[-1]) + 1, _BLOCK):
        inside = wanted[(wanted >= start) & (wanted < start + _BLOCK)]
        if len(inside):
            block = recording.rows(int(inside[0]), int(inside[-1]) + 1, names)
            parts.append({name: block[name].values[inside - inside[0]] for name in names})
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def _is_seen(masks: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Objects of which there is more than a speck in view; the engine also lists those hidden behind others."""
    return np.asarray(masks.sum(axis=(1, 2)) >= SMALLEST_OBJECT)


def part_of(frames: Frames, chosen: NDArray[np.int64]) -> Frames:
    """Some of the frames."""
    return Frames(
        frames.rows[chosen],
        frames.observations[chosen],
        frames.states[chosen],
        frames.backgrounds[chosen],
        tuple(frames.masks[each] for each in chosen),
        tuple(frames.objects[each] for each in chosen),
    )


def in_parts(frames: Frames, size: int) -> list[Frames]:
    """The frames in their order, `size` at a time."""
    return [
        part_of(frames, np.arange(start, min(start + size, len(frames.rows))))
        for start in range(0, len(frames.rows), size)
    ]


def evenly_spaced(start: int, stop: int, count: int) -> NDArray[np.int64]:
    """At most `count` rows from `start` up to but not including `stop`, as evenly as whole numbers allow."""
    return start + np.arange(min(count, stop - start)) * (stop - start) // min(count, stop - start)


def each_in_a_process(
    work: Sequence[Work], policy: Policy, workers: int | None, what: str, progress: bool
) -> Iterator[Any]:
    """What each piece of work returns, in order, shared among processes.

    Args:
        work: what is to be done.
        policy: which is part of it; on a GPU everything stays in this process.
        workers: processes; None for one per core, 1 for this one alone.
        what: is counted in the progress bar.
        progress: show it.
    """
    pieces = [(function, (argument,)) for function, argument in work]
    with progress_bar(what, total=len(work), visible=progress) as advance:
        for found in each_of(pieces, workers, is_bound_here=policy.device.type != "cpu"):
            yield found
            advance(1)
