"""Parameters of the receptive fields, and what their defaults mean for one agent."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from retinoscope.agents.policy import Layer, Policy
from retinoscope.errors import UserError
from retinoscope.settings import with_settings
from retinoscope.stimuli.white_noise import WhiteNoise, noise_level

METHODS = ("gradient", "noise")
# The gradient needs few stimuli; these many are for rarely active units. The noise average needs what it can get.
MAX_STIMULI = {"gradient": 10_000, "noise": 100_000}


@dataclass(frozen=True)
class ReceptiveFieldParameters:
    """Parameters of `receptive_fields`.

    Attributes:
        method: `gradient` (mean gradient) or `noise` (noise-weighted average).
        layers: names of the layers, or one name; None means all convolutions, or the first layer if there are none,
            and the layers named in `units`.
        units: indices of the units wanted, by layer; all units of a layer that is not named here.
        noise_mean: of the white noise, pixel units; None means the agent's own mid-grey, see `stimuli.white_noise`.
        noise_sigma: its standard deviation, pixel units; None means a third of the way to the end of the pixel range.
        target_reliability: stop when every unit that answers has reached this split-half reliability.
        max_stimuli: stop after this many stimuli even so; None means 10,000 for the gradient, 100,000 for noise.
        batch_size: stimuli at a time; memory grows with it and with nothing else.
        seed: of the stimuli.
    """

    method: Literal["gradient", "noise"] = "gradient"
    layers: tuple[str, ...] | str | None = None
    units: Mapping[str, Sequence[int]] = dataclasses.field(default_factory=dict)
    noise_mean: float | None = None
    noise_sigma: float | None = None
    target_reliability: float = 0.99
    max_stimuli: int | None = None
    batch_size: int = 128
    seed: int = 0


def chosen_layers(texts: Sequence[str]) -> dict[str, Any]:
    """The settings `layers` and `units` that `("conv1", "rnn:0-3,7")` asks for; none of them for no text.

    Raises:
        UserError: a text is not a layer's name, or a name, a colon and unit numbers.
    """
    layers, units = [], {}
    for text in texts:
        name, colon, numbers = text.partition(":")
        layers.append(name)
        if colon:
            units[name] = _numbers(text, numbers)
    return {"layers": tuple(layers), "units": units} if layers else {}


def _numbers(text: str, numbers: str) -> tuple[int, ...]:
    found: list[int] = []
    for part in numbers.split(","):
        bounds = part.split("-")
        if len(bounds) > 2 or not all(bound.isdecimal() for bound in bounds):
            raise UserError(f"layer {text!r}: units are given as in fc:0-3,7; correct {part!r}")
        found += range(int(bounds[0]), int(bounds[-1]) + 1)
    return tuple(found)


def settle(
    policy: Policy,
    parameters: ReceptiveFieldParameters,
    settings: Mapping[str, Any],
    observations: NDArray[np.uint8] | None,
) -> ReceptiveFieldParameters:
    """All parameters checked, and every None replaced by what it means for this policy.

    Raises:
        UserError: a parameter is unknown or out of range, or the policy has no such layer or unit.
    """
    asked = with_settings(parameters, settings, "receptive fields")
    if asked.method not in METHODS:
        raise UserError(f"method {asked.method!r}: unknown; choose from {', '.join(METHODS)}")
    if asked.method == "noise" and observations is not None:
        raise UserError("method 'noise': needs white noise, not recorded observations; use method 'gradient' for those")
    if not 0 < asked.target_reliability <= 1:
        raise UserError(f"target reliability {asked.target_reliability}: must be above 0 and at most 1")
    most = MAX_STIMULI[asked.method] if asked.max_stimuli is None else asked.max_stimuli
    if most < 2:
        raise UserError(f"max stimuli {most}: reliability needs at least 2")
    if asked.batch_size < 1:
        raise UserError(f"batch size {asked.batch_size}: must be at least 1")
    layers = _layers(policy, asked)
    mean, sigma = noise_level(policy.grey_level)
    if asked.noise_mean is not None:
        mean, sigma = asked.noise_mean, min(asked.noise_mean, 255 - asked.noise_mean) / 3
    noise = WhiteNoise(mean, sigma if asked.noise_sigma is None else asked.noise_sigma, asked.seed)
    return dataclasses.replace(
        asked,
        layers=layers,
        units={name: _units(policy.layer(name), asked.units.get(name)) for name in layers},
        noise_mean=noise.mean,
        noise_sigma=noise.sigma,
        max_stimuli=most,
    )


def _layers(policy: Policy, asked: ReceptiveFieldParameters) -> tuple[str, ...]:
    if asked.layers is None:
        convolutions = [layer.name for layer in policy.layers if layer.kind == "convolution"]
        wanted = [*(convolutions or [policy.layers[0].name]), *asked.units]
    else:
        wanted = [asked.layers] if isinstance(asked.layers, str) else [*asked.layers]
        if stray := [name for name in asked.units if name not in wanted]:
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
