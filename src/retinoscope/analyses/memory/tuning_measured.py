"""The numbers of `tuning`: every unit of some networks against every variable."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retinoscope.analyses.memory.along_frames import Span
from retinoscope.analyses.memory.world_variables import WorldVariable
from retinoscope.progress import progress_bar
from retinoscope.statistics.nested_models import NestedModels
from retinoscope.statistics.tuning import Array, Bins, tuning
from retinoscope.statistics.tuning_fields import fields_of, mean_vector, smoothed

if TYPE_CHECKING:
    from retinoscope.analyses.memory.tuning import TuningParameters

FOLDS = 5
_PIECES = 2 * FOLDS  # of the recording, at least
_BLOCK = 4096
_OF_UNIT = (
    "between",
    "between_chance",
    "p",
    "information",
    "information_chance",
    "stability",
    "fields",
    "vector_length",
    "direction",
    "alone",
    "beyond_view",
)


@dataclass(frozen=True)
class Pieces:
    """How rows are dealt out: rows follow each other episode by episode.

    Attributes:
        episodes: first row of each and the row behind its last.
        fold: (row,) from 0.
        half: (row,) 0 or 1.
        are_episodes: else parts of episodes, of which there are too few.
    """

    episodes: tuple[Span, ...]
    fold: NDArray[np.int64]
    half: NDArray[np.int64]
    are_episodes: bool

    @classmethod
    def of(cls, lengths: Sequence[int]) -> Pieces:
        """Of episodes of these lengths: whole ones if there are enough, else parts of them."""
        ends = np.cumsum([0, *lengths]).tolist()
        episodes = tuple(itertools.pairwise(ends))
        parts = 1 if len(lengths) >= _PIECES else -(-_PIECES // len(lengths))
        number = np.concatenate(
            [parts * index + np.arange(length) * parts // max(length, 1) for index, length in enumerate(lengths)]
        ).astype(np.int64)
        return cls(episodes, number % FOLDS, number // FOLDS % 2 if parts > 1 else number % 2, parts == 1)


@dataclass
class Measured:
    """What was found.

    Attributes:
        rates: (network, unit, bin) of each variable, float32.
        occupancy: (bin,) of each variable.
        numbers: (network, variable, unit) by name; NaN where there is none.
        view: (network, unit) share explained by what is in view.
        centre, width: (network, variable, unit, axis).
    """

    rates: list[NDArray[np.float32]]
    occupancy: list[NDArray[np.int64]]
    numbers: dict[str, Array]
    view: Array
    centre: Array
    width: Array
    notes: list[str] = field(default_factory=list)


def measured(
    networks: Sequence[Mapping[str, NDArray[np.floating]]],
    sizes: Mapping[str, int],
    variables: Sequence[tuple[WorldVariable, Bins]],
    view: NDArray[np.floating] | None,
    pieces: Pieces,
    chosen: TuningParameters,
    progress: bool = False,
) -> Measured:
    """Tuning of every unit of every network.

    Args:
        networks: (row, unit) of each layer, by name; a network may lack some.
        sizes: units of every layer, in order.
        variables: with their bins.
        view: (row, feature) what is in view; None where that is not known.
        pieces: of the rows.
        chosen: the parameters.
        progress: show a progress bar.
    """
    units, shape = sum(sizes.values()), (len(networks), len(variables), sum(sizes.values()))
    found = Measured(
        [np.full((len(networks), units, bins.count), np.nan, np.float32) for _, bins in variables],
        [np.zeros(bins.count, np.int64) for _, bins in variables],
        {name: np.full(shape, np.nan) for name in _OF_UNIT},
        np.full((len(networks), units), np.nan),
        np.full((*shape, 2), np.nan),
        np.full((*shape, 2), np.nan),
    )
    places = dict(zip(sizes, np.cumsum([0, *sizes.values()]).tolist(), strict=False))
    work = len(variables) * sum(len(each) for each in networks)
    with progress_bar("tuning", work, progress) as advance:
        for number, (variable, bins) in enumerate(variables):
            binned = bins.of(variable.values)
            for network, layers in enumerate(networks):
                for name, activity in layers.items():
                    here = slice(places[name], places[name] + sizes[name])
                    _of_layer(found, activity, binned, variable, bins, pieces, chosen, (network, number, here))
                    advance(1)
            _models(found, networks, places, sizes, variable, binned, bins, view, pieces, chosen, number)
    return found


def view_features(
    variables: Sequence[tuple[WorldVariable, Bins]], counts: Sequence[NDArray[np.integer]], scores: NDArray | None
) -> NDArray[np.float32] | None:
    """(row, feature) what is in view: of each kind of object the bin of the nearest, how many there are, the frame."""
    parts: list[NDArray[np.float32]] = []
    for variable, bins in variables:
        if variable.is_in_view:
            parts.append(_indicators(bins.of(variable.values), bins.count))
    for each in counts:
        parts.append((np.asarray(each, np.float32) / max(1.0, float(each.std())))[:, None])
    if scores is not None:
        parts.append(np.asarray(scores, np.float32))
    return np.concatenate(parts, axis=1) if parts else None


def _of_layer(
    found: Measured,
    activity: NDArray[np.floating],
    binned: NDArray[np.int64],
    variable: WorldVariable,
    bins: Bins,
    pieces: Pieces,
    chosen: TuningParameters,
    place: tuple[int, int, slice],
) -> None:
    network, number, here = place
    of_layer = tuning(
        activity, binned, bins.count, pieces.episodes, pieces.half, chosen.shifts, chosen.fewest, chosen.seed
    )
    found.rates[number][network, here] = of_layer.rates
    found.occupancy[number] = of_layer.occupancy
    for name in ("between", "between_chance", "p", "information", "information_chance", "stability"):
        found.numbers[name][place] = getattr(of_layer, name)
    # From the lowest activity that a unit has: of one that is never negative, its rates as they are.
    lowest = activity.min(axis=0)
    for unit, rates in enumerate(of_layer.rates):
        smooth = smoothed(rates, of_layer.occupancy, bins, chosen.smoothing_bins)
        of_unit = fields_of(smooth, bins, chosen.smoothing_bins, chosen.field_bins)
        at = (network, number, here.start + unit)
        found.numbers["fields"][at] = of_unit.count
        axes = slice(0, len(bins.shape))
        found.centre[(*at, axes)], found.width[(*at, axes)] = of_unit.centre, of_unit.width
        if variable.kind == "heading":
            length, direction = mean_vector(rates - lowest[unit], bins.centres[0])
            found.numbers["vector_length"][at], found.numbers["direction"][at] = length, direction


def _models(
    found: Measured,
    networks: Sequence[Mapping[str, NDArray[np.floating]]],
    places: Mapping[str, int],
    sizes: Mapping[str, int],
    variable: WorldVariable,
    binned: NDArray[np.int64],
    bins: Bins,
    view: NDArray[np.floating] | None,
    pieces: Pieces,
    chosen: TuningParameters,
    number: int,
) -> None:
    """What the variable explains by itself, and beyond what is in view, in pieces that were not fitted to."""
    of_view = 0 if view is None else view.shape[1]
    listed = [(network, name, each) for network, layers in enumerate(networks) for name, each in layers.items()]
    means = [each.mean(axis=0, dtype=np.float64).astype(np.float32) for _, _, each in listed]
    total = sum(each.shape[1] for _, _, each in listed)
    models = NestedModels({"view": of_view, "own": bins.count}, total, FOLDS)
    for start in range(0, len(binned), _BLOCK):
        rows = slice(start, start + _BLOCK)
        features: list[NDArray[Any]] = [] if view is None else [view[rows]]
        features.append(_indicators(binned[rows], bins.count))
        activity = np.concatenate([each[rows] - mean for (_, _, each), mean in zip(listed, means, strict=True)], axis=1)
        models.update(np.concatenate(features, axis=1), activity, pieces.fold[rows])
    wanted: dict[str, tuple[str, ...]] = {"own": ("own",)}
    if of_view:
        wanted |= {"view": ("view",)} | ({} if variable.is_in_view else {"both": ("view", "own")})
    explained = models.explained(wanted, chosen.ridge, "view" if of_view else None)
    first = 0
    for network, name, _ in listed:
        here, there = slice(places[name], places[name] + sizes[name]), slice(first, first + sizes[name])
        found.numbers["alone"][network, number, here] = explained["own"][there]
        if of_view:
            found.view[network, here] = explained["view"][there]
        if "both" in explained:
            # A model that tells less than the mean tells nothing: the variable owns nothing that the view has spoilt.
            both, of_the_view = (np.maximum(explained[each][there], 0.0) for each in ("both", "view"))
            found.numbers["beyond_view"][network, number, here] = both - of_the_view
        first += sizes[name]


def _indicators(bins: NDArray[np.int64], count: int) -> NDArray[np.float32]:
    """(row, bin) 1 for the bin that a row is in."""
    found = np.zeros((len(bins), count), np.float32)
    there = np.flatnonzero(bins >= 0)
    found[there, bins[there]] = 1.0
    return found
