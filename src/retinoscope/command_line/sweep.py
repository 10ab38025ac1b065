"""`retinoscope sweep`: many runs from one plan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from retinoscope.command_line import options
from retinoscope.command_line.output import print_json, print_table


def sweep(
    plan: Annotated[Path, typer.Argument(metavar="PLAN.yaml", help="What to vary, and what to do with each run.")],
    out: Annotated[
        Path | None, typer.Option(help="Directory of the sweep.", show_default="the plan's name, beside it")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Number of runs at the same time.", show_default="one")] = None,
    cluster: options.Cluster = None,
    status: Annotated[bool, typer.Option("--status", help="Say how far each run is, and do nothing else.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would run and how long it may take, and do nothing else.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Train, evaluate and compare many agents.

    PLAN.yaml says what varies between the runs and what to do with each; docs/sweeps.md describes it. With --dry-run,
    `retinoscope sweep PLAN.yaml` only says what it would do. After an interruption, the same command continues the
    sweep and tries again what failed. A run that fails does not affect the others; the exit code is then 2.

    \b
    Example:
        retinoscope sweep --help
    """
    import retinoscope

    folder = out or plan.with_suffix("")
    if dry_run:
        _dry_run(plan, folder, as_json)
        return
    if status:
        found = retinoscope.sweep_status(plan, folder)
    else:
        found = retinoscope.sweep(plan, folder, workers=workers, cluster=cluster, progress=True)
    if as_json:
        print_json({"directory": found.directory, "rows": found.rows, "failed": found.failed})
    else:
        _print_rows(found.rows)
    for name, reason in found.failed.items():
        typer.echo(f"retinoscope: {name} failed: {reason}", err=True)
    if found.failed and not status:
        raise typer.Exit(2)


def _print_rows(rows: list[dict[str, Any]]) -> None:
    """Estimates without their intervals, which are in the table's file."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns = [name for name in names if not name.endswith((" low", " high"))]
    print_table(columns, [["" if row.get(name) is None else row[name] for name in columns] for row in rows])


def _dry_run(plan: Path, folder: Path, as_json: bool) -> None:
    from retinoscope.sweeps.estimate import estimates

    found = estimates(plan, folder)
    if as_json:
        print_json({"runs": [vars(each) for each in found]})
        return
    rows = [
        (
            each.name,
            f"impossible: {each.refused}" if each.refused else ", ".join(each.stages) or "done",
            "" if each.refused else _time(each.seconds) + (" and more" if each.unknown else ""),
        )
        for each in found
    ]
    print_table(("run", "to do", "time"), rows)
    total = sum(each.seconds for each in found)
    unknown = sorted({stage for each in found for stage in each.unknown})
    also = f", and what takes to {' and '.join(unknown)}, not measured yet" if unknown else ""
    typer.echo(f"{len(found)} runs, about {_time(total)} one after the other{also}")


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
