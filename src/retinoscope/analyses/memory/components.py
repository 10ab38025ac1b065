"""Components of the memory: what they are, how far they can be trusted, and what goes with them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.analyses.memory.component_quantities import correlate
from retinoscope.analyses.memory.dataset_examples import (
    ExampleParameters,
    fit_examples,
    provenance_of_samples,
    samples_of,
    settle_examples,
)
from retinoscope.analyses.memory.memory_components import FittedComponents
from retinoscope.analyses.memory.recording_windows import RecordingWindows
from retinoscope.analyses.memory.samples import Samples
from retinoscope.errors import UserError
from retinoscope.result import Result
from retinoscope.statistics.component_stability import STABLE, Stability, component_stability, kept_dimensions
from retinoscope.statistics.components import fit_components

if TYPE_CHECKING:
    from retinoscope.agents.agent import Agent
    from retinoscope.rollouts import Recording


@dataclass(frozen=True)
class ComponentParameters:
    """Parameters of `components` besides those of `ExampleParameters`.

    Attributes:
        runs: estimates from other starts and resampled samples, for the stability.
        sweep: numbers of components for which the stability is measured too; those above the dimensions are left out.
        sweep_runs: estimates for each of these.
    """

    runs: int = 20
    sweep: tuple[int, ...] = (4, 8, 16, 24, 32)
    sweep_runs: int = 5

    def __post_init__(self) -> None:
        for name in ("runs", "sweep_runs"):
            if getattr(self, name) < 2:
                raise UserError(f"{name} {getattr(self, name)}: too few to compare; use at least 2")
        if any(each < 1 for each in self.sweep):
            raise UserError(f"sweep {min(self.sweep)}: is no number of components; give numbers from 1 on")


def components(
    source: Samples | Recording | NDArray[Any] | str | Path,
    parameters: ExampleParameters | None = None,
    stability: ComponentParameters | None = None,
    *,
    agent: Agent | None = None,
    **settings: Any,
) -> Result:
    """Find the components of samples and judge them.

    Args:
        source: as for `dataset_examples`.
        parameters: as for `dataset_examples`, so that both speak of the same components.
        stability: see `ComponentParameters`.
        agent: of the recording, as for `dataset_examples`.
        **settings: fields of `ExampleParameters` that replace those of `parameters`.

    Returns:
        A Result with, by component: `direction` and `pattern` (component, unit), the gradient of a component with
        respect to the state, and how the state changes with it; `explained` (share of variance), `stability`,
        `similarity`, `is_stable`, and `stability_chance` (); `eigenvalue` and `eigenvalue_chance` (dimension);
        `sweep_explained`, `sweep_stability` (median), `sweep_stable` (how many), by `kept`; `is_inlier_share` (). Of a
        recording also `correlation`, `correlation_low`, `correlation_high` (component, quantity) and
        `correlation_chance` (component).

    Raises:
        UserError: as `dataset_examples`, or there is only one sample.
    """
    settled, chosen = settle_examples(parameters, settings), stability or ComponentParameters()
    samples = samples_of(source, settled, agent)
    fitted = fit_examples(samples, settled)
    found = fitted.components
    # All that they were found on: estimates from fewer steps would be less like each other than those of this size are.
    rows, groups = fitted.rows, fitted.groups
    judged = component_stability(rows, groups, found, chosen.runs, settled.seed)
    by_component = {
        "explained": (found.explained, "share of the variance of the standardised state", "1"),
        "stability": (judged.index, "stability index", "1"),
        "similarity": (judged.within, "mean similarity of its estimates", "1"),
        "is_stable": (judged.is_stable, "stable", ""),
    }
    variables: dict[str, Any] = {
        "direction": (("component", "unit"), fitted.full(found.directions()), {"units": "1 / activity"}),
        "pattern": (("component", "unit"), fitted.full(found.patterns()), {"units": "activity"}),
        "stability_chance": ((), judged.chance),
        "is_inlier_share": ((), float(fitted.inlier_rows.mean()), {"units": "1"}),
    }
    for name, (values, long_name, units) in by_component.items():
        variables[name] = ("component", values, {"long_name": long_name, "units": units})
    if found.method != "units":
        variables |= _dimensions(fitted, settled.seed) | _swept(rows, groups, fitted, judged, chosen, settled.seed)
    coordinates: dict[str, Any] = {"component": fitted.numbers, "unit": np.arange(fitted.units_of_state)}
    if isinstance(samples, RecordingWindows):
        names, correlations = correlate(samples.recording, fitted, samples.burn_in, samples.layer, settled.seed)
        coordinates["quantity"] = names
        for suffix, values in (
            ("", correlations.estimate),
            ("_low", correlations.low),
            ("_high", correlations.high),
        ):
            variables[f"correlation{suffix}"] = (("component", "quantity"), values, {"units": "1"})
        variables["correlation_chance"] = ("component", correlations.chance, {"units": "1"})
    data = xarray.Dataset(variables, coordinates)
    data.attrs["caption"] = _caption(samples, fitted, judged, rows)
    if "kept" in data.dims:
        data.attrs["caption"] += f" Of other numbers of components: over {chosen.sweep_runs} estimates."
    if isinstance(samples, RecordingWindows):
        data.attrs["correlation_caption"] = _correlation_caption(correlations.rows, correlations.episodes)
    stated = dataclasses.asdict(settled) | dataclasses.asdict(chosen)
    stated |= {"found_by": found.algorithm, "converged": found.converged, "how_many": fitted.how_many}
    stated |= {"stability_steps": len(rows), "stable_from": STABLE}
    if isinstance(samples, RecordingWindows):
        stated["burn_in_steps"] = samples.burn_in
    return Result("components", data, stated, provenance_of_samples(samples))


def _dimensions(fitted: FittedComponents, seed: int) -> dict[str, Any]:
    kept, chance = kept_dimensions(fitted.rows[fitted.inlier_rows], seed=seed)
    return {
        "eigenvalue": ("dimension", fitted.components.eigenvalues, {"units": "variance of a unit"}),
        "eigenvalue_chance": ("dimension", chance, {"units": "variance of a unit"}),
        "dimensions_above_chance": ((), kept),
    }


def _swept(
    rows: NDArray[np.floating],
    groups: NDArray[np.integer],
    fitted: FittedComponents,
    judged: Stability,
    chosen: ComponentParameters,
    seed: int,
) -> dict[str, Any]:
    """The same with other numbers of components; what noise reaches is taken from the number asked for."""
    method, explained, index, stable = fitted.components.method, [], [], []
    counts = [each for each in sorted(set(chosen.sweep)) if each <= len(fitted.units)]
    for count in counts:
        found = fit_components(fitted.rows[fitted.inlier_rows], method, count, seed)
        is_given = count == fitted.components.count
        again = judged if is_given else component_stability(rows, groups, found, chosen.sweep_runs, seed, judged.chance)
        explained.append(float(found.explained.sum()))
        index.append(float(np.median(again.index)))
        stable.append(int(again.is_stable.sum()))
    return {
        "kept": ("kept", counts, {"long_name": "number of components"}),
        "sweep_explained": ("kept", explained, {"units": "1"}),
        "sweep_stability": ("kept", index, {"units": "1"}),
        "sweep_stable": ("kept", stable, {"units": "components"}),
    }


def _caption(samples: Samples, fitted: FittedComponents, judged: Stability, rows: NDArray[np.floating]) -> str:
    found = fitted.components
    if found.method == "units":
        return f"{found.count} units of {samples.source}, as they are; n = {fitted.steps:,} steps."
    outliers = int((~fitted.inlier_rows).sum())
    converged = "" if found.converged else "; IT DID NOT CONVERGE"
    sentences = [
        f"{found.count} components of {samples.source} by {found.method.upper()} ({found.algorithm}{converged}); "
        f"{fitted.how_many}. Found on {len(fitted.rows) - outliers:,} steps drawn from {fitted.steps:,}; {outliers} "
        "outliers (beyond Tukey's outer fence of distances from the mean) left out. Order: variance explained; "
        "sign: the "
        "long tail is high.",
        f"Stability: index of ICASSO over {judged.runs} estimates, each from another start and from "
        f"{'episodes' if isinstance(samples, RecordingWindows) else 'samples'} drawn with replacement "
        f"({len(rows):,} steps); stable from {STABLE:g} on",
    ]
    sentences[-1] += "." if np.isnan(judged.chance) else f"; Gaussian noise reaches {judged.chance:.2f}."
    if judged.not_converged:
        sentences.append(f"{judged.not_converged} of the {judged.runs} estimates did not converge.")
    return " ".join(sentences)


def _correlation_caption(rows: int, episodes: int) -> str:
    interval = "intervals: 95%, bootstrap over episodes" if episodes > 1 else "one episode only: no intervals"
    return (
        f"Pearson correlation over {rows:,} decisions of {episodes} episodes; {interval}. Chance: the largest absolute "
        "correlation with any of the quantities stays below it in 95% of circular shifts within episodes."
    )
