"""Perturbation saliency: what changes when a disc of the picture is blurred.

After Greydanus et al. 2018, "Visualizing and Understanding Atari Agents". Around each point of a grid the picture is
mixed with a blurred copy of itself, by a Gaussian whose peak is one; the saliency there is half the squared change of
the target. Between the points of the grid it is interpolated. The paper's saliency of the critic is the map of `value`,
that of the policy the sum of the maps of all logits. Its lengths are for pictures of 80 x 80 pixels, and are kept here
in proportion to the shorter side.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from retinoscope.attribution.baselines import blur_sigma as sixteenth
from retinoscope.attribution.parameters import AttributionParameters
from retinoscope.attribution.separable import SeparableMasks, separable_masks

if TYPE_CHECKING:
    from retinoscope.attribution.methods import Explained

_BLUR = 3 / 80  # of the shorter side: standard deviation of the blur, in the paper 3 of 80 pixels


@dataclass(frozen=True)
class Discs:
    """Where a picture is blurred.

    Attributes:
        sigma: standard deviation of the discs, pixels.
        spacing: from one disc to the next, pixels.
        rows: (row,) of the centres, pixels.
        columns: (column,) of the centres, pixels.
        down: (row, height) the Gaussian around each row, peak 1.
        across: (column, width) the Gaussian around each column, peak 1.
    """

    sigma: float
    spacing: int
    rows: NDArray[np.float64]
    columns: NDArray[np.float64]
    down: NDArray[np.float64]
    across: NDArray[np.float64]

    def masks(self) -> NDArray[np.float64]:
        """(disc, height, width), row by row: how much of the blurred picture is seen at each pixel."""
        both = self.down[:, None, :, None] * self.across[None, :, None, :]
        return both.reshape(-1, *both.shape[2:])

    def spread(self, grid: torch.Tensor) -> torch.Tensor:
        """(..., row, column) values at the centres, to (..., height, width) by linear interpolation between them."""
        down, across = (
            torch.as_tensor(_interpolation(centres, size), dtype=grid.dtype, device=grid.device)
            for centres, size in ((self.rows, self.down.shape[1]), (self.columns, self.across.shape[1]))
        )
        return torch.einsum("hr,...rc,wc->...hw", down, grid, across)


def discs(height: int, width: int, parameters: AttributionParameters) -> Discs:
    """Those that a picture of this size is perturbed by."""
    sigma = parameters.disc_sigma or sixteenth(height, width)
    spacing = parameters.disc_spacing or max(1, round(sixteenth(height, width)))
    rows, columns = (np.arange(0, size, spacing, dtype=np.float64) for size in (height, width))
    down, across = (
        np.exp(-((np.arange(size) - centres[:, None]) ** 2) / (2 * sigma**2))
        for centres, size in ((rows, height), (columns, width))
    )
    return Discs(sigma, spacing, rows, columns, down, across)


def perturbation(
    explained: Explained, windows: torch.Tensor, states: torch.Tensor, parameters: AttributionParameters
) -> torch.Tensor:
    """Half the squared change of every target, (target, *windows.shape), the same for every channel.

    Args:
        explained: targets of a policy.
        windows: (batch, step, height, width, channel), pixel units; one step is blurred at a time.
        states: (batch, state).
        parameters: `disc_sigma`, `disc_spacing`, and `batch_size` blurred windows that pass the network together.
    """
    where = discs(windows.shape[2], windows.shape[3], parameters)
    away = torch.as_tensor(_blurred(windows.cpu().numpy())).to(windows) - windows
    with torch.inference_mode():
        behind = None
        if windows.shape[1] == 1:
            most_combs = min(parameters.batch_size, len(where.rows) * len(where.columns))
            behind = separable_masks(explained.policy, where.down, where.across, windows, most_combs)
        if behind is None:
            masks = torch.as_tensor(where.masks()).to(windows)[..., None]
            each = functools.partial(_answers, explained, masks)
        else:
            each = functools.partial(_answers_behind_first, explained, behind)
        given = zip(windows, away, states[:, None], strict=True)
        after = torch.stack([each(window, goes, state, parameters.batch_size) for window, goes, state in given])
        before = explained.answers(windows, states)[:, None, None]
        grid = ((after - before).square() / 2).movedim(-1, 0).unflatten(-1, (len(where.rows), len(where.columns)))
        found = where.spread(grid)
    return found[..., None].expand(-1, *windows.shape)


def _answers(
    explained: Explained,
    masks: torch.Tensor,
    window: torch.Tensor,
    away: torch.Tensor,
    state: torch.Tensor,
    at_once: int,
) -> torch.Tensor:
    """The targets, (step, disc, target), when one step of a window goes as far away as each mask says."""
    found = []
    for step in range(len(window)):
        for some in masks.split(at_once):
            blurred = torch.addcmul(window[step], some, away[step])[:, None]
            if len(window) > 1:
                others = window.expand(len(some), *window.shape)
                blurred = torch.cat([others[:, :step], blurred, others[:, step + 1 :]], dim=1)
            found.append(explained.answers(blurred, state.expand(len(some), -1)))
    return torch.cat(found).unflatten(0, (len(window), len(masks)))


def _answers_behind_first(
    explained: Explained,
    behind: SeparableMasks,
    window: torch.Tensor,
    away: torch.Tensor,
    state: torch.Tensor,
    at_once: int,
) -> torch.Tensor:
    """The same for a window of one step, of whose blurred versions none passes the first layer."""
    found = [
        torch.stack(explained.each_behind_first(first, state.expand(len(first), -1)), dim=1)
        # Of each its activity is held and not what enters its activation function, so that twice as many fit.
        for first in behind.activity(window[0], away[0], 2 * at_once)
    ]
    columns = len(behind.seen)
    return torch.cat(found).unflatten(0, (columns, -1)).transpose(0, 1).flatten(0, 1)[None]


def _blurred(windows: NDArray[np.floating]) -> NDArray[np.floating]:
    sigma = _BLUR * min(windows.shape[2:4])
    return gaussian_filter(windows, (0, 0, sigma, sigma, 0))


def _interpolation(centres: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """(size, centre): the share of each centre's value at each pixel; beyond the outermost that of these."""
    return np.stack([np.interp(np.arange(size), centres, one) for one in np.eye(len(centres))], axis=1)
