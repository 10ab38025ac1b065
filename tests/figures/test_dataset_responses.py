"""Figures of responses to data sets say what is in the Result, are legible, and refuse what is not theirs."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from retinoscope.report.drawings.dataset import DRAWINGS

from retinoscope.analyses.drawing import TableDrawing, TextDrawing
from retinoscope.errors import UserError
from retinoscope.figures.action_given_stimulus import action_given_stimulus, action_given_stimulus_by_place
from retinoscope.figures.dataset_attribution import dataset_attribution
from retinoscope.figures.dataset_embedding import dataset_embedding
from retinoscope.figures.decoding import decoding
from retinoscope.figures.effect_classes import colour_of, marker_of
from tests.analyses.dataset_runs import action_result, attribution_result, decoding_result, embedding_result

DRAWN = [
    (action_given_stimulus, action_result),
    (action_given_stimulus_by_place, action_result),
    (decoding, decoding_result),
    (dataset_embedding, embedding_result),
    (dataset_attribution, attribution_result),
]


@pytest.mark.parametrize(("draw", "result"), DRAWN)
def test_every_text_is_legible_and_on_the_page(draw, result):
    figure = draw(result())
    figure.savefig(io.BytesIO(), format="png", dpi=100)
    width, height = figure.get_size_inches() * 100
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip():
            assert text.get_fontsize() >= 6, text.get_text()
    for text in figure.texts:
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= width + 1 and box.y0 >= 0 and box.y1 <= height + 1, text.get_text()


@pytest.mark.parametrize(("draw", "result"), DRAWN)
def test_results_of_others_are_refused(draw, result):
    other = decoding_result() if draw is not decoding else action_result()
    with pytest.raises(UserError, match="give the result of that analysis"):
        draw(other)


def test_decodability_is_drawn_as_it_is_in_the_result():
    axes = decoding(decoding_result()).axes[0]
    scores = decoding_result().data["balanced"].sel(task="class")
    drawn = [line.get_ydata() for line in axes.lines if len(line.get_ydata()) == 3 and line.get_linestyle() == "-"]
    assert len(drawn) == 3
    for line, checkpoint in zip(drawn, scores["checkpoint"].values, strict=True):
        np.testing.assert_array_equal(line, scores.sel(checkpoint=checkpoint)[1:])


def test_colours_tell_healing_from_harming_also_in_brightness_and_markers_without_colour():
    effects = np.array([-30, -10, 0, 10, 30])
    colours = [to_rgb(colour) for colour in colour_of(effects)]
    assert all(c[0] > c[2] for c in colours[:2]) and all(c[2] > c[0] for c in colours[3:])
    assert sum(colours[0]) < sum(colours[1]) and sum(colours[4]) < sum(colours[3])
    assert len(set(marker_of(["cat", "dog", "eel", "fox", "gnu"], effects))) == 5
    assert marker_of(["1", "2"], effects[:2]) == ["$1$", "$2$"]


def test_the_report_gets_the_scores_as_a_text_and_the_numbers_as_tables():
    drawings = DRAWINGS["decoding"](decoding_result())
    (text,) = [each for each in drawings if isinstance(each, TextDrawing)]
    assert text.name == "analyze_class_score" and text.text.startswith("multi classification scores:\n-Train: ")
    (table,) = [each for each in drawings if isinstance(each, TableDrawing)]
    assert len(table.rows) == 3 * 4 * 2 and all(len(row) == len(table.columns) for row in table.rows)
    (summary,) = [each for each in DRAWINGS["action_given_stimulus"](action_result()) if isinstance(each, TableDrawing)]
    assert [row[0] for row in summary.rows] == ["untrained", "early", "final"]
