"""Dataset examples as files: JSON in the form of the older tool, and a tidy table, written as they are found."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.analyses.memory.activations import Activations
from retinoscope.analyses.memory.example_lists import ExampleList
from retinoscope.analyses.memory.memory_components import FittedComponents
from retinoscope.analyses.memory.samples import Samples
from retinoscope.errors import UserError
from retinoscope.files import replacing
from retinoscope.result import Result
from retinoscope.statistics.dataset_examples import LEVELS, SCOPES

COLUMNS = ("scope", "level", "component", "sample", "rank", "value", "step")


@dataclass(frozen=True)
class Words:
    """What scopes, levels and samples are called in the files.

    Attributes:
        scopes, levels: in their place, by what they are called here.
        ids: (sample,) of the samples.
    """

    scopes: Mapping[str, str]
    levels: Mapping[str, str]
    ids: NDArray[Any]

    @classmethod
    def of(cls, samples: Samples, keys: str | None = None, ids: str = "names") -> Words:
        """As the user wants them.

        Args:
            samples: what is listed.
            keys: names of the two scopes, or of these and the three levels, with commas between; None for ours.
            ids: `names` for those of the samples where they have any, `numbers` for the number that each name ends in,
                or the rows of samples where not every name ends in one of its own.

        Raises:
            UserError: there are not as many different names, or `ids` is neither.
        """
        ours = [*SCOPES, *LEVELS]
        given = ours if keys is None else [each.strip() for each in keys.split(",")]
        if len(given) == len(SCOPES):
            given = [*given, *LEVELS]
        both = (given[: len(SCOPES)], given[len(SCOPES) :])
        if len(given) != len(ours) or not all(given) or any(len(set(each)) < len(each) for each in both):
            raise UserError(
                f"keys {keys!r}: give two names for {', '.join(SCOPES)}, or five for these and {', '.join(LEVELS)}, "
                "with commas between: any,saliency_step"
            )
        if ids not in ("names", "numbers"):
            raise UserError(f"ids {ids!r}: unknown; choose names or numbers")
        found = np.array(samples.names) if samples.names else np.arange(samples.count)
        if ids == "numbers" and samples.names:
            found = _numbers_of(samples.names)
        return cls(dict(zip(SCOPES, both[0], strict=True)), dict(zip(LEVELS, both[1], strict=True)), found)


def _numbers_of(names: tuple[str, ...]) -> NDArray[np.int64]:
    """33 of `sample_00033`."""
    ends = [re.search(r"[0-9]{1,15}$", each) for each in names]
    numbers = [int(each.group()) for each in ends if each is not None]
    if len(set(numbers)) < len(names):
        return np.arange(len(names))
    return np.array(numbers, np.int64)


def write_scores(activations: Activations, path: Path) -> Path:
    """(sample, step, component) activations of the components, as a `.npy` file, some samples at a time."""
    shape = (activations.count, activations.steps, activations.components)
    with replacing(path) as temporary:
        dtype = activations.samples(0, 1).dtype
        with temporary.open("wb") as file:
            header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for block in activations.blocks():
                file.write(np.ascontiguousarray(block).tobytes())
    return path


def write_directions(fitted: FittedComponents, path: Path) -> Path:
    """`directions`, `patterns` (component, unit), `offset` (unit) and `component`, their numbers, as a `.npz` file.

    Of `ica` and `pca` the scores are (activity - offset) @ directions.T.
    """
    found = fitted.components
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            directions=fitted.full(found.directions()),
            patterns=fitted.full(found.patterns()),
            offset=fitted.full(found.offset),
            component=fitted.numbers,
        )
    return path


def write_json(result: Result, proportion: float, path: Path, words: Words) -> Path:
    """`{"any_step"|"gradient_step": {"high"|"middle"|"low": {"0": [sample ids, ascending], ...}}}`.

    Scopes, levels and ids are called what `words` says. One list is held at a time.
    """
    one = result.data["listed"].sel(proportion=proportion)
    ids = words.ids
    # Names are in no particular order in an array; the lists are.
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for text in _json_parts(one, ids, order, words):
            file.write(text)
    return path


def _json_parts(one: xarray.DataArray, ids: np.ndarray, order: np.ndarray, words: Words) -> Iterator[str]:
    """The text that `json.dumps` gives for the whole, a list at a time."""
    for scope_place, scope in enumerate(one["scope"].values.tolist()):
        yield f"{', ' if scope_place else '{'}{json.dumps(words.scopes[scope])}: "
        for level_place, level in enumerate(one["level"].values.tolist()):
            yield f"{', ' if level_place else '{'}{json.dumps(words.levels[level])}: {{"
            lists = one.sel(scope=scope, level=level).values
            for place, component in enumerate(one["component"].values.tolist()):
                yield f'{", " if place else ""}"{component}": {json.dumps(ids[lists[place][order]].tolist())}'
            yield "}"
        yield "}"
    yield "}\n"


def write_table(lists: Iterable[ExampleList], words: Words, path: Path) -> Path:
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
                (
                    *(words.scopes[each.scope], words.levels[each.level], each.component, words.ids[sample], rank),
                    *(str(shown(value)), step),
                )
                for rank, (sample, value, step) in enumerate(rows, start=1)
            )
    return path
