"""What a view is compared with where the world cannot be shown without what is in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter


def blur_sigma(height: int, width: int) -> float:
    """Standard deviation of the blur of views of this size, pixels: a sixteenth of the shorter side."""
    return min(height, width) / 16


def blurred(observations: NDArray[np.generic]) -> NDArray[np.generic]:
    """The same views without what is small in them, as Greydanus et al. 2018 compare them ("Visualizing Atari agents").

    Args:
        observations: (frame, height, width, channel).

    Returns:
        Of the same shape and dtype: a Gaussian blur with `blur_sigma`, each channel by itself.
    """
    found = np.empty_like(observations)
    sigma = blur_sigma(*observations.shape[1:3])
    for view, seen in zip(found, observations, strict=True):  # one at a time: in floats they take four times the memory
        soft = gaussian_filter(seen.astype(np.float32), (sigma, sigma, 0), mode="nearest")
        view[...] = np.rint(soft) if observations.dtype == np.uint8 else soft
    return found
