"""Check: is what is about to be analysed the agent that its owner means, in the world that it lives in?

An agent that is shown pixels it would never have seen, or whose heads are misread, still gives figures, and they are
wrong. So this is what to run first.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import scipy.special
import torch

from retinoscope.agents.agent import Agent, Predict
from retinoscope.agents.policy import one_thread
from retinoscope.analyses.recorded import require_same
from retinoscope.errors import UserError, said
from retinoscope.rollouts import Recording, open_recording, record, replay_error, with_frames
from retinoscope.rollouts.evaluation import evaluate
from retinoscope.rollouts.kept_frames import KEEP
from retinoscope.statistics.bootstrap import bootstrap_interval
from retinoscope.worlds.choosing import WorldLike, world_of
from retinoscope.worlds.world import World

Outcome = Literal["passed", "failed", "not checked"]
PREDICT_TOLERANCE = 1e-4
"""Largest difference of a logit that is let pass, relative to the largest magnitude of the logits (at least 1)."""

_GRADIENT_ROWS = 8
_RECORDING = "the recording holds what the agent computes"


@dataclass(frozen=True)
class Verdict:
    """One thing that was checked.

    Attributes:
        name: what.
        outcome: how it ended.
        text: what was found, one sentence with its numbers.
    """

    name: str
    outcome: Outcome
    text: str


@dataclass(frozen=True)
class CheckReport:
    """All verdicts on an agent.

    Attributes:
        agent, world: names.
        verdicts: in the order in which they were found.
        notes: what a person has to know of agent and world, one line each.
    """

    agent: str
    world: str
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Nothing failed; what could not be checked is no failure."""
        return all(each.outcome != "failed" for each in self.verdicts)


def check(
    agent: Agent,
    world: WorldLike | None = None,
    *,
    predict: Predict | None = None,
    recording: Recording | str | Path | None = None,
    expected_return: float | None = None,
    tolerance: float | None = None,
    episodes: int = 20,
    frames: int = 500,
    seed: int = 0,
    greedy: bool = False,
    workers: int | None = None,
    progress: bool = False,
) -> CheckReport:
    """Check an agent before anything is concluded from it.

    - *Same logits*: on recorded frames the agent computes what its owner's own code computes.
    - *Gradients*: they reach the pixels.
    - *Replay*: stored rows, shown again, give what was stored; and recorded again, the same comes out.
    - *Return*: played episodes give what the owner states.
    - *Recording*: one that is there already, joined or in one piece, holds what the agent computes. Frames that it did
      not keep are rendered again, which only the world that it was made in can do.

    Args:
        agent: to be looked into.
        world: where it lives; None for its own.
        predict: the owner's own forward pass, see `agents.agent.Predict`; None for the one that the agent brings.
        recording: made before, or where it is; None for none.
        expected_return: mean return of an episode as its owner states it; None if there is no such statement.
        tolerance: of that statement; None to ask that it lies within the 95% interval over episodes.
        episodes: to be played for the return.
        frames: decisions to be recorded.
        seed: of the world and of the draws of actions.
        greedy: take the likeliest action instead of drawing one, for the return.
        workers: processes; None for one per core.
        progress: show progress bars on standard error.

    Raises:
        UserError: a number is out of range, the agent does not fit the world, or the recording is of another agent or
            world.
    """
    where = world_of(agent, world)
    made_before = None if recording is None else _opened(agent, where, recording)
    if tolerance is not None and tolerance <= 0:
        raise UserError(f"tolerance: {tolerance:g} is no distance; give more than 0")
    with tempfile.TemporaryDirectory(prefix="retinoscope-check-") as folder:
        recording = record(
            agent, where, frames=frames, out=Path(folder) / "first.zarr", seed=seed, workers=workers, progress=progress
        )
        verdicts = [
            _same_logits(agent, recording, predict or agent.predict),
            _gradients(agent, recording),
            _replay(agent, recording),
            _again(agent, where, recording, Path(folder) / "again.zarr", workers),
        ]
    verdicts.append(_return(agent, where, expected_return, tolerance, episodes, seed, greedy, workers, progress))
    if made_before is not None:
        verdicts.append(_made_before(agent, made_before))
    return CheckReport(
        agent.name, where.declaration.name, tuple(verdicts), (*agent.policy.notes, *where.declaration.notes)
    )


def _opened(agent: Agent, where: World, recording: Recording | str | Path) -> Recording:
    found = open_recording(recording) if isinstance(recording, str | Path) else recording
    require_same(found, agent, where)
    if KEEP in found.attributes and where.declaration.repeats_itself:
        return with_frames(found, where)
    if not len(found.rows_with_frames):
        raise UserError(f"{found.path}: holds no frames to show the agent again; give a recording that keeps some")
    return found


def _made_before(agent: Agent, recording: Recording) -> Verdict:
    """Rows spread over all of it, each with its neighbours where their frames are there."""
    rows = recording.rows_with_frames
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, min(512, len(rows))).round().astype(np.int64))]
    try:
        report = replay_error(recording, agent, chosen.tolist())
    except UserError as error:
        return Verdict(_RECORDING, "failed", str(error))
    differ = f"; {', '.join(report.failures)} differ" if report.failures else ""
    worst = max(report.maximum_difference.values())
    text = f"largest difference {worst:.2g} over {report.rows:,} of {recording.frames:,} rows{differ}"
    return Verdict(_RECORDING, "passed" if report.holds else "failed", text)


