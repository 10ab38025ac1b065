"""Natural fields: what units respond to when they live, beside their fields under white noise.

The activity of every unit is regressed on what it saw in a recording (`statistics/linear_fields.py`), with pixels left
in colour. Of a map, units at several places answer for their channel together, for they share their weights; each is
given the patch that it saw. Maps are computed again from the recorded observations, other layers are read from the
recording. How much of the activity such a field predicts is measured on episodes that it was not fitted to, beside what
the white-noise field of the unit predicts there, what is predicted of activity shifted in time, and untrained networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Layer
from retinoscope.analyses.declaration import AGENT, FRAMES, RECORDING, Analysis, Given
from retinoscope.analyses.early_vision.learned_line import lines_of_fields
from retinoscope.analyses.early_vision.natural_field_drawings import caption_of, drawings
from retinoscope.analyses.early_vision.natural_patches import Patches, chosen_rows, folds_of
from retinoscope.analyses.early_vision.receptive_field_panels import natural_field_panels
from retinoscope.analyses.early_vision.receptive_field_parameters import ends_of_stages, maps_of_encoder
from retinoscope.analyses.early_vision.receptive_field_places import places_of
from retinoscope.analyses.early_vision.receptive_fields import fields_within_budget
from retinoscope.analyses.early_vision.untrained import Untrained, layers_at
from retinoscope.analyses.layer_activity import PIXELS, activity_blocks
from retinoscope.analyses.recorded import require_same
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.linear_fields import LinearFields, LinearFieldsEstimate

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

FEWEST_DECISIONS = 60
_RELIABILITY, _STIMULI = 0.95, 2_000  # of the white-noise fields that are not at hand

Activity = Mapping[str, list[NDArray[np.float32]]]
"""(time, place, unit) by layer: of the agent, then of the untrained networks."""


@parameters("natural fields")
class NaturalFieldParameters:
    """Parameters of `natural_fields`."""

    layers: tuple[str, ...] | None = setting(
        None, "names of layers; none for the maps of the encoder (as in `receptive_fields`) and its output", fewest=1
    )
    decisions: int = setting(
        2000,
        "number of decisions of the recording that are used, at most, evenly spaced",
        units="decisions",
        least=FEWEST_DECISIONS,
    )
    positions: int = setting(
        9, "number of units of a map that stand for their channel, at most", units="units", least=1
    )
    most_inputs: int = setting(
        1500,
        "pixels times colours that a field may have; of larger ones, blocks of pixels are averaged. Time grows with "
        "the cube of it, memory with the square",
        least=1,
    )
    regularisation: Literal["ridge", "components"] = setting(
        "ridge", "a prior on the weights, or only the principal components of largest variance"
    )
    folds: int = setting(
        6, "number of folds in which episodes are held out; stretches of them where there are fewer than 3", least=3
    )
    shifts: int = setting(5, "number of shifts of activity in time, for the level of chance", least=1)
    untrained: int = setting(2, "networks with weights drawn anew, for comparison", least=0)
    batch_size: int = setting(
        128,
        "decisions at a time; memory grows with it, and with `decisions` by the activity",
        units="decisions",
        least=1,
    )
    seed: int = setting(0, "seed of the shifts, the untrained networks and white noise", least=0)


def natural_fields(
    recording: Recording,
    *,
    agent: Agent,
    parameters: NaturalFieldParameters | None = None,
    given: Given | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Fields of units under what the agent saw, and how well they predict.

    Args:
        recording: what the agent saw and computed.
        agent: that of the recording.
        parameters: see `NaturalFieldParameters`; single ones may be given by name instead.
        given: the Result of `receptive_fields`, if it is at hand; layers that it lacks are measured here.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `NaturalFieldParameters` that replace those of `parameters`.

    Returns:
        A Result with, for every layer (here conv1): `conv1` and `conv1_white_noise` (conv1_unit, conv1_height,
        conv1_width, colour), change of activity per pixel unit of a block of pixels, by regression on what was seen,
        and mean gradient over white noise. By conv1_unit: `conv1_r`, correlation of prediction and held-out activity,
        the mean over folds, and `conv1_r_error`, its standard error over folds; `conv1_white_noise_r`, that of the
        white-noise field's prediction; `conv1_cosine` between both fields; `conv1_reliability`, split-half over folds;
        `conv1_strength` of the regularisation. `conv1_shifted_r` (shift, conv1_unit), of activity shifted circularly;
        `conv1_untrained_r` (draw, conv1_unit) and `conv1_first_r` (conv1_unit), of untrained draws and of the
        checkpoint before training; `conv1_untrained_cosine` and `conv1_first_cosine`, of their natural fields with
        those of the agent. NaN for units whose activity did not change. Those of untrained networks are there as far
        as these are, and not of layers that depend on a memory.

    Raises:
        UserError: a parameter is unknown or out of range, the agent has no such layer or is not that of the recording.
        NotMeasurable: the recording holds no frames, or too few.
    """
    chosen = with_settings(parameters or NaturalFieldParameters(), settings)
    require_same(recording, agent)
    layers = _layers(agent, recording, chosen)
    if recording.frames < FEWEST_DECISIONS:
        raise NotMeasurable(f"natural fields: {recording.frames} decisions; needs at least {FEWEST_DECISIONS}")
    rows = chosen_rows(recording, chosen.decisions)
    folds, what = folds_of(recording, rows, chosen.folds)
    untrained = Untrained.of(agent, chosen.untrained, chosen.seed)
    patches = {each.name: Patches.of(agent.policy, each, chosen.positions, chosen.most_inputs) for each in layers}
    variables: dict[str, Any] = {}
    with progress_bar("natural fields: layers", len(layers) + 1, progress) as advance:
        activity = _activity(recording, agent, layers, patches, untrained, rows, chosen.batch_size)
        advance(1)
        for each in layers:
            shifted = _shifted(activity[each.name][0], chosen)
            columns = [activity[each.name][0], *shifted, *activity[each.name][1:]]
            moments = _moments(recording, patches[each.name], columns, rows, folds, chosen.batch_size)
            white = _white_noise(agent, each, given, chosen.seed)
            variables |= _variables(agent, each, patches[each.name], moments, white, len(columns), untrained, chosen)
            advance(1)
    picture = agent.policy.observation_shape[2]
    data = xarray.Dataset(variables, coords={"colour": _colours(recording, picture)})
    episodes = len({each.index for each in recording.episodes})
    data.attrs |= {"decisions": len(rows), "episodes": episodes, "folds": what, "why_not": untrained.why_not}
    learned = lines_of_fields(agent, [each.name for each in layers])
    for each in layers:
        data[each.name].attrs["caption"] = caption_of(data, each.name, chosen.regularisation)
        data[each.name].attrs["learned"] = learned[each.name]
    said = stated(chosen) | {"layers": [each.name for each in layers]}
    return Result("natural_fields", data, said, provenance(agent=agent, recording=recording))


