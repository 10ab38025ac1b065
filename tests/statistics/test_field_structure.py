"""Structure of fields: planted shapes are recognised under noise, and fields of noise are not taken for anything."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.statistics.colour_and_space import separate
from retinoscope.statistics.field_fits import fit
from retinoscope.statistics.field_models import DIFFERENCE_OF_GAUSSIANS, GABOR, pixels
from retinoscope.statistics.field_orientation import lindsey_ratio, orientation
from retinoscope.statistics.field_structure import field_structure
from retinoscope.statistics.field_surrogates import shuffled, smooth_noise, with_random_phases
from tests.planted_fields import OPPONENT, noisy, planted

EXPECTED = {
    "gabor": "oriented",
    "opponent gabor": "oriented",
    "dog": "centre-surround",
    "opponent dog": "centre-surround",
    "blob": "blob",
    "white": "not structured",
    "smooth": "not structured",
}


def test_planted_fields_are_recognised_as_what_they_are_in_200_of_200_noisy_cases():
    """Noise of half of the field's root-mean-square on either half; seven kinds."""
    cases = 0
    for number, (kind, expected) in enumerate(EXPECTED.items()):
        random = np.random.default_rng(number)
        count = 32 if kind == "smooth" else 28
        found = field_structure(noisy(planted(kind, count, random), random), seed=number)
        chance = {"smooth", "not structured"} if kind == "smooth" else {expected}
        assert set(found.kind) <= chance, kind
        assert expected == "not structured" or found.is_reliable.mean() > 0.9
        if kind.startswith("opponent"):
            assert (found.separated.opponency > 0.7).all() and (found.separated.share > 0.5).all()
            assert (np.abs(found.separated.colours @ OPPONENT) > 0.97).all()
        cases += count
    assert cases == 200


@pytest.mark.parametrize(
    ("shape", "values"),
    [(GABOR, [4.3, 5.1, 0.7, 0.15, 2.0, 1.6]), (DIFFERENCE_OF_GAUSSIANS, [4.3, 5.1, 0.7, 1.5, 1.4, 2.0])],
    ids=["gabor", "difference of gaussians"],
)
def test_slopes_are_those_of_small_differences(shape, values):
    (x, y), amplitudes = pixels(9, 11), np.array([[1.0, -0.6]])

    def weighted(shapes):
        return np.einsum("fa,fap->fp", amplitudes, shape.parts(shapes, x, y))

    at = np.array([values])
    steps = 1e-6 * np.eye(6)[:, None]
    expected = np.stack([(weighted(at + step) - weighted(at - step)) / 2e-6 for step in steps], axis=1)
    np.testing.assert_allclose(shape.slopes(at, amplitudes, x, y), expected, atol=1e-8)


def test_fits_find_the_numbers_that_were_planted():
    y, x = np.mgrid[:15, :17].astype(float)
    across, along = (x - 8.2) * np.cos(2.0) + (y - 6.4) * np.sin(2.0), (y - 6.4) * np.cos(2.0) - (x - 8.2) * np.sin(2.0)
    envelope = np.exp(-0.5 * ((across / 1.8) ** 2 + (along / 2.6) ** 2))
    found = fit(GABOR, (3e-4 * envelope * np.cos(2 * np.pi * 0.19 * across + 0.4))[None]).by_name()
    expected = {"x": 8.2, "y": 6.4, "angle": 2.0, "frequency": 0.19, "sigma_across": 1.8, "sigma_along": 2.6}
    assert {name: float(each[0]) for name, each in found.items()} == pytest.approx(expected, rel=0.01)
    squared = (x - 8.2) ** 2 + (y - 6.4) ** 2
    field = -5e-3 * (np.exp(-squared / (2 * 1.4**2)) - 0.2 * np.exp(-squared / (2 * 2.8**2)))
    found = fit(DIFFERENCE_OF_GAUSSIANS, field[None])
    shape = {name: float(each[0]) for name, each in found.by_name().items()}
    assert (shape["x"], shape["y"], shape["sigma"]) == pytest.approx((8.2, 6.4, 1.4), rel=0.02)
    assert (shape["surround_ratio"], shape["aspect"]) == pytest.approx((2.0, 1.0), rel=0.05)
    np.testing.assert_allclose(found.fields()[0], field, atol=2e-5)


