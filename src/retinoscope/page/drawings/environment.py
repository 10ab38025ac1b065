"""What is drawn of responses during behaviour."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import numpy as np

from retinoscope.analyses.behaviour.activation_movies import movie_blocks
from retinoscope.analyses.declaration import Inputs
from retinoscope.analyses.drawing import Drawing, FigureDrawing, RecordedMovieDrawing
from retinoscope.figures.activation_movies import activation_frames
from retinoscope.figures.burn_in import burn_in
from retinoscope.figures.event_triggered import event_triggered, event_triggered_claims, event_triggered_units
from retinoscope.page.drawings.always import SPEED
from retinoscope.page.drawings.behaviour import draw_principal_components, draw_raster
from retinoscope.page.drawings.event_triggered import claims_caption, event_table
from retinoscope.result import Result


def _burn_in(result: Result) -> list[Drawing]:
    caption = result.data.attrs["caption"]
    return [FigureDrawing("burn_in", "How the memory forgets its start", caption, lambda: burn_in(result))]


def _activation_movies(result: Result) -> list[Drawing]:
    rate = SPEED * float(result.data.attrs["decisions_per_second"])
    drawings: list[Drawing] = []
    for layer in result.parameters["layers"]:
        caption = (
            f"{result.data[f'{layer}_scale'].attrs['caption']} Shown at {SPEED:g} times the speed of the game; every "
            "unit of a map is a block."
        )
        frames = functools.partial(_activation_frames, result, layer)
        title = f"Activity of {layer}"
        drawings.append(RecordedMovieDrawing(f"activation_movies_{layer}", title, caption, frames, rate))
    return drawings


def _activation_frames(result: Result, layer: str, inputs: Inputs, first: int) -> Iterator[np.ndarray]:
    blocks = movie_blocks(result, inputs.agent, inputs.recording, layer, first)
    return activation_frames(result, blocks, layer)


def _event_triggered(result: Result) -> list[Drawing]:
    caption, claims = result.data.attrs["caption"], claims_caption(result)
    shown = "fc" if "fc_mean" in result.data else str(result.data["layer"].values[-1])
    units = (
        f"{caption} Lines: mean over events; bands: 95% bootstrap interval over events; grey: 95% of shuffled events."
    )
    every = (
        f"{caption} Colour: mean over events, in standard deviations of its shuffled mean; units sorted by their mean "
        "before the pick-up. Ticks at the left edge of a panel mark units that are event-locked before the pick-up, at "
        "the right edge after it."
    )
    name = "event_triggered"
    return [
        FigureDrawing(name, "All units around pick-ups", every, lambda: event_triggered(result)),
        FigureDrawing(
            f"{name}_units",
            f"Units of {shown} most tied to healing pick-ups",
            units,
            lambda: event_triggered_units(result, shown),
        ),
        FigureDrawing(f"{name}_claims", "Two claims, measured", claims, lambda: event_triggered_claims(result)),
        event_table(result),
    ]


DRAWINGS: dict[str, Callable[[Result], list[Drawing]]] = {
    "burn_in": _burn_in,
    "activation_movies": _activation_movies,
    "event_triggered": _event_triggered,
    "principal_components": draw_principal_components,
    "raster": draw_raster,
}
