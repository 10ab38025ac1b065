"""Which analyses run is a matter of the registry alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from retinoscope.report.drawings import DRAWINGS

import retinoscope.analyses
from retinoscope.analyses.early_vision.receptive_field_parameters import MAX_STIMULI, chosen_layers
from retinoscope.analyses.registry import ALWAYS, ANALYSES, Inputs, Options, select_analyses
from retinoscope.errors import UserError
from tests.rollouts.recordings import small_agent
from tests.simulations import HEADS, PlantedRecording, planted_rows


def test_an_analysis_has_one_name_everywhere() -> None:
    folder = Path(retinoscope.analyses.__file__).parent
    for analysis in ANALYSES:
        assert (folder / f"{analysis.name}.py").is_file()
        assert (folder.parent / "figures" / f"{analysis.name}.py").is_file()
        assert analysis.name in DRAWINGS


def test_each_runs_on_what_it_says_it_needs_and_takes_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MAX_STIMULI, "noise", 256)
    inputs = {
        "agent": small_agent(),
        "arena": None,
        "recording": PlantedRecording(planted_rows(12), HEADS, {"poison": -20, "stone": 0, "fruit": 25}),
    }
    for analysis in select_analyses():
        needed = {name: inputs[name] if name in analysis.needs else None for name in inputs}
        result = analysis.run(Inputs(**needed), Options(frames=5, seed=3, method="noise"))  # type: ignore[arg-type]
        assert result.analysis == analysis.name
        if analysis.name == "simulation":
            assert result.data.sizes["time"] == 5
        if analysis.name == "receptive_fields":
            assert (result.parameters["method"], result.parameters["seed"]) == ("noise", 3)


def test_the_quick_analyses_always_run() -> None:
    assert [each.name for each in select_analyses()] == [each.name for each in ANALYSES if each.family == ALWAYS]


@pytest.mark.parametrize("responses", ["telepathy", ["telepathy"], ("always",)])
def test_an_unknown_family_is_refused_and_what_there_is_listed(responses: str | list[str]) -> None:
    with pytest.raises(UserError, match=r"unknown; .*simulation and receptive fields always run"):
        select_analyses(responses)


@pytest.mark.parametrize("wrong", [{"frames": 0}, {"seed": -1}, {"method": "magic"}])
def test_options_that_make_no_sense_are_refused(wrong: dict[str, int]) -> None:
    (name,) = wrong
    with pytest.raises(UserError, match=name):
        Options(**wrong)  # type: ignore[arg-type]


def test_layers_and_units_are_chosen_by_name_and_number() -> None:
    assert chosen_layers(()) == {}
    assert chosen_layers(("conv1",)) == {"layers": ("conv1",), "units": {}}
    assert chosen_layers(("conv2", "fc:0-2,7")) == {"layers": ("conv2", "fc"), "units": {"fc": (0, 1, 2, 7)}}
    result = ANALYSES[1].run(Inputs(small_agent(), None, None), Options(layers=("rnn:1,3", "conv1:0")))  # type: ignore[arg-type]
    assert result.data["rnn_unit"].values.tolist() == [1, 3]
    assert result.data["conv1_unit"].values.tolist() == [0]


@pytest.mark.parametrize("text", ["fc:", "fc:a", "fc:1-", "fc:-1", "fc:1,,2"])
def test_units_that_are_no_numbers_are_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"units are given as in fc:0-3,7"):
        chosen_layers((text,))
