"""Tuning: how every unit and component depends on place, heading, objects in view, and all else a world declares."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.analyses.decisions import left_out
from retinoscope.analyses.declaration import RECORDING, Analysis, Given
from retinoscope.analyses.exploring import COMPONENTS
from retinoscope.analyses.memory.along_frames import Span, along_frames, leading_scores, rows_of, untrained_of
from retinoscope.analyses.memory.fitted_components import Fit, fit_of
from retinoscope.analyses.memory.memory_components import ComponentChoice, fit_to_samples
from retinoscope.analyses.memory.samples import ArraySamples
from retinoscope.analyses.memory.tuning_drawings import drawings, panels
from retinoscope.analyses.memory.tuning_measured import Measured, Pieces, measured, view_features
from retinoscope.analyses.memory.world_variables import InView, WorldVariable, bins_of, in_view, variables_of
from retinoscope.analyses.recorded import require_same
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.tuning import Bins

if TYPE_CHECKING:
    from retinoscope.agents.agent import Agent
    from retinoscope.rollouts import Recording

AGENT, UNTRAINED = "agent", "untrained"
_LONG_NAMES = {
    "between": ("share of the variance between bins", "1"),
    "between_chance": ("the same, mean over shifts", "1"),
    "p": ("of the maximum statistic over the units of the layer", "1"),
    "information": ("information per unit of mean activity", "bits"),
    "information_chance": ("the same, mean over shifts", "bits"),
    "stability": ("correlation of the rates of two halves", "1"),
    "fields": ("number of fields", ""),
    "vector_length": ("length of the mean vector", "1"),
    "direction": ("direction of the mean vector", "degrees"),
    "alone": ("share of held-out variance explained by the variable alone", "1"),
    "beyond_view": ("share of held-out variance explained beyond what is in view", "1"),
}


@parameters("tuning")
class TuningParameters:
    """Parameters of `tuning`."""

    variables: tuple[str, ...] | None = setting(
        None, "variables of the world to which tuning is measured; none for the first `most_variables` of all", fewest=1
    )
    pairs: tuple[str, ...] = setting((), "further maps, each over two numbers of the world: 'fuel & heading'")
    most_variables: int = setting(12, "number of variables, unless they are named", least=1)
    place_bins: int = setting(16, "number of bins of a map along each axis", least=2)
    curve_bins: int = setting(
        24, "number of bins of a single number; if it has fewer values, each is a bin of its own", least=2
    )
    object_bins: tuple[int, int] = setting(
        (12, 10), "number of bins of an object's position, along bearing and distance"
    )
    fewest: int = setting(10, "a bin with fewer decisions is left out", units="decisions", least=1)
    shifts: int = setting(100, "number of shifts of activity within episodes, for the level of chance", least=1)
    level: float = setting(
        0.05, "family-wise error rate over the units of a layer, of each variable by itself", above=0, below=1
    )
    smoothing_bins: float = setting(
        1.0,
        "standard deviation of the Gaussian by which maps are smoothed before fields are sought",
        units="bins",
        least=0,
    )
    field_bins: int = setting(3, "size of a field, at least", units="bins", least=1)
    frame_components: int = setting(
        50, "number of principal components of the frames in the model of what is in view", least=0
    )
    ridge: float = setting(10.0, "weight of the penalty in models: a bin of so many decisions is halved", above=0)
    decisions: int = setting(
        200_000, "number of decisions that are used, at most: whole episodes, spread over the recording", least=1
    )
    untrained: bool = setting(True, "also measure an untrained network along the same frames, if the agent is at hand")
    burn_in_steps: int | None = setting(
        None, "left out at the start of every episode; none for what `burn_in` finds", units="decisions", least=0
    )
    seed: int = setting(0, "seed of everything drawn at random", least=0)


def tuning(
    recording: Recording,
    *,
    agent: Agent | None = None,
    given: Given | None = None,
    parameters: TuningParameters | None = None,
    cache: Path | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Measure how every unit of the recorded layers, and every component, depends on the variables of the world.

    Variables are what the world declares: a place (a map), a heading (a curve around the circle), any other number (a
    curve), two numbers that belong together (a map), and of each kind of object, by its sign to the agent, bearing and
    distance of the nearest in view (a map). Chance: circular shifts of activity within episodes, maximum statistic over
    the units of a layer (see `statistics/tuning.py`). What a variable explains beyond what is in view is the share of
    variance, in episodes that the models have not seen, by which a model with it is better than one of the view alone:
    nearest object of each kind, how many are in view, and the frame's principal components, all of
    them held back as much as is best in the folds left for fitting (see `statistics/nested_models.py`).

    Args:
        recording: what the agent saw and computed.
        agent: who was recorded; needed for the untrained network.
        given: the Results of `fitted_components` and `burn_in`, if they are at hand.
        parameters: see `TuningParameters`; single ones may be given by name instead.
        cache: a folder for what is large; None for one of the system's, for the while.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `TuningParameters` that replace those of `parameters`.

    Returns:
        A Result over `network` (agent, and untrained if there is one), `variable` and `unit`, units of all layers one
        after the other (coordinates `unit_layer`, `unit_number`; layer `components`: of each network's own memory),
        with `between`, `between_chance`, `p`, `is_tuned`, `information`, `information_chance` (bits; activity
        counted from the lowest of the unit), `stability`, `fields`, `vector_length`, `direction` (headings), `alone`,
        `beyond_view`; `centre`, `width` (..., axis) of the highest field; `view` (network, unit). For each variable
        (here place) `place_rate` (network, unit, place_0, place_1), mean activity, and `place_occupancy`, decisions;
        NaN where there were too few. Attribute `variables`: JSON of what each is.

    Raises:
        UserError: a parameter is wrong, or agent and recording do not belong together.
        NotMeasurable: the world declares nothing that changes, or there are too few decisions.
    """
    chosen = with_settings(parameters or TuningParameters(), settings)
    if agent is not None:
        require_same(recording, agent)
    start = left_out(recording, None, chosen.burn_in_steps, agent=agent, given=given)
    episodes = episodes_of(recording, chosen.decisions, start.steps)
    spans = [(first + start.steps, stop) for first, stop in episodes]
    objects = in_view(recording, spans)
    variables = _with_bins(recording, spans, objects, chosen)
    pieces = Pieces.of([stop - first for first, stop in spans])
    fit, why_not = _components(recording, agent, given)
    layers = {str(name): int(count) for name, count in recording.attributes["layers"].items()}
    sizes = layers | ({} if fit is None else {COMPONENTS: len(fit.fitted.numbers)})
    reference = untrained_of(agent, chosen.untrained, chosen.seed)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".tuning-") as folder:
        along = along_frames(
            recording, episodes, start.steps, reference.policy, list(layers), Path(folder), progress=progress
        )
        scores = None
        if along.pictures is not None and chosen.frame_components:
            scores = leading_scores(along.pictures, chosen.frame_components, chosen.seed)
        view = view_features(variables, [each.count for each in objects], scores)
        networks: list[Mapping[str, NDArray[np.floating]]] = [_recorded(recording, spans, layers, fit)]
        names = [AGENT]
        if along.activity:
            own, why_no_other = _untrained_components(recording, along.activity, fit, chosen.seed)
            networks, names = [*networks, dict(along.activity) | own], [*names, UNTRAINED]
            why_not = " ".join(each for each in (why_not, why_no_other) if each)
        found = measured(networks, sizes, variables, view, pieces, chosen, progress)
    data = _dataset(found, names, sizes, fit, variables, chosen)
    said = [] if chosen.untrained and along.activity else [_without(chosen, agent, reference.words, along.activity)]
    data.attrs["caption"] = _caption(recording, pieces, start.rule, chosen, variables, view is not None)
    notes = [*([reference.words] if along.activity else said), *([why_not] if why_not else [])]
    data.attrs["caption"] += "".join(f" {each}" for each in notes if each)
    settled = stated(chosen) | {"burn_in_steps": start.steps, "layers": list(sizes)}
    return Result("tuning", data, settled, provenance(recording=recording))


