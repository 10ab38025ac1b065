"""Planted activity: recordings of which it is known what the layers compute and when things happen."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from retinoscope.rollouts import Episode

EFFECTS = {"poison": -20, "stone": 0, "fruit": 25}


class PlantedActivity:
    """What analyses of activity need of a recording, over arrays that are given; episodes are equally long."""

    def __init__(self, layers: dict[str, np.ndarray], episode_length: int, **columns: np.ndarray) -> None:
        frames = len(next(iter(layers.values())))
        self.path, self.frames = Path("planted.zarr"), frames
        row = np.arange(frames)
        self.episodes = tuple(
            Episode(number, first, min(first + episode_length, frames), False, True, 0)
            for number, first in enumerate(range(0, frames, episode_length))
        )
        self.attributes: dict[str, Any] = {
            "agent": "planted",
            "checkpoint_sha256": f"{0:064x}",
            "layers": {name: values.shape[1] for name, values in layers.items()},
            "class_names": list(EFFECTS),
            "class_effects": list(EFFECTS.values()),
            "action_heads": {"turn": ["none", "left", "right"], "move": ["none", "forward", "backward"]},
            "frame_skip": 4,
            "tics_per_second": 35,
        }
        plain: dict[str, np.ndarray] = {
            "value": np.zeros(frames),
            "health": np.full(frames, 100.0),
            "action": np.zeros((frames, 2), np.int8),
            "pickups": np.zeros((frames, len(EFFECTS)), np.uint8),
            "nearest": np.full(frames, -1),
        }
        plain.update(columns)
        self._nearest = plain.pop("nearest")
        dimensions = {"action": ("time", "head"), "pickups": ("time", "class")}
        variables: dict[str, Any] = {name: (dimensions.get(name, "time"), values) for name, values in plain.items()}
        variables |= {name: (("time", f"{name}_unit"), values.astype(np.float32)) for name, values in layers.items()}
        coordinates = {"episode": ("time", row // episode_length), "step": ("time", row % episode_length)}
        self._rows = xarray.Dataset(variables, coords=coordinates)

    def rows(self, start: int = 0, stop: int | None = None, names: Iterable[str] | None = None) -> xarray.Dataset:
        rows = self._rows.isel(time=slice(start, stop))
        return rows if names is None else rows.drop_vars(set(rows.data_vars) - set(names))

    def objects(self, start: int = 0, stop: int | None = None) -> list[list[dict[str, Any]]]:
        return [[{"class_index": int(each)}] if each >= 0 else [] for each in self._nearest[start:stop]]


def latent_activity(frames: int, dimensions: int, units: int, seed: int = 0, noise: float = 0.01) -> np.ndarray:
    """Slow latent dynamics of equal variance, mixed into many units by orthonormal directions, and a little noise."""
    random = np.random.default_rng(seed)
    latent = np.zeros((frames, dimensions))
    shock = random.normal(size=(frames, dimensions))
    for moment in range(1, frames):
        latent[moment] = 0.8 * latent[moment - 1] + 0.6 * shock[moment]
    directions, _ = np.linalg.qr(random.normal(size=(units, dimensions)))
    return 5 + latent @ directions.T + noise * random.normal(size=(frames, units))


def chain_activity(frames: int, units: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Units tuned to places along a line that is wandered over; and each unit's place in a random arrangement."""
    random = np.random.default_rng(seed)
    place = random.permutation(units)
    where = np.abs((np.cumsum(random.normal(0, 0.08, frames)) % 2) - 1)
    tuning = np.exp(-((where[:, None] - place / (units - 1)) ** 2) / (2 * 0.12**2))
    return tuning + 0.05 * random.normal(size=tuning.shape), place
