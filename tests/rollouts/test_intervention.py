"""An edited memory: what the agent then computes and does is what one step at a time, edited by hand, gives."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
import xarray

import retinoscope
from retinoscope.agents.agent import Agent
from retinoscope.analyses.memory import intervention as module
from retinoscope.analyses.memory.fitted_components import fitted_components, fitted_of
from retinoscope.analyses.memory.intervention import InterventionParameters, effects_of, intervention, unedited_means
from retinoscope.analyses.memory.intervention_effects import drawings_of_effects, effects_table
from retinoscope.analyses.memory.recording_windows import RecordingWindows
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, load_result
from retinoscope.rollouts import Recording
from retinoscope.rollouts.chance import action_generator
from retinoscope.rollouts.intervention import EditedPolicy
from retinoscope.scenarios import ArenaArchive
from retinoscope.settings import stated
from retinoscope.statistics.bootstrap import bootstrap_interval
from retinoscope.statistics.state_edits import StateEdit
from retinoscope.worlds.doom.environment import GatheringEnvironment
from retinoscope.worlds.seeds import world_seed
from retinoscope.worlds.world import World
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
    with pytest.raises(UserError, match="the edit is for 3 units, layer 'rnn' of the agent has 8"):
        EditedPolicy(small_agent().policy, np.eye(3), np.zeros(3))
    with pytest.raises(UserError, match="nothing to intervene on"):
        intervention(without_memory)
    with pytest.raises(NotMeasurable, match="nothing to intervene on"):
        retinoscope.intervene(without_memory)


@pytest.fixture(scope="module")
def given(small_recording: Recording) -> dict[str, Result]:
    return {"fitted_components": fitted_components(small_recording, agent=small_agent(), components="pca:3")}


@pytest.fixture(scope="module")
def played(small_recording: Recording, small_recording_arena: ArenaArchive) -> Result:
    return retinoscope.intervene(
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
    played: Result, given: dict[str, Result], small_recording_arena: ArenaArchive
) -> None:
    agent, fitted = small_agent(), fitted_of(given["fitted_components"])
    direction, pattern = (getattr(fitted.components, name)()[1] for name in ("directions", "patterns"))
    edits = {"none": np.eye(8), "component 1": np.eye(8) - np.outer(pattern, direction)}
    for name, matrix in edits.items():
        for episode in range(3):
            expected = play_edited(agent, small_recording_arena, matrix, np.zeros(8), 4, episode)
            one = played.data.sel(edit=name, episode=episode)
            turn = np.bincount(expected["actions"][:, 0], minlength=3) / len(expected["actions"])
            np.testing.assert_allclose(one["actions"].values[:3], turn)
            assert one["events"].values.tolist() == expected["pickups"].tolist()
            assert bool(one["survived"]) == expected["survived"]


def test_effects_are_differences_in_the_same_episodes(played: Result, tmp_path: Path) -> None:
    data = load_result(played.save(tmp_path / "intervention.nc")).data
    assert data["edit"].values.tolist() == ["none", "component 1", "random 1.0", "random 1.1"]
    assert len(set(data["explained"].values[1:].tolist())) == 1
    (effects,) = effects_of(played)
    difference = data["duration"].values - data["duration"].values[0]
    assert effects["component"] == 1
    assert effects["duration"]["difference"].estimate == pytest.approx(difference[1].mean())
    assert effects["duration"]["random"].estimate == pytest.approx(difference[2:].mean())
    larger = (np.abs(difference[2:].mean(axis=1)) >= abs(difference[1].mean())).sum()
    assert effects["duration"]["p"] == pytest.approx((larger + 1) / 3)
    assert unedited_means(played)["duration"].estimate == pytest.approx(data["duration"].values[0].mean())
    shares = data["actions"].values
    np.testing.assert_allclose(shares[..., :3].sum(axis=-1), 1)
    assert effects["actions turn left"]["difference"].estimate == pytest.approx((shares[1] - shares[0])[:, 1].mean())
    assert effects_of(load_result(tmp_path / "intervention.nc")) == effects_of(played)


def test_what_the_version_before_saved_says_the_same(played: Result, tmp_path: Path) -> None:
    """Its variables had other names, and it held no differences at first; they are made of what every edit did."""
    data = played.data.drop_dims(["edited", "measure"]).drop_vars(["is_terminated", "episode_return", "is_share"])
    names = {"duration": "seconds", "events": "pickups", "event": "class", "event_valence": "effect"}
    data = data.rename(names).drop_attrs(deep=False).assign_attrs(caption="words")
    path = Result("intervention", data, played.parameters, played.provenance).save(tmp_path / "intervention.nc")
    with h5py.File(path, "a") as file:
        file.attrs["schema_version"] = 2
    old = load_result(path)
    (found,), (today,) = effects_of(old), effects_of(played)
    assert found == {name: each for name, each in today.items() if name != "episode_return"}
    assert {*today} - {*found} == {"episode_return"}
    panels = [axes.get_title("left") for axes in drawings_of_effects(old)[0].draw().axes]
    assert panels[:2] == ["survival (s)", "healing pick-ups per episode"]


def test_what_is_the_same_in_every_episode_has_no_interval_however_unlike_the_episodes_are() -> None:
    seconds = np.array([5.0, 60.0, 22.0, 41.0, 9.0, 33.0])
    edited, first, second = (
        seconds - 3,
        seconds + np.array([1, -1, 1, -1, 1, -1]),
        seconds - np.array([1, 2, 3, 4, 5, 6]),
    )
    played = np.stack([seconds, edited, first, second])
    names = ["none", "component 2", "random 2.0", "random 2.1"]
    data = xarray.Dataset(
        {
            "duration": (("edit", "episode"), played, {"units": "s"}),
            "survived": (("edit", "episode"), played > 30),
            "events": (("edit", "episode", "event"), np.zeros((4, 6, 1), int)),
            "actions": (("edit", "episode", "output"), np.ones((4, 6, 1))),
            "component": ("edit", [-1, 2, 2, 2]),
            "is_random": ("edit", [False, False, True, True]),
            "explained": ("edit", [0.0, 0.1, 0.1, 0.1]),
        },
        coords={"edit": names, "event": ["apple"], "event_valence": ("event", [20]), "output": ["turn"]},
        attrs={"event_words": '["good", "bad", "bite", "bites"]', "survived": "survived"},
    )
    assert effects_table(data)["title"].values.tolist() == [
        *("survival (s)", "survived to the end (share)", "good bites", "bites of apple (+20)", "share of turn")
    ]
    table = effects_table(data).sel(measure="duration", edited=2)
    found = [float(table[f"difference{end}"]) for end in ("", "_low", "_high")]
    np.testing.assert_allclose(found, -3)
    expected = bootstrap_interval((first + second) / 2 - seconds)
    assert [float(table[f"random_difference{end}"]) for end in ("", "_low", "_high")] == pytest.approx(list(expected))
    assert float(table["p"]) == pytest.approx(2 / 3)  # one of two random directions changes it by 3.5
    mean = bootstrap_interval(seconds)
    of_none = effects_table(data).sel(measure="duration")
    assert [float(of_none[f"unedited{end}"]) for end in ("", "_low", "_high")] == pytest.approx(list(mean))


class Stopped(Exception):
    """Nothing further is of interest."""


def edits_of(
    monkeypatch: pytest.MonkeyPatch, agent: Agent, arena: ArenaArchive, given: dict[str, Result], **settings: Any
) -> dict[str, StateEdit]:
    """The edits that would be played, by name."""
    found: list[Any] = []

    def keep(policy: Any, where: Any, edits: Any, *_: Any) -> None:
        found.extend(edits)
        raise Stopped

    monkeypatch.setattr(module, "_played", keep)
    with pytest.raises(Stopped):
        intervention(agent, world=arena, given=given, **settings)
    return {each.name: each.edit for each in found if each.edit is not None}


@pytest.mark.parametrize("component", [0, 1])
def test_random_directions_move_the_memory_as_much_as_the_component_does(
    component: int,
    given: dict[str, Result],
    small_recording: Recording,
    small_recording_arena: ArenaArchive,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = {"component": component, "random_directions": 3, "do": "clamp"}
    edits = edits_of(monkeypatch, small_agent(), small_recording_arena, given, **settings)
    assert list(edits) == [f"component {component}", *(f"random {component}.{draw}" for draw in range(3))]
    fit, parameters = fitted_of(given["fitted_components"]), given["fitted_components"].parameters
    windows = RecordingWindows(small_recording, parameters["window_steps"], burn_in=parameters["burn_in_steps"])
    states = windows.activity(0, windows.count).reshape(-1, 8).astype(np.float64)
    states = states[fit.inliers.is_inlier(states)]
    for edit in edits.values():
        moved = (states - edit.apply(states)) / fit.components.scale
        share = moved.var(axis=0).sum() / 8
        assert share == pytest.approx(float(fit.components.explained[component]), rel=0.02)


@pytest.mark.parametrize(("seed", "recorded"), [(4, 5), (0, 1)])
def test_no_component_is_found_on_the_seed_that_is_played(
    seed: int, recorded: int, small_recording_arena: ArenaArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def record(agent: Agent, world: World, **named: Any) -> None:
        raise Stopped(named["seed"], named["frames"])

    monkeypatch.setattr("retinoscope.rollouts.record", record)
    for play in (
        lambda: retinoscope.intervene(small_agent(), small_recording_arena, seed=seed, frames=77),
        lambda: intervention(small_agent(), world=small_recording_arena, episode_seed=seed, frames=77),
    ):
        with pytest.raises(Stopped) as stopped:
            play()
        assert stopped.value.args == (recorded, 77)


def test_where_no_seed_is_given_it_is_not_that_of_the_recording(
    given: dict[str, Result], small_recording: Recording, small_recording_arena: ArenaArchive, monkeypatch: Any
) -> None:
    def keep(policy: Any, where: Any, edits: Any, layer: str, moments: Any, chosen: Any, seed: int, *_: Any) -> None:
        raise Stopped(seed)

    monkeypatch.setattr(module, "_played", keep)
    for more in ({"given": given}, {"recording": small_recording}, {"given": given, "recording": small_recording}):
        with pytest.raises(Stopped) as stopped:
            intervention(small_agent(), world=small_recording_arena, **more)  # type: ignore[arg-type]
        assert stopped.value.args == (small_recording.attributes["seed"] + 1,)


OTHERWISE = {
    "component": 2,
    "do": "swap:1",
    "directions": ["unit:1"],
    "doses": [1.0, 2.0],
    "when": "unit:1 > 0",
    "components": "pca:2",
    "layer": "rnn",
    "episodes": 3,
    "random_directions": 2,
    "frames": 77,
    "seed": 7,
    "greedy": True,
    "workers": 2,
    "progress": True,
}


def test_every_setting_of_intervene_arrives_and_changes_nothing_else(
    small_recording: Recording, small_recording_arena: ArenaArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    from retinoscope.workflows import intervene as workflow

    def fit(source: Recording, *, agent: Agent, **settings: Any) -> Any:
        return source.path, agent.name, settings

    def play(agent: Agent, *, world: Any, recording: Any, given: Any, parameters: Any, progress: bool) -> None:
        assert recording is (small_recording if parameters.directions or parameters.when else None)
        path, name, settings = given["fitted_components"]
        assert (path, name, world.declaration.sha256) == (
            small_recording.path,
            agent.name,
            small_recording_arena.sha256,
        )
        raise Stopped(stated(parameters) | settings | {"progress": progress})

    def found(**settings: Any) -> dict[str, Any]:
        with pytest.raises(Stopped) as stopped:
            workflow.intervene(small_agent(), small_recording_arena, recording=small_recording, **settings)
        (said,) = stopped.value.args
        return said | {"seed": said["episode_seed"], "episode_seed": None}

    monkeypatch.setattr(workflow, "fitted_components", fit)
    monkeypatch.setattr(workflow, "intervention", play)

    signature = inspect.signature(retinoscope.intervene).parameters
    assert set(OTHERWISE) == set(signature) - {"agent", "world", "recording", "out"}
    usual = found()
    assert all(usual[name] == signature[name].default for name in OTHERWISE)
    for name, value in OTHERWISE.items():
        assert signature[name].default != value
        assert found(**{name: value}) == usual | {name: value}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"do": "clamp:x"}, "do 'clamp:x'"),
        ({"do": "swap"}, "do 'swap'"),
        ({"do": "erase"}, "do 'erase'"),
        ({"episodes": 1}, "episodes is 1; give at least 2"),
        ({"random_directions": 0}, "random_directions is 0"),
        ({"episode_seed": -1}, "episode_seed is -1"),
        ({"component": -1}, "component is -1"),
        ({"workers": 0}, "workers is 0"),
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
        ({"wrong": 1}, "no parameter 'wrong'"),
    ],
)
def test_what_the_components_do_not_have_is_refused(
    settings: dict, message: str, given: dict[str, Result], small_recording_arena: ArenaArchive
) -> None:
    with pytest.raises(UserError, match=message):
        intervention(small_agent(), world=small_recording_arena, given=given, **settings)


def test_single_units_are_not_intervened_on(small_recording: Recording, small_recording_arena: ArenaArchive) -> None:
    with pytest.raises(UserError, match="choose ica:16 or pca:16"):
        retinoscope.intervene(
            small_agent(), small_recording_arena, recording=small_recording, components="units", workers=1
        )


def test_recording_and_components_have_to_be_of_the_agent_in_the_arena(
    given: dict[str, Result], small_recording: Recording, small_recording_arena: ArenaArchive
) -> None:
    with pytest.raises(UserError, match="another agent"):
        intervention(small_agent(seed=1), world=small_recording_arena, recording=small_recording)
    with pytest.raises(UserError, match="with another agent than 'small-1'"):
        intervention(small_agent(seed=1), world=small_recording_arena, given=given)
    with pytest.raises(UserError, match="with another world than 'small-0' in 'apples'"):
        intervention(small_agent(), world="apples", given=given)
    of_arrays = {"fitted_components": fitted_components(np.random.default_rng(0).normal(size=(20, 5, 8)))}
    with pytest.raises(UserError, match="with another agent"):
        intervention(small_agent(), world=small_recording_arena, given=of_arrays)
