"""Which decisions an analysis looks at: what is left out, what belongs together, what is worth showing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.analyses.behaviour.burn_in import choose_burn_in
from retinoscope.analyses.declaration import Given
from retinoscope.analyses.recorded import sides_of
from retinoscope.errors import UserError

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

GROUPS = 20
"""Episodes are dealt out to at most so many groups, over which intervals are; so memory does not grow with episodes."""


@dataclass(frozen=True)
class LeftOut:
    """Decisions with `step` below `steps` are left out, and why."""

    steps: int
    rule: str


@dataclass(frozen=True)
class Window:
    """A stretch of one episode.

    Attributes:
        start, stop: its rows, from `start` up to but not including `stop`.
        rule: how it was chosen, one sentence.
    """

    start: int
    stop: int
    rule: str


def left_out(
    recording: Recording,
    layer: str | None,
    steps: int | None,
    *,
    agent: Agent | Policy | None = None,
    given: Given | None = None,
) -> LeftOut:
    """What is left out at the start of every episode.

    Args:
        recording: what the agent saw and computed.
        layer: only what depends on a memory has a start-up; None for the memory.
        steps: as the user wants it, or None for what `choose_burn_in` finds.
        agent: that of the recording, or its policy, with which forgetting is measured directly.
        given: the Result of `burn_in`, if it is at hand.

    Raises:
        UserError: `steps` is negative.
    """
    if steps is None:
        found = choose_burn_in(recording, layer=layer, agent=agent, given=given)
        return LeftOut(found.steps, found.rule)
    if steps < 0:
        raise UserError(f"burn-in: {steps} decisions is negative; give 0 or more")
    return LeftOut(steps, f"the first {steps} decisions of every episode are left out, as asked for")


def depends_on_memory(recording: Recording, layer: str) -> bool:
    """Whether a layer has a start-up: it is a memory, or a stored layer that may read one."""
    memory = recording.layers_of("memory")
    return bool(memory) and layer in (*memory, *recording.layers_of("readout"))


def group_of(episodes: NDArray) -> NDArray[np.int64]:
    """(time,) index of the episode -> (time,) its group, below `GROUPS`."""
    return np.asarray(episodes, np.int64) % GROUPS


def eventful_window(recording: Recording, decisions: int, burn_in_steps: int) -> Window:
    """A stretch that is short enough to read and has something to show.

    Args:
        recording: what the agent saw and did.
        decisions: its length; less where every episode is shorter.
        burn_in_steps: the start of every episode that is not to be in it.

    Raises:
        UserError: no episode goes on behind the burn-in.
    """
    spans = [(each.start + burn_in_steps, each.stop) for each in recording.episodes]
    length = min(decisions, max(stop - start for start, stop in spans))
    if length < 2:
        raise UserError(
            f"{recording.path}: no episode goes on for 2 decisions behind the first {burn_in_steps}; record longer "
            "episodes, or give fewer burn_in_steps"
        )
    words, kinds = recording.world.words, _kinds_of_events(recording)
    best, chosen = (-1, -1), next((start, start + length) for start, stop in spans if stop - start >= length)
    for start, stop in spans:
        if stop - start < length or not kinds:
            continue
        events = recording.rows(start, stop, ("events",))["events"].values.astype(np.int64)
        counts = np.stack([events[:, kind].sum(axis=1) for kind in kinds])
        sums = np.concatenate([np.zeros((len(kinds), 1), np.int64), counts.cumsum(axis=1)], axis=1)
        within = sums[:, length:] - sums[:, :-length]
        rarer, both = within.min(axis=0), within.sum(axis=0)
        first = int(np.lexsort((np.arange(len(both)), -both, -rarer))[0])
        if (rarer[first], both[first]) > best:
            best, chosen = (int(rarer[first]), int(both[first])), (start + first, start + first + length)
    if best[1] <= 0:
        return Window(*chosen, f"there are no {words.events}; the first {length} decisions")
    most = f"of all stretches of {length} decisions within an episode, the one with the most {words.events}"
    if len(kinds) > 1:
        most += f" of the rarer kind ({words.positive} or {words.negative}), then of both"
    return Window(*chosen, f"{most}, then the first")


def _kinds_of_events(recording: Recording) -> list[NDArray[np.bool_]]:
    """(event,) which are of a kind: good and bad ones where there are both, else all; none where nothing can happen."""
    if "events" not in recording.columns or not recording.world.events:
        return []
    sides = sides_of(recording.world)
    return list(sides) if all(each.any() for each in sides) else [np.ones(len(recording.world.events), bool)]
