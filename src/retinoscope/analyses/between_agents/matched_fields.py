"""Receptive fields matched one to one between networks, and how much of each field was learned.

Fields of two trainings are paired by `statistics.field_matching`, whatever their sign and moved by a few pixels; so are
those of the networks the trainings began with, and of networks whose weights were drawn anew. Fields that only show the
architecture, or how weights are drawn, are as alike between these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.agents.policy import Policy
from retinoscope.analyses.between_agents.matched_field_drawings import drawings
from retinoscope.analyses.between_agents.references import Standing, with_references
from retinoscope.analyses.between_agents.representations import members_of
from retinoscope.analyses.between_agents.showing_stimuli import layers_compared
from retinoscope.analyses.between_agents.side_by_side import Pair, network_coordinates, pair_coordinates, pairs_of
from retinoscope.analyses.compared import Compared
from retinoscope.analyses.declaration import COMPARED, Analysis, Inputs
from retinoscope.analyses.early_vision.receptive_field_parameters import ends_of_stages, maps_of_encoder
from retinoscope.analyses.early_vision.receptive_fields import fields_within_budget
from retinoscope.analyses.exploring import tables_of
from retinoscope.errors import NotMeasurable
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.field_matching import Match, match_fields, standardised

_MOST = 4  # layers that are matched unasked


@parameters("matched fields")
class MatchedFieldsParameters:
    """Parameters of `matched_fields`."""

    layers: tuple[str, ...] | None = setting(
        None,
        "layers whose fields are matched; none for the first four maps, or the ends of the stages of a deep network",
        fewest=1,
    )
    shift: int = setting(2, "largest shift of a field", units="pixels", least=0, most=32)
    stimuli: int = setting(1000, "number of stimuli by which fields are measured, at most", units="stimuli", least=2)
    surrogates: int = setting(100, "number of matchings with noise, for the level of chance", least=1, most=10_000)
    seed: int = setting(0, "seed of stimuli, noise and random weights", least=0)


def matched_fields(
    compared: Compared,
    *,
    parameters: MatchedFieldsParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Which receptive fields of two networks correspond, and how alike they are.

    Args:
        compared: the agents.
        parameters: see `MatchedFieldsParameters`; single ones may be given by name instead.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `MatchedFieldsParameters` that replace those of `parameters`.

    Returns:
        A Result over `network` (agents, and untrained ones beside them; coordinates `run`, `role`, `frames_trained`)
        and `pair` (coordinates `pair_kind`, `pair_first`, `pair_second`, see `side_by_side`). For every layer (here
        conv1): `conv1` (network, conv1_unit, conv1_height, conv1_width, colour), the fields; `conv1_partner`,
        `conv1_correlation` (pair, conv1_unit) and `conv1_shift` (pair, conv1_unit, axis), see `Match`; `conv1_chance`
        and `conv1_found` (pair), the share of units whose pair is more alike than any by chance; and `conv1_with_first`
        (network, conv1_unit), the correlation of a field with that of the same unit before training.

    Raises:
        UserError: a parameter is unknown or out of range, or an agent has none of the layers.
        NotMeasurable: no two agents have a layer with fields of one size.
    """
    chosen = with_settings(parameters or MatchedFieldsParameters(), settings)
    beside = with_references(compared, chosen.seed)
    standing = beside.standing
    with progress_bar("networks", len(standing), progress) as advance:
        measured = []
        for each in standing:
            measured.append(_fields(each.member.agent.policy, chosen))
            advance(1)
    layers = _layers(measured)
    if not layers:
        raise NotMeasurable("no two of these agents have a layer of one name with receptive fields of one size")
    pairs = pairs_of(standing)
    variables: dict[str, Any] = {}
    for layer, shape in layers.items():
        variables |= _of_layer(layer, shape, measured, standing, pairs, chosen)
    coordinates = network_coordinates(standing) | pair_coordinates(pairs, standing)
    data = xarray.Dataset(variables, coords=coordinates | {"axis": ["down", "right"]})
    data.attrs["caption"] = _caption(layers, chosen, beside.note)
    said = stated(chosen) | {"layers": list(layers)}
    return Result("matched_fields", data, said, provenance(members=members_of(standing)))


def _fields(policy: Policy, chosen: MatchedFieldsParameters) -> dict[str, NDArray[np.float32]]:
    """Layer -> (unit, height, width, channel)."""
    if chosen.layers is None:
        names = [each.name for each in ends_of_stages(maps_of_encoder(policy))][:_MOST]
    else:
        names = [each.name for each in layers_compared(policy, chosen.layers)]
    if not names:
        return {}
    found = fields_within_budget(policy, layers=tuple(names), max_stimuli=chosen.stimuli, seed=chosen.seed).data
    return {name: np.asarray(found[name].values, np.float32) for name in names}


def _layers(measured: Sequence[Mapping[str, NDArray[np.float32]]]) -> dict[str, tuple[int, ...]]:
    """Layers whose fields are of one size in at least two networks: the size most of them have, and the most units."""
    found: dict[str, tuple[int, ...]] = {}
    for name in dict.fromkeys(each for one in measured for each in one):
        sizes = [one[name].shape[1:] for one in measured if name in one]
        size = max(sizes, key=sizes.count)
        if sizes.count(size) > 1:
            units = max(len(one[name]) for one in measured if name in one and one[name].shape[1:] == size)
            found[name] = (units, *size)
    return found


