"""Principal components of every layer during behaviour: how many dimensions there are, and what the first follow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.behaviour.convolutions import ConvolutionsParameters, layers_of, maps_of
from retinoscope.analyses.behaviour.first_components import first_components
from retinoscope.analyses.behaviour.layer_components import dimensions_of, fit_layers
from retinoscope.analyses.decisions import (
    GROUPS,
    LeftOut,
    Window,
    depends_on_memory,
    eventful_window,
    left_out,
)
from retinoscope.analyses.declaration import AGENT, RECORDING, Analysis, Given
from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.exploring import Panel, table_panel
from retinoscope.analyses.layer_activity import PIXELS
from retinoscope.analyses.recorded import (
    events_counted,
    in_units,
    require_agent,
    require_same,
)
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.principal_components import PrincipalComponents

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
    components: int = setting(40, "number of components that are kept of each layer", least=2)
    map_bins: int = setting(90, "number of bins along each side of the map of the first two components", least=2)
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
    seed: int = setting(0, "seed of the sample of decisions from which large layers are sketched", least=0)


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
        coloured by (attribute `map_of`): the critic's value, or else the first quantity of the world; `map_first` and
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
    require_agent(agent, "principal components")
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
        first = first_components(recording, fits, scored, stored, kept, window, chosen)
        data = data.merge(first, combine_attrs="no_conflicts")
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
            if not np.isfinite(r):  # one of the two never changes, or is not always known
                parts.append(f"{str(name).removeprefix('first component of ')} r = unknown")
                continue
            interval = f" (95% interval {low:.2f} to {high:.2f})" if np.isfinite(low) else " (no interval: one episode)"
            parts.append(f"{str(name).removeprefix('first component of ')} r = {r:.2f}{interval}")
    over = f" over {int(data['correlation_groups'])} groups of episodes; 0 by chance"
    article = "the " if other == "value" or other.startswith("first component") else ""
    return f" Correlation of the first component with {article}{other}: {', '.join(parts)}{over}." if parts else ""


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


def _explore(result: Result) -> list[Panel]:
    return [table_panel(_table(result, result.data.attrs["caption_scree"]))]


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
    explore=_explore,
    functions=(first_component,),
    rank=50,
    methods="""
        The principal components of the activity of {{ layers | listed }} during behaviour were found without
        scaling of units, over {{ found.decisions | max }} decisions. {% if found.left_out_steps | max %}Of
        recurrent layers the first {{ found.left_out_steps | max }} decisions of every episode were left out.{%
        endif %} {% if not found.is_exact | min %}Of layers too large for that, the leading components were
        found from a sketch of the covariance [@tropp2017].{% endif %} The number of dimensions is given as
        participation ratio, the squared sum of the variances over the sum of their squares, with {{ interval
        }}% jackknife intervals over groups of episodes [@efron1993], beside that of units of the same variances
        with nothing in common. Correlations between first components and what was recorded beside them are over
        {{ found.correlation_decisions }} decisions (seed {{ seed }}).
    """,
)
