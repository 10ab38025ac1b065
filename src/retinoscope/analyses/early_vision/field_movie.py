"""A movie of all receptive fields over the checkpoints of a run: how they come about, every unit on one scale.

Fields keep their sign: they are mean gradients, of which nothing has to be aligned from one checkpoint to the next. All
checkpoints are shown the same stimuli, so that what differs between two frames is not the noise of the measurement.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.analyses.checkpoints import every_checkpoint
from retinoscope.analyses.declaration import AGENT, Analysis
from retinoscope.analyses.drawing import GIF_EVERY, Drawing, MovieDrawing
from retinoscope.analyses.early_vision.receptive_field_measuring import how_many, operations_of
from retinoscope.analyses.early_vision.receptive_field_panels import movie_panels
from retinoscope.analyses.early_vision.receptive_field_parameters import ReceptiveFieldParameters, settle
from retinoscope.analyses.early_vision.receptive_fields import fields_within_budget
from retinoscope.errors import NotMeasurable
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings

_SECONDS, _SLOWEST, _FASTEST = 12.0, 1.0, 8.0  # of the movie; checkpoints in a second
_CHECKPOINTS, _FEWEST = 100, 6  # that are shown; of a large network fewer, but these


@parameters("field movie")
class FieldMovieParameters:
    """Parameters of `field_movie`."""

    layers: tuple[str, ...] | None = setting(
        None, "names of layers, with numbers of units where not all are wanted, as in `receptive_fields`", fewest=1
    )
    checkpoints: int | None = setting(
        None,
        "shown at most, evenly spaced over those there are, the first and the last among them; none for 100, or, where "
        "these take more than 5e12 operations, as many as these allow",
        least=2,
    )
    target_reliability: float = setting(
        0.95, "stop when every unit that answers has reached this split-half reliability", above=0, most=1
    )
    max_stimuli: int = setting(2000, "stop after this many even so", units="stimuli", least=2)
    seed: int = setting(0, "seed of the stimuli, the same for all checkpoints", least=0)


def field_movie(
    agent: Agent, *, parameters: FieldMovieParameters | None = None, progress: bool = False, **settings: Any
) -> Result:
    """Receptive fields of every checkpoint of the run that an agent comes from.

    Args:
        agent: any checkpoint of it.
        parameters: see `FieldMovieParameters`; single ones may be given by name instead.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `FieldMovieParameters` that replace those of `parameters`.

    Returns:
        A Result over `checkpoint`, with coordinate `frames_trained`; for every layer (here conv1): `conv1` (checkpoint,
        conv1_unit, conv1_height, conv1_width, colour) float32, change of activity per pixel unit; `conv1_scale`
        (conv1_unit), the largest absolute weight of a unit over all checkpoints; `conv1_with_first` (checkpoint,
        conv1_unit), cosine with the field of the first checkpoint, NaN where a unit never answered.

    Raises:
        UserError: a parameter is unknown or out of range, or the agent has no such layer or unit.
        NotMeasurable: there are fewer than two checkpoints, or no gradient leads to the pixels.
    """
    chosen = with_settings(parameters or FieldMovieParameters(), settings)
    asked = ReceptiveFieldParameters(
        layers=chosen.layers,
        target_reliability=chosen.target_reliability,
        max_stimuli=chosen.max_stimuli,
        seed=chosen.seed,
    )
    settled = settle(agent.policy, asked)
    # One grey and one noise for all, even where checkpoints were normalised in different ways.
    asked = dataclasses.replace(asked, noise_mean=settled.noise_mean, noise_sigma=settled.noise_sigma)
    agents = every_checkpoint(agent)
    if len(agents) < 2:
        raise NotMeasurable(f"agent {agent.name!r}: its run has {len(agents)} checkpoint; a movie needs at least 2")
    last = fields_within_budget(agents[-1], parameters=asked)
    wanted = min(chosen.checkpoints or _CHECKPOINTS, len(agents))
    if chosen.checkpoints is None:
        wanted = how_many(operations_of(agents[-1].policy, last), wanted, _FEWEST)
    places = np.unique(np.linspace(0, len(agents) - 1, wanted).round().astype(int))
    found: list[xarray.Dataset] = []
    with progress_bar("checkpoints", len(places), progress) as advance:
        for place in places[:-1]:
            found.append(fields_within_budget(agents[place], parameters=asked).data)
            advance(1)
        found.append(last.data)
        advance(1)
    layers = list(settled.layers or ())
    variables: dict[str, Any] = {}
    for name in layers:
        variables |= _variables(name, found)
    shown = [agents[place] for place in places]
    data = xarray.Dataset(
        variables,
        coords={
            "colour": found[-1]["colour"].values,
            "frames_trained": ("checkpoint", [each.frames_trained or 0 for each in shown], {"units": "frames"}),
        },
    )
    rate = float(np.clip(len(places) / _SECONDS, _SLOWEST, _FASTEST))
    data.attrs |= {"checkpoints_of_run": len(agents), "checkpoints_per_second": rate}
    is_cut = chosen.checkpoints is None and len(places) < min(_CHECKPOINTS, len(agents))
    data.attrs["caption"] = _caption(data, layers, is_cut)
    said = stated(chosen) | {
        "checkpoints": len(places),
        "layers": layers,
        "noise_mean": asked.noise_mean,
        "noise_sigma": asked.noise_sigma,
    }
    return Result("field_movie", data, said, provenance(agent=agent))


def _variables(layer: str, found: list[xarray.Dataset]) -> dict[str, Any]:
    fields = np.stack([each[layer].values for each in found]).astype(np.float32)
    unit, about = f"{layer}_unit", found[-1][layer]
    attributes = {
        name: value for name, value in about.attrs.items() if name.startswith(("drawn_", "units", "long_name", "kind"))
    }
    return {
        unit: (unit, found[-1][unit].values),
        layer: (("checkpoint", *about.dims), fields, attributes),
        f"{layer}_scale": (unit, np.abs(fields).max(axis=(0, 2, 3, 4)), {"units": "activity per pixel unit"}),
        f"{layer}_with_first": (("checkpoint", unit), _with_first(fields), {"units": "cosine"}),
    }


def _with_first(fields: NDArray[np.float32]) -> NDArray[np.float64]:
    """(checkpoint, unit, ...) -> (checkpoint, unit) cosine with the first."""
    flat = fields.reshape(*fields.shape[:2], -1).astype(np.float64)
    lengths = np.linalg.norm(flat, axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((flat * flat[0]).sum(axis=2) / (lengths * lengths[0]))


def _caption(data: xarray.Dataset, layers: list[str], is_cut: bool) -> str:
    frames, count = data["frames_trained"].values, data.sizes["checkpoint"]
    of_all = data.attrs["checkpoints_of_run"]
    those = f"all {count} checkpoints" if count == of_all else f"{count} of {of_all} checkpoints, evenly spaced"
    those += " (in so large a network no more, unless `checkpoints` says so)" if is_cut else ""
    last = []
    for name in layers:
        cosines = data[f"{name}_with_first"].values[-1]
        known = cosines[np.isfinite(cosines)]
        last.append(f"{name} {np.median(known):.2f}".replace("-", "−") if len(known) else f"{name} unknown")
    return (
        f"Receptive fields (mean gradient over the same white noise) of {', '.join(layers)} at {those} of one "
        f"training run, {int(frames[0]):,} to {int(frames[-1]):,} frames trained. Every unit has one scale for the "
        "whole movie, its largest absolute weight at any checkpoint; zero is mid-grey in colour, white in single "
        f"channels. Cosine of a unit's last field with its first, median: {', '.join(last)}."
    )


def _draw(result: Result) -> list[Drawing]:
    from retinoscope import figures

    # Of a GIF's frames every second is kept: each checkpoint is there for two.
    rate = GIF_EVERY * float(result.data.attrs["checkpoints_per_second"])
    return [
        MovieDrawing(
            "field_movie",
            "Receptive fields in the course of training",
            str(result.data.attrs["caption"]),
            lambda: figures.field_frames(result, repeated=GIF_EVERY),
            rate,
        )
    ]


ANALYSIS = Analysis(
    name="field_movie",
    title="Receptive fields in the course of training",
    group="early_vision",
    summary="A movie of all receptive fields over the checkpoints of a run, every unit on one scale throughout.",
    run=field_movie,
    parameters=FieldMovieParameters,
    of="agent",
    needs=(AGENT,),
    draw=_draw,
    explore=movie_panels,
    is_reusable=False,
    rank=80,
    methods="""
        Receptive fields (mean gradients under Gaussian white noise [@stein1981]) of {{ sizes.checkpoint }}
        checkpoints of the training run, of {{ found.checkpoints_of_run }} there are, were measured with the
        same stimuli for all: until every unit that answers had a split-half reliability of {{
        target_reliability }}, and at most {{ max_stimuli }} (seed {{ seed }}). Every unit has one scale
        throughout.
    """,
)
