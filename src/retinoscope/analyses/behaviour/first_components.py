"""What the first principal components of layers follow: correlations, maps of the first two, and traces in time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.analyses.behaviour.layer_components import FEWEST_DECISIONS, FittedLayer
from retinoscope.analyses.decisions import GROUPS, LeftOut, Window, group_of
from retinoscope.analyses.layer_activity import activity_blocks
from retinoscope.analyses.recorded import Number, columns_of, has_values, numbers_of
from retinoscope.analyses.tracks import track_columns, with_tracks
from retinoscope.errors import NotMeasurable
from retinoscope.statistics.covariance import Covariance
from retinoscope.statistics.histogram import Histogram
from retinoscope.statistics.moments import Moments
from retinoscope.statistics.principal_components import correlation_intervals

if TYPE_CHECKING:
    from retinoscope.analyses.behaviour.principal_components import PrincipalComponentsParameters
    from retinoscope.rollouts import Recording


def first_components(
    recording: Recording,
    fits: dict[str, FittedLayer],
    scored: list[str],
    stored: tuple[str, ...],
    kept: Mapping[str, LeftOut],
    window: Window,
    chosen: PrincipalComponentsParameters,
) -> xarray.Dataset:
    """What the first components follow: correlations, maps coloured by value, and traces of the window."""
    steps = max(kept[name].steps for name in scored)
    others = Others.of(recording)
    groups = [Covariance(len(scored) + len(others.names)) for _ in range(GROUPS)]
    extent = {name: Moments(2) for name in stored}
    for block in _late_blocks(recording, scored, steps, chosen.block_size, others.columns):
        scores = {name: _scores(fits, name, block) for name in scored}
        table = np.stack([*(scores[name][:, 0] for name in scored), *others.values(block)], axis=1)
        group = group_of(block["episode"].values)
        for number in np.unique(group):
            groups[number].update(table[group == number])
        for name in stored:
            extent[name].update(scores[name])
    if sum(each.count for each in groups) < FEWEST_DECISIONS:
        raise NotMeasurable(
            f"{recording.path}: has too few decisions behind the first {steps} of every episode; correlations need at "
            f"least {FEWEST_DECISIONS}"
        )
    estimate, low, high = correlation_intervals(groups)
    signs = dict.fromkeys(scored, 1.0)
    if others.has_critic:
        signs = {name: -1.0 if estimate[row, len(scored)] < 0 else 1.0 for row, name in enumerate(scored)}
    flips = np.array([*signs.values(), *[1.0] * len(others.names)])
    flip = np.outer(flips, flips)
    low, high = np.where(flip > 0, low, -high), np.where(flip > 0, high, -low)
    variables = [*(f"first component of {name}" for name in scored), *others.names]
    pair = ("variable", "other_variable")
    data = xarray.Dataset(
        {
            "correlation": (pair, estimate * flip, {"units": "1", "long_name": "Pearson's r"}),
            "correlation_low": (pair, low, {"units": "1"}),
            "correlation_high": (pair, high, {"units": "1"}),
            "correlation_decisions": ((), sum(each.count for each in groups)),
            "correlation_groups": ((), sum(each.count > 0 for each in groups)),
        },
        coords={"variable": variables, "other_variable": variables},
        attrs={"sign": "value" if others.has_critic else "largest weight"},
    )
    if stored:
        data = data.merge(_maps(recording, fits, extent, signs, steps, others, chosen), combine_attrs="no_conflicts")
    return data.merge(_traces(recording, fits, signs, window), combine_attrs="no_conflicts")


@dataclass(frozen=True)
class Others:
    """What first components are compared with: the value, if there is a critic, and the numbers of the world."""

    has_critic: bool
    numbers: tuple[Number, ...]

    @classmethod
    def of(cls, recording: Recording) -> Others:
        return cls(has_values(recording), numbers_of(recording))

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*(["value"] if self.has_critic else []), *columns_of(self.numbers))))

    @property
    def names(self) -> list[str]:
        found = ["value"] if self.has_critic else []
        for each in self.numbers:
            found += [f"{part} of {each.name}" for part in _ROUND] if each.kind == "heading" else [each.name]
        return found

    def values(self, block: xarray.Dataset) -> list[NDArray[np.float64]]:
        """Each (time,), in the order of their names."""
        found = [block["value"].values] if self.has_critic else []
        for each in self.numbers:
            values = each.of(block).astype(np.float64)
            angle = np.deg2rad(values)
            found += [np.sin(angle), np.cos(angle)] if each.kind == "heading" else [values]
        return found

    @property
    def of_map(self) -> str:
        """Name of what colours a map: the value, or else the first quantity, or the first number; empty for none."""
        quantities = [each.name for each in self.numbers if each.kind == "quantity"]
        return "value" if self.has_critic else next(iter((*quantities, *self.names)), "")

    def map_values(self, block: xarray.Dataset) -> NDArray[np.float64]:
        """It, (time,)."""
        if not self.of_map:
            return np.zeros(block.sizes["time"])
        return self.values(block)[self.names.index(self.of_map)]


_ROUND = ("sine", "cosine")  # of a heading, which itself jumps where it comes round


def _late_blocks(
    recording: Recording, layers: list[str], steps: int, size: int, also: tuple[str, ...]
) -> Iterator[xarray.Dataset]:
    """Blocks of activity behind the start-up; those that lie wholly within it are passed over."""
    for block in activity_blocks(recording, layers, size=size, also=also):
        is_late = block["step"].values >= steps
        if is_late.any():
            yield block.isel(time=is_late)


def _scores(fits: dict[str, FittedLayer], name: str, block: xarray.Dataset) -> NDArray[np.float64]:
    """(time, 2) first two components; the second is zero in a layer of one unit."""
    values = block[name].values.reshape(block.sizes["time"], -1)
    scores = fits[name].components.scores(values, 2)
    return np.pad(scores, ((0, 0), (0, 2 - scores.shape[1])))


def _maps(
    recording: Recording,
    fits: dict[str, FittedLayer],
    extent: dict[str, Moments],
    signs: dict[str, float],
    steps: int,
    others: Others,
    chosen: PrincipalComponentsParameters,
) -> xarray.Dataset:
    edges = {name: _edges(moments, signs[name], chosen.map_bins) for name, moments in extent.items()}
    maps = {name: Histogram(*edges[name]) for name in extent}
    for block in _late_blocks(recording, list(extent), steps, 4 * chosen.block_size, others.columns):
        for name, histogram in maps.items():
            histogram.update(_scores(fits, name, block) * (signs[name], 1.0), others.map_values(block))
    found = [each.finalize() for each in maps.values()]
    bins = ("mapped_layer", "second_bin", "first_bin")
    edge = ("mapped_layer", "edge")
    activity = {"units": "activity"}
    return xarray.Dataset(
        {
            "map_count": (bins, np.stack([each.counts.T for each in found]), {"units": "decisions"}),
            "map_value": (bins, np.stack([each.mean.T for each in found])),
            "map_first": (edge, np.stack([each[0] for each in edges.values()]), activity),
            "map_second": (edge, np.stack([each[1] for each in edges.values()]), activity),
        },
        coords={"mapped_layer": list(maps)},
        attrs={"map_of": others.of_map},
    )


def _edges(moments: Moments, sign: float, bins: int) -> tuple[NDArray, NDArray]:
    """From the lowest to the highest score of both components, and a little room."""
    found = moments.finalize()
    bounds = np.stack([found.lowest, found.highest])
    bounds[:, 0] = np.sort(bounds[:, 0] * sign)
    room = np.maximum(0.02 * (bounds[1] - bounds[0]), 1e-6)
    first, second = np.linspace(bounds[0] - room, bounds[1] + room, bins + 1).T
    return first, second


def _traces(
    recording: Recording, fits: dict[str, FittedLayer], signs: dict[str, float], window: Window
) -> xarray.Dataset:
    size, also = window.stop - window.start, track_columns(recording)
    (block,) = activity_blocks(recording, list(signs), size=size, also=also, start=window.start, stop=window.stop)
    scores = np.stack([_scores(fits, name, block)[:, 0] * sign for name, sign in signs.items()])
    about = {"units": "activity", "long_name": "first component"}
    data = xarray.Dataset({"score": (("scored_layer", "time"), scores, about)}, {"scored_layer": list(signs)})
    return with_tracks(data, recording, block)
