"""Principal components of any layer during a recording, in one pass of bounded memory.

Layers of up to `MOST_EXACT_UNITS` units have their whole covariance accumulated. Larger ones (observations, early
convolutions) would need gigabytes for it: a sample of the recording is held in memory, and the leading components of
the sample are what the covariance of all decisions is multiplied by (`statistics/covariance_sketch.py`); their total
variance stays exact. On 10,000 decisions of a shipped agent (observations of 14,400 numbers, a first convolution of
17,024 units), the variances of the first 10 components were within 0.04% of those of the whole covariance, that of the
30th within 0.4%, that of the 40th within 1%, and the participation ratio within 0.3%, for each of five seeds. Of layers
with their whole covariance only the intervals are approximate, for variance by group is kept along 256 axes of the
sample: their ends were within 0.1%.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.agents.policy import Policy
from retinoscope.analyses.decisions import GROUPS, group_of
from retinoscope.analyses.layer_activity import KEPT_BLOCK, PIXELS, activity_blocks
from retinoscope.errors import NotMeasurable
from retinoscope.progress import progress_bar
from retinoscope.statistics.bootstrap import Interval
from retinoscope.statistics.covariance import Covariance
from retinoscope.statistics.covariance_sketch import (
    CovarianceSketch,
    leading_components,
    sample_axes,
    sketch_columns,
)
from retinoscope.statistics.principal_components import (
    GroupedVariance,
    PrincipalComponents,
    exact_components,
    sketched_components,
    unrelated_participation_ratio,
)

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

MOST_EXACT_UNITS = 2_000
FEWEST_DECISIONS = 20
_MOST_GROUPED = 256  # leading components of a layer with its whole covariance whose variance is kept by group
_OVERSAMPLING, _PROBES = 120, 20
_MOST_SAMPLED = 1_024  # decisions in the sample; fewer where they would not fit into the following
_SAMPLE_BYTES = 128 * 2**20


@dataclass(frozen=True)
class FittedLayer:
    """Principal components of a layer.

    Attributes:
        components: see `PrincipalComponents`.
        participation_ratio: with its 95% interval over groups of episodes.
        is_exact: from the whole covariance, not from a sketch.
    """

    components: PrincipalComponents
    participation_ratio: Interval
    is_exact: bool


def fit_layers(
    recording: Recording,
    layers: Iterable[str],
    policy: Policy | None = None,
    components: int = 40,
    burn_in_steps: Mapping[str, int] | None = None,
    block_size: int = 256,
    seed: int = 0,
    progress: bool = False,
    *,
    see: Callable[[xarray.Dataset], None] | None = None,
    cache: Path | None = None,
    kept: int = 0,
) -> dict[str, FittedLayer]:
    """Principal components of layers, and how many dimensions they span; every decision is computed once.

    Args:
        recording: what the agent saw, did and computed.
        layers: names of layers, and `pixels`.
        policy: needed for convolutions.
        components: how many are wanted of layers that are too large for their whole covariance.
        burn_in_steps: decisions left out at the start of every episode, by layer; 0 where it says nothing.
        block_size: decisions at a time; memory grows with it.
        seed: of the sample and the sketch.
        progress: show a progress bar.
        see: is given every block of `activity_blocks`, in which every decision is once, in no order.
        cache: a folder in which the convolutions of the first `kept` decisions are left.
        kept: number of decisions.

    Raises:
        UserError: there is no such layer, or a convolution is asked for without a policy.
        NotMeasurable: there are too few decisions.
    """
    names = tuple(dict.fromkeys(layers))
    if not names:
        return {}
    skipped = dict.fromkeys(names, 0) | dict(burn_in_steps or {})
    _require_decisions(recording, skipped)
    source = _Pass(recording, names, policy, block_size, seed, cache, min(kept, recording.frames) if cache else 0)

    def of_layer(name: str, block: xarray.Dataset) -> tuple[NDArray, NDArray]:
        """The (time, unit) activity behind the start-up, and the index of each decision's episode."""
        is_late = block["step"].values >= skipped[name]
        values = block[name].values
        values = values.reshape(len(values), -1)
        if is_late.all():
            return values, block["episode"].values
        return values[is_late], block["episode"].values[is_late]

    with progress_bar("components: decisions", recording.frames, progress) as advance:
        sample = list(source.sample())
        fits = {
            name: _LayerFit(np.concatenate([of_layer(name, block)[0] for block in sample]), components, seed)
            for name in names
        }

        def add(block: xarray.Dataset) -> None:
            for name, fit in fits.items():
                fit.update(*of_layer(name, block))
            if see is not None:
                see(block)
            advance(block.sizes["time"])

        while sample:
            add(sample.pop())
        for block in source.others():
            add(block)
    return {name: fit.finalize(components) for name, fit in fits.items()}


