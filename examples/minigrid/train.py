"""Train the agent of this folder with Stable-Baselines3: `python train.py doorkey.zip`, some minutes on one core."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from agent import make_environment
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor


class LearningCurve(BaseCallback):
    """Writes the mean return and length of the last 100 episodes after every rollout."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def _on_training_start(self) -> None:
        self._path.write_text("frames,return,length\n", encoding="utf-8")

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        ended = list(self.model.ep_info_buffer or ())
        if ended:
            means = (np.mean([episode[name] for episode in ended]) for name in ("r", "l"))
            with self._path.open("a", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerow([self.num_timesteps, *(f"{mean:.3f}" for mean in means)])


def train(path: Path, frames: int = 200_000, seed: int = 0) -> None:
    """Train and save, with the learning curve beside it.

    Args:
        path: of the model, `.zip`.
        frames: steps of the environment.
        seed: of the worlds, the weights and the actions.
    """
    torch.set_num_threads(1)
    model = PPO(
        "CnnPolicy",  # the library's NatureCNN, with 64 features instead of 512
        VecMonitor(DummyVecEnv([make_environment] * 8)),
        learning_rate=5e-4,
        n_steps=128,
        batch_size=256,
        n_epochs=4,
        ent_coef=0.01,
        policy_kwargs={"features_extractor_kwargs": {"features_dim": 64}},
        seed=seed,
        device="cpu",
    )
    model.learn(frames, callback=LearningCurve(path.with_suffix(".csv")))
    model.policy.optimizer.state.clear()  # two thirds of the file, and of use only to go on with the training
    model.save(path)


def main(arguments: Sequence[str]) -> None:
    """`train.py PATH [FRAMES [SEED]]`."""
    path, *numbers = arguments
    train(Path(path), *map(int, numbers))


if __name__ == "__main__":
    main(sys.argv[1:])
