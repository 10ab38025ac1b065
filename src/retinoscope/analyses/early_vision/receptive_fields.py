"""Receptive fields: how the activity of every unit changes with every pixel it sees.

Two methods estimate the same thing (see `statistics/receptive_fields.py`): the mean gradient, and the noise-weighted
average, which needs only the activity but many more stimuli. Of a map, the unit in the middle answers for its channel.
Both methods show it its own patch of the observation, see `Policy.receptive_field`, or whole pictures if these cannot
hold its field. A unit of any other layer sees the whole observation, and units from the memory on are taken one step
from the state at the start of an episode.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Layer, Policy
from retinoscope.analyses.declaration import AGENT, Analysis, Inputs
from retinoscope.analyses.drawing import Drawing, FigureDrawing
from retinoscope.analyses.early_vision.learned_line import lines_of_fields
from retinoscope.analyses.early_vision.receptive_field_measuring import Stimuli, measured
from retinoscope.analyses.early_vision.receptive_field_panels import field_panels
from retinoscope.analyses.early_vision.receptive_field_parameters import (
    MAX_STIMULI,
    ReceptiveFieldParameters,
    ends_of_stages,
    maps_of_encoder,
    settle,
)
from retinoscope.analyses.early_vision.receptive_field_places import (
    drawn_part,
    places_of,
    said_of_places,
    windows_of,
)
from retinoscope.result import Result, provenance
from retinoscope.scale.work import Piece, each_of
from retinoscope.settings import stated, with_settings
from retinoscope.stimuli.patches import RecordedPatches
from retinoscope.stimuli.white_noise import WhiteNoise


def receptive_fields(
    agent: Agent | Policy,
    *,
    parameters: ReceptiveFieldParameters | None = None,
    observations: NDArray[np.uint8] | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Receptive fields of whole layers; of a large network no more than the budget, unless `max_stimuli` is given.

    Args:
        agent: an agent or its policy.
        parameters: see `ReceptiveFieldParameters`; single ones may be given by name instead, `method="noise"`.
        observations: recorded observations (time, height, width, channel) uint8. The gradient is then averaged over
            random frames of them, in the windows of random units of a map, instead of over white noise.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `ReceptiveFieldParameters` that replace those of `parameters`.

    Returns:
        A Result with, for every layer (here conv1): `conv1` (conv1_unit, conv1_height, conv1_width, colour), change of
        activity per pixel unit; `conv1_reliability` and `conv1_error` (conv1_unit), see `ReceptiveFieldEstimate`;
        `conv1_stimuli`, how many were shown, and `conv1_unit_stimuli` (conv1_unit), which are fewer for units of a
        large network that were reliable earlier; `conv1_target_reached`, whether that sufficed for every unit that
        answers.
        A unit that never answered has a field of zeros, and NaN as reliability and error; so has one that answered in
        one half of the stimuli alone, whose field is not zero. Attributes of `conv1`, if it
        is a map, say where its fields lie in the picture, see `places_of`; `learned` says in a line how much of what
        they show training has changed.

    Raises:
        UserError: a parameter is unknown or out of range, or the agent has no such layer or unit.
        NotMeasurable: no gradient leads from a layer to the pixels.
    """
    asked = with_settings(parameters or ReceptiveFieldParameters(), settings)
    return _measured(agent, asked, observations, asked.max_stimuli is None, progress)


def fields_within_budget(
    agent: Agent | Policy, *, parameters: ReceptiveFieldParameters | None = None, **settings: Any
) -> Result:
    """As `receptive_fields`, but of a large network never more than the budget of `receptive_field_measuring`."""
    return _measured(agent, with_settings(parameters or ReceptiveFieldParameters(), settings), None, True, False)


def _measured(
    agent: Agent | Policy,
    asked: ReceptiveFieldParameters,
    observations: NDArray[np.uint8] | None,
    is_bounded: bool,
    progress: bool,
) -> Result:
    policy = agent.policy if isinstance(agent, Agent) else agent
    settled = settle(policy, asked, observations)
    layers = settled.layers or ()
    variables: dict[str, Any] = {}
    work: list[Piece] = [
        (_variables, (policy, policy.layer(name), settled, observations, is_bounded, progress)) for name in layers
    ]
    for of_layer in each_of(work, is_bound_here=policy.device.type != "cpu"):
        variables |= of_layer
    data = xarray.Dataset(variables, coords={"colour": _colours(agent, policy.observation_shape[2])})
    said = stated(settled) | {"stimuli": "white noise" if observations is None else "recorded observations"}
    left_out = _left_out(policy) if asked.layers is None else []
    learned = lines_of_fields(agent, layers)
    for name in layers:
        data[name].attrs["caption"] = " ".join([_caption(data, name, said), *left_out])
        data[name].attrs["learned"] = learned[name]
    return Result("receptive_fields", data, said, provenance(agent=agent if isinstance(agent, Agent) else None))


