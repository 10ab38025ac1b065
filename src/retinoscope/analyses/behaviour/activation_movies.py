"""Activation movies: all feature maps of a convolution while the agent lives, each filter on one scale throughout.

The scale of every filter is found in a first pass over the decisions shown, and is this analysis; the frames are
composed while they are written, from `movie_blocks`. Maps are computed from the stored observations. With a cache they
are computed once for both, and not at all where `convolutions` has left them there.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.behaviour.convolutions import convolutions_of, maps_of
from retinoscope.analyses.declaration import AGENT, CONVOLUTION, FRAMES, RECORDING, Analysis, Inputs
from retinoscope.analyses.drawing import Drawing, RecordedMovieDrawing
from retinoscope.analyses.layer_activity import KEPT_BLOCK, PIXELS, activity_blocks
from retinoscope.analyses.recorded import (
    movie_attributes,
    picture_attribute,
    picture_sentence,
    require_agent,
    require_same,
    span_text,
)
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.activation_movies import MagnitudeHistogram

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

_MOST_KEPT_BYTES = 2**30  # of maps in the cache; those of longer movies are computed again for every layer


@parameters("activation movies")
class ActivationMovieParameters:
    """Parameters of `activation_movies`."""

    layers: tuple[str, ...] | None = setting(
        None, "names of convolutions or other maps; none for all convolutions, or the ends of stages", fewest=1
    )
    start: int = setting(0, "first decision of the recording that is shown", units="decisions", least=0)
    frames: int = setting(
        1000, "decisions shown, of any number; fewer if the recording ends before", units="decisions", least=1
    )
    quantile: float = setting(
        0.999,
        "quantile of the magnitudes of a filter's activity over the whole movie that gets the full "
        "colour; larger ones get it too",
        above=0,
        most=1,
    )


def activation_movies(
    recording: Recording,
    *,
    agent: Agent,
    parameters: ActivationMovieParameters | None = None,
    cache: Path | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Find the scale of every filter for a movie of its maps.

    Args:
        recording: what the agent saw.
        agent: that of the recording.
        parameters: see `ActivationMovieParameters`; single ones may be given by name instead.
        cache: a folder in which the maps are left for `movie_blocks`; those that are there are not computed again.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `ActivationMovieParameters` that replace those of `parameters`.

    Returns:
        A Result with, for every layer (here conv1), by filter (conv1_channel): `conv1_scale`, the magnitude that is
        full colour; `conv1_lowest` and `conv1_highest` activity. Attributes of `conv1_scale`: the `rows` and `columns`
        of a map. `figures.activation_frames` draws it with `movie_blocks`.

    Raises:
        UserError: a parameter is unknown or out of range, the agent has no such convolution or is not that of the
            recording, or the recording has no row `start`.
        NotMeasurable: the agent has no convolution, or the recording no frames.
    """
    chosen = with_settings(parameters or ActivationMovieParameters(), settings)
    require_agent(agent, "activation movies")
    require_same(recording, agent)
    layers = _convolutions(agent, recording, chosen.layers)
    if chosen.start >= recording.frames:
        raise UserError(
            f"activation movies: start is {chosen.start}, and the recording has rows 0 to {recording.frames - 1}"
        )
    stop = min(chosen.start + chosen.frames, recording.frames)
    shapes = {name: agent.policy.layer(name).shape for name in layers}
    cache = _cache_of(cache, stop - chosen.start, sum(int(np.prod(shape)) for shape in shapes.values()))
    histograms = {name: MagnitudeHistogram(shape[0]) for name, shape in shapes.items()}
    with progress_bar("decisions of the activation movies", stop - chosen.start, progress) as advance:
        for block in activity_blocks(
            recording, layers, agent.policy, KEPT_BLOCK, start=chosen.start, stop=stop, cache=cache
        ):
            for name, histogram in histograms.items():
                histogram.update(block[name].values)
            advance(block.sizes["time"])
    variables: dict[str, Any] = {}
    for name, histogram in histograms.items():
        channel = f"{name}_channel"
        size = {"rows": shapes[name][1], "columns": shapes[name][2]}
        variables |= {
            f"{name}_scale": (channel, histogram.quantile(chosen.quantile), {"long_name": "full colour", **size}),
            f"{name}_lowest": (channel, histogram.lowest, {"long_name": "lowest activity"}),
            f"{name}_highest": (channel, histogram.highest, {"long_name": "highest activity"}),
        }
    attributes = movie_attributes(recording.world.clock) | {"picture": picture_attribute(recording.world)}
    data = xarray.Dataset(variables, attrs=attributes)
    said = stated(chosen) | {"layers": list(layers), "frames": stop - chosen.start}
    for name in layers:
        data[f"{name}_scale"].attrs["caption"] = _caption(data, name, said, recording)
    return Result("activation_movies", data, said, provenance(recording=recording))


