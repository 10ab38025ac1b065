"""Receptive fields of a run's retina and V1, before its training and after it, in the authors' way and in ours.

The authors': one gradient of a unit in the middle of its map, at a black picture. Ours: the mean gradient over white
noise, twice, on noise of its own each time. All fields are kept in the run's folder and measured again only if the
training has gone on.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from model import LAYERS, Network, agent_of, loaded
from safetensors import safe_open
from train import CURVE, FINAL, INITIAL, RECIPE, STATE

from retinoscope.analyses import receptive_fields
from retinoscope.attribution.gradients import gradient_sums
from retinoscope.files import replacing

BEFORE, TRAINED = "before training", "trained"
BLANK, NOISE = "black picture", "white noise"
KEPT = "fields.npz"


@dataclass(frozen=True)
class Run:
    """What is known of one network.

    Attributes:
        bottleneck, seed: which.
        curve: rows of its learning curve up to `epochs`.
        epochs: of the weights that were measured.
        fields: by state, layer and way (2, unit, height, width): two estimates, which are the same for a black picture.
    """

    bottleneck: int
    seed: int
    curve: list[dict[str, float]]
    epochs: int
    fields: dict[tuple[str, str, str], np.ndarray]


def measured(folder: Path, stimuli: int) -> Run:
    """A run as far as it has been trained."""
    recipe = json.loads((folder / RECIPE).read_text(encoding="utf-8"))
    final = folder / FINAL
    with safe_open(final if final.exists() else folder / STATE, "pt") as file:
        notes = file.metadata()
    epochs = int(notes["epochs"])
    with (folder / CURVE).open(encoding="utf-8") as file:
        curve = [{name: float(each) for name, each in row.items()} for row in csv.DictReader(file)]
    kept = _kept(folder / KEPT, epochs, stimuli)
    if kept is None:
        kept = {}
        for state, path in ((BEFORE, folder / INITIAL), (TRAINED, final if final.exists() else folder / STATE)):
            for key, each in fields_of(loaded(path), stimuli).items():
                kept[state, *key] = each
        _keep(folder / KEPT, epochs, stimuli, kept)
    return Run(recipe["bottleneck"], recipe["seed"], [row for row in curve if row["epoch"] <= epochs], epochs, kept)


def fields_of(network: Network, stimuli: int) -> dict[tuple[str, str], np.ndarray]:
    """By layer and way (2, unit, height, width), activity per pixel unit."""
    agent = agent_of(network, "lindsey2019")
    found = {}
    for layer in LAYERS.values():
        shape = agent.policy.stimulus_shape(layer)
        units = range(agent.policy.layer(layer).shape[0])
        blank = gradient_sums(agent.policy, layer, units, np.zeros((1, *shape), np.float32))[..., 0]
        halves = [
            receptive_fields(agent, layers=(layer,), max_stimuli=stimuli, seed=seed, target_reliability=0.98)
            for seed in (0, 1)
        ]
        found[layer, BLANK] = np.stack([blank, blank])
        found[layer, NOISE] = np.stack([each.data[layer].values[..., 0] for each in halves])
    return found


def _kept(path: Path, epochs: int, stimuli: int) -> dict[tuple[str, str, str], np.ndarray] | None:
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as file:
        if (int(file["epochs"]), int(file["stimuli"])) != (epochs, stimuli):
            return None
        ways = [
            (state, layer, way) for state in (BEFORE, TRAINED) for layer in LAYERS.values() for way in (BLANK, NOISE)
        ]
        return {key: file["|".join(key)].astype(np.float64) for key in ways}


def _keep(path: Path, epochs: int, stimuli: int, fields: dict[tuple[str, str, str], np.ndarray]) -> None:
    arrays = {"|".join(key): each.astype(np.float32) for key, each in fields.items()}
    with replacing(path) as beside, beside.open("wb") as file:
        np.savez_compressed(file, epochs=epochs, stimuli=stimuli, **arrays)
