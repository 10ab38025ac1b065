"""Parameters of attribution, with every default in this one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from retinoscope.errors import UserError
from retinoscope.settings import with_settings

Method = Literal["gradient", "gradient_x_input", "guided_backprop", "integrated_gradients", "smoothgrad", "occlusion"]
METHODS: tuple[Method, ...] = (
    "gradient",
    "gradient_x_input",
    "guided_backprop",
    "integrated_gradients",
    "smoothgrad",
    "occlusion",
)
WITH_BASELINE: tuple[Method, ...] = ("gradient_x_input", "integrated_gradients", "occlusion")
"""Methods that compare the observation with one in which there is nothing to see."""


@dataclass(frozen=True)
class AttributionParameters:
    """Parameters of `attribute` and its kin; each method takes those that concern it.

    Attributes:
        steps: of integrated gradients' path from the baseline to the observation, Gauss-Legendre nodes.
        samples: noisy copies of the observation over which SmoothGrad averages.
        noise_sigma: standard deviation of that noise, pixel units; a tenth of the pixel range, as in its paper.
        window: side of the square that occlusion paints over with the baseline, pixels.
        stride: pixels between neighbouring squares.
        seed: of the noise.
        batch_size: observations that pass the network at a time; memory grows with it and with nothing else.
    """

    steps: int = 32
    samples: int = 16
    noise_sigma: float = 25.5
    window: int = 10
    stride: int = 5
    seed: int = 0
    batch_size: int = 64

    def __post_init__(self) -> None:
        for name in ("steps", "samples", "window", "stride", "batch_size"):
            if getattr(self, name) < 1:
                raise UserError(f"{name}: {getattr(self, name)} is too few; give at least 1")
        if self.stride > self.window:
            raise UserError(f"stride: {self.stride} leaves gaps between windows of {self.window} pixels; give less")
        if not 0 < self.noise_sigma < float("inf"):
            raise UserError(f"noise_sigma: {self.noise_sigma} is no noise; give more than 0 pixel units, such as 25")
        if self.seed < 0:
            raise UserError(f"seed: {self.seed} is negative; give 0 or more")


def settle(settings: Mapping[str, Any]) -> AttributionParameters:
    """The parameters with these settings.

    Raises:
        UserError: there is no parameter of that name, or its value makes no sense.
    """
    return with_settings(AttributionParameters(), settings, "attribution")


def known_method(method: str) -> Method:
    """The method of this name.

    Raises:
        UserError: there is none; the message lists those there are.
    """
    for each in METHODS:
        if each == method:
            return each
    raise UserError(f"method {method!r}: unknown; choose from {', '.join(METHODS)}")
