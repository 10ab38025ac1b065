"""Watching an agent play: in a window, or as a movie."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import torch

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import inference
from retinoscope.analyses.behaviour.simulation import simulation
from retinoscope.errors import UserError
from retinoscope.figures.simulation import simulation_frames
from retinoscope.page.movie import write_movie
from retinoscope.rollouts import record
from retinoscope.rollouts.chance import ActionSampler
from retinoscope.worlds.choosing import WorldLike, world_of
from retinoscope.worlds.declaration import Declaration
from retinoscope.worlds.display import has_display
from retinoscope.worlds.seeds import world_seed
from retinoscope.worlds.world import World

_WITHOUT_TIME = 10.0
"""Decisions per second in the movie of a world that has no time of its own."""


def watch(
    agent: Agent,
    world: WorldLike | None = None,
    *,
    frames: int = 1000,
    out: str | Path | None = None,
    seed: int = 0,
    greedy: bool = False,
    progress: bool = False,
) -> Path | None:
    """Watch an agent play.

    Args:
        agent: who plays.
        world: where: a world, or what `world_of` takes; None for the one the agent was trained in.
        frames: decisions to play.
        out: movie to write, `.mp4` or `.gif`, with what is recorded beside the view; None plays live in the window of
            the world, at the speed that it has there.
        seed: of the world and of the draws of actions.
        greedy: take the likeliest action instead of drawing one.
        progress: show a progress bar on standard error while a movie is made.

    Returns:
        The movie's path; None after a live play.

    Raises:
        UserError: there is no display for a window, the world has none, the movie cannot be written, or the agent does
            not fit the world.
    """
    if frames <= 0:
        raise UserError(f"frames: {frames} is not a number of decisions to play; use at least 1")
    if out is None:
        _play_live(agent, world_of(agent, world), frames, seed, greedy)
        return None
    return _write(agent, world_of(agent, world), frames, Path(out), seed, greedy, progress)


def _write(agent: Agent, world: World, frames: int, out: Path, seed: int, greedy: bool, progress: bool) -> Path:
    if out.suffix not in (".mp4", ".gif"):
        raise UserError(f"{out}: a movie ends in .mp4 or .gif; change the name")
    if not os.access(out.resolve().parent, os.W_OK):
        raise UserError(f"{out}: its folder does not exist or cannot be written; choose another")
    with tempfile.TemporaryDirectory(prefix="retinoscope-watch-") as folder:
        path = Path(folder) / "recording.zarr"
        recording = record(
            agent, world, frames=frames, out=path, seed=seed, environments=1, greedy=greedy, progress=progress
        )
        result = simulation(recording, frames=frames)
        return write_movie(out, simulation_frames(result), _rate(world.declaration)).path


def _rate(world: Declaration) -> float:
    """Decisions per second at the speed of the world."""
    return _WITHOUT_TIME if world.seconds_per_decision is None else 1 / world.seconds_per_decision


def _play_live(agent: Agent, world: World, frames: int, seed: int, greedy: bool) -> None:
    if not has_display():
        raise UserError("watch: there is no display for a window; write a movie with --out movie.mp4")
    policy = agent.policy
    environment = world.environment(objects_in_view=False, window=True)
    sampler = ActionSampler(seed, policy.action_heads, greedy)
    episode, is_over = -1, True
    try:
        with inference():
            for _ in range(frames):
                if is_over:
                    episode += 1
                    observation, _ = environment.reset(seed=world_seed(seed, 0, episode))
                    state = policy.initial_state(1)
                logits, _, state = policy.step(torch.from_numpy(observation)[None].to(policy.device), state)
                chosen = sampler.draw(logits.cpu().numpy(), range(1), np.array([episode]))[0]
                observation, _, terminated, truncated, _ = environment.step(world.action(chosen))
                is_over = terminated or truncated
    finally:
        environment.close()
