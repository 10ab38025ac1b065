"""Raster: the activity of all units over time, z-scored, units that act alike next to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.behaviour.convolutions import channel_means, layers_of, unit_blocks
from retinoscope.analyses.behaviour.layer_components import FEWEST_DECISIONS
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
from retinoscope.analyses.drawing import Drawing, FigureDrawing
from retinoscope.analyses.exploring import OrderPanel, Panel
from retinoscope.analyses.recorded import events_counted, in_units, require_agent, require_same
from retinoscope.analyses.tracks import track_columns, with_tracks
from retinoscope.errors import NotMeasurable
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.covariance import Covariance, CovarianceEstimate, merged
from retinoscope.statistics.raster_order import Order, order_stability, unit_order

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

Means = dict[str, NDArray[np.float32]]

_HOW = {
    "cosine": "one-dimensional t-SNE by the cosine distance of z-scored units in the space of their leading components",
    "euclidean": "one-dimensional t-SNE by the Euclidean distance of raw time courses",
    "rastermap": "Rastermap",
}


@parameters("raster")
class RasterParameters:
    """Parameters of `raster`."""

    layers: tuple[str, ...] | None = setting(
        None,
        "names of layers; none for those that stand for the network (the ends of an encoder's stages, what is stored). "
        "Of a convolution the mean of each channel is shown",
        fewest=1,
    )
    order: Order = setting("cosine", "how units are sorted, see `statistics.raster_order.unit_order`")
    splits: int = setting(3, "number of random halves of the episodes on which the order is computed again", least=1)
    window_seconds: float | None = setting(
        None, "time shown; none for 30 s, or 240 decisions where the world has no time of its own", units="s", above=0
    )
    burn_in_steps: int | None = setting(
        None,
        "left out of recurrent layers at the start of every episode; none for what `burn_in` finds",
        units="decisions",
        least=0,
    )
    block_size: int = setting(512, "decisions at a time; memory grows with it and with nothing else", least=1)
    seed: int = setting(0, "seed of embeddings and halves", least=0)


def raster(
    recording: Recording,
    *,
    agent: Agent,
    given: Given | None = None,
    parameters: RasterParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """All units of all layers over a stretch of time, sorted.

    Args:
        recording: what the agent saw, did and computed.
        agent: that of the recording.
        given: the Results of `convolutions` and `burn_in`, if they are at hand.
        parameters: see `RasterParameters`; single ones may be given by name instead.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `RasterParameters` that replace those of `parameters`.

    Returns:
        A Result with, for every layer (here fc): `fc` (fc_unit, time), z-scored with the mean and standard deviation of
        all decisions, units in their order, `fc_unit` being their numbers; a unit that never changes is 0, and
        `fc_is_constant` (fc_unit). By `layer`: `stability` (layer, split), |Spearman's rho| between the orders of two
        halves of the episodes, `stability_chance` and `stability_chance_high`, mean and 95% quantile of |rho| between
        random orders; NaN where there are fewer than 3 units or 2 episodes; `decisions`; `is_map`. By `time`: `events`
        (time, event), `value`, the first numbers of the world (attribute `variables`), `seconds`, in which the episode
        is (decisions, where the world has no time).

    Raises:
        UserError: a parameter is unknown or out of range, the recording is of another agent, there is no such layer,
            or rastermap is asked for and not installed.
        NotMeasurable: there are too few decisions.
    """
    chosen = with_settings(parameters or RasterParameters(), settings)
    require_agent(agent, "raster")
    require_same(recording, agent)
    named = layers_of(agent, recording) if chosen.layers is None else chosen.layers
    kept = {
        name: left_out(
            recording,
            name,
            chosen.burn_in_steps if depends_on_memory(recording, name) else 0,
            agent=agent,
            given=given,
        )
        for name in named
    }
    means = channel_means(recording, agent, named, given, progress)
    groups = _covariances(recording, means, kept, chosen, progress)
    clock = recording.world.clock
    shown = in_units(chosen.window_seconds, clock, 30.0, 240.0)
    window = eventful_window(
        recording, max(2, round(shown / clock.per_decision)), max(each.steps for each in kept.values())
    )
    data = _window(recording, means, tuple(kept), window, chosen)
    data = data.merge(_stability(groups, chosen)).assign(is_map=("layer", [name in means for name in groups]))
    for name, parts in groups.items():
        data = _sorted(data, name, merged(parts).finalize(), chosen)
    data.attrs["caption"] = _caption(data, recording, kept, window, chosen)
    said = stated(chosen) | {"layers": list(named), "window_seconds": shown, "window_start": window.start}
    return Result("raster", data, said, provenance(recording=recording))


def _covariances(
    recording: Recording, means: Means, kept: dict[str, LeftOut], chosen: RasterParameters, progress: bool
) -> dict[str, list[Covariance]]:
    """The covariance of units by layer and group of episodes."""
    found: dict[str, list[Covariance]] = {}
    with progress_bar("raster: decisions", recording.frames, progress) as advance:
        for block in unit_blocks(recording, kept, means, chosen.block_size):
            group = group_of(block["episode"].values)
            for name, rule in kept.items():
                values = block[name].values
                parts = found.setdefault(name, [Covariance(values.shape[1]) for _ in range(GROUPS)])
                chosen_rows = block["step"].values >= rule.steps
                for number in np.unique(group[chosen_rows]):
                    parts[number].update(values[chosen_rows & (group == number)])
            advance(block.sizes["time"])
    for name, parts in found.items():
        count = sum(each.count for each in parts)
        if count < FEWEST_DECISIONS:
            raise NotMeasurable(
                f"{recording.path}: has {count} decisions for the raster of {name} behind the first "
                f"{kept[name].steps} of every episode; it needs at least {FEWEST_DECISIONS}"
            )
    return found


def _window(
    recording: Recording, means: Means, names: tuple[str, ...], window: Window, chosen: RasterParameters
) -> xarray.Dataset:
    """Raw activity of the stretch that is shown, and what happened in it."""
    also = track_columns(recording)
    parts, rows = [], []
    for block in unit_blocks(recording, names, means, chosen.block_size, also, window.start, window.stop):
        parts.append(xarray.Dataset({name: ((f"{name}_unit", "time"), block[name].values.T) for name in names}))
        # Of no columns it would keep no time.
        rows.append(block[[*also]].assign_coords(episode=block["episode"], step=block["step"]))
    whole, happened = xarray.concat(parts, "time"), xarray.concat(rows, "time").drop_vars("row")
    data = xarray.Dataset({name: whole[name].astype(np.float64) for name in names})
    data = data.assign_coords(episode=happened["episode"], step=happened["step"])
    return with_tracks(data, recording, happened)


def _sorted(data: xarray.Dataset, name: str, estimate: CovarianceEstimate, chosen: RasterParameters) -> xarray.Dataset:
    """The layer's activity z-scored and in order."""
    order = unit_order(estimate, chosen.order, chosen.seed)
    deviation = np.sqrt(estimate.covariance.diagonal())
    is_constant = deviation == 0
    scores = (data[name].values - estimate.mean[:, None]) / np.where(is_constant, 1.0, deviation)[:, None]
    scores[is_constant] = 0.0
    unit = f"{name}_unit"
    attributes = {"units": "standard deviations", "long_name": f"activity of {name}"}
    return data.drop_vars(name).assign(
        {
            name: ((unit, "time"), scores[order].astype(np.float32), attributes),
            f"{name}_is_constant": (unit, is_constant[order]),
            unit: (unit, order),
        }
    )


