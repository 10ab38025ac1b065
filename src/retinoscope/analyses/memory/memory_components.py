"""Fitting components to samples, and their activations over all steps, in bounded memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retinoscope.analyses.memory.samples import BLOCK_VALUES, Samples, open_array
from retinoscope.errors import UserError
from retinoscope.statistics.component_stability import kept_dimensions
from retinoscope.statistics.components import (
    METHODS,
    Components,
    InlierRule,
    Method,
    fit_components,
    refuse_constant_units,
)

FIT_STEPS = 20_000
"""Steps drawn at random to find components on; all of them if there are fewer."""

_IN_MEMORY = 256_000_000  # bytes of activations; more go to a file


@dataclass(frozen=True)
class ComponentChoice:
    """What `ica:16` says: a method, and how many components; None to let parallel analysis choose."""

    method: Method
    count: int | None

    @classmethod
    def parse(cls, text: str) -> ComponentChoice:
        """From `ica:16`, `pca:16`, `nmf:16`, `ica` or `units`.

        Raises:
            UserError: it is none of these.
        """
        method, colon, number = text.partition(":")
        if method not in METHODS or (colon and (method == "units" or not number.isdecimal() or int(number) < 1)):
            raise UserError(
                f"components {text!r}: unknown; write ica:16, pca:16 or nmf:16 with the number wanted, ica, pca or nmf "
                "to have it chosen, or units"
            )
        return cls(method, int(number) if colon else None)


@dataclass(frozen=True)
class FittedComponents:
    """Components of samples, and what they were found on.

    Attributes:
        components: over the units that were kept.
        numbers: (component,) by which they are known: from 0, or the numbers of units.
        units: (unit,) numbers of the units that were kept.
        inliers: the rule.
        rows: (row, unit) states drawn to find them on, inliers or not, of the units kept.
        groups: (row,) to which independent unit of observation each belongs.
        steps: number of steps there are.
        how_many: how their number was chosen, for captions.
        units_of_state: number of units there are, kept or not.
    """

    components: Components
    numbers: NDArray[np.int64]
    units: NDArray[np.int64]
    inliers: InlierRule
    rows: NDArray[np.floating]
    groups: NDArray[np.integer]
    steps: int
    how_many: str
    units_of_state: int

    @property
    def inlier_rows(self) -> NDArray[np.bool_]:
        """(row,) which of `rows` are inliers."""
        return self.inliers.is_inlier(self.rows)

    def transform(self, activity: NDArray[np.floating]) -> NDArray[np.floating]:
        """(..., unit) of all units -> (..., component), in the precision of the activity."""
        if self.components.method == "units":
            return activity[..., self.units]
        return self.components.transform(activity[..., self.units]).astype(activity.dtype)

    def full(self, vectors: NDArray[np.floating]) -> NDArray[np.float64]:
        """(..., unit kept) -> (..., unit) with zeros for those left out."""
        found = np.zeros((*vectors.shape[:-1], self.units_of_state))
        found[..., self.units] = vectors
        return found


def fit_to_samples(
    samples: Samples,
    choice: ComponentChoice,
    seed: int = 0,
    fit_steps: int = FIT_STEPS,
    leave_out_constant: bool = False,
) -> FittedComponents:
    """Read all samples once, check them, and find components on the inliers among steps drawn at random.

    Args:
        samples: activity.
        choice: which components.
        seed: of the draw and of the start.
        fit_steps: how many steps are drawn; all are taken if there are no more.
        leave_out_constant: leave out units that never change, instead of refusing them.

    Raises:
        UserError: an activity is not finite (it is said where), units are constant, or there are fewer dimensions than
            components.
    """
    if fit_steps < 2:
        raise UserError(f"fit_steps {fit_steps}: too few to find components on; give at least 2")
    rows, groups, lowest, highest = _draw_rows(samples, seed, fit_steps)
    units = np.arange(samples.units)
    if choice.method != "units":
        if leave_out_constant and (lowest < highest).any():
            units = units[lowest < highest]
        refuse_constant_units(lowest[units], highest[units])
    rows = rows[:, units]
    inliers = InlierRule.of(rows)
    kept = rows[inliers.is_inlier(rows)]
    count, how_many = choice.count, "the number was given"
    if count is None and choice.method != "units":
        count, _ = kept_dimensions(kept, seed=seed)
        how_many = "as many as principal components exceed chance (parallel analysis, 95th percentile)"
    components = fit_components(kept, choice.method, count or len(units), seed)
    numbers = units if choice.method == "units" else np.arange(components.count)
    steps = samples.count * samples.steps
    return FittedComponents(components, numbers, units, inliers, rows, groups, steps, how_many, samples.units)


class Activations:
    """Activations of components, (sample, step, component), held in memory if small, else in a file.

    Attributes:
        count, steps, components: sizes.
    """

    def __init__(self, source: NDArray[np.floating] | Path, shape: tuple[int, int, int]) -> None:
        self._source = source
        self.count, self.steps, self.components = shape

    def samples(self, start: int, stop: int) -> NDArray[np.floating]:
        """(sample, step, component), a copy."""
        # A file is mapped anew for every block: what is no longer mapped takes no memory.
        array = self._source if isinstance(self._source, np.ndarray) else open_array(self._source)
        return np.array(array[start:stop])

    def blocks(self, chosen: slice = slice(None)) -> Iterator[NDArray[np.floating]]:
        """All samples in order, some at a time, (sample, step, component chosen)."""
        size = max(1, BLOCK_VALUES // (self.steps * self.components))
        for start in range(0, self.count, size):
            yield self.samples(start, min(start + size, self.count))[:, :, chosen]

    def step_blocks(self) -> Iterator[NDArray[np.floating]]:
        """All steps in order, (step, component)."""
        for block in self.blocks():
            yield block.reshape(-1, self.components)


@contextmanager
def activations_of(samples: Samples, fitted: FittedComponents, scratch: Path | None = None) -> Iterator[Activations]:
    """The activations over all steps, for as long as the `with` block lasts.

    Args:
        samples: activity.
        fitted: its components.
        scratch: where a large file may be put for the while; None for the system's place for such files.
    """
    shape = (samples.count, samples.steps, len(fitted.numbers))
    if int(np.prod(shape)) * samples.dtype.itemsize <= _IN_MEMORY:
        values = np.empty(shape, samples.dtype)
        _fill(values, samples, fitted)
        yield Activations(values, shape)
        return
    with tempfile.TemporaryDirectory(dir=scratch, prefix=".activations-") as folder:
        path = Path(folder) / "activations.npy"
        np.lib.format.open_memmap(path, mode="w+", dtype=samples.dtype, shape=shape)
        _fill(path, samples, fitted)
        yield Activations(path, shape)


def _fill(place: NDArray[np.floating] | Path, samples: Samples, fitted: FittedComponents) -> None:
    start = 0
    for block in samples.blocks():
        whole = place if isinstance(place, np.ndarray) else np.load(place, mmap_mode="r+", allow_pickle=False)
        whole[start : start + len(block)] = fitted.transform(block)
        start += len(block)


def _draw_rows(
    samples: Samples, seed: int, wanted: int
) -> tuple[NDArray[np.floating], NDArray[np.integer], NDArray[np.floating], NDArray[np.floating]]:
    """Steps drawn without replacement, their groups, and the lowest and highest activity of each unit."""
    total = samples.count * samples.steps
    drawn = np.arange(total)
    if total > wanted:
        drawn = np.sort(np.random.default_rng(seed).choice(total, wanted, replace=False, shuffle=False))
    rows = np.empty((len(drawn), samples.units), samples.dtype)
    lowest, highest = np.full(samples.units, np.inf), np.full(samples.units, -np.inf)
    start = 0
    for block in samples.blocks():
        _refuse_what_is_not_finite(block, start // samples.steps, samples)
        flat = block.reshape(-1, samples.units)
        lowest, highest = np.minimum(lowest, flat.min(axis=0)), np.maximum(highest, flat.max(axis=0))
        here = slice(*np.searchsorted(drawn, (start, start + len(flat))))
        rows[here] = flat[drawn[here] - start]
        start += len(flat)
    return rows, samples.group(drawn // samples.steps), lowest, highest


def _refuse_what_is_not_finite(block: NDArray[np.floating], first: int, samples: Samples) -> None:
    is_finite = np.isfinite(block)
    if not is_finite.all():
        sample, step, unit = (int(each[0]) for each in np.nonzero(~is_finite))
        raise UserError(
            f"{samples.source}: the activity of unit {unit} in sample {samples.name(first + sample)}, step {step}, is "
            f"{block[sample, step, unit]}; give finite numbers"
        )
