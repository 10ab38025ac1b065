"""Components of the memory: what they are, how far they can be trusted, and what goes with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydantic
import xarray
from numpy.typing import NDArray

from retinoscope.analyses.declaration import MEMORY, RECORDING, Analysis, Given
from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.exploring import Panel
from retinoscope.analyses.memory.component_panels import component_panels
from retinoscope.analyses.memory.component_quantities import Quantities, correlate
from retinoscope.analyses.memory.fitted_components import Fit, fit_of
from retinoscope.analyses.memory.memory_components import FittedComponents, draw_steps
from retinoscope.analyses.memory.recording_windows import RecordingWindows
from retinoscope.errors import UserError
from retinoscope.result import Result
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.component_stability import (
    STABLE,
    Stability,
    component_stability,
    kept_dimensions,
    stability_of_each,
)
from retinoscope.statistics.components import Components, Standardised, fit_components

if TYPE_CHECKING:
    from retinoscope.agents.agent import Agent
    from retinoscope.analyses.memory.fitted_components import Source
    from retinoscope.rollouts import Recording

_NAMED = 3  # correlates in the table


@parameters("components")
class ComponentParameters:
    """Parameters of `components`."""

    runs: int = setting(20, "estimates from other starts and resampled samples, for the stability", least=2)
    sweep: tuple[int, ...] = setting(
        (4, 8, 16, 24, 32),
        "numbers of components for which the stability is measured too; those above the dimensions are left out",
    )
    sweep_runs: int = setting(5, "estimates for each of these", least=2)

    @pydantic.model_validator(mode="after")
    def _numbers(self) -> ComponentParameters:
        if any(each < 1 for each in self.sweep):
            raise UserError(f"sweep {min(self.sweep)}: is no number of components; give numbers from 1 on")
        return self


def components(
    source: Source,
    *,
    agent: Agent | None = None,
    given: Given | None = None,
    parameters: ComponentParameters | None = None,
    **settings: Any,
) -> Result:
    """Judge the components of samples.

    Args:
        source: as for `fitted_components`.
        agent: of the recording, if it is at hand.
        given: the Result of `fitted_components`, with parameters of its own.
        parameters: see `ComponentParameters`; single ones may be given by name instead.
        **settings: fields of `ComponentParameters` that replace those of `parameters`.

    Returns:
        A Result with, by component: `direction` and `pattern` (component, unit), the gradient of a component with
        respect to the state, and how the state changes with it; `explained` (share of variance), `stability`,
        `similarity`, `is_stable`, and `stability_chance` (); `eigenvalue` and `eigenvalue_chance` (dimension);
        `sweep_explained`, `sweep_stability` (median), `sweep_stable` (how many), by `kept`; `is_inlier_share` (). Of a
        recording also `correlation`, `correlation_low`, `correlation_high` (component, quantity) and
        `correlation_chance` (component).

    Raises:
        UserError: a parameter is unknown or out of range, or as `fitted_components`.
        NotMeasurable: there is only one sample or episode, or as `fitted_components`.
    """
    chosen = with_settings(parameters or ComponentParameters(), settings)
    fit = fit_of(source, agent, given)
    samples, fitted, seed = fit.samples, fit.fitted, fit.parameters["seed"]
    found = fitted.components
    # All that they were found on: estimates from fewer steps would be less like each other than those of this size are.
    drawn = draw_steps(samples, seed, fit.parameters["fit_steps"])
    rows = drawn.rows[:, fitted.units]
    judged, variables = _judged(rows, drawn.groups, fitted, chosen, seed)
    by_component = {
        "explained": (found.explained, "share of the variance of the standardised state", "1"),
        "stability": (judged.index, "stability index", "1"),
        "similarity": (judged.within, "mean similarity of its estimates", "1"),
        "is_stable": (judged.is_stable, "stable", ""),
    }
    variables |= {
        "direction": (("component", "unit"), fitted.full(found.directions()), {"units": "1 / activity"}),
        "pattern": (("component", "unit"), fitted.full(found.patterns()), {"units": "activity"}),
        "stability_chance": ((), judged.chance),
        "is_inlier_share": ((), (fitted.drawn - fitted.outliers) / fitted.drawn, {"units": "1"}),
    }
    for name, (values, long_name, units) in by_component.items():
        variables[name] = ("component", values, {"long_name": long_name, "units": units})
    data = xarray.Dataset(variables, {"component": fitted.numbers, "unit": np.arange(fitted.units_of_state)})
    data.attrs["caption"] = _caption(fit, judged)
    if "kept" in data.dims:
        data.attrs["caption"] += f" Of other numbers of components: over {chosen.sweep_runs} estimates."
    if isinstance(samples, RecordingWindows) and Quantities(samples.recording).names:
        data = _with_correlations(data, samples, fitted, seed)
    said = fit.parameters | stated(chosen) | {"stability_steps": len(rows), "stable_from": STABLE}
    return Result("components", data, said, fit.provenance)


def _judged(
    rows: NDArray[np.floating],
    groups: NDArray[np.integer],
    fitted: FittedComponents,
    chosen: ComponentParameters,
    seed: int,
) -> tuple[Stability, dict[str, Any]]:
    """How stable the components are; and, unless they are single units, how many there might be."""
    given = fitted.components
    if given.method == "units":
        return component_stability(rows, groups, given, chosen.runs, seed), {}
    inliers = rows[fitted.inliers.is_inlier(rows)]
    states = Standardised.of(inliers)
    counts = [each for each in sorted(set(chosen.sweep)) if each <= states.dimensions]
    swept = {each: fit_components(states, given.method, each, seed) for each in counts if each != given.count}
    stabilities = stability_of_each(
        rows, groups, [(given, chosen.runs), *((each, chosen.sweep_runs) for each in swept.values())], seed
    )
    judged: dict[int, tuple[Components, Stability]] = {given.count: (given, stabilities[0])}
    judged |= {each.count: (each, one) for each, one in zip(swept.values(), stabilities[1:], strict=True)}
    at = [judged[each] for each in counts]
    kept, chance = kept_dimensions(inliers, seed=seed)
    return stabilities[0], {
        "eigenvalue": ("dimension", given.eigenvalues, {"units": "variance of a unit"}),
        "eigenvalue_chance": ("dimension", chance, {"units": "variance of a unit"}),
        "dimensions_above_chance": ((), kept),
        "kept": ("kept", counts, {"long_name": "number of components"}),
        "sweep_explained": ("kept", [float(each.explained.sum()) for each, _ in at], {"units": "1"}),
        "sweep_stability": ("kept", [float(np.median(one.index)) for _, one in at], {"units": "1"}),
        "sweep_stable": ("kept", [int(one.is_stable.sum()) for _, one in at], {"units": "components"}),
    }


def _with_correlations(
    data: xarray.Dataset, samples: RecordingWindows, fitted: FittedComponents, seed: int
) -> xarray.Dataset:
    """What goes with each component in the recording."""
    names, found = correlate(samples.recording, fitted, samples.burn_in, samples.layer, seed)
    values = {"": found.estimate, "_low": found.low, "_high": found.high}
    variables = {f"correlation{end}": (("component", "quantity"), each, {"units": "1"}) for end, each in values.items()}
    data = data.assign(variables | {"correlation_chance": ("component", found.chance, {"units": "1"})})
    caption = _correlation_caption(samples.recording, found.rows, found.episodes)
    return data.assign_coords(quantity=names).assign_attrs(correlation_caption=caption)


def _caption(fit: Fit, judged: Stability) -> str:
    fitted, found = fit.fitted, fit.fitted.components
    if found.method == "units":
        return f"{found.count} units of {fit.samples.source}, as they are; n = {fitted.steps:,} steps."
    converged = "" if found.converged else "; IT DID NOT CONVERGE"
    drawn_anew = "episodes" if isinstance(fit.samples, RecordingWindows) else "samples"
    sentences = [
        f"{found.count} components of {fit.samples.source} by {found.method.upper()} ({found.algorithm}{converged}); "
        f"{fitted.how_many}. Found on {fitted.drawn - fitted.outliers:,} steps drawn from {fitted.steps:,}; "
        f"{fitted.outliers} outliers (beyond Tukey's outer fence of distances from the mean) left out."
        f"{fitted.constant_units} Order: variance explained; sign: the long tail is high.",
        f"Stability: index of ICASSO over {judged.runs} estimates, each from another start and from {drawn_anew} drawn "
        f"with replacement ({fitted.drawn:,} steps); stable from {STABLE:g} on",
    ]
    sentences[-1] += "." if np.isnan(judged.chance) else f"; Gaussian noise reaches {judged.chance:.2f}."
    if judged.lacking:
        sentences.append(
            f"In {judged.lacking} of the {judged.runs} estimates units that did not change in what was drawn have no "
            "weight."
        )
    if judged.not_converged:
        sentences.append(f"{judged.not_converged} of the {judged.runs} estimates did not converge.")
    return " ".join(sentences)


def _correlation_caption(recording: Recording, rows: int, episodes: int) -> str:
    world, kinds = recording.world, recording.attributes["action_kinds"].values()
    reading = []
    if "action" in recording.columns:
        reading.append(f"Actions: {'their numbers' if 'gaussian' in kinds else '1 where taken, else 0'}.")
    if world.variable("heading") is not None:
        reading.append("Headings: their sine and cosine.")
    if world.object_classes:
        reading.append(f"In view: number of objects; distance{world.distance_units and f' in {world.distance_units}'}.")
    interval = "intervals: 95%, bootstrap over episodes" if episodes > 1 else "one episode only: no intervals"
    return (
        f"Pearson correlation over {rows:,} decisions of {episodes} episodes; {interval}. Chance: the largest absolute "
        "correlation with any of the quantities stays below it in 95% of circular shifts within episodes. "
        + " ".join(reading)
    )


def _draw(result: Result) -> list[Drawing]:
    from retinoscope import figures

    caption = result.data.attrs["caption"]
    drawn: list[Drawing] = [
        FigureDrawing(
            "components", "Components of the memory", caption, lambda: figures.components(result), says_caption=True
        ),
    ]
    if "correlation" in result.data:
        said = result.data.attrs["correlation_caption"]
        drawn.append(
            FigureDrawing(
                "component_correlates",
                "What goes with each component",
                said,
                lambda: figures.component_correlates(result),
                says_caption=True,
            )
        )
    drawn.append(_component_table(result))
    return drawn


def _explore(result: Result) -> list[Panel]:
    return component_panels(result, _component_table(result))


def _component_table(result: Result) -> TableDrawing:
    data = result.data
    has_correlates = "correlation" in data
    columns: tuple[str, ...] = ("component", "variance explained (%)", "stability index", "stable")
    if has_correlates:
        columns += (f"goes with: the {_NAMED} largest correlations above chance, r [95% interval]", "chance |r|")
    rows = []
    for place, number in enumerate(data["component"].values.tolist()):
        row: tuple[str | int | float, ...] = (
            number,
            f"{100 * float(data['explained'][place]):.1f}",
            f"{float(data['stability'][place]):.2f}",
            "yes" if bool(data["is_stable"][place]) else "no",
        )
        if has_correlates:
            row += (_largest_correlates(result, place), f"{float(data['correlation_chance'][place]):.2f}")
        rows.append(row)
    caption = data.attrs["caption"] + (f" {data.attrs['correlation_caption']}" if has_correlates else "")
    return TableDrawing("components", "Components of the memory", caption, columns, tuple(rows))


def _largest_correlates(result: Result, place: int) -> str:
    one = result.data.isel(component=place)
    values, low, high = (one[f"correlation{suffix}"].values for suffix in ("", "_low", "_high"))
    order = np.argsort(-np.abs(np.nan_to_num(values)), kind="stable")[:_NAMED]
    above = [each for each in order if abs(values[each]) > float(one["correlation_chance"])]
    named = [
        f"{one['quantity'].values[each]} {values[each]:+.2f} [{low[each]:+.2f}, {high[each]:+.2f}]" for each in above
    ]
    return "; ".join(named).replace("-", "−") or "nothing above chance"


ANALYSIS = Analysis(
    name="components",
    title="Components of the memory",
    group="memory",
    summary="Directions in which the memory varies: how stable they are, how many there are, and what goes with them.",
    run=components,
    parameters=ComponentParameters,
    of="recording",
    needs=(RECORDING, MEMORY),
    builds_on=("fitted_components",),
    draw=_draw,
    explore=_explore,
    rank=20,
    methods="""
        {% if components != "units" %}How far components can be trusted was measured by finding them {{ runs }}
        times from other random starts and resampled data, and matching those of each run one to one with the
        first, after ICASSO [@himberg2004]; a component counts as stable from an index of {{ stable_from }} on.
        How many dimensions lie above chance was told by parallel analysis [@horn1965]. {% endif %}{% if
        "quantity" in sizes %}Components were correlated with {{ sizes.quantity }} quantities that were recorded
        beside them; intervals are {{ interval }}% bootstrap intervals over episodes, and the chance level is
        the ninety-fifth percentile of the largest absolute correlation with any of them after circular shifts
        within episodes [@westfall1993].{% endif %}
    """,
)
