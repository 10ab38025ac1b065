"""The table of a sweep: one row for each run."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

from retinoscope.errors import UserError
from retinoscope.files import replacing
from retinoscope.result import load_result
from retinoscope.sweeps.plan import Member, Plan
from retinoscope.sweeps.states import State


def rows_of(folder: Path, plan: Plan, is_running: bool) -> list[dict[str, Any]]:
    """One row for each run, in the order of the plan; see `Sweep`."""
    return [_row(folder, plan, each, is_running) for each in plan.members]


def write_table(folder: Path, plan: Plan, is_running: bool) -> list[dict[str, Any]]:
    """Write the rows as table.csv and table.json, and return them."""
    rows = rows_of(folder, plan, is_running)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with replacing(folder / "table.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    with replacing(folder / "table.json") as temporary:
        temporary.write_text(json.dumps(rows, indent=1, default=str) + "\n", encoding="utf-8")
    return rows


def _row(folder: Path, plan: Plan, member: Member, is_running: bool) -> dict[str, Any]:
    state = State(folder, member)
    row: dict[str, Any] = {"run": member.name}
    row |= {name: member.varied.get(name) for name in plan.options}
    row["state"] = state.words(is_running)
    if "train" in state.done:
        row["frames_trained"] = _frames_trained(folder / "runs" / member.name)
    if "evaluate" in state.done:
        row |= _evaluated(folder / "evaluations" / f"{member.name}.nc")
    return row


def _frames_trained(run: Path) -> int | None:
    """Of the last checkpoint."""
    from retinoscope.agents.sample_factory_run import list_checkpoints

    try:
        return list_checkpoints(run)[-1].frames
    except (UserError, IndexError):
        return None


def _evaluated(path: Path) -> dict[str, float | None]:
    from retinoscope.rollouts.evaluation import summarise

    try:
        found = summarise(load_result(path))
    except UserError:
        return {}
    columns: dict[str, float] = {}
    for key, each in found["agent"].items():
        columns |= {key: each.estimate, f"{key} low": each.low, f"{key} high": each.high}
        columns[f"{key} random"] = found["random"][key].estimate
    return {name: round(value, 6) if math.isfinite(value) else None for name, value in columns.items()}