def _layers(agent: Agent, recording: Recording, chosen: NaturalFieldParameters) -> list[Layer]:
    policy = agent.policy
    if chosen.layers is None:
        ends = ends_of_stages(maps_of_encoder(policy))
        outputs = [each for each in policy.layers_of("encoder output") if each not in ends]
        return [*ends, *outputs] or [policy.layers[0]]
    found = [policy.layer(name) for name in dict.fromkeys(chosen.layers)]
    known = (*recording.attributes["layers"], "value", "policy")
    for each in found:
        if policy.state_size and not _is_of_encoder(each) and each.name not in known:
            raise UserError(f"layer {each.name!r}: is not in the recording, and no observation alone tells what it was")
    return found


def _is_of_encoder(layer: Layer) -> bool:
    return layer.role in ("encoder stage", "encoder output")


def _colours(recording: Recording, channels: int) -> list[str]:
    names = list(recording.world.picture.channel_names)
    if len(names) == channels:
        return names
    return {1: ["grey"], 3: ["red", "green", "blue"]}.get(channels, [f"channel {each}" for each in range(channels)])


def _activity(
    recording: Recording,
    agent: Agent,
    layers: list[Layer],
    patches: Mapping[str, Patches],
    untrained: Untrained,
    rows: NDArray[np.int64],
    size: int,
) -> Activity:
    """Of the agent from the recording, of untrained networks from the same observations."""
    names, encoder = [each.name for each in layers], [each.name for each in layers if _is_of_encoder(each)]
    parts: dict[str, list[list[NDArray[np.float32]]]] = {name: [] for name in names}
    for block in activity_blocks(recording, names, agent.policy, size, ("observation",), rows=rows):
        seen = block["observation"].values
        others = [layers_at(policy, encoder, seen) for policy in untrained.policies if encoder]
        for name in names:
            answers = [block[name].values, *(each[name] for each in others if name in each)]
            parts[name].append([patches[name].answers(each) for each in answers])
    return {name: [np.concatenate(each) for each in zip(*blocks, strict=True)] for name, blocks in parts.items()}


