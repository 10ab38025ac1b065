"""Convolutions during behaviour, passed once: what every analysis of a recording that wants convolutions builds on.

Maps are not stored, for they would be several times larger than the observations; they are computed again, block by
block, and what is kept of them is the mean of every channel, how many dimensions they have, and of the first decisions,
in a cache, the maps themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.behaviour.layer_components import dimensions_of, fit_layers
from retinoscope.analyses.declaration import AGENT, CONVOLUTION, FRAMES, RECORDING, Analysis, Given
from retinoscope.analyses.drawing import Drawing
from retinoscope.analyses.early_vision.receptive_field_parameters import ends_of_stages, maps_of_encoder
from retinoscope.analyses.layer_activity import activity_blocks
from retinoscope.analyses.recorded import require_agent, require_same
from retinoscope.errors import NotMeasurable
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.sparseness import treves_rolls

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording


MOST_MAPS, MOST_STORED = 5, 6
"""How many layers of maps, and how many stored layers, analyses of all layers look at."""


@parameters("convolutions")
class ConvolutionsParameters:
    """Parameters of `convolutions`."""

    components: int = setting(40, "principal components of each convolution whose variances are kept", least=2)
    kept_frames: int = setting(
        1000,
        "number of first decisions whose maps are left in the cache, where `activation_movies` finds them",
        units="decisions",
        least=0,
    )
    block_size: int = setting(
        512, "decisions at a time; memory grows with it, and by the means of channels", units="decisions", least=1
    )
    seed: int = setting(0, "seed of the sample of decisions from which large layers are sketched", least=0)


def convolutions(
    recording: Recording,
    *,
    agent: Agent,
    parameters: ConvolutionsParameters | None = None,
    cache: Path | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """The convolutions at all decisions of a recording; every observation passes the network once.

    Of more than five convolutions, the ends of the encoder's stages stand for all (`convolutions_of`).

    Args:
        recording: what the agent saw.
        agent: that of the recording.
        parameters: see `ConvolutionsParameters`; single ones may be given by name instead.
        cache: a folder for the maps of the first decisions; those that are there are not computed again.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `ConvolutionsParameters` that replace those of `parameters`.

    Returns:
        A Result with, for every such layer (here conv1): `conv1_mean` (time, conv1_channel) float32, the mean of every
        channel over its map, by decision; and by `layer` and `component` what
        `layer_components.dimensions_of` says of the number of dimensions. Of the encoder's output, if it is a map (here
        conv4): `conv4_active` and `conv4_sparseness` (time), see `sparse_maps`.

    Raises:
        UserError: a parameter is unknown or out of range, the recording is of another agent, or has too few decisions.
        NotMeasurable: the agent has no convolution, or the recording no frames.
    """
    chosen = with_settings(parameters or ConvolutionsParameters(), settings)
    require_agent(agent, "convolutions")
    require_same(recording, agent)
    names = convolutions_of(agent, recording)
    if not names:
        raise NotMeasurable("there is no convolution to compute: the agent has none, or the recording holds no frames")
    means = {name: _empty(recording, agent, name) for name in names}
    sparse = {name: np.empty((2, recording.frames)) for name in output_maps(agent, recording) if name in names}

    def note(block: xarray.Dataset) -> None:
        for name, mean in means.items():
            mean[block["row"].values] = _channel_means(block[name].values)
        for name, both in sparse.items():
            both[:, block["row"].values] = _sparseness_of(block[name].values)

    fits = fit_layers(
        recording,
        names,
        agent.policy,
        chosen.components,
        block_size=chosen.block_size,
        seed=chosen.seed,
        progress=progress,
        see=note,
        cache=cache,
        kept=chosen.kept_frames,
    )
    about = {"units": "activity", "long_name": "mean over the map"}
    data = xarray.Dataset({f"{name}_mean": (("time", f"{name}_channel"), mean, about) for name, mean in means.items()})
    for name, (active, sparseness) in sparse.items():
        data[f"{name}_active"] = ("time", active, {"units": "1", "long_name": "share of units above zero"})
        data[f"{name}_sparseness"] = ("time", sparseness, {"units": "1", "long_name": "sparseness over units"})
    data = data.merge(dimensions_of(fits, chosen.components))
    return Result("convolutions", data, stated(chosen), provenance(recording=recording))


def maps_of(agent: Agent | None, recording: Recording) -> tuple[str, ...]:
    """Names of all layers of maps that can be computed from a recording; none without an agent or without frames."""
    if agent is None or "observation" not in recording.columns:
        return ()
    return tuple(each.name for each in maps_of_encoder(agent.policy))


def convolutions_of(agent: Agent | None, recording: Recording) -> tuple[str, ...]:
    """Names of the maps that stand for an encoder: its convolutions, or, of more than five, the ends of its stages.

    Stages are those of `receptive_fields`; of more than five there are five, evenly spaced, the last among them.
    """
    if agent is None or not maps_of(agent, recording):
        return ()
    maps = maps_of_encoder(agent.policy)
    found = [each for each in maps if each.kind == "convolution"] or maps
    if len(found) > MOST_MAPS:
        found = ends_of_stages(maps)
    places = np.unique(np.linspace(0, len(found) - 1, min(MOST_MAPS, len(found))).round().astype(int))
    return tuple(found[place].name for place in places)


def stored_layers(recording: Recording) -> tuple[str, ...]:
    """Names of the layers of a recording that stand for all: those it holds; of more than six, those of certain roles.

    These are the encoder's output, the memory, and, where there is no memory, the readouts.
    """
    stored = tuple(recording.attributes["layers"])
    if len(stored) <= MOST_STORED:
        return stored
    memory = recording.layers_of("memory")
    chosen = (*recording.layers_of("encoder output"), *(memory or recording.layers_of("readout")))
    return (chosen or stored)[:MOST_STORED]


def layers_of(agent: Agent | None, recording: Recording) -> tuple[str, ...]:
    """Names of the layers that stand for a network: maps that can be computed, then layers that are stored.

    Raises:
        NotMeasurable: there are none.
    """
    names = (*convolutions_of(agent, recording), *stored_layers(recording))
    if not names:
        raise NotMeasurable(f"{recording.path}: holds the activity of no layer, and no frames to compute any from")
    return names


def channel_means(
    recording: Recording, agent: Agent | None, names: Iterable[str], given: Given | None = None, progress: bool = False
) -> dict[str, NDArray[np.float32]]:
    """The mean of every channel over its map, of the maps among some layers.

    Args:
        recording: what the agent saw.
        agent: that of the recording; None has no maps.
        names: of layers; those that are no maps are passed over.
        given: the Result of `convolutions`, if it is at hand; what it lacks is computed here.
        progress: show a progress bar.

    Returns:
        (time, channel) by the name of the layer.
    """
    maps = maps_of(agent, recording)
    wanted = tuple(name for name in names if name in maps)
    if agent is None or not wanted:
        return {}
    known = (given or {}).get("convolutions")
    if known is not None and all(f"{name}_mean" in known.data for name in wanted):
        return {name: known.data[f"{name}_mean"].values for name in wanted}
    found = {name: _empty(recording, agent, name) for name in wanted}
    with progress_bar("convolutions: decisions", recording.frames, progress) as advance:
        for block in activity_blocks(recording, wanted, agent.policy, ConvolutionsParameters().block_size):
            for name, mean in found.items():
                mean[block["row"].values] = _channel_means(block[name].values)
            advance(block.sizes["time"])
    return found


def output_maps(agent: Agent | None, recording: Recording) -> tuple[str, ...]:
    """The map that is the encoder's output and can be computed again, if it is one; at most one name."""
    if agent is None:
        return ()
    ends = [each.name for each in agent.policy.layers_of("encoder output") if each.is_map]
    return tuple(name for name in ends[-1:] if name in maps_of(agent, recording))


