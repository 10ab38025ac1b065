"""Statistics of what every channel passes on: distribution, power spectrum and autocorrelation, beside the input.

Pictures of the world have most of their power at low spatial frequencies, and edges, which make the answers of local
filters sparse. What a layer does with both is measured over recorded observations: the power that each channel passes
on at every frequency, relative to that of the input (is it whitened?), and how sparse its activity is. The same network
with weights drawn anew, and before its training, tell what of it was learned; pictures of the same power with phases
drawn anew tell what of the sparseness is due to the edges in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Layer, Policy
from retinoscope.analyses.declaration import AGENT, FRAMES, RECORDING, Analysis
from retinoscope.analyses.early_vision.channel_drawings import caption_of, drawings, panels
from retinoscope.analyses.early_vision.natural_patches import chosen_rows
from retinoscope.analyses.early_vision.receptive_field_parameters import ends_of_stages, maps_of_encoder
from retinoscope.analyses.early_vision.untrained import Untrained, layers_at
from retinoscope.analyses.layer_activity import PIXELS, activity_blocks
from retinoscope.analyses.recorded import require_same
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.channels import (
    EDGES,
    ChannelMoments,
    Channels,
    ChannelsEstimate,
    by_distance,
    frequencies,
    phases_shuffled,
    radial_bins,
    radial_mean,
    slope_of,
)

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

NUMBERS = {
    "mean": "activity",
    "deviation": "activity",
    "skewness": "1",
    "kurtosis": "1",
    "sparseness": "1",
    "active": "share",
    "slope": "1",
}
"""What is measured of every channel as one number, with its unit."""

Strides = tuple[float, float]
Pictures = Callable[[], Iterator[NDArray[Any]]]
"""Gives the same pictures, block by block, at every call."""


@parameters("channel statistics")
class ChannelStatisticsParameters:
    """Parameters of `channel_statistics`."""

    layers: tuple[str, ...] | None = setting(
        None, "names of layers of maps; none for the maps of the encoder, as in `receptive_fields`", fewest=1
    )
    decisions: int = setting(
        500, "number of decisions of the recording that are used, at most, evenly spaced", units="decisions", least=2
    )
    untrained: int = setting(2, "networks with weights drawn anew, for comparison", least=0)
    batch_size: int = setting(
        64, "decisions at a time; memory grows with it and with nothing else", units="decisions", least=1
    )
    seed: int = setting(0, "seed of the untrained networks and of the phases", least=0)


def channel_statistics(
    recording: Recording,
    *,
    agent: Agent,
    parameters: ChannelStatisticsParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Distribution, power spectrum and autocorrelation of every channel, and of the pixels.

    Args:
        recording: what the agent saw.
        agent: that of the recording.
        parameters: see `ChannelStatisticsParameters`; single ones may be given by name instead.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `ChannelStatisticsParameters` that replace those of `parameters`.

    Returns:
        A Result with, for `pixels` and for every layer (here conv1), activity after the activation function: by
        conv1_channel the numbers of `NUMBERS`, as `conv1_kurtosis`, see `ChannelsEstimate`; `conv1_slope` is α of power
        falling as 1/f^α, and `conv1_input_slope` that of the pixels over the same frequencies. `conv1_histogram`
        (conv1_channel, score), density per standard deviation. `conv1_power` and `conv1_gain` (conv1_channel,
        conv1_frequency), power density by spatial frequency in cycles per pixel, averaged over directions, and its
        ratio to the mean over colours of that of the pixels; `conv1_power_2d` (conv1_channel, conv1_row_frequency,
        conv1_column_frequency). `conv1_correlation` (conv1_channel, conv1_distance), autocorrelation by distance in
        pixels, and `conv1_autocorrelation` (conv1_channel, conv1_row_lag, conv1_column_lag). All but those in two
        dimensions also with `_shuffled`, of pictures with phases drawn anew, `_untrained` (draw, ...) and `_first`, of
        networks that have learned nothing, as far as there are such. Maps that are too small have no power.

    Raises:
        UserError: a parameter is unknown or out of range, a layer has no maps, or the agent is not that of the
            recording.
        NotMeasurable: the agent has no maps, or the recording no frames.
    """
    chosen = with_settings(parameters or ChannelStatisticsParameters(), settings)
    require_same(recording, agent)
    layers = _layers(agent, chosen)
    rows = chosen_rows(recording, chosen.decisions)
    untrained = Untrained.of(agent, chosen.untrained, chosen.seed)

    def pictures() -> Iterator[NDArray[Any]]:
        for block in activity_blocks(recording, (PIXELS,), size=chosen.batch_size, rows=rows):
            yield block[PIXELS].values

    def shuffled() -> Iterator[NDArray[Any]]:
        for number, each in enumerate(pictures()):
            yield phases_shuffled(each, np.random.default_rng([chosen.seed, number]))

    with progress_bar("channel statistics: networks", 2 + len(untrained.policies), progress) as advance:

        def measured(policy: Policy, seen: Pictures, with_pixels: bool = False) -> Mapping[str, ChannelsEstimate]:
            found = _measured(policy, layers, seen, with_pixels)
            advance(1)
            return found

        seen = measured(agent.policy, pictures, True)
        turned = measured(agent.policy, shuffled, True)
        draws = [measured(each, pictures) for each in untrained.draws]
        first = None if untrained.first is None else measured(untrained.first, pictures)
    variables: dict[str, Any] = {"score": (EDGES[1:] + EDGES[:-1]) / 2}
    for name in (PIXELS, *(each.name for each in layers)):
        strides = _strides(agent.policy, name)
        variables |= _in_two_dimensions(name, seen[name], strides)
        variables |= _by_channel(name, seen, strides)
        variables |= _suffixed(_by_channel(name, turned, strides, seen), "_shuffled")
        if name != PIXELS and draws:
            variables |= _stacked([_by_channel(name, each, strides, seen) for each in draws])
        if name != PIXELS and first is not None:
            variables |= _suffixed(_by_channel(name, first, strides, seen), "_first")
    data = xarray.Dataset(variables)
    data.attrs |= {"decisions": len(rows), "episodes": len(recording.episodes), "why_not": untrained.why_not}
    names = list(recording.world.picture.channel_names)
    if len(names) == data.sizes[f"{PIXELS}_channel"]:
        data = data.assign_coords({f"{PIXELS}_channel": names})
    data.attrs["caption"] = caption_of(data, [each.name for each in layers])
    said = stated(chosen) | {"layers": [each.name for each in layers]}
    return Result("channel_statistics", data, said, provenance(agent=agent, recording=recording))