def cross_check(
    agent: Agent | Policy,
    *,
    parameters: ReceptiveFieldParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Do both methods, on noise of their own, give the same receptive fields?

    Args:
        agent: an agent or its policy.
        parameters: as for `receptive_fields`; the method is left out of account.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: as for `receptive_fields`.

    Returns:
        A Result with, for every layer (here conv1), by unit (conv1_unit): `conv1_cosine` between the methods and
        `conv1_expected_cosine`, what their reliabilities allow (the root of their product); `conv1_difference`, length
        of the difference relative to the gradient's field, and `conv1_expected_difference`, the root of the sum of
        their squared errors. `conv1_stimuli` (method). NaN for units that never answered.

    Raises:
        UserError: as `receptive_fields`.
    """
    start = with_settings(parameters or ReceptiveFieldParameters(), settings)
    both = (
        dataclasses.replace(start, method="gradient"),
        dataclasses.replace(start, method="noise", seed=start.seed + 1),
    )
    gradient, noise = (receptive_fields(agent, parameters=each, progress=progress) for each in both)
    variables: dict[str, Any] = {}
    for name in gradient.parameters["layers"]:
        one, other = (result.data[name].values.reshape(result.data[name].shape[0], -1) for result in (gradient, noise))
        length = np.linalg.norm(one, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            cosine = (one * other).sum(axis=1) / (length * np.linalg.norm(other, axis=1))
            difference = np.linalg.norm(one - other, axis=1) / length
        unit = f"{name}_unit"
        reliabilities = [result.data[f"{name}_reliability"].values for result in (gradient, noise)]
        errors = [result.data[f"{name}_error"].values for result in (gradient, noise)]
        variables |= {
            unit: (unit, gradient.data[unit].values),
            f"{name}_cosine": (unit, cosine),
            f"{name}_expected_cosine": (unit, np.sqrt(reliabilities[0] * reliabilities[1])),
            f"{name}_difference": (unit, difference),
            f"{name}_expected_difference": (unit, np.hypot(*errors)),
            f"{name}_stimuli": ("method", [int(result.data[f"{name}_stimuli"]) for result in (gradient, noise)]),
        }
    data = xarray.Dataset(variables, coords={"method": list(MAX_STIMULI)})
    said = {"layers": gradient.parameters["layers"], "gradient": gradient.parameters, "noise": noise.parameters}
    return Result("receptive_fields_cross_check", data, said, gradient.provenance)


def _variables(
    policy: Policy,
    layer: Layer,
    parameters: ReceptiveFieldParameters,
    observations: NDArray[np.uint8] | None,
    is_bounded: bool,
    progress: bool,
) -> dict[str, Any]:
    """Measure one layer; the variables of the Result that belong to it."""
    stimuli: Stimuli
    if observations is None:
        stimuli = WhiteNoise(float(parameters.noise_mean or 0), float(parameters.noise_sigma or 0), parameters.seed)
    else:
        stimuli = RecordedPatches(observations, *windows_of(policy, layer), parameters.seed)
    found = measured(policy, layer.name, parameters, stimuli, is_bounded, progress)
    estimate = found.estimate
    unit = f"{layer.name}_unit"
    attributes = {
        "kind": layer.kind,
        "units": "activity per pixel unit",
        "long_name": f"receptive fields of {layer.name}",
        **(places_of(policy, layer) if layer.is_map else {"state": _state_that_enters(policy, layer)}),
    }
    if layer.is_map:
        attributes |= drawn_part(attributes, estimate)
    reliability = {"units": "1", "long_name": "split-half reliability, Spearman-Brown"}
    error = {"units": "1", "long_name": "expected error relative to the field"}
    return {
        unit: (unit, list((parameters.units or {})[layer.name])),
        layer.name: ((unit, f"{layer.name}_height", f"{layer.name}_width", "colour"), estimate.fields, attributes),
        f"{layer.name}_reliability": (unit, estimate.reliability, reliability),
        f"{layer.name}_error": (unit, estimate.relative_error, error),
        f"{layer.name}_stimuli": ((), estimate.stimuli, {"units": "stimuli"}),
        f"{layer.name}_unit_stimuli": (unit, found.shown, {"units": "stimuli"}),
        f"{layer.name}_target_reached": (
            (),
            found.is_reached,
            {"target_reliability": parameters.target_reliability, "is_cut": int(found.is_cut)},
        ),
    }


def _colours(agent: Agent | Policy, channels: int) -> list[str]:
    """What the channels of an observation are, as the agent's world says it, if it is known."""
    world = agent.world if isinstance(agent, Agent) else None
    if world is not None and len(world.declaration.picture.channel_names) == channels:
        return list(world.declaration.picture.channel_names)
    return {1: ["grey"], 3: ["red", "green", "blue"]}.get(channels, [f"channel {each}" for each in range(channels)])


def _state_that_enters(policy: Policy, layer: Layer) -> str:
    """With which the units of a layer that is no map were asked; empty where none takes part."""
    if not policy.state_size or layer.role in ("encoder stage", "encoder output"):
        return ""
    return "the state at the start of an episode" if policy.initial_state(1).any() else "the zero state"


def _left_out(policy: Policy) -> list[str]:
    """That not all maps of the encoder were measured, if so."""
    maps = maps_of_encoder(policy)
    shown = len(ends_of_stages(maps))
    if shown == len(maps):
        return []
    return [
        f"Of the {len(maps)} maps of the encoder, {shown} are shown, the ends of its stages; `layers` names others."
    ]


def _caption(data: xarray.Dataset, layer: str, said: dict[str, Any]) -> str:
    fields, reliability = data[layer], data[f"{layer}_reliability"].values
    _, height, width, _ = fields.shape
    answering = reliability[~np.isnan(reliability)]
    silent = len(reliability) - len(answering)
    method = "Mean gradient" if said["method"] == "gradient" else "Noise-weighted average"
    fewest, most = int(data[f"{layer}_unit_stimuli"].min()), int(data[f"{layer}_stimuli"])
    stimuli = f"{most:,} " if fewest == most else f"{fewest:,} (units that were reliable then) to {most:,} "
    if said["stimuli"] == "white noise":
        stimuli += f"white-noise stimuli (mean {said['noise_mean']:.4g}, σ {said['noise_sigma']:.4g} pixel units)"
    else:
        stimuli += "stimuli drawn with replacement from recorded observations"
    window, places = said_of_places(fields.attrs, height, width)
    sentences = [f"{method} of activity over {stimuli}; {window}; n = {len(reliability)} units of {layer}.", *places]
    if fields.attrs.get("state"):
        sentences.append(f"One step from {fields.attrs['state']}.")
    if len(answering):
        sentences.append(
            f"Split-half reliability r (Spearman-Brown): median {_floor(np.median(answering))}, "
            f"lowest {_floor(answering.min())}; "
            f"expected error: median {100 * np.nanmedian(data[f'{layer}_error'].values):.2g}%."
        )
        if not data[f"{layer}_target_reached"]:
            is_cut = data[f"{layer}_target_reached"].attrs["is_cut"]
            why = ": in so large a network units that answer rarely are not waited for, unless `max_stimuli` says so"
            sentences.append(f"The target of {said['target_reliability']:.4g} was not reached{why if is_cut else ''}.")
    rare = int(fields.values[np.isnan(reliability)].any(axis=(1, 2, 3)).sum())
    if silent > rare:
        sentences.append(f"{silent - rare} unit{'s' if silent - rare > 1 else ''} never answered.")
    if rare:
        sentences.append(f"{rare} answered too seldom for their reliability to be known.")
    return " ".join(sentences)


def _floor(reliability: float) -> str:
    """Three decimals, never rounded up to a perfection that was not measured."""
    return f"{np.floor(1000 * reliability + 1e-6) / 1000:.3f}"


def _draw(result: Result) -> list[Drawing]:
    from retinoscope import figures

    return [
        FigureDrawing(
            f"receptive_fields_{layer}",
            f"Receptive fields of {layer}",
            _said(result.data[layer].attrs),
            functools.partial(figures.receptive_fields, result, layer),
            says_caption=True,
        )
        for layer in result.parameters["layers"]
    ]


def _said(attributes: Mapping[str, Any]) -> str:
    """The line on what was learned, which Results of before do not have, and the caption."""
    learned = attributes.get("learned", "")
    return " ".join([*([f"{learned}."] if learned else []), attributes["caption"]])


def _refuse(inputs: Inputs, parameters: ReceptiveFieldParameters) -> None:
    if inputs.agent is not None:
        settle(inputs.agent.policy, parameters)


ANALYSIS = Analysis(
    name="receptive_fields",
    title="Receptive fields",
    group="early_vision",
    summary="How the activity of every unit changes with every pixel it sees.",
    run=receptive_fields,
    parameters=ReceptiveFieldParameters,
    of="agent",
    needs=(AGENT,),
    draw=_draw,
    explore=field_panels,
    is_always_made=True,
    refuse=_refuse,
    functions=(cross_check,),
    rank=20,
    methods="""
        Receptive fields of the units of {{ layers | listed }} were measured with {% if stimuli == "white noise"
        %}Gaussian white noise (mean {{ noise_mean }}, standard deviation {{ noise_sigma }}, pixel units){% else
        %}recorded observations{% endif %}{% if method == "gradient" %} as the mean gradient of a unit's
        activity with respect to the pixels{% if stimuli == "white noise" %}, which under such stimuli estimates
        the same as their average weighted by the activity [@stein1981]{% endif %}.{% else %} as the average of
        the stimuli, less their mean, weighted by a unit's activity and divided by the variance of the
        stimuli.{% endif %} Of a map, the unit in the middle answered for its channel. Stimuli were added until
        every unit that answers had a split-half reliability of {{ target_reliability }}, and at most {{
        max_stimuli }} of them; shown were {% for layer in layers %}{{ found[layer ~ "_stimuli"] }} to {{ layer
        }}{{ "" if loop.last else ", " }}{% endfor %} (seed {{ seed }}).
    """,
)