def sparse_maps(
    recording: Recording, agent: Agent | None, name: str, given: Given | None = None, progress: bool = False
) -> NDArray[np.float64]:
    """How sparse a map is over all its units, which are not stored: (two, time).

    The first is the share of units above zero, the second Treves and Rolls' sparseness over units, NaN where none is.

    Args:
        recording: what the agent saw.
        agent: that of the recording.
        name: of the map.
        given: the Result of `convolutions`, if it is at hand; what it lacks is computed here.
        progress: show a progress bar.
    """
    known = (given or {}).get("convolutions")
    if known is not None and f"{name}_sparseness" in known.data:
        return np.stack([known.data[f"{name}_{each}"].values for each in ("active", "sparseness")])
    found = np.empty((2, recording.frames))
    policy = None if agent is None else agent.policy
    with progress_bar(f"sparseness of {name}: decisions", recording.frames, progress) as advance:
        for block in activity_blocks(recording, (name,), policy, ConvolutionsParameters().block_size):
            found[:, block["row"].values] = _sparseness_of(block[name].values)
            advance(block.sizes["time"])
    return found


def unit_blocks(
    recording: Recording,
    layers: Iterable[str],
    means: Mapping[str, NDArray[np.float32]],
    size: int,
    also: Iterable[str] = (),
    start: int = 0,
    stop: int | None = None,
) -> Iterator[xarray.Dataset]:
    """Like `activity_blocks`, with one number for each unit: of convolutions the means of their channels.

    Args:
        recording: what the agent saw, did and computed.
        layers: names of layers.
        means: what `channel_means` found for them.
        size: decisions per block.
        also: further variables of the recording.
        start: first row.
        stop: row behind the last; None for all.

    Yields:
        Datasets over `time` in which every layer is (time, NAME_unit).
    """
    names = tuple(layers)
    stored = [name for name in names if name not in means]
    for block in activity_blocks(recording, stored, size=size, also=also, start=start, stop=stop):
        rows = block["row"].values
        yield block.assign({name: (("time", f"{name}_unit"), means[name][rows]) for name in names if name in means})


def _empty(recording: Recording, agent: Agent, name: str) -> NDArray[np.float32]:
    return np.empty((recording.frames, agent.policy.layer(name).shape[0]), np.float32)


def _channel_means(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(maps.mean(axis=(2, 3)))


def _sparseness_of(maps: NDArray[np.float32]) -> NDArray[np.float64]:
    units = maps.reshape(len(maps), -1)
    return np.stack([(units > 0).mean(axis=1), treves_rolls(units)])


def _draw(result: Result) -> list[Drawing]:
    return []


ANALYSIS = Analysis(
    name="convolutions",
    title="Convolutions during behaviour",
    group="behaviour",
    summary="Passes all observations of the recording through the convolutions once, and keeps what others build on.",
    run=convolutions,
    parameters=ConvolutionsParameters,
    of="recording",
    needs=(RECORDING, AGENT, FRAMES, CONVOLUTION),
    draw=_draw,
    is_shared=True,
    rank=5,
    methods="""
        All {{ sizes.time }} recorded observations were passed through {{ labels.layer | listed }} again; kept
        were the mean of every channel over its map and the variances along its principal components, {{
        components }} at most.
    """,
)