def _stability(groups: dict[str, list[Covariance]], chosen: RasterParameters) -> xarray.Dataset:
    found = np.full((len(groups), chosen.splits), np.nan)
    chance = np.full((len(groups), 2), np.nan)
    for row, parts in enumerate(groups.values()):
        changing = int((merged(parts).finalize().covariance.diagonal() > 0).sum())
        if changing >= 3 and sum(each.count > 1 for each in parts) >= 2:
            stability = order_stability(parts, chosen.order, chosen.splits, chosen.seed)
            found[row] = stability.correlation
            chance[row] = stability.chance, stability.chance_high
    return xarray.Dataset(
        {
            "stability": (("layer", "split"), found, {"units": "1", "long_name": "|Spearman's rho| between halves"}),
            "stability_chance": ("layer", chance[:, 0], {"units": "1"}),
            "stability_chance_high": ("layer", chance[:, 1], {"units": "1"}),
            "decisions": ("layer", [sum(each.count for each in parts) for parts in groups.values()]),
        },
        coords={"layer": list(groups)},
    )


def _caption(
    data: xarray.Dataset, recording: Recording, kept: dict[str, LeftOut], window: Window, chosen: RasterParameters
) -> str:
    sentences = [
        f"{data.sizes['time']} consecutive decisions{events_counted(data, recording.world)}; {window.rule}.",
        f"Every row is a unit (of a convolution: the mean over a channel's map), z-scored over all "
        f"{int(data['decisions'].max()):,} decisions and sorted by {_HOW[chosen.order]}.",
        _stability_sentence(data),
    ]
    constant = [
        f"{int(data[f'{name}_is_constant'].sum())} of {name}" for name in kept if data[f"{name}_is_constant"].any()
    ]
    if constant:
        sentences.append(f"Never changed, and at the bottom: {', '.join(constant)}.")
    sentences += [f"In {name}, {each.rule}." for name, each in kept.items() if each.steps]
    return " ".join(each for each in sentences if each)