def test_fits_stay_inside_of_the_patch_and_below_nyquist():
    random = np.random.default_rng(0)
    found = fit(GABOR, random.normal(size=(40, 6, 9))).by_name()
    assert (found["x"] >= 0).all() and (found["x"] <= 8).all() and (found["y"] >= 0).all() and (found["y"] <= 5).all()
    assert (found["frequency"] <= 0.5).all() and (found["sigma_along"] <= 3).all()


def test_a_unit_that_never_answered_has_no_structure():
    halves = noisy(planted("gabor", 2, np.random.default_rng(0)), np.random.default_rng(1))
    halves[:, 1] = 0
    found = field_structure(halves, surrogates=3)
    assert found.kind[1] == "not structured" and np.isnan(found.r2[1]) and np.isfinite(found.r2[0])
    assert np.isnan(found.size[1]) and np.isnan(found.orientation_index[1]) and np.isnan(found.lindsey_ratio[1])


def test_halves_that_share_nothing_have_no_structure():
    found = field_structure(np.random.default_rng(0).normal(size=(2, 6, 9, 9)), surrogates=5)
    assert (found.r2 < 0.1).all() and (found.kind == "not structured").all()


@pytest.mark.parametrize(
    ("shape", "surrogates", "says"),
    [((3, 4, 9, 9), 20, "two halves"), ((2, 4, 2, 9), 20, "3 x 3"), ((2, 4, 9, 9), 2, "too few")],
)
def test_what_cannot_be_judged_is_refused(shape, surrogates, says):
    with pytest.raises(UserError, match=says):
        field_structure(np.zeros(shape), surrogates=surrogates)


def test_colour_and_space_come_apart():
    random = np.random.default_rng(0)
    space, colour = random.normal(size=(2, 7, 9)), np.array([[0.6, 0.0, 0.8], [0.8, -0.6, 0.0]])
    fields = space[..., None] * colour[:, None, None] * [[[[2.0]]], [[[-3.0]]]]
    found = separate(np.stack([fields, fields]))
    np.testing.assert_allclose(found.colours, colour, atol=1e-12)
    np.testing.assert_allclose(found.profiles[1], space * [[[2.0]], [[-3.0]]], atol=1e-12)
    np.testing.assert_allclose(found.share, 1)
    np.testing.assert_allclose(found.held_out_share, 1)
    np.testing.assert_allclose(found.opponency, [0, 1 - 0.2 / 1.4])
    # Of two orthogonal products with lengths 3 and 2 the first explains 9 of 13.
    both = 3 * np.eye(2, 4)[None].reshape(1, 2, 4) * [[[1.0], [2 / 3]]]
    assert float(separate(np.stack([both[:, None], both[:, None]])).share[0]) == pytest.approx(9 / 13)
    assert np.isnan(separate(np.ones((2, 1, 3, 3, 1))).opponency[0])


