"""Principal components of every layer during behaviour: how many dimensions there are, and what the first follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.behaviour.convolutions import ConvolutionsParameters, layers_of, maps_of
from retinoscope.analyses.behaviour.layer_components import FEWEST_DECISIONS, FittedLayer, dimensions_of, fit_layers
from retinoscope.analyses.decisions import (
    GROUPS,
    LeftOut,
    Window,
    depends_on_memory,
    eventful_window,
    group_of,
    left_out,
)
from retinoscope.analyses.declaration import AGENT, RECORDING, Analysis, Given
from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.layer_activity import PIXELS, activity_blocks
from retinoscope.analyses.recorded import (
    Number,
    columns_of,
    events_counted,
    has_values,
    in_units,
    numbers_of,
    require_same,
)
from retinoscope.analyses.tracks import track_columns, with_tracks
from retinoscope.errors import NotMeasurable
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.covariance import Covariance
from retinoscope.statistics.histogram import Histogram
from retinoscope.statistics.moments import Moments
from retinoscope.statistics.principal_components import PrincipalComponents, correlation_intervals

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording


@parameters("principal components")
class PrincipalComponentsParameters:
    """Parameters of `principal_components`."""

    layers: tuple[str, ...] | None = setting(
        None,
        "names of layers; none for `pixels` and those that stand for the network (the ends of an encoder's stages, and "
        "what is stored)",
        fewest=1,
    )
    components: int = setting(40, "how many are kept of each layer", least=2)
    map_bins: int = setting(90, "of the map of the first two components, along each side", least=2)
    window_seconds: float | None = setting(
        None,
        "time of the traces shown; none for 30 s, or 240 decisions where the world has no time of its own",
        units="s",
        above=0,
    )
    burn_in_steps: int | None = setting(
        None,
        "left out of recurrent layers at the start of every episode; none for what `burn_in` finds",
        units="decisions",
        least=0,
    )
    block_size: int = setting(
        512, "decisions at a time; memory grows with it and with nothing else", units="decisions", least=1
    )
    seed: int = setting(0, "of the sample of decisions from which large layers are sketched", least=0)


def principal_components(
    recording: Recording,
    *,
    agent: Agent,
    given: Given | None = None,
    parameters: PrincipalComponentsParameters | None = None,
    cache: Path | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Principal components of layers during behaviour.

    Args:
        recording: what the agent saw, did and computed.
        agent: that of the recording.
        given: the Results of `convolutions` and `burn_in`, if they are at hand. Where more components are wanted than
            the former has, or of other layers, the convolutions are computed here.
        parameters: see `PrincipalComponentsParameters`; single ones may be given by name instead.
        cache: as in `convolutions`.
        progress: show progress bars on standard error if that is a terminal.
        **settings: fields of `PrincipalComponentsParameters` that replace those of `parameters`.

    Returns:
        A Result. By `layer`: `participation_ratio`, its 95% interval `participation_ratio_low` and `_high`,
        `participation_ratio_chance` (units with the same variances and nothing in common), `units`, `decisions`,
        `left_out_steps`, `is_exact`; by `layer` and `component`: `variance_share` and `variance_share_chance`, of
        the total variance, NaN behind the last component. By `mapped_layer`, `second_bin` and `first_bin`: `map_count`
        and `map_value`, how many decisions have their first two components there and the mean of what the map is
        coloured by (attribute `map_of`): the critic's value, or else the first number of the world; `map_first` and
        `map_second` (mapped_layer, edge). By `variable` and `other_variable`: `correlation`, with `correlation_low` and
        `correlation_high`, of first components, value and every number of the world (of headings sine and cosine). By
        `time`, a window of one episode: `score` (scored_layer, time), the first component, and what
        `analyses.tracks.with_tracks` adds. The sign of a first component is that of its correlation with the value;
        without a critic its largest weight is positive (attribute `sign`).

    Raises:
        UserError: a parameter is unknown or out of range, the recording is of another agent, or there is no such layer.
        NotMeasurable: there are too few decisions.
    """
    chosen = with_settings(parameters or PrincipalComponentsParameters(), settings)
    require_same(recording, agent)
    layers = _layers(recording, agent) if chosen.layers is None else chosen.layers
    asked = {name: _steps(recording, name, chosen) for name in layers}
    kept = {name: left_out(recording, name, steps, agent=agent, given=given) for name, steps in asked.items()}
    clock = recording.world.clock
    shown = in_units(chosen.window_seconds, clock, 30.0, 240.0)
    window = eventful_window(
        recording, max(2, round(shown / clock.per_decision)), max(each.steps for each in kept.values())
    )
    parts, computed = [], [name for name in layers if name in maps_of(agent, recording)]
    if computed:
        parts.append(_dimensions_of_convolutions(recording, agent, computed, given, chosen, cache, progress))
    read = {name: each.steps for name, each in kept.items() if name not in computed}
    fits = fit_layers(recording, read, agent.policy, chosen.components, read, chosen.block_size, chosen.seed, progress)
    if fits:
        parts.append(dimensions_of(fits, chosen.components))
    stored = tuple(name for name in layers if name in recording.attributes["layers"] and name not in computed)
    scored = [*stored, *(name for name in layers if name == PIXELS)]
    data = xarray.concat(parts, "layer").sel(layer=list(layers))
    data["left_out_steps"] = ("layer", [kept[name].steps for name in layers])
    if scored:
        data = data.merge(_first_components(recording, fits, scored, stored, kept, window, chosen), combine_attrs="no_conflicts")
    data.attrs |= _captions(data, recording, kept, window)
    said = stated(chosen) | {"layers": list(layers), "window_seconds": shown, "window_start": window.start}
    return Result("principal_components", data, said, provenance(recording=recording))


