"""What precedes events, what predicts them, and how sparse activity is: against slow ways and planted truth."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.statistics.before_events import BeforeEvents
from retinoscope.statistics.predictive import Prediction, follows_within
from retinoscope.statistics.sparseness import OF_A_NORMAL_DEVIATE, Sparseness, treves_rolls
from tests.oracles_events import slow_auc


def random_outcomes(random: np.random.Generator, rows: int = 150) -> np.ndarray:
    return follows_within(random.random(rows + 4) < 0.05, 5)


def test_follows_within_looks_ahead_and_stops_before_the_end() -> None:
    happened = np.array([0, 0, 1, 0, 0, 0], bool)
    assert follows_within(happened, 1).tolist() == happened.tolist()
    assert follows_within(happened, 3).tolist() == [True, True, True, False]
    assert len(follows_within(happened, 7)) == 0


def test_the_auc_is_that_of_all_pairs() -> None:
    random = np.random.default_rng(0)
    prediction, scores, outcomes = Prediction(0.0, 1.2), [], []
    for stream in range(6):
        outcome = random_outcomes(random)
        score = random.normal(size=len(outcome)) + 0.8 * outcome
        prediction.update(score, outcome, stream)
        scores.append(score)
        outcomes.append(outcome)
    found = prediction.finalize()
    expected = slow_auc(np.concatenate(scores), np.concatenate(outcomes))
    assert found.auc == pytest.approx(expected, abs=2e-3)
    assert found.low < expected < found.high
    assert found.positives == np.concatenate(outcomes).sum()
    assert found.p < 0.01 and found.auc > found.chance_high
    # The normal deviates differ by 0.8: Phi(0.8 / sqrt 2).
    assert found.auc == pytest.approx(0.714, abs=0.05)


def test_a_score_without_knowledge_is_rarely_called_predictive() -> None:
    random, alarms = np.random.default_rng(1), 0
    for _ in range(60):
        prediction = Prediction(0.0, 2.0, shuffles=100)
        for stream in range(4):
            outcome = random_outcomes(random, 100)
            score = np.convolve(random.normal(size=len(outcome) + 9), np.ones(10), mode="valid")
            prediction.update(score, outcome, stream)
        alarms += prediction.finalize(50).p <= 0.05
    assert alarms <= 9  # 3 are expected; more than 9 come by chance once in 500 times


def test_too_little_to_predict_is_said() -> None:
    prediction = Prediction(0.0, 1.0)
    prediction.update(np.zeros(5), np.zeros(5, bool), 0)
    with pytest.raises(UserError, match="at least 2 episodes"):
        prediction.finalize()
    prediction.update(np.zeros(5), np.zeros(5, bool), 1)
    with pytest.raises(UserError, match="same outcome"):
        prediction.finalize()


def test_activity_before_events_is_a_ratio_of_means_and_its_chance_is_one() -> None:
    random = np.random.default_rng(2)
    before, values, marks = BeforeEvents(), [], []
    for stream in range(8):
        mark = random_outcomes(random, 300)
        value = random.random(len(mark)) * np.where(mark, 3.0, 2.0)
        before.update(value, mark, stream)
        values.append(value)
        marks.append(mark)
    found = before.finalize()
    every, which = np.concatenate(values), np.concatenate(marks)
    assert found.ratio.estimate == pytest.approx(every[which].mean() / every[~which].mean())
    assert found.ratio.low < 1.5 < found.ratio.high
    assert found.chance_low < 1 < found.chance_high < found.ratio.low
    assert found.p < 0.01 and found.time_share == pytest.approx(which.mean())


def test_shuffled_ratios_are_those_of_turned_events() -> None:
    random = np.random.default_rng(3)
    value, mark = random.random(40), random.random(40) < 0.3
    before = BeforeEvents(shuffles=300)
    before.update(value, mark, 0)
    before.update(np.zeros(10), np.arange(10) < 3, 1)  # adds nothing, whatever the shift
    found = before.finalize()
    sums = [value[np.roll(mark, shift)].sum() for shift in range(40)]
    count, rest = mark.sum() + 3, (~mark).sum() + 7
    ratios = [(each / count) / ((value.sum() - each) / rest) for each in sums]
    assert min(ratios) - 1e-9 <= found.chance_low < found.chance_high <= max(ratios) + 1e-9
    assert found.chance_low == pytest.approx(np.quantile(ratios, 0.025), abs=0.05)
    assert found.chance_high == pytest.approx(np.quantile(ratios, 0.975), abs=0.05)


def test_before_events_needs_moments_of_both_kinds() -> None:
    before = BeforeEvents()
    before.update(np.ones(5), np.zeros(5, bool), 0)
    with pytest.raises(UserError, match="needs moments before events"):
        before.finalize()


def test_sparseness_of_known_activity() -> None:
    assert treves_rolls(np.array([1.0, 1.0, 1.0, 1.0])) == pytest.approx(0)
    assert treves_rolls(np.array([5.0, 0.0, -1.0, 0.0])) == pytest.approx(1)
    assert treves_rolls(np.array([1.0, 1.0, -3.0, 0.0])) == pytest.approx((1 - 0.25 / 0.5) / 0.75)
    assert np.isnan(treves_rolls(np.zeros(4)))
    normal = np.random.default_rng(0).normal(size=200_000)
    assert treves_rolls(normal) == pytest.approx(OF_A_NORMAL_DEVIATE, abs=0.01)


def test_sparseness_of_a_stream_is_that_of_the_whole() -> None:
    random = np.random.default_rng(4)
    episodes = [random.normal(size=(rows, 6)) for rows in (30, 50, 20, 40)]
    for episode in episodes:
        episode[:, 5] = -1.0  # never active
    one, other = Sparseness(6), Sparseness(6)
    for number in (2, 0):
        one.update(episodes[number])
    for number in (3, 1):
        other.update(episodes[number])
    one.merge(other)
    found, whole = one.finalize(), np.concatenate(episodes)
    assert found.population.estimate == pytest.approx(np.nanmean(treves_rolls(whole)))
    assert found.active.estimate == pytest.approx((whole > 0).mean())
    assert found.active.low <= found.active.estimate <= found.active.high
    np.testing.assert_allclose(found.lifetime[:5], treves_rolls(whole[:, :5], axis=0), rtol=1e-9)
    assert np.isnan(found.lifetime[5])
    with pytest.raises(UserError, match="at least 2 units"):
        Sparseness(1)


def test_the_interval_of_sparseness_is_over_episodes_however_often_a_row_is_repeated() -> None:
    random = np.random.default_rng(5)
    rows = [random.normal(size=(1, 8)) for _ in range(12)]
    short, long = Sparseness(8), Sparseness(8)
    for row in rows:
        short.update(row)
        long.update(np.repeat(row, 50, axis=0))
    alone, repeated = short.finalize(), long.finalize()
    np.testing.assert_allclose(repeated.population, alone.population)
    np.testing.assert_allclose(repeated.active, alone.active)
    expected = 2 * 1.96 * np.std([treves_rolls(row[0]) for row in rows]) / np.sqrt(12)
    assert alone.population.high - alone.population.low == pytest.approx(expected, rel=0.25)


@pytest.mark.parametrize("factor", [0.5, 1.5])
def test_a_ratio_below_chance_is_as_unlikely_as_one_above(factor: float) -> None:
    random, before = np.random.default_rng(6), BeforeEvents(shuffles=200)
    for stream in range(8):
        mark = random_outcomes(random, 300)
        before.update(random.random(len(mark)) * np.where(mark, factor, 1.0), mark, stream)
    assert before.finalize().p == pytest.approx(1 / 201)


def test_episodes_that_are_alike_are_shuffled_each_by_a_shift_of_its_own() -> None:
    """With one shift for all, chance of a hundred alike would reach as far as that of one."""
    random = np.random.default_rng(7)
    values, mark = random.random(60), np.arange(60) == 20
    scores, outcome = random.normal(size=60), np.arange(60) == 20
    widths = {}
    for episodes in (2, 100):
        before, prediction = BeforeEvents(shuffles=1000), Prediction(0.0, 1.0, shuffles=1000)
        for stream in range(episodes):
            before.update(values, mark, stream)
            prediction.update(scores, outcome, stream)
        one, other = before.finalize(), prediction.finalize(10)
        widths[episodes] = np.array([one.chance_high - one.chance_low, other.chance_high - other.chance_low])
    np.testing.assert_allclose(widths[2] / widths[100], np.sqrt(50), rtol=0.15)
