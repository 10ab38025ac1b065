"""Results that were saved when every world was an arena of one game are completed, and drawn as they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retinoscope import figures
from retinoscope.analyses.drawing import FigureDrawing, MovieDrawing
from retinoscope.analyses.registry import analysis
from retinoscope.result import Result, load_result
from retinoscope.rollouts.evaluation import summarise
from tests.figures.behaviour_results import faults_of, words_of

SAVED = Path(__file__).parents[1] / "data" / "before_worlds"


def saved(name: str) -> Result:
    return load_result(SAVED / f"{name}.nc")


@pytest.mark.parametrize("name", ["simulation", "principal_components", "event_triggered"])
def test_all_that_was_drawn_is_drawn(name: str) -> None:
    for each in analysis(name).draw(saved(name)):
        assert each.caption
        if isinstance(each, FigureDrawing):
            assert faults_of(each.draw()) == [], each.name
        if isinstance(each, MovieDrawing):
            assert sum(1 for _ in each.frames()) == 3 and each.frames_per_second == pytest.approx(17.5)


def test_a_simulation_knows_its_numbers_events_and_endings() -> None:
    data = saved("simulation").data
    (health,) = json.loads(data.attrs["variables"])
    assert (health["stored"], health["high"]) == ("health", 200.0) and "health_maximum" not in data.attrs
    assert data["events"].values.sum() == 1 and data["event_valence"].dims == ("event",)
    assert json.loads(data.attrs["endings"])[0] == "the agent died"
    axes: Any = figures.simulation_summary(saved("simulation")).axes
    assert [each.get_ylabel() for each in axes] == ["health (points)", "pick-ups", "critic's value,\nreturn expected"]


def test_kinds_and_layers_have_the_names_they_had() -> None:
    events, components = saved("event_triggered").data, saved("principal_components").data
    assert (events.attrs["predicted"], events.attrs["encoded"]) == ("healing", "fc")
    text = words_of(figures.event_triggered_claims(saved("event_triggered")))
    assert "rising before healing" in text and "a healing pick-up within the next … s" in text
    assert components.attrs["map_of"] == "value" and np.isfinite(components["score"].values).all()
    coloured = words_of(figures.principal_components_map(saved("principal_components")))
    assert "critic's value, mean in the bin" in coloured


def test_an_evaluation_is_summarised_in_the_words_it_had() -> None:
    before = saved("evaluation")
    summary = summarise(before)["agent"]
    assert {"duration", "gathered", "survived", "healing", "harmful", "healing_per_harmful"} <= set(summary)
    events = before.data["events"].sel(policy="agent").values.sum(axis=1)
    assert summary["healing"].estimate + summary["harmful"].estimate == pytest.approx(events.mean())
    assert summary["duration"].estimate == 60 and before.provenance["world"] == "digits"


def test_they_are_saved_as_results_of_today(tmp_path: Path) -> None:
    before = saved("simulation")
    assert load_result(before.save(tmp_path / "simulation.nc")).data.identical(before.data)