def first_component(
    recording: Recording,
    layer: str,
    *,
    agent: Agent | None = None,
    given: Given | None = None,
    burn_in_steps: int | None = None,
) -> PrincipalComponents:
    """The principal components of one layer alone, for other analyses: `.scores(activity, 1)` is the first.

    Args:
        recording: what the agent saw, did and computed.
        layer: name of the layer, or `pixels`.
        agent: that of the recording; needed for convolutions.
        given: the Result of `burn_in`, if it is at hand.
        burn_in_steps: decisions left out at the start of every episode; None for what `choose_burn_in` finds.
    """
    steps = left_out(recording, layer, burn_in_steps, agent=agent, given=given).steps
    policy = None if agent is None else agent.policy
    return fit_layers(recording, [layer], policy, burn_in_steps={layer: steps})[layer].components


def _layers(recording: Recording, agent: Agent) -> tuple[str, ...]:
    seen = (PIXELS,) if "observation" in recording.columns else ()
    return (*seen, *layers_of(agent, recording))


def _steps(recording: Recording, layer: str, chosen: PrincipalComponentsParameters) -> int | None:
    """The burn-in that the user asked for is that of the memory; other layers have no start-up."""
    return chosen.burn_in_steps if depends_on_memory(recording, layer) else 0


def _dimensions_of_convolutions(
    recording: Recording,
    agent: Agent,
    names: list[str],
    given: Given | None,
    chosen: PrincipalComponentsParameters,
    cache: Path | None,
    progress: bool,
) -> xarray.Dataset:
    known = (given or {}).get("convolutions")
    is_there = known is not None and set(names) <= set(known.data["layer"].values.tolist())
    if known is None or not is_there or known.data.sizes["component"] < chosen.components:
        fits = fit_layers(
            recording,
            names,
            agent.policy,
            chosen.components,
            block_size=chosen.block_size,
            seed=chosen.seed,
            progress=progress,
            cache=cache,
            kept=ConvolutionsParameters().kept_frames,
        )
        return dimensions_of(fits, chosen.components)
    found = known.data.drop_dims([name for name in known.data.dims if name not in ("layer", "component")])
    return found.sel(layer=names).isel(component=slice(chosen.components))


