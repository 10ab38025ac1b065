"""Statistics of channels: one number for each, curves by spatial frequency and distance, and maps of both."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from retinoscope.errors import UserError
from retinoscope.figures.layer_names import name_layers
from retinoscope.figures.page import WIDTH, Size, titled
from retinoscope.figures.style import colour, colour_map, framed, require, shade, styled, title_of
from retinoscope.result import Result

__all__ = ["channel_curves", "channel_spectra", "channel_statistics"]

PIXELS = "pixels"
_DECADES = 3.0
_KINDS = (
    ("", "agent", "positive", "o"),
    ("_first", "before training", "obstacle", "v"),
    ("_untrained", "untrained", "neutral", "^"),
    ("_shuffled", "agent, phases shuffled", "middle", "s"),
)
_PANELS = (
    ("slope", "α, power falling as 1/f^α"),
    ("kurtosis", "excess kurtosis"),
    ("sparseness", "sparseness (Treves & Rolls)"),
)


@styled
def channel_statistics(result: Result, *, figsize: Size = None) -> Figure:
    """Draw slope of the power spectrum, kurtosis and sparseness of every channel, layer by layer.

    Args:
        result: from `analyses.channel_statistics`.
        figsize: inches; None for the usual size.

    Raises:
        UserError: the result is of another analysis.
    """
    require(result, "channel_statistics")
    names = [PIXELS, *result.parameters["layers"]]
    figure = Figure(figsize=figsize or (WIDTH, 3.0), layout="constrained")
    panels = figure.subplots(1, len(_PANELS))
    for axes, (what, label) in zip(panels, _PANELS, strict=True):
        kinds = [each for each in _KINDS if any(f"{name}_{what}{each[0]}" in result.data for name in names)]
        for number, (suffix, words, shown, marker) in enumerate(kinds):
            for place, name in enumerate(names):
                if f"{name}_{what}{suffix}" in result.data:
                    values = result.data[f"{name}_{what}{suffix}"].values.ravel()
                    x = place - 0.4 + 0.8 * (number + 0.5) / len(kinds)
                    _dots(axes, x, 0.8 / len(kinds), values, colour(shown), marker, words)
        axes.axhline(0, color=shade(0.4), linewidth=0.6)
        below = name_layers(axes, range(len(names)), names)
        axes.set(xlim=(-0.5, len(names) - 0.5), ylabel=label)
        if what == "kurtosis":
            axes.set_yscale("symlog", linthresh=1)
    if figsize is None:
        figure.set_figheight(3.0 + below)
    handles: dict[str, Artist] = {}
    for axes in panels:
        found, words_of = axes.get_legend_handles_labels()
        handles |= dict(zip(words_of, found, strict=True))
    figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=4, markerscale=1.5)
    titled(figure, title_of(result, "Statistics of channels"))
    return figure


def _dots(axes: Axes, x: float, step: float, values: np.ndarray, shown: str, marker: str, words: str) -> None:
    known = np.sort(values[np.isfinite(values)])
    # Spread sideways in an order that repeats itself, so that the figure is the same every time.
    sideways = (np.arange(len(known)) * 0.618 % 1 - 0.5) * step * 0.7
    axes.scatter(x + sideways, known, s=8, marker=marker, color=shown, alpha=0.6, linewidths=0, label=words)
    if len(known):
        axes.hlines(np.median(known), x - step * 0.42, x + step * 0.42, color=shown, linewidth=1.8)


@styled
def channel_curves(result: Result, layer: str | None = None, *, figsize: Size = None) -> Figure:
    """Draw distribution, power, gain and autocorrelation of every channel of a layer.

    Args:
        result: from `analyses.channel_statistics`.
        layer: name of the layer; the last one measured if not given.
        figsize: inches; None for the usual size.

    Raises:
        UserError: the result is of another analysis, or has no such layer.
    """
    require(result, "channel_statistics")
    name = _layer(result, layer, list(result.parameters["layers"]))
    data = result.data
    figure = Figure(figsize=figsize or (WIDTH, 5.4), layout="constrained")
    panels = figure.subplots(2, 2)
    axes = panels[0, 0]
    score = data["score"].values
    normal = np.exp(-(score**2) / 2) / np.sqrt(2 * np.pi)
    axes.plot(score, normal, color=shade(0.35), linewidth=3, zorder=1)
    _curves(axes, data, name, "histogram", score, lambda values: np.where(values > 0, values, np.nan))
    _input(axes, score, data[f"{PIXELS}_histogram"].values, lambda values: np.where(values > 0, values, np.nan))
    axes.set(yscale="log", ylim=(1e-5, None), xlabel="activity, standard deviations", ylabel="density, 1/SD")
    if f"{name}_power" in data:
        frequency = data[f"{name}_frequency"].values
        _curves(panels[0, 1], data, name, "power", frequency, _relative)
        if f"{name}_gain" in data:
            with np.errstate(divide="ignore", invalid="ignore"):
                given = data[f"{name}_power"].values / data[f"{name}_gain"].values
            _input(panels[0, 1], frequency, given, _relative)
        _logarithmic(panels[0, 1], "power / its mean")
    else:
        _nothing(panels[0, 1])
    if f"{name}_gain" in data:
        _curves(panels[1, 0], data, name, "gain", frequency, _relative)
        panels[1, 0].axhline(1, color=colour("middle"), linewidth=1.2, zorder=1)
        _logarithmic(panels[1, 0], "gain / its mean")
    else:
        _nothing(panels[1, 0])
    axes = panels[1, 1]
    distance = data[f"{name}_distance"].values
    _curves(axes, data, name, "correlation", distance, lambda values: values)
    near = data[f"{PIXELS}_distance"].values <= max(distance[-1], 1)
    pixels = data[f"{PIXELS}_correlation"].values[:, near]
    _input(axes, data[f"{PIXELS}_distance"].values[near], pixels, lambda values: values)
    axes.axhline(0, color=shade(0.4), linewidth=0.6)
    axes.set(xlabel="distance, pixels", ylabel="autocorrelation")
    found, words = axes.get_legend_handles_labels()
    figure.legend(found, words, loc="outside lower center", ncols=5)
    titled(figure, title_of(result, f"What {name} passes on"))
    return figure


def _logarithmic(axes: Axes, label: str) -> None:
    """Both axes, with numbers that can be read at 1, 2 and 5 of every decade."""
    axes.set(xscale="log", yscale="log", xlabel="spatial frequency, cycles per pixel", ylabel=label)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def _relative(values: np.ndarray) -> np.ndarray:
    """To the mean of each curve; what is not above zero is not drawn."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = values / values.mean(axis=-1, keepdims=True)
    return np.where(found > 0, found, np.nan)


