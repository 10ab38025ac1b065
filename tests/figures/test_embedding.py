"""Embeddings show every point where it is, in the colour of its variable."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
import xarray
from matplotlib.colors import to_hex

from retinoscope.errors import UserError
from retinoscope.figures.effect_classes import colour_of
from retinoscope.figures.embedding import embedding
from retinoscope.figures.style import colours
from retinoscope.result import Result
from tests.figures.behaviour_results import EFFECTS, embedding_result, faults_of, words_of

VARIABLES = ("value", "health", "action", "nearest", "seconds", "episode")


@pytest.mark.parametrize("variable", ["value", "action", "nearest"])
def test_no_text_lies_over_text_leaves_the_page_or_is_too_small(variable: str) -> None:
    assert faults_of(embedding(embedding_result(), variable)) == []


def test_one_layer_alone_is_laid_out() -> None:
    assert faults_of(embedding(embedding_result(layers=("fc",)))) == []


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_point_is_drawn_where_it_is_and_coloured_by_the_variable(variable: str) -> None:
    result = embedding_result()
    figure = embedding(result, variable)
    colours = {}
    for panel, layer in zip(figure.axes[:2], ("fc", "rnn"), strict=True):
        (points,) = panel.collections
        drawn = np.asarray(points.get_offsets())
        truth = result.data["embedding"].sel(layer=layer).values
        order = [int(np.abs(truth - place).sum(axis=1).argmin()) for place in drawn]
        assert sorted(order) == list(range(300)) and order != list(range(300))
        colours[layer] = np.asarray(points.get_facecolors())[np.argsort(order)]
    np.testing.assert_array_equal(colours["fc"], colours["rnn"])
    values = result.data[variable].values
    if variable in ("action", "nearest"):
        for label in np.unique(values):
            assert len(np.unique(colours["fc"][values == label], axis=0)) == 1
        assert len(np.unique(colours["fc"], axis=0)) >= len(np.unique(values)) - (variable == "nearest")
    else:
        low, high = np.percentile(values, (1, 99)) if variable == "value" else (values.min(), values.max())
        expected = matplotlib.colormaps["viridis"](matplotlib.colors.Normalize(low, high)(values))
        np.testing.assert_allclose(colours["fc"], expected, atol=0.02)


def test_classes_have_the_colours_they_have_everywhere_and_nothing_is_grey() -> None:
    result = embedding_result()
    (points,) = embedding(result, "nearest").axes[0].collections
    shown = {to_hex(each) for each in points.get_facecolors()}
    assert shown == {*colour_of(np.array(list(EFFECTS.values()))), colours("many")[-1]} and len(shown) == 4


def test_panels_state_the_evidence_and_the_legend_all_classes() -> None:
    words = words_of(embedding(embedding_result(), "nearest"))
    for fact in ("fc: 32% of neighbours kept, 4% mere neighbours in time", "n = 300 decisions", "agent planted"):
        assert fact in words
    for name in ("poison (−20)", "stone (+0)", "fruit (+25)", "nothing"):
        assert name in words


def test_another_result_or_variable_is_refused() -> None:
    with pytest.raises(UserError, match="'simulation'"):
        embedding(Result("simulation", xarray.Dataset()))
    with pytest.raises(UserError, match="variable 'mood': unknown; choose from value"):
        embedding(embedding_result(), "mood")
