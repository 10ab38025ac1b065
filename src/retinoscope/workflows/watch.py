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
from retinoscope.rollouts.arenas import arena_of
from retinoscope.rollouts.chance import ActionSampler, world_seed
from retinoscope.scenarios import ArenaArchive, Scenario


def watch(
    agent: Agent,
    arena: ArenaArchive | Scenario | str | Path | None = None,
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
        arena: where; None for the arena the agent was trained in.
        frames: decisions to play.
        out: movie to write, `.mp4` or `.gif`, with health, value and actions beside the view; None plays live in the
            engine's window at the speed of the game.
        seed: of the arena and of the draws of actions.
        greedy: take the likeliest action instead of drawing one.
        progress: show a progress bar on standard error while a movie is made.

    Returns:
        The movie's path; None after a live play.

    Raises:
        UserError: there is no display for a window, the movie cannot be written, or the agent does not fit the arena.
    """
    if frames <= 0:
        raise UserError(f"frames: {frames} is not a number of decisions to play; use at least 1")
    if out is None:
        _play_live(agent, arena_of(agent, arena), frames, seed, greedy)
        return None
    return _write(agent, arena, frames, Path(out), seed, greedy, progress)


def _write(
    agent: Agent,
    arena: ArenaArchive | Scenario | str | Path | None,
    frames: int,
    out: Path,
    seed: int,
    greedy: bool,
    progress: bool,
) -> Path:
    if out.suffix not in (".mp4", ".gif"):
        raise UserError(f"{out}: a movie ends in .mp4 or .gif; change the name")
    if not os.access(out.resolve().parent, os.W_OK):
        raise UserError(f"{out}: its folder does not exist or cannot be written; choose another")
    with tempfile.TemporaryDirectory(prefix="retinoscope-watch-") as folder:
        path = Path(folder) / "recording.zarr"
        recording = record(
            agent, arena, frames=frames, out=path, seed=seed, environments=1, greedy=greedy, progress=progress
        )
        result = simulation(recording, frames=frames)
        attributes = recording.attributes
        rate = attributes["tics_per_second"] / attributes["frame_skip"]
        return write_movie(out, simulation_frames(result), rate).path


def _play_live(agent: Agent, arena: ArenaArchive, frames: int, seed: int, greedy: bool) -> None:
    from retinoscope.rollouts.environment import GatheringEnvironment

    if "human" not in GatheringEnvironment.metadata["render_modes"]:
        raise UserError("watch: there is no display for a window; write a movie with --out movie.mp4")
    policy = agent.policy
    environment = GatheringEnvironment(arena, objects_in_view=False, render_mode="human")
    sampler = ActionSampler(seed, tuple(len(head.outputs) for head in policy.action_heads), greedy)
    episode, is_over = -1, True
    try:
        with inference():
            for _ in range(frames):
                if is_over:
                    episode += 1
                    observation, _ = environment.reset(seed=world_seed(seed, 0, episode))
                    state = policy.initial_state(1)
                logits, _, state = policy.step(torch.from_numpy(observation)[None].to(policy.device), state)
                action = sampler.draw(logits.cpu().numpy(), range(1), np.array([episode]))[0]
                observation, _, terminated, truncated, _ = environment.step(action)
                is_over = terminated or truncated
    finally:
        environment.close()
