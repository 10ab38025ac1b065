"""What a receptive field is: centre-surround, oriented, a blob, or nothing that noise would not be as well.

Two shapes with signs (`field_models`) are fitted to one half of a field's stimuli and judged by the other, in both
directions. What they explain is compared with what they explain of the same weights shuffled, and of noise as smooth
as the field: smooth noise is fitted well by a Gabor, and eight numbers fit few pixels well. A third kind of surrogate,
with the field's own power spectrum, takes no part in the rule: stripes are in the power, whatever the phases are. What
is fitted better than it is more than a texture: it has a place.

The rule, in this order:

not structured   the better fit explains less than half of the squared weights that it has not seen, or no more than
                 of the shuffled weights
smooth           else, if it explains no more than of noise as smooth: neighbours agree, and that may be all
blob             else, if of the better fit's weights, added up, less than a fifth have the rarer sign
centre-surround  else, if the difference of Gaussians explains more
oriented         else: the Gabor explains more

"No more" is p >= 0.0005, by Student's t for one more surrogate, of the share explained relative to what the halves
share, its root transformed as Fisher does correlations. The shape says which of the last three a smooth or unstructured
field is most like.

A shape is reliable if fits to either half alone say the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from retinoscope.errors import UserError
from retinoscope.statistics.colour_and_space import Separated, explained, separate
from retinoscope.statistics.field_fits import Fits, fit
from retinoscope.statistics.field_models import DIFFERENCE_OF_GAUSSIANS, GABOR
from retinoscope.statistics.field_orientation import lindsey_ratio, orientation
from retinoscope.statistics.field_surrogates import shuffled, smooth_noise, with_random_phases

Array = NDArray[np.float64]

KINDS = ("centre-surround", "oriented", "blob", "smooth", "not structured")
LEAST_EXPLAINED = 0.5
CHANCE = 0.0005
RARER_SIGN = 0.2

_NEARLY_ALL = 0.999  # relative to what the halves share, more than this counts as this


@dataclass(frozen=True)
class HeldOut:
    """Fits of both shapes to the first half of every field and to the second, judged by the other half.

    Attributes:
        gabor, difference_of_gaussians: fits to each half.
        explained: (shape, direction, field), in the order of `gabor`, `difference_of_gaussians`: share of the squared
            weights of the half that was not fitted; below 0 where the fit is worse than nothing.
    """

    gabor: tuple[Fits, Fits]
    difference_of_gaussians: tuple[Fits, Fits]
    explained: Array

    @property
    def r2(self) -> Array:
        """(shape, field), the mean of both directions."""
        return np.asarray(self.explained.mean(axis=1))

    @property
    def best_r2(self) -> Array:
        """(field,) of the better shape."""
        return np.asarray(self.r2.max(axis=0))


@dataclass(frozen=True)
class FieldStructure:
    """What each of the fields is, (field, ...); NaN where a field is all zeros.

    Attributes:
        kind: one of `KINDS`, by the rule above.
        shape: one of the first three, by the last three lines of the rule alone.
        is_reliable: either half alone has the same shape.
        r2_gabor, r2_difference_of_gaussians, r2: held out, of the pattern in space; the last one of the better fit.
        r2_shuffled, r2_smooth_noise, r2_random_phases: (field, surrogate) of the better fit to surrogates.
        p_shuffled, p_smooth_noise, p_random_phases: that one more surrogate would be explained so well.
        half_similarity: cosine between the halves; its square is about the most that can be explained.
        separated: colour and space apart; of a grey field all of it.
        fitted: (field, height, width) the better fit to the first half.
        gabor, difference_of_gaussians: fits to the first half, with their shape parameters in pixels.
        rarer_sign: share of the absolute weights of `fitted` that have the rarer sign; 0 to 0.5.
        centre_surround: 0 to 1, twice that share of the fitted difference of Gaussians: 0 where there is no surround, 1
            where it balances the centre. It describes a fit: of a field that this does not explain, an oriented one or
            noise, it says nothing.
        polarity: of the fitted difference of Gaussians: 1 where its middle excites, -1 where it inhibits.
        size: pixels, twice the root-mean-square distance of `fitted` from its middle, squared weights counting.
        orientation_index, orientation: see `field_orientation.orientation`; the direction across the stripes, radians.
        lindsey_ratio: see `field_orientation.lindsey_ratio`; of the mean of both halves. It cannot tell a centre with
            its surround from noise.
        orientation_index_shuffled, lindsey_ratio_shuffled: of one shuffled surrogate each.
    """

    kind: NDArray[np.str_]
    shape: NDArray[np.str_]
    is_reliable: NDArray[np.bool_]
    r2_gabor: Array
    r2_difference_of_gaussians: Array
    r2: Array
    r2_shuffled: Array
    r2_smooth_noise: Array
    r2_random_phases: Array
    p_shuffled: Array
    p_smooth_noise: Array
    p_random_phases: Array
    half_similarity: Array
    separated: Separated
    fitted: Array
    gabor: Fits
    difference_of_gaussians: Fits
    rarer_sign: Array
    centre_surround: Array
    polarity: Array
    size: Array
    orientation_index: Array
    orientation: Array
    orientation_index_shuffled: Array
    lindsey_ratio: Array
    lindsey_ratio_shuffled: Array


def field_structure(
    halves: NDArray[np.floating], *, surrogates: int = 20, seed: int = 0, envelope: Array | None = None
) -> FieldStructure:
    """What every field is, by the rule of this module.

    Args:
        halves: (2, field, height, width) or (2, field, height, width, colour): two estimates of the same fields from
            independent stimuli. Weights keep their sign; magnitudes would lose what is asked for.
        surrogates: of each kind, for each field; at least 3.
        seed: of the surrogates.
        envelope: (height, width), see `with_random_phases`.

    Raises:
        UserError: there are not two halves of fields of at least 3 x 3 pixels, or fewer than 3 surrogates.
    """
    separated = separate(_checked(halves, surrogates))
    profiles = separated.profiles
    found = held_out(profiles)
    random = np.random.default_rng(seed)
    drawn = [
        [shuffled(profiles, random) for _ in range(surrogates)],
        [smooth_noise(profiles, random, envelope) for _ in range(surrogates)],
        [with_random_phases(profiles, random, envelope) for _ in range(surrogates)],
    ]
    nulls = [_r2_of_surrogates(each) for each in drawn]
    r2, is_dog = found.best_r2, found.r2.argmax(axis=0) == 1
    similarity = _similarity(profiles)
    p_values = [_p_value(r2, each, similarity) for each in nulls]
    by_half = [_shapes_of_half(found, half) for half in (0, 1)]
    dog = found.difference_of_gaussians[0]
    better = _better(found, 0, is_dog)
    shape = _shapes(_rarer_sign(better), is_dog)
    is_structured, is_more_than_smooth = (r2 >= LEAST_EXPLAINED) & (p_values[0] < CHANCE), p_values[1] < CHANCE
    index, axis = orientation(profiles)
    return FieldStructure(
        kind=np.select([~is_structured, ~is_more_than_smooth], ["not structured", "smooth"], shape),
        shape=shape,
        is_reliable=(by_half[0] == shape) & (by_half[1] == shape),
        r2_gabor=found.r2[0],
        r2_difference_of_gaussians=found.r2[1],
        r2=r2,
        r2_shuffled=nulls[0],
        r2_smooth_noise=nulls[1],
        r2_random_phases=nulls[2],
        p_shuffled=p_values[0],
        p_smooth_noise=p_values[1],
        p_random_phases=p_values[2],
        half_similarity=similarity,
        separated=separated,
        fitted=better,
        gabor=found.gabor[0],
        difference_of_gaussians=dog,
        rarer_sign=_rarer_sign(better),
        centre_surround=2 * _rarer_sign(dog.fields()),
        polarity=_polarity(dog),
        size=_size(better),
        orientation_index=index,
        orientation=axis,
        orientation_index_shuffled=orientation(drawn[0][0])[0],
        lindsey_ratio=lindsey_ratio(profiles.mean(axis=0)),
        lindsey_ratio_shuffled=lindsey_ratio(drawn[0][0].mean(axis=0)),
    )


def held_out(halves: Array) -> HeldOut:
    """Fit both shapes to either half and judge them by the other.

    Args:
        halves: (2, field, height, width).
    """
    fits = [[fit(shape, half) for half in halves] for shape in (GABOR, DIFFERENCE_OF_GAUSSIANS)]
    shares = [[explained(fits[shape][half].fields(), halves[1 - half]) for half in (0, 1)] for shape in (0, 1)]
    return HeldOut((fits[0][0], fits[0][1]), (fits[1][0], fits[1][1]), np.array(shares))


def _checked(halves: NDArray[np.floating], surrogates: int) -> Array:
    """(2, field, height, width, colour) float64."""
    if halves.ndim not in (4, 5) or halves.shape[0] != 2 or min(halves.shape[2:4]) < 3:
        raise UserError(
            f"fields of shape {halves.shape}: give two halves, (2, field, height, width) or (2, field, height, width, "
            "colour), of at least 3 x 3 pixels"
        )
    if surrogates < 3:
        raise UserError(f"surrogates {surrogates}: too few for a chance level; give at least 3")
    return np.asarray(halves if halves.ndim == 5 else halves[..., None], np.float64)


def _r2_of_surrogates(drawn: list[Array]) -> Array:
    """(field, surrogate) of the better fit to the first half, judged by the second."""
    half = np.stack(drawn)  # (surrogate, half, field, height, width)
    count, _, fields = half.shape[:3]
    first, second = (half[:, each].reshape(-1, *half.shape[3:]) for each in (0, 1))
    shares = [explained(fit(shape, first).fields(), second) for shape in (GABOR, DIFFERENCE_OF_GAUSSIANS)]
    return np.asarray(np.maximum(*shares).reshape(count, fields).T)


def _p_value(r2: Array, null: Array, similarity: Array) -> Array:
    """That one more surrogate of each field is explained as well; 1 where the halves share nothing."""
    possible = np.maximum(np.nan_to_num(similarity), 0)[:, None]
    observed, others = _transformed(r2[:, None], possible)[:, 0], _transformed(null, possible)
    count = others.shape[1]
    spread = others.std(axis=1, ddof=1) * np.sqrt(1 + 1 / count)
    distance = (observed - others.mean(axis=1)) / np.maximum(spread, 1e-9)
    return np.where(possible[:, 0] > 0, stats.t.sf(distance, count - 1), 1.0)


def _transformed(r2: Array, possible: Array) -> Array:
    """Fisher's transformation of a correlation, here the root of an explained share of what can be explained."""
    share = np.divide(r2, possible, out=np.zeros_like(r2), where=possible > 0)
    return np.asarray(np.arctanh(np.sqrt(np.clip(share, 0.0, _NEARLY_ALL))))


