"""How well an agent lives: played episodes against a random policy in the same arena, with intervals over episodes."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy, inference
from retinoscope.errors import UserError
from retinoscope.progress import progress_bar
from retinoscope.rollouts.arenas import arena_of
from retinoscope.rollouts.chance import ActionSampler, world_seed
from retinoscope.worlds.doom.environment import GatheringEnvironment
from retinoscope.rollouts.spawning import nothing_to_import_again, process_pool
from retinoscope.scenarios import ArenaArchive, Scenario
from retinoscope.scenarios.specification import TICS_PER_SECOND
from retinoscope.statistics.bootstrap import Interval, bootstrap_interval, ratio_of_sums

if TYPE_CHECKING:
    from retinoscope.result import Result

_ENVIRONMENTS_PER_WORKER = 8  # larger batches are not faster: the engine takes most of the time
_EPISODES_PER_TASK = 16


def evaluate(
    agent: Agent,
    arena: ArenaArchive | Scenario | str | Path | None = None,
    *,
    episodes: int = 200,
    seed: int = 0,
    greedy: bool = False,
    workers: int | None = None,
    progress: bool = False,
) -> Result:
    """Play episodes with the agent and, from the same seeds, with a policy that acts uniformly at random.

    Args:
        agent: who plays.
        arena: where; None for the arena the agent was trained in.
        episodes: number of episodes of each policy.
        seed: of the arena and of the draws of actions; episode *k* depends on (seed, k) alone.
        greedy: take the likeliest action instead of drawing one.
        workers: processes; None for one per core.
        progress: show a progress bar on standard error.

    Returns:
        A Result whose data has dimensions (policy, episode) and (policy, episode, class): `seconds` survived,
        `health_gathered` (sum of the nominal effects of what was picked up), `episode_return`, `survived` (to the time
        limit) and `pickups`. `summarise` turns it into means with intervals. In an arena made elsewhere pick-ups are
        inferred from health (`foreign`), health is what they were seen to change, and to survive is not to
        die, however the scenario ends.

    Raises:
        UserError: fewer than two episodes, a negative seed, no workers, or the agent does not fit the arena.
    """
    if episodes < 2:
        raise UserError(f"episodes: {episodes} is too few for an interval; use at least 2")
    if seed < 0:
        raise UserError(f"seed: {seed} is negative; give 0 or more")
    chosen = arena_of(agent, arena)
    tasks = _tasks(agent.policy, chosen, episodes, seed, greedy)
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    bar = progress_bar("episodes", total=2 * episodes, visible=progress)
    with bar as advance, process_pool(workers) as pool:
        with nothing_to_import_again():
            futures = [pool.submit(play_episodes, *arguments) for _, arguments in tasks]
        names: dict[Future[list[dict[str, Any]]], str] = dict(zip(futures, (name for name, _ in tasks), strict=True))
        for future in as_completed(futures):
            for row in future.result():
                rows[names[future], row["episode"]] = row
                advance(1)
    return _to_result(rows, agent, chosen, {"episodes": episodes, "seed": seed, "greedy": greedy})


def play_episodes(
    policy: Policy | None, arena: ArenaArchive, episode_numbers: list[int], seed: int, greedy: bool
) -> list[dict[str, Any]]:
    """Play these episodes, several at a time in one batch; None plays at random. One row per episode."""
    finished: list[dict[str, Any]] = []
    waiting = iter(episode_numbers)
    side_by_side = min(_ENVIRONMENTS_PER_WORKER, len(episode_numbers))
    lives = [_Life(arena, policy, seed, greedy and policy is not None) for _ in range(side_by_side)]
    try:
        playing = [life for life in lives if life.start(next(waiting, None))]
        with inference():
            while playing:
                for life, logits in zip(list(playing), _logits(policy, playing), strict=True):
                    row = life.step(life.choose(logits))
                    if row is not None:
                        finished.append(row)
                        if not life.start(next(waiting, None)):
                            playing.remove(life)
    finally:
        for life in lives:
            life.environment.close()
    return finished


class _Life:
    """One environment and what has happened in its present episode."""

    def __init__(self, arena: ArenaArchive, policy: Policy | None, seed: int, greedy: bool) -> None:
        self.environment = GatheringEnvironment(arena, objects_in_view=False)
        self.state_size = policy.state_size if policy is not None else 0
        self.seed = seed
        sizes = tuple(map(len, arena.scenario.action_heads.values()))
        self.outputs = sum(sizes)
        self.sampler = ActionSampler(seed, sizes, greedy)

    def start(self, episode: int | None) -> bool:
        if episode is None:
            return False
        self.observation, _ = self.environment.reset(seed=world_seed(self.seed, 0, episode))
        self.state = torch.zeros(self.state_size)
        self.episode, self.decisions, self.total = episode, 0, 0.0
        self.gathered: float = 0  # whole numbers stay whole
        self.pickups = np.zeros(len(self.environment.scenario.class_names), np.int64)
        self.actions: list[np.ndarray] = []
        return True

    def choose(self, logits: np.ndarray) -> np.ndarray:
        """(output,) -> (head,), drawn with the episode's own generator: it does not depend on its companions."""
        return self.sampler.draw(logits[None], range(1), np.array([self.episode]))[0]

    def step(self, action: np.ndarray) -> dict[str, Any] | None:
        self.observation, reward, terminated, truncated, info = self.environment.step(action)
        self.decisions += 1
        self.actions.append(action)
        self.total += float(reward)
        self.pickups += info["pickups"]
        nominal = int(info["pickups"] @ np.array(self.environment.scenario.class_effects))
        self.gathered += info.get("health_gathered", nominal)
        if not (terminated or truncated):
            return None
        scenario = self.environment.scenario
        tics = min(self.decisions * scenario.frame_skip, scenario.episode_tics)
        return {
            "episode": self.episode,
            "seconds": tics / TICS_PER_SECOND,
            "survived": not info.get("died", terminated),
            "episode_return": self.total,
            "pickups": self.pickups,
            "actions": np.array(self.actions),
            "health_gathered": self.gathered,
        }


