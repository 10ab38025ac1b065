"""What a view consists of, where a world can be shown without its objects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class View:
    """What a row's observation consists of.

    Attributes:
        row: of the recording.
        background: (height, width, channel) uint8, the same view of the world without its objects.
        masks: (object, height, width) float32, the share of each pixel that shows the object; in the order of
            `Recording.objects`.
    """

    row: int
    background: np.ndarray
    masks: np.ndarray
