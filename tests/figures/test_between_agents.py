"""Figures of several agents: nothing lies over anything, at any size and in any style."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import xarray
from matplotlib.figure import Figure
from matplotlib.text import Text

from retinoscope import figures
from retinoscope.analyses.between_agents.matched_components import matched_components
from retinoscope.analyses.between_agents.matched_fields import matched_fields
from retinoscope.analyses.between_agents.representations import representations
from retinoscope.analyses.between_agents.same_stimuli import same_stimuli
from retinoscope.analyses.compared import Compared, Member
from retinoscope.result import Result
from tests.comparing.planted import compared, drawn, permuted, planted, renamed
from tests.figures.behaviour_results import faults_of


@functools.cache
def alike() -> Result:
    agent, recording = planted()
    both = compared(agent, permuted(agent, "permuted")[0], recording=recording)
    return representations(both, shuffles=5, shape_shuffles=2, groups=3)


@functools.cache
def trained() -> Result:
    """Three checkpoints of one training."""
    agent, recording = planted()
    members = tuple(
        Member(f"run {frames}", "run", renamed(drawn(agent, "run", frames + 1), "run", frames_trained=frames))
        for frames in (0, 9, 20)
    )
    return representations(Compared(members, (recording,)), shuffles=5, shape_shuffles=2, groups=3)


@functools.cache
def fields() -> Result:
    agent, _ = planted()
    both = compared(agent, permuted(agent, "permuted")[0])
    return matched_fields(both, stimuli=64, surrogates=5, layers=("conv1",), shift=0)


@functools.cache
def components() -> Result:
    agent, recording = planted()
    both = compared(agent, permuted(agent, "permuted")[0], recording=recording)
    return matched_components(both, components=3, shuffles=5)


@functools.cache
def curves() -> Result:
    """Two trainings of three checkpoints."""
    names, ends = ("positive", "negative", "sparseness", "decoding_fc"), (("", 0.0), ("_low", -0.2), ("_high", 0.3))
    variables: dict[str, Any] = {}
    for name in names:
        about = {"label": name, "axis": "per minute"}
        for end, shift in ends:
            variables[f"{name}{end}"] = ("network", np.array([1.0, 2, 3, 1.5, 2, 4]) + shift, about)
            variables[f"{name}_mean{end}"] = ("frames", np.array([1.25, 2, 3.5]) + shift, about)
    coordinates = {
        "network": [f"{run} {frames}" for run in "ab" for frames in (0, 10, 20)],
        "run": ("network", ["a"] * 3 + ["b"] * 3),
        "frames_trained": ("network", [0.0, 1e6, 2e6] * 2),
        "frames": [0.0, 1e6, 2e6],
    }
    return Result("over_training", xarray.Dataset(variables, coordinates), {"numbers": list(names)}, {})


@functools.cache
def stimuli() -> Result:
    agent, recording = planted()
    three = compared(agent, drawn(agent, "other", 3), permuted(agent, "permuted")[0], recording=recording)
    return same_stimuli(three, stimuli=30, shuffles=5)


DRAWN: dict[str, tuple[Callable[[], Result], dict[str, Any]]] = {
    "matched_components": (components, {}),
    "matched_fields": (fields, {}),
    "matched_fields_shown": (fields, {"pair": 0}),
    "over_training": (curves, {}),
    "representations": (alike, {}),
    "representations_by_layer": (alike, {"stimuli": "frames"}),
    "representations_over_training": (trained, {}),
    "same_stimuli": (stimuli, {}),
    "same_stimuli_apart": (stimuli, {}),
}
"""Every figure of several agents, with what it takes."""


@pytest.fixture(autouse=True)
def usual_style() -> Iterator[None]:
    yield
    figures.use_style()


def draw(name: str, **settings: Any) -> Figure:
    result, taken = DRAWN[name]
    figure = getattr(figures, name)(result(), **taken, **settings)
    assert isinstance(figure, Figure)
    return figure


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_lies_over_anything(name: str) -> None:
    figure = draw(name)
    assert any(axes.has_data() for axes in figure.axes) and faults_of(figure) == []


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_has_the_size_asked_for(name: str) -> None:
    figure = draw(name, figsize=(9.0, 10.0))
    assert tuple(figure.get_size_inches()) == (9.0, 10.0) and faults_of(figure) == []


@pytest.mark.parametrize("name", DRAWN)
def test_a_style_of_ones_own_is_followed(name: str) -> None:
    figures.use_style({"font.family": "DejaVu Serif", "text.color": "#112233"})
    texts = [text for text in draw(name).findobj(Text) if text.get_text().strip()]
    assert {text.get_fontfamily()[0] for text in texts} == {"DejaVu Serif"}
    assert "#112233" in {text.get_color() for text in texts}
