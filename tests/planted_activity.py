"""Planted activity: recordings of which it is known what the layers compute and when things happen."""

from __future__ import annotations

import numpy as np

from retinoscope.rollouts import ArrayRecording
from retinoscope.worlds.declaration import Actions, Declaration, Endings, Event, Picture, Variable
from retinoscope.worlds.doom.world import WORDS

EFFECTS = {"poison": -20, "stone": 0, "fruit": 25}
HEADS = {"turn": ["none", "left", "right"], "move": ["none", "forward", "backward"]}
ROLES = {"fc": "encoder output", "rnn": "memory"}
WORLD = Declaration(
    "planted",
    "cd" * 32,
    "planted",
    Picture(0, 0, 3),
    tuple(Actions(name, tuple(outputs)) for name, outputs in HEADS.items()),
    seconds_per_decision=4 / 35,
    variables=(Variable("health", "points"),),
    events=tuple(Event(name, effect, "points of health") for name, effect in EFFECTS.items()),
    words=WORDS,
    endings=Endings("the agent died"),
    object_classes=tuple(EFFECTS),
    object_valences=tuple(EFFECTS.values()),
    distance_units="map units",
)


class PlantedActivity(ArrayRecording):
    """Activity that is given, in episodes of equal length, with nothing happening but what `columns` say."""

    def __init__(self, layers: dict[str, np.ndarray], episode_length: int, **columns: np.ndarray) -> None:
        frames = len(next(iter(layers.values())))
        plain: dict[str, np.ndarray] = {
            "value": np.zeros(frames),
            "health": np.full(frames, 100.0),
            "action": np.zeros((frames, 2), np.int8),
            "events": np.zeros((frames, len(EFFECTS)), np.uint8),
            "nearest": np.full(frames, -1),
        }
        plain.update(columns)
        nearest = plain.pop("nearest")
        super().__init__(
            plain | {name: values.astype(np.float32) for name, values in layers.items()},
            layers=layers,
            roles={name: role for name, role in ROLES.items() if name in layers},
            world=WORLD,
            episode_lengths=[min(episode_length, frames - first) for first in range(0, frames, episode_length)],
            objects=[[{"class_index": int(each)}] if each >= 0 else [] for each in nearest],
            attributes={
                "agent": "planted",
                "checkpoint_sha256": f"{0:064x}",
                "action_heads": HEADS,
                "state_columns": {"rnn": [0, layers["rnn"].shape[1]]} if "rnn" in layers else {},
            },
            name="planted.zarr",
        )


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