def episodes_of(recording: Recording, decisions: int, burn_in: int) -> list[Span]:
    """Whole episodes that go on behind the burn-in, so many decisions at most, spread over the recording.

    Raises:
        NotMeasurable: there is none.
    """
    there = [(each.start, each.stop) for each in recording.episodes if each.stop - each.start > burn_in + 1]
    if not there:
        longest = max((each.stop - each.start for each in recording.episodes), default=0)
        raise NotMeasurable(
            f"{recording.path}: the longest episode has {longest} decisions, of which the first {burn_in} are left out "
            "as the memory's start-up; record longer episodes, or give burn_in_steps"
        )
    lengths = np.array([stop - first for first, stop in there])
    count = len(there)
    while count > 1 and lengths[_spread(len(there), count)].sum() > decisions:
        count -= 1
    kept = [there[each] for each in _spread(len(there), count)]
    first, stop = kept[0]
    return [(first, min(stop, first + max(decisions, burn_in + 2)))] if count == 1 else kept


def _spread(there: int, count: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, there - 1, count).round().astype(np.int64))


def _with_bins(
    recording: Recording, spans: list[Span], objects: list[InView], chosen: TuningParameters
) -> list[tuple[WorldVariable, Bins]]:
    """The variables that change, with their bins."""
    found = []
    listed = variables_of(recording, spans, objects, chosen.variables, chosen.pairs, chosen.most_variables)
    for each in listed:
        bins = bins_of(each, chosen.place_bins, chosen.curve_bins, chosen.object_bins)
        if bins is None:
            continue
        inside = np.bincount(np.clip(bins.of(each.values), -1, None) + 1, minlength=bins.count + 1)[1:]
        if (inside >= chosen.fewest).sum() >= 2:
            found.append((each, bins))
    if not listed:
        raise NotMeasurable(f"world {recording.world.name!r}: declares no variables, and lists no objects in view")
    if not found:
        names = ", ".join(each.name for each in listed)
        raise NotMeasurable(
            f"{recording.path}: of {names} no two bins have {chosen.fewest} decisions; record more, or give fewer bins"
        )
    return found