def _first_components(
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
    others = _Others.of(recording)
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
class _Others:
    """What first components are compared with: the value, if there is a critic, and the numbers of the world."""

    has_critic: bool
    numbers: tuple[Number, ...]

    @classmethod
    def of(cls, recording: Recording) -> _Others:
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
            found += [function(angle) for function in _ROUND.values()] if each.kind == "heading" else [values]
        return found

    def of_map(self, block: xarray.Dataset) -> NDArray[np.float64]:
        """What colours a map, (time,)."""
        found = self.values(block)
        return found[0] if found else np.zeros(block.sizes["time"])


_ROUND = {"sine": np.sin, "cosine": np.cos}


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
    others: _Others,
    chosen: PrincipalComponentsParameters,
) -> xarray.Dataset:
    edges = {name: _edges(moments, signs[name], chosen.map_bins) for name, moments in extent.items()}
    maps = {name: Histogram(*edges[name]) for name in extent}
    for block in _late_blocks(recording, list(extent), steps, 4 * chosen.block_size, others.columns):
        for name, histogram in maps.items():
            histogram.update(_scores(fits, name, block) * (signs[name], 1.0), others.of_map(block))
    found = [each.finalize() for each in maps.values()]
    bins = ("mapped_layer", "second_bin", "first_bin")
    edge = ("mapped_layer", "edge")
    activity = {"units": "activity"}
    coloured_by = "value" if others.has_critic else next(iter(others.names), "")
    return xarray.Dataset(
        {
            "map_count": (bins, np.stack([each.counts.T for each in found]), {"units": "decisions"}),
            "map_value": (bins, np.stack([each.mean.T for each in found])),
            "map_first": (edge, np.stack([each[0] for each in edges.values()]), activity),
            "map_second": (edge, np.stack([each[1] for each in edges.values()]), activity),
        },
        coords={"mapped_layer": list(maps)},
        attrs={"map_of": coloured_by},
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


def _captions(
    data: xarray.Dataset, recording: Recording, kept: Mapping[str, LeftOut], window: Window
) -> dict[str, str]:
    memory = "".join(f" In {name}, {each.rule}." for name, each in kept.items() if each.steps)
    sketched = [str(name) for name in data["layer"].values[~data["is_exact"].values]]
    constant = [
        f"{int(count)} of {name}"
        for name, count in zip(data["layer"].values, data["units_constant"].values, strict=True)
        if count
    ]
    captions = {
        "caption_scree": (
            f"Share of the total variance along each principal component of the activity; n = "
            f"{int(data['decisions'].max()):,} decisions, units not scaled. Participation ratio (sum of variances)² / "
            f"sum of squared variances, with a 95% jackknife interval over at most {GROUPS} groups of episodes; dashed "
            "and by chance: units of the same variances with nothing in common."
            + (f" Randomised estimate: {', '.join(sketched)}." if sketched else "")
            + (f" Never changed: {', '.join(constant)}." if constant else "")
            + memory
        )
    }
    has_critic = data.attrs.get("sign") == "value"
    sign = (
        "The sign of the first is that of its correlation with the value."
        if has_critic
        else "There is no critic to give the first a sign, and its largest weight is positive."
    )
    if "map_count" in data:
        coloured = data.attrs["map_of"]
        by = "critic's value" if has_critic else coloured
        what = f"the mean of {'the ' if has_critic else ''}{by} in each bin" if by else "the number of decisions"
        captions["caption_map"] = (
            f"First two principal components, coloured by {what}; n = "
            f"{int(data['correlation_decisions']):,} decisions. {sign}{_correlation(data, coloured)}{memory}"
        )
    if "score" in data:
        # What the first components are compared with is most often the value.
        compared = data.attrs["map_of"] if "map_count" in data else "value"
        captions["caption_time"] = (
            f"{data.sizes['time']} consecutive decisions{events_counted(data, recording.world)}; {window.rule}. "
            f"Components and r are of all {int(data['correlation_decisions']):,} decisions."
            f"{'' if has_critic else f' {sign}'}{_correlation(data, compared)}"
            f"{_correlation(data, f'first component of {PIXELS}')}"
        )
    return captions


def _correlation(data: xarray.Dataset, other: str) -> str:
    """A sentence on how the first components of the stored layers go with another variable."""
    if other not in data["variable"].values:
        return ""
    parts = []
    for name in data["variable"].values:
        if str(name).startswith("first component of") and name != other and not str(name).endswith("pixels"):
            pair = {"variable": name, "other_variable": other}
            r, low, high = (float(data[each].sel(pair)) for each in _CORRELATIONS)
            interval = f" (95% interval {low:.2f} to {high:.2f})" if np.isfinite(low) else " (no interval: one episode)"
            parts.append(f"{str(name).removeprefix('first component of ')} r = {r:.2f}{interval}")
    over = f" over {int(data['correlation_groups'])} groups of episodes; 0 by chance"
    return f" Correlation of the first component with the {other}: {', '.join(parts)}{over}." if parts else ""


_CORRELATIONS = ("correlation", "correlation_low", "correlation_high")


def _draw(result: Result) -> list[Drawing]:
    from retinoscope import figures

    captions, name = result.data.attrs, "principal_components"
    scree = captions["caption_scree"]
    drawings: list[Drawing] = [
        FigureDrawing(name, "How many dimensions activity has", scree, lambda: figures.principal_components(result)),
        _table(result, scree),
    ]
    if "caption_map" in captions:
        by = "the critic's value" if captions["sign"] == "value" else captions["map_of"] or "number of decisions"
        title, caption = f"First two components, by {by}", captions["caption_map"]
        drawings.append(FigureDrawing(f"{name}_map", title, caption, lambda: figures.principal_components_map(result)))
    if "caption_time" in captions:
        title, caption = "First components in time", captions["caption_time"]
        drawings.append(
            FigureDrawing(f"{name}_time", title, caption, lambda: figures.principal_components_time(result))
        )
    return drawings


def _table(result: Result, caption: str) -> TableDrawing:
    data = result.data
    columns = ("layer", "units", "decisions", "participation ratio", "95% low", "95% high", "by chance", "computed")
    rows = []
    for name in data["layer"].values:
        at = data.sel(layer=name)
        ratios = [float(at[f"participation_ratio{each}"]) for each in ("", "_low", "_high", "_chance")]
        shown = [round(each, 2) if np.isfinite(each) else "unknown" for each in ratios]
        how = "exactly" if bool(at["is_exact"]) else "randomised"
        rows.append((str(name), int(at["units"]), int(at["decisions"]), *shown, how))
    return TableDrawing("principal_components", "Dimensions of every layer", caption, columns, tuple(rows))


ANALYSIS = Analysis(
    name="principal_components",
    title="Principal components",
    group="behaviour",
    summary="How many dimensions the activity of every layer has, and what the first of them follow.",
    run=principal_components,
    parameters=PrincipalComponentsParameters,
    of="recording",
    needs=(RECORDING, AGENT),
    builds_on=("convolutions", "burn_in"),
    draw=_draw,
    functions=(first_component,),
    rank=50,
)
