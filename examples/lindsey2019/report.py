"""What a run of the example leaves behind: table.csv, three figures, and a report that says what was found."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from drawing import PUBLISHED, figure_of_course, figure_of_fields, figure_of_indices
from fields import BEFORE, BLANK, NOISE, TRAINED, Run, measured
from structure import WHITE, Interval, course_of, epochs_of, ratio_of_white_noise, rows_of, units_of, value_of

from retinoscope import UserError
from retinoscope.files import replacing

EPOCHS = 20  # of the authors
SHOWN = ("centre-surround", "oriented", "blob")
COLUMNS = ("N", "layer", "state", "networks, epochs", "fields", *SHOWN, "orientation index", "gratings", "as before")


def report(out: Path, stimuli: int, surrogates: int) -> str:
    """Measure all runs in a folder, and write what was found beside them.

    Raises:
        UserError: there is no run.
    """
    folders = sorted(path.parent for path in out.glob("n*_seed*/state.safetensors"))
    if not folders:
        raise UserError(f"{out}: holds no run yet; train first")
    runs = []
    for folder in folders:
        print(f"measuring {folder.name}", flush=True)
        runs.append(measured(folder, stimuli))
    units = units_of(runs, surrogates)
    rows = rows_of(runs, units)
    with replacing(out / "table.csv") as beside, beside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    figure_of_fields(units).savefig(out / "fields.png")
    figure_of_indices(runs, units, rows).savefig(out / "indices.png")
    figure_of_course(rows).savefig(out / "course.png")
    parts = (_trained(runs), _table(rows), _course(rows), _ratios(rows), [*_early(runs), *_verdicts(rows)])
    text = "\n\n".join("\n".join(lines) for lines in parts) + "\n"
    with replacing(out / "report.md") as beside:
        beside.write_text(text, encoding="utf-8")
    return text


def _trained(runs: Sequence[Run]) -> list[str]:
    lines = [
        "| N | seed | epochs | test accuracy | an epoch before | training loss | an epoch before |",
        "|" + "---|" * 7,
    ]
    for run in sorted(runs, key=lambda each: (each.bottleneck, each.seed)):
        last, before = run.curve[-1], run.curve[max(len(run.curve) - 2, 0)]
        numbers = [last["test_accuracy"], before["test_accuracy"], last["train_loss"], before["train_loss"]]
        said = " | ".join(f"{each:.3f}" for each in numbers)
        lines.append(f"| {run.bottleneck} | {run.seed} | {run.epochs} | {said} |")
    return lines


def _table(rows: Sequence[dict[str, object]]) -> list[str]:
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    for row in rows:
        if row["seed"] not in ("all", "") or row["way"] != NOISE or row["state"] not in (BEFORE, TRAINED, WHITE):
            continue
        shares = [_percent(_interval(row, name.replace("-", "_"))) for name in SHOWN]
        numbers = [_number(_interval(row, name)) for name in ("orientation", "selectivity", "unchanged")]
        of = f"{row['networks']}, {row['epochs']}" if row["networks"] else ""
        fields = f"{row['answering']} of {row['units']}"
        cells = [row["bottleneck"], row["layer"], row["state"], of, fields, *shares, *numbers]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return lines


def _course(rows: Sequence[dict[str, object]]) -> list[str]:
    """Of the networks of a bottleneck, what their fields are in every state that was measured."""
    columns = ("N", "layer", "epochs", *SHOWN, "as before")
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for row in sorted(course_of(rows), key=_in_time):
        shares = [_percent(_interval(row, name.replace("-", "_"))) for name in SHOWN]
        cells = [row["bottleneck"], row["layer"], row["epochs"], *shares, _number(_interval(row, "unchanged"))]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return lines


def _in_time(row: dict[str, object]) -> tuple[str, int, float]:
    return str(row["layer"]).lower(), int(str(row["bottleneck"])), epochs_of(row)


def _ratios(rows: Sequence[dict[str, object]]) -> list[str]:
    lines = ["| published ratio of orientedness | black picture | white noise | published |", "|---|---|---|---|"]
    for row in rows:
        if row["seed"] == "all" and row["state"] == TRAINED and row["way"] == BLANK:
            which = {key: row[key] for key in ("bottleneck", "layer", "state", "seed")}
            ours = [value_of(rows, "published_ratio", way=way, **which) for way in (BLANK, NOISE)]
            bottleneck, layer = int(str(row["bottleneck"])), str(row["layer"])
            theirs = PUBLISHED.get((bottleneck, layer))
            said = f"{theirs[0]:.2f} ± {theirs[1]:.2f}" if theirs else ""
            fields = f"{row['answering']} of {row['units']} fields"
            lines.append(f"| N = {bottleneck}, {layer} | {_number(ours[0])}, {fields} | {_number(ours[1])} | {said} |")
    lines.append(f"| white noise, 32 x 32 | | {_number(ratio_of_white_noise())} | 1.99 ± 0.12 |")
    return lines


def _early(runs: Sequence[Run]) -> list[str]:
    """That what follows is of networks that the authors would have trained for longer, if so."""
    least = min(run.epochs for run in runs)
    if least >= EPOCHS:
        return []
    return [
        f"Trained for as few as {least} of the authors' {EPOCHS} epochs: no verdict yet on the published claim.",
        "",
    ]


def _verdicts(rows: Sequence[dict[str, object]]) -> list[str]:
    """Each part of the claim against the share of such fields before training and against one half."""
    there = sorted({int(str(row["bottleneck"])) for row in rows if row["bottleneck"]})
    claims = [(there[0], "retina", "centre-surround"), (there[0], "V1", "oriented"), (there[-1], "retina", "oriented")]
    lines = []
    for bottleneck, layer, kind in claims:
        name = kind.replace("-", "_")
        which = {"bottleneck": bottleneck, "layer": layer, "way": NOISE, "seed": "all"}
        before, after = (value_of(rows, name, state=state, **which) for state in (BEFORE, TRAINED))
        lines.append(f"- N = {bottleneck}, {layer} {kind}: {_verdict(before, after)}")
    return lines


def _verdict(before: Interval, after: Interval) -> str:
    numbers = f"{_percent(after)} of the fields, {_percent(before)} before training"
    share, low, high = after
    if np.isnan(share):
        return "no unit answers"
    if low > 0.5 and (low > before[2] or np.isnan(before[0])):
        return f"holds. {numbers}"
    if high < 0.5:
        return f"does not hold. {numbers}"
    return f"open. {numbers}"


def _interval(row: dict[str, object], name: str) -> Interval:
    return float(str(row[name])), float(str(row[f"{name}_low"])), float(str(row[f"{name}_high"]))


def _percent(found: Interval) -> str:
    return _said([f"{100 * each:.0f}" for each in found], "%")


def _number(found: Interval) -> str:
    return _said([f"{each:.2f}" for each in found], "")


def _said(texts: Sequence[str], unit: str) -> str:
    value, low, high = texts
    if value == "nan":
        return "–"
    return f"{value}{unit}" + ("" if low == "nan" else f" [{low}, {high}]")
