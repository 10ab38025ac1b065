"""Running an analysis on a planted recording: it is made, saved, read again, drawn and explored, or says why not."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from retinoscope.analyses.declaration import Analysis, Inputs
from retinoscope.analyses.drawing import FigureDrawing, MovieDrawing, RecordedMovieDrawing, TableDrawing
from retinoscope.analyses.methods import INTERVAL, cited, measured, papers, sentences
from retinoscope.analyses.registry import all_analyses
from retinoscope.page.products import OMITTED
from retinoscope.result import Result, load_result
from retinoscope.settings import with_settings
from retinoscope.testing.cases import CASES, planted_inputs
from retinoscope.testing.panels import check_panels
from retinoscope.testing.said import numbers_not_held
from retinoscope.workflows.running import computed


@dataclass(frozen=True)
class Checked:
    """What the suite found.

    Attributes:
        inputs: what the analysis was run on.
        result: the Result; None where the analysis said why it cannot be made.
        reason: that reason, one line; empty where there is a Result.
    """

    inputs: Inputs
    result: Result | None
    reason: str


def check_analysis(
    analysis: Analysis,
    case: str | Inputs = CASES[0],
    settings: Mapping[str, Any] | None = None,
    of_bases: Mapping[str, Mapping[str, Any]] | None = None,
    made: MutableMapping[str, Result] | None = None,
) -> Checked:
    """Run an analysis as `analyze` does, save, read again, draw and explore.

    Args:
        analysis: which.
        case: one of `CASES`, or inputs of your own.
        settings: its parameters, so that it takes no longer than it has to.
        of_bases: parameters of the analyses it builds on, by their names.
        made: what was made of these inputs with these parameters for analyses checked before, by name; what this one
            builds on is taken from here or left here. None to make it anew.

    Raises:
        AssertionError: the Result is not the same after saving, a drawing has no caption or draws nothing, a panel of
            the explorer does not fit the recording, or the reason is not one line.
    """
    inputs = planted_inputs(case) if isinstance(case, str) else case
    with tempfile.TemporaryDirectory(prefix="retinoscope-") as folder:
        inputs = dataclasses.replace(inputs, cache=Path(folder))
        result = _made(analysis, inputs, {**(of_bases or {}), analysis.name: settings or {}}, made)
        reason = result.data.attrs.get(OMITTED)
        if reason is not None:
            assert reason and "\n" not in reason, f"{analysis.name}: the reason is not one line: {reason!r}"
            return Checked(inputs, None, str(reason))
        _check_saving(result, Path(folder))
        _check_methods(analysis, result)
        if not analysis.is_shared:
            _check_drawings(analysis, result, inputs)
        check_panels(analysis, result, inputs)
    return Checked(inputs, result, "")


def _made(
    analysis: Analysis,
    inputs: Inputs,
    settings: Mapping[str, Mapping[str, Any]],
    made: MutableMapping[str, Result] | None,
) -> Result:
    """Its Result, behind those it builds on."""
    results = {} if made is None else made
    for each in _with_bases(analysis):
        if each.name not in results and each.name != analysis.name:
            results[each.name] = _computed(each, inputs, settings, results)
    return _computed(analysis, inputs, settings, results)


def _computed(
    analysis: Analysis,
    inputs: Inputs,
    settings: Mapping[str, Mapping[str, Any]],
    results: Mapping[str, Result],
) -> Result:
    return computed(analysis, inputs, with_settings(analysis.parameters(), settings.get(analysis.name, {})), results)


def _with_bases(analysis: Analysis) -> Iterator[Analysis]:
    for name in analysis.builds_on:
        yield from _with_bases(all_analyses()[name])
    yield analysis


def _check_saving(result: Result, folder: Path) -> None:
    again = load_result(result.save(folder / f"{result.analysis}.nc"))
    xarray.testing.assert_equal(again.data, result.data)
    assert again.parameters == result.parameters, f"{result.analysis}: other parameters after saving"
    assert again.provenance == result.provenance, f"{result.analysis}: another provenance after saving"


def _check_methods(analysis: Analysis, result: Result) -> None:
    said = sentences(analysis, result.parameters, measured(result))
    assert said.endswith((".", ".)")), f"{analysis.name}: the text for papers is no whole sentence: {said!r}"
    unknown = set(cited(said)) - set(papers())
    assert not unknown, f"{analysis.name}: cites {', '.join(unknown)}, which no bibliography holds"
    held = [result.parameters, measured(result), INTERVAL]
    new = numbers_not_held(said, held) if analysis.methods else []
    assert not new, f"{analysis.name}: the text for papers says {', '.join(new)}, which the manifest does not hold"


def _check_drawings(analysis: Analysis, result: Result, inputs: Inputs) -> None:
    drawings = analysis.draw(result)
    assert drawings, f"{analysis.name}: draws nothing"
    for each in drawings:
        where = f"{analysis.name}: drawing {each.name!r}"
        assert each.title and each.caption, f"{where} has no title or no caption"
        if isinstance(each, FigureDrawing):
            figure = each.draw()
            assert any(axes.has_data() for axes in figure.axes), f"{where} shows no data"
        elif isinstance(each, MovieDrawing):
            _check_frame(next(each.frames()), where)
        elif isinstance(each, RecordedMovieDrawing):
            _check_frame(next(each.frames(inputs, 0)), where)
        elif isinstance(each, TableDrawing):
            assert each.rows and all(len(row) == len(each.columns) for row in each.rows), f"{where} has no full rows"
        else:
            assert each.text.strip(), f"{where} is empty"


def _check_frame(frame: np.ndarray, where: str) -> None:
    assert frame.dtype == np.uint8 and frame.ndim == 3 and frame.std() > 0, f"{where} has no picture"
