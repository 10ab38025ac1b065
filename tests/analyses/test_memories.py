"""Memories of other kinds, planted: an LSTM whose state is [h | c], and two memories beside each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from retinoscope.analyses.behaviour import burn_in as burn_in_module
from retinoscope.analyses.behaviour import raster as raster_module
from retinoscope.analyses.behaviour.burn_in import burn_in, choose_burn_in
from retinoscope.analyses.behaviour.raster import raster
from retinoscope.analyses.declaration import MEMORY, Inputs
from retinoscope.analyses.memory.component_gallery import component_gallery
from retinoscope.analyses.memory.component_quantities import Quantities
from retinoscope.analyses.memory.components import components
from retinoscope.analyses.memory.dataset_examples import dataset_examples
from retinoscope.analyses.memory.fitted_components import FittedComponentsParameters, fitted_components
from retinoscope.analyses.memory.intervention import require_memory
from retinoscope.analyses.memory.recording_windows import RecordingWindows
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.rollouts import ArrayRecording
from retinoscope.rollouts.intervention import EditedPolicy
from tests.planted_memories import UNITS, VIEW, lived, lstm_agent, stacked_agent, two_memories_agent
from tests.synthetic import small_policy

MEMORIES = {"cell": (lstm_agent, slice(0, UNITS)), "quick": (two_memories_agent, slice(0, UNITS))}
MEMORIES["slow"] = (two_memories_agent, slice(UNITS, 2 * UNITS + 1))
MEMORIES["memory"] = (stacked_agent, slice(UNITS, 2 * UNITS))


@pytest.mark.parametrize("layer", list(MEMORIES))
def test_an_edit_moves_the_columns_of_its_layer_and_no_others(layer: str) -> None:
    make, columns = MEMORIES[layer]
    policy, random = make().policy, np.random.default_rng(0)
    units = columns.stop - columns.start
    matrix, offset = random.normal(size=(units, units)), random.normal(size=units)
    edited = EditedPolicy(policy, matrix, offset, layer)
    pixels = torch.from_numpy(random.integers(0, 256, (5, *VIEW), dtype=np.uint8))
    state = torch.from_numpy(random.normal(size=(5, policy.state_size)).astype(np.float32))
    with torch.no_grad():
        found, plain = edited.step(pixels, state), policy.step(pixels, state)
        expected = plain.state.clone().double()
        expected[:, columns] = expected[:, columns] @ torch.from_numpy(matrix).T + torch.from_numpy(offset)
        read = expected if layer in ("quick", "slow") else expected[:, columns]
        logits = policy.module.actor(read.float())
    torch.testing.assert_close(found.state, expected.float())
    torch.testing.assert_close(found.logits, logits)
    assert not torch.allclose(found.logits, plain.logits, atol=1e-2)
    assert edited.state_columns(layer) == columns
    with torch.no_grad():  # the policy itself stays as it was
        torch.testing.assert_close(policy.step(pixels, state).logits, plain.logits)
    torch.testing.assert_close(edited.to("cpu").step(pixels, state).state, found.state)


def test_only_a_memory_is_edited() -> None:
    policy = lstm_agent().policy
    with pytest.raises(UserError, match=r"layer 'dense' is no memory of this agent; choose from cell"):
        EditedPolicy(policy, np.eye(4), np.zeros(4), "dense")
    with pytest.raises(UserError, match="the edit is for 6 units, layer 'cell' of the agent has 3"):
        EditedPolicy(policy, np.eye(6), np.zeros(6))  # of [h | c] only h is activity
    with pytest.raises(NotMeasurable, match="no recurrent core"):
        EditedPolicy(small_policy(rnn="none"), np.eye(5), np.zeros(5))


def test_an_edited_policy_starts_where_the_policy_does(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = lstm_agent().policy
    monkeypatch.setattr(policy, "initial_state", lambda batch: torch.full((batch, 2 * UNITS), 0.25))
    assert (EditedPolicy(policy, np.eye(UNITS), np.zeros(UNITS)).initial_state(2) == 0.25).all()


def test_a_memory_that_is_computed_out_of_sight_is_refused_in_one_line() -> None:
    import retinoscope

    class Trace(torch.nn.Module):
        """Its memory is a running sum, which no layer has as its activity."""

        def __init__(self) -> None:
            super().__init__()
            self.dense, self.actor = torch.nn.Linear(30, 4), torch.nn.Linear(4, 3)

        def forward(self, pixels: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            state = 0.5 * state + self.dense(pixels.flatten(1) / 255.0)
            return self.actor(state), state

    agent = retinoscope.from_module(Trace(), observation_shape=VIEW, actions=3, initial_state=4, name="trace")
    with pytest.raises(NotMeasurable, match="computed out of sight") as caught:
        require_memory(agent)
    assert "\n" not in str(caught.value)


def slow_distances(agent, recording, layer: str, columns: slice, moments, steps: int) -> np.ndarray:
    """The whole state reset, one observation at a time; distance of the layer's columns from what was recorded."""
    found = []
    for moment in moments:
        state, row = agent.policy.initial_state(1), []
        for step in range(steps):
            data = recording.rows(moment + step, moment + step + 1)
            with torch.no_grad():
                state = agent.policy.step(torch.from_numpy(data["observation"].values), state).state
            row.append(np.linalg.norm(state[0, columns].numpy() - data[layer].values[0]))
        found.append(row)
    return np.array(found)


