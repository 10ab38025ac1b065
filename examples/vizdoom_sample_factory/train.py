"""Train Sample Factory's default network in `doom_basic`: `python train.py RUNS`; the run is in RUNS/doom_basic."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sample_factory.train import run_rl
from sf_examples.vizdoom.train_vizdoom import parse_vizdoom_cfg, register_vizdoom_components


def train(runs: str, frames: int = 240_000, *options: str) -> int:
    """Train, in this process alone; the network and its sizes are the defaults: convnet_simple, 512, and a GRU of 512.

    Args:
        runs: folder that the run's folder is made in.
        frames: of the engine, four for each decision.
        options: further ones of Sample Factory, which come last.
    """
    register_vizdoom_components()
    chosen = {
        "env": "doom_basic",
        "experiment": "doom_basic",
        "train_dir": runs,
        "train_for_env_steps": frames,
        "device": "cpu",
        "seed": 1,
        "serial_mode": True,
        "async_rl": False,
        "num_workers": 1,
        "num_envs_per_worker": 8,
        "worker_num_splits": 1,
        "batch_size": 256,
        "num_batches_per_epoch": 1,
        "learning_rate": 3e-4,
        "save_every_sec": 30,
    }
    return int(run_rl(parse_vizdoom_cfg([*(f"--{name}={value}" for name, value in chosen.items()), *options])))


def main(arguments: Sequence[str]) -> int:
    """`train.py RUNS [FRAMES [OPTIONS]]`."""
    runs, *rest = arguments
    return train(runs, *(int(each) for each in rest[:1]), *rest[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