def movie_blocks(
    result: Result,
    *,
    agent: Agent,
    recording: Recording,
    layer: str,
    first: int = 0,
    cache: Path | None = None,
) -> Iterator[xarray.Dataset]:
    """The maps of one layer and the observations, block by block, for the frames of its movie.

    Args:
        result: of `activation_movies`.
        agent: who was recorded.
        recording: what it saw.
        layer: whose maps.
        first: frame of the movie to begin with.
        cache: the folder in which `activation_movies` left the maps; None to compute them again.

    Raises:
        UserError: agent or recording are not those of the result.
    """
    require_same(recording, agent)
    if result.provenance.get("checkpoint_sha256") != agent.checkpoint_sha256:
        raise UserError(f"activation movies: agent {agent.name!r} is not that of this result; give the one measured")
    start, frames = int(result.parameters["start"]), int(result.parameters["frames"])
    scales = [result.data[f"{name}_scale"] for name in result.parameters["layers"]]
    units = sum(each.size * int(each.attrs["rows"]) * int(each.attrs["columns"]) for each in scales)
    return _blocks_from(first, recording, layer, agent, start, start + frames, _cache_of(cache, frames, units))


def _blocks_from(
    first: int, recording: Recording, layer: str, agent: Agent, start: int, stop: int, cache: Path | None
) -> Iterator[xarray.Dataset]:
    # Blocks are found in the cache only if they are cut as they were when they were left there.
    skipped = first % KEPT_BLOCK if cache is not None else 0
    for block in activity_blocks(
        recording, (PIXELS, layer), agent.policy, KEPT_BLOCK, start=start + first - skipped, stop=stop, cache=cache
    ):
        yield block.isel(time=slice(skipped, None))
        skipped = 0


def _cache_of(cache: Path | None, frames: int, units: int) -> Path | None:
    """The cache, if so many maps may be left in it."""
    return cache if 4 * frames * units <= _MOST_KEPT_BYTES else None


def _convolutions(agent: Agent, recording: Recording, wanted: Iterable[str] | None) -> tuple[str, ...]:
    there = maps_of(agent, recording)
    if not there:
        raise NotMeasurable(
            f"activation movies: agent {agent.name!r} has no convolutions or its recording no frames: no maps to show"
        )
    chosen = convolutions_of(agent, recording) if wanted is None else tuple(wanted)
    for name in chosen:
        if name not in there:
            raise UserError(f"activation movies: layer {name!r} has no maps; choose from {', '.join(there)}")
    return chosen


def _caption(data: xarray.Dataset, layer: str, said: dict[str, Any], recording: Recording) -> str:
    rows, columns = (data[f"{layer}_scale"].attrs[name] for name in ("rows", "columns"))
    frames = int(said["frames"])
    episodes = sum(each.start < said["start"] + frames and each.stop > said["start"] for each in recording.episodes)
    lowest, highest = float(data[f"{layer}_lowest"].min()), float(data[f"{layer}_highest"].max())
    silent = int((data[f"{layer}_scale"] == 0).sum())
    sentences = [
        f"n = {frames:,} consecutive decisions{span_text(frames, recording.world.clock)} in "
        f"{episodes} episode{'s' if episodes > 1 else ''}; all {data.sizes[f'{layer}_channel']} filters of {layer}, "
        f"maps of {rows} × {columns}. One scale per filter over the whole movie, centred on zero: ± the "
        f"{100 * said['quantile']:.4g}% quantile of the magnitude of its activity, written above its map. "
        f"Activity after the activation function, from {np.round(lowest, 2):.2f} to {np.round(highest, 2):.2f}."
    ]
    if silent:
        sentences.append(f"{silent} filter{'s are' if silent > 1 else ' is'} zero throughout.")
    return " ".join(filter(None, [*sentences, picture_sentence(recording.world)]))


def _draw(result: Result) -> list[Drawing]:
    rate, pace = float(result.data.attrs["movie_rate"]), result.data.attrs["movie_pace"]
    drawings: list[Drawing] = []
    for layer in result.parameters["layers"]:
        caption = f"{result.data[f'{layer}_scale'].attrs['caption']} {pace} Every unit of a map is a block."
        frames = functools.partial(_frames, result, layer)
        title = f"Activity of {layer}"
        drawings.append(RecordedMovieDrawing(f"activation_movies_{layer}", title, caption, frames, rate))
    return drawings


def _frames(result: Result, layer: str, inputs: Inputs, first: int) -> Iterator[np.ndarray]:
    from retinoscope import figures

    assert inputs.agent is not None and inputs.recording is not None  # it was made of them
    blocks = movie_blocks(
        result, agent=inputs.agent, recording=inputs.recording, layer=layer, first=first, cache=inputs.cache
    )
    return figures.activation_frames(result, blocks, layer)


ANALYSIS = Analysis(
    name="activation_movies",
    title="Activation movies",
    group="behaviour",
    summary="Movies of all feature maps of every convolution while the agent plays, each filter on one scale.",
    run=activation_movies,
    parameters=ActivationMovieParameters,
    of="recording",
    needs=(RECORDING, AGENT, FRAMES, CONVOLUTION),
    draw=_draw,
    functions=(movie_blocks,),
    rank=20,
    methods="""
        The feature maps of {{ layers | listed }} were computed again from the recorded observations, from
        decision {{ start }} on and for {{ frames }} decisions at most, and drawn as movies. Every filter has
        one colour scale throughout, which ends at the {{ quantile }} quantile of the magnitude of its activity.
    """,
)
