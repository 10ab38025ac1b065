"""Fields and components of the same network in other coordinates are found, those of other draws are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from retinoscope.analyses.between_agents import matched_components as components
from retinoscope.analyses.between_agents import matched_fields as fields
from retinoscope.analyses.compared import Compared, Member
from retinoscope.analyses.drawing import FigureDrawing
from retinoscope.analyses.early_vision.receptive_fields import receptive_fields
from retinoscope.errors import NotMeasurable
from tests.comparing.planted import compared, drawn, permuted, planted, renamed

QUICK: dict[str, Any] = {"stimuli": 64, "surrogates": 5, "layers": ("conv1",), "shift": 0}


def test_fields_find_the_channel_that_was_moved() -> None:
    agent, _ = planted()
    other, order = permuted(agent, "permuted")
    found = fields.matched_fields(compared(agent, other), **QUICK)
    pair = found.data["pair_kind"].values.tolist().index("agents")
    back = np.argsort(order.numpy())
    np.testing.assert_array_equal(found.data["conv1_partner"].values[pair], back)
    np.testing.assert_allclose(found.data["conv1_correlation"].values[pair], 1, atol=0.05)
    expected = receptive_fields(agent, layers=("conv1",), max_stimuli=64).data["conv1"].values
    np.testing.assert_allclose(found.data["conv1"].sel(network="planted").values, expected, atol=1e-6)


def test_what_is_left_of_the_first_field_is_its_correlation() -> None:
    agent, _ = planted()
    first = renamed(drawn(agent, "run", 1), "run", frames_trained=0)
    last = renamed(drawn(agent, "run", 2), "run", frames_trained=9)
    found = fields.matched_fields(Compared((Member("first", "run", first), Member("last", "run", last))), **QUICK)
    both = [found.data["conv1"].sel(network=each).values.reshape(3, -1).astype(float) for each in ("first", "last")]
    expected = [np.corrcoef(one, other)[0, 1] for one, other in zip(*both, strict=True)]
    np.testing.assert_allclose(found.data["conv1_with_first"].sel(network="last").values, expected, atol=1e-6)
    np.testing.assert_allclose(found.data["conv1_with_first"].sel(network="first").values, 1, atol=1e-6)
    assert np.isnan(found.data["conv1_with_first"].sel(network="run redrawn").values).all()
    drawings = fields.ANALYSIS.draw(found)
    assert [each.name for each in drawings] == ["matched_fields", "matched_fields_shown", "matched_fields"]
    for each in drawings:
        if isinstance(each, FigureDrawing):
            assert any(axes.has_data() for axes in each.draw().axes)


def test_components_of_the_same_memory_are_found_and_of_another_one_are_not() -> None:
    agent, recording = planted()
    other = drawn(agent, "other", 5)
    found = components.matched_components(
        compared(agent, permuted(agent, "permuted")[0], other, recording=recording), components=3, shuffles=20
    )
    names = list(zip(found.data["pair_first"].values.tolist(), found.data["pair_second"].values.tolist(), strict=True))
    same, different = names.index(("planted", "permuted")), names.index(("planted", "other"))
    np.testing.assert_allclose(np.abs(found.data["correlation"].values[same]), 1, atol=1e-3)
    assert float(found.data["found"][same]) == 1
    assert float(found.data["found"][different]) < 1
    (drawing, table) = components.ANALYSIS.draw(found)
    assert any(axes.has_data() for axes in drawing.draw().axes) and len(table.rows) == len(names)


def test_without_frames_there_are_no_time_courses() -> None:
    agent, _ = planted()
    with pytest.raises(NotMeasurable, match="no frames"):
        components.matched_components(compared(agent, renamed(agent, "again")))
