"""The shared suite: every analysis on every kind of recording, ours and those that other packages add.

Each gives a Result that is saved, read again, drawn and compared with a value that is known without it, or says in one
line why it cannot be made.
"""

from __future__ import annotations

from typing import Any

import pytest

from retinoscope.analyses.declaration import Inputs
from retinoscope.analyses.registry import all_analyses, analysis
from retinoscope.result import Result
from retinoscope.testing import CASES, check_analysis, planted_inputs
from retinoscope.worlds.doom.world import DoomWorld
from tests.analyses.planted_values import PLANTED
from tests.gallery import check_gallery
from tests.rollouts.recordings import small_agent

NAMES = list(all_analyses())

QUICK: dict[str, dict[str, Any]] = {
    "event_triggered": {
        "seconds": 0.5,
        "tested_seconds": 0.3,
        "isolation_seconds": 0.3,
        "fewest_events": 3,
        "shuffles": 40,
        "resamples": 20,
    },
    "embedding": {"perplexity": 10, "jobs": 1},
    "receptive_fields": {"max_stimuli": 400},
    "field_structure": {"untrained": 2, "surrogates": 3, "stimuli": 64},
    "natural_fields": {"decisions": 120, "most_inputs": 300, "shifts": 2, "untrained": 1},
    "channel_statistics": {"decisions": 60, "untrained": 1},
    "tuning_to_gratings": {
        "orientations": 6,
        "frequencies": 4,
        "phases": 4,
        "contrasts": 3,
        "most_units": 8,
        "shuffles": 20,
        "untrained": 1,
    },
    "tuning_to_motion": {
        "directions": 4,
        "frequencies": 3,
        "cycle_steps": (4,),
        "settling_steps": 3,
        "most_units": 8,
        "untrained": 1,
    },
    "components": {"runs": 3, "sweep": (2, 3), "sweep_runs": 2},
    "fitted_components": {"components": "ica:3", "window_steps": 8},
    "component_gallery": {"per_level": 2, "frames": 3, "attribution_steps": 2},
    "attribution_checks": {"frames": 8, "stretch_frames": 4, "workers": 1, "steps": 3, "samples": 2},
    "episode_attribution": {
        "episode": 0,
        "start": 4,
        "stop": 12,
        "lag_steps": 2,
        "times": 6,
        "checked_frames": 4,
        "method": "gradient",
        "workers": 1,
    },
    "memory_decoding": {"delays": (1, 3), "components": 4, "shifts": 3, "samples": 60, "fewest": 3},
    "tuning": {
        "shifts": 5,
        "place_bins": 4,
        "curve_bins": 4,
        "object_bins": (2, 2),
        "fewest": 4,
        "frame_components": 4,
    },
    "shown_images": {"presentation": "paste height=20 position=30x40", "checkpoints": False},
    "fixed_points": {"views": 2, "starts": 16, "iterations": 120},
    "dose_response": {"decisions": 24, "followed": 8, "follow_steps": 4, "random_directions": 2},
    "intervention": {"episodes": 2, "random_directions": 1, "component": 0, "workers": 1},
}
"""Settings that keep the suite quick, and make the most of little data."""

REASONS: dict[tuple[str, str], str] = {
    ("burn_in", "no memory"): "no recurrent core",
    ("event_triggered", "nothing happens"): "needs at least 3 events of a kind",
    ("event_triggered", "arena"): "needs at least 3 events of a kind",
    ("training_progress", "arena"): "is no checkpoint of a run",
    ("field_movie", "arena"): "is no checkpoint of a run",
    ("learned", "arena"): "no checkpoint of before training",
    ("twin_comparison", "arena"): "no supervised twin was given",
    ("representations", "arena"): "one agent is no comparison",
    ("matched_fields", "arena"): "one agent is no comparison",
    ("matched_components", "arena"): "one agent is no comparison",
    ("over_training", "arena"): "one agent is no comparison",
    ("same_stimuli", "arena"): "one agent is no comparison",
}
"""What cannot be made of a planted recording, and what its reason has to say."""


@pytest.fixture(autouse=True)
def little_white_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Natural fields are compared with those of white noise, of which little will do here."""
    monkeypatch.setattr("retinoscope.analyses.early_vision.natural_fields._STIMULI", 300)


@pytest.fixture(scope="module")
def planted_of_case() -> dict[str, Inputs]:
    return {case: planted_inputs(case) for case in CASES}


@pytest.fixture(scope="module")
def made_of_case() -> dict[str, dict[str, Result]]:
    """What analyses build on is made once for each case."""
    return {case: {} for case in (*CASES, "arena")}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", NAMES)
def test_planted(
    name: str, case: str, planted_of_case: dict[str, Inputs], made_of_case: dict[str, dict[str, Result]]
) -> None:
    each = analysis(name)
    checked = check_analysis(each, planted_of_case[case], QUICK.get(name), QUICK, made_of_case[case])
    missing = {need.name for need in each.needs if need.why_not(planted_of_case[case])}
    if missing:
        assert checked.result is None and checked.reason
    elif (name, case) in REASONS:
        assert checked.result is None and REASONS[name, case] in checked.reason
    elif checked.result is not None and name in PLANTED:
        PLANTED[name](checked)


@pytest.mark.engine
@pytest.mark.parametrize("name", NAMES)
def test_in_an_arena(name: str, small_recording, small_recording_arena, made_of_case) -> None:
    """A real recording, with the arena in which its agent can be shown images and play again."""
    inputs = Inputs(small_agent(), small_recording, DoomWorld(small_recording_arena))
    checked = check_analysis(analysis(name), inputs, QUICK.get(name), QUICK, made_of_case["arena"])
    if (name, "arena") in REASONS:
        assert checked.result is None and REASONS[name, "arena"] in checked.reason
    else:
        assert checked.reason == "" and checked.result is not None
        PLANTED.get(name, lambda _: None)(checked)
        check_gallery(checked.result)


def test_every_analysis_of_ours_has_its_value() -> None:
    ours = {name for name in NAMES if all_analyses()[name].run.__module__.startswith("retinoscope.")}
    without = {name for name, case in REASONS if case == "arena"} | {"value_by_age"}
    assert ours - without <= set(PLANTED)
