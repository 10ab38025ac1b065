"""What is said and drawn of the statistics of channels."""

from __future__ import annotations

import functools

import numpy as np
import xarray

from retinoscope.analyses.drawing import Drawing, FigureDrawing
from retinoscope.analyses.early_vision.natural_field_drawings import counted
from retinoscope.analyses.exploring import Panel, UnitNumber, UnitNumbersPanel
from retinoscope.analyses.layer_activity import PIXELS
from retinoscope.result import Result


def caption_of(data: xarray.Dataset, layers: list[str]) -> str:
    """What was measured, over how much, and what came out."""
    said = [
        f"n = {data.attrs['decisions']:,} recorded observations of {counted(data.attrs['episodes'], 'episode')}; "
        "activity after the activation function, all places of a map. α: power falls as 1/f^α; excess kurtosis and "
        "sparseness (Treves & Rolls) over places and times. Phases shuffled: the same network, shown pictures of the "
        "same power spectra with phases drawn anew."
    ]
    for name in (PIXELS, *layers):
        parts = [f"{word} {_middle(data[f'{name}_{word}'])}" for word in ("kurtosis", "sparseness")]
        if f"{name}_power" in data:
            of_input = "" if name == PIXELS else f" (input {_number(float(data[f'{name}_input_slope']))})"
            parts.insert(0, f"α {_middle(data[f'{name}_slope'])}{of_input}")
        said.append(f"{name}: median {', '.join(parts)}.")
    small = [name for name in layers if f"{name}_power" not in data]
    if small:
        said.append(f"Maps of {', '.join(small)} are too small for a power spectrum.")
    return " ".join([*said, *filter(None, [data.attrs["why_not"]])])


def _middle(values: xarray.DataArray) -> str:
    known = values.values[np.isfinite(values.values)]
    return _number(float(np.median(known))) if len(known) else "not measurable"


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


_NUMBERS = {
    "mean": "mean over places and times",
    "deviation": "standard deviation",
    "skewness": "skewness",
    "kurtosis": "excess kurtosis",
    "sparseness": "sparseness (Treves & Rolls)",
    "active": "share of places and times at which it is active",
    "slope": "α of power falling as 1/f^α",
}


def panels(result: Result) -> list[Panel]:
    """The numbers of every channel, layer by layer."""
    data, found = result.data, list[Panel]()
    for layer in result.parameters["layers"]:
        numbers = []
        for name, title in _NUMBERS.items():
            values = data[f"{layer}_{name}"]
            units = str(values.attrs["units"])
            numbers.append(UnitNumber(name, title, units if units == "activity" else "", values.values))
        about = (f"channel_statistics_{layer}", f"Statistics of the channels of {layer}", str(data.attrs["caption"]))
        found.append(UnitNumbersPanel(*about, layer, tuple(numbers)))
    return found


def drawings(result: Result) -> list[Drawing]:
    """All layers side by side, then the curves and the maps of each."""
    from retinoscope import figures

    data, caption = result.data, str(result.data.attrs["caption"])
    drawn: list[Drawing] = [
        FigureDrawing(
            "channel_statistics", "Statistics of channels", caption, lambda: figures.channel_statistics(result)
        )
    ]
    over = f"n = {data.attrs['decisions']:,} recorded observations."
    for layer in result.parameters["layers"]:
        words = (
            f"{over} Thin lines: channels of {layer}; black: their median; dashed: median over channels of untrained "
            "networks, dotted: before training, as far as these are there; yellow: the input. Distribution: in "
            "standard deviations from the mean, beside a normal one (grey); the last bins hold what is beyond. Power "
            "by spatial frequency, mean over directions, relative to its own mean. Gain: power relative to that of the "
            "input at the same frequency, relative to its own mean: flat where all frequencies pass alike, rising "
            "where the input is whitened."
        )
        curves = functools.partial(figures.channel_curves, result, layer)
        drawn.append(FigureDrawing(f"channel_curves_{layer}", f"What {layer} passes on", words, curves))
    for name in (PIXELS, *result.parameters["layers"]):
        words = (
            f"{over} Of every channel of {name}, above: power by spatial frequency, zero in the middle, highest at "
            "the border; its logarithm, three decades from light to dark; the mean was taken away. Below: "
            "autocorrelation by lag, none in the middle; blue −1, white 0, red 1. Maps that are too small have no "
            "power spectrum."
        )
        maps = functools.partial(figures.channel_spectra, result, name)
        drawn.append(FigureDrawing(f"channel_spectra_{name}", f"Power and autocorrelation of {name}", words, maps))
    return drawn