def dimensions_of(fits: Mapping[str, FittedLayer], components: int) -> xarray.Dataset:
    """What fits say of the number of dimensions of layers.

    Returns:
        By `layer`: `participation_ratio`, its 95% interval `participation_ratio_low` and `_high`,
        `participation_ratio_chance` (units with the same variances and nothing in common), `units`, `units_constant`,
        `decisions`, `is_exact`; by `layer` and `component`: `variance_share` and `variance_share_chance`, of the total
        variance, NaN behind the last component.
    """
    shares, chance = np.full((2, len(fits), components), np.nan)
    for row, fit in enumerate(fits.values()):
        found, total = fit.components, fit.components.total_variance or 1.0
        variances = found.variances[:components]
        shares[row, : len(variances)] = variances / total
        chance[row, : len(variances)] = np.sort(found.unit_variance)[::-1][: len(variances)] / total
    ratio = np.array([fit.participation_ratio for fit in fits.values()]).reshape(-1, 3)
    found_in = [fit.components for fit in fits.values()]
    share = {"units": "1", "long_name": "share of the total variance"}
    dimensions = {"units": "dimensions"}
    return xarray.Dataset(
        {
            "variance_share": (("layer", "component"), shares, share),
            "variance_share_chance": (("layer", "component"), chance, share),
            "participation_ratio": ("layer", ratio[:, 0], dimensions | {"long_name": "participation ratio"}),
            "participation_ratio_low": ("layer", ratio[:, 1], dimensions),
            "participation_ratio_high": ("layer", ratio[:, 2], dimensions),
            "participation_ratio_chance": (
                "layer",
                [unrelated_participation_ratio(each.unit_variance, each.count) for each in found_in],
                dimensions,
            ),
            "units": ("layer", [len(each.mean) for each in found_in]),
            "units_constant": ("layer", [int((each.unit_variance == 0).sum()) for each in found_in]),
            "decisions": ("layer", [each.count for each in found_in]),
            "is_exact": ("layer", [fit.is_exact for fit in fits.values()]),
        },
        coords={"layer": list(fits), "component": np.arange(1, components + 1)},
    )


def _require_decisions(recording: Recording, skipped: Mapping[str, int]) -> None:
    for name, steps in skipped.items():
        count = sum(max(0, each.stop - each.start - steps) for each in recording.episodes)
        if count < FEWEST_DECISIONS:
            raise NotMeasurable(
                f"{recording.path}: has {count} decisions for the components of {name} behind the first {steps} of "
                f"every episode; it needs at least {FEWEST_DECISIONS}"
            )