def _shapes_of_half(found: HeldOut, half: int) -> NDArray[np.str_]:
    """The shapes that the fits to one half say."""
    is_dog = found.explained[1, half] > found.explained[0, half]
    return _shapes(_rarer_sign(_better(found, half, is_dog)), is_dog)


def _better(found: HeldOut, half: int, is_dog: NDArray[np.bool_]) -> Array:
    return np.where(is_dog[:, None, None], found.difference_of_gaussians[half].fields(), found.gabor[half].fields())


def _shapes(rarer_sign: Array, is_dog: NDArray[np.bool_]) -> NDArray[np.str_]:
    return np.select([rarer_sign < RARER_SIGN, is_dog], ["blob", "centre-surround"], "oriented")


def _rarer_sign(fields: Array) -> Array:
    """Share of the absolute weights with the rarer sign; NaN of a field of zeros."""
    above, below = (np.maximum(each, 0).sum(axis=(1, 2)) for each in (fields, -fields))
    total = above + below
    return np.asarray(np.divide(np.minimum(above, below), total, out=np.full(len(total), np.nan), where=total > 0))


def _polarity(dog: Fits) -> Array:
    return np.asarray(np.sign(dog.amplitudes.sum(axis=1)))


def _size(fields: Array) -> Array:
    weights = np.square(fields)
    total = weights.sum(axis=(1, 2), keepdims=True)
    weights = np.divide(weights, total, out=np.full_like(weights, np.nan), where=total > 0)
    variance = np.zeros(len(fields))
    for axis, size in enumerate(fields.shape[1:], start=1):
        share, places = weights.sum(axis=3 - axis), np.arange(size)
        variance += share @ places**2 - (share @ places) ** 2
    return np.asarray(2 * np.sqrt(variance))


def _similarity(halves: Array) -> Array:
    """Cosine between the halves; NaN of a field of zeros."""
    products = (halves[0] * halves[1]).sum(axis=(1, 2))
    lengths = np.sqrt(np.prod(np.square(halves).sum(axis=(2, 3)), axis=0))
    return np.asarray(np.divide(products, lengths, out=np.full(len(products), np.nan), where=lengths > 0))
