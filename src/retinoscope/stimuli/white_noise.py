"""White Gaussian noise as a stimulus, in numbered batches that any process can draw again."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinoscope.errors import UserError

MID_GREY = 127.5
# A darker or brighter mean would leave the noise too little room within 0 to 255.
_DARKEST, _BRIGHTEST = 48.0, 207.0


@dataclass(frozen=True)
class WhiteNoise:
    """Every pixel and colour drawn alone from N(`mean`, `sigma`^2), in pixel units (0 to 255).

    Values are not clipped: Stein's lemma, on which noise-weighted averages rest, needs the noise to be Gaussian.
    Batch k depends on the seed and k alone, so that batches drawn in several processes add up to one run.

    Attributes:
        mean: grey level around which pixels vary.
        sigma: their standard deviation.
        seed: of the random numbers, not negative.

    Raises:
        UserError: the mean is not within 0 to 255, sigma is not above zero or not finite, or the seed is negative.
    """

    mean: float = MID_GREY
    sigma: float = MID_GREY / 3
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.mean <= 255:
            raise UserError(f"noise mean {self.mean}: is not a grey level; give 0 to 255 pixel units, such as 127.5")
        if not (math.isfinite(self.sigma) and self.sigma > 0):
            raise UserError(f"noise sigma {self.sigma}: must be above 0 pixel units, such as 40")
        if self.seed < 0:
            raise UserError(f"seed {self.seed}: must not be negative")

    def draw(self, batch: int, count: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Stimuli of batch number `batch`: (count, *shape) float32, pixel units."""
        generator = np.random.default_rng([self.seed, batch])
        noise = generator.standard_normal((count, *shape), dtype=np.float32)
        noise *= np.float32(self.sigma)
        noise += np.float32(self.mean)
        return noise


def noise_level(grey_level: float) -> tuple[float, float]:
    """Mean and sigma of noise that suits an agent whose normalisation brings `grey_level` to zero.

    The mean is that grey level, at least 48 and at most 207, or mid-grey for an agent that does not normalise. Sigma is
    a third of the way to the nearer end of the pixel range, so that 99.7% of the pixels are ones a camera could give.
    """
    mean = MID_GREY if grey_level == 0 else min(max(grey_level, _DARKEST), _BRIGHTEST)
    return mean, min(mean, 255 - mean) / 3