def _shifted(activity: NDArray[np.float32], chosen: NaturalFieldParameters) -> list[NDArray[np.float32]]:
    """The same activity at other times, a tenth of the recording away at least; every place keeps its own."""
    random, count = np.random.default_rng(chosen.seed), len(activity)
    away = random.integers(count // 10, count - count // 10, size=chosen.shifts)
    return [np.roll(activity, int(each), axis=0) for each in away]


def _moments(
    recording: Recording,
    patches: Patches,
    columns: list[NDArray[np.float32]],
    rows: NDArray[np.int64],
    folds: NDArray[np.int64],
    size: int,
) -> LinearFields:
    found = LinearFields(int(np.prod(patches.input_shape)), sum(each.shape[-1] for each in columns), folds.max() + 1)
    done = 0
    for block in activity_blocks(recording, (PIXELS,), size=size, rows=rows):
        stimuli = patches.cut(block[PIXELS].values)
        here = slice(done, done + len(stimuli))
        answers = np.concatenate([each[here] for each in columns], axis=-1)
        for fold in np.unique(folds[here]):
            mine = folds[here] == fold
            x, y = stimuli[mine], answers[mine]
            found.update(x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1]), int(fold))
        done = here.stop
    return found


def _white_noise(agent: Agent, layer: Layer, given: Given | None, seed: int) -> NDArray[np.float64] | None:
    """(unit, height, width, colour) mean gradients; None where none leads from the layer to the pixels."""
    known = (given or {}).get("receptive_fields")
    if known is None or len(known.data.get(f"{layer.name}_unit", ())) != layer.shape[0]:
        try:
            known = fields_within_budget(
                agent, layers=(layer.name,), seed=seed, target_reliability=_RELIABILITY, max_stimuli=_STIMULI
            )
        except NotMeasurable:
            return None
    return np.asarray(known.data[layer.name].values, np.float64)


