"""What would run, and how long it may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retinoscope.errors import UserError
from retinoscope.sweeps.member import scenario_of, training_of
from retinoscope.sweeps.plan import Member, read_plan
from retinoscope.sweeps.states import State, last_of_curve

FRAMES_PER_SECOND = 5000.0
"""Of a training on two cores of a usual machine, where the sweep has measured none itself; see docs/training.md."""


@dataclass(frozen=True)
class Estimate:
    """What a run would do.

    Attributes:
        name: of the run.
        stages: that are not done.
        seconds: that they may take, as far as that is known.
        unknown: stages that no run of this sweep has done, so that nothing is known of their time.
        refused: why it would fail, as far as that can be told without running it; empty if it cannot.
    """

    name: str
    stages: tuple[str, ...]
    seconds: float
    unknown: tuple[str, ...]
    refused: str


def estimates(plan: str | Path | Mapping[str, Any], out: str | Path) -> list[Estimate]:
    """What `sweep` would do now, run by run.

    Raises:
        UserError: the plan is wrong.
    """
    chosen, folder = read_plan(plan), Path(out).resolve()
    states = {each.name: State(folder, each) for each in chosen.members}
    curves = [each for name in states if (each := last_of_curve(folder / "runs" / name)) is not None]
    seconds = sum(each["seconds"] for each in curves)
    rate = sum(each["frames"] for each in curves) / seconds if seconds else FRAMES_PER_SECOND
    measured = {
        stage: [each.seconds[stage] for each in states.values() if stage in each.seconds]
        for stage in ("evaluate", "analyze")
    }
    return [_of(each, states[each.name], folder, rate, measured) for each in chosen.members]


def _of(member: Member, state: State, folder: Path, rate: float, measured: Mapping[str, list[float]]) -> Estimate:
    left = tuple(stage for stage in member.stages if stage not in state.done)
    try:
        frames, refused = float(training_of(member).frames), ""
        scenario_of(member)
    except UserError as error:
        frames, refused = 0.0, str(error)
    seconds = 0.0
    if "train" in left:
        there = last_of_curve(folder / "runs" / member.name)
        seconds += max(frames - (there["frames"] if there else 0.0), 0.0) / rate
    known = [stage for stage in left if measured.get(stage)]
    seconds += sum(sum(measured[stage]) / len(measured[stage]) for stage in known)
    unknown = tuple(stage for stage in left if stage != "train" and stage not in known)
    return Estimate(member.name, left, seconds, unknown, refused)