def _components(recording: Recording, agent: Agent | None, given: Given | None) -> tuple[Fit | None, str]:
    """The components of the memory; None with the reason if there is a memory and they cannot be found."""
    if not recording.layers_of("memory"):
        return None, ""
    try:
        return fit_of(recording, agent, given), ""
    except NotMeasurable as error:
        return None, f"Components are not looked at ({error})."


def _untrained_components(
    recording: Recording, activity: Mapping[str, NDArray[np.float32]], fit: Fit | None, seed: int
) -> tuple[dict[str, NDArray[np.floating]], str]:
    """As many components of the untrained network's own memory, found in the same way; nothing with the reason."""
    if fit is None or (layer := _layer_of(recording, fit)) not in activity:
        return {}, ""
    method = ComponentChoice.parse(fit.parameters["components"]).method
    choice = ComponentChoice.parse(method if method == "units" else f"{method}:{len(fit.fitted.numbers)}")
    states = np.asarray(activity[layer])
    try:
        fitted = fit_to_samples(ArraySamples(states[:, None]), choice, seed, fit.parameters["fit_steps"])
    except (NotMeasurable, UserError) as error:
        return {}, f"No components of the untrained network stand beside those of the agent ({error})."
    if len(fitted.numbers) != len(fit.fitted.numbers):
        return {}, "No components of the untrained network stand beside those of the agent (they are other units)."
    return {COMPONENTS: np.asarray(fitted.transform(states), np.float32)}, ""


def _layer_of(recording: Recording, fit: Fit) -> str:
    return str(fit.parameters.get("layer") or recording.layers_of("memory")[0])


def _recorded(
    recording: Recording, spans: list[Span], layers: Mapping[str, int], fit: Fit | None
) -> dict[str, NDArray[np.floating]]:
    """(row, unit) of every layer and of the components."""
    total = sum(stop - first for first, stop in spans)
    found = {name: np.empty((total, units), np.float32) for name, units in layers.items()}
    for place, read in rows_of(recording, spans, list(layers)):
        for name, values in found.items():
            values[place] = read[name]
    kept: dict[str, NDArray[np.floating]] = dict(found)
    if fit is not None:
        kept[COMPONENTS] = np.asarray(fit.fitted.transform(found[_layer_of(recording, fit)]), np.float32)
    return kept