class _Pass:
    """All decisions of a recording, each once: those of a sample spread over the recording first, then the others."""

    def __init__(
        self,
        recording: Recording,
        names: tuple[str, ...],
        policy: Policy | None,
        size: int,
        seed: int,
        cache: Path | None,
        kept: int,
    ) -> None:
        self._recording, self._names, self._policy = recording, names, policy
        self._size, self._cache, self._kept = size, cache, kept
        bytes_per_row = 4 * sum(_units(recording, policy, name) for name in names)
        count = max(1, min(_MOST_SAMPLED, recording.frames, _SAMPLE_BYTES // max(bytes_per_row, 1)))
        # One decision from each of as many stretches, at random, so that no rhythm of the recording is followed.
        edges = np.linspace(0, recording.frames, count + 1).astype(np.int64)
        rows = np.random.default_rng(seed).integers(edges[:-1], edges[1:])
        self._is_sampled = np.zeros(recording.frames, bool)
        self._is_sampled[rows] = True

    def sample(self) -> Iterator[xarray.Dataset]:
        """Blocks of the sample."""
        return self._blocks(self._is_sampled)

    def others(self) -> Iterator[xarray.Dataset]:
        """Blocks of all the others, in order."""
        return self._blocks(~self._is_sampled)

    def _blocks(self, chosen: NDArray[np.bool_]) -> Iterator[xarray.Dataset]:
        for block in self._first_blocks():
            is_wanted = chosen[block["row"].values]
            if is_wanted.any():
                yield block.isel(time=is_wanted)
        rows = np.flatnonzero(chosen[self._kept :]) + self._kept
        yield from activity_blocks(self._recording, self._names, self._policy, self._size, rows=rows)

    def _first_blocks(self) -> Iterator[xarray.Dataset]:
        """Those that are left in the cache: whole, so that they are found there again."""
        recording, cache = self._recording, self._cache
        return activity_blocks(recording, self._names, self._policy, KEPT_BLOCK, stop=self._kept, cache=cache)


def _units(recording: Recording, policy: Policy | None, name: str) -> int:
    if name == PIXELS:
        return int(recording.rows(0, 1, ("observation",))["observation"].size)
    stored = recording.attributes["layers"].get(name)
    if stored is not None:
        return int(stored)
    return 1 if policy is None else int(np.prod(policy.layer(name).shape))


class _LayerFit:
    """Accumulates what the principal components of one layer are computed from."""

    def __init__(self, sample: NDArray, components: int, seed: int) -> None:
        """`sample` (time, unit) is a part of what will be added, spread over all of it."""
        units = sample.shape[1]
        self._covariance = Covariance(units) if units <= MOST_EXACT_UNITS else None
        self._dtype = np.float32 if self._covariance is None else np.float64
        sample = np.asarray(sample, self._dtype)
        self._origin = (sample.sum(axis=0, dtype=np.float64) / max(len(sample), 1)).astype(self._dtype)
        if self._covariance is None:
            columns, self._basis = sketch_columns(sample, min(components + _OVERSAMPLING, units), _PROBES, seed)
            self._sketch = CovarianceSketch(columns)
        else:
            columns = np.eye(units) if units <= _MOST_GROUPED else sample_axes(sample, _MOST_GROUPED)
            self._basis = columns.shape[1]
        self._columns = columns
        self._groups = GroupedVariance(self._origin, columns[:, : self._basis].T, GROUPS)

    def update(self, values: NDArray, episodes: NDArray) -> None:
        """Add (time, unit) activity, with the (time,) index of the episode of each decision."""
        if not len(values):
            return
        deviations = np.asarray(values, self._dtype) - self._origin
        scores = deviations @ self._columns
        if self._covariance is None:
            self._sketch.update(deviations, scores)
        else:
            self._covariance.update(values)
        self._groups.update(deviations, group_of(episodes), scores[:, : self._basis])

    def finalize(self, components: int) -> FittedLayer:
        if self._covariance is not None:
            exact = exact_components(self._covariance.finalize(), components)
            return FittedLayer(exact, self._groups.participation_ratio(exact), True)
        sketch = self._sketch.finalize()
        sketch = dataclasses.replace(sketch, mean=sketch.mean + self._origin)
        found = sketched_components(sketch, leading_components(sketch, self._basis), components)
        return FittedLayer(found, self._groups.participation_ratio(found), False)
