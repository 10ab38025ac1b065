"""Names of layers never meet, however many and long they are."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from retinoscope.figures.layer_names import name_layers, short_name
from retinoscope.figures.page import WIDTH
from tests.figures.behaviour_results import faults_of

LONG = ["pixels", "stage0_conv", *(f"features_extractor_stage{stage}_block1_sum" for stage in range(3))]


@pytest.mark.parametrize("panels", [1, 2, 3])
@pytest.mark.parametrize("names", [["conv1", "conv2", "fc"], ["value and policy", "rnn", "fc", "conv3", "conv1"], LONG])
def test_they_do_not_meet(names: list[str], panels: int) -> None:
    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    below = 0.0
    for axes in figure.subplots(1, panels, squeeze=False)[0]:
        axes.set(xlim=(-0.5, len(names) - 0.5), ylabel="share")
        below = name_layers(axes, range(len(names)), names)
    assert (below > 0) == (panels > 1 and len(names) > 3)
    assert faults_of(figure) == []


def test_of_a_long_name_the_end_is_kept() -> None:
    assert short_name("conv1") == "conv1"
    assert short_name(LONG[-1]).startswith("…") and short_name(LONG[-1]).endswith("block1_sum")
