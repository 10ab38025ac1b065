"""Receptive field accumulators: right about planted truth, right about their own error, and mergeable."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.statistics.receptive_fields import (
    MeanGradient,
    NoiseWeightedAverage,
    ReceptiveFieldEstimate,
    core_of,
)

SHAPE, UNITS, MEAN, SIGMA = (4, 3, 2), 3, 90.0, 15.0


def batches(seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Stimuli and activity of batches of unequal size."""
    generator = np.random.default_rng(seed)
    filters = generator.normal(size=(UNITS, *SHAPE))
    found = []
    for count in generator.integers(1, 30, size=13):
        stimuli = MEAN + SIGMA * generator.normal(size=(count, *SHAPE))
        activity = 5 + np.tanh(np.tensordot(stimuli - MEAN, filters, axes=([1, 2, 3], [1, 2, 3])) / 50)
        found.append((stimuli, activity))
    return found


def average_of(numbers: list[int]) -> NoiseWeightedAverage:
    accumulator, data = NoiseWeightedAverage(UNITS, SHAPE, MEAN, SIGMA), batches()
    for number in numbers:
        accumulator.update(*data[number], number)
    return accumulator


def gradient_of(numbers: list[int]) -> MeanGradient:
    accumulator, data = MeanGradient(UNITS, SHAPE), batches()
    for number in numbers:
        stimuli, activity = data[number]
        accumulator.update(np.tensordot(activity, stimuli, axes=(0, 0)), len(stimuli), number)
    return accumulator


