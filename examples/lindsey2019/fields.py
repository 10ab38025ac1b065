"""Receptive fields of a run's retina and V1, before, during and after its training, in the authors' way and in ours.

The authors': one gradient of a unit in the middle of its map, at a black picture. Ours: the mean gradient over white
noise, twice, on noise of its own each time. All fields are kept in the run's folder and measured again only if the
training has gone on. Beside those of before and after, the selectivity for gratings, which asks the whole way to a
unit and no field.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from model import LAYERS, Network, agent_of, loaded
from safetensors import safe_open
from train import CURVE, FINAL, INITIAL, RECIPE, STATE

from retinoscope.analyses import receptive_fields, tuning_to_gratings
from retinoscope.attribution.gradients import gradient_sums
from retinoscope.files import replacing

BEFORE, TRAINED = "before training", "trained"
BLANK, NOISE = "black picture", "white noise"
KEPT = "fields.npz"
ON_THE_WAY = (1, 2, 4, 8, 16)  # epochs after which fields are measured too, to see whether they still change


@dataclass(frozen=True)
class Run:
    """What is known of one network.

    Attributes:
        bottleneck, seed: which.
        curve: rows of its learning curve up to `epochs`.
        epochs: of the weights that were measured.
        fields: by state, layer and way (2, unit, height, width): two estimates, which are the same for a black picture.
            Of the states on the way, those over white noise alone.
        selectivity: by state and layer (unit,), 1 less the circular variance of the answers to gratings; of the states
            on the way there is none.
    """

    bottleneck: int
    seed: int
    curve: list[dict[str, float]]
    epochs: int
    fields: dict[tuple[str, str, str], np.ndarray]
    selectivity: dict[tuple[str, str], np.ndarray]

    def states(self) -> dict[str, int]:
        """Epochs behind each state in which fields were measured, in their order."""
        there = {state for state, _, _ in self.fields}
        found = {BEFORE: 0} | {on_the_way(epochs): epochs for epochs in ON_THE_WAY} | {TRAINED: self.epochs}
        return {state: epochs for state, epochs in found.items() if state in there}


def on_the_way(epochs: int) -> str:
    """The state after so many epochs, while the training goes on."""
    return f"after epoch {epochs}"


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
    missing = [(state, path) for state, path in _weights(folder, epochs) if not any(state in key for key in kept)]
    for state, path in missing:
        network = loaded(path)
        whole = state in (BEFORE, TRAINED)
        fields = fields_of(network, stimuli)
        kept |= {(state, *key): each for key, each in fields.items() if whole or key[1] == NOISE}
        if whole:
            kept |= {(state, layer): each for layer, each in selectivity_of(network).items()}
    if missing:
        _keep(folder / KEPT, epochs, stimuli, kept)
    fields = {key: each for key, each in kept.items() if len(key) == 3}
    selectivity = {key: each for key, each in kept.items() if len(key) == 2}
    behind = [row for row in curve if row["epoch"] <= epochs]
    return Run(recipe["bottleneck"], recipe["seed"], behind, epochs, fields, selectivity)


def _weights(folder: Path, epochs: int) -> Iterator[tuple[str, Path]]:
    """Each state with the file of its weights."""
    yield BEFORE, folder / INITIAL
    for each in ON_THE_WAY:
        if each < epochs:
            yield on_the_way(each), folder / f"epoch_{each:02}.safetensors"
    final = folder / FINAL
    yield TRAINED, final if final.exists() else folder / STATE


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


def selectivity_of(network: Network) -> dict[str, np.ndarray]:
    """By layer (unit,), for the orientation of gratings at mid-grey; NaN of a unit that no grating moves."""
    layers = tuple(LAYERS.values())
    found = tuning_to_gratings(
        agent_of(network, "lindsey2019"), layers=layers, orientations=12, frequencies=8, untrained=0
    ).data
    answers = found["orientation_selectivity"].sel(network="trained")
    return {layer: answers.values[found["unit_layer"].values == layer] for layer in layers}


def _kept(path: Path, epochs: int, stimuli: int) -> dict[tuple[str, ...], np.ndarray]:
    """What was measured before, and is still so: the last state changes as the training goes on."""
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as file:
        if int(file["stimuli"]) != stimuli:
            return {}
        keys = [tuple(name.split("|")) for name in file.files if "|" in name]
        same = [key for key in keys if key[0] != TRAINED or int(file["epochs"]) == epochs]
        return {key: file["|".join(key)].astype(np.float64) for key in same}


def _keep(path: Path, epochs: int, stimuli: int, fields: dict[tuple[str, ...], np.ndarray]) -> None:
    arrays = {"|".join(key): each.astype(np.float32) for key, each in fields.items()}
    with replacing(path) as beside, beside.open("wb") as file:
        np.savez_compressed(file, epochs=epochs, stimuli=stimuli, **arrays)
