"""The gallery's lines about an analysis, run on a Result that a test has made."""

from __future__ import annotations

from unittest import mock

from matplotlib.figure import Figure
from tools.write_gallery import has_place, lines_of_python, read_words

from retinoscope.analyses.drawing import FigureDrawing, MovieDrawing, RecordedMovieDrawing
from retinoscope.analyses.registry import analysis
from retinoscope.result import Result

SHOWN = (FigureDrawing, MovieDrawing, RecordedMovieDrawing)


def check_gallery(result: Result) -> None:
    """Every figure and movie of a Result has its place in the gallery, whose lines draw its figures.

    Raises:
        AssertionError: one has no place, or a line draws none.
    """
    of, words = analysis(result.analysis), read_words()
    if of.name not in words["analyses"]:  # another package's
        return
    drawn = {each.name for each in of.draw(result) if isinstance(each, SHOWN)}
    for name in drawn:
        assert has_place(of.name, name), f"tools/gallery.yaml: {of.name} has no place for {name}"
    # Not every Result has all that its analysis can draw.
    lines = lines_of_python(of, words, drawn)
    with mock.patch("retinoscope.load_result", return_value=result), mock.patch.object(Figure, "savefig") as saved:
        exec(lines, {})
    assert saved.call_count == lines.count(".savefig(")
