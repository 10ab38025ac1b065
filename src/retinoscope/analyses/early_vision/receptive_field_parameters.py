"""Parameters of the receptive fields, and what their defaults mean for one agent."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import pydantic
from numpy.typing import NDArray

from retinoscope.agents.policy import Layer, Policy
from retinoscope.errors import UserError
from retinoscope.settings import parameters, setting
from retinoscope.stimuli.white_noise import WhiteNoise, noise_level

# The gradient needs few stimuli; these many are for rarely active units. The noise average needs what it can get.
MAX_STIMULI = {"gradient": 10_000, "noise": 100_000}

_MOST_LAYERS = 8  # that are measured unasked

_NUMBERS = re.compile(r"\d+(-\d+)?")


def _entries(given: Any) -> Any:
    """`"conv1,fc:0-3,7"` -> `("conv1", "fc:0-3,7")`: a number behind a comma continues the units before it."""
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, Iterable):
        return given
    entries: list[str] = []
    for text in map(str, texts):
        for part in (each.strip() for each in text.split(",")):
            if entries and ":" in entries[-1] and (_NUMBERS.fullmatch(part) or not part):
                entries[-1] += f",{part}"
            elif part:
                entries.append(part)
    for entry in entries:
        _units_in(entry)
    return tuple(entries)


def _units_in(entry: str) -> tuple[int, ...] | None:
    """The units in `fc:0-3,7`; None where there is a layer's name alone."""
    _, colon, numbers = entry.partition(":")
    if not colon:
        return None
    found: list[int] = []
    for part in numbers.split(","):
        if not _NUMBERS.fullmatch(part.strip()):
            raise ValueError(f"{entry!r} cannot be read; units are given as in fc:0-3,7")
        bounds = [int(bound) for bound in part.split("-")]
        found += range(bounds[0], bounds[-1] + 1)
    return tuple(found)


def _by_layer(given: Any) -> Any:
    """`"fc:0-3,7"` -> `{"fc": (0, 1, 2, 3, 7)}`; what is a mapping stays one."""
    if isinstance(given, Mapping):
        return {name: tuple(units) if isinstance(units, Iterable) else units for name, units in given.items()}
    if not isinstance(given, str):
        return given
    found = {entry.partition(":")[0]: _units_in(entry) for entry in _entries(given)}
    if None in found.values() or not found:
        raise ValueError(f"{given!r} cannot be read; units are given as in fc:0-3,7")
    return found


@parameters("receptive fields")
class ReceptiveFieldParameters:
    """Parameters of `receptive_fields`."""

    method: Literal["gradient", "noise"] = setting("gradient", "mean gradient, or noise-weighted average")
    layers: Annotated[tuple[str, ...] | None, pydantic.BeforeValidator(_entries)] = setting(
        None,
        "names of layers, with the numbers of their units where not all are wanted, as conv1,fc:0-3,7; none for the "
        "maps of the encoder (of more than eight, the first and the last of each size), or the first layer if there "
        "are none, and for the layers named in `units`",
        fewest=1,
    )
    units: Annotated[Mapping[str, tuple[int, ...]] | None, pydantic.BeforeValidator(_by_layer)] = setting(
        None, "numbers of the units wanted, by layer; none for all units of a layer"
    )
    noise_mean: float | None = setting(
        None,
        "mean of the white noise; none for the agent's own mid-grey, see `stimuli.white_noise`",
        units="pixel units",
        least=0,
        most=255,
    )
    noise_sigma: float | None = setting(
        None,
        "standard deviation of the white noise; none for a third of the way to the end of the pixel range",
        units="pixel units",
        above=0,
    )
    target_reliability: float = setting(
        0.99, "stop when every unit that answers has reached this split-half reliability", above=0, most=1
    )
    max_stimuli: int | None = setting(
        None,
        "stop after this many even so; none for 10,000 with the gradient, 100,000 with noise, or, where that takes "
        "more than 3e11 operations, for 1,000 or as many as these allow",
        units="stimuli",
        least=2,
    )
    batch_size: int = setting(
        128, "stimuli at a time; memory grows with it and with nothing else", units="stimuli", least=1
    )
    seed: int = setting(0, "seed of the stimuli", least=0)