def _curves(
    axes: Axes,
    data: xarray.Dataset,
    layer: str,
    what: str,
    x: np.ndarray,
    scaled: Callable[[np.ndarray], np.ndarray],
) -> None:
    """All channels, their median, and the medians of untrained networks."""
    values = scaled(data[f"{layer}_{what}"].values)
    for number, each in enumerate(values):
        words = "channels" if number == 0 else None
        axes.plot(x, each, color=colour("positive_pale"), linewidth=0.6, alpha=0.8, zorder=2, label=words)
    axes.plot(x, _median(values), color=shade(1.0), linewidth=1.8, zorder=4, label="their median")
    for suffix, words, style in (("_untrained", "untrained", "--"), ("_first", "before training", ":")):
        if f"{layer}_{what}{suffix}" in data:
            found = scaled(data[f"{layer}_{what}{suffix}"].values)
            middle = _median(found.reshape(-1, found.shape[-1]))
            axes.plot(x, middle, color=colour("negative_dark"), linewidth=1.3, linestyle=style, zorder=3, label=words)


def _input(axes: Axes, x: np.ndarray, values: np.ndarray, scaled: Callable[[np.ndarray], np.ndarray]) -> None:
    axes.plot(x, _median(scaled(values)), color=colour("middle"), linewidth=1.6, zorder=3, label="input")


def _median(values: np.ndarray) -> np.ndarray:
    """(channel, ...) -> (...,), over channels in which it is known; NaN where it is in none."""
    is_known = np.isfinite(values).any(axis=0)
    found = np.full(values.shape[1:], np.nan)
    found[is_known] = np.nanmedian(values[:, is_known], axis=0)
    return found


def _nothing(axes: Axes) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, "maps are too small", transform=axes.transAxes, ha="center", va="center", color=shade(0.55))


@styled
def channel_spectra(result: Result, layer: str | None = None, *, figsize: Size = None) -> Figure:
    """Draw power spectrum and autocorrelation of every channel of a layer in two dimensions.

    Args:
        result: from `analyses.channel_statistics`.
        layer: name of the layer, or `pixels`; the last layer measured if not given.
        figsize: inches; None for what the channels need.

    Raises:
        UserError: the result is of another analysis, or has no such layer.
    """
    require(result, "channel_statistics")
    name = _layer(result, layer, [PIXELS, *result.parameters["layers"]])
    data, has_power = result.data, f"{layer}_power_2d" in result.data
    channels = [str(each) for each in data[f"{name}_channel"].values]
    across = min(len(channels), 8)
    down = -(-len(channels) // across)
    per = 1 + has_power
    _, rows, columns = data[f"{name}_autocorrelation"].shape
    tall = min(WIDTH / across, 1.6) * (2 * rows - 1) / columns + 0.06
    figure = Figure(figsize=figsize or (WIDTH, 0.45 + down * (per * tall + 0.2)), layout="constrained")
    panels = figure.subplots(down * per, across, squeeze=False)
    for axes in panels.ravel():
        axes.set_axis_off()
    for number, words in enumerate(channels):
        row, column = divmod(number, across)
        top = panels[row * per, column]
        top.set_title(words, fontsize="small", pad=2)
        if has_power:
            _draw_power(top, data[f"{name}_power_2d"].values[number])
        _draw_autocorrelation(panels[row * per + per - 1, column], data[f"{name}_autocorrelation"].values[number])
    what = "Power (above) and autocorrelation" if has_power else "Autocorrelation"
    titled(figure, title_of(result, f"{what} of {name}"))
    return figure


def _draw_power(axes: Axes, power: np.ndarray) -> None:
    axes.set_axis_on()
    most = float(power.max())
    with np.errstate(divide="ignore"):
        shown = np.maximum(np.log10(power / most), -_DECADES) if most > 0 else np.full(power.shape, -_DECADES)
    axes.imshow(shown, cmap=colour_map("shading"), vmin=-_DECADES, vmax=0, interpolation="nearest")
    _bare(axes)


def _draw_autocorrelation(axes: Axes, correlation: np.ndarray) -> None:
    """Both halves, of which one is the other turned by 180°."""
    axes.set_axis_on()
    whole = np.concatenate([correlation[:0:-1, ::-1], correlation], axis=0)
    axes.imshow(np.nan_to_num(whole), cmap=colour_map("diverging"), vmin=-1, vmax=1, interpolation="nearest")
    _bare(axes)


def _bare(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    framed(axes)


def _layer(result: Result, layer: str | None, known: list[str]) -> str:
    name = known[-1] if layer is None else layer
    if name not in known:
        raise UserError(f"layer {name!r}: is not in this result; it has {', '.join(known)}")
    return name
