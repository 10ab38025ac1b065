"""In-silico electrophysiology: what every unit answers to sinusoidal gratings, as a neuron of early vision is tested.

Gratings pass the network's real forward pass, through rectifiers, poolings and padding; nothing is linearised. Of a map
the unit in the middle answers for its channel, to what its field shows of the picture. Whatever a network that learned
nothing shows as well is no evidence of learning, so that the first checkpoint of the run and networks of weights drawn
anew are measured beside the agent, by the same gratings.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Layer, Policy
from retinoscope.analyses.declaration import AGENT, Analysis, Inputs
from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.early_vision.grating_comparison import comparison, redrawn_units, silent_units, table_of
from retinoscope.analyses.early_vision.grating_panels import GRATINGS
from retinoscope.analyses.early_vision.grating_parameters import (
    Design,
    TuningToGratingsParameters,
    design_of,
    layers_of,
    picture_of,
    units_of,
)
from retinoscope.analyses.early_vision.grating_responses import Measured, Units, measure, operations_of
from retinoscope.analyses.early_vision.untrained import named_networks
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import stated, with_settings
from retinoscope.worlds.world import World

_OF_TUNING = {
    "strength": ("strength", "answer to the preferred grating, root-mean-square over phases", "activity"),
    "mean_response": ("mean_response", "mean over phases of the answer to it (F0)", "activity"),
    "preferred_orientation": ("preferred_orientation", "preferred orientation, 0 upright, anticlockwise", "degrees"),
    "preferred_frequency": ("preferred_frequency", "preferred spatial frequency", "cycles per pixel"),
    "preferred_phase": ("preferred_phase", "preferred phase, from the middle of the field", "degrees"),
    "orientation_selectivity": ("selectivity", "orientation selectivity, 1 - circular variance", "1"),
    "classic_orientation_selectivity": (
        "classic_selectivity",
        "orientation selectivity, (preferred - orthogonal) / (preferred + orthogonal)",
        "1",
    ),
    "orientation_half_width": ("orientation_half_width", "orientation half-width at half height", "degrees"),
    "low_cut": ("low_cut", "frequency below the preferred one at which the answer is half", "cycles per pixel"),
    "high_cut": ("high_cut", "frequency above the preferred one at which the answer is half", "cycles per pixel"),
    "bandwidth": ("bandwidth", "frequency bandwidth at half height", "octaves"),
    "modulation": ("modulation", "modulation F1/F0; above 1 simple, below 1 complex", "1"),
    "linearity": ("linearity", "share of the squared answer at the grating's own frequency", "1"),
}
_OF_CONTRAST = {
    "contrast_exponent": ("exponent", "exponent of the contrast response", "1"),
    "half_saturation": ("half_saturation", "contrast of half saturation", "amplitude over grey level"),
    "contrast_fit": ("explained", "share of the contrast response that the fit explains", "1"),
}


def tuning_to_gratings(
    agent: Agent | Policy,
    *,
    world: World | None = None,
    parameters: TuningToGratingsParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Tuning of units to orientation, spatial frequency, phase, contrast and colour of gratings.

    Args:
        agent: an agent or its policy.
        world: in which it lives, for frames that are stacked and the size of a pixel in degrees; None for its own.
        parameters: see `TuningToGratingsParameters`; single ones may be given by name instead, `orientations=12`.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `TuningToGratingsParameters` that replace those of `parameters`.

    Returns:
        A Result over (network, unit), where `unit_layer` and `unit_number` (unit) say which unit. `network` is
        `trained`, `first` (the checkpoint before training, where it is known) and `redrawn 1`, ... Variables:
        `preferred_orientation`, `preferred_frequency` (and `preferred_frequency_per_degree` where the size of a pixel
        is known), `preferred_phase`, `orientation_selectivity`, `classic_orientation_selectivity`,
        `chance_selectivity` (95th percentile after shuffling), `orientation_half_width`, `low_cut`, `high_cut`,
        `bandwidth`, `modulation`, `linearity`, `strength`, `mean_response`, `grey_activity`: see `GratingTuning`.
        `contrast_exponent`, `half_saturation`, `contrast_fit`: see `ContrastResponse`. `axis_strength` (..., axis) and
        `preferred_axis`, its number; with three primaries `colour_index`, (C - L) / (C + L) of the strongest answers C
        along an opponent axis and L along luminance. `orientation_curve` (..., orientation), `frequency_curve`
        (..., frequency), `phase_curve` (..., phase), `contrast_curve` (..., contrast) through the preferred grating.
        `median` (index, layer, network), `percentile` (index, layer): of the trained median among all units of redrawn
        networks; `answering` (layer, network), `measured` (layer). All are NaN, and `preferred_axis` -1, for a unit
        that no grating moves from its activity at the grey screen.

    Raises:
        UserError: a parameter is unknown or out of range, or the agent has no such layer.
    """
    policy = agent.policy if isinstance(agent, Agent) else agent
    asked = with_settings(parameters or TuningToGratingsParameters(), settings)
    picture = picture_of(agent, world)
    design = design_of(policy, asked, 1 if picture is None else picture.frames)
    layers = layers_of(policy, asked)
    units = {layer.name: units_of(layer, asked.most_units) for layer in layers}
    table = len(layers) * int(np.prod(design.shape))

    def measured(network: Policy, advance: Callable[[float], None]) -> dict[str, Measured]:
        return dict(measure(network, layers, units, design, asked.shuffles, asked.seed, asked.batch_size, advance))

    with progress_bar("tuning to gratings: gratings", table, progress) as advance:
        found = {"trained": measured(policy, advance)}

    def cost() -> float:
        return operations_of(policy, layers, found["trained"], design)

    networks, wanted, notes = named_networks(agent, asked.untrained, asked.seed, cost)
    total = len(networks) * table
    with progress_bar("tuning to gratings: gratings, untrained", total, progress) as advance:
        found |= {name: measured(each, advance) for name, each in networks.items()}
    degrees = None if picture is None else picture.degrees_per_pixel
    data = _dataset(found, layers, units, design, degrees)
    data = data.merge(comparison(data))
    data.attrs |= {"caption": _caption(data, layers, design, degrees, notes), "grey_level": design.mean}
    known = provenance(agent=agent if isinstance(agent, Agent) else None)
    return Result("tuning_to_gratings", data, stated(asked) | {"untrained": wanted}, known)


