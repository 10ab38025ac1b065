"""How well an agent lives: played episodes against a random policy in the same world, with intervals over episodes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy, inference
from retinoscope.agents.random_agent import random_heads
from retinoscope.errors import UserError
from retinoscope.progress import progress_bar
from retinoscope.rollouts.chance import ActionSampler
from retinoscope.scale.work import computing_on, each_of
from retinoscope.statistics.bootstrap import Interval, bootstrap_interval, ratio_of_sums
from retinoscope.worlds.choosing import WorldLike, world_of
from retinoscope.worlds.seeds import world_seed
from retinoscope.worlds.world import World

if TYPE_CHECKING:
    from retinoscope.result import Result

_ENVIRONMENTS_PER_WORKER = 8  # larger batches are not faster: the world takes most of the time
_EPISODES_PER_TASK = 16


def evaluate(
    agent: Agent,
    world: WorldLike | None = None,
    *,
    episodes: int = 200,
    seed: int = 0,
    greedy: bool = False,
    workers: int | None = None,
    cluster: str | None = None,
    progress: bool = False,
) -> Result:
    """Play episodes with the agent and, from the same seeds, with a policy that acts uniformly at random.

    Args:
        agent: who plays.
        world: where: a world, an arena, or the name of one (`worlds.find_world`); None for that of the agent.
        episodes: number of episodes of each policy.
        seed: of the world and of the draws of actions; episode *k* depends on (seed, k) alone.
        greedy: take the likeliest action instead of drawing one.
        workers: processes; None for one per core, 1 for this one alone.
        cluster: where the episodes are played, see `scale.cluster.connected`; None for this machine.
        progress: show a progress bar on standard error.

    Returns:
        A Result whose data has dimensions (policy, episode) and (policy, episode, event): `duration` (in units of the
        world's clock), `gathered` (sum of the valences of what happened; absent where no event has any),
        `episode_return`, `is_terminated` (not by the time limit), `survived` (where the world has a word for that) and
        `events`. `summarise` turns it into means with intervals.

    Raises:
        UserError: fewer than two episodes, a negative seed, no workers, or the agent does not fit the world.
    """
    if episodes < 2:
        raise UserError(f"episodes: {episodes} is too few for an interval; use at least 2")
    if seed < 0:
        raise UserError(f"seed: {seed} is negative; give 0 or more")
    chosen = world_of(agent, world)
    chosen.require_playable()
    tasks = _tasks(agent.policy, chosen, episodes, seed, greedy)
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    bar = progress_bar("episodes", total=2 * episodes, visible=progress)
    with bar as advance, computing_on(None if cluster is None else workers, cluster):
        played = each_of([(play_episodes, arguments) for _, arguments in tasks], workers)
        for (name, _), finished in zip(tasks, played, strict=True):
            for row in finished:
                rows[name, row["episode"]] = row
                advance(1)
    return _to_result(rows, agent, chosen, {"episodes": episodes, "seed": seed, "greedy": greedy})


class Decider(Protocol):
    """Decides otherwise than the policy by itself would.

    Attributes:
        needs_objects: the world has to say what is in view.
    """

    @property
    def needs_objects(self) -> bool: ...

    def decide(self, policy: Policy, playing: list[Life]) -> np.ndarray:
        """(life, output) logits; moves the recurrent states on, and may add to `noted` of each life."""
        ...


def play_episodes(
    policy: Policy | None,
    world: World,
    episode_numbers: list[int],
    seed: int,
    greedy: bool,
    decider: Decider | None = None,
) -> list[dict[str, Any]]:
    """Play these episodes, several at a time in one batch; None plays at random. One row per episode."""
    finished: list[dict[str, Any]] = []
    waiting = iter(episode_numbers)
    side_by_side = min(_ENVIRONMENTS_PER_WORKER, len(episode_numbers))
    objects = decider is not None and decider.needs_objects
    lives = [Life(world, policy, seed, greedy and policy is not None, objects) for _ in range(side_by_side)]
    try:
        playing = [life for life in lives if life.start(next(waiting, None))]
        with inference():
            while playing:
                for life, logits in zip(list(playing), _logits(policy, playing, decider), strict=True):
                    row = life.step(life.choose(logits))
                    if row is not None:
                        finished.append(row)
                        if not life.start(next(waiting, None)):
                            playing.remove(life)
    finally:
        for life in lives:
            life.environment.close()
    return finished


class Life:
    """One environment and what has happened in its present episode.

    Attributes:
        world, environment: that is played.
        observation, info: what the environment gave for the decision that is next.
        state: of the policy, that enters it.
        decisions: made so far in the episode.
        since: (event,) decisions since each last happened, 0 if it just did; infinite if it did not.
        noted: of every decision, by who decides.
    """

    def __init__(
        self, world: World, policy: Policy | None, seed: int, greedy: bool, objects_in_view: bool = False
    ) -> None:
        self.world = world
        self.environment = world.environment(objects_in_view=objects_in_view)
        self.policy = policy
        self.seed = seed
        heads = random_heads(world.declaration) if policy is None else policy.action_heads
        self.outputs = sum(len(head.outputs) for head in heads)
        self.sampler = ActionSampler(seed, heads, greedy)

    def start(self, episode: int | None) -> bool:
        if episode is None:
            return False
        self.observation, self.info = self.environment.reset(seed=world_seed(self.seed, 0, episode))
        self.state = torch.zeros(0) if self.policy is None else self.policy.initial_state(1)[0]
        self.episode, self.decisions, self.total = episode, 0, 0.0
        self.gathered = 0.0
        self.events = np.zeros(len(self.world.declaration.events), np.int64)
        self.since = np.full(len(self.events), np.inf)
        self.actions: list[np.ndarray] = []
        self.noted: list[np.ndarray] = []
        return True

    def choose(self, logits: np.ndarray) -> np.ndarray:
        """(output,) -> (head,), drawn with the episode's own generator: it does not depend on its companions."""
        return self.sampler.draw(logits[None], range(1), np.array([self.episode]))[0]

    def step(self, action: np.ndarray) -> dict[str, Any] | None:
        world = self.world
        taken = self.environment.step(world.action(action))
        self.observation, reward, terminated, truncated, info = taken
        self.info = info
        self.decisions += 1
        self.actions.append(action)
        self.total += float(reward)
        counts = world.events(self.environment, info, float(reward))
        self.events += counts
        self.since = np.where(counts > 0, 0.0, self.since + 1)
        self.gathered += world.gathered(info, counts)
        if not (terminated or truncated):
            return None
        return {
            "episode": self.episode,
            "decisions": self.decisions,
            "duration": world.duration(self.decisions),
            "is_terminated": terminated,
            "survived": world.survived(info, terminated),
            "episode_return": self.total,
            "events": self.events,
            "actions": np.array(self.actions),
            "gathered": self.gathered,
            "noted": np.array(self.noted),
        }


def _logits(policy: Policy | None, playing: list[Life], decider: Decider | None) -> np.ndarray:
    """(life, output); those of a random policy are all alike. Moves the recurrent states on."""
    if policy is None:
        return np.zeros((len(playing), playing[0].outputs))
    if decider is not None:
        return decider.decide(policy, playing)
    observations = torch.from_numpy(np.stack([life.observation for life in playing]))
    step = policy.step(observations, torch.stack([life.state for life in playing]))
    for life, state in zip(playing, step.state, strict=True):
        life.state = state
    return step.logits.numpy()


def _tasks(
    policy: Policy, world: World, episodes: int, seed: int, greedy: bool
) -> list[tuple[str, tuple[Policy | None, World, list[int], int, bool]]]:
    starts = range(0, episodes, _EPISODES_PER_TASK)
    groups = [list(range(start, min(start + _EPISODES_PER_TASK, episodes))) for start in starts]
    players: Iterable[tuple[str, Policy | None]] = (("agent", policy.to("cpu")), ("random", None))
    return [(name, (player, world, group, seed, greedy)) for name, player in players for group in groups]


def _to_result(
    rows: dict[tuple[str, int], dict[str, Any]], agent: Agent, world: World, parameters: dict[str, Any]
) -> Result:
    from retinoscope.result import Result, provenance  # the analyses import this module

    policies, episodes = ("agent", "random"), range(parameters["episodes"])
    declared = world.declaration

    def table(key: str) -> np.ndarray:
        return np.array([[rows[policy, episode][key] for episode in episodes] for policy in policies])

    units = {"duration": declared.clock.units, "episode_return": "reward", "is_terminated": ""}
    if declared.words.survived:
        units["survived"] = ""
    if declared.valences.any():
        units["gathered"] = next((each.units for each in declared.events if each.units), "1")
    variables: dict[str, Any] = {
        key: (("policy", "episode"), table(key), {"units": unit} if unit else {}) for key, unit in units.items()
    }
    variables["events"] = (("policy", "episode", "event"), table("events"), {"units": "1"})
    coordinates = {
        "policy": list(policies),
        "event": [each.name for each in declared.events],
        "valence": ("event", declared.valences, {"units": units.get("gathered", "")}),
    }
    data = xarray.Dataset(variables, coordinates, {"words": json.dumps(dataclasses.asdict(declared.words))})
    return Result("evaluation", data, parameters, provenance(agent=agent, world=world))


def summarise(result: Result) -> dict[str, dict[str, Interval]]:
    """Means over episodes with 95% bootstrap intervals, for `agent` and `random`.

    Keys of each: `duration`, `episode_return`, `gathered` and `survived` where the world has them; by the world's words
    for good and bad events (`rewarded`, `punished`), how many there were per episode and `rewarded_per_punished`, the
    ratio of sums, where there are any; and `events NAME` for each kind of event.
    """
    data, summary = result.data, {}
    valences = data["valence"].values
    words = json.loads(data.attrs["words"])
    for policy in data["policy"].values:
        one = data.sel(policy=policy)
        events = one["events"].values
        keys = ("duration", "episode_return", "gathered", "survived")
        means = {key: bootstrap_interval(one[key].values) for key in keys if key in one}
        good, bad = events[:, valences > 0].sum(axis=1), events[:, valences < 0].sum(axis=1)
        if (valences > 0).any():
            means[words["positive"]] = bootstrap_interval(good)
        if (valences < 0).any():
            means[words["negative"]] = bootstrap_interval(bad)
        if (valences > 0).any() and (valences < 0).any():
            ratio = bootstrap_interval(np.stack([good, bad], axis=1), ratio_of_sums)
            means[f"{words['positive']}_per_{words['negative']}"] = ratio
        for index, name in enumerate(data["event"].values):
            means[f"events {name}"] = bootstrap_interval(events[:, index])
        summary[str(policy)] = means
    return summary
