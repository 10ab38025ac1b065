"""The same moments and images before all agents: what each would do, expect and hold, and how far actions differ."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray
from numpy.typing import NDArray

from retinoscope.agents.policy import ActionHead, Policy
from retinoscope.analyses.between_agents.references import Standing, with_references
from retinoscope.analyses.between_agents.representations import members_of
from retinoscope.analyses.between_agents.same_stimuli_drawings import RESPONSES, drawings, panels
from retinoscope.analyses.between_agents.showing_stimuli import Network, Shown, layers_compared, stimuli_of
from retinoscope.analyses.between_agents.side_by_side import network_coordinates, pair_coordinates, pairs_of
from retinoscope.analyses.compared import Compared
from retinoscope.analyses.declaration import COMPARED, Analysis
from retinoscope.analyses.recorded import picture_attribute
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings
from retinoscope.statistics.bootstrap import bootstrap_interval


@parameters("same stimuli")
class SameStimuliParameters:
    """Parameters of `same_stimuli`."""

    stimuli: int = setting(200, "number of stimuli of each kind, at most, evenly spaced", least=4)
    shuffles: int = setting(
        200, "number of arrangements of shifted or shuffled stimuli, for the level of chance", least=1
    )
    seed: int = setting(0, "seed of shuffles, intervals and random weights", least=0)


def same_stimuli(
    compared: Compared,
    *,
    parameters: SameStimuliParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """What every agent makes of the same stimuli, and how far two of them would act differently.

    The distance of two agents at a stimulus is the total variation distance of the probabilities of their actions,
    half the sum of absolute differences, averaged over heads: 0 where they would do the same equally often, 1 where
    one never does what the other does. NaN where actions are continuous.

    Args:
        compared: the agents, and what they are shown.
        parameters: see `SameStimuliParameters`; single ones may be given by name instead.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `SameStimuliParameters` that replace those of `parameters`.

    Returns:
        A Result over `stimulus` (coordinates `kind`: frames or images; `unit`: number of its episode or image; `row` of
        all that were shown) and `network` (`run`, `role`, `frames_trained`): `picture` (stimulus, height, width,
        colour), `probability` (stimulus, network, output) and `value` (stimulus, network), NaN for what a network has
        not; `response_LAYER` (stimulus, network, LAYER_unit), of maps their means, NaN for networks without this layer;
        `distance` (stimuli, pair, see `side_by_side`), the mean over stimuli, with `distance_low` and `distance_high`
        (95%, bootstrap over episodes or images) and `distance_by_chance`, the mean where one of the two was shown other
        stimuli; `apart` (stimulus), the mean over pairs of agents.

    Raises:
        UserError: a parameter is unknown or out of range.
        NotMeasurable: there are fewer than four stimuli.
    """
    chosen = with_settings(parameters or SameStimuliParameters(), settings)
    first = dataclasses.replace(compared, frames=compared.frames[:1])
    shown = stimuli_of(first)
    beside = with_references(compared, chosen.seed)
    standing = beside.standing
    layers = [list(layers_compared(each.member.agent.policy, None)) for each in standing]
    gathered: list[_Gathered] = []
    with progress_bar("stimuli", sum(each.rows for each in shown) * len(standing), progress) as advance:
        for kind in shown:
            gathered.append(_gathered(kind, standing, layers, chosen.stimuli))
            advance(kind.rows * len(standing))
    pairs = pairs_of(standing)
    random = np.random.default_rng(chosen.seed)
    heads = [each.member.agent.policy.action_heads for each in standing]
    outputs = list(dict.fromkeys(name for each in heads for name in _names(each)))
    variables = _variables(gathered, standing, layers, heads, outputs)
    distance = np.full((4, len(shown), len(pairs)), np.nan)
    apart = [np.full(len(each.rows), np.nan) for each in gathered]
    for place, each in enumerate(gathered):
        of_agents = []
        for number, pair in enumerate(pairs):
            if _names(heads[pair.first]) != _names(heads[pair.second]):
                continue
            one, other = (_likely(each.logits[network], heads[network]) for network in (pair.first, pair.second))
            found = _apart(one, other, heads[pair.first])
            if np.isfinite(found).all():
                distance[:, place, number] = _judged(found, one, other, heads[pair.first], each, chosen, random)
                if pair.kind == "agents":
                    of_agents.append(found)
        if of_agents:
            apart[place] = np.mean(of_agents, axis=0)
    dims = ("stimuli", "pair")
    about = {"units": "1", "long_name": "total variation distance of action probabilities"}
    ends = ("", "_low", "_high", "_by_chance")
    variables |= {f"distance{end}": (dims, values, about) for end, values in zip(ends, distance, strict=True)}
    variables["apart"] = ("stimulus", np.concatenate(apart), about)
    data = xarray.Dataset(
        variables,
        coords=network_coordinates(standing)
        | pair_coordinates(pairs, standing)
        | {
            "stimuli": [each.name for each in shown],
            "kind": ("stimulus", np.repeat([each.name for each in shown], [len(each.rows) for each in gathered])),
            "unit": ("stimulus", np.concatenate([each.unit for each in gathered])),
            "row": ("stimulus", np.concatenate([each.rows for each in gathered])),
            "output": outputs,
        },
    )
    world = next((each.declaration for each in compared.worlds.values()), None)
    if world is not None:
        data.attrs["picture"] = picture_attribute(world)
    data.attrs["heads"] = json.dumps([[[head.name, head.kind, _outputs_of(head)] for head in each] for each in heads])
    data.attrs["caption"] = _caption(shown, gathered, chosen, beside.note)
    return Result("same_stimuli", data, stated(chosen), provenance(members=members_of(standing)))


@dataclasses.dataclass(frozen=True)
class _Gathered:
    """What was kept of one kind of stimuli: activity by network and layer, as `Network.evoked` gives it."""

    rows: NDArray[np.int64]
    unit: NDArray[np.int64]
    pixels: NDArray[Any]
    evoked: list[dict[str, NDArray[np.float32]]]
    logits: list[NDArray[np.float64]]
    is_sequence: bool


def _outputs_of(head: ActionHead) -> tuple[str, ...]:
    """Of continuous actions without their deviations."""
    return head.outputs[: head.action_size] if head.kind == "gaussian" else head.outputs


def _names(heads: Sequence[ActionHead]) -> list[str]:
    return [f"{head.name} {output}" for head in heads for output in _outputs_of(head)]


def _gathered(kind: Shown, standing: Sequence[Standing], layers: Sequence[Any], most: int) -> _Gathered:
    wanted = np.unique(np.linspace(0, kind.rows - 1, min(most, kind.rows)).round().astype(np.int64))
    networks = [Network(each.member.agent.policy, own) for each, own in zip(standing, layers, strict=True)]
    evoked: list[list[dict[str, NDArray[np.float32]]]] = [[] for _ in standing]
    logits: list[list[NDArray[np.float64]]] = [[] for _ in standing]
    pixels, units, rows, passed, is_sequence = [], [], [], 0, True
    for stretch in kind.stretches():
        own = wanted[(wanted >= passed) & (wanted < passed + len(stretch.unit))] - passed
        is_sequence = stretch.is_sequence
        for place, network in enumerate(networks):
            behind = network.begin(stretch)
            if len(own):
                found = dict(network.evoked(stretch, behind, own))
                logits[place].append(_logits(network.policy, found, len(own)))
                evoked[place].append({layer.name: _flat(layer, found[layer.name]) for layer in layers[place]})
        pixels.append(stretch.pixels[own])
        units.append(stretch.unit[own])
        rows.append(own + passed)
        passed += len(stretch.unit)
    return _Gathered(
        np.concatenate(rows),
        np.concatenate(units),
        np.concatenate(pixels),
        [{name: np.concatenate([part[name] for part in parts]) for name in parts[0]} for parts in evoked],
        [np.concatenate(parts) for parts in logits],
        is_sequence,
    )


def _flat(layer: Any, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(row, unit), of maps their means, (row, channel)."""
    return values.reshape(len(values), layer.shape[0], -1).mean(axis=2) if layer.is_map else values


