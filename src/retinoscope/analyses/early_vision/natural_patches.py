"""What the units of a layer saw during behaviour: at which places of the picture, how finely, and in which folds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retinoscope.agents.policy import Layer, Policy
from retinoscope.statistics.linear_fields import FEWEST_FOLDS

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording


@dataclass(frozen=True)
class Patches:
    """Where the units of a layer look, for those that are asked.

    Attributes:
        units: (place, 2) row and column in the map of each; one place without meaning where the layer is no map.
        tops, lefts: (place,) first row and column of pixels of what each sees.
        shape: (height, width, channel) pixels of it.
        block: pixels in each direction that are averaged to one input.
        grey: what is taken from every pixel, so that inputs are near zero.
    """

    units: NDArray[np.int64]
    tops: NDArray[np.int64]
    lefts: NDArray[np.int64]
    shape: tuple[int, int, int]
    block: int
    grey: float

    @classmethod
    def of(cls, policy: Policy, layer: Layer, positions: int, most_inputs: int) -> Patches:
        """Evenly spaced over the units of a map whose field is whole, at most so many; else whole pictures.

        Where fields do not fit into the picture, or units of a map are not evenly spaced, the one in the middle is
        asked alone.
        """
        shape = policy.stimulus_shape(layer.name)
        block = 1
        while np.prod(_blocks(shape, block)) > most_inputs and block < max(shape[:2]):
            block += 1
        nothing = np.zeros((1, 2), np.int64)
        units, starts = nothing, nothing
        if layer.is_map:
            units = np.array([policy.middle_unit(layer.name)])
            if shape != policy.observation_shape:
                field, (_, rows, columns) = policy.receptive_field(layer.name), layer.shape
                if field.row_stride and field.column_stride:
                    row, column = units[0]
                    whole = (
                        [each for each in range(rows) if field.is_whole(each, column)],
                        [each for each in range(columns) if field.is_whole(row, each)],
                    )
                    units = _spread(*whole, positions)
                starts = np.array([field.starts(*each) for each in units.tolist()])
        return cls(units, starts[:, 0], starts[:, 1], shape, block, policy.grey_level)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(height, width, channel) of the inputs."""
        return _blocks(self.shape, self.block)

    def cut(self, observations: NDArray) -> NDArray[np.float64]:
        """(time, height, width, channel) pixels -> (time, place, input)."""
        height, width, _ = self.shape
        seen = [
            self.averaged(observations[:, top : top + height, left : left + width]).reshape(len(observations), -1)
            for top, left in zip(self.tops, self.lefts, strict=True)
        ]
        return np.stack(seen, axis=1) - self.grey

    def averaged(self, pictures: NDArray) -> NDArray[np.float64]:
        """(..., height, width, channel) -> the means of blocks; the last ones of a row may hold fewer pixels."""
        return self.summed(pictures) / self.summed(np.ones(self.shape))

    def summed(self, pictures: NDArray) -> NDArray[np.float64]:
        """(..., height, width, channel) -> the sums of blocks."""
        values = pictures.astype(np.float64)
        for axis in (-3, -2):
            values = np.add.reduceat(values, np.arange(0, values.shape[axis], self.block), axis=axis)
        return values

    def answers(self, activity: NDArray[np.float32]) -> NDArray[np.float32]:
        """(time, *layer.shape) -> (time, place, unit)."""
        if activity.ndim == 2:
            return activity[:, None]
        return np.moveaxis(activity[:, :, self.units[:, 0], self.units[:, 1]], 1, 2)


def _blocks(shape: tuple[int, ...], block: int) -> tuple[int, int, int]:
    return -(-shape[0] // block), -(-shape[1] // block), shape[2]


def _spread(rows: list[int], columns: list[int], most: int) -> NDArray[np.int64]:
    """At most so many units, (place, 2), in evenly spaced rows and columns of those there are."""
    down = max(1, min(len(rows), int(most**0.5)))
    across = max(1, min(len(columns), most // down))
    chosen = [
        np.array(each)[np.linspace(0, len(each) - 1, count + 2).round().astype(int)[1:-1]]
        for each, count in ((rows, down), (columns, across))
    ]
    found = np.stack(np.meshgrid(*(np.unique(each) for each in chosen), indexing="ij"), axis=-1)
    return np.asarray(found.reshape(-1, 2))


def chosen_rows(recording: Recording, most: int) -> NDArray[np.int64]:
    """Rows of a recording, evenly spaced, at most so many."""
    return np.unique(np.linspace(0, recording.frames - 1, min(most, recording.frames)).round().astype(np.int64))


def folds_of(recording: Recording, rows: NDArray[np.int64], folds: int) -> tuple[NDArray[np.int64], str]:
    """(row,) the fold of each row, and in words what folds are: whole episodes, or stretches if these are too few."""
    starts = np.array([each.start for each in recording.episodes] or [0])
    episodes, counts = np.unique(np.searchsorted(starts, rows, side="right") - 1, return_counts=True)
    if len(episodes) < FEWEST_FOLDS:
        return np.arange(len(rows)) * folds // len(rows), f"{folds} stretches of consecutive decisions"
    number = min(folds, len(episodes))
    filled, fold_of_episode = np.zeros(number, np.int64), {}
    for each in np.argsort(-counts, kind="stable"):
        fold = int(np.argmin(filled))
        fold_of_episode[int(episodes[each])] = fold
        filled[fold] += counts[each]
    found = np.array([fold_of_episode[int(each)] for each in np.searchsorted(starts, rows, side="right") - 1])
    return found, f"{number} groups of whole episodes"
