"""Field structure: is a receptive field centre-surround, oriented, a blob, or nothing that chance would not show too?

A difference of Gaussians and a Gabor are fitted with sign to fields from one half of the stimuli and judged by those
from the other half, beside surrogates of the same weights, the run's checkpoint before training, and networks whose
weights were drawn anew. What is measured of each field, and by which rule it gets its name, is in
`statistics/field_structure.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy
from retinoscope.agents.redrawn import redrawn
from retinoscope.analyses.declaration import AGENT, Analysis, Given
from retinoscope.analyses.early_vision.field_networks import (
    DRAWS,
    SMALLEST_SIDE,
    Patch,
    affordable_draws,
    halves_of,
    patches_of,
)
from retinoscope.analyses.early_vision.field_structure_drawings import caption_of, drawings, panels
from retinoscope.analyses.early_vision.learned_line import lines_of_fields
from retinoscope.analyses.early_vision.receptive_fields import receptive_fields
from retinoscope.analyses.early_vision.untrained import before_training
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.colour_and_space import separate
from retinoscope.statistics.field_orientation import orientation
from retinoscope.statistics.field_structure import KINDS, FieldStructure, held_out
from retinoscope.statistics.field_structure import field_structure as judge
from retinoscope.worlds.choosing import declared_by

Array = NDArray[np.float64]

TRAINED, FIRST, REDRAWN = "trained", "first", "redrawn"
_HIGH = 95.0  # percentile of untrained fields that a learned one has to exceed

_OF_UNITS = {
    "r2": ("held-out R² of the better fit", "1"),
    "r2_gabor": ("held-out R² of the Gabor", "1"),
    "r2_difference_of_gaussians": ("held-out R² of the difference of Gaussians", "1"),
    "p_shuffled": ("p, shuffled pixels are explained as well", "1"),
    "p_smooth_noise": ("p, noise as smooth is explained as well", "1"),
    "p_random_phases": ("p, random phases are explained as well", "1"),
    "half_similarity": ("cosine between the halves", "1"),
    "rarer_sign": ("share of the better fit's weights with the rarer sign", "1"),
    "centre_surround": ("surround of the fitted difference of Gaussians, 0 none, 1 balanced", "1"),
    "polarity": ("sign of the middle of the fitted difference of Gaussians", "1"),
    "size": ("size of the better fit, twice the root-mean-square radius of squared weights", "pixels"),
    "orientation_index": ("orientation index, coherence of signed gradients", "1"),
    "orientation_index_shuffled": ("orientation index of shuffled pixels", "1"),
    "lindsey_ratio": ("ratio of orientedness of Lindsey et al. 2019, cannot tell centre-surround from noise", "1"),
    "lindsey_ratio_shuffled": ("the same ratio of shuffled pixels", "1"),
    "orientation": ("orientation of stripes, 0 upright, anticlockwise", "degrees"),
    "colour_share": ("share of squared weights of the best product of colour and space", "1"),
    "colour_share_held_out": ("the same, held out", "1"),
    "colour_opponency": ("colour opponency, 1 - |sum| / sum of absolute values of the colour vector", "1"),
    "gabor_frequency": ("spatial frequency of the Gabor", "cycles per pixel"),
    "gabor_sigma_across": ("standard deviation of the Gabor across its stripes", "pixels"),
    "gabor_sigma_along": ("standard deviation of the Gabor along its stripes", "pixels"),
    "gabor_orientation": ("orientation of the Gabor's stripes, 0 upright, anticlockwise", "degrees"),
    "centre_sigma": ("standard deviation of the centre of the difference of Gaussians", "pixels"),
    "surround_sigma": ("standard deviation of its surround", "pixels"),
}
_OF_SURROGATES = {
    "r2_shuffled": "pixels shuffled",
    "r2_smooth_noise": "noise as smooth",
    "r2_random_phases": "phases drawn anew",
}
_IN_DEGREES = {
    "size": "degrees",
    "gabor_sigma_across": "degrees",
    "gabor_sigma_along": "degrees",
    "centre_sigma": "degrees",
    "surround_sigma": "degrees",
    "gabor_frequency": "cycles per degree",
}


@parameters("field structure")
class FieldStructureParameters:
    """Parameters of `field_structure`."""

    untrained: int | None = setting(
        None,
        "number of networks with random weights whose fields are fitted too; none for 20, or, where these "
        "take more than 5e12 operations, as many as these allow; 0 for none",
        least=0,
    )
    surrogates: int = setting(
        20, "number of surrogates of each kind for each field: shuffled pixels, noise as smooth, random phases", least=3
    )
    stimuli: int = setting(
        1_000,
        "number of stimuli for either half of untrained networks' fields, and for the second half of the "
        "agent's, at most",
        least=4,
    )
    most_units: int = setting(
        32, "number of units of a layer that are fitted, at most, evenly chosen among all", units="units", least=1
    )
    largest_side: int = setting(
        32, "side of fields that are fitted; in larger ones, squares of pixels are averaged", units="pixels", least=8
    )
    seed: int = setting(0, "seed of surrogates and of random weights", least=0)


def field_structure(
    agent: Agent | Policy,
    *,
    given: Given | None = None,
    parameters: FieldStructureParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """What the receptive fields of every map are, and whether those of an untrained network are it as well.

    Args:
        agent: an agent or its policy.
        given: its `receptive_fields`, the first half; without them they are measured. Settings of the second half and
            of all other networks are theirs, but for seeds and the number of stimuli.
        parameters: see `FieldStructureParameters`; single ones may be given by name instead.
        progress: show progress bars on standard error if that is a terminal.
        **settings: fields of `FieldStructureParameters` that replace those of `parameters`.

    Returns:
        A Result over (network, unit), where `unit_layer` and `unit_number` (unit) say which unit; `network` is
        `trained`, `first` (the checkpoint before training, where it is known), `redrawn 1`. `kind`, `shape`,
        `is_reliable`, numbers of `FieldStructure` by their names; `orientation`, `gabor_orientation` in degrees, 0 for
        upright stripes, anticlockwise; sizes in pixels, and with `_degrees` in degrees where the width of the view is
        known. `r2_shuffled`, `r2_smooth_noise`, `r2_random_phases` (network, unit, surrogate). Of all untrained draws
        `r2_untrained` and `orientation_index_untrained` (draw, unit). Of every layer: `median_r2` (network, layer),
        `median_r2_untrained` (draw, layer), `untrained_95` (layer), the 95th percentile of untrained fields,
        `share_above_untrained` (network, layer), of fields above it; `count` (network, layer, kind_of_field), and
        `silent` (network, layer), fields of zeros. Of every layer (here conv1), `conv1_field` and `conv1_fit`
        (network, conv1_unit, conv1_row, conv1_column), the pattern in space and the better fit to it; `conv1_colours`
        (network, conv1_unit, colour).

    Raises:
        UserError: a parameter is unknown or out of range, or the given fields are those of recorded observations.
        NotMeasurable: no layer lies in rows and columns, or no unit of them ever answered.
    """
    chosen = with_settings(parameters or FieldStructureParameters(), settings)
    measured = (given or {}).get("receptive_fields") or receptive_fields(agent, progress=progress)
    if measured.parameters["stimuli"] != "white noise":
        raise UserError("field structure: needs receptive fields under white noise; leave recorded observations out")
    patches = patches_of(measured, chosen.most_units, chosen.largest_side)
    if not patches:
        raise NotMeasurable(f"no layer was measured whose fields have a place and {SMALLEST_SIDE} pixels to a side")
    policy = agent.policy if isinstance(agent, Agent) else agent
    wanted = chosen.untrained
    if wanted is None:
        wanted = affordable_draws(policy, patches, measured, chosen.stimuli)
    draws, note = _drawn_anew(policy, wanted, chosen.seed)
    if chosen.untrained is None and wanted < DRAWS and draws:
        note = f"Of so large a network no more than {wanted} are drawn anew, unless `untrained` says so."
    total = len(draws) + 2
    with progress_bar("field structure: networks", total, progress) as advance:
        halves = {TRAINED: halves_of(policy, patches, measured, chosen.stimuli, measured)}
        before, _ = before_training(agent)
        if before is not None:
            halves[FIRST] = halves_of(before, patches, measured, chosen.stimuli)
        untrained = []
        for each in draws:
            untrained.append(halves_of(each, patches, measured, chosen.stimuli))
            advance(1)
        if untrained:
            halves[f"{REDRAWN} 1"] = untrained[0]
        judged = {name: _judged(each, patches, untrained, chosen) for name, each in halves.items()}
        advance(2)
    data = _dataset(judged, patches, measured)
    data = data.merge(_of_draws(untrained, patches))
    data = data.merge(_of_layers(data))
    if not np.isfinite(data["r2"].sel(network=TRAINED)).any():
        raise NotMeasurable("no unit of the layers that were measured ever answered")
    declared = declared_by(agent) if isinstance(agent, Agent) else None
    if declared is not None and declared.picture.shape == policy.observation_shape:
        data = _with_degrees(data, declared.picture.degrees_per_pixel)
    said = stated(chosen) | {"untrained": wanted, "layers": [each.layer for each in patches]}
    for name, line in lines_of_fields(agent, said["layers"]).items():
        data[f"{name}_field"].attrs["learned"] = line
        data[f"{name}_field"].attrs["caption"] = caption_of(data, name, said, note)
    return Result("field_structure", data, said, provenance(agent=agent if isinstance(agent, Agent) else None))


def _drawn_anew(policy: Policy, count: int, seed: int) -> tuple[list[Policy], str]:
    """Untrained networks, and why there are none."""
    seeds = np.random.SeedSequence(seed).generate_state(max(count, 1))[:count]
    try:
        return [redrawn(policy, int(each)) for each in seeds], ""
    except NotMeasurable as reason:
        return [], f"There are no untrained draws: {reason}."


def _judged(
    halves: Mapping[str, Array],
    patches: Sequence[Patch],
    untrained: Sequence[Mapping[str, Array]],
    chosen: FieldStructureParameters,
) -> dict[str, FieldStructure]:
    """The structure of every field of a network, by layer."""
    return {
        each.layer: judge(
            halves[each.layer],
            surrogates=chosen.surrogates,
            seed=chosen.seed,
            envelope=_envelope([fields[each.layer] for fields in untrained]),
        )
        for each in patches
    }


def _envelope(untrained: list[Array]) -> Array | None:
    """Where weights are large without training: root-mean-square over networks, halves, units and colours."""
    if not untrained:
        return None
    found = np.sqrt(np.mean(np.square(untrained), axis=(0, 1, 2, 5)))
    return found if found.max() > 0 else None


def _dataset(
    judged: Mapping[str, Mapping[str, FieldStructure]], patches: Sequence[Patch], measured: Result
) -> xarray.Dataset:
    """What was found of every unit of every network that was judged by the whole rule."""
    tables = {name: [_numbers(each[patch.layer], patch.binned) for patch in patches] for name, each in judged.items()}

    def over(part: str) -> NDArray[Any]:
        return np.stack([np.concatenate([table[part] for table in each]) for each in tables.values()])

    variables: dict[str, Any] = {
        name: (("network", "unit"), over(name), {"long_name": long_name, "units": units})
        for name, (long_name, units) in _OF_UNITS.items()
    }
    variables |= {name: (("network", "unit"), over(name)) for name in ("kind", "shape", "is_reliable")}
    variables |= {
        name: (("network", "unit", "surrogate"), over(name), {"long_name": f"held-out R², {words}", "units": "1"})
        for name, words in _OF_SURROGATES.items()
    }
    for patch in patches:
        found = [each[patch.layer] for each in judged.values()]
        dims = ("network", f"{patch.layer}_unit", f"{patch.layer}_row", f"{patch.layer}_column")
        where = {
            "binned": patch.binned,
            "top": patch.rows.start,
            "left": patch.columns.start,
            "units_measured": measured.data.sizes[f"{patch.layer}_unit"],
        }
        pattern = np.stack([each.separated.profiles.mean(axis=0) for each in found])
        fitted = np.stack([each.fitted for each in found])
        variables[f"{patch.layer}_field"] = (dims, pattern, {"units": "activity per pixel unit", **where})
        variables[f"{patch.layer}_fit"] = (dims, fitted, {"units": "activity per pixel unit"})
        colours = np.stack([each.separated.colours for each in found])
        variables[f"{patch.layer}_colours"] = (("network", dims[1], "colour"), colours, {"units": "1"})
        variables[f"{patch.layer}_unit"] = (f"{patch.layer}_unit", list(patch.units))
    coordinates = {
        "network": list(judged),
        "unit_layer": ("unit", np.concatenate([[patch.layer] * len(patch.units) for patch in patches])),
        "unit_number": ("unit", np.concatenate([patch.units for patch in patches])),
        "layer": [patch.layer for patch in patches],
        "colour": measured.data["colour"].values,
    }
    return xarray.Dataset(variables, coords=coordinates)


def _numbers(found: FieldStructure, binned: int) -> dict[str, NDArray[Any]]:
    """By the names of the Result, lengths in pixels of the observation."""
    gabor, dog, separated = found.gabor.by_name(), found.difference_of_gaussians.by_name(), found.separated
    own = {name: getattr(found, name) for name in (*_OF_UNITS, *_OF_SURROGATES) if hasattr(found, name)}
    return own | {
        "kind": found.kind,
        "shape": found.shape,
        "is_reliable": found.is_reliable,
        "size": found.size * binned,
        "orientation": _as_seen(found.orientation),
        "colour_share": separated.share,
        "colour_share_held_out": separated.held_out_share,
        "colour_opponency": separated.opponency,
        "gabor_frequency": gabor["frequency"] / binned,
        "gabor_sigma_across": gabor["sigma_across"] * binned,
        "gabor_sigma_along": gabor["sigma_along"] * binned,
        "gabor_orientation": _as_seen(gabor["angle"]),
        "centre_sigma": dog["sigma"] * binned,
        "surround_sigma": dog["sigma"] * dog["surround_ratio"] * binned,
    }


def _as_seen(across: Array) -> Array:
    """Orientation of stripes in degrees, anticlockwise from upright, from the direction across them, clockwise."""
    return np.asarray(np.mod(-np.degrees(across), 180.0))


def _of_draws(untrained: Sequence[Mapping[str, Array]], patches: Sequence[Patch]) -> xarray.Dataset:
    """Held-out R² and orientation index of every field of every draw."""
    r2, index = [], []
    for fields in untrained:
        profiles = [separate(fields[patch.layer]).profiles for patch in patches]
        r2.append(np.concatenate([held_out(each).best_r2 for each in profiles]))
        index.append(np.concatenate([orientation(each)[0] for each in profiles]))
    count = sum(len(patch.units) for patch in patches)
    about = {"units": "1"}
    return xarray.Dataset(
        {
            "r2_untrained": (("draw", "unit"), np.reshape(r2, (-1, count)), about),
            "orientation_index_untrained": (("draw", "unit"), np.reshape(index, (-1, count)), about),
        }
    )


def _of_layers(data: xarray.Dataset) -> xarray.Dataset:
    """Medians, the share above untrained fields, and how many there are of every kind."""
    networks, layers = data.sizes["network"], [str(each) for each in data["layer"].values]
    shape = (networks, len(layers))
    median, above, silent = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, int)
    count = np.zeros((*shape, len(KINDS)), int)
    of_draws, high = np.full((data.sizes["draw"], len(layers)), np.nan), np.full(len(layers), np.nan)
    for number, layer in enumerate(layers):
        is_there = data["unit_layer"].values == layer
        untrained = data["r2_untrained"].values[:, is_there]
        of_draws[:, number] = [_median(each) for each in untrained]
        if np.isfinite(untrained).any():
            high[number] = np.nanpercentile(untrained, _HIGH)
        for row in range(networks):
            r2, kinds = data["r2"].values[row, is_there], data["kind"].values[row, is_there]
            answers = np.isfinite(r2)
            median[row, number], silent[row, number] = _median(r2), (~answers).sum()
            count[row, number] = [(kinds[answers] == kind).sum() for kind in KINDS]
            if answers.any() and np.isfinite(high[number]):
                above[row, number] = (r2[answers] > high[number]).mean()
    dims = ("network", "layer")
    return xarray.Dataset(
        {
            "median_r2": (dims, median, {"units": "1", "long_name": "median held-out R² of the better fit"}),
            "median_r2_untrained": (("draw", "layer"), of_draws, {"units": "1"}),
            "untrained_95": ("layer", high, {"units": "1", "long_name": "95th percentile of untrained fields"}),
            "share_above_untrained": (dims, above, {"units": "1"}),
            "count": ((*dims, "kind_of_field"), count, {"units": "units"}),
            "silent": (dims, silent, {"units": "units"}),
        },
        coords={"kind_of_field": list(KINDS)},
    )


def _median(values: Array) -> float:
    return float(np.median(values[np.isfinite(values)])) if np.isfinite(values).any() else float("nan")


def _with_degrees(data: xarray.Dataset, degrees_per_pixel: float | None) -> xarray.Dataset:
    """The same with lengths in degrees of visual angle too, in the middle of the view."""
    if degrees_per_pixel is None:
        return data
    for name, units in _IN_DEGREES.items():
        is_frequency = units.startswith("cycles")
        values = data[name].values / degrees_per_pixel if is_frequency else data[name].values * degrees_per_pixel
        about = {"units": units, "long_name": f"{data[name].attrs['long_name']}, in the middle of the view"}
        data[f"{name}_degrees"] = (("network", "unit"), values, about)
    return data.assign_attrs(degrees_per_pixel=degrees_per_pixel)


ANALYSIS = Analysis(
    name="field_structure",
    title="Structure of receptive fields",
    group="early_vision",
    summary="Which fields are centre-surround, oriented or blobs, and which are no more than chance shows.",
    run=field_structure,
    parameters=FieldStructureParameters,
    of="agent",
    needs=(AGENT,),
    builds_on=("receptive_fields",),
    draw=drawings,
    explore=panels,
    is_reusable=False,
    rank=30,
    methods="""
        To the receptive fields of {{ layers | listed }}, of {{ most_units }} units of a layer at most, a
        difference of Gaussians [@rodieck1965] and a Gabor function were fitted, each to the field by one half
        of the stimuli and judged by that of the other half. What the better fit explains was compared with what
        it explains of {{ surrogates }} surrogates of each kind: shuffled pixels, noise as smooth as the field,
        and fields of the same power spectrum with random phases [@theiler1992]. A field is named
        centre-surround, oriented or a blob only if the fit explains half of it, and more than of shuffled
        pixels and smooth noise; else it is smooth or not structured. The same was done for {{ sizes.network }}
        networks in all, which are {{ labels.network | listed }} (first: the checkpoint before training;
        redrawn: the same network with other weights; seed {{ seed }}).
    """,
)
