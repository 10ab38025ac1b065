"""Parameters of attribution, with every default in this one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import pydantic

from retinoscope.errors import UserError
from retinoscope.settings import parameters, setting, with_settings

AttributionMethod = Literal[
    "gradient",
    "gradient_x_input",
    "guided_backprop",
    "integrated_gradients",
    "smoothgrad",
    "occlusion",
    "perturbation",
]
ATTRIBUTION_METHODS: tuple[AttributionMethod, ...] = get_args(AttributionMethod)
IN_A_PAPER: dict[AttributionMethod, str] = {
    "gradient": "the gradient [@simonyan2014]",
    "gradient_x_input": "the gradient times the difference from the baseline",
    "guided_backprop": "guided backpropagation [@springenberg2015]",
    "integrated_gradients": "integrated gradients [@sundararajan2017]",
    "smoothgrad": "SmoothGrad [@smilkov2017]",
    "occlusion": "occlusion [@zeiler2014]",
    "perturbation": "blurring of discs [@greydanus2018]",
}
"""What methods are called in text for papers, with the key of the paper in `analyses/references.bib`."""

WITH_BASELINE: tuple[AttributionMethod, ...] = ("gradient_x_input", "integrated_gradients", "occlusion")
"""Methods that compare the observation with one in which there is nothing to see."""

NOT_LINEAR: tuple[AttributionMethod, ...] = ("guided_backprop", "perturbation")
"""Methods whose map of a sum of targets is not the sum of their maps."""


@parameters("attribution")
class AttributionParameters:
    """Parameters of `attribute` and its kin; each method takes those that concern it."""

    steps: int = setting(
        32, "of integrated gradients' path from the baseline to the observation, Gauss-Legendre nodes", least=1
    )
    samples: int = setting(16, "noisy copies of the observation over which SmoothGrad averages", least=1)
    noise_sigma: float = setting(
        25.5,
        "standard deviation of that noise; the default is a tenth of the pixel range, as in its paper",
        units="pixel units",
        above=0,
    )
    window: int = setting(10, "side of the squares that occlusion paints over", units="pixels", least=1)
    stride: int = setting(5, "from one square to the next, at most the side of a square", units="pixels", least=1)
    disc_sigma: float | None = setting(
        None,
        "standard deviation of the discs that perturbation saliency blurs; none for a sixteenth of the shorter side, "
        "the 5 of 80 pixels of its paper",
        units="pixels",
        above=0,
    )
    disc_spacing: int | None = setting(
        None, "from one of these discs to the next; none for a sixteenth of the shorter side", units="pixels", least=1
    )
    seed: int = setting(0, "of the noise", least=0)
    batch_size: int = setting(
        64, "observations that pass the network at a time; memory grows with it and with nothing else", least=1
    )

    @pydantic.model_validator(mode="after")
    def _squares_touch(self) -> AttributionParameters:
        if self.stride > self.window:
            raise UserError(f"stride: {self.stride} leaves gaps between windows of {self.window} pixels; give less")
        return self


def settle(settings: Mapping[str, Any]) -> AttributionParameters:
    """The parameters with these settings.

    Raises:
        UserError: there is no parameter of that name, or its value makes no sense.
    """
    return with_settings(AttributionParameters(), settings)


def known_method(method: str) -> AttributionMethod:
    """The method of this name.

    Raises:
        UserError: there is none; the message lists those there are.
    """
    for each in ATTRIBUTION_METHODS:
        if each == method:
            return each
    raise UserError(f"method {method!r}: unknown; choose from {', '.join(ATTRIBUTION_METHODS)}")
