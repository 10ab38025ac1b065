"""What every unit answers to gratings that drift: which direction of motion it prefers, and how fast.

A network tells motion where it sees several frames at once, or remembers earlier ones. What a network of random weights
shows as well is no evidence of learning, so that the first checkpoint of the run and networks of weights drawn anew
are measured beside the agent, by the same gratings.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Layer, Policy
from retinoscope.analyses.declaration import AGENT, Analysis, Inputs, Need
from retinoscope.analyses.drawing import Drawing, FigureDrawing, TableDrawing
from retinoscope.analyses.early_vision.grating_comparison import comparison, redrawn_units, silent_units, table_of
from retinoscope.analyses.early_vision.grating_panels import TuningPanels
from retinoscope.analyses.early_vision.grating_parameters import picture_of, units_of
from retinoscope.analyses.early_vision.grating_responses import Units
from retinoscope.analyses.early_vision.motion_parameters import (
    MotionDesign,
    TuningToMotionParameters,
    is_behind,
    motion_design_of,
    motion_layers_of,
)
from retinoscope.analyses.early_vision.motion_responses import measure, motion_operations_of, observations_of
from retinoscope.analyses.early_vision.untrained import named_networks
from retinoscope.analyses.exploring import Panel
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import stated, with_settings
from retinoscope.statistics.motion_tuning import MotionTuning
from retinoscope.worlds.world import World

_TITLE = "Tuning to motion"
_VARIABLES = {
    "strength": ("strength", "answer to the preferred drifting grating, root-mean-square over a cycle", "activity"),
    "opposite_strength": ("opposite_strength", "answer to the same grating drifting the opposite way", "activity"),
    "still_strength": ("still_strength", "answer to the preferred grating that stands still", "activity"),
    "preferred_direction": ("preferred_direction", "preferred direction, 0 to the right, anticlockwise", "degrees"),
    "preferred_frequency": ("preferred_frequency", "preferred spatial frequency", "cycles per pixel"),
    "preferred_rate": ("preferred_rate", "preferred rate of drifting", "cycles per decision"),
    "preferred_speed": ("preferred_speed", "preferred speed", "pixels per decision"),
    "direction_selectivity": ("selectivity", "direction selectivity, 1 - circular variance", "1"),
    "classic_direction_selectivity": (
        "classic_selectivity",
        "direction selectivity, (preferred - opposite) / (preferred + opposite)",
        "1",
    ),
    "motion_index": ("motion_index", "motion index, (drifting - still) / (drifting + still)", "1"),
}
INDICES = (
    "classic_direction_selectivity",
    "direction_selectivity",
    "motion_index",
    "preferred_speed",
    "preferred_rate",
    "preferred_frequency",
)
"""Those that are compared."""


def tuning_to_motion(
    agent: Agent | Policy,
    *,
    world: World | None = None,
    parameters: TuningToMotionParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Tuning of units to direction, spatial frequency and rate of drifting gratings.

    Layers of the encoder see the frames of one observation, which are taken to be one decision apart. Layers behind
    the encoder see the grating decision by decision, from the start of an episode.

    Args:
        agent: an agent or its policy.
        world: in which it lives, for how many frames are stacked in an observation; None for its own.
        parameters: see `TuningToMotionParameters`; single ones may be given by name instead, `directions=8`.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `TuningToMotionParameters` that replace those of `parameters`.

    Returns:
        A Result over (network, unit), where `unit_layer` and `unit_number` (unit) say which unit. `network` is
        `trained`, `first` (the checkpoint before training, where it is known) and `redrawn 1`, ... Variables:
        `strength`, `opposite_strength`, `still_strength`, `preferred_direction`, `preferred_frequency`,
        `preferred_rate`, `preferred_speed`, `direction_selectivity`, `classic_direction_selectivity`, `motion_index`,
        `direction_curve` (..., direction), `rate_curve` (..., rate): see `MotionTuning`. `median` (index, layer,
        network), `percentile` (index, layer): of the trained median among all units of redrawn networks; `answering`
        (layer, network), `measured` (layer). NaN for a unit that no grating moves.

    Raises:
        UserError: a parameter is unknown or out of range, or the agent has no such layer.
    """
    policy = agent.policy if isinstance(agent, Agent) else agent
    asked = with_settings(parameters or TuningToMotionParameters(), settings)
    frames = _frames(agent, world)
    design, layers = motion_design_of(policy, asked, frames), motion_layers_of(policy, asked, frames)
    units = {layer.name: units_of(layer, asked.most_units) for layer in layers}
    shown = sum(observations_of(layers, policy, design, asked.settling_steps))

    def measured(network: Policy, advance: Callable[[float], None]) -> dict[str, MotionTuning]:
        return dict(measure(network, layers, units, design, asked.settling_steps, asked.batch_size, advance))

    with progress_bar("tuning to motion: observations", shown, progress) as advance:
        found = {"trained": measured(policy, advance)}

    def cost() -> float:
        return motion_operations_of(policy, layers, design, asked.settling_steps)

    networks, wanted, notes = named_networks(agent, asked.untrained, asked.seed, cost)
    with progress_bar("tuning to motion: observations, untrained", len(networks) * shown, progress) as advance:
        found |= {name: measured(each, advance) for name, each in networks.items()}
    data = _dataset(found, layers, units, design)
    data = data.merge(comparison(data, INDICES))
    waited = asked.settling_steps if policy.state_size else 0
    data.attrs |= {
        "caption": _caption(data, layers, design, frames, waited, notes),
        "grey_level": design.mean,
        "frames": frames,
    }
    known = provenance(agent=agent if isinstance(agent, Agent) else None)
    return Result("tuning_to_motion", data, stated(asked) | {"untrained": wanted}, known)