def test_the_published_ratio_is_that_of_one_bar_at_a_time():
    """The definition of the notebook, bar by bar, on a field of 9 x 9."""
    field = planted("gabor", 1, np.random.default_rng(5), side=9)[0, :, :, 0]
    x, y = np.meshgrid(np.arange(9), np.arange(9))
    widths = 2 * np.round(np.logspace(1, np.log2(9 / 4), 30, base=2))
    scores = np.zeros((50, 30, 30))
    middled = field - field.mean()
    for a, w, p in np.ndindex(*scores.shape):
        angle = 2 * np.pi * a / 50
        n = np.cos(angle) * (x - p) + np.sin(angle) * (y - p)
        bar = ((n >= 0) & (n <= widths[w])).astype(float)
        scores[a, w, p] = abs((bar * middled).mean())  # whose mean is zero, so that the bar's does not matter
    folded = np.maximum(scores[:25], scores[25:])
    padded = np.pad(np.pad(folded, ((2, 2), (0, 0), (0, 0)), "wrap"), ((0, 0), (2, 2), (2, 2)), "symmetric")
    smooth = np.zeros_like(folded)
    for i, j, k in np.ndindex(5, 5, 5):
        smooth += padded[i : i + 25, j : j + 30, k : k + 30]
    best, width, _ = np.unravel_index(smooth.argmax(), smooth.shape)
    by_angle = smooth[:, width].max(axis=1)
    expected = by_angle[best] / by_angle[(best + 13) % 25]
    assert float(lindsey_ratio(field[None])[0]) == pytest.approx(expected, rel=1e-9)


def test_the_published_ratio_of_white_noise_is_two():
    """1.99 ± 0.12 is said of 32 x 32 pixels, mean and 95% interval of 100."""
    found = lindsey_ratio(np.random.default_rng(0).normal(size=(40, 32, 32)))
    assert 1.8 < found.mean() < 2.2


def test_the_orientation_index_tells_stripes_from_everything_else():
    random = np.random.default_rng(0)
    y, x = np.mgrid[:21, :21]
    stripes = np.cos(0.9 * (x * np.cos(0.5) + y * np.sin(0.5)))
    chequered = np.cos(0.9 * x) * np.cos(0.9 * y)
    round_ = np.exp(-((x - 10) ** 2 + (y - 10) ** 2) / 18)
    fields = np.stack([stripes, -stripes, chequered, round_, random.normal(size=(21, 21))])
    index, axis = orientation(np.stack([fields, fields]))
    assert (index[:2] > 0.97).all() and (index[2:] < 0.12).all()
    np.testing.assert_allclose(axis[:2], 0.5, atol=0.02)
    # Noise that the halves do not share takes nothing away.
    halves = noisy(np.repeat(stripes[None], 50, axis=0), random, 1.0)
    assert orientation(halves)[0].mean() > 0.85


def test_shuffled_surrogates_keep_the_weights_and_their_pairs():
    random = np.random.default_rng(0)
    halves = random.normal(size=(2, 3, 5, 7))
    found = shuffled(halves, random)
    pairs = [np.sort(each.reshape(2, 3, -1)[0] + 1j * each.reshape(2, 3, -1)[1], axis=1) for each in (halves, found)]
    np.testing.assert_array_equal(*pairs)
    assert not (found == halves).all()


def test_random_phases_keep_what_is_shared_and_how_smooth_it_is():
    random = np.random.default_rng(0)
    halves = noisy(planted("smooth", 60, random, side=15)[..., 0], random)
    found = with_random_phases(halves, random)
    shared = [(each[0] * each[1]).sum(axis=(1, 2)).mean() for each in (halves, found)]
    assert shared[1] == pytest.approx(shared[0], rel=0.1)
    for axis in (2, 3):
        near = [
            np.mean(each[0] * np.roll(each[1], 1, axis - 1)) / np.mean(each[0] * each[1]) for each in (halves, found)
        ]
        assert near[1] == pytest.approx(near[0], abs=0.13)
    x = np.mgrid[:15, :15][1]
    stripes = np.repeat(np.cos(1.6 * x)[None], 40, axis=0)
    stripes = np.stack([stripes, stripes])
    assert np.median(orientation(with_random_phases(stripes, random))[0]) > 0.7
    assert np.median(orientation(smooth_noise(stripes, random))[0]) < 0.3
    envelope = np.hypot(*(np.mgrid[:15, :15] - 7)) < 5
    inside = with_random_phases(np.repeat(halves[:1], 2, axis=0) * envelope, random, envelope.astype(float))
    assert np.square(inside[..., ~envelope]).sum() < 0.03 * np.square(inside).sum()
