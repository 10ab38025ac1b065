"""What counts as the checkpoint before training, beside which an agent's early vision is shown."""

from __future__ import annotations

import pytest

from retinoscope.agents.agent import Agent
from retinoscope.agents.load import load_agent
from retinoscope.analyses.early_vision import untrained
from retinoscope.analyses.early_vision.untrained import before_training
from tests.synthetic import small_policy

ITSELF = "This agent is itself the checkpoint before training."
NOT_KNOWN = "The checkpoint before training is not known."


def test_it_is_the_first_of_the_run_and_the_first_has_none_before_it() -> None:
    policy, why_not = before_training(load_agent("digits"))
    assert policy is not None and why_not == ""
    first = load_agent("digits", "untrained")
    assert before_training(first) == (None, ITSELF)


def test_of_what_comes_from_no_run_it_is_not_known() -> None:
    assert before_training(small_policy()) == (None, NOT_KNOWN)
    assert before_training(Agent("of memory", small_policy())) == (None, NOT_KNOWN)


def test_an_agent_that_was_never_trained_has_none_before_it() -> None:
    assert before_training(Agent("of memory", small_policy(), frames_trained=0)) == (None, ITSELF)


def test_two_networks_without_a_hash_are_not_taken_for_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Agent("first", small_policy())
    monkeypatch.setattr(untrained, "first_of_run", lambda agent: first)
    assert before_training(Agent("last", small_policy())) == (first.policy, "")
