"""Pushing at chosen moments: conditions against a slow reading of them, and play of which it is known what must happen.

In the planted world a press is rewarded while the light is on, and at no other time; the planted agent presses where
one unit of its memory is high, which nothing but a push ever makes it.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from torch import nn

import retinoscope
from retinoscope.agents.agent import Agent
from retinoscope.analyses.memory.chosen_moments import Moments, moments_of
from retinoscope.analyses.memory.directions import states_of
from retinoscope.analyses.memory.intervention import InterventionParameters, effects_of, unedited_means
from retinoscope.analyses.memory.intervention_effects import drawings_of_effects, intervention_table
from retinoscope.analyses.memory.pushed_play import CHANGE, DIVERGENCE, HELD, PushedAtMoments
from retinoscope.analyses.memory.pushing import divergence
from retinoscope.errors import UserError
from retinoscope.result import Result, load_result
from retinoscope.rollouts.evaluation import play_episodes
from retinoscope.scale.work import computing_on
from retinoscope.statistics.state_edits import Reading, StateEdit, add, clamp, reading_along
from retinoscope.worlds.declaration import Declaration, Event, Picture, Variable, Words
from retinoscope.worlds.from_gymnasium import GymnasiumWorld, gymnasium_world
from retinoscope.worlds.seeds import world_seed
from tests.figures.test_components import assert_nothing_overlaps

VIEW, LENGTH, UNITS = (2, 3, 1), 24, 3


class Lamp(gymnasium.Env[np.ndarray, int]):
    """The light is on for three of every eight decisions; pressing (action 1) is rewarded while it is."""

    observation_space = gymnasium.spaces.Box(0, 255, VIEW, np.uint8)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self._next()

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        is_rewarded = action == 1 and self.steps % 8 < 3
        self.steps += 1
        seen, info = self._next()
        return seen, float(is_rewarded), False, self.steps == LENGTH, info | {"pressed": action == 1}

    def _next(self) -> tuple[np.ndarray, dict[str, Any]]:
        seen = self.np_random.integers(0, 256, VIEW, dtype=np.uint8)
        return seen, {"light": float(self.steps % 8 < 3), "place": (self.steps, -self.steps)}


def lamp() -> GymnasiumWorld:
    return gymnasium_world(
        Lamp,
        name="lamp",
        variables={"light": "light", Variable("place", labels=("x", "y")): "place"},
        events={
            Event("reward", 1.0): lambda environment, info, reward: reward > 0,
            Event("press", -1.0): lambda environment, info, reward: info["pressed"],
        },
        words=Words("good", "bad"),
    )


class Presser(nn.Module):
    """Each unit of its memory follows a pixel, and a tenth of what it was; it presses where the first is above two."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.actor = nn.RNNCell(6, UNITS), nn.Linear(UNITS, 2)
        with torch.no_grad():
            self.cell.weight_ih.copy_(torch.eye(UNITS, 6))
            self.cell.weight_hh.copy_(0.1 * torch.eye(UNITS))
            self.cell.bias_ih.fill_(-0.5)
            self.cell.bias_hh.zero_()
            self.actor.weight.copy_(torch.tensor([[0.0, 0, 0], [9, 0, 0]]))
            self.actor.bias.copy_(torch.tensor([0.0, -18]))

    def forward(self, pixels: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        memory = self.cell(pixels.flatten(1).float() / 255, state)
        return self.actor(memory), memory


def presser(world: GymnasiumWorld | None = None) -> Agent:
    more: dict[str, Any] = {"observation_shape": VIEW, "actions": 2} if world is None else {"world": world}
    return retinoscope.from_module(Presser(), initial_state=UNITS, name="presser", **more)


@pytest.fixture(scope="module")
def lived(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of the agent."""
    path = tmp_path_factory.mktemp("lamp") / "recording.zarr"
    retinoscope.record(presser(lamp()), frames=192, out=path, environments=2, seed=9, workers=1)
    return path


@pytest.fixture(scope="module")
def results(lived: Path) -> dict[str | None, Result]:
    """By condition, what comes of the first unit pushed by ten standard deviations."""
    settings = {"directions": "unit:0", "do": "add:10", "components": "pca:3", "episodes": 3, "random_directions": 2}
    settings |= {"recording": lived, "greedy": True, "seed": 3}
    conditions = (None, "step >= 0", "light > 0", "not light > 0", "step > 1000", "light > 0 and unit:1 > 0.5")
    with computing_on(1):  # one process for all
        return {when: retinoscope.intervene(presser(lamp()), when=when, **settings) for when in conditions}


PUSHED, RANDOM = "unit:0", "random 0.0"


def test_a_push_at_the_moments_that_matter_changes_what_happens(results: dict[str | None, Result]) -> None:
    data, (effects,) = results["light > 0"].data, effects_of(results["light > 0"])
    assert (data["events"].sel(edit=PUSHED, event="reward") == 9).all()
    assert (data["events"].sel(edit="none") == 0).all()
    assert (data["events"].sel(edit=PUSHED, event="press") == 9).all()
    assert (data["held"] == 9).all() and (data["decisions"] == LENGTH).all()
    assert effects["good"]["difference"] == (9, 9, 9)
    assert effects["episode_return"]["difference"] == (9, 9, 9)
    assert effects["held"]["difference"].estimate == 0
    assert unedited_means(results["light > 0"])["held"].estimate == pytest.approx(9 / LENGTH)
    assert effects["at once action 1"]["difference"].estimate > 0.99
    assert effects["at once"]["difference"].low > 3


def test_the_same_push_elsewhere_changes_no_event_that_needs_those_moments(results: dict[str | None, Result]) -> None:
    data, (effects,) = results["not light > 0"].data, effects_of(results["not light > 0"])
    assert (data["events"].sel(event="reward") == 0).all()
    assert (data["events"].sel(edit=PUSHED, event="press") == 15).all()
    assert effects["good"]["difference"] == (0, 0, 0) and effects["bad"]["difference"] == (15, 15, 15)


def test_where_the_condition_never_holds_nothing_changes(results: dict[str | None, Result]) -> None:
    data, (effects,) = results["step > 1000"].data, effects_of(results["step > 1000"])
    for name in ("actions", "events", "episode_return", "duration"):
        for edit in (PUSHED, RANDOM):
            np.testing.assert_array_equal(data[name].sel(edit=edit), results[None].data[name].sel(edit="none"))
    assert (data["held"] == 0).all() and data["divergence"].isnull().all() and data["change"].isnull().all()
    assert np.isnan(effects["at once"]["difference"].estimate) and np.isnan(effects["at once"]["p"])
    columns, rows = intervention_table(results["step > 1000"], [effects])
    assert rows[1][columns.index("at once: divergence (nats)")] == "–"


def test_where_it_always_holds_it_is_the_push_at_every_decision(results: dict[str | None, Result]) -> None:
    always, ever = results["step >= 0"].data, results[None].data
    for name in ("actions", "events", "episode_return", "explained"):
        np.testing.assert_array_equal(always[name], ever[name])
    assert "held" not in ever and "at once" not in ever["measure"].values
    assert (always["held"] == LENGTH).all()


def test_it_is_said_and_drawn_when_it_was_pushed(results: dict[str | None, Result], tmp_path: Any) -> None:
    result = load_result(results["light > 0"].save(tmp_path / "intervention.nc"))
    assert "add:10 at decisions at which light > 0;" in result.data.attrs["caption"]
    assert result.parameters["when"] == "light > 0"
    figure = drawings_of_effects(result)[0].draw()
    assert_nothing_overlaps(figure)
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles[-4:] == [
        "pushed (share of decisions)",
        "at once: divergence (nats)",
        *("at once: action 0", "at once: action 1"),
    ]
    assert not any(each.startswith("share of action") for each in titles)


def by_hand(agent: Agent, reading: Reading, condition: Reading, episode: int) -> tuple[list[int], list[bool], float]:
    """One decision at a time, pushed where the light is on and the memory is up: actions, pushes, return."""
    environment, actions, pushes, total = Lamp(), [], [], 0.0
    observation, info = environment.reset(seed=world_seed(3, 0, episode))
    state = torch.zeros(1, UNITS)
    while True:
        with torch.no_grad():
            state = agent.policy.step(torch.from_numpy(observation)[None], state).state
            along = float((state[0].double().numpy() - condition.mean) @ condition.direction)
            pushes.append(info["light"] > 0 and along > 0.5)
            if pushes[-1]:
                state = state + torch.from_numpy(10 * reading.pattern).float()
            actions.append(int(agent.policy.module.actor(state).argmax()))
        observation, reward, _, over, info = environment.step(actions[-1])
        total += reward
        if over:
            return actions, pushes, total


def test_a_condition_on_the_memory_is_that_of_a_slow_loop(results: dict[str | None, Result], lived: Path) -> None:
    result = results["light > 0 and unit:1 > 0.5"]
    states = states_of(retinoscope.open(lived), "cell").activity
    reading, condition = (reading_along(np.eye(UNITS)[unit], states) for unit in (0, 1))
    counts = set()
    for episode in range(3):
        actions, pushes, total = by_hand(presser(), reading, condition, episode)
        one = result.data.sel(edit=PUSHED, episode=episode)
        assert float(one["held"]) == sum(pushes) and float(one["episode_return"]) == total
        np.testing.assert_allclose(one["actions"], np.bincount(actions, minlength=2) / LENGTH)
        counts.add(sum(pushes))
    assert 0 < max(counts) < 9


def life(**more: Any) -> Any:
    """What a condition is asked of."""
    variables = {"health": 40.0, "position": np.array([3.0, -8.0])}
    objects = [{"class_index": 1, "distance": 90.0}, {"class_index": 1, "distance": 70.0}]
    world = SimpleNamespace(variables=lambda environment, info: variables, objects=lambda environment, info: objects)
    made = {"world": world, "environment": None, "info": {}, "decisions": 12, "since": np.array([3.0, np.inf, 0.0])}
    return SimpleNamespace(**(made | more))


WORLD = Declaration(
    "field",
    "",
    "",
    Picture(*VIEW),
    (),
    variables=(Variable("health"), Variable("position", labels=("x", "y"))),
    events=(Event("apple", 5.0), Event("rotten apple", -5.0), Event("bell")),
    words=Words("healing", "harmful"),
    object_classes=("apple", "rotten apple"),
    object_valences=(5.0, -5.0),
)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("health < 50", True),
        ("health<=40", True),
        ("health > 4e1", False),
        ("health = 40", True),
        ("health == 40", True),
        ("health != 40", False),
        ("position x >= 3 and position y < -7.5", True),
        ("position y > 0", False),
        ("step > 12", False),
        ("not step > 12", True),
        ("not not step > 12", False),
        ("after apple 0-3", True),
        ("after apple 0-2", False),
        ("after apple 4-9", False),
        ("after rotten apple 0-999", False),
        ("after healing 3-3", True),
        ("after harmful 0-999", False),
        ("after bell 0-0 and not after harmful 0-9", True),
        ("in view rotten apple", True),
        ("in view apple", False),
        ("not in view healing", True),
        ("in view harmful < 71", True),
        ("in view harmful < 70", False),
        ("in view healing < 900", False),
        ('"health" < 50 and in view "rotten apple"', True),
    ],
)
def test_conditions_mean_what_they_say(text: str, holds: bool) -> None:
    assert moments_of(text, WORLD).hold([life(), life()], np.zeros((2, 1))).tolist() == [holds, holds]


def test_conditions_on_the_memory_are_in_standard_deviations() -> None:
    states = np.random.default_rng(0).normal(2.0, 3.0, (500, 2))
    reading = reading_along(np.array([0.0, 4.0]), states)
    moments = moments_of("unit:1 > 1 and step = 12", WORLD).along(lambda word: {"unit:1": reading}[word])
    scores = (states[:, 1] - states[:, 1].mean()) / states[:, 1].std()
    found = moments.hold([life()] * 500, states)
    np.testing.assert_array_equal(found, scores > 1)
    assert 0 < found.sum() < 500


def test_what_is_in_no_number_holds_nowhere() -> None:
    world = SimpleNamespace(variables=lambda environment, info: {"health": np.nan})
    for text in ("health < 50", "health > 50"):
        assert not moments_of(text, WORLD).hold([life(world=world)], np.zeros((1, 1))).any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("helth < 50", "world 'field' has no number 'helth'; did you mean 'health'\\? choose from step, health, pos"),
        ("after rotten aple 0-9", "has no event 'rotten aple'; did you mean 'rotten apple'\\?"),
        ("in view aple", "has no kind of object 'aple'; did you mean 'apple'\\?"),
        ("in view healng < 3", "did you mean 'healing'"),
    ],
)
def test_names_that_the_world_does_not_have_are_refused_with_the_nearest(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        moments_of(text, WORLD)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a condition is empty"),
        ("health < 50 and", "a condition is empty"),
        ("health", "'health' is no condition"),
        ("health < ", "compares with no number"),
        ("health < much", "'much' is no number"),
        ("health < inf", "'inf' is no number"),
        ("health << 3", "compares with no number"),
        ("1 < health < 3", "compares with no number"),
        ("after apple", "is no condition"),
        ("after apple 9-3", "'9-3' ends before it begins"),
        ('in view "apple', "a quotation mark"),
        ("__import__('os').system('true')", "is no condition"),
    ],
)
def test_what_is_no_condition_is_refused_before_anything_is_made(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        InterventionParameters(when=text)
    assert "\n" not in str(refused.value) and "write NAME < 50" in str(refused.value)


def test_a_world_that_lists_no_objects_is_not_asked_for_them() -> None:
    with pytest.raises(UserError, match="does not list what is in view"):
        moments_of("in view apple", Declaration("bare", "", "", Picture(*VIEW), ()))


class Chosen(Moments):
    """Holds for some of those that are played."""

    def hold(self, lives: Any, activity: Any) -> Any:
        np.testing.assert_array_equal(activity, EXPECTED[0])
        return np.array([False, True, False, True])


EXPECTED: list[Any] = []


@pytest.mark.parametrize("has_edit", [True, False])
def test_those_that_are_not_pushed_decide_as_the_policy_by_itself_to_the_last_bit(has_edit: bool) -> None:
    policy, random = presser().policy, np.random.default_rng(1)
    observations = random.integers(0, 256, (4, *VIEW), dtype=np.uint8)
    states = torch.from_numpy(random.normal(size=(4, UNITS)).astype(np.float32))
    lives: Any = [SimpleNamespace(observation=observations[each], state=states[each], noted=[]) for each in range(4)]
    with torch.no_grad():
        plain = policy.step(torch.from_numpy(observations), states)
        EXPECTED[:] = [plain.state.double().numpy()]
        edit = clamp(Reading(np.eye(UNITS)[0], np.eye(UNITS)[0], np.zeros(UNITS)), 3.0) if has_edit else None
        logits = PushedAtMoments(Chosen("", ()), "cell", edit).decide(policy, lives)
    expected, entering = plain.logits.clone(), plain.state.clone()
    if has_edit:
        entering[[1, 3], 0] = 3.0
        expected[[1, 3], 1] = 9.0 * 3 - 18
    np.testing.assert_array_equal(logits[[0, 2]], plain.logits[[0, 2]])
    np.testing.assert_allclose(logits, expected, rtol=1e-6)
    np.testing.assert_allclose(torch.stack([each.state for each in lives]), entering, rtol=1e-6)
    noted = np.stack([each.noted[0] for each in lives])
    assert noted[:, HELD].tolist() == [0, 1, 0, 1]
    np.testing.assert_allclose(noted[:, DIVERGENCE], divergence(policy, plain.logits, expected), rtol=1e-5)
    change = torch.softmax(expected, 1) - torch.softmax(plain.logits, 1)
    np.testing.assert_allclose(noted[:, CHANGE:], change, atol=1e-6)


def test_without_a_condition_that_holds_play_is_that_of_the_policy() -> None:
    world, policy = lamp(), presser().policy
    never = PushedAtMoments(moments_of("step > 1000", world.declaration), "cell", add_ten())
    plain, pushed = (play_episodes(policy, world, [0, 1, 2], 5, False, each) for each in (None, never))
    for one, other in zip(plain, pushed, strict=True):
        np.testing.assert_array_equal(one["actions"], other["actions"])
        np.testing.assert_array_equal(one["events"], other["events"])
        assert not other["noted"].any() and len(other["noted"]) == LENGTH and not len(one["noted"])


def add_ten() -> StateEdit:
    return add(Reading(np.eye(UNITS)[0], np.eye(UNITS)[0], np.zeros(UNITS)), 10.0)
