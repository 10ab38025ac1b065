"""A field of several colours as one pattern in space times one vector of colours, as far as it is that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Separated:
    """Colour and space apart.

    Attributes:
        profiles: (half, field, height, width), what is seen through the colour vector: every half projected onto the
            colours of the first one.
        colours: (field, colour) of length one, its largest entry positive.
        share: (field,) of the squared weights that the best product of a colour vector and a pattern in space explains,
            of the mean of both halves; from one over the number of colours, or pixels, to 1.
        held_out_share: (field,) of the squared weights of the second half that the product found in the first explains
            at the first one's size; up to 1.
        opponency: (field,) 1 - |sum of the colour vector| / sum of its absolute values: 0 where all colours have one
            sign, 1 where positive and negative ones balance; NaN where there is one colour only.
    """

    profiles: Array
    colours: Array
    share: Array
    held_out_share: Array
    opponency: Array


def separate(halves: Array) -> Separated:
    """Singular value decomposition of every field as a matrix of pixels by colours.

    Args:
        halves: (2, field, height, width, colour), two independent estimates of the same fields.
    """
    _, count, height, width, colours = halves.shape
    matrices = halves.reshape(2, count, height * width, colours)
    left, values, right = np.linalg.svd(matrices[0], full_matrices=False)
    vectors = right[:, 0]
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=1)[:, None], axis=1)
    sign = np.where(largest < 0, -1.0, 1.0)
    vectors = vectors * sign
    profiles = np.einsum("hfpc,fc->hfp", matrices, vectors).reshape(2, count, height, width)
    squared = np.square(np.linalg.svd(matrices.mean(axis=0), compute_uv=False))
    product = np.einsum("fp,f,fc->fpc", left[:, :, 0], values[:, 0], right[:, 0])
    absolute = np.abs(vectors).sum(axis=1)
    opponency = 1 - np.abs(vectors.sum(axis=1)) / absolute
    return Separated(
        profiles,
        vectors,
        _share(squared[:, 0], squared.sum(axis=1)),
        explained(product, matrices[1]),
        opponency if colours > 1 else np.full(count, np.nan),
    )


def explained(predicted: Array, field: Array) -> Array:
    """Share of the squared weights (field,) that a prediction explains: 1 - squared error / squares; NaN of no weights.

    Weights are not centred: zero is a pixel that does not matter, not an average.
    """
    axes = tuple(range(1, field.ndim))
    return 1 - _share(np.square(field - predicted).sum(axis=axes), np.square(field).sum(axis=axes))


def _share(part: Array, whole: Array) -> Array:
    return np.asarray(np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0))
