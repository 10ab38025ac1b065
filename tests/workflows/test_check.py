"""Check: each verdict is right about an agent of which the truth is known."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import retinoscope
from retinoscope.cli import app
from retinoscope.errors import UserError
from retinoscope.workflows.check import CheckReport, check
from tests.worlds.grid_agents import Memory, agent_in, grid_world

SMALL: dict[str, Any] = {"frames": 60, "episodes": 6, "workers": 1}


def own_pass(network: Memory) -> Any:
    """The forward pass as its owner would write it, one decision after the other."""

    def predict(observations: np.ndarray, is_start: np.ndarray) -> np.ndarray:
        found, state = [], torch.zeros(1, 6)
        with torch.no_grad():
            for pixels, start in zip(observations, is_start, strict=True):
                logits, _, state = network(torch.from_numpy(pixels)[None], torch.zeros(1, 6) if start else state)
                found.append(logits[0].numpy() + 3)  # a constant changes no probability
        return np.array(found)

    return predict


def outcomes(report: CheckReport) -> list[str]:
    return [each.outcome for each in report.verdicts]


def test_the_right_agent_passes() -> None:
    agent = dataclasses.replace(agent_in(grid_world()), predict=own_pass(Memory()))
    report = check(agent, expected_return=0.0, tolerance=20, **SMALL)
    assert outcomes(report) == ["passed"] * 5 and report.passed
    assert "60 recorded frames" in report.verdicts[0].text


def test_what_cannot_be_checked_is_no_failure_and_is_not_called_passed() -> None:
    report = check(agent_in(grid_world(repeats=False)), **SMALL)
    assert outcomes(report) == ["not checked", "passed", "passed", "not checked", "not checked"]
    assert report.passed
    assert "does not show the same again" in report.notes[-1]


def test_another_network_another_return_and_missing_gradients_fail() -> None:
    other = Memory()
    with torch.no_grad():
        other.actor.weight[0] += 0.01
    world = grid_world()
    blind = retinoscope.from_module(
        Memory(), world=world, initial_state=6, preprocess=lambda pixels: torch.from_numpy(pixels.numpy() * 1)
    )
    report = check(blind, predict=own_pass(other), expected_return=50, **SMALL)
    assert outcomes(report) == ["failed", "failed", "passed", "passed", "failed"]
    assert not report.passed
    assert "stated 50" in report.verdicts[4].text


@pytest.mark.parametrize(
    ("predict", "says"),
    [
        (lambda observations, is_start: np.zeros((len(observations), 2)), r"gives \(60, 2\), the agent \(60, 3\)"),
        (lambda observations, is_start: 1 / 0, "fails with ZeroDivisionError"),
    ],
)
def test_an_owners_code_that_does_something_else_is_told(predict: Any, says: str) -> None:
    import re

    verdict = check(agent_in(grid_world()), predict=predict, **SMALL).verdicts[0]
    assert verdict.outcome == "failed" and re.search(says, verdict.text)


@pytest.mark.parametrize(("wrong", "outcome"), [(0.0, "passed"), (0.5, "failed")])
def test_one_output_that_differs_is_enough(wrong: float, outcome: str) -> None:
    def predict(observations: np.ndarray, is_start: np.ndarray) -> np.ndarray:
        return np.asarray(own_pass(Memory())(observations, is_start)) - 3 + np.array([0.0, wrong, 0.0])

    assert check(agent_in(grid_world(), q_values=True), predict=predict, **SMALL).verdicts[0].outcome == outcome


def test_impossible_numbers_are_refused() -> None:
    agent = agent_in(grid_world())
    for settings, says in [
        ({"tolerance": 0}, "tolerance: 0"),
        ({"frames": 0}, "frames: 0"),
        ({"episodes": 1}, "episodes"),
    ]:
        with pytest.raises(UserError, match=says):
            check(agent, **SMALL | settings)


def test_the_command_prints_verdicts_and_ends_with_2_where_one_failed(tmp_path: Any) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from tests.worlds.grid_agents import agent_in, grid_world\n\ndef agent():\n    return agent_in(grid_world())\n"
    )
    call = ["check", f"{file}:agent", "--frames", "40", "--episodes", "4", "--workers", "1", "--json"]
    done = CliRunner().invoke(app, call)
    found = json.loads(done.stdout)
    assert done.exit_code == 0 and found["passed"] and len(found["verdicts"]) == 5
    done = CliRunner().invoke(app, [*call[:-1], "--expected-return", "50"])
    assert done.exit_code == 2
    assert "failed       return of an episode" in done.stdout
