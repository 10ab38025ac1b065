"""Planted transients come back with their length."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.statistics.burn_in import first_step_within, forgetting, settling


def episodes_with_transient(
    time_constant: float, height: float, episodes: int = 120, rows: int = 300, units: int = 12, seed: int = 0
) -> list[np.ndarray]:
    """Stationary autoregressive noise of variance 1, and a transient in its mean that decays from the start on."""
    random = np.random.default_rng(seed)
    signs = np.where(np.arange(units) % 2, 1.0, -1.0)
    found = []
    for _ in range(episodes):
        noise = random.normal(size=(rows, units))
        for row in range(1, rows):
            noise[row] = 0.7 * noise[row - 1] + np.sqrt(1 - 0.49) * noise[row]
        found.append(noise + height * signs * np.exp(-np.arange(rows) / time_constant)[:, None])
    return found


def test_the_first_step_within_has_to_stay_within() -> None:
    curve = np.array([3, 1, 3, 1, 1, 1, 3, 1, 1], float)
    assert first_step_within(curve, 2.0, hold=3) == 3
    assert first_step_within(curve, 2.0, hold=4) == 7  # half of them at the end
    assert first_step_within(curve, 2.0, hold=6) is None
    assert first_step_within(np.ones(4), 2.0, hold=3) == 0


@pytest.mark.parametrize("time_constant", [4.0, 9.0])
def test_forgetting_finds_when_a_planted_difference_is_gone(time_constant: float) -> None:
    random = np.random.default_rng(0)
    heights = np.exp(random.normal(0, 0.3, size=60))
    distances = heights[:, None] * np.exp(-np.arange(120) / time_constant)
    estimate = forgetting(distances, tolerance=0.05, share=0.95)
    # 0.95 of the windows are within 0.05 when the height's 95% quantile has decayed so far.
    expected = time_constant * np.log(np.quantile(heights, 0.95) / 0.05)
    assert estimate.settled and abs(estimate.steps - expected) <= 1
    assert estimate.low <= estimate.steps <= estimate.high < expected + 3 * time_constant
    assert estimate.low > time_constant * np.log(np.median(heights) / 0.05)


def test_forgetting_says_when_nothing_is_forgotten() -> None:
    estimate = forgetting(np.full((10, 40), 0.5))
    assert not estimate.settled and estimate.steps == 40
    with pytest.raises(UserError, match="at least 2 windows"):
        forgetting(np.zeros((1, 5)))


def test_settling_finds_where_a_planted_transient_sinks_into_noise() -> None:
    found = {}
    for time_constant in (6.0, 18.0):
        estimate = settling(episodes_with_transient(time_constant, height=3.0), horizon=120, replicates=100)
        # The mean of 120 episodes has a noise of 1 / sqrt(120); the transient is then this much higher.
        expected = time_constant * np.log(3.0 * np.sqrt(120))
        assert estimate.settled and 0.6 * expected < estimate.steps < 1.35 * expected
        assert estimate.threshold == pytest.approx(1 / np.sqrt(120), rel=0.5)
        found[time_constant] = estimate.steps
    assert found[18.0] / found[6.0] == pytest.approx(3, rel=0.35)


def test_settling_leaves_out_nothing_where_there_is_no_transient() -> None:
    starts = []
    for seed in range(12):
        episodes = episodes_with_transient(5.0, 0.0, 20, rows=120, seed=seed)
        starts.append(settling(episodes, horizon=30, replicates=200).steps)
    assert np.mean(np.array(starts) == 0) >= 0.8


def test_settling_says_what_it_needs() -> None:
    with pytest.raises(UserError, match="needs at least 8 episodes of 116 decisions or more, there are 7"):
        settling(episodes_with_transient(5.0, 1.0, episodes=7), horizon=100)
    assert settling([np.ones((80, 3))] * 9, horizon=20).steps == 0
    drifting = [each + np.linspace(9, 0, 300)[:, None] for each in episodes_with_transient(5.0, 0.0, 20)]
    estimate = settling(drifting, horizon=60)
    assert not estimate.settled and estimate.steps == 60