def _logits(policy: Policy, evoked: dict[str, NDArray[np.float32]], rows: int) -> NDArray[np.float64]:
    """(row, output) of all heads; NaN where the layer that gives them is not known."""
    outputs = len(policy.output_names())
    for layer in policy.layers_of("policy"):
        if layer.name in evoked and evoked[layer.name].shape[1] == outputs:
            return evoked[layer.name].astype(np.float64)
    return np.full((rows, outputs), np.nan)


def _likely(logits: NDArray[np.float64], heads: Sequence[ActionHead]) -> NDArray[np.float64]:
    """(row, output) probabilities of actions, or means of continuous ones."""
    parts, start = [], 0
    for head in heads:
        numbers = logits[:, start : start + len(head.outputs)]
        is_choice = head.kind != "gaussian"
        parts.append(head.probabilities(torch.from_numpy(numbers)).numpy() if is_choice else numbers)
        parts[-1] = parts[-1][:, : len(_outputs_of(head))]
        start += len(head.outputs)
    return np.concatenate(parts, axis=1)


def _apart(one: NDArray[np.float64], other: NDArray[np.float64], heads: Sequence[ActionHead]) -> NDArray[np.float64]:
    """(row,) mean over heads of the total variation distance; NaN where actions are continuous."""
    found, start = [], 0
    for head in heads:
        part = slice(start, start + len(_outputs_of(head)))
        is_choice = head.kind != "gaussian"
        found.append(np.abs(one[:, part] - other[:, part]).sum(axis=1) / 2 if is_choice else np.full(len(one), np.nan))
        start = part.stop
    return np.asarray(np.mean(found, axis=0))


