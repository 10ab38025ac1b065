"""An edited memory: what the agent then computes and does is what one step at a time, edited by hand, gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from retinoscope.agents.agent import Agent
from retinoscope.analyses.memory.intervention import InterventionParameters, effects_of, intervene, unedited_means
from retinoscope.errors import UserError
from retinoscope.result import load_result
from retinoscope.rollouts import Recording
from retinoscope.rollouts.chance import action_generator, world_seed
from retinoscope.rollouts.environment import GatheringEnvironment
from retinoscope.rollouts.intervention import EditedPolicy
from retinoscope.scenarios import ArenaArchive
from tests.rollouts.recordings import small_agent


def play_edited(
    agent: Agent, arena: ArenaArchive, matrix: np.ndarray, offset: np.ndarray, seed: int, episode: int
) -> dict:
    """One decision at a time; the heads are applied to the edited state by their weights."""
    environment = GatheringEnvironment(arena, objects_in_view=False)
    observation, _ = environment.reset(seed=world_seed(seed, 0, episode))
    random, state = action_generator(seed, 0, episode), torch.zeros(1, agent.policy.state_size)
    network = agent.policy.network
    actions, pickups = [], 0
    while True:
        with torch.no_grad():
            left = agent.policy.step(torch.from_numpy(observation)[None], state).state[0].double().numpy()
        edited = matrix @ left + offset
        logits = network.policy.weight.double().numpy() @ edited + network.policy.bias.double().numpy()
        noisy = logits + random.gumbel(size=6)
        actions.append([noisy[:3].argmax(), noisy[3:].argmax()])
        state = torch.from_numpy(edited).float()[None]
        observation, _, terminated, truncated, info = environment.step(np.array(actions[-1]))
        pickups = pickups + info["pickups"]
        if terminated or truncated:
            environment.close()
            return {"actions": np.array(actions), "pickups": pickups, "survived": truncated}


def test_an_edited_policy_computes_from_the_edited_state() -> None:
    agent = small_agent()
    random = np.random.default_rng(0)
    matrix, offset = random.normal(size=(8, 8)) / 3, random.normal(size=8)
    edited = EditedPolicy(agent.policy, matrix, offset)
    pixels = torch.from_numpy(random.integers(0, 256, (5, 60, 80, 3), dtype=np.uint8))
    state = torch.from_numpy(random.normal(size=(5, 8)).astype(np.float32))
    with torch.no_grad():
        found, plain = edited.step(pixels, state), agent.policy.step(pixels, state)
        expected = plain.state.double() @ torch.from_numpy(matrix).T + torch.from_numpy(offset)
        logits = agent.policy.network.policy(expected.float())
        value = agent.policy.network.value_of(expected.float())
    torch.testing.assert_close(found.state, expected.float())
    torch.testing.assert_close(found.logits, logits)
    torch.testing.assert_close(found.value, value)
    assert edited.layers == agent.policy.layers and edited.output_names() == agent.policy.output_names()


def test_what_cannot_be_edited_is_refused() -> None:
    without_memory = small_agent(rnn="none")
    with pytest.raises(UserError, match="no recurrent core"):
        EditedPolicy(without_memory.policy, np.eye(8), np.zeros(8))
    with pytest.raises(UserError, match="state of 3 units, the agent has 8"):
        EditedPolicy(small_agent().policy, np.eye(3), np.zeros(3))
    with pytest.raises(UserError, match="nothing to intervene on"):
        intervene(without_memory)


@pytest.fixture(scope="module")
def played(small_recording: Recording, small_recording_arena: ArenaArchive):
    return intervene(
        small_agent(),
        small_recording_arena,
        recording=small_recording,
        components="pca:3",
        component=1,
        do="ablate",
        episodes=3,
        random_directions=2,
        workers=1,
        seed=4,
    )


def test_every_edit_plays_the_episodes_that_a_slow_loop_plays(
    played, small_recording: Recording, small_recording_arena: ArenaArchive
) -> None:
    from retinoscope.analyses.memory.dataset_examples import ExampleParameters, fit_examples, samples_of

    agent, parameters = small_agent(), ExampleParameters("pca:3")
    fitted = fit_examples(samples_of(small_recording, parameters, agent), parameters)
    direction, pattern = (getattr(fitted.components, name)()[1] for name in ("directions", "patterns"))
    edits = {"none": np.eye(8), "component 1": np.eye(8) - np.outer(pattern, direction)}
    for name, matrix in edits.items():
        for episode in range(3):
            expected = play_edited(agent, small_recording_arena, matrix, np.zeros(8), 4, episode)
            one = played.data.sel(edit=name, episode=episode)
            turn = np.bincount(expected["actions"][:, 0], minlength=3) / len(expected["actions"])
            np.testing.assert_allclose(one["actions"].values[:3], turn)
            assert one["pickups"].values.tolist() == expected["pickups"].tolist()
            assert bool(one["survived"]) == expected["survived"]


def test_effects_are_differences_in_the_same_episodes(played, tmp_path: Path) -> None:
    data = load_result(played.save(tmp_path / "intervention.nc")).data
    assert data["edit"].values.tolist() == ["none", "component 1", "random 1.0", "random 1.1"]
    assert len(set(data["explained"].values[1:].tolist())) == 1
    (effects,) = effects_of(played)
    difference = data["seconds"].values - data["seconds"].values[0]
    assert effects["component"] == 1
    assert effects["seconds"]["difference"].estimate == pytest.approx(difference[1].mean())
    assert effects["seconds"]["random"].estimate == pytest.approx(difference[2:].mean())
    larger = (np.abs(difference[2:].mean(axis=1)) >= abs(difference[1].mean())).sum()
    assert effects["seconds"]["p"] == pytest.approx((larger + 1) / 3)
    assert unedited_means(played)["seconds"].estimate == pytest.approx(data["seconds"].values[0].mean())
    shares = data["actions"].values
    np.testing.assert_allclose(shares[..., :3].sum(axis=-1), 1)
    assert effects["actions turn left"]["difference"].estimate == pytest.approx((shares[1] - shares[0])[:, 1].mean())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"do": "clamp:3"}, "do 'clamp:3'"),
        ({"do": "swap"}, "do 'swap'"),
        ({"do": "erase"}, "do 'erase'"),
        ({"episodes": 1}, "episodes: 1"),
        ({"random_directions": 0}, "random directions: 0"),
        ({"seed": -1}, "seed: -1"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        InterventionParameters(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"component": 9}, "component 9: there are components 0 to 2"),
        ({"component": 1, "do": "swap:1"}, "exchanged with itself"),
        ({"component": 1, "do": "swap:7"}, "component 7"),
        ({"component": 1, "workers": 0}, "workers: 0"),
        ({"components": "units"}, "choose ica:16 or pca:16"),
        ({"wrong": 1}, "no parameter 'wrong'"),
    ],
)
def test_what_the_recording_does_not_have_is_refused(
    settings: dict, message: str, small_recording: Recording, small_recording_arena: ArenaArchive
) -> None:
    with pytest.raises(UserError, match=message):
        intervene(
            small_agent(), small_recording_arena, recording=small_recording, **({"components": "pca:3"} | settings)
        )


def test_the_recording_has_to_be_of_the_agent(small_recording: Recording, small_recording_arena: ArenaArchive) -> None:
    with pytest.raises(UserError, match="another agent"):
        intervene(small_agent(seed=1), small_recording_arena, recording=small_recording)