def _layers(agent: Agent, chosen: ChannelStatisticsParameters) -> list[Layer]:
    maps = maps_of_encoder(agent.policy)
    if not maps:
        raise NotMeasurable(f"channel statistics: agent {agent.name!r} has no layer of maps")
    if chosen.layers is None:
        return ends_of_stages(maps)
    found = [agent.policy.layer(name) for name in dict.fromkeys(chosen.layers)]
    for each in found:
        if each not in maps:
            known = ", ".join(one.name for one in maps)
            raise UserError(f"channel statistics: layer {each.name!r} has no maps; choose from {known}")
    return found


def _strides(policy: Policy, name: str) -> Strides:
    """Pixels from one unit to the next; where that is not known or not even, the mean of it."""
    if name == PIXELS:
        return 1.0, 1.0
    field, (_, rows, columns) = policy.receptive_field(name), policy.layer(name).shape
    if field.row_stride and field.column_stride:
        return float(field.row_stride), float(field.column_stride)
    return policy.observation_shape[0] / rows, policy.observation_shape[1] / columns


def _measured(
    policy: Policy, layers: list[Layer], pictures: Pictures, with_pixels: bool
) -> Mapping[str, ChannelsEstimate]:
    """Statistics of the maps of layers, and of the pixels, in two passes."""
    height, width, channels = policy.observation_shape
    shapes = {PIXELS: (channels, height, width)} if with_pixels else {}
    shapes |= {each.name: (each.shape[0], each.shape[1], each.shape[2]) for each in layers}
    names = [each.name for each in layers]

    def maps() -> Iterator[Mapping[str, NDArray[Any]]]:
        for seen in pictures():
            yield {PIXELS: np.moveaxis(seen, -1, 1), **layers_at(policy, names, seen)}

    moments = {name: ChannelMoments(shape[0]) for name, shape in shapes.items()}
    for block in maps():
        for name, each in moments.items():
            each.update(block[name])
    found = {
        name: Channels(*moments[name].finalize(), shape[1:], _strides(policy, name)) for name, shape in shapes.items()
    }
    for block in maps():
        for name, counted in found.items():
            counted.update(block[name])
    return {name: each.finalize() for name, each in found.items()}