def _dataset(
    found: Measured,
    names: list[str],
    sizes: Mapping[str, int],
    fit: Fit | None,
    variables: list[tuple[WorldVariable, Bins]],
    chosen: TuningParameters,
) -> xarray.Dataset:
    over = ("network", "variable", "unit")
    data: dict[str, Any] = {
        name: (over, values, {"long_name": _LONG_NAMES[name][0], "units": _LONG_NAMES[name][1]})
        for name, values in found.numbers.items()
    }
    data["is_tuned"] = (over, found.numbers["p"] <= chosen.level, {"long_name": f"p at most {chosen.level:g}"})
    data["view"] = (
        ("network", "unit"),
        found.view,
        {"long_name": "share of held-out variance explained by what is in view", "units": "1"},
    )
    data["centre"] = ((*over, "axis"), found.centre, {"long_name": "middle of the highest field"})
    data["width"] = ((*over, "axis"), found.width, {"long_name": "full width of it at half height"})
    coordinates: dict[str, Any] = {
        "network": names,
        "variable": [variable.name for variable, _ in variables],
        "unit_layer": ("unit", [name for name, size in sizes.items() for _ in range(size)]),
        "unit_number": ("unit", [number for size in sizes.values() for number in range(size)]),
        "axis": [0, 1],
    }
    listed: list[dict[str, Any]] = []
    for (variable, bins), rates, occupancy in zip(variables, found.rates, found.occupancy, strict=True):
        stored = "_".join("".join(each if each.isalnum() else " " for each in variable.name).split())
        while any(each["stored"] == stored for each in listed):
            stored += "_"
        along = tuple(f"{stored}_{axis}" for axis in range(len(bins.shape)))
        shape = (*rates.shape[:2], *bins.shape)
        data[f"{stored}_rate"] = (("network", "unit", *along), rates.reshape(shape), {"units": "activity"})
        data[f"{stored}_occupancy"] = (along, occupancy.reshape(bins.shape), {"units": "decisions"})
        for name, axis, middles in zip(along, variable.axes, bins.centres, strict=True):
            coordinates[name] = (name, middles, {"long_name": axis.title, "units": axis.units})
        about = {"name": variable.name, "stored": stored, "kind": variable.kind}
        listed.append(about | {"labels": [axis.label for axis in variable.axes], "bins": list(bins.shape)})
    attributes = {"variables": json.dumps(listed)}
    if fit is not None:
        attributes["component_numbers"] = json.dumps(fit.fitted.numbers.tolist())
    return xarray.Dataset(data, coordinates, attributes)


def _without(chosen: TuningParameters, agent: Agent | None, words: str, activity: Mapping[str, Any]) -> str:
    if not chosen.untrained:
        return "No untrained network was asked for."
    return words if agent is None or not words.startswith("Untrained:") else "There are no frames for an untrained one."


def _caption(
    recording: Recording,
    pieces: Pieces,
    rule: str,
    chosen: TuningParameters,
    variables: list[tuple[WorldVariable, Bins]],
    has_view: bool,
) -> str:
    rows, episodes = pieces.episodes[-1][1], len(pieces.episodes)
    of = "episodes" if pieces.are_episodes else "parts of episodes"
    said = [
        f"n = {rows:,} decisions of {episodes} episode{'s' if episodes != 1 else ''}; {rule}. Bins with fewer than "
        f"{chosen.fewest} decisions are left out. Chance: activity shifted {chosen.shifts} times within episodes, "
        f"around their ends; tuned: p ≤ {chosen.level:g}, family-wise over the units of a layer (maximum statistic), "
        f"for each variable by itself. Explained: share of the variance of {of} that the model was not fitted to."
    ]
    if has_view:
        said.append(
            "In view: nearest object of each kind, their numbers, and the frame's principal components, linear; how "
            "much all of it is held back is chosen for each unit in episodes that are fitted to."
        )
    else:
        said.append("The recording holds neither frames nor objects: what is in view is not known.")
    if any(variable.kind == "object" for variable, _ in variables):
        said.append("Objects: the nearest of a kind, while one is in view; bearing to the right above 0.")
    return " ".join(said)


ANALYSIS = Analysis(
    name="tuning",
    title="Tuning",
    group="memory",
    summary="How every unit and component depends on place, heading, nearest objects and all else a world declares.",
    run=tuning,
    parameters=TuningParameters,
    of="recording",
    needs=(RECORDING,),
    builds_on=("fitted_components", "burn_in"),
    draw=drawings,
    explore=panels,
    rank=60,
    methods="""
        How the units of {{ layers | listed }} depend on {{ labels.variable | listed }} was measured by their mean
        activity in bins ({{ place_bins }} along each axis of a map, {{ curve_bins }} of a single number, {{ object_bins
        | listed }} along bearing and distance of objects); bins with fewer than {{ fewest }} decisions were left out.
        Chance was measured by shifting the activity of all units together {{ shifts }} times by random numbers of
        decisions within episodes, around their ends. A unit counts as tuned where the share of its variance between
        bins, in standard deviations of its own shifts, is beyond chance at a family-wise error rate of {{ level }} over
        the units of its layer (maximum statistic, [@westfall1993]). Information is that of [@skaggs1993], activity
        counted from the lowest of each unit; fields lie above half of the height of maps smoothed with a standard
        deviation of {{ smoothing_bins }} bins. What a variable explains, alone and beyond what is in view, is the share
        of variance of ridge regressions [@hoerl1970] in episodes that they were not fitted to; in view are the nearest
        objects and at most {{ frame_components }} principal components of the frame, with a penalty chosen for each
        unit by nested cross-validation. Networks: {{ labels.network | listed }} (seed {{ seed }}).
    """,
)