def _dataset(
    found: Mapping[str, Mapping[str, Measured]],
    layers: list[Layer],
    units: Units,
    design: Design,
    degrees_per_pixel: float | None,
) -> xarray.Dataset:
    names = [layer.name for layer in layers]

    def over(part: Any) -> np.ndarray:
        """(network, unit, ...) of what `part` takes from a layer's measurement."""
        return np.stack([np.concatenate([part(each[name]) for name in names]) for each in found.values()])

    def of(part: Any, long_name: str, unit: str, *more: str) -> tuple[Any, ...]:
        return ("network", "unit", *more), over(part), {"long_name": long_name, "units": unit}

    variables = {
        name: of(lambda each, field=field: getattr(each.tuning, field), long_name, unit)
        for name, (field, long_name, unit) in _OF_TUNING.items()
    }
    variables |= {
        name: of(lambda each, field=field: getattr(each.contrast, field), long_name, unit)
        for name, (field, long_name, unit) in _OF_CONTRAST.items()
    }
    variables |= {
        "chance_selectivity": of(lambda each: each.chance, "selectivity of shuffled answers, 95th percentile", "1"),
        "grey_activity": of(lambda each: each.grey, "activity at the grey screen", "activity"),
        "preferred_axis": of(lambda each: each.tuning.axis, "number of the preferred colour axis", "1"),
        "axis_strength": of(lambda each: each.tuning.axis_strength, "answer along each axis", "activity", "axis"),
        "contrast_curve": of(lambda each: each.contrast_curve, "answer by contrast", "activity", "contrast"),
    }
    for name in ("orientation", "frequency", "phase"):
        field = f"{name}_curve"
        variables[field] = of(lambda each, f=field: getattr(each.tuning, f), f"answer by {name}", "activity", name)
    coordinates = {
        "network": list(found),
        "unit_layer": ("unit", np.concatenate([[name] * len(units[name]) for name in names])),
        "unit_number": ("unit", np.concatenate([units[name] for name in names])),
        "layer": names,
        "axis": list(design.axes),
        "orientation": ("orientation", design.orientations, {"units": "degrees"}),
        "frequency": ("frequency", design.frequencies, {"units": "cycles per pixel"}),
        "phase": ("phase", design.phases, {"units": "degrees"}),
        "contrast": ("contrast", design.contrasts, {"units": "amplitude over grey level"}),
    }
    data = xarray.Dataset(variables, coords=coordinates)
    if degrees_per_pixel is not None:
        data["preferred_frequency_per_degree"] = data["preferred_frequency"] / degrees_per_pixel
        data["preferred_frequency_per_degree"].attrs = {
            "long_name": "preferred spatial frequency, in the middle of the view",
            "units": "cycles per degree",
        }
        data.attrs["degrees_per_pixel"] = degrees_per_pixel
    if len(design.axes) > 1:
        strengths = data["axis_strength"].values
        opponent, luminance = strengths[..., 1:].max(axis=-1), strengths[..., 0]
        with np.errstate(invalid="ignore"):
            index = (opponent - luminance) / (opponent + luminance)
        about = {"long_name": "colour index, (opponent - luminance) / (opponent + luminance)", "units": "1"}
        data["colour_index"] = (("network", "unit"), index, about)
    return data