def _variables(
    agent: Agent,
    layer: Layer,
    patches: Patches,
    moments: LinearFields,
    white: NDArray[np.float64] | None,
    columns: int,
    untrained: Untrained,
    chosen: NaturalFieldParameters,
) -> dict[str, Any]:
    """What belongs to one layer; the columns of the moments are those of the agent, of the shifts, of the others."""
    units, unit, name = layer.shape[0], f"{layer.name}_unit", layer.name
    found = moments.finalize(chosen.regularisation)
    r = _over_folds(found.r).reshape(columns, units)
    fields = found.fields.reshape(columns, units, -1)
    shape = (units, *patches.input_shape)
    noise = np.full(shape, np.nan) if white is None else patches.summed(white)
    flat = noise.reshape(units, -1)
    dimensions = (unit, f"{name}_height", f"{name}_width", "colour")
    attributes = {
        "kind": layer.kind,
        "units": "activity per pixel unit",
        "long_name": f"natural fields of {name}",
        "pixels_per_block": patches.block,
        "places": len(patches.units),
        "seen_height": patches.shape[0],
        "seen_width": patches.shape[1],
        "is_of_encoder": int(_is_of_encoder(layer)),
        "stimuli": found.stimuli,
        **(places_of(agent.policy, layer) if layer.is_map else {}),
    }
    about = {"units": "correlation"}
    variables: dict[str, Any] = {
        unit: (unit, np.arange(units)),
        name: (dimensions, fields[0].reshape(shape).astype(np.float32), attributes),
        f"{name}_white_noise": (dimensions, noise.astype(np.float32), {"units": "activity per pixel unit"}),
        f"{name}_r": (unit, r[0], about),
        f"{name}_r_error": (unit, _error(found, units), about),
        f"{name}_white_noise_r": (unit, _over_folds(moments.r_of(flat)), about),
        f"{name}_cosine": (unit, _cosine(fields[0], flat), {"units": "cosine"}),
        f"{name}_reliability": (unit, found.reliability[:units], {"units": "1"}),
        f"{name}_strength": (unit, found.strength[:units], {"units": "1"}),
        f"{name}_shifted_r": (("shift", unit), r[1 : chosen.shifts + 1], about),
    }
    others, cosines = r[chosen.shifts + 1 :], [_cosine(fields[0], each) for each in fields[chosen.shifts + 1 :]]
    if draws := min(len(untrained.draws), len(others)):
        variables[f"{name}_untrained_r"] = (("draw", unit), others[:draws], about)
        variables[f"{name}_untrained_cosine"] = (("draw", unit), np.stack(cosines[:draws]), {"units": "cosine"})
    if len(others) > draws:
        variables[f"{name}_first_r"] = (unit, others[-1], about)
        variables[f"{name}_first_cosine"] = (unit, cosines[-1], {"units": "cosine"})
    return variables


def _error(found: LinearFieldsEstimate, units: int) -> NDArray[np.float64]:
    """Standard error of the mean over folds."""
    r = found.r[:, :units]
    known = np.isfinite(r).sum(axis=0)
    spread = np.nansum((r - _over_folds(r)) ** 2, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(known > 1, np.sqrt(spread / ((known - 1) * known)), np.nan))


def _over_folds(r: NDArray[np.float64]) -> NDArray[np.float64]:
    """(fold, unit) -> (unit,) the mean over folds in which the unit changed; NaN if it did in none."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nansum(r, axis=0) / np.isfinite(r).sum(axis=0))


def _cosine(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """(unit, input) fields -> (unit,); NaN where one of them is all zeros."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((one * other).sum(axis=1) / (np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)))


ANALYSIS = Analysis(
    name="natural_fields",
    title="Natural fields",
    group="early_vision",
    summary="What units respond to while the agent plays: fields by regression on what it saw, and by white noise.",
    run=natural_fields,
    parameters=NaturalFieldParameters,
    of="recording",
    needs=(RECORDING, AGENT, FRAMES),
    draw=drawings,
    explore=natural_field_panels,
    builds_on=("receptive_fields",),
    rank=40,
    methods="""
        The activity of the units of {{ layers | listed }} was regressed on the pixels they saw at {{
        found.decisions }} recorded decisions of {{ found.episodes | counted("episode") }}
        [@theunissen2001; @willmore2003],
        {% if regularisation == "ridge" %}with a Gaussian prior on the weights (ridge){% else %}within the
        principal components of largest variance{% endif %}, whose strength was chosen for every unit on data
        that are neither fitted nor judged. Fields of more than {{ most_inputs }} inputs were computed of
        averages of blocks of pixels; of a map, {{ positions }} units at most answer for their channel. What a
        field predicts of held-out activity ({{ folds }} folds) is given as correlation, beside what the field
        under white noise predicts, what is predicted of activity shifted in time ({{ shifts }} shifts), and {{
        untrained }} networks with weights drawn anew, as far as these can be made (seed {{ seed }}).
    """,
)
