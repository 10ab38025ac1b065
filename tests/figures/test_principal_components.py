"""Figures of principal components show the numbers of the Result, and nothing lies over anything else."""

from __future__ import annotations

import numpy as np
import pytest
import xarray
from matplotlib.colors import to_hex

from retinoscope.errors import UserError
from retinoscope.figures.principal_components import (
    principal_components,
    principal_components_map,
    principal_components_time,
)
from retinoscope.figures.style import colour
from retinoscope.result import Result
from tests.figures.behaviour_results import components_result, event_lines, faults_of, words_of

ALL = (principal_components, principal_components_map, principal_components_time)


@pytest.mark.parametrize("layers", [("fc",), ("pixels", "fc"), ("pixels", "conv1", "fc", "rnn")])
def test_scree_plots_of_any_number_of_layers_are_laid_out(layers) -> None:
    assert faults_of(principal_components(components_result(layers))) == []


def test_scree_plots_show_share_chance_and_ratio() -> None:
    result = components_result()
    figure = principal_components(result)
    for panel, layer in zip(figure.axes, result.data["layer"].values, strict=True):
        at = result.data.sel(layer=layer)
        chance, share, *lines = panel.lines
        np.testing.assert_allclose(share.get_ydata(), at["variance_share"])
        np.testing.assert_allclose(chance.get_ydata(), at["variance_share_chance"])
        ratio = float(at["participation_ratio"])
        assert [line.get_xdata()[0] for line in lines] == ([ratio] if ratio <= 30 else [])
        says = " ".join(text.get_text() for text in panel.texts)
        assert f"participation ratio {ratio:.1f} ({ratio * 0.9:.1f} to {ratio * 1.1:.1f})" in says
        assert f"by chance {ratio * 40:,.0f}" in says


def test_the_map_shows_the_mean_value_of_every_bin_on_one_scale() -> None:
    result = components_result()
    figure = principal_components_map(result)
    meshes = [panel.collections[0] for panel in figure.axes[:2]]
    for mesh, layer in zip(meshes, ("fc", "rnn"), strict=True):
        np.testing.assert_allclose(
            mesh.get_array().ravel(), result.data["map_value"].sel(mapped_layer=layer).values.ravel()
        )
    assert meshes[0].get_clim() == meshes[1].get_clim()


def test_traces_are_drawn_with_pick_ups_told_apart_without_colour() -> None:
    result = components_result()
    marks, *panels = principal_components_time(result).axes
    lines = {panel.get_ylabel().split("\n")[0]: panel.lines for panel in panels}
    np.testing.assert_allclose(lines["fc"][0].get_ydata(), result.data["score"].values[0])
    np.testing.assert_allclose(lines["health"][0].get_ydata(), result.data["health"].values)
    for panel in panels:
        assert event_lines(panel) == [(3.5, "-"), (6.0, "-"), (4.2, "--"), (6.1, "--"), (7.0, "--"), (5.0, ":")]
        shown = [to_hex(collection.get_color()[0]) for collection in panel.collections]
        assert shown == [colour("positive"), colour("negative"), colour("neutral")]
    assert [mark.get_marker() for mark in marks.lines] == ["^", "v", "o"]
    legend = {text.get_text() for text in marks.get_legend().get_texts()}
    assert legend == {"healing", "harmful", "without effect"}


def test_the_agent_is_named_and_another_result_is_refused() -> None:
    for draw in ALL:
        assert "agent planted" in words_of(draw(components_result()))
        with pytest.raises(UserError, match="'simulation'"):
            draw(Result("simulation", xarray.Dataset()))
    bare = components_result()
    convolutions = Result(bare.analysis, bare.data.drop_vars(["map_value", "score"]))
    with pytest.raises(UserError, match="no dense or recurrent layer"):
        principal_components_map(convolutions)
    with pytest.raises(UserError, match="no first components"):
        principal_components_time(convolutions)