def _caption(data: xarray.Dataset, layers: list[Layer], design: Design, degrees: float | None, notes: list[str]) -> str:
    axes, orientations, frequencies, phases = design.shape
    counts = ", ".join(f"{int(data['measured'].sel(layer=each.name))} of {each.name}" for each in layers)
    low, high = design.frequencies[0], design.frequencies[-1]
    colour = f" along {axes} axes of colour, of equal root-mean-square contrast" if axes > 1 else ""
    sentences = [
        f"Gratings of {orientations} orientations × {frequencies} frequencies ({low:.3g} to {high:.3g} cycles per "
        f"pixel) × {phases} phases{colour}, around grey level {design.mean:.4g}; n = {counts}. Strength: root-mean-"
        "square over phases of the activity minus that at the grey screen."
    ]
    if degrees is not None:
        sentences.append(f"One pixel is {degrees:.3g} degrees in the middle of the view.")
    sentences += silent_units(data)
    behind = [each.name for each in layers if each.role not in ("encoder stage", "encoder output")]
    if behind:
        sentences.append(f"{', '.join(behind)}: one step from the start of an episode.")
    return " ".join([*sentences, *redrawn_units(data), *notes])


def _draw(result: Result) -> list[Drawing]:
    from retinoscope import figures

    caption = result.data.attrs["caption"]
    title, table = "Tuning to gratings", table_of(result.data)
    drawn: list[Drawing] = [
        FigureDrawing(
            "tuning_to_gratings",
            title,
            caption,
            functools.partial(figures.tuning_to_gratings, result),
            says_caption=True,
        ),
        TableDrawing("tuning_to_gratings", f"{title}: trained and untrained", table.caption, table.columns, table.rows),
    ]
    return drawn


def _refuse(inputs: Inputs, parameters: TuningToGratingsParameters) -> None:
    if inputs.agent is not None:
        policy = inputs.agent.policy
        picture = picture_of(inputs.agent, inputs.world)
        design_of(policy, parameters, 1 if picture is None else picture.frames)
        layers_of(policy, parameters)


ANALYSIS = Analysis(
    name="tuning_to_gratings",
    title="Tuning to gratings",
    group="early_vision",
    summary="Orientation, spatial frequency, phase, contrast and colour that units prefer, and how selectively.",
    run=tuning_to_gratings,
    parameters=TuningToGratingsParameters,
    of="agent",
    needs=(AGENT,),
    draw=_draw,
    explore=GRATINGS.of,
    refuse=_refuse,
    rank=60,
    methods="""
        Sinusoidal gratings of {{ orientations }} orientations, {{ frequencies }} spatial frequencies up to {{
        highest_frequency }} cycles per pixel, and {{ phases }} phases were shown to the network, on a grey of
        {{ found.grey_level }} pixel units; contrast ({{ contrasts }} steps) and colour were varied around what
        a unit preferred. The strength of an answer is its root-mean-square difference from the activity at the
        even grey, over phases. Of each layer {{ most_units }} units at most were measured; of a map the unit in
        the middle answers for its channel. Orientation selectivity is one less the circular variance
        [@ringach2002], and its chance level the ninety-fifth percentile of {{ shuffles }} shuffles of
        orientations and phases; units are simple or complex by the modulation of their rectified answer over
        phases [@skottun1991]; answers to contrast were fitted by the hyperbolic ratio [@naka1966]{% if
        sizes.axis > 1 %}; axes of colour are after [@derrington1984]{% endif %}. The same gratings were shown
        to {{ sizes.network }} networks in all, which are {{ labels.network | listed }} (first: the checkpoint
        before training; redrawn: the same network with other weights; seed {{ seed }}).
    """,
)
