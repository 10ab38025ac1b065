"""Two indices of how oriented a field is: the published one, and one that knows signs and noise.

What each can tell is in the docstrings. Neither says whether a field has any structure: that is asked of the fits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

Array = NDArray[np.float64]

_ANGLES, _WIDTHS, _PLACES = 50, 30, 30
_AT_A_TIME = 64  # fields, which bounds the memory
_SMOOTHED = 5  # neighbours that the published score is summed over, along each of its three axes
_ACROSS = 13  # steps of 7.2 degrees from the best angle to that with which it is compared, 93.6 degrees


def lindsey_ratio(fields: Array) -> Array:
    """The ratio of orientedness of Lindsey et al. 2019 (ICLR, arXiv:1901.00945), from their published notebook.

    Bars of 50 angles, 30 widths and 30 places are laid over the field; a score is the absolute covariance, the larger
    of that of a bar and of its opposite, averaged over five neighbours in angle, width and place. Of the width with the
    best score, the best angle's score is divided by that of the angle 93.6 degrees from it, each at its best place.

    White noise of 32 x 32 pixels gives 2.0, as much as the fields that the paper calls centre-surround (1.9): the ratio
    cannot tell such fields from noise. An absolute score also takes an edge for a bar.

    Args:
        fields: (field, height, width), of which the larger side stands for the side of their square fields.

    Returns:
        (field,) ratios, at least 1; NaN of a field without any differences.
    """
    return np.concatenate([_ratios(fields[start : start + _AT_A_TIME]) for start in range(0, len(fields), _AT_A_TIME)])


def _ratios(fields: Array) -> Array:
    count, height, width = fields.shape
    deviations = (fields - fields.mean(axis=(1, 2), keepdims=True)).reshape(count, -1)
    side = max(height, width)
    y, x = np.mgrid[:height, :width].reshape(2, 1, -1)
    widths, width_of = np.unique(2 * np.round(2 ** np.linspace(1, np.log2(side / 4), _WIDTHS)), return_inverse=True)
    places = np.arange(max(_PLACES, side - 2))[:, None]
    scores = np.empty((count, _ANGLES, len(widths), len(places)))
    for number in range(_ANGLES):
        angle = 2 * np.pi * number / _ANGLES
        beyond = np.cos(angle) * (x - places) + np.sin(angle) * (y - places)
        bars = (beyond >= 0) & (beyond <= widths[:, None, None])
        covariance = deviations @ bars.reshape(-1, deviations.shape[1]).T / deviations.shape[1]
        scores[:, number] = np.abs(covariance).reshape(count, len(widths), -1)
    half = scores.reshape(count, 2, _ANGLES // 2, *scores.shape[2:]).max(axis=1)[:, :, width_of.reshape(-1)]
    ratios = np.full(count, np.nan)
    for number, each in enumerate(half):
        if not each.max() > 0:
            continue
        # Angles go round in a circle; widths and places end where they end.
        smooth = uniform_filter(each, _SMOOTHED, mode=("wrap", "reflect", "reflect"))
        best, best_width, _ = np.unravel_index(smooth.argmax(), smooth.shape)
        by_angle = smooth[:, best_width].max(axis=1)
        ratios[number] = by_angle[best] / by_angle[(best + _ACROSS) % len(by_angle)]
    return ratios


def orientation(halves: Array) -> tuple[Array, Array]:
    """How much of a field's slope lies along one axis, and which: coherence of the structure tensor of gradients.

    Gradients of the signed field, taken between pixels, are multiplied between its two halves (Bigün and Granlund 1987,
    ICCV; noise of one half has no part in it): of their mean tensor with eigenvalues a and b the index is
    (a - b) / (a + b). It is 1 where a field changes in one direction alone, a grating or an edge, and 0 where it
    changes in all alike: a blob, a centre with its surround, a chequerboard. It tells oriented fields from these and
    from white noise, which gives little (one over the root of the number of pixels, about); it does not tell these from
    each other, and gives a few patches of smooth noise what they happen to have.

    Args:
        halves: (2, field, height, width), two independent estimates of the same fields.

    Returns:
        index: (field,) 0 to 1; NaN where the halves share nothing, or a side is a single pixel.
        axis: (field,) the direction across the stripes, radians from x towards y, 0 to pi.
    """
    _, count, height, width = halves.shape
    if min(height, width) < 2:
        return np.full(count, np.nan), np.full(count, np.nan)
    right = halves[..., :, 1:] - halves[..., :, :-1]
    down = halves[..., 1:, :] - halves[..., :-1, :]
    right, down = (right[..., 1:, :] + right[..., :-1, :]) / 2, (down[..., :, 1:] + down[..., :, :-1]) / 2
    xx, yy = ((each[0] * each[1]).sum(axis=(1, 2)) for each in (right, down))
    xy = (right[0] * down[1] + right[1] * down[0]).sum(axis=(1, 2)) / 2
    total, length = xx + yy, np.hypot(xx - yy, 2 * xy)
    is_known = total > 0
    index = np.divide(length, total, out=np.full(count, np.nan), where=is_known)
    axis = np.where(is_known, np.mod(0.5 * np.arctan2(2 * xy, xx - yy), np.pi), np.nan)
    return np.minimum(index, 1.0), axis