def _in_two_dimensions(name: str, found: ChannelsEstimate, strides: Strides) -> dict[str, Any]:
    channel, lags = f"{name}_channel", (f"{name}_row_lag", f"{name}_column_lag")
    about = {"units": "1", "long_name": "autocorrelation"}
    correlation = found.autocorrelation
    variables: dict[str, Any] = {
        channel: np.arange(len(correlation)),
        f"{name}_autocorrelation": ((channel, *lags), correlation.astype(np.float32), about),
    }
    for lag, count, first, stride in zip(
        lags, correlation.shape[1:], (0, correlation.shape[2] // 2), strides, strict=True
    ):
        variables[lag] = (lag, (np.arange(count) - first) * stride, {"units": "pixels"})
    if found.power is None:
        return variables
    axes = (f"{name}_row_frequency", f"{name}_column_frequency")
    for axis, each in zip(axes, frequencies(found.power.shape[1:], strides), strict=True):
        variables[axis] = (axis, np.fft.fftshift(each), {"units": "cycles per pixel"})
    power = np.fft.fftshift(found.power, axes=(1, 2)).astype(np.float32)
    variables[f"{name}_power_2d"] = ((channel, *axes), power, {"units": "activity² pixel²"})
    return variables


def _by_channel(
    name: str,
    measured: Mapping[str, ChannelsEstimate],
    strides: Strides,
    of_input: Mapping[str, ChannelsEstimate] | None = None,
) -> dict[str, Any]:
    """Numbers and curves of every channel; power relative to that of the pixels in `of_input`, or in the same."""
    found, channel = measured[name], f"{name}_channel"
    numbers = {each: getattr(found, each) for each in NUMBERS if each != "slope"}
    variables: dict[str, Any] = {
        f"{name}_histogram": ((channel, "score"), found.histogram, {"units": "1/SD", "long_name": "density"})
    }
    distance, correlation = by_distance(found.autocorrelation, strides)
    variables[f"{name}_distance"] = (f"{name}_distance", distance, {"units": "pixels"})
    about = {"units": "1", "long_name": "autocorrelation"}
    variables[f"{name}_correlation"] = ((channel, f"{name}_distance"), correlation, about)
    numbers["slope"] = np.full(len(found.mean), np.nan)
    if found.power is not None:
        frequency, rings = radial_bins(found.power.shape[1:], strides)
        power = radial_mean(found.power, rings)
        pixels = measured[PIXELS] if PIXELS in measured else (of_input or {})[PIXELS]
        given = _power_of_input(pixels, frequency)
        numbers["slope"] = slope_of(frequency, power)
        dimensions, units = (channel, f"{name}_frequency"), {"units": "activity² pixel²"}
        variables |= {
            f"{name}_frequency": (f"{name}_frequency", frequency, {"units": "cycles per pixel"}),
            f"{name}_power": (dimensions, power, units),
            f"{name}_input_slope": ((), float(slope_of(frequency, given)), {"units": "1"}),
        }
        if given.all():
            gain = {"units": "activity² per squared pixel unit", "long_name": "power relative to the input"}
            variables[f"{name}_gain"] = (dimensions, power / given, gain)
    return variables | {f"{name}_{key}": (channel, each, {"units": NUMBERS[key]}) for key, each in numbers.items()}


def _power_of_input(pixels: ChannelsEstimate, frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over colours of the power of the pixels at these frequencies; zeros where that is not known."""
    if pixels.power is None:
        return np.zeros_like(frequency)
    there, rings = radial_bins(pixels.power.shape[1:], (1.0, 1.0))
    power = radial_mean(pixels.power.mean(axis=0), rings)
    if not power.all():
        return np.zeros_like(frequency)
    return np.asarray(np.exp(np.interp(np.log(frequency), np.log(there), np.log(power))))


def _is_measured(name: str) -> bool:
    """Not an axis, which is the same for all."""
    return not name.endswith(("_distance", "_frequency"))


def _suffixed(variables: Mapping[str, Any], suffix: str) -> dict[str, Any]:
    return {f"{name}{suffix}": each for name, each in variables.items() if _is_measured(name)}


def _stacked(draws: list[dict[str, Any]]) -> dict[str, Any]:
    """The same of several networks, over `draw`."""
    found = {}
    for name, (dimensions, _, about) in draws[0].items():
        if _is_measured(name):
            where = ("draw", *((dimensions,) if isinstance(dimensions, str) else dimensions))
            found[f"{name}_untrained"] = (where, np.stack([each[name][1] for each in draws]), about)
    return found


ANALYSIS = Analysis(
    name="channel_statistics",
    title="Statistics of channels",
    group="early_vision",
    summary="Distribution, power spectrum and autocorrelation of every channel's output, compared with the input.",
    run=channel_statistics,
    parameters=ChannelStatisticsParameters,
    of="recording",
    needs=(RECORDING, AGENT, FRAMES),
    draw=drawings,
    explore=panels,
    rank=60,
    methods="""
        Distribution, power spectrum and autocorrelation of every channel of {{ layers | listed }} and of the
        pixels were measured over {{ found.decisions }} recorded decisions of {{ found.episodes | counted("episode") }}.
        Spectra are periodograms under a Hann window [@field1987]. Beside them stand those of pictures of the
        same power with phases drawn anew [@theiler1992], and of {{ untrained }} networks with weights drawn
        anew, as far as these can be made (seed {{ seed }}).
    """,
)
