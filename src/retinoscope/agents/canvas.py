"""The smallest picture in which a unit of a map can be shown its field, so that not a whole one has to be computed."""

from __future__ import annotations

from typing import NamedTuple

import torch

from retinoscope.agents.policy import Policy, inference

_TOLERANCE = 1e-5


class Canvas(NamedTuple):
    """A picture that ends where a field does, and begins a little before it.

    Attributes:
        top, left: rows and columns of pixels before the field.
        row, column: of the unit in the map that this picture gives.
    """

    top: int
    left: int
    row: int
    column: int

    def answers(self, policy: Policy, layer: str, stimuli: torch.Tensor) -> torch.Tensor:
        """What the unit of each channel answers to stimuli (count, height, width, channel) in its field."""
        pictures = torch.nn.functional.pad(stimuli, (0, 0, self.left, 0, self.top, 0))
        return policy.encode(pictures, until=layer)[:, :, self.row, self.column]


def smallest(policy: Policy, layer: str) -> Canvas | None:
    """The canvas of the middle unit of a map, with as little before its field as strides allow.

    That the network takes pictures of this size, and that the unit answers to them as to whole ones, is tried.

    Returns:
        The canvas; None where only whole pictures will do.
    """
    field, (row, column) = policy.receptive_field(layer), policy.middle_unit(layer)
    if not field.row_stride or not field.column_stride:
        return None
    top, left = field.starts(row, column)
    rows, columns = min(top // field.row_stride, row), min(left // field.column_stride, column)
    canvas = Canvas(top - rows * field.row_stride, left - columns * field.column_stride, row - rows, column - columns)
    generator = torch.Generator().manual_seed(0)
    stimuli = (255 * torch.rand((2, *policy.stimulus_shape(layer)), generator=generator)).to(policy.device)
    with inference():
        expected = policy.answers_in_whole_pictures(stimuli, layer)
        try:
            found = canvas.answers(policy, layer, stimuli)
        except Exception:
            return None  # preprocessing, for one, may cut what is not there
        is_same = found.shape == expected.shape and torch.allclose(found, expected, rtol=_TOLERANCE, atol=_TOLERANCE)
    return canvas if is_same else None
