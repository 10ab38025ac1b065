"""The same stimuli before several agents: distances that are known without it, and what the explorer gets of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from retinoscope.analyses.between_agents.same_stimuli import same_stimuli
from retinoscope.analyses.between_agents.same_stimuli_drawings import panels
from retinoscope.analyses.compared import Views
from retinoscope.analyses.exploring import AgentsPanel
from tests.comparing.planted import compared, drawn, permuted, planted, renamed


def slow_outputs(agent, recording):
    """(row, output) probabilities of every row, the memory driven row by row from the start of each episode."""
    found = []
    for episode in recording.episodes:
        rows = recording.rows(episode.start, episode.stop, ("observation",))["observation"].values
        state = agent.policy.initial_state(1)
        for observation in rows:
            with torch.no_grad():
                logits, _, state = agent.policy.step(torch.from_numpy(observation)[None], state)
            parts = torch.split(logits[0], [len(head.outputs) for head in agent.policy.action_heads])
            found.append(torch.cat([part.softmax(0) for part in parts]).numpy())
    return np.array(found)


def test_probabilities_and_distances_are_those_of_slow_passes():
    agent, recording = planted()
    other = drawn(agent, "other", 3)
    data = same_stimuli(compared(agent, other, recording=recording), stimuli=40, shuffles=5).data
    rows = data["row"].values
    slow = [slow_outputs(each, recording)[rows] for each in (agent, other)]
    for each, expected in zip((agent, other), slow, strict=True):
        np.testing.assert_allclose(data["probability"].sel(network=each.name).values, expected, atol=1e-5)
    heads = [len(head.outputs) for head in agent.policy.action_heads]
    parts = [np.abs(part).sum(1) / 2 for part in np.split(slow[0] - slow[1], np.cumsum(heads)[:-1], axis=1)]
    pair = int(np.flatnonzero(data["pair_kind"].values == "agents")[0])
    np.testing.assert_allclose(float(data["distance"][0, pair]), np.mean(parts), atol=1e-5)
    np.testing.assert_allclose(data["apart"].values, np.mean(parts, axis=0), atol=1e-5)
    assert data["distance_low"][0, pair] < data["distance"][0, pair] < data["distance_high"][0, pair]
    seen = np.stack([recording.rows(row, row + 1)["observation"].values[0] for row in rows])
    np.testing.assert_array_equal(data["picture"].values, seen)


def test_the_same_function_is_at_distance_zero_and_far_from_it_where_the_stimuli_are_others():
    agent, recording = planted()
    both = compared(renamed(agent, "first"), permuted(agent, "permuted")[0], recording=recording)
    data = same_stimuli(both, shuffles=10).data.isel(stimuli=0)
    agents = data.isel(pair=np.flatnonzero(data["pair_kind"].values == "agents"))
    assert agents["distance"].item() < 1e-6 < 1e-3 < agents["distance_by_chance"].item()


def test_images_are_shown_one_step_from_the_start_and_other_actions_have_no_distance():
    agent, recording = planted()
    heads = tuple(dataclasses.replace(each, name=f"{each.name}2") for each in agent.policy.action_heads)
    other = drawn(agent, "other", 3)
    pixels = recording.rows(0, 6, ("observation",))["observation"].values
    views = Views(pixels, np.arange(6), "6 images")
    data = same_stimuli(compared(agent, other, views=views), shuffles=5).data
    assert data["kind"].values.tolist() == ["images"] * 6
    with torch.no_grad():
        logits, value, _ = agent.policy.step(torch.from_numpy(pixels), agent.policy.initial_state(6))
    np.testing.assert_allclose(data["value"].sel(network=agent.name).values, value.numpy(), atol=1e-5)
    other.policy.action_heads = heads
    apart = same_stimuli(compared(agent, other, views=views), shuffles=5)
    kinds = apart.data["pair_kind"].values == "agents"
    assert np.isnan(apart.data["distance"].values[:, kinds]).all() and apart.data.sizes["output"] == 2 * logits.shape[1]


def test_the_explorer_gets_each_agent_with_its_own_outputs_and_layers():
    agent, recording = planted()
    result = same_stimuli(compared(agent, drawn(agent, "other", 3), recording=recording), stimuli=12, shuffles=5)
    panel, table = panels(result)
    assert isinstance(panel, AgentsPanel) and table.rows
    assert panel.names[1] == f"decision {result.data['row'].values[1]}" and panel.pictures.shape[0] == 12
    np.testing.assert_array_equal(panel.rows, result.data["row"].values)
    first = panel.agents[0]
    assert first.name == agent.name and first.value is not None
    np.testing.assert_array_equal(first.outputs, result.data["probability"].values[:, 0])
    units = {each.name: each.shape[0] for each in agent.policy.layers}
    assert {name: values.shape[1] for name, values in first.responses.items()} == {
        name: units[name] for name in first.responses
    }
