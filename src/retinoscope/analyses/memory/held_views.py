"""Inputs that an agent really had, to be held before its memory; and states that the memory was in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from retinoscope.agents.held_inputs import encoder_output
from retinoscope.agents.policy import Policy, inference
from retinoscope.errors import NotMeasurable, UserError

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

STRETCHES, STRETCH_STEPS = 32, 128
"""Of the recording, from which states are drawn: as many stretches of so many decisions, spread over it."""

WARM_UP_STEPS = 64
"""Decisions before each stretch by which a network that did not play comes into the state that it would be in."""

_READ = 32  # decisions of every stretch that are read at a time

MEAN = "mean input"
EMPTY = "empty view"


@dataclass(frozen=True)
class Stretches:
    """Decisions of a recording, some in a row.

    Attributes:
        rows: (stretch, step) of the recording.
        warm_up: decisions before each of them that are of the same episode.
    """

    rows: NDArray[np.int64]
    warm_up: int

    @classmethod
    def of(cls, recording: Recording) -> Stretches:
        """Spread over the recording, each within one episode.

        Raises:
            NotMeasurable: no episode has two decisions.
        """
        longest = max((each.stop - each.start for each in recording.episodes), default=0)
        if longest < 2:
            raise NotMeasurable(f"{recording.path}: no episode has two decisions; record more")
        warm_up = min(WARM_UP_STEPS, longest // 3)
        steps = min(STRETCH_STEPS, longest - warm_up)
        firsts = np.concatenate([np.arange(each.start + warm_up, each.stop - steps + 1) for each in recording.episodes])
        chosen = firsts[np.unique(np.linspace(0, len(firsts) - 1, STRETCHES).round().astype(np.int64))]
        # Stretches that overlap would show the same states twice.
        apart = [int(chosen[0])]
        for each in chosen[1:]:
            if each >= apart[-1] + steps:
                apart.append(int(each))
        return cls(np.array(apart)[:, None] + np.arange(steps), warm_up)

    @property
    def flat(self) -> NDArray[np.int64]:
        """(decision,) all rows, stretch by stretch."""
        return self.rows.ravel()

    def read(self, recording: Recording, name: str) -> NDArray[Any]:
        """(stretch, step, ...) values of a column."""
        return np.stack([recording.rows(int(each[0]), int(each[-1]) + 1, (name,))[name].values for each in self.rows])


def replayed_states(policy: Policy, recording: Recording, stretches: Stretches) -> NDArray[np.float32]:
    """(stretch, step, state) that would enter another network's decisions, had it seen the same views."""
    state = policy.initial_state(len(stretches.rows))
    firsts, found = stretches.rows[:, 0] - stretches.warm_up, []
    count = stretches.warm_up + stretches.rows.shape[1]
    with inference():
        for start in range(0, count, _READ):
            size = min(_READ, count - start)
            spans = [(int(first) + start, int(first) + start + size) for first in firsts]
            views = np.stack([recording.rows(*each, ("observation",))["observation"].values for each in spans])
            for step in range(size):
                found.append(state.cpu().numpy())
                state = policy.step(torch.as_tensor(views[:, step], device=policy.device), state).state
    return np.stack(found[stretches.warm_up :], axis=1)


@dataclass(frozen=True)
class Views:
    """Views that are held.

    Attributes:
        names: of each.
        rows: (view,) of the recording.
        shares: (view,) of the sampled decisions whose encoder's output is nearest to it; NaN where that was not asked.
    """

    names: tuple[str, ...]
    rows: NDArray[np.int64]
    shares: NDArray[np.float64]


