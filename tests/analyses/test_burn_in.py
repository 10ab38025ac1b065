"""A memory whose leak is set by hand forgets as fast as it has to."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from retinoscope.analyses.behaviour.burn_in import BurnInParameters, burn_in, burn_in_of, choose_burn_in
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import load_result
from tests.planted_recordings import leaking_agent, recording_of_agent


def slow_distances(recording, agent, moments, steps):
    """Reset the state at each moment, one observation at a time; distance from the recorded state."""
    found = []
    for moment in moments:
        state, row = agent.policy.initial_state(1), []
        for step in range(steps):
            data = recording.rows(moment + step, moment + step + 1)
            with torch.no_grad():
                state = agent.policy.step(torch.from_numpy(data["observation"].values), state).state
            row.append(np.linalg.norm(state[0].numpy() - data["rnn"].values[0]))
        found.append(row)
    return np.array(found)


@pytest.mark.parametrize("leak", [0.6, 0.85])
def test_a_planted_leak_comes_back_as_its_burn_in(leak):
    agent = leaking_agent(leak)
    recording = recording_of_agent(agent, episodes=6, rows=110)
    result = burn_in(recording, agent=agent, windows=12, hold=4)
    distance, typical = result.data["distance"].values, result.data["typical"].values
    # Each decision multiplies the difference by the leak.
    np.testing.assert_allclose(typical[1:10] / typical[:9], leak, rtol=1e-3)
    expected = int(np.ceil(np.log(0.05 / distance[0]) / np.log(leak)))
    assert int(result.data["steps"]) == expected
    assert result.data["settled"] and result.parameters["method"] == "forgetting"
    assert (
        f"first {expected} decisions" in result.data.attrs["rule"] and "n = 12 windows" in result.data.attrs["caption"]
    )
    low, high = float(result.data["steps_low"]), float(result.data["steps_high"])
    assert low <= expected <= high


def test_the_distance_is_that_of_states_reset_one_by_one():
    agent = leaking_agent(0.7)
    recording = recording_of_agent(agent, episodes=3, rows=90)
    result = burn_in(recording, agent=agent, windows=50, most_steps=12, hold=12, tolerance=1e-6)
    # All moments with 12 decisions before and behind, at most one per 12 of them and episode, or 50.
    assert result.parameters["over"] == 3 * 6
    assert not result.data["settled"] and int(result.data["steps"]) == 12
    rows = [each.start + 12 + offset for each in recording.episodes for offset in range(0, 67, 6)]
    slow = np.median(slow_distances(recording, agent, rows, 12), axis=0)
    scale = result.data["typical"].values / slow
    np.testing.assert_allclose(scale, scale.mean(), rtol=0.02)  # the same curve, from other moments
    # The unit is the root mean square distance of unrelated states: twice their variance, over all units.
    late = np.concatenate([recording.rows(each.start + 12, each.stop)["rnn"].values for each in recording.episodes])
    assert 1 / scale.mean() == pytest.approx(np.sqrt(2 * late.var(axis=0).sum()), rel=0.25)


def test_without_the_agent_the_recording_alone_decides_and_says_so():
    agent = leaking_agent(0.9)
    recording = recording_of_agent(agent, episodes=9, rows=130)
    result = burn_in(recording)
    assert result.parameters["method"] == "settling" and 0 < int(result.data["steps"]) < 50
    assert "not at hand" in result.data.attrs["rule"]
    few = recording_of_agent(agent, episodes=3, rows=60)
    found = choose_burn_in(few)
    assert (found.steps, found.settled) == (20, False) and "do not show that it settles" in found.rule


def test_other_layers_and_agents_have_nothing_to_forget():
    agent = leaking_agent(0.6)
    recording = recording_of_agent(agent, episodes=2, rows=40)
    assert choose_burn_in(recording, layer="fc", agent=agent).steps == 0
    recording.attributes["roles"] = {"fc": "encoder output"}
    assert choose_burn_in(recording, agent=agent).method == "none"
    with pytest.raises(NotMeasurable, match="no recurrent core"):
        burn_in(recording, agent=agent)


def test_episodes_too_short_to_compare_leave_a_bound():
    agent = leaking_agent(0.6)
    recording = recording_of_agent(agent, episodes=1, rows=5)
    with pytest.raises(NotMeasurable, match="longest episode has 5 decisions"):
        burn_in(recording, agent=agent)
    found = choose_burn_in(recording, agent=agent)
    assert (found.steps, found.settled) == (1, False) and "too short" in found.rule


def test_where_it_is_given_it_is_not_measured_again(monkeypatch):
    agent = leaking_agent(0.6)
    recording = recording_of_agent(agent, episodes=3, rows=60)
    given = {"burn_in": burn_in(recording, agent=agent)}
    first = choose_burn_in(recording, agent=agent)
    monkeypatch.setattr(agent.policy, "step", lambda *_: pytest.fail("measured again"))
    assert choose_burn_in(recording, agent=agent, given=given) == first


def test_a_saved_result_says_the_same(tmp_path):
    agent = leaking_agent(0.6)
    recording = recording_of_agent(agent, episodes=3, rows=60)
    result = burn_in(recording, agent=agent)
    assert burn_in_of(load_result(result.save(tmp_path / "burn_in.nc"))) == choose_burn_in(recording, agent=agent)


def test_another_agent_and_wrong_parameters_are_refused():
    agent = leaking_agent(0.6)
    recording = recording_of_agent(agent, episodes=2, rows=40)
    other = dataclasses.replace(agent, checkpoint_sha256="12" * 32)
    with pytest.raises(UserError, match=r"checkpoint_sha256 is abababababab\.\.\., that of agent 'leaking' is 1212"):
        burn_in(recording, agent=other)
    with pytest.raises(UserError, match="no parameter 'speed'"):
        burn_in(recording, agent=agent, speed=3)
    for wrong in ({"most_steps": 0}, {"hold": 0}, {"windows": 1}, {"seed": -1}, {"tolerance": 1.0}, {"share": 0.0}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            BurnInParameters(**wrong)
