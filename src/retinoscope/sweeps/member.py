"""One run of a sweep, from training to analysis, in a process of its own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pydantic

from retinoscope.errors import UserError, said
from retinoscope.rollouts.locking import Occupied, only_writer
from retinoscope.scenarios import Scenario, load_scenario
from retinoscope.scenarios.scenario_files import with_changes
from retinoscope.sweeps.plan import Member
from retinoscope.sweeps.states import State

_SECONDS_BETWEEN = 0.3  # two looks at whether another process has ended


def run_member(folder: Path, member: Member) -> None:
    """Do those stages of a run that are not done; what fails is noted in its state and raised no further.

    A run that another process is at is waited for: on a cluster it outlives a command that was killed.

    Args:
        folder: of the sweep: the run goes to `runs/NAME`, its evaluation to `evaluations/NAME.nc`, its analysis to
            `analyses/NAME`, and what it prints to `logs/NAME.log`.
        member: which run.
    """
    with _alone_at(folder / "states" / f".{member.name}"):
        state = State(folder, member)
        for stage in member.stages:
            if stage in state.done:
                continue
            state.begin(stage)
            try:
                with _logged(folder / "logs" / f"{member.name}.log"):
                    _STAGES[stage](folder, member)
            except UserError as error:
                state.fail(f"{stage}: {error}")
                return
            except Exception as error:
                state.fail(f"{stage}: {said(error)}")
                return
            state.finish(stage)


@contextmanager
def _alone_at(place: Path) -> Iterator[None]:
    """Hold a lock, when whoever else holds it has ended."""
    place.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(only_writer(place))
                break
            except Occupied:
                time.sleep(_SECONDS_BETWEEN)
        yield


@contextmanager
def _logged(path: Path) -> Iterator[None]:
    """What this process and those it starts print goes to a file."""
    path.parent.mkdir(exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(stream) for stream in (1, 2)]
    with path.open("ab") as log:
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for stream, before in zip((1, 2), kept, strict=True):
            os.dup2(before, stream)
            os.close(before)


def training_of(member: Member) -> Any:
    """The parameters of its training.

    Raises:
        UserError: a value is out of range.
    """
    from retinoscope.training.config import TrainingConfig

    try:
        return TrainingConfig.model_validate(member.training)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise UserError(f"{name}: {first['msg']} (given: {first['input']!r}); correct the value") from None


def scenario_of(member: Member) -> Scenario:
    """The scenario it is trained in.

    Raises:
        UserError: a change of it is impossible.
    """
    scenario = load_scenario(member.scenario)
    return with_changes(scenario, member.changes) if member.changes else scenario


def _train(folder: Path, member: Member) -> None:
    from retinoscope.training.run import train

    scenario: str | Path = member.scenario
    if member.changes:
        scenario = folder / "scenarios" / f"{member.name}.yaml"
        scenario.parent.mkdir(exist_ok=True)
        scenario.write_text(scenario_of(member).to_yaml(), encoding="utf-8")
    train(scenario, folder / "runs" / member.name, training_of(member))


def _evaluate(folder: Path, member: Member) -> None:
    from retinoscope.agents.load import load_agent
    from retinoscope.rollouts.evaluation import evaluate

    (folder / "evaluations").mkdir(exist_ok=True)
    result = evaluate(load_agent(folder / "runs" / member.name), workers=1, **(member.evaluate or {}))
    result.save(folder / "evaluations" / f"{member.name}.nc")


def _analyze(folder: Path, member: Member) -> None:
    from retinoscope.workflows.analysis_run import analyze

    out = folder / "analyses" / member.name
    analyze(folder / "runs" / member.name, out=out, overwrite=True, **(member.analyze or {}))


_STAGES: dict[str, Callable[[Path, Member], None]] = {"train": _train, "evaluate": _evaluate, "analyze": _analyze}