def _judged(
    found: NDArray[np.float64],
    one: NDArray[np.float64],
    other: NDArray[np.float64],
    heads: Sequence[ActionHead],
    gathered: _Gathered,
    chosen: SameStimuliParameters,
    random: np.random.Generator,
) -> tuple[float, float, float, float]:
    """The mean, its interval, and the mean by chance."""
    units, of_unit = np.unique(gathered.unit, return_inverse=True)
    low = high = np.nan
    if len(units) > 1:
        counts = np.bincount(of_unit).astype(np.float64)
        sums = np.stack([np.bincount(of_unit, found), counts], axis=1)
        _, low, high = bootstrap_interval(sums, lambda total: total[:, 0] / total[:, 1], seed=chosen.seed)
    count = len(found)
    least = max(1, count // 8)
    means = []
    for _ in range(chosen.shuffles):
        if gathered.is_sequence:
            order = (np.arange(count) + random.integers(least, max(count - least, least) + 1)) % count
        else:
            order = random.permutation(count)
        means.append(_apart(one, other[order], heads).mean())
    return float(found.mean()), float(low), float(high), float(np.mean(means))


def _variables(
    gathered: Sequence[_Gathered],
    standing: Sequence[Standing],
    layers: Sequence[Any],
    heads: Sequence[Sequence[ActionHead]],
    outputs: Sequence[str],
) -> dict[str, Any]:
    total = sum(len(each.rows) for each in gathered)
    probability = np.full((total, len(standing), len(outputs)), np.nan, np.float32)
    value = np.full((total, len(standing)), np.nan, np.float32)
    sizes: dict[str, int] = {}
    for place, own in enumerate(layers):
        for layer in own:
            if layer.role not in ("value", "policy"):
                units = gathered[0].evoked[place][layer.name].shape[1]
                sizes[layer.name] = max(sizes.get(layer.name, 0), units)
    responses = {name: np.full((total, len(standing), size), np.nan, np.float32) for name, size in sizes.items()}
    start = 0
    for each in gathered:
        rows = slice(start, start + len(each.rows))
        for place in range(len(standing)):
            where = [outputs.index(name) for name in _names(heads[place])]
            probability[rows, place][:, where] = _likely(each.logits[place], heads[place])
            for layer in layers[place]:
                found = each.evoked[place][layer.name]
                if layer.role == "value" and found.shape[1] == 1:
                    value[rows, place] = found[:, 0]
                elif layer.name in responses:
                    responses[layer.name][rows, place, : found.shape[1]] = found
        start = rows.stop
    pixels = np.concatenate([each.pixels for each in gathered])
    return {
        "picture": (("stimulus", "height", "width", "channel"), pixels),
        "probability": (("stimulus", "network", "output"), probability, {"long_name": "of actions", "units": "1"}),
        "value": (("stimulus", "network"), value, {"long_name": "value", "units": "return"}),
        **{
            f"{RESPONSES}{name}": (
                ("stimulus", "network", f"{name}_unit"),
                values,
                {"long_name": f"activity of {name}"},
            )
            for name, values in responses.items()
        },
    }


def _caption(shown: Sequence[Shown], gathered: Sequence[_Gathered], chosen: SameStimuliParameters, note: str) -> str:
    counts = "; ".join(f"{len(kept.rows)} of {each.words}" for each, kept in zip(shown, gathered, strict=True))
    sentences = [
        f"n = {counts}; memories were driven by all that came before.",
        "Distance: total variation distance of the probabilities of actions, mean over heads; bars: 95% intervals "
        f"(bootstrap over episodes or images). Chance: the same where one of the two was shown other stimuli, mean of "
        f"{chosen.shuffles} arrangements: frames moved along, images mixed.",
        note,
    ]
    return " ".join(filter(None, sentences))


ANALYSIS = Analysis(
    name="same_stimuli",
    title="The same stimuli, side by side",
    group="between_agents",
    summary="What each agent would do, expect and hold at the same moments and images, and how far actions differ.",
    run=same_stimuli,
    parameters=SameStimuliParameters,
    of="compared",
    needs=(COMPARED,),
    draw=drawings,
    explore=panels,
    rank=40,
    methods="""
        Of the stimuli that all agents were shown, {{ sizes.stimulus }} were kept, spread evenly. How differently two
        agents would act was measured by the total variation distance of the probabilities of their actions, averaged
        over heads, with {{ interval }}% intervals by the bootstrap over episodes or images, and compared with the
        distance where one of the two was shown other stimuli ({{ shuffles }} arrangements; seed {{ seed }}).
    """,
)
