"""The first layer for many pictures at once that differ from one by separable masks, without passing each through it.

A picture that has gone `away` by a mask is x + down ⊗ across · away. Where the first layer is affine in the pixels and
each of its units sees `k` rows of pixels, it sees exactly one of every `k`-th row, and likewise of the columns. So what
it makes of all these pictures is what it makes of x, and a sum: over the k x k combs, which are every k-th row and
column of `away` and pass the layer once for all masks, each times the mask's factors at the pixel that the unit sees of
that comb. The sum over columns is shared by all masks that are alike in `across`; k terms are left for each.

Numbers differ from those of the whole way by rounding alone. A Gaussian is nowhere zero, but in columns where `across`
is below the layer's precision (1e-7 for float32, beyond 5.6 standard deviations; 2e-16 for float64) pictures are taken
as unchanged, and the layer's activity there is computed once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from retinoscope.agents.policy import Policy


@dataclass(frozen=True)
class SeparableMasks:
    """Masks, each the product of one of `down` and one of `across`, as the units of a first layer see them.

    Attributes:
        policy: whose layer it is.
        still: what it gives for a picture of zeros, (unit row, 1, unit column, channel).
        combs: (comb row * comb column, height, width, 1), one where the pixel is of that comb.
        down: (unit row, mask row, comb row) factors.
        across: (comb column, mask column, unit column * channel) factors.
        seen: of every mask column, the part of unit column * channel in which it is above the layer's precision.
    """

    policy: Policy
    still: torch.Tensor
    combs: torch.Tensor
    down: torch.Tensor
    across: torch.Tensor
    seen: tuple[slice, ...]

    def activity(self, pixels: torch.Tensor, away: torch.Tensor, at_once: int) -> Iterator[torch.Tensor]:
        """The first layer's activity for pixels + mask * away, (height, width, channel) both.

        Yields:
            (some masks, channel, unit row, unit column), at most `at_once`, until all were there, column by column.
        """
        height, _, width, channels = self.still.shape
        combed = (_map(self.policy, away * self.combs) - self.still).reshape(
            height, self.down.shape[2], len(self.across), width * channels
        )
        beside = _map(self.policy, pixels[None]).reshape(height, 1, -1)
        unchanged = self.policy.first_activation(beside[:, 0])
        rows = self.down.shape[1]
        for columns in _parts(len(self.seen), max(1, at_once // rows)):
            for down in self.down.split(at_once, dim=1):
                found = unchanged.repeat(len(self.seen[columns]), down.shape[1], 1, 1)
                for one, across, seen in zip(found, self.across[:, columns].unbind(1), self.seen[columns], strict=True):
                    of_column = combed[:, :, 0, seen] * across[0, seen]
                    for comb in range(1, len(across)):
                        of_column.addcmul_(combed[:, :, comb, seen], across[comb, seen])
                    changed = torch.baddbmm(beside[:, :, seen], down, of_column)
                    one[:, :, seen] = self.policy.first_activation(changed).transpose(0, 1)
                yield found.view(-1, height, width, channels).permute(0, 3, 1, 2)


def separable_masks(
    policy: Policy, down: NDArray[np.floating], across: NDArray[np.floating], like: torch.Tensor, most_combs: int
) -> SeparableMasks | None:
    """None unless the first layer is known to be an affine map of the pixels, and worth taking apart.

    Args:
        policy: an agent's.
        down: (mask row, height).
        across: (mask column, width).
        like: of the dtype and on the device of the pixels.
        most_combs: None if there were more of them, which pass the layer together.
    """
    shape = policy.observation_shape
    still = policy.first_preactivation(like.new_zeros(1, *shape))
    if still is None or still.ndim != 4:
        return None
    field = policy.receptive_field(policy.layers[0].name)
    if not (field.row_stride and field.column_stride) or field.height * field.width > most_combs:
        return None
    channels, rows, columns = still.shape[1:]
    of_rows = _factors(down, field.height, field.top + field.row_stride * np.arange(rows))
    of_columns = _factors(across, field.width, field.left + field.column_stride * np.arange(columns))
    across = np.repeat(of_columns, channels, axis=2)
    of_row, of_column = (
        np.arange(every)[:, None] == np.arange(size) % every
        for every, size in ((field.height, shape[0]), (field.width, shape[1]))
    )
    combs = of_row[:, None, :, None] & of_column[None, :, None, :]
    return SeparableMasks(
        policy,
        still.permute(2, 0, 3, 1),
        torch.as_tensor(combs.reshape(-1, *shape[:2], 1)).to(like),
        torch.as_tensor(of_rows.transpose(2, 0, 1)).to(still).contiguous(),
        torch.as_tensor(across.transpose(1, 0, 2)).to(still).contiguous(),
        tuple(_span(each > torch.finfo(still.dtype).eps) for each in across.max(axis=1)),
    )


def _factors(masks: NDArray[np.floating], every: int, first: NDArray[np.int64]) -> NDArray[np.floating]:
    """(mask, comb, unit): the mask at the one pixel of each comb that a unit sees, which sees `every` from `first` on.

    Where that lies outside of the picture the factor does not matter, for the comb is zero there.
    """
    places = first + (np.arange(every)[:, None] - first) % every
    return masks[:, places.clip(0, masks.shape[1] - 1)]


def _span(is_seen: NDArray[np.bool_]) -> slice:
    """From the first to the last."""
    (places,) = is_seen.nonzero()
    return slice(places[0], places[-1] + 1) if len(places) else slice(0)


def _map(policy: Policy, pictures: torch.Tensor) -> torch.Tensor:
    """(unit row, picture, unit column, channel)."""
    found = policy.first_preactivation(pictures)
    assert found is not None  # it was there when the masks were made
    return found.permute(2, 0, 3, 1)


def _parts(size: int, at_once: int) -> list[slice]:
    return [slice(start, start + at_once) for start in range(0, size, at_once)]
