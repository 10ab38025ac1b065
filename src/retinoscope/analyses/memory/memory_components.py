"""Finding components on samples: the choice, the steps that are drawn for it, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinoscope.analyses.memory.samples import Samples
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.statistics.component_stability import kept_dimensions
from retinoscope.statistics.components import (
    COMPONENT_METHODS,
    ComponentMethod,
    Components,
    InlierRule,
    Standardised,
    fit_components,
    named_units,
    refuse_constant_units,
)

COMPONENTS = 16
"""How many are looked for unless said otherwise; fewer if there are fewer dimensions."""

FIT_STEPS = 20_000
"""Steps drawn at random to find components on; all of them if there are fewer."""


@dataclass(frozen=True)
class ComponentChoice:
    """What `ica:16` says: a method, and how many components; None to let parallel analysis choose."""

    method: ComponentMethod
    count: int | None

    @classmethod
    def parse(cls, text: str) -> ComponentChoice:
        """From `ica:16`, `pca:16`, `nmf:16`, `ica` or `units`.

        Raises:
            UserError: it is none of these.
        """
        method, colon, number = text.partition(":")
        if method not in COMPONENT_METHODS or (
            colon and (method == "units" or not number.isdecimal() or int(number) < 1)
        ):
            raise UserError(
                f"components {text!r}: unknown; write ica:16, pca:16 or nmf:16 with the number wanted, ica, pca or nmf "
                "to have it chosen, or units"
            )
        return cls(method, int(number) if colon else None)


@dataclass(frozen=True)
class DrawnSteps:
    """Steps drawn at random from samples, without replacement, in their order.

    Attributes:
        rows: (row, unit) states, of all units.
        groups: (row,) to which independent unit of observation each belongs.
        lowest, highest: (unit,) activity over all steps, drawn or not.
    """

    rows: NDArray[np.floating]
    groups: NDArray[np.integer]
    lowest: NDArray[np.floating]
    highest: NDArray[np.floating]


@dataclass(frozen=True)
class FittedComponents:
    """Components of samples, and what they were found on.

    Attributes:
        components: over the units that were kept.
        numbers: (component,) by which they are known: from 0, or the numbers of units.
        units: (unit kept,) their numbers.
        inliers: the rule.
        deviations: (component,) standard deviations of their activations over the inliers they were found on; NaN
            for `nmf` and `units`.
        drawn: steps that were drawn to find them on.
        outliers: how many of these were left out.
        steps: number of steps there are.
        how_many: how their number was chosen, for captions.
        units_of_state: number of units there are, kept or not.
    """

    components: Components
    numbers: NDArray[np.int64]
    units: NDArray[np.int64]
    inliers: InlierRule
    deviations: NDArray[np.float64]
    drawn: int
    outliers: int
    steps: int
    how_many: str
    units_of_state: int

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

    @property
    def constant_units(self) -> str:
        """A sentence that names the units that were left out; empty if none were."""
        out = np.setdiff1d(np.arange(self.units_of_state), self.units)
        if not len(out):
            return ""
        return (
            f" {len(out)} of {self.units_of_state} units never change in the steps that components are found on and "
            f"are left out ({named_units(out)})."
        )


def draw_steps(samples: Samples, seed: int, wanted: int) -> DrawnSteps:
    """Read all samples once, check them, and keep steps drawn at random; all if there are no more than wanted.

    Raises:
        UserError: an activity is not finite; it is said where.
    """
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
    return DrawnSteps(rows, samples.group(drawn // samples.steps), lowest, highest)


def fit_to_samples(
    samples: Samples,
    choice: ComponentChoice | None,
    seed: int = 0,
    fit_steps: int = FIT_STEPS,
    leave_out_constant: bool = True,
) -> FittedComponents:
    """Find components on the inliers among steps drawn at random.

    Args:
        samples: activity.
        choice: which components; None for `COMPONENTS` by ICA, or as many as there are dimensions.
        seed: of the draw and of the start.
        fit_steps: how many steps are drawn; all are taken if there are no more.
        leave_out_constant: leave out units that never change, instead of refusing them.

    Raises:
        UserError: an activity is not finite (it is said where), or there are fewer units than components.
        NotMeasurable: units are constant, or there are fewer dimensions than components.
    """
    drawn = draw_steps(samples, seed, fit_steps)
    method = "ica" if choice is None else choice.method
    units = np.arange(samples.units)
    if method != "units":
        if not leave_out_constant:
            refuse_constant_units(drawn.lowest, drawn.highest)
        units = units[drawn.lowest < drawn.highest]
        if not len(units):
            raise NotMeasurable(f"{samples.source}: none of its {samples.units} units ever changes")
    rows = drawn.rows[:, units]
    inliers = InlierRule.of(rows)
    kept = rows[inliers.is_inlier(rows)]
    # What changes in outliers alone, or in none of the steps that were drawn, has no components either.
    while method != "units" and leave_out_constant and not (changes := kept.min(axis=0) < kept.max(axis=0)).all():
        units, rows = units[changes], rows[:, changes]
        if not len(units):
            raise NotMeasurable(f"{samples.source}: none of its {samples.units} units changes but in outliers")
        inliers = InlierRule.of(rows)
        kept = rows[inliers.is_inlier(rows)]
    count, how_many = choice.count if choice else None, "the number was given"
    if method == "units":
        components = fit_components(kept, method, len(units), seed)
    else:
        states = Standardised.of(kept)
        if choice is None:
            count = min(COMPONENTS, states.dimensions)
        elif count is None:
            count, _ = kept_dimensions(kept, seed=seed)
            how_many = "as many as principal components exceed chance (parallel analysis, 95th percentile)"
        components = fit_components(states, method, count, seed)
    return FittedComponents(
        components,
        units if method == "units" else np.arange(components.count),
        units,
        inliers,
        # Of others nothing needs it, and the weights of `nmf` take long.
        components.transform(kept).std(axis=0) if method in ("ica", "pca") else np.full(components.count, np.nan),
        len(rows),
        len(rows) - len(kept),
        samples.count * samples.steps,
        how_many,
        samples.units,
    )


def _refuse_what_is_not_finite(block: NDArray[np.floating], first: int, samples: Samples) -> None:
    is_finite = np.isfinite(block)
    if not is_finite.all():
        sample, step, unit = (int(each[0]) for each in np.nonzero(~is_finite))
        raise UserError(
            f"{samples.source}: the activity of unit {unit} in sample {samples.name(first + sample)}, step {step}, is "
            f"{block[sample, step, unit]}; give finite numbers"
        )