def _logits(policy: Policy | None, playing: list[_Life]) -> np.ndarray:
    """(life, output); those of a random policy are all alike. Moves the recurrent states on."""
    if policy is None:
        return np.zeros((len(playing), playing[0].outputs))
    observations = torch.from_numpy(np.stack([life.observation for life in playing]))
    step = policy.step(observations, torch.stack([life.state for life in playing]))
    for life, state in zip(playing, step.state, strict=True):
        life.state = state
    return step.logits.numpy()


def _tasks(
    policy: Policy, arena: ArenaArchive, episodes: int, seed: int, greedy: bool
) -> list[tuple[str, tuple[Policy | None, ArenaArchive, list[int], int, bool]]]:
    starts = range(0, episodes, _EPISODES_PER_TASK)
    groups = [list(range(start, min(start + _EPISODES_PER_TASK, episodes))) for start in starts]
    players: Iterable[tuple[str, Policy | None]] = (("agent", policy.to("cpu")), ("random", None))
    return [(name, (player, arena, group, seed, greedy)) for name, player in players for group in groups]


def _to_result(
    rows: dict[tuple[str, int], dict[str, Any]], agent: Agent, arena: ArenaArchive, parameters: dict[str, Any]
) -> Result:
    from retinoscope.result import Result  # the analyses import this module

    policies, episodes = ("agent", "random"), range(parameters["episodes"])

    def table(key: str) -> np.ndarray:
        return np.array([[rows[policy, episode][key] for episode in episodes] for policy in policies])

    units = {"seconds": "s", "health_gathered": "health", "episode_return": "reward", "survived": ""}
    variables: dict[str, Any] = {
        key: (("policy", "episode"), table(key), {"units": unit} if unit else {}) for key, unit in units.items()
    }
    variables["pickups"] = (("policy", "episode", "class"), table("pickups"), {"units": "1"})
    scenario = arena.scenario
    coordinates = {
        "policy": list(policies),
        "class": list(scenario.class_names),
        "effect": ("class", np.array(scenario.class_effects), {"units": "health"}),
    }
    provenance = {
        "agent": agent.name,
        "checkpoint_sha256": agent.checkpoint_sha256,
        "frames_trained": agent.frames_trained,
        "scenario": scenario.name,
        "arena_sha256": arena.sha256,
    }
    return Result("evaluation", xarray.Dataset(variables, coordinates), parameters, provenance)


def summarise(result: Result) -> dict[str, dict[str, Interval]]:
    """Means over episodes with 95% bootstrap intervals, for `agent` and `random`.

    Keys of each: `seconds`, `episode_return`, `health_gathered`, `survived`, `healing` and `harmful` (pick-ups per
    episode), `healing_per_harmful` (ratio of sums), and `pickups NAME` for each class.
    """
    data, summary = result.data, {}
    effects = data["effect"].values
    for policy in data["policy"].values:
        one = data.sel(policy=policy)
        pickups = one["pickups"].values
        healing, harmful = pickups[:, effects > 0].sum(axis=1), pickups[:, effects < 0].sum(axis=1)
        keys = ("seconds", "episode_return", "health_gathered", "survived")
        means = {key: bootstrap_interval(one[key].values) for key in keys}
        means |= {"healing": bootstrap_interval(healing), "harmful": bootstrap_interval(harmful)}
        means["healing_per_harmful"] = bootstrap_interval(np.stack([healing, harmful], axis=1), ratio_of_sums)
        for index, name in enumerate(data["class"].values):
            means[f"pickups {name}"] = bootstrap_interval(pickups[:, index])
        summary[str(policy)] = means
    return summary
