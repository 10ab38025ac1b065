"""What is drawn of the analyses that always run."""

from __future__ import annotations

import functools
from collections.abc import Callable

from retinoscope.analyses.drawing import GIF_EVERY, GIF_SHRINK, SPEED, Drawing, FigureDrawing, MovieDrawing
from retinoscope.figures.receptive_fields import receptive_fields
from retinoscope.figures.simulation import simulation_frames, simulation_summary
from retinoscope.result import Result


def _simulation(result: Result) -> list[Drawing]:
    caption = result.data.attrs["caption"]
    movie = (
        f"{caption} Shown at {SPEED:g} times the speed of the game; every pixel that the agent sees is a block. "
        f"The GIF shows every {_ordinal(GIF_EVERY)} decision at 1/{GIF_SHRINK} of the width."
    )
    rate = SPEED * float(result.data.attrs["decisions_per_second"])
    return [
        MovieDrawing("simulation", "The agent at work", movie, lambda: simulation_frames(result), rate),
        FigureDrawing(
            "simulation", "Health, pick-ups and value over time", caption, lambda: simulation_summary(result)
        ),
    ]


def _receptive_fields(result: Result) -> list[Drawing]:
    return [
        FigureDrawing(
            f"receptive_fields_{layer}",
            f"Receptive fields of {layer}",
            result.data[layer].attrs["caption"],
            functools.partial(receptive_fields, result, layer),
            says_caption=True,
        )
        for layer in result.parameters["layers"]
    ]


def _ordinal(number: int) -> str:
    return {1: "", 2: "second", 3: "third"}.get(number, f"{number}th")


DRAWINGS: dict[str, Callable[[Result], list[Drawing]]] = {
    "simulation": _simulation,
    "receptive_fields": _receptive_fields,
}
