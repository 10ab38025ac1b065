"""The self-test of a recording: does the agent, shown what was stored, compute what was stored?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy, inference
from retinoscope.errors import UserError
from retinoscope.rollouts.recording import Recording
from retinoscope.rollouts.schema import vector_layers

TOLERANCE = 1e-4
"""Largest difference that is let pass, relative to the largest magnitude of the variable (at least 1).

The same network gives slightly different float32 sums in batches of another size (and on another device): about 1e-6
was seen. A wrong row, state or checkpoint differs by 1e-1 and more.
"""

_SPAN = 16  # rows; a sample is made of short spans, so that the passage from row to row is tested too


@dataclass(frozen=True)
class ReplayReport:
    """How well a recording agrees with its agent.

    Attributes:
        rows: how many were replayed.
        maximum_difference: for each variable (layers, `logits`, `value`), the largest |replayed - stored|; for
            `state_leaving`, the largest |replayed leaving state - stored state entering the next row|; for
            `state_at_start`, the largest |state at the start of an episode, as the policy has it - stored one|.
        magnitude: for each variable, the largest |stored|.
        correlation: for each variable, Pearson's r of replayed and stored over all rows and units; nan if constant.
    """

    rows: int
    maximum_difference: dict[str, float]
    magnitude: dict[str, float]
    correlation: dict[str, float]

    @property
    def failures(self) -> tuple[str, ...]:
        """Variables that differ by more than `TOLERANCE` allows, or hold what is not a number."""
        allowed = {name: TOLERANCE * max(1.0, self.magnitude[name]) for name in self.maximum_difference}
        allowed["state_at_start"] = 0.0
        return tuple(name for name, found in self.maximum_difference.items() if not found <= allowed[name])

    @property
    def holds(self) -> bool:
        """The recording is what the agent computed."""
        return not self.failures


def replay_error(
    recording: Recording, agent: Agent, rows: int | Iterable[int] = 512, seed: int = 0, batch: int = 64
) -> ReplayReport:
    """Feed stored observations and entering states to the agent and compare what it computes with what is stored.

    Args:
        recording: made with this agent.
        agent: whose policy is run.
        rows: how many to sample (in short spans, half of them across the start of an episode), all if there are no
            more; or which ones.
        seed: of the sample.
        batch: rows per forward pass.

    Raises:
        UserError: the agent's layers are not those of the recording, or the rows do not exist.
    """
    _check_layers(recording, agent)
    if isinstance(rows, Iterable):
        spans = _spans_of(rows)
    elif rows >= recording.frames:
        spans = [(0, recording.frames)]
    else:
        spans = _sample(recording, rows, np.random.default_rng(seed))
    comparison = _Comparison()
    names = [*recording.attributes["layers"], "logits", "value"]
    with inference():
        for start, stop in spans:
            for first in range(start, stop, batch):
                last = min(first + batch, stop)
                # One row more, for the state that entered it; its frame may not be kept.
                data = recording.rows(first, min(last + 1, recording.frames), _wanted(names, agent.policy))
                seen = recording.rows(first, last, ("observation",))["observation"].to_numpy()
                _compare(comparison, data, seen, agent.policy, names)
    return comparison.report()


def _check_layers(recording: Recording, agent: Agent) -> None:
    layers = {layer.name: int(np.prod(layer.shape)) for layer in vector_layers(agent.policy)}
    if layers != recording.attributes["layers"]:
        raise UserError(
            f"{recording.path}: was recorded with layers {recording.attributes['layers']}, agent {agent.name!r} has "
            f"{layers}; give the agent that was recorded"
        )


def _wanted(names: list[str], policy: Policy) -> list[str]:
    return [*names, *(["state_entering"] if policy.state_size else [])]


def _compare(comparison: _Comparison, data: xarray.Dataset, seen: np.ndarray, policy: Policy, names: list[str]) -> None:
    rows = len(seen)
    states = np.zeros((data.sizes["time"], 0), np.float32)
    if policy.state_size:
        states = data["state_entering"].to_numpy()
    observations = torch.from_numpy(seen).to(policy.device)
    with policy.capture(*(name for name in names if name not in ("logits", "value"))) as activity:
        logits, value, leaving = policy.step(observations, torch.from_numpy(states[:rows]).to(policy.device))
    for name in names:
        replayed = {"logits": logits, "value": value}.get(name)
        found = activity[name] if replayed is None else replayed
        comparison.add(name, found.cpu().numpy(), data[name].to_numpy()[:rows])
    comparison.rows += rows
    if policy.state_size:
        is_start = data["step"].to_numpy() == 0
        goes_on = ~is_start[1:]
        before = leaving.cpu().numpy()[: len(goes_on)]
        comparison.add("state_leaving", before[goes_on], states[1:][goes_on])
        starts = states[is_start]
        if len(starts):
            comparison.add("state_at_start", policy.initial_state(len(starts)).cpu().numpy(), starts)


class _Comparison:
    """Running sums over pairs of replayed and stored values."""

    def __init__(self) -> None:
        self.rows = 0
        self._difference: dict[str, float] = {}
        self._magnitude: dict[str, float] = {}
        self._moments: dict[str, np.ndarray] = {}

    def add(self, name: str, replayed: np.ndarray, stored: np.ndarray) -> None:
        x, y = replayed.ravel().astype(np.float64), stored.ravel().astype(np.float64)
        if name == "value" and np.isnan(x).all() and np.isnan(y).all():
            return  # the agent has no critic, then as now
        # np.fmax and max() pass over what is not a number; here it has to come through.
        self._difference[name] = np.maximum(self._difference.get(name, 0.0), np.abs(x - y).max(initial=0.0))
        self._magnitude[name] = np.maximum(self._magnitude.get(name, 0.0), np.abs(y).max(initial=0.0))
        moments = np.array([x.size, x.sum(), y.sum(), x @ x, y @ y, x @ y])
        self._moments[name] = self._moments.get(name, 0.0) + moments

    def report(self) -> ReplayReport:
        correlation = {name: _correlation(*moments) for name, moments in self._moments.items()}
        difference = {name: float(value) for name, value in self._difference.items()}
        magnitude = {name: float(value) for name, value in self._magnitude.items()}
        return ReplayReport(self.rows, difference, magnitude, correlation)


def _correlation(n: float, x: float, y: float, xx: float, yy: float, xy: float) -> float:
    if n == 0:
        return float("nan")
    variances = max(xx - x * x / n, 0.0) * max(yy - y * y / n, 0.0)
    return float((xy - x * y / n) / np.sqrt(variances)) if variances > 0 else float("nan")


def _sample(recording: Recording, rows: int, generator: np.random.Generator) -> list[tuple[int, int]]:
    """Spans of rows, half of them around the starts of episodes, which would otherwise hardly be met."""
    count, last = max(1, rows // _SPAN), max(recording.frames - _SPAN, 0)
    starts = np.array([episode.start for episode in recording.episodes])
    chosen = generator.choice(starts, count - count // 2) - _SPAN // 2
    firsts = np.concatenate([chosen, generator.integers(0, last + 1, count // 2)])
    return [(first, min(first + _SPAN, recording.frames)) for first in np.clip(firsts, 0, last).tolist()]


def _spans_of(rows: Iterable[int]) -> list[tuple[int, int]]:
    """Runs of consecutive rows."""
    spans: list[tuple[int, int]] = []
    for row in sorted(set(map(int, rows))):
        if spans and spans[-1][1] == row:
            spans[-1] = (spans[-1][0], row + 1)
        else:
            spans.append((row, row + 1))
    return spans