def _of_layer(
    layer: str,
    shape: tuple[int, ...],
    measured: Sequence[Mapping[str, NDArray[np.float32]]],
    standing: Sequence[Standing],
    pairs: Sequence[Pair],
    chosen: MatchedFieldsParameters,
) -> dict[str, Any]:
    """Variables of one layer; NaN where a network has no such fields."""
    units = shape[0]
    fields = np.full((len(standing), *shape), np.nan, np.float32)
    for number, each in enumerate(measured):
        if layer in each and each[layer].shape[1:] == shape[1:]:
            fields[number, : len(each[layer])] = each[layer]
    partner = np.full((len(pairs), units), -1)
    correlation, shift = np.full((len(pairs), units), np.nan), np.zeros((len(pairs), units, 2), int)
    chance, found = np.full(len(pairs), np.nan), np.full(len(pairs), np.nan)
    for number, pair in enumerate(pairs):
        one, other = fields[pair.first], fields[pair.second]
        if np.isnan(one).all() or np.isnan(other).all():
            continue
        match: Match = match_fields(one, other, chosen.shift, chosen.surrogates, chosen.seed)
        partner[number], correlation[number], shift[number] = match.partner, match.correlation, match.shift
        chance[number] = match.chance
        found[number] = match.is_found.sum() / max(int(np.isfinite(one).all(axis=(1, 2, 3)).sum()), 1)
    unit, one_each = f"{layer}_unit", {"units": "1"}
    dims = ("network", unit, f"{layer}_height", f"{layer}_width", "colour")
    return {
        layer: (dims, fields, {"units": "activity per pixel unit"}),
        f"{layer}_partner": (("pair", unit), partner, {"long_name": "number of the second network's unit"}),
        f"{layer}_correlation": (("pair", unit), correlation, one_each),
        f"{layer}_shift": (("pair", unit, "axis"), shift, {"units": "pixels"}),
        f"{layer}_chance": ("pair", chance, one_each),
        f"{layer}_found": ("pair", found, one_each),
        f"{layer}_with_first": (("network", unit), _with_first(fields, standing), one_each),
    }


def _with_first(fields: NDArray[np.float32], standing: Sequence[Standing]) -> NDArray[np.float64]:
    """(network, unit) correlation with the field of the same unit in the network its training began with."""
    found = np.full(fields.shape[:2], np.nan)
    flat = np.stack([standardised(each) for each in fields]).reshape(*fields.shape[:2], -1)
    for number, each in enumerate(standing):
        firsts = [n for n, one in enumerate(standing) if one.role == "untrained" and one.member.run == each.member.run]
        if firsts and each.role != "redrawn":
            both = (flat[number] * flat[firsts[0]]).sum(axis=1)
            is_there = flat[number].any(axis=1) & flat[firsts[0]].any(axis=1)
            found[number] = np.where(is_there, both, np.nan)
    return found


def _caption(layers: Mapping[str, tuple[int, ...]], chosen: MatchedFieldsParameters, note: str) -> str:
    sizes = ", ".join(f"{name} ({shape[0]} units)" for name, shape in layers.items())
    sentences = [
        f"Receptive fields (mean gradient, at most {chosen.stimuli:,} stimuli) of {sizes}, paired one to one so that "
        "the absolute correlations add up to the most; "
        + (f"fields may be moved by {chosen.shift} pixels, " if chosen.shift else "")
        + "and a field matches its negative.",
        f"Found: more alike than any pair in {chosen.surrogates} matchings with noise as smooth as the fields.",
        "Began with: the networks before training; drawn anew: the same networks with other weights.",
        note,
    ]
    return " ".join(filter(None, sentences))


def _refuse(inputs: Inputs, parameters: MatchedFieldsParameters) -> None:
    """Layers that an agent has not are refused before anything is played."""
    for each in () if inputs.compared is None or parameters.layers is None else inputs.compared.members:
        layers_compared(each.agent.policy, parameters.layers)


ANALYSIS = Analysis(
    name="matched_fields",
    title="Receptive fields, one to one",
    group="between_agents",
    summary="Which receptive fields of two agents, or of untrained ones, correspond; how much of each was learned.",
    run=matched_fields,
    parameters=MatchedFieldsParameters,
    of="compared",
    needs=(COMPARED,),
    draw=drawings,
    explore=tables_of(drawings),
    refuse=_refuse,
    rank=10,
    methods="""
        Receptive fields of {{ layers | listed }} (mean gradients under Gaussian white noise [@stein1981], {{
        stimuli }} stimuli at most) of two networks were paired one to one so that their absolute correlations
        add up to the most [@kuhn1955]; {% if shift %}fields may be moved by {{ shift }} pixels, and {% endif
        %}a field matches its negative. A pair counts as found if it is more alike than any pair in {{
        surrogates }} matchings with noise as smooth as the fields. Beside the agents stand the networks their
        trainings began with and networks with weights drawn anew, as far as these are known (seed {{ seed }}).
    """,
)