def _frames(agent: Agent | Policy, world: World | None) -> int:
    """How many are stacked in an observation, as far as is known."""
    picture = picture_of(agent, world)
    return 1 if picture is None else picture.frames


def _dataset(
    found: Mapping[str, Mapping[str, MotionTuning]], layers: list[Layer], units: Units, design: MotionDesign
) -> xarray.Dataset:
    names = [layer.name for layer in layers]

    def over(field: str) -> np.ndarray:
        """(network, unit, ...)."""
        return np.stack([np.concatenate([getattr(each[name], field) for name in names]) for each in found.values()])

    variables: dict[str, Any] = {
        name: (("network", "unit"), over(field), {"long_name": long_name, "units": unit})
        for name, (field, long_name, unit) in _VARIABLES.items()
    }
    for name in ("direction", "rate"):
        about = {"long_name": f"answer by {name}", "units": "activity"}
        variables[f"{name}_curve"] = (("network", "unit", name), over(f"{name}_curve"), about)
    return xarray.Dataset(
        variables,
        coords={
            "network": list(found),
            "unit_layer": ("unit", np.concatenate([[name] * len(units[name]) for name in names])),
            "unit_number": ("unit", np.concatenate([units[name] for name in names])),
            "layer": names,
            "direction": ("direction", design.directions, {"units": "degrees"}),
            "rate": ("rate", design.rates, {"units": "cycles per decision"}),
        },
    )


def _caption(
    data: xarray.Dataset, layers: list[Layer], design: MotionDesign, frames: int, waited: int, notes: list[str]
) -> str:
    counts = ", ".join(f"{int(data['measured'].sel(layer=each.name))} of {each.name}" for each in layers)
    cycles = ", ".join(map(str, sorted(design.cycle_steps)))
    low, high = design.frequencies[0], design.frequencies[-1]
    sentences = [
        f"Gratings that drift in {len(design.directions)} directions × {len(design.frequencies)} frequencies "
        f"({low:.3g} to {high:.3g} cycles per pixel), by one cycle in {cycles} decisions, around grey level "
        f"{design.mean:.4g}; n = {counts}. Strength: root-mean-square over a cycle of the activity minus that at the "
        "grey screen."
    ]
    if frames > 1:
        sentences.append(f"The {frames} frames of an observation are one decision apart.")
    sentences += silent_units(data)
    behind = [each.name for each in layers if is_behind(each)]
    if behind and waited:
        sentences.append(f"{', '.join(behind)}: after {waited} decisions at the same grating.")
    return " ".join([*sentences, *redrawn_units(data), *notes])


def _draw(result: Result) -> list[Drawing]:
    from retinoscope import figures

    caption, table = result.data.attrs["caption"], table_of(result.data)
    drawn = functools.partial(figures.tuning_to_motion, result)
    return [
        FigureDrawing("tuning_to_motion", _TITLE, caption, drawn, says_caption=True),
        TableDrawing("tuning_to_motion", f"{_TITLE}: trained and untrained", table.caption, table.columns, table.rows),
    ]


def _explore(result: Result) -> list[Panel]:
    return TuningPanels(
        _TITLE,
        "motion",
        {
            "direction": "direction, 0 to the right, anticlockwise (degrees)",
            "rate": "rate of drifting (cycles per decision)",
        },
        tuple(_VARIABLES),
    ).of(result)


def _no_motion(inputs: Inputs) -> str | None:
    agent = inputs.agent
    if agent is None or agent.policy.layers_of("memory") or _frames(agent, inputs.world) > 1:
        return None
    return f"agent {agent.name!r}: has no memory, and no world says that it sees several frames at once"


def _refuse(inputs: Inputs, parameters: TuningToMotionParameters) -> None:
    if inputs.agent is not None:
        frames = _frames(inputs.agent, inputs.world)
        motion_design_of(inputs.agent.policy, parameters, frames)
        motion_layers_of(inputs.agent.policy, parameters, frames)


ANALYSIS = Analysis(
    name="tuning_to_motion",
    title=_TITLE,
    group="early_vision",
    summary="Direction and speed of motion that units prefer, where an agent sees several frames or has a memory.",
    run=tuning_to_motion,
    parameters=TuningToMotionParameters,
    of="agent",
    needs=(AGENT, Need("stacked frames or a memory", _no_motion)),
    draw=_draw,
    explore=_explore,
    refuse=_refuse,
    rank=65,
    methods="""
        Sinusoidal gratings that drifted in {{ directions }} directions by one of their cycles in {{ cycle_steps |
        listed }} decisions, of {{ frequencies }} spatial frequencies up to {{ highest_frequency }} cycles per
        pixel, were shown to the network on a grey of {{ found.grey_level }} pixel units{% if found.frames > 1 %};
        the {{ found.frames }} frames of an observation were one decision apart{% endif %}. The strength of an
        answer is its root-mean-square difference from the activity at the even grey, over whole cycles; units
        of a memory saw a grating for {{ settling_steps }} decisions before. Of each layer {{ most_units }} units
        at most were measured; of a map the unit in the middle answers for its channel. Direction selectivity is
        the difference of the answers to the preferred and to the opposite direction over their sum
        [@devalois1982]. The same gratings were shown to {{ sizes.network }} networks in all, which are {{
        labels.network | listed }} (first: the checkpoint before training; redrawn: the same network with other
        weights; seed {{ seed }}).
    """,
)
