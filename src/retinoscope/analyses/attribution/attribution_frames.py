"""Frames of a recording for attribution, and the processes that share the work on them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retinoscope.agents.policy import Policy
from retinoscope.analyses.declaration import Inputs
from retinoscope.attribution.measures import Frames
from retinoscope.attribution.targets import parse_target
from retinoscope.progress import progress_bar

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording
    from retinoscope.scenarios import ArenaArchive

_BLOCK = 1024  # rows
SMALLEST_OBJECT = 4.0  # pixels in view
Work = tuple[Callable[[Any], Any], Any]
"""A function of a module, and the one argument that it gets."""


def refuse_targets(inputs: Inputs, chosen: Any) -> None:
    """Parameters whose `targets` the agent does not have are refused before anything is recorded.

    Raises:
        UserError: there is no such target.
    """
    if inputs.agent is not None:
        for each in chosen.targets or ():
            parse_target(inputs.agent.policy, each)


def frames_of(recording: Recording, arena: ArenaArchive, rows: Sequence[int]) -> Frames:
    """These rows, with what their views would be without stimuli and the masks of the objects in view.

    Raises:
        UserError: as `views_again`.
    """
    # Here, because looking at a Result needs no game engine.
    from retinoscope.worlds.doom.views import views_again

    wanted = np.asarray(rows, np.int64)
    views = list(views_again(recording, arena, wanted.tolist()))
    has_states = bool(recording.attributes["layers"].get("rnn"))
    names = ("observation", *(("state_entering",) if has_states else ()))
    columns = _rows(recording, wanted, names)
    return Frames(
        rows=wanted,
        observations=columns["observation"],
        states=columns.get("state_entering", np.zeros((len(wanted), 0), np.float32)),
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
    count = min(workers or os.cpu_count() or 1, len(work))
    with progress_bar(what, total=len(work), visible=progress) as advance:
        if count <= 1 or policy.device.type != "cpu":
            for function, argument in work:
                yield function(argument)
                advance(1)
            return
        from retinoscope.rollouts.spawning import nothing_to_import_again, process_pool

        with process_pool(count) as pool:
            with nothing_to_import_again():
                futures = [pool.submit(function, argument) for function, argument in work]
            for future in futures:
                yield future.result()
                advance(1)