def _same_logits(agent: Agent, recording: Recording, predict: Predict | None) -> Verdict:
    name = "same logits as its owner's code"
    if predict is None:
        return Verdict(name, "not checked", "the owner's own forward pass is not at hand; give it as predict=")
    rows = recording.rows(names=("observation", "logits"))
    ours = rows["logits"].values
    try:
        theirs = np.asarray(predict(rows["observation"].values, rows["step"].values == 0), np.float64)
    except UserError:
        raise
    except Exception as error:
        return Verdict(name, "failed", f"the owner's code fails with {said(error)}")
    if theirs.shape != ours.shape:
        return Verdict(name, "failed", f"the owner's code gives {theirs.shape}, the agent {ours.shape}")
    ours, theirs = _comparable(agent, ours), _comparable(agent, theirs)
    apart = np.abs(theirs - ours).max(axis=1)
    largest, allowed = float(apart.max()), PREDICT_TOLERANCE * max(1.0, float(np.abs(theirs).max()))
    found = f"largest difference {largest:.2g} over {len(ours):,} recorded frames"
    if largest <= allowed:
        return Verdict(name, "passed", found)
    first = int(np.argmax(apart > allowed))
    return Verdict(name, "failed", f"{found}, first at frame {first}; this is not the agent that its owner means")


def _comparable(agent: Agent, numbers: np.ndarray) -> np.ndarray:
    """Logits of a choice mean the same when a constant is added to all of a head: as logarithms of probabilities."""
    heads = agent.policy.action_heads
    parts = np.split(numbers, np.cumsum([len(head.outputs) for head in heads])[:-1], axis=1)
    return np.concatenate(
        [
            scipy.special.log_softmax(part, axis=1) if head.kind == "choice" else part
            for head, part in zip(heads, parts, strict=True)
        ],
        axis=1,
    )


def _gradients(agent: Agent, recording: Recording) -> Verdict:
    policy = agent.policy
    chosen = np.unique(np.linspace(0, recording.frames - 1, _GRADIENT_ROWS).astype(int))
    seen = np.concatenate([recording.rows(each, each + 1, ("observation",))["observation"].values for each in chosen])
    pixels = torch.from_numpy(seen).float().to(policy.device).requires_grad_()
    with one_thread():
        logits = policy.step(pixels, policy.initial_state(len(pixels))).logits
        found = torch.autograd.grad(logits.sum(), pixels, allow_unused=True)[0] if logits.requires_grad else None
    if found is None:
        return Verdict("gradients reach the pixels", "failed", "none does; use occlusion instead of gradients")
    share = float((found != 0).any(dim=0).float().mean())
    text = f"{share:.0%} of pixels have one, over {len(pixels)} recorded frames"
    return Verdict("gradients reach the pixels", "passed" if share else "failed", text)


def _replay(agent: Agent, recording: Recording) -> Verdict:
    report = replay_error(recording, agent, rows=min(512, recording.frames))
    worst = max(report.maximum_difference.values())
    text = f"largest difference {worst:.2g} over {report.rows:,} stored rows"
    return Verdict("stored rows give what was stored", "passed" if report.holds else "failed", text)


def _again(agent: Agent, world: World, first: Recording, path: Path, workers: int | None) -> Verdict:
    name = "recorded again, the same comes out"
    if not world.declaration.repeats_itself:
        return Verdict(name, "not checked", "the world does not show the same again for the same seed and actions")
    attributes = first.attributes
    again = record(
        agent,
        world,
        frames=first.frames,
        out=path,
        seed=attributes["seed"],
        environments=attributes["environments"],
        batch=attributes.get("batch"),
        workers=workers,
    )
    compared = 0
    for one, other in zip(first.blocks(), again.blocks(), strict=True):
        compared += one.sizes["time"]
        different = [str(each) for each in one if not one[each].equals(other[each])]
        if different:
            return Verdict(name, "failed", f"{', '.join(different)} differ within the first {compared:,} rows")
    return Verdict(name, "passed", f"all of {first.frames:,} rows, to the last bit")


def _return(
    agent: Agent,
    world: World,
    expected: float | None,
    tolerance: float | None,
    episodes: int,
    seed: int,
    greedy: bool,
    workers: int | None,
    progress: bool,
) -> Verdict:
    result = evaluate(agent, world, episodes=episodes, seed=seed, greedy=greedy, workers=workers, progress=progress)
    returns = {str(each): result.data["episode_return"].sel(policy=each).values for each in ("agent", "random")}
    found, random = bootstrap_interval(returns["agent"]), bootstrap_interval(returns["random"])
    text = (
        f"{found.estimate:.4g} [{found.low:.4g}, {found.high:.4g}] over {episodes} episodes "
        f"({'likeliest actions' if greedy else 'actions drawn'}); a random policy {random.estimate:.4g}"
    )
    if expected is None:
        return Verdict("return of an episode", "not checked", f"{text}; nothing is stated to compare it with")
    is_near = found.low <= expected <= found.high if tolerance is None else abs(found.estimate - expected) <= tolerance
    stated = f"{expected:g}" if tolerance is None else f"{expected:g} ± {tolerance:g}"
    return Verdict("return of an episode", "passed" if is_near else "failed", f"{text}; stated {stated}")
