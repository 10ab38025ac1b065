"""Activation movies: all feature maps of a convolution while the agent lives, each filter on one scale throughout.

Maps are not stored: they are computed again from the stored observations, twice. The first pass finds the scale of
every filter and is this analysis; the second composes the frames, as they are written, from `movie_blocks`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.layer_activity import PIXELS, activity_blocks
from retinoscope.analyses.recorded import require_same
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.statistics.activation_movies import MagnitudeHistogram

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

_BLOCK = 256  # decisions whose maps are held at once


@dataclass(frozen=True)
class ActivationMovieParameters:
    """Parameters of `activation_movies`.

    Attributes:
        layers: convolutions; None for all of them.
        start: first row of the recording.
        frames: decisions shown, of any number; fewer if the recording ends before.
        quantile: of the magnitudes of a filter's activity over the whole movie that is full colour; what exceeds it is
            shown as full colour too.
    """

    layers: tuple[str, ...] | None = None
    start: int = 0
    frames: int = 1000
    quantile: float = 0.999

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise UserError(f"activation movies: frames is {self.frames}; give at least 1")
        if not 0 < self.quantile <= 1:
            raise UserError(f"activation movies: quantile is {self.quantile}; give a number above 0, at most 1")


def activation_movies(
    agent: Agent,
    recording: Recording,
    parameters: ActivationMovieParameters | None = None,
    *,
    progress: bool = False,
) -> Result:
    """Find the scale of every filter for a movie of its maps.

    Args:
        agent: who was recorded.
        recording: what it saw.
        parameters: see `ActivationMovieParameters`.
        progress: show a progress bar on standard error if that is a terminal.

    Returns:
        A Result with, for every layer (here conv1), by filter (conv1_channel): `conv1_scale`, the magnitude that is
        full colour; `conv1_lowest` and `conv1_highest` activity. Attributes of `conv1_scale`: the `rows` and `columns`
        of a map. `figures.activation_frames` draws it with `movie_blocks`.

    Raises:
        UserError: the agent has no such convolution or none at all, or is not that of the recording, or the recording
            has no row `start`.
    """
    parameters = parameters or ActivationMovieParameters()
    require_same(recording, agent)
    layers = _convolutions(agent, parameters.layers)
    if not 0 <= parameters.start < recording.frames:
        raise UserError(
            f"activation movies: start is {parameters.start}, and the recording has rows 0 to {recording.frames - 1}"
        )
    stop = min(parameters.start + parameters.frames, recording.frames)
    shapes = {name: agent.policy.layer(name).shape for name in layers}
    histograms = {name: MagnitudeHistogram(shape[0]) for name, shape in shapes.items()}
    with progress_bar("decisions of the activation movies", stop - parameters.start, progress) as advance:
        for block in activity_blocks(recording, layers, agent.policy, _BLOCK, start=parameters.start, stop=stop):
            for name, histogram in histograms.items():
                histogram.update(block[name].values)
            advance(block.sizes["time"])
    variables: dict[str, Any] = {}
    for name, histogram in histograms.items():
        channel = f"{name}_channel"
        size = {"rows": shapes[name][1], "columns": shapes[name][2]}
        variables |= {
            f"{name}_scale": (channel, histogram.quantile(parameters.quantile), {"long_name": "full colour", **size}),
            f"{name}_lowest": (channel, histogram.lowest, {"long_name": "lowest activity"}),
            f"{name}_highest": (channel, histogram.highest, {"long_name": "highest activity"}),
        }
    data = xarray.Dataset(variables)
    attributes = recording.attributes
    data.attrs["decisions_per_second"] = attributes["tics_per_second"] / attributes["frame_skip"]
    stated = asdict(parameters) | {"layers": list(layers), "frames": stop - parameters.start}
    for name in layers:
        data[f"{name}_scale"].attrs["caption"] = _caption(data, name, stated, recording)
    return Result("activation_movies", data, stated, provenance(recording=recording))


def movie_blocks(
    result: Result, agent: Agent, recording: Recording, layer: str, first: int = 0
) -> Iterator[xarray.Dataset]:
    """The maps of one layer and the observations, block by block, for the frames of its movie.

    Args:
        result: of `activation_movies`.
        agent: who was recorded.
        recording: what it saw.
        layer: whose maps.
        first: frame of the movie to begin with.

    Raises:
        UserError: agent or recording are not those of the result.
    """
    require_same(recording, agent)
    if result.provenance.get("checkpoint_sha256") != agent.checkpoint_sha256:
        raise UserError(f"activation movies: agent {agent.name!r} is not that of this result; give the one measured")
    start = int(result.parameters["start"])
    stop = start + int(result.parameters["frames"])
    return activity_blocks(recording, (PIXELS, layer), agent.policy, _BLOCK, start=start + first, stop=stop)


def _convolutions(agent: Agent, wanted: Iterable[str] | None) -> tuple[str, ...]:
    there = tuple(layer.name for layer in agent.policy.layers if layer.kind == "convolution")
    if not there:
        raise NotMeasurable(f"activation movies: agent {agent.name!r} has no convolutions, so no maps to show")
    chosen = there if wanted is None else tuple(wanted)
    for name in chosen:
        if name not in there:
            raise UserError(f"activation movies: layer {name!r} is no convolution; choose from {', '.join(there)}")
    return chosen


def _caption(data: xarray.Dataset, layer: str, stated: dict[str, Any], recording: Recording) -> str:
    rows, columns = (data[f"{layer}_scale"].attrs[name] for name in ("rows", "columns"))
    frames = int(stated["frames"])
    episodes = sum(each.start < stated["start"] + frames and each.stop > stated["start"] for each in recording.episodes)
    lowest, highest = float(data[f"{layer}_lowest"].min()), float(data[f"{layer}_highest"].max())
    silent = int((data[f"{layer}_scale"] == 0).sum())
    sentences = [
        f"n = {frames:,} consecutive decisions ({frames / data.attrs['decisions_per_second']:.0f} s of game time) in "
        f"{episodes} episode{'s' if episodes > 1 else ''}; all {data.sizes[f'{layer}_channel']} filters of {layer}, "
        f"maps of {rows} × {columns}. One scale per filter over the whole movie, centred on zero: ± the "
        f"{100 * stated['quantile']:.4g}% quantile of the magnitude of its activity, written above its map. "
        f"Activity after the activation function, from {np.round(lowest, 2):.2f} to {np.round(highest, 2):.2f}."
    ]
    if silent:
        sentences.append(f"{silent} filter{'s are' if silent > 1 else ' is'} zero throughout.")
    return " ".join(sentences)
