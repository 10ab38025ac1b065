"""Interventions on memories of other kinds in a world that is no arena: what happens is what a slow loop plays."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
import xarray

import retinoscope
from retinoscope.agents.agent import Agent
from retinoscope.analyses.behaviour.burn_in import burn_in
from retinoscope.analyses.memory.directions import states_of
from retinoscope.analyses.memory.fitted_components import fitted_components, fitted_of
from retinoscope.analyses.memory.intervention import InterventionParameters, effects_of, intervention
from retinoscope.analyses.memory.intervention_edits import Edit
from retinoscope.analyses.memory.intervention_effects import drawings_of_effects
from retinoscope.analyses.memory.intervention_result import result_of
from retinoscope.errors import UserError
from retinoscope.result import Result, load_result
from retinoscope.rollouts import open_recording, record
from retinoscope.rollouts.chance import action_generator
from retinoscope.worlds.declaration import Declaration, Picture
from retinoscope.worlds.seeds import world_seed
from tests.flicker import Flicker, flicker
from tests.planted_memories import UNITS, VIEW, lstm_agent, two_memories_agent


def play_edited(
    agent: Agent, columns: slice, matrix: np.ndarray, seed: int, episode: int, offset: Any = 0.0
) -> dict[str, Any]:
    """One decision at a time: the columns of the state are edited by hand, and the actor reads what it reads."""
    environment, random = Flicker(), action_generator(seed, 0, episode)
    observation, _ = environment.reset(seed=world_seed(seed, 0, episode))
    state, actions, total, network = agent.policy.initial_state(1), [], 0.0, agent.policy.module
    while True:
        with torch.no_grad():
            state = agent.policy.step(torch.from_numpy(observation)[None], state).state.clone()
            state[0, columns] = torch.from_numpy(matrix @ state[0, columns].double().numpy() + offset).float()
            read = state[:, :UNITS] if hasattr(network, "cell") else state
            logits = network.actor(read)[0].double().numpy()
        actions.append(int((logits + random.gumbel(size=3)).argmax()))
        observation, reward, terminated, truncated, _ = environment.step(actions[-1])
        total += reward
        if terminated or truncated:
            return {"actions": np.bincount(actions, minlength=3) / len(actions), "return": total, "end": terminated}


def played(agent: Agent, layer: str, folder: Any, **more: Any) -> tuple[Result, Result]:
    world = flicker()
    recording = record(agent, world, frames=800, out=folder / "recording.zarr", environments=2, seed=9)
    fit = fitted_components(recording, agent=agent, components="pca:2", layer=layer, burn_in_steps=2, window_steps=4)
    settings = {"component": 0, "do": "ablate", "episodes": 4, "random_directions": 1, "workers": 1, "episode_seed": 3}
    given = {"fitted_components": fit}
    return intervention(agent, world=world, recording=recording, given=given, **(settings | more)), fit


@pytest.mark.engine
@pytest.mark.parametrize("layer", ["cell", "slow"])
def test_every_edit_plays_the_episodes_that_a_slow_loop_plays(layer: str, tmp_path: Any) -> None:
    make, columns = {"cell": (lstm_agent, slice(0, 3)), "slow": (two_memories_agent, slice(3, 7))}[layer]
    agent = make()
    result, fit = played(agent, layer, tmp_path)
    components, units = fitted_of(fit).components, columns.stop - columns.start
    direction, pattern = (getattr(components, name)()[0] for name in ("directions", "patterns"))
    edits = {"none": np.eye(units), "component 0": np.eye(units) - np.outer(pattern, direction)}
    for name, matrix in edits.items():
        for episode in range(4):
            expected, one = play_edited(agent, columns, matrix, 3, episode), result.data.sel(edit=name, episode=episode)
            np.testing.assert_allclose(one["actions"].values, expected["actions"])
            assert float(one["episode_return"]) == expected["return"] == int(one["events"].sel(event="hit"))
            assert bool(one["is_terminated"]) == expected["end"]
    assert not np.array_equal(*(result.data["actions"].sel(edit=name).values for name in edits))
    assert result.parameters["layer"] == layer
    (effects,) = effects_of(result)
    assert {"duration", "is_terminated", "episode_return", "rewarded", "events hit"} < set(effects)
    assert "survived" not in effects and "punished" not in effects
    titles = dict(zip(result.data["measure"].values.tolist(), result.data["title"].values.tolist(), strict=True))
    assert titles["duration"] == "length of the episode (decisions)"
    assert titles["is_terminated"] == "a flash ended it (share)"
    panels = [axes.get_title("left") for axes in drawings_of_effects(result)[0].draw().axes]
    assert panels[:3] == ["length of the episode (decisions)", "return", "rewarded events per episode"]
    assert "in flicker, ablate at every decision" in result.data.attrs["caption"]


@pytest.mark.engine
def test_every_dose_plays_the_episodes_that_a_slow_loop_plays(tmp_path: Any) -> None:
    agent = lstm_agent()
    along = {"do": "add", "doses": (-2.0, 0.0, 2.0), "directions": ("unit:1", "component:0")}
    result, _ = played(agent, "cell", tmp_path, **along)
    recording = open_recording(tmp_path / "recording.zarr")
    states = states_of(recording, "cell").activity
    for dose in (-2.0, 2.0):
        offset = dose * states[:, 1].std() * np.eye(UNITS)[1]
        one = result.data.sel(edit=f"unit:1 {dose:+g}")
        for episode in range(4):
            expected = play_edited(agent, slice(0, UNITS), np.eye(UNITS), 3, episode, offset)
            np.testing.assert_allclose(one["actions"].values[episode], expected["actions"])
    data = result.data
    np.testing.assert_array_equal(data["actions"].sel(edit="unit:1 +0"), data["actions"].sel(edit="none"))
    assert {each["edit"]: each["dose"] for each in effects_of(result)}["component:0 -2"] == -2.0
    (figure, *_) = drawings_of_effects(result)
    labels = [each.get_text() for each in figure.draw().legends[0].get_texts()]
    assert labels == ["unit 1", "component 0", "random directions of its size"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"do": "add"}, "unknown"),
        ({"do": "add:much"}, "unknown"),
        ({"do": "ablate", "doses": (1.0,)}, "doses go with clamp and add"),
        ({"do": "clamp:1", "doses": (1.0,)}, "doses go with clamp and add"),
        ({"do": "swap:1", "directions": ("unit:0",)}, "unknown with these doses and directions"),
    ],
)
def test_doses_that_are_none_are_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        InterventionParameters(**settings)


@pytest.mark.engine
def test_a_memory_that_does_not_start_at_zero_is_recorded_from_its_start(tmp_path: Any) -> None:
    agent = lstm_agent(start=0.25)
    recording = record(agent, flicker(), frames=400, out=tmp_path / "recording.zarr", environments=2, seed=9)
    rows = recording.rows(names=["state_entering"])
    is_first = rows["step"].values == 0
    assert is_first.sum() > 4
    assert (rows["state_entering"].values[is_first] == 0.25).all()
    assert not (rows["state_entering"].values[~is_first] == 0.25).any()
    result = burn_in(recording, agent=agent, most_steps=8)
    assert "a state reset to its start is" in result.data.attrs["rule"]


def test_continuous_actions_are_told_by_their_means_and_a_world_without_events_by_its_return(tmp_path: Any) -> None:
    """Of two episodes of each edit, played by hand."""
    world = SimpleNamespace(
        declaration=Declaration("road", "", "", Picture(*VIEW), (), 0.5, repeats_itself=False), decisions_at_most=None
    )
    agent = retinoscope.from_module(
        torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(30, 4)),
        observation_shape=VIEW,
        actions=gymnasium.spaces.Box(-1, 1, (2,)),
        preprocess=lambda pixels: pixels / 255.0,
    )
    edits = [Edit("none", -1, False, 0.0, None), Edit("component 0", 0, False, 0.5, None, target=0)]
    edits.append(Edit("random 0.0", 0, True, 0.5, None, target=0))
    actions = np.arange(24.0).reshape(3, 2, 2, 2)  # edit, episode, decision, number
    rows = {
        (edit, episode): {
            "actions": actions[edit, episode],
            "duration": 1.0,
            "survived": False,
            "is_terminated": True,
            "episode_return": 3.0 * edit,
            "gathered": 0.0,
            "events": np.zeros(0, np.int64),
        }
        for edit in range(3)
        for episode in range(2)
    }
    fit = Result("fitted_components", xarray.Dataset(), {"components": "pca:1", "found_by": "hand"}, {})
    chosen = InterventionParameters(episodes=2)
    result = result_of(rows, edits, agent, world, chosen, 0, fit)
    assert result.data["output"].values.tolist() == ["action 0", "action 1"]
    np.testing.assert_allclose(result.data["actions"].values, actions.mean(axis=2))
    (effects,) = effects_of(load_result(result.save(tmp_path / "intervention.nc")))
    assert effects["actions action 1"]["difference"].estimate == 8 and effects["episode_return"]["p"] == 1
    titles = [axes.get_title("left") for axes in drawings_of_effects(result)[0].draw().axes]
    assert titles == ["length of the episode (s)", "return", "mean of action 0", "mean of action 1"]
    assert "for this one does not repeat itself" in result.data.attrs["caption"]
