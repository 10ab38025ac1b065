"""Quantiles of magnitudes from a stream, against all values at once."""

from __future__ import annotations

import numpy as np
import pytest

from retinoscope.errors import UserError
from retinoscope.statistics.activation_movies import MagnitudeHistogram


def test_quantiles_are_those_of_all_values_after_any_split_and_merge():
    random = np.random.default_rng(0)
    scales = np.array([1e-6, 0.3, 1.0, 5e4])
    activity = (random.standard_t(3, size=(200, 4, 5, 6)) * scales[:, None, None]).astype(np.float32)
    one, other = MagnitudeHistogram(4), MagnitudeHistogram(4)
    for start in (150, 0, 60):
        one.update(activity[start : start + 50 if start != 0 else 60])
    other.update(activity[110:150])
    other.update(activity[200:])
    one.merge(other)
    flat = np.abs(np.moveaxis(activity, 1, 0).reshape(4, -1)).astype(np.float64)
    for share in (0.5, 0.99, 0.999):
        expected = np.quantile(flat, share, axis=1, method="inverted_cdf")
        found = one.quantile(share)
        assert (found >= expected * (1 - 1e-6)).all() and (found <= expected * 1.008).all()
    np.testing.assert_allclose(one.quantile(1.0), flat.max(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(one.lowest, np.moveaxis(activity, 1, 0).reshape(4, -1).min(axis=1))


def test_a_silent_channel_has_scale_zero_and_nothing_has_none():
    histogram = MagnitudeHistogram(2)
    with pytest.raises(UserError, match="nothing was measured"):
        histogram.quantile(0.9)
    histogram.update(np.stack([np.zeros((3, 4)), -np.ones((3, 4))], axis=1))
    assert histogram.quantile(0.999).tolist() == [0.0, 1.0]
