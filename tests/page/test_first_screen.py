"""What a reader sees first: how much of the agent was learned, or that this is not known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from retinoscope.agents.agent import Agent
from retinoscope.agents.load import load_agent
from retinoscope.analyses.early_vision.learned_line import NOT_KNOWN
from retinoscope.page.description import describe_agent, describe_world
from retinoscope.page.html import render_report
from retinoscope.testing import planted_inputs
from tests.synthetic import small_policy


def first_screen(described: dict[str, Any], tmp_path: Path) -> str:
    recording = planted_inputs("no memory").recording
    assert recording is not None
    manifest = {
        "agent": json.loads(json.dumps(described)),
        "world": describe_world(recording.world),
        "options": {"frames": 10, "seed": 0, "device": "cpu"},
        "versions": {},
        "seconds": 1.0,
        "analyses": [],
        "products": [],
    }
    return render_report(manifest, tmp_path).partition('<div class="sections">')[0].partition("<body>")[2]


def test_the_first_screen_says_how_much_was_learned(tmp_path: Path) -> None:
    described = describe_agent(load_agent("digits"))
    seen = first_screen(described, tmp_path)
    assert described["learned"].startswith("conv1 ") and "% learned: " in described["learned"]
    assert described["learned"] in seen and "share of the variance" in seen


def test_or_that_it_is_not_known(tmp_path: Path) -> None:
    seen = first_screen(describe_agent(Agent("mine", small_policy(), frames_trained=5)), tmp_path)
    assert NOT_KNOWN in seen and "share of the variance" not in seen


def test_a_manifest_of_before_has_no_such_line(tmp_path: Path) -> None:
    described = describe_agent(Agent("mine", small_policy()))
    del described["learned"]
    assert "learned" not in first_screen(described, tmp_path)