def chosen_views(
    recording: Recording, policy: Policy, stretches: Stretches, count: int, rows: tuple[int, ...] | None, seed: int
) -> Views:
    """The views to be held.

    Args:
        recording: what the agent saw.
        policy: of the agent.
        stretches: the decisions from which they are chosen.
        count: how many that stand for all: of so many clusters of the encoder's outputs (k-means), the view nearest to
            each centre.
        rows: those that the user named, instead.
        seed: of the clusters.

    Returns:
        Where the world lists its objects, a view without any, the most usual one, and then those.

    Raises:
        UserError: the recording has no such rows.
    """
    if rows is not None:
        for row in rows:
            if not 0 <= row < recording.frames:
                raise UserError(
                    f"fixed points: there is no row {row}; {recording.path} has 0 to {recording.frames - 1}"
                )
        return Views(tuple(f"row {row}" for row in rows), np.array(rows, np.int64), np.full(len(rows), np.nan))
    features = _features(recording, policy, stretches)
    names, found, shares = [], [], []
    empty = _without_objects(recording, stretches)
    if empty.any():
        middle = features[empty].mean(axis=0)
        nearest = np.flatnonzero(empty)[np.linalg.norm(features[empty] - middle, axis=1).argmin()]
        names.append(EMPTY)
        found.append(int(stretches.flat[nearest]))
        shares.append(float(empty.mean()))
    scaled = features / (features.std() or 1.0)
    centres, labels = kmeans2(scaled, min(count, len(scaled)), minit="++", seed=seed)
    sizes = np.bincount(labels, minlength=len(centres))
    for number in np.argsort(-sizes, kind="stable"):
        if sizes[number]:
            members = np.flatnonzero(labels == number)
            nearest = members[np.linalg.norm(scaled[members] - centres[number], axis=1).argmin()]
            names.append(f"view {1 + len(names) - (EMPTY in names)}")
            found.append(int(stretches.flat[nearest]))
            shares.append(float(sizes[number] / len(labels)))
    return Views(tuple(names), np.array(found, np.int64), np.array(shares))


def observations_at(recording: Recording, rows: NDArray[np.integer]) -> NDArray[Any]:
    """(row, height, width, channel) what was seen at some decisions."""
    return np.stack([recording.rows(int(row), int(row) + 1, ("observation",))["observation"].values[0] for row in rows])


def mean_output(recording: Recording, policy: Policy, stretches: Stretches) -> NDArray[np.float64] | None:
    """(unit,) mean of the encoder's output over the stretches; None where it is no dense layer."""
    layer = encoder_output(policy)
    if layer is None:
        return None
    total = [_encoded(policy, layer, views).mean(axis=0) for views in _pictures(recording, stretches)]
    return np.mean(total, axis=0)


def _features(recording: Recording, policy: Policy, stretches: Stretches) -> NDArray[np.float64]:
    """(decision, unit) the encoder's output; where it is none that is dense, the recorded memory."""
    layer = encoder_output(policy)
    if layer is not None and layer in recording.columns:
        return stretches.read(recording, layer).reshape(stretches.rows.size, -1).astype(np.float64)
    if layer is not None:
        return np.concatenate([_encoded(policy, layer, views) for views in _pictures(recording, stretches)])
    return stretches.read(recording, "state_entering").reshape(stretches.rows.size, -1).astype(np.float64)


def _pictures(recording: Recording, stretches: Stretches) -> Iterator[NDArray[Any]]:
    """(step, height, width, channel) of each stretch."""
    for rows in stretches.rows:
        yield recording.rows(int(rows[0]), int(rows[-1]) + 1, ("observation",))["observation"].values


def _encoded(policy: Policy, layer: str, views: NDArray[Any]) -> NDArray[np.float64]:
    with inference():
        return policy.encode(torch.as_tensor(views, device=policy.device), until=layer).double().cpu().numpy()


def _without_objects(recording: Recording, stretches: Stretches) -> NDArray[np.bool_]:
    """(decision,) that no object is in view, where the world lists them; else none of them."""
    if not recording.world.object_classes:
        return np.zeros(stretches.rows.size, bool)
    listed = [recording.objects(int(rows[0]), int(rows[-1]) + 1) for rows in stretches.rows]
    return np.array([not objects for each in listed for objects in each])