def settle(
    policy: Policy, asked: ReceptiveFieldParameters, observations: NDArray[np.uint8] | None = None
) -> ReceptiveFieldParameters:
    """Every None replaced by what it means for this policy: `layers` names alone, `units` those of each of them.

    Raises:
        UserError: the policy has no such layer or unit, or the parameters cannot go together.
    """
    if asked.method == "noise" and observations is not None:
        raise UserError("method 'noise': needs white noise, not recorded observations; use method 'gradient' for those")
    units = _asked_units(asked)
    layers = _layers(policy, asked, units)
    mean, sigma = noise_level(policy.grey_level)
    if asked.noise_mean is not None:
        mean, sigma = asked.noise_mean, min(asked.noise_mean, 255 - asked.noise_mean) / 3
    noise = WhiteNoise(mean, sigma if asked.noise_sigma is None else asked.noise_sigma, asked.seed)
    return dataclasses.replace(
        asked,
        layers=layers,
        units={name: _units(policy.layer(name), units.get(name)) for name in layers},
        noise_mean=noise.mean,
        noise_sigma=noise.sigma,
        max_stimuli=MAX_STIMULI[asked.method] if asked.max_stimuli is None else asked.max_stimuli,
    )


def _asked_units(asked: ReceptiveFieldParameters) -> dict[str, Sequence[int]]:
    """Units by layer, from `units` and from the entries of `layers`."""
    found: dict[str, Sequence[int]] = dict(asked.units or {})
    for entry in asked.layers or ():
        name, units = entry.partition(":")[0], _units_in(entry)
        if units is not None:
            if name in found:
                raise UserError(f"units of {name!r}: are given twice; give them once")
            found[name] = units
    return found


def maps_of_encoder(policy: Policy) -> list[Layer]:
    """Its layers whose units lie in rows and columns, in the order in which they are computed."""
    return [layer for layer in policy.layers_of("encoder stage", "encoder output") if layer.is_map]


def ends_of_stages(maps: Sequence[Layer]) -> list[Layer]:
    """All of them if there are few; else the first, and of each size the last, where skip connections end if any do."""
    if len(maps) <= _MOST_LAYERS:
        return list(maps)
    # Of those of one size the last remains.
    ends = {layer.shape[1:]: layer for layer in sorted(maps, key=lambda layer: layer.kind == "sum")}
    return [layer for layer in maps if layer is maps[0] or layer is ends[layer.shape[1:]]]


def _layers(policy: Policy, asked: ReceptiveFieldParameters, units: Mapping[str, Sequence[int]]) -> tuple[str, ...]:
    if asked.layers is None:
        maps = [layer.name for layer in ends_of_stages(maps_of_encoder(policy))]
        wanted = [*(maps or [policy.layers[0].name]), *units]
    else:
        wanted = [entry.partition(":")[0] for entry in asked.layers]
        if stray := [name for name in units if name not in wanted]:
            raise UserError(f"units of {stray[0]!r}: the layer is not among those asked for, {', '.join(wanted)}")
    return tuple(dict.fromkeys(policy.layer(name).name for name in wanted))


def _units(layer: Layer, asked: Sequence[int] | None) -> tuple[int, ...]:
    count = layer.shape[0]
    if asked is None:
        return tuple(range(count))
    if not len(asked):
        raise UserError(f"units of {layer.name!r}: none given; give at least one, or leave the layer out")
    for unit in asked:
        if not 0 <= unit < count:
            raise UserError(f"unit {unit} of {layer.name!r}: unknown; it has units 0 to {count - 1}")
    return tuple(dict.fromkeys(int(unit) for unit in asked))
