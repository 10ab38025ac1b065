"""Fields of planted units under images whose power falls with frequency, and moments against a plain regression."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.statistics.linear_fields import RIDGES, LinearFields, LinearFieldsEstimate

SIDE, COUNT, FOLDS = 10, 6000, 5


def correlated_images(count: int, seed: int, side: int = SIDE) -> np.ndarray:
    """(count, side * side) patches of noise whose amplitude falls as 1/f, cut out of larger pictures."""
    random = np.random.default_rng(seed)
    size = 3 * side
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None])
    frequency[0, 0] = np.inf
    spectrum = np.fft.fft2(random.normal(size=(count, size, size))) / frequency
    pictures = np.fft.ifft2(spectrum).real[:, :side, :side]
    return (pictures / pictures.std()).reshape(count, -1)


def gabor_fields() -> np.ndarray:
    """(unit, input): three Gabors and a difference of Gaussians."""
    rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    found = []
    for angle in (0.0, 0.9, 1.9):
        along = rows * np.sin(angle) + columns * np.cos(angle)
        found.append(np.exp(-(rows**2 + columns**2) / 8) * np.cos(2 * np.pi * along / 4 + angle))
    distance = rows**2 + columns**2
    found.append(np.exp(-distance / 3) - np.exp(-distance / 10) * 0.3)
    fields = np.stack(found).reshape(4, -1)
    return fields / np.linalg.norm(fields, axis=1, keepdims=True)


def fitted(images: np.ndarray, activity: np.ndarray, regularisation: str = "ridge") -> LinearFieldsEstimate:
    return accumulated(images, activity).finalize(regularisation)  # type: ignore[arg-type]


def accumulated(images: np.ndarray, activity: np.ndarray) -> LinearFields:
    found = LinearFields(images.shape[1], activity.shape[1], FOLDS)
    for fold, rows in enumerate(np.array_split(np.arange(len(images)), FOLDS)):
        for batch in np.array_split(rows, 3):
            found.update(images[batch], activity[batch], fold)
    return found


def cosines(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return (found * truth).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(truth, axis=1)


@pytest.mark.parametrize("regularisation", ["ridge", "components"])
@pytest.mark.parametrize("rectified", [False, True])
def test_planted_fields_are_recovered_where_the_raw_average_is_not(regularisation: str, rectified: bool) -> None:
    truth, random = gabor_fields(), np.random.default_rng(1)
    images = correlated_images(COUNT, seed=2)
    drive = images @ truth.T
    drive = drive / drive.std(axis=0)
    activity = np.maximum(drive, 0) if rectified else drive
    noisy = activity + random.normal(0, 0.2, activity.shape)
    found = fitted(images, noisy, regularisation)
    recovered, raw = cosines(found.fields, truth), cosines(found.average, truth)
    assert recovered.min() > 0.95
    assert raw.max() < 0.85
    assert (found.reliability > 0.95).all()
    # What noise leaves to be predicted, and what a rectifier leaves to a straight line.
    most = activity.std(axis=0) / noisy.std(axis=0)
    if rectified:
        most *= [np.corrcoef(each)[0, 1] for each in zip(drive.T, activity.T, strict=True)]
    np.testing.assert_allclose(found.r.mean(axis=0), most, atol=0.02)


def test_it_is_the_regression_of_the_textbook() -> None:
    random = np.random.default_rng(3)
    images, truth = random.normal(5, 2, (300, 7)) @ random.normal(size=(7, 7)), random.normal(size=(2, 7))
    activity = images @ truth.T + random.normal(size=(300, 2))
    found = fitted(images, activity)
    centred = images - images.mean(axis=0)
    for unit in range(2):
        ridge = found.strength[unit] * len(images) * centred.var(axis=0).mean()
        expected = np.linalg.solve(
            centred.T @ centred + ridge * np.eye(7), centred.T @ (activity[:, unit] - activity[:, unit].mean())
        )
        np.testing.assert_allclose(found.fields[unit], expected, rtol=1e-6)
    assert found.stimuli == 300 and set(found.strength) <= set(RIDGES)


def test_held_out_correlation_is_that_of_predictions_made_one_by_one() -> None:
    """Strengths chosen on the fold behind, fields fitted to all others, and what they predict of the one left out."""
    random = np.random.default_rng(4)
    images = correlated_images(200, seed=5, side=4)
    activity = images @ random.normal(size=(16, 2)) + random.normal(0, 3, (200, 2))
    folds = np.array_split(np.arange(200), FOLDS)
    found = fitted(images, activity)

    def ridge_fit(rows: np.ndarray, unit: int, strength: float) -> tuple[np.ndarray, float]:
        x, y = images[rows], activity[rows, unit]
        covariance = np.cov(x.T, bias=True)
        ridge = strength * np.trace(covariance) / 16 * np.eye(16)
        weights = np.linalg.solve(covariance + ridge, (x - x.mean(0)).T @ (y - y.mean()) / len(y))
        return weights, float(y.mean() - x.mean(0) @ weights)

    for fold in range(FOLDS):
        judge = (fold + 1) % FOLDS
        to_fit = np.concatenate([folds[each] for each in range(FOLDS) if each not in (fold, judge)])
        others = np.concatenate([folds[each] for each in range(FOLDS) if each != fold])
        for unit in range(2):
            errors = []
            for strength in RIDGES:
                weights, offset = ridge_fit(to_fit, unit, strength)
                predicted = images[folds[judge]] @ weights + offset
                errors.append(((predicted - activity[folds[judge], unit]) ** 2).mean())
            weights, offset = ridge_fit(others, unit, RIDGES[int(np.argmin(errors))])
            expected = np.corrcoef(images[folds[fold]] @ weights, activity[folds[fold], unit])[0, 1]
            assert found.r[fold, unit] == pytest.approx(expected, abs=1e-6)


def test_activity_of_another_time_is_not_predicted() -> None:
    images = correlated_images(COUNT, seed=6)
    activity = np.roll(images @ gabor_fields().T, 1234, axis=0)
    found = fitted(images, activity)
    assert np.abs(found.r.mean(axis=0)).max() < 0.06
    assert np.median(found.reliability) < 0.5, "halves that share nothing do not agree"


def test_what_other_fields_predict_is_measured_alike() -> None:
    images, truth = correlated_images(500, seed=7), gabor_fields()
    moments = accumulated(images, images @ truth.T)
    np.testing.assert_allclose(moments.r_of(3 * truth), 1.0)
    assert moments.r_of(-truth).max() == pytest.approx(-1.0)


def test_parts_add_up_to_the_whole() -> None:
    images = correlated_images(600, seed=8)
    activity = images @ gabor_fields().T
    whole, first, second = (LinearFields(SIDE**2, 4, 3) for _ in range(3))
    for fold, rows in enumerate(np.array_split(np.arange(600), 3)):
        whole.update(images[rows], activity[rows], fold)
        first.update(images[rows[:80]], activity[rows[:80]], fold)
        second.update(images[rows[80:]], activity[rows[80:]], fold)
    first.merge(second)
    one, other = whole.finalize(), first.finalize()
    np.testing.assert_allclose(one.fields, other.fields, atol=1e-8)
    np.testing.assert_allclose(one.r, other.r, atol=1e-8)


def test_a_silent_unit_has_no_field_and_a_constant_input_no_weight() -> None:
    images = correlated_images(300, seed=9)
    images[:, 3] = 40.0
    found = fitted(images, np.stack([np.full(300, 7.0), images[:, 0]], axis=1))
    assert not found.fields[0].any() and np.isnan(found.r[:, 0]).all() and np.isnan(found.reliability[0])
    assert found.fields[1, 3] == pytest.approx(0, abs=1e-6) and found.fields[1, 0] == pytest.approx(1, abs=0.05)


def test_what_cannot_be_fitted_is_refused() -> None:
    with pytest.raises(UserError, match="2 are too few; give at least 3"):
        LinearFields(4, 1, 2)
    empty = LinearFields(4, 1, 3)
    empty.update(np.ones((2, 4)), np.ones((2, 1)), 0)
    with pytest.raises(UserError, match="2 of 3 are empty"):
        empty.finalize()