@pytest.mark.parametrize("layer", list(MEMORIES))
def test_burn_in_is_that_of_the_activity_of_the_layer(layer: str) -> None:
    make, columns = MEMORIES[layer]
    agent = make()
    recording = lived(agent, episodes=3, rows=90)
    result = burn_in(recording, agent=agent, layer=layer, windows=50, most_steps=12, hold=12, tolerance=1e-9)
    moments = [each.start + 12 + offset for each in recording.episodes for offset in range(0, 67, 6)]
    slow = np.median(slow_distances(agent, recording, layer, columns, moments, 12), axis=0)
    scale = result.data["typical"].values / slow
    np.testing.assert_allclose(scale[:8], scale[:8].mean(), rtol=0.1)  # the same curve, from other moments
    assert result.parameters["layers"] == [layer]


def test_of_two_memories_the_slower_counts_and_each_forgets_by_its_own_leak() -> None:
    agent = two_memories_agent((0.4, 0.8))
    recording = lived(agent)
    found = {layer: burn_in(recording, agent=agent, layer=layer, hold=4).data for layer in ("quick", "slow")}
    for layer, leak in (("quick", 0.4), ("slow", 0.8)):
        typical = found[layer]["typical"].values
        np.testing.assert_allclose(typical[1:5] / typical[:4], leak, rtol=2e-3)
    both = burn_in(recording, agent=agent, hold=4)
    assert int(found["quick"]["steps"]) < int(found["slow"]["steps"]) == int(both.data["steps"])
    assert "Layers of memory: quick, slow; the one that is farthest counts." in both.data.attrs["caption"]
    assert choose_burn_in(recording, layer="quick", agent=agent).steps == choose_burn_in(recording, agent=agent).steps
    assert choose_burn_in(recording, layer="dense", agent=agent).steps == 0
    with pytest.raises(UserError, match="layer 'dense' is no memory of the recording; choose from quick, slow"):
        burn_in(recording, layer="dense")


def test_without_a_time_of_the_world_decisions_are_said_alone() -> None:
    agent = lstm_agent()
    result = burn_in(lived(agent), agent=agent)
    assert " s)" not in result.data.attrs["caption"] and "reset to zero" in result.data.attrs["rule"]
    (drawing,) = burn_in_module.ANALYSIS.draw(result)
    said = [each.get_text() for each in drawing.draw().axes[0].get_legend().get_texts()]
    assert f"burn-in: {int(result.data['steps'])} decisions" in said


@pytest.mark.parametrize("layer", ["quick", "slow", "dense"])
def test_components_are_those_of_the_layer_that_is_named(layer: str) -> None:
    recording = lived(two_memories_agent())
    fit = fitted_components(recording, components="pca:2", layer=layer, burn_in_steps=3)
    states = RecordingWindows(recording, burn_in=3, layer=layer).activity(0, 10)
    assert fit.parameters["layer"] == layer and fit.data.attrs["units_of_state"] == states.shape[-1]
    judged = components(recording, given={"fitted_components": fit}, runs=2, sweep=())
    assert judged.data.sizes["unit"] == recording.attributes["layers"][layer]
    lists = dataset_examples(recording, given={"fitted_components": fit})
    assert f"{layer} of two memories" in lists.data.attrs["caption"]