def assert_same(one: ReceptiveFieldEstimate, other: ReceptiveFieldEstimate) -> None:
    assert one.stimuli == other.stimuli
    for name in ("fields", "reliability", "relative_error"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("accumulate", [average_of, gradient_of])
@pytest.mark.parametrize("seed", range(5))
def test_any_split_merged_in_any_order_equals_all_batches_in_one(accumulate, seed):
    generator = np.random.default_rng(seed)
    owner = generator.integers(4, size=13)
    shards = [accumulate(generator.permutation(np.flatnonzero(owner == each)).tolist()) for each in range(4)]
    first, *rest = (shards[each] for each in generator.permutation(4))
    for shard in rest:
        first.merge(shard)
    assert_same(first.finalize(), accumulate(list(range(13))).finalize())


def test_batches_of_one_half_added_as_one_batch_give_the_same():
    data, joined = batches(), NoiseWeightedAverage(UNITS, SHAPE, MEAN, SIGMA)
    for half in (0, 1):
        stimuli, activity = (np.concatenate(parts) for parts in zip(*data[half::2], strict=True))
        joined.update(stimuli, activity, half)
    assert_same(joined.finalize(), average_of(list(range(13))).finalize())


def test_the_noise_weighted_average_is_the_textbook_formula():
    stimuli, activity = (np.concatenate(parts) for parts in zip(*batches(), strict=True))
    expected = np.zeros((UNITS, *SHAPE))
    for x, f in zip(stimuli, activity, strict=True):
        for unit in range(UNITS):
            expected[unit] += (x - MEAN) * (f[unit] - activity[:, unit].mean()) / SIGMA**2 / len(stimuli)
    np.testing.assert_allclose(average_of(list(range(13))).finalize().fields, expected, rtol=1e-10, atol=1e-13)


def test_it_finds_a_linear_filter_in_units_of_activity_per_pixel():
    generator, weights = np.random.default_rng(1), np.linspace(-0.3, 0.5, 24).reshape(SHAPE)
    accumulator = NoiseWeightedAverage(1, SHAPE, MEAN, SIGMA)
    for batch in range(20):
        stimuli = MEAN + SIGMA * generator.normal(size=(2_000, *SHAPE))
        accumulator.update(stimuli, (stimuli * weights).sum(axis=(1, 2, 3))[:, None] - 700, batch)
    np.testing.assert_allclose(accumulator.finalize().fields[0], weights, atol=0.03)


def test_dividing_by_the_sum_of_the_activity_flips_signs_and_the_variance_of_the_stimulus_does_not():
    generator, weights = np.random.default_rng(2), np.linspace(-1, 1, 24).reshape(SHAPE) / 40
    stimuli = MEAN + SIGMA * generator.normal(size=(20_000, *SHAPE))
    drive = ((stimuli - MEAN) * weights).sum(axis=(1, 2, 3)) - 1
    activity = np.where(drive > 0, drive, np.expm1(np.minimum(drive, 0)))  # ELU, below zero on average
    assert activity.mean() < 0
    older = np.tensordot(activity, stimuli - MEAN, axes=1) / activity.sum()
    accumulator = NoiseWeightedAverage(1, SHAPE, MEAN, SIGMA)
    accumulator.update(stimuli, activity[:, None], 0)
    assert cosine(older, weights) < -0.9
    assert cosine(accumulator.finalize().fields[0], weights) > 0.99


@pytest.mark.parametrize("noise", [2.0, 10.0, 30.0])
def test_stated_error_and_reliability_are_those_of_repetitions(noise):
    truth = np.random.default_rng(3).normal(size=(1, 3_000))
    estimates = []
    for seed in range(2):
        generator, accumulator = np.random.default_rng(10 + seed), MeanGradient(1, (3_000,))
        for batch, count in enumerate((40, 25, 60, 75)):  # halves of 100 each
            accumulator.update(count * truth + noise * np.sqrt(count) * generator.normal(size=(1, 3_000)), count, batch)
        estimates.append(accumulator.finalize())
    one, other = estimates
    error = np.linalg.norm(one.fields - truth) / np.linalg.norm(truth)
    assert one.relative_error[0] == pytest.approx(error, rel=0.12)
    assert one.reliability[0] == pytest.approx(cosine(one.fields, other.fields), abs=0.05)


def test_the_stated_error_allows_for_halves_of_unequal_size():
    generator, truth, accumulator = np.random.default_rng(4), np.ones((1, 5_000)), MeanGradient(1, (5_000,))
    for batch, count in enumerate((10, 190)):
        accumulator.update(count * truth + 5 * np.sqrt(count) * generator.normal(size=(1, 5_000)), count, batch)
    assert accumulator.finalize().relative_error[0] == pytest.approx(5 / np.sqrt(200), rel=0.1)


def test_halves_that_do_not_agree_have_no_reliability_and_endless_error():
    accumulator = MeanGradient(1, (2,))
    accumulator.update(np.array([[1.0, 0.5]]), 1, 0)
    accumulator.update(np.array([[-1.0, 0.5]]), 1, 1)
    estimate = accumulator.finalize()
    assert estimate.reliability[0] == 0
    assert np.isposinf(estimate.relative_error[0])


def test_a_unit_that_never_answers_has_no_reliability_and_a_field_of_zeros():
    stimuli = np.random.default_rng(5).normal(MEAN, SIGMA, (50, *SHAPE))
    activity = np.stack([np.full(50, 0.1), stimuli[:, 0, 0, 0]], axis=1)
    average, gradient = NoiseWeightedAverage(2, SHAPE, MEAN, SIGMA), MeanGradient(2, (2,))
    for batch in (0, 1):
        average.update(stimuli[batch::2], activity[batch::2], batch)
        gradient.update(np.array([[0.0, 0.0], [1.0, 0.0]]), 5, batch)
    for estimate in (average.finalize(), gradient.finalize()):
        assert np.isnan(estimate.reliability).tolist() == [True, False]
        assert np.isnan(estimate.relative_error).tolist() == [True, False]
        assert not estimate.fields[0].any()


def test_one_half_alone_has_a_field_but_no_reliability():
    estimate = average_of([0, 2]).finalize()
    assert estimate.fields.any()
    assert np.isnan(estimate.reliability).all()


def test_nothing_shown_or_no_spread_is_refused():
    with pytest.raises(UserError, match="no stimulus"):
        MeanGradient(1, (2,)).finalize()
    with pytest.raises(UserError, match="no stimulus"):
        average_of([]).finalize()
    with pytest.raises(UserError, match="above 0"):
        NoiseWeightedAverage(1, SHAPE, MEAN, 0.0)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float((one * other).sum() / np.linalg.norm(one) / np.linalg.norm(other))


def test_the_core_of_fields_is_where_reliable_units_weigh_something():
    generator = np.random.default_rng(0)
    fields = 1e-4 * generator.normal(size=(5, 60, 40, 3))
    fields[:4, 20:33, 8:15] += generator.normal(size=(4, 13, 7, 3))
    fields[4] = generator.normal(size=fields[4].shape)  # noise that lies everywhere, as of a unit that hardly answers
    estimate = ReceptiveFieldEstimate(fields, np.array([0.99, 0.98, 0.99, 0.99, 0.1]), np.zeros(5), 10)
    rows, columns = core_of(estimate)
    assert (rows, columns) == (slice(20, 33), slice(8, 15))
    inside = np.square(fields[:, rows, columns]).sum(axis=(1, 2, 3)) / np.square(fields).sum(axis=(1, 2, 3))
    assert inside[:4].min() >= 0.99 and inside[4] < 0.2


def test_where_no_unit_answers_the_core_is_everything():
    silent = ReceptiveFieldEstimate(np.zeros((2, 6, 4, 3)), np.full(2, np.nan), np.full(2, np.nan), 10)
    assert core_of(silent) == (slice(0, 6), slice(0, 4))
