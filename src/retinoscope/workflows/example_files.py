"""Dataset examples as files: JSON in the form of the older tool, and a tidy table, written as they are found."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import xarray

from retinoscope.analyses.memory.example_lists import ExampleList
from retinoscope.analyses.memory.samples import Samples
from retinoscope.files import replacing
from retinoscope.result import Result

COLUMNS = ("scope", "level", "component", "sample", "rank", "value", "step")


def write_json(result: Result, proportion: float, path: Path) -> Path:
    """`{"any_step"|"gradient_step": {"high"|"middle"|"low": {"0": [sample ids, ascending], ...}}}`.

    Ids are the row numbers of samples, or their names where they have any. One list is held at a time.
    """
    one = result.data["listed"].sel(proportion=proportion)
    ids = result.data["sample"].values
    # Names are in no particular order in an array; the lists are.
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for text in _json_parts(one, ids, order):
            file.write(text)
    return path


def _json_parts(one: xarray.DataArray, ids: np.ndarray, order: np.ndarray) -> Iterator[str]:
    """The text that `json.dumps` gives for the whole, a list at a time."""
    for scope_place, scope in enumerate(one["scope"].values.tolist()):
        yield f'{", " if scope_place else "{"}"{scope}": '
        for level_place, level in enumerate(one["level"].values.tolist()):
            yield f'{", " if level_place else "{"}"{level}": {{'
            lists = one.sel(scope=scope, level=level).values
            for place, component in enumerate(one["component"].values.tolist()):
                yield f'{", " if place else ""}"{component}": {json.dumps(ids[lists[place][order]].tolist())}'
            yield "}"
        yield "}"
    yield "}\n"


def write_table(lists: Iterable[ExampleList], samples: Samples, path: Path) -> Path:
    """A row for each sample of each list: see `COLUMNS`; component by component, the most extreme sample first.

    `value` is the activation at the sample's most extreme step at that level, `step` that step, counted from 0, and
    `rank` counts from 1.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for each in lists:
            rows = zip(each.samples.tolist(), each.values.tolist(), each.steps.tolist(), strict=True)
            # In the precision of the data: as float64, float32 numbers would show digits that nobody measured.
            shown = each.values.dtype.type
            writer.writerows(
                (each.scope, each.level, each.component, samples.name(sample), rank, str(shown(value)), step)
                for rank, (sample, value, step) in enumerate(rows, start=1)
            )
    return path
