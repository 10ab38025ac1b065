"""The shared suite: every analysis on every kind of recording, ours and those that other packages add.

Each gives a Result that is saved, read again, drawn and compared with a value that is known without it, or says in one
line why it cannot be made.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from retinoscope.analyses.declaration import Inputs
from retinoscope.analyses.registry import all_analyses, analysis
from retinoscope.testing import CASES, check_analysis, planted_inputs
from tests.analyses.planted_values import PLANTED
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
    "components": {"runs": 3, "sweep": (2, 3), "sweep_runs": 2},
    "fitted_components": {"components": "ica:3", "window_steps": 16},
}
"""Settings that keep the suite quick, and make the most of little data."""

REASONS: dict[tuple[str, str], str] = {
    ("burn_in", "no memory"): "no recurrent core",
    ("event_triggered", "nothing happens"): "needs at least 3 events of a kind",
    ("components", "one episode"): "at least 2",
}
"""What cannot be made of a planted recording, and what its reason has to say."""


@pytest.fixture(scope="module")
def planted_of_case() -> dict[str, Inputs]:
    return {case: planted_inputs(case) for case in CASES}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", NAMES)
def test_planted(name: str, case: str, planted_of_case: dict[str, Inputs]) -> None:
    each = analysis(name)
    checked = check_analysis(each, planted_of_case[case], QUICK.get(name), QUICK)
    missing = {need.name for need in each.needs if need.why_not(planted_of_case[case])}
    if missing:
        assert checked.result is None and checked.reason
    elif (name, case) in REASONS:
        assert checked.result is None and REASONS[name, case] in checked.reason
    elif checked.result is not None and name in PLANTED:
        PLANTED[name](checked)