def test_the_first_memory_is_meant_where_none_is_named() -> None:
    recording = lived(two_memories_agent())
    assert fitted_components(recording, components="pca:2").parameters["layer"] == "quick"
    rows = {name: recording.rows()[name].values for name in ("dense", "slow")}
    with pytest.raises(NotMeasurable, match="no layer of a memory; name one of its layers: dense, slow"):
        fitted_components(ArrayRecording(rows), components="pca:2")
    only = ArrayRecording({"slow": rows["slow"]})
    assert fitted_components(only, components="pca:2").parameters["layer"] == "slow"
    # A run of analyses takes no layer for a memory that nobody said was one, and says how to say it.
    reason = MEMORY.why_not(Inputs(None, only))
    assert reason is not None and "roles={'slow': 'memory'}" in reason and "\n" not in reason
    assert MEMORY.why_not(Inputs(None, ArrayRecording({"slow": rows["slow"]}, roles={"slow": "memory"}))) is None
    assert MEMORY.why_not(Inputs(None, ArrayRecording({"value": np.zeros(4)}))) is not None


@pytest.mark.parametrize("layer", list(MEMORIES))
def test_what_moved_a_component_is_the_gradient_of_its_own_layer(layer: str) -> None:
    make, columns = MEMORIES[layer]
    agent = make()
    recording = lived(agent, episodes=3, rows=60)
    given = {
        "fitted_components": fitted_components(
            recording, components="pca:2", layer=layer, window_steps=5, burn_in_steps=4
        )
    }
    gallery = component_gallery(recording, agent=agent, given=given, per_level=1, frames=5, method="gradient")
    fit = given["fitted_components"].data
    direction = torch.from_numpy((fit["unmixing"] / fit["scale"]).sel(component=1).values).float()
    one = gallery.data.isel(component=1, level=0, place=0)
    start = int(RecordingWindows(recording, 5, burn_in=4, layer=layer).starts[int(one["sample"])])
    rows = recording.rows(start, start + 5, ["observation", "state_entering"])
    pixels = torch.from_numpy(rows["observation"].values.astype(np.float32)).requires_grad_()
    state = torch.from_numpy(rows["state_entering"].values[:1])
    for step in range(5):
        state = agent.policy.step(pixels[step : step + 1], state).state
    (gradient,) = torch.autograd.grad(state[0, columns] @ direction, pixels)
    expected = gradient.sum(dim=-1).numpy()
    np.testing.assert_allclose(one["attribution"].values, expected, atol=1e-4 * np.abs(expected).max())
    assert "summed over channels" in gallery.data.attrs["caption"]


def test_what_no_gradient_explains_is_shown_without() -> None:
    agent = two_memories_agent()
    recording = lived(agent, episodes=3, rows=60)
    given = {"fitted_components": fitted_components(recording, components="pca:2", layer="dense", burn_in_steps=0)}
    gallery = component_gallery(recording, agent=agent, given=given)
    assert "attribution" not in gallery.data
    assert "Not attributed to the pixels: the activity of dense is no part of the" in gallery.data.attrs["caption"]


def test_more_components_than_the_layer_has_units_are_refused_at_once() -> None:
    from retinoscope.analyses.declaration import Inputs
    from retinoscope.analyses.memory.fitted_components import ANALYSIS

    inputs = Inputs(lstm_agent(), None)
    for settings, says in (
        ({"components": "pca:4"}, "pca:4 of a memory of 3 units"),  # and not of 6, which [h | c] is
        ({"components": "pca:5", "layer": "dense"}, "layer 'dense' of 4 units"),
        ({"components": "pca:5", "layer": "nowhere"}, "layer 'nowhere': unknown"),
    ):
        with pytest.raises(UserError, match=says):
            ANALYSIS.refuse(inputs, FittedComponentsParameters(**settings))
    ANALYSIS.refuse(inputs, FittedComponentsParameters(components="pca:3"))


def test_an_agent_without_a_critic_has_no_value_among_the_quantities() -> None:
    recording = lived(two_memories_agent())
    assert np.isnan(recording.rows(names=["value"])["value"].values).all()
    assert Quantities(recording).names == ["action 0", "action 1", "action 2"]
    assert Quantities(lived(lstm_agent())).names[0] == "value"


def test_a_raster_needs_neither_value_nor_events_nor_variables() -> None:
    agent = two_memories_agent()
    recording = lived(agent, episodes=3, rows=60)
    (drawing,) = [each for each in raster_module.ANALYSIS.draw(raster(recording, agent=agent)) if each.name == "raster"]
    assert any(axes.has_data() for axes in drawing.draw().axes)