def _stability_sentence(data: xarray.Dataset) -> str:
    parts = []
    for name in data["layer"].values:
        at = data.sel(layer=name)
        if np.isfinite(at["stability"].values).all():
            low, high = float(at["stability"].min()), float(at["stability"].max())
            parts.append(f"{name} {low:.2f} to {high:.2f} (chance {float(at['stability_chance']):.2f})")
    if not parts:
        return "Too few episodes to say whether the order is stable."
    return (
        f"|Spearman's ρ| of the orders of two halves of the episodes, {data.sizes['split']} splits: {', '.join(parts)}."
    )


def _draw(result: Result) -> list[Drawing]:
    from retinoscope import figures

    caption = result.data.attrs["caption"]
    return [FigureDrawing("raster", "Activity of all units, sorted", caption, lambda: figures.raster(result))]


def _explore(result: Result) -> list[Panel]:
    caption = result.data.attrs["caption"]
    return [
        OrderPanel(f"raster_{name}", f"Order of {name}", caption, name, result.data[f"{name}_unit"].values)
        for name in map(str, result.data["layer"].values)
    ]


ANALYSIS = Analysis(
    name="raster",
    title="Raster",
    group="behaviour",
    summary="Activity of all units of all layers over a stretch of time, units that act alike next to each other.",
    run=raster,
    parameters=RasterParameters,
    of="recording",
    needs=(RECORDING, AGENT),
    builds_on=("convolutions", "burn_in"),
    draw=_draw,
    explore=_explore,
    rank=70,
    methods="""
        The activity of all units of {{ layers | listed }} (of a convolution, the mean of each channel) is shown
        over {{ sizes.time }} consecutive decisions, z-scored by mean and standard deviation of all decisions.
        Units are in the order of {% if order == "rastermap" %}Rastermap [@stringer2025]{% else %}a t-SNE in one
        dimension [@maaten2008], by the {% if order == "cosine" %}cosine distance of their z-scored time
        courses{% else %}Euclidean distance of their time courses{% endif %} {% endif %}. How far the order is
        one of the units is told by Spearman's rank correlation between the orders of two halves of the
        episodes, halved in {{ splits }} ways at random, beside that of random orders (seed {{ seed }}).
    """,
)
