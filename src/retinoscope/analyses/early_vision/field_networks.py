"""The fields whose structure is judged: two independent estimates of those of an agent and of untrained networks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retinoscope.agents.policy import Policy
from retinoscope.analyses.early_vision.receptive_field_measuring import how_many, operations_of
from retinoscope.analyses.early_vision.receptive_field_parameters import ReceptiveFieldParameters
from retinoscope.analyses.early_vision.receptive_fields import fields_within_budget
from retinoscope.result import Result

Array = NDArray[np.float64]

DRAWS, FEWEST_DRAWS = 20, 2
"""Untrained networks that are measured; of a large one fewer, but these."""

SMALLEST_SIDE = 3
"""Pixels: a field of fewer has no shape."""


@dataclasses.dataclass(frozen=True)
class Patch:
    """The fields of one layer that are judged.

    Attributes:
        layer: its name.
        units: numbers of its units, evenly chosen where there are too many.
        rows, columns: the part of the stimuli in which the fields lie.
        binned: pixels along the side of the squares that are averaged; 1 where none are.
    """

    layer: str
    units: tuple[int, ...]
    rows: slice
    columns: slice
    binned: int

    def cut(self, fields: Array) -> Array:
        """(unit, height, width, colour) of fields as they were measured; rows that fill no square are left out."""
        part = fields[:, self.rows, self.columns]
        count, height, width, colours = part.shape
        size = self.binned
        part = part[:, : height // size * size, : width // size * size]
        return np.asarray(part.reshape(count, height // size, size, width // size, size, colours).mean(axis=(2, 4)))


def patches_of(measured: Result, most_units: int, largest_side: int) -> list[Patch]:
    """The layers of receptive fields that lie in rows and columns, with what is judged of each of them."""
    found = []
    for layer in measured.parameters["layers"]:
        fields = measured.data[layer]
        if "field_height" not in fields.attrs:  # no map
            continue
        _, height, width, _ = fields.shape
        top, bottom = fields.attrs.get("drawn_top", 0), fields.attrs.get("drawn_bottom", height)
        left, right = fields.attrs.get("drawn_left", 0), fields.attrs.get("drawn_right", width)
        if min(bottom - top, right - left) < SMALLEST_SIDE:
            continue
        units = measured.data[f"{layer}_unit"].values
        chosen = np.unique(np.linspace(0, len(units) - 1, min(most_units, len(units))).round().astype(int))
        longest, shortest = max(bottom - top, right - left), min(bottom - top, right - left)
        binned = min(-(-longest // largest_side), shortest // SMALLEST_SIDE)
        rows, columns = slice(int(top), int(bottom)), slice(int(left), int(right))
        found.append(Patch(layer, tuple(int(each) for each in units[chosen]), rows, columns, binned))
    return found


def halves_of(
    policy: Policy, patches: Iterable[Patch], measured: Result, stimuli: int, first: Result | None = None
) -> Mapping[str, Array]:
    """Two estimates of the same fields, from stimuli of different seeds: (2, unit, height, width, colour) by layer.

    Args:
        policy: whose.
        patches: of which layers and units.
        measured: receptive fields whose settings are used again.
        stimuli: of either half, at most.
        first: the first half, if it was measured already.
    """
    of_layers = list(patches)
    seed = int(measured.parameters["seed"])
    results = [_measured(policy, of_layers, measured, stimuli, seed) if first is None else first]
    results.append(_measured(policy, of_layers, measured, stimuli, seed + 1))
    found = {}
    for patch in of_layers:
        fields = []
        for each in results:
            units = each.data[f"{patch.layer}_unit"].values.tolist()
            places = [units.index(unit) for unit in patch.units]
            fields.append(patch.cut(each.data[patch.layer].values[places]))
        found[patch.layer] = np.stack(fields)
    return found


def affordable_draws(policy: Policy, patches: Iterable[Patch], measured: Result, stimuli: int) -> int:
    """How many untrained networks are measured unless a number is chosen: fewer the larger the network is.

    Args:
        policy: the trained one. What its fields have cost is what others are taken to cost, two halves of each.
        patches: of which layers and units.
        measured: its receptive fields.
        stimuli: of either half, at most.
    """
    units = {patch.layer: patch.units for patch in patches}
    return how_many(2 * operations_of(policy, measured, units, stimuli), DRAWS, FEWEST_DRAWS)


def _measured(policy: Policy, patches: list[Patch], like: Result, stimuli: int, seed: int) -> Result:
    names = [field.name for field in dataclasses.fields(ReceptiveFieldParameters)]
    said: dict[str, Any] = {name: like.parameters[name] for name in names if name in like.parameters}
    said |= {
        "layers": tuple(patch.layer for patch in patches),
        "units": {patch.layer: patch.units for patch in patches},
        "max_stimuli": min(stimuli, int(said["max_stimuli"])),
        "seed": seed,
    }
    return fields_within_budget(policy, parameters=ReceptiveFieldParameters(**said))
