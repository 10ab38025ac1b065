"""A sweep: the runs of a plan, trained, evaluated, analysed and compared; and how far they are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from retinoscope.errors import UserError, said
from retinoscope.files import replacing
from retinoscope.progress import say
from retinoscope.rollouts.locking import Occupied, only_writer
from retinoscope.scale.own_process import in_new_process, interrupt_new_processes
from retinoscope.scale.spawning import termination_as_interrupt
from retinoscope.scale.work import computing_on, executor
from retinoscope.sweeps.member import run_member
from retinoscope.sweeps.plan import Member, Plan, read_plan
from retinoscope.sweeps.states import State
from retinoscope.sweeps.table import rows_of, write_table

PLAN = "plan.yaml"


@dataclass(frozen=True)
class Sweep:
    """What a sweep has come to.

    Attributes:
        directory: `runs/NAME` is the run directory of each, `evaluations/NAME.nc` its evaluation, `analyses/NAME` its
            page; `table.csv` and `table.json` are the rows below; `comparison` compares those that are done.
        rows: of each run, in the order of the plan: its name, what it varies, its state, frames trained and, of
            everything that `evaluate` counts, the agent's mean with its interval and that of the random policy.
        failed: name of a run -> why.
    """

    directory: Path
    rows: list[dict[str, Any]]
    failed: dict[str, str]


def sweep(
    plan: str | Path | Mapping[str, Any],
    out: str | Path,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    progress: bool = False,
) -> Sweep:
    """Train, evaluate and analyse every run of a plan, then compare them.

    Called again it goes on: what is done stays, a training that was interrupted goes on from its last checkpoint, and
    what failed is tried again. A run that fails is noted and disturbs no other. A plan may get further runs, and not
    change those that there are.

    Args:
        plan: a YAML file, or what it holds: `scenario`, `training`, `grid` (every combination) or `list`, and
            `evaluate`, `analyze` and `compare` with their arguments, each left out where it is not wanted.
        out: directory of the sweep.
        workers: runs at a time, each with the processes that its own training has; None for one.
        cluster: where they run instead, see `scale.cluster.connected`; its workers have to see `out`.
        progress: say in a line when a run ends.

    Raises:
        UserError: the plan is wrong, the directory holds another sweep, another process is at it, or the cluster cannot
            be reached.
    """
    chosen, folder = read_plan(plan), Path(out).resolve()
    _prepare(folder, chosen, plan)
    with only_writer(folder, "sweeping"):
        waiting = [each for each in chosen.members if not State(folder, each).is_done]
        with termination_as_interrupt(), computing_on(None, cluster), _starting(workers, cluster) as starter:
            futures = {starter.submit(in_new_process, run_member, folder, each): each for each in waiting}
            try:
                for future in as_completed(futures):
                    _note(folder, futures[future], future.exception())
                    state = State(folder, futures[future])
                    say(f"{futures[future].name}: {state.error or state.words(False)}", progress)
                    write_table(folder, chosen, is_running=True)
            except BaseException:
                for future in futures:
                    future.cancel()
                interrupt_new_processes()
                raise
        rows = write_table(folder, chosen, is_running=False)
        _compare(folder, chosen)
    return Sweep(folder, rows, _failed(folder, chosen))


def sweep_status(plan: str | Path | Mapping[str, Any], out: str | Path) -> Sweep:
    """How far a sweep is; it may be running.

    Raises:
        UserError: the plan is wrong, or the directory holds no sweep of it.
    """
    chosen, folder = read_plan(plan), Path(out).resolve()
    if not (folder / PLAN).is_file():
        raise UserError(f"{out}: holds no sweep; begin one with `retinoscope sweep`")
    return Sweep(folder, rows_of(folder, chosen, _is_running(folder)), _failed(folder, chosen))


def _prepare(folder: Path, plan: Plan, given: str | Path | Mapping[str, Any]) -> None:
    """The directory, with the plan in it."""
    if folder.exists() and not (folder / PLAN).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: exists already and holds no sweep; choose another directory")
    for member in plan.members:
        if State(folder, member).definition != member.definition:
            raise UserError(
                f"{folder}: holds a run {member.name} of another plan; choose another directory, or give the plan "
                "it was begun with and further runs"
            )
    text = (
        yaml.safe_dump(dict(given), sort_keys=False)
        if isinstance(given, Mapping)
        else Path(given).read_text(encoding="utf-8")
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / PLAN) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); choose another directory") from None


@contextmanager
def _starting(workers: int | None, cluster: str | None) -> Iterator[Executor]:
    """What starts the process of each run: threads here, or the workers of a cluster."""
    if cluster is not None:
        if workers is not None:
            raise UserError("workers: a cluster has its own number; leave workers or cluster out")
        with executor() as chosen:
            yield chosen
        return
    if workers is not None and workers < 1:
        raise UserError(f"workers: {workers} is too few; give at least 1")
    with ThreadPoolExecutor(workers or 1) as threads:
        yield threads


def _note(folder: Path, member: Member, error: BaseException | None) -> None:
    """What the run itself could not say any more: its process ended under it."""
    if error is not None:
        State(folder, member).fail(said(error))


def _failed(folder: Path, plan: Plan) -> dict[str, str]:
    states = {each.name: State(folder, each) for each in plan.members}
    return {name: state.error for name, state in states.items() if state.error is not None}


def _is_running(folder: Path) -> bool:
    with contextlib.suppress(Occupied), only_writer(folder):
        return False
    return True


def _compare(folder: Path, plan: Plan) -> None:
    """Compare the agents of those that are done, if the plan asks for it and there are two of them."""
    done = [each for each in plan.members if State(folder, each).is_done]
    if plan.compare is None or len(done) < 2:
        return
    from retinoscope.workflows.compare import compare

    agents = [folder / "runs" / each.name for each in done]
    compare(*agents, out=folder / "comparison", overwrite=True, **plan.compare)
